//! Scenario files: what they mean, what they default to, and how flags change them.

use std::path::Path;

use tailcast::config::{Bound, Flag, Layers, Scenario, Workload};
use tailcast::policy::{CapacityScheduler, ContinuousSettings, PolicySettings, Reserve, Response, SchedulePolicy};
use tailcast::step_time::{Affine, StepTimeChoice};
use tailcast::units::Span;
use tailcast::workload::trace::{FormatName, Replay, TimeUnit, TraceHints};
use tailcast::workload::{Arrivals, LengthDistribution, Lengths, PoolOrder, PromptPool, Session, SharedPrefix, Think};

use crate::command::Workplace;

pub const LEAST: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 8192
[workload]
requests = 10
arrivals = { process = "poisson", rate = 1.0 }
prompt = { dist = "fixed", value = 100 }
output = { dist = "fixed", value = 10 }
"#;

pub fn load(text: &str, assignments: &[&str]) -> Scenario {
    let place = Workplace::new();
    place.write("scenario.toml", text);
    try_load(&place.path("scenario.toml"), assignments).unwrap_or_else(|problem| panic!("{problem}"))
}

fn try_load(path: &Path, assignments: &[&str]) -> Result<Scenario, String> {
    let flags = assignments.iter().map(|assignment| Flag::new("--set", *assignment));
    let layers = Layers {
        file: Some(path.to_path_buf()),
        flags: flags.collect(),
        ..Layers::default()
    };
    Scenario::load(&layers).map_err(|problem| format!("{problem:?}"))
}

pub fn continuous(scenario: &Scenario) -> &tailcast::policy::ContinuousSettings {
    match &scenario.deployment.server.policy {
        PolicySettings::Continuous(settings) => settings,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_left_out_is_as_in_vllm() {
    let scenario = load(LEAST, &[]);
    let settings = continuous(&scenario);
    assert_eq!(scenario.seed, 42);
    assert_eq!(scenario.deployment.tensor_parallel, 1);
    assert_eq!(scenario.deployment.server.block_tokens, 16);
    assert!(scenario.deployment.prefix_caching);
    assert_eq!(settings.max_num_seqs, 1024, "an H100");
    assert_eq!(settings.max_num_batched_tokens, 8192, "an H100");
    assert!(settings.chunked_prefill && settings.full_sequence_gate);
    assert_eq!(settings.long_prefill_token_threshold, 0);
    let requested = scenario.deployment.memory.requested_bytes as f64 / scenario.deployment.memory.total_bytes as f64;
    assert!((requested - 0.92).abs() < 1e-6, "{requested}");
    let full_length = load(&LEAST.replace("max_model_len = 8192", ""), &[]);
    assert_eq!(full_length.deployment.server.max_model_len, 131_072, "the model's own");
}

#[test]
fn defaults_depend_on_the_gpu_as_in_vllm() {
    for (gpu, tokens, requests) in [
        ("h100-sxm", 8192, 1024),
        ("h200", 8192, 1024),
        ("b200", 16384, 1024),
        ("mi300x", 16384, 1024),
        ("a100-80-sxm", 2048, 256),
        ("l40s", 2048, 256),
    ] {
        let scenario = load(LEAST, &[&format!("server.gpu={gpu}")]);
        let settings = continuous(&scenario);
        assert_eq!(
            (settings.max_num_batched_tokens, settings.max_num_seqs),
            (tokens, requests),
            "{gpu}"
        );
    }
}

#[test]
fn a_gpu_is_no_a100_by_its_name_alone() {
    let place = Workplace::new();
    let catalogue = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/gpus");
    for (copied, name, tokens, requests) in [
        ("h100-sxm.toml", "my-a1000.toml", 8192, 1024),
        ("a100-80-sxm.toml", "mine.toml", 2048, 256),
    ] {
        std::fs::copy(catalogue.join(copied), place.path(name)).unwrap();
        place.write("scenario.toml", LEAST.replace("h100-sxm", name));
        let scenario = try_load(&place.path("scenario.toml"), &[]).unwrap();
        let settings = continuous(&scenario);
        let defaults = (settings.max_num_batched_tokens, settings.max_num_seqs);
        assert_eq!(defaults, (tokens, requests), "{copied}");
    }
}

#[test]
fn a_default_gives_way_to_what_was_written_as_in_vllm() {
    let of = |assignments: &[&str]| {
        let scenario = load(LEAST, assignments);
        let settings = continuous(&scenario);
        (settings.max_num_batched_tokens, settings.max_num_seqs)
    };
    assert_eq!(of(&["batching.max_num_batched_tokens=512"]), (512, 512));
    assert_eq!(of(&["batching.max_num_seqs=64"]), (8192, 64));
    assert_eq!(
        of(&[
            "server.max_model_len=64",
            "batching.max_num_seqs=4",
            "workload.prompt.value=9"
        ]),
        (256, 4)
    );
    assert_eq!(of(&["server.gpu=l40s", "batching.chunked_prefill=false"]), (8192, 256));
}

#[test]
fn vllm_spellings_mean_the_same() {
    let ours = load(
        LEAST,
        &[
            "server.tensor_parallel=2",
            "batching.prefix_caching=false",
            "model.kv_cache=fp8",
            "batching.chunked_prefill=true",
        ],
    );
    let theirs = load(
        LEAST,
        &[
            "server.tensor-parallel-size=2",
            "batching.enable_prefix_caching=false",
            "model.kv_cache_dtype=fp8_e4m3",
            "batching.enable-chunked-prefill=true",
        ],
    );
    assert_eq!(ours.hash(), theirs.hash());
    assert_eq!(theirs.deployment.tensor_parallel, 2);
    assert!(!theirs.deployment.prefix_caching);
}

#[test]
fn the_hash_names_the_content_not_the_form() {
    let plain = load(LEAST, &[]);
    let written_out = LEAST.replace("requests = 10", "# so many\nrequests   = 1e1")
        + "[batching]\npolicy = \"continuous\"\nmax_num_seqs = 1_024\n";
    assert_eq!(
        plain.hash(),
        load(&written_out, &[]).hash(),
        "whitespace, comments and defaults do not matter"
    );
    assert_eq!(
        plain.hash(),
        load(LEAST, &["seed=7", "name=other"]).hash(),
        "nor do name and seed"
    );
    let defaults = [
        "server.cpu_time={ per_step_us = 2000, per_seq_us = 10 }",
        "server.front_end={ latency_us = 3740, per_stream_us = 61, per_prompt_token_us = 3.1 }",
        "workload.sampling=top_p",
    ];
    assert_eq!(
        plain.hash(),
        load(LEAST, &defaults).hash(),
        "nor where a default is written out that depends on what else was"
    );
    for change in [
        "server.cpu_time={ per_step_us = 2000, per_seq_us = 11 }",
        "server.front_end={ latency_us = 4200 }",
        "workload.sampling=plain",
        "workload.requests=11",
        "workload.arrivals.rate=1.5",
        "model.name=qwen3-8b",
        "server.gpu=h200",
        "batching.policy=none",
        "batching.watermark=0.01",
        "slo.ttft.p99=1s",
    ] {
        assert_ne!(plain.hash(), load(LEAST, &[change]).hash(), "{change}");
    }
}

#[test]
fn flags_reach_every_kind_of_key() {
    let scenario = load(
        LEAST,
        &[
            "workload.arrivals={process=\"stages\",stages=[{rate=1,duration=\"1s\"},{rate=2,duration=\"2s\"}]}",
            "workload.arrivals.stages.1.rate=5",
            "slo.\"ttft.p99\"=2s",
            "slo.tpot.p99='50ms'",
            "name=\"a name\"",
            "batching.policy=static",
            "batching.max_wait=10ms",
        ],
    );
    let Workload::Synthetic(workload) = &scenario.traffic.classes[0].workload else {
        panic!("not synthetic");
    };
    let Arrivals::Stages(stages) = &workload.arrivals else {
        panic!("{:?}", workload.arrivals);
    };
    assert_eq!((stages[0].rate_per_s, stages[1].rate_per_s), (1.0, 5.0));
    assert_eq!(scenario.name, "a name");
    let limits: Vec<_> = scenario
        .objectives
        .iter()
        .map(|it| (it.name.as_str(), it.bound))
        .collect();
    assert_eq!(
        limits,
        [
            ("ttft.p99", Bound::Time(Span::from_micros(2_000_000))),
            ("tpot.p99", Bound::Time(Span::from_micros(50_000)))
        ]
    );
    let PolicySettings::Static(settings) = &scenario.deployment.server.policy else {
        panic!("not static");
    };
    assert_eq!(settings.max_wait, Span::from_micros(10_000));
    assert_eq!(
        (settings.response, settings.reserve),
        (Response::RowEnd, Reserve::Batch)
    );
    assert!(
        !scenario.deployment.prefix_caching,
        "only continuous batching has a cache"
    );
}

#[test]
fn keys_of_another_policy_are_valid_and_ignored_but_checked() {
    let place = Workplace::new();
    place.write("scenario.toml", LEAST);
    let path = place.path("scenario.toml");
    let with_static = ["batching.policy=continuous", "batching.max_batch_size=4"];
    assert!(try_load(&path, &with_static).is_ok());
    let vllm_would_refuse = [
        "batching.policy=static",
        "batching.max_num_batched_tokens=2",
        "batching.max_num_seqs=3",
    ];
    assert!(try_load(&path, &vllm_would_refuse).is_ok());
    assert!(try_load(&path, &["batching.policy=none", "batching.max_batch_size=0"]).is_err());
}

#[test]
fn every_policy_of_the_list_can_be_named_and_needs_no_further_key() {
    for policy in tailcast::policy::POLICIES.map(|policy| policy.name) {
        let scenario = load(LEAST, &[&format!("batching.policy={policy}")]);
        let name = format!("{:?}", scenario.deployment.server.policy).to_lowercase();
        assert!(name.starts_with(&policy.replace('-', "")), "{name}");
        let noted = scenario.settings.iter().map(|setting| &setting.key);
        let keys: std::collections::BTreeSet<_> = noted.clone().collect();
        assert_eq!(keys.len(), noted.count(), "{policy}: each key once");
    }
}

#[test]
fn engines_take_their_own_defaults() {
    let of = |flags: &[&str]| load(LEAST, flags).deployment.server.policy;
    let PolicySettings::VllmV0(v0) = of(&["batching.policy=vllm-v0"]) else {
        panic!("not vLLM V0");
    };
    assert_eq!(v0.max_num_seqs, 256);
    assert!((v0.watermark - 0.01).abs() < 1e-9);
    assert!(!v0.chunked_prefill && v0.max_num_batched_tokens >= 2048);
    let chunked = of(&["batching.policy=vllm-v0", "batching.chunked_prefill=true"]);
    let PolicySettings::VllmV0(v0) = chunked else {
        panic!("not vLLM V0");
    };
    assert_eq!(v0.max_num_batched_tokens, 2048);
    let PolicySettings::Sglang(sglang) = of(&["batching.policy=sglang"]) else {
        panic!("not SGLang");
    };
    assert_eq!(sglang.chunked_prefill_size, Some(8192));
    assert!(sglang.prefix_caching && sglang.page_size == 1);
    assert_eq!(sglang.schedule_policy, SchedulePolicy::Fcfs);
    let told = of(&[
        "batching.policy=sglang",
        "batching.schedule_policy=lpm",
        "batching.prefix_caching=false",
        "batching.page_size=64",
    ]);
    let PolicySettings::Sglang(sglang) = told else {
        panic!("not SGLang");
    };
    assert!(!sglang.prefix_caching && sglang.page_size == 64);
    assert_eq!(sglang.schedule_policy, SchedulePolicy::Lpm);
    let whole = of(&["batching.policy=sglang", "batching.chunked_prefill_size=0"]);
    let PolicySettings::Sglang(sglang) = whole else {
        panic!("not SGLang");
    };
    assert_eq!(sglang.chunked_prefill_size, None);
    let alias = of(&[
        "batching.policy=trtllm",
        "batching.capacity_scheduler_policy=max_utilization",
    ]);
    let PolicySettings::Trtllm(trtllm) = alias else {
        panic!("not TensorRT-LLM");
    };
    assert_eq!(trtllm.capacity, CapacityScheduler::MaxUtilization);
    assert_eq!((trtllm.max_batch_size, trtllm.max_num_tokens), (2048, 8192));
}

#[test]
fn settings_of_an_engine_that_is_not_used_do_not_name_the_scenario() {
    let plain = load(LEAST, &[]);
    let with_other = load(LEAST, &["batching.chunk_size=64", "batching.capacity=max_utilization"]);
    assert_eq!(plain.hash(), with_other.hash());
}

#[test]
fn given_blocks_override_the_memory_model() {
    let scenario = load(LEAST, &["server.kv_blocks=1000"]);
    assert_eq!(scenario.deployment.server.kv_blocks, 1000);
    // Who gives the number has seen the model fit.
    let crowded = load(LEAST, &["model.name=llama-3.1-70b", "server.kv_blocks=1000"]);
    assert_eq!(crowded.deployment.server.kv_blocks, 1000);
}

#[test]
fn paths_start_from_the_file_they_are_written_in() {
    let place = Workplace::new();
    std::fs::create_dir(place.path("inner")).unwrap();
    place.write("inner/trace.csv", "arrival_s,input_tokens,output_tokens\n0,5,5\n");
    let head = &LEAST[..LEAST.find("requests").unwrap()];
    place.write(
        "inner/scenario.toml",
        format!("{head}trace = {{ path = \"trace.csv\" }}"),
    );
    let scenario = try_load(&place.path("inner/scenario.toml"), &[]).unwrap();
    let Workload::Trace(replay) = &scenario.traffic.classes[0].workload else {
        panic!("not a trace");
    };
    assert_eq!(replay.path, place.path("inner/trace.csv"));
    let moved = try_load(&place.path("inner/scenario.toml"), &["workload.trace.path=here.csv"]).unwrap();
    let Workload::Trace(replay) = &moved.traffic.classes[0].workload else {
        panic!("not a trace");
    };
    assert_eq!(
        replay.path,
        Path::new("here.csv"),
        "a flag's path starts from the working directory"
    );
}

#[test]
fn warnings_say_what_will_be_rejected() {
    let long = load(LEAST, &["workload.prompt={dist=\"lognormal\",median=500,sigma=1}"]);
    assert!(
        long.warnings.iter().any(|it| it.contains("will be rejected")),
        "{:?}",
        long.warnings
    );
    assert!(load(LEAST, &[]).warnings.is_empty());
}

#[test]
fn every_scenario_that_comes_with_the_program_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/scenarios");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let scenario = try_load(&path, &[]).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
        assert!(
            scenario.warnings.is_empty(),
            "{}: {:?}",
            path.display(),
            scenario.warnings
        );
        seen += 1;
    }
    assert!(seen >= 6, "{seen}");
}

#[test]
fn every_setting_reaches_the_simulation() {
    let scenario = load(
        LEAST,
        &[
            "batching.max_num_seqs=33",
            "batching.max_num_batched_tokens=8193",
            "batching.chunked_prefill=false",
            "batching.long_prefill_token_threshold=100",
            "batching.watermark=0.25",
            "batching.full_sequence_gate=false",
            "batching.prefix_caching=false",
            "server.step_time={ base_us = 1, per_token_us = 2, per_seq_us = 3 }",
            "workload.max_tokens=77",
            "workload.duration=60s",
            "workload.timeout=300s",
        ],
    );
    assert_eq!(
        *continuous(&scenario),
        ContinuousSettings {
            chunked_prefill: false,
            long_prefill_token_threshold: 100,
            watermark: 0.25,
            prefix_caching: false,
            async_scheduling: true,
            full_sequence_gate: false,
            ..ContinuousSettings::new(33, 8193)
        }
    );
    assert_eq!(
        scenario.deployment.step_times,
        StepTimeChoice::Affine(Affine {
            base: Span::from_micros(1),
            per_token: Span::from_micros(2),
            per_sequence: Span::from_micros(3),
        })
    );
    let Workload::Synthetic(workload) = &scenario.traffic.classes[0].workload else {
        panic!("{:?}", scenario.traffic.classes[0].workload);
    };
    assert_eq!(workload.max_tokens, Some(77));
    assert_eq!(workload.duration, Some(Span::from_micros(60_000_000)));
    assert_eq!(workload.timeout, Some(Span::from_micros(300_000_000)));
    assert_eq!(workload.requests, Some(10));
}

#[test]
fn every_setting_of_a_trace_reaches_its_replay() {
    let head = &LEAST[..LEAST.find("requests").unwrap()];
    let text = format!(
        "{head}max_tokens = 50\ntimeout = \"7s\"\ntrace = \
         {{ path = \"/a.csv\", format = \"azure\", time_unit = \"us\", block_tokens = 32, \
         chars_per_token = 3.5, think = \"7s\", speedup = 2.0, start = \"5s\", limit = 9, \
         sort = true, skip_bad_rows = true, jitter_ties = \"uniform\", input_scale = 0.5, output_scale = 3 }}\n"
    );
    let Workload::Trace(replay) = load(&text, &[]).traffic.classes[0].workload.clone() else {
        panic!("not a trace");
    };
    let expected = Replay {
        path: "/a.csv".into(),
        file: None,
        format: Some(FormatName::parse("azure").unwrap()),
        hints: TraceHints {
            time_unit: Some(TimeUnit::Microseconds),
            block_tokens: Some(32),
            chars_per_token: Some(3.5),
            tokenizer: None,
            think: Some(Span::from_micros(7_000_000)),
        },
        lengths: None,
        speedup: 2.0,
        concurrency: None,
        start: Span::from_micros(5_000_000),
        limit: Some(9),
        skip_bad_rows: true,
        sort: true,
        jitter_ties: true,
        max_tokens: Some(50),
        input_scale: 0.5,
        output_scale: 3.0,
        prompts_only: false,
        timeout: Some(Span::from_micros(7_000_000)),
    };
    assert_eq!(replay, expected);
}

#[test]
fn every_setting_of_what_prompts_share_reaches_its_workload() {
    let workload = |changes: &[&str]| match load(LEAST, changes).traffic.classes[0].workload.clone() {
        Workload::Synthetic(workload) => workload,
        Workload::Trace(replay) => panic!("{replay:?}"),
    };
    let uniform = Lengths::new(LengthDistribution::Uniform { min: 3, max: 9 });
    let sessions = workload(&[
        "workload.prefix={pool=7,tokens=500,popularity=1.5}",
        "workload.session={turns={dist=\"uniform\",min=3,max=9},think={dist=\"exponential\",mean=\"2s\"}}",
    ]);
    let prefix = SharedPrefix {
        pool: 7,
        tokens: Lengths::fixed(500),
        popularity: 1.5,
    };
    assert_eq!(sessions.prefix, Some(prefix));
    let session = Session {
        turns: uniform.clone(),
        think: Think::Exponential {
            mean: Span::from_micros(2_000_000),
        },
    };
    assert_eq!(sessions.session, Some(session));
    let pooled = workload(&[
        "workload.prefix.tokens={dist=\"uniform\",min=3,max=9}",
        "workload.prompt_pool={size=5,popularity=0.5}",
    ]);
    let prefix = SharedPrefix {
        pool: 1,
        tokens: uniform,
        popularity: 0.0,
    };
    assert_eq!(pooled.prefix, Some(prefix));
    let pool = |order| Some(PromptPool { size: 5, order });
    assert_eq!(pooled.prompt_pool, pool(PoolOrder::Draw { popularity: 0.5 }));
    let cycled = workload(&["workload.prompt_pool.size=5"]);
    assert_eq!(cycled.prompt_pool, pool(PoolOrder::Cycle));
    let paused = workload(&["workload.session={turns=4,think=\"1s\"}"]).session;
    let session = Session {
        turns: Lengths::fixed(4),
        think: Think::Fixed(Span::from_micros(1_000_000)),
    };
    assert_eq!(paused, Some(session));
}
