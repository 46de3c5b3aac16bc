//! vLLM's switches in a scenario: releases, priorities and drafts, from the text to what they do.

use std::collections::BTreeMap;

use serde_json::Value;
use tailcast::config::{Scenario, Workload};
use tailcast::policy::{Acceptance, ContinuousSettings, DraftPadding, DraftRules, PolicySettings};
use tailcast::step_time::StepShape;
use tailcast::units::Span;
use tailcast::workload::trace::{Replay, open};
use tailcast::workload::{Priorities, PriorityLevel, Source};

use crate::command::Workplace;
use crate::config::{LEAST, continuous, load};
use crate::metrics::close;

fn utilization(scenario: &Scenario) -> f64 {
    scenario.deployment.memory.requested_bytes as f64 / scenario.deployment.memory.total_bytes as f64
}

#[test]
fn a_profile_sets_what_sets_its_release_apart() {
    let of = |profile: &str| load(LEAST, &[&format!("batching.profile={profile}")]);
    assert_eq!(of("vllm-0.33").hash(), load(LEAST, &[]).hash());
    // Gate, keyless first, threshold, priorities; then the share of the memory.
    for (profile, switches, share) in [
        ("vllm-0.33", [true; 4], 0.92),
        ("vllm-0.19", [true, false, false, false], 0.9),
        ("vllm-0.15", [false; 4], 0.9),
        ("vllm-0.11", [false; 4], 0.9),
    ] {
        let scenario = of(profile);
        let settings = continuous(&scenario);
        let read = [
            settings.full_sequence_gate,
            settings.keyless_first,
            settings.threshold_spares_alone,
            settings.goes_on_after_self_preemption,
        ];
        assert_eq!(read, switches, "{profile}");
        assert!(close(utilization(&scenario), share, 1e-6), "{profile}");
    }
}

#[test]
fn a_switch_by_itself_stands_against_the_profile() {
    let scenario = load(
        LEAST,
        &[
            "batching.profile=vllm-0.11",
            "batching.scheduler-reserve-full-isl=true",
            "batching.keyless_first=true",
            "batching.threshold_spares_alone=true",
            "batching.goes_on_after_self_preemption=true",
            "server.gpu_memory_utilization=0.92",
        ],
    );
    let newest = ContinuousSettings::new(1024, 8192);
    assert_eq!(*continuous(&scenario), newest);
    assert!(close(utilization(&scenario), 0.92, 1e-6));
}

#[test]
fn each_switch_names_the_scenario() {
    let with_priorities = "workload.priority=[{value=0,share=1},{value=1,share=3}]";
    let drafts = "batching.speculative={method=\"ngram\",tokens=3,acceptance=0.5}";
    let changes = [
        "batching.profile=vllm-0.19",
        "batching.keyless_first=false",
        "batching.threshold_spares_alone=false",
        "batching.goes_on_after_self_preemption=false",
        "batching.scheduling=priority",
        "workload.priority=1",
        "workload.priority=-1",
        with_priorities,
        "workload.priority=[{value=0,share=1},{value=1,share=2}]",
        drafts,
        "batching.speculative={method=\"ngram\",tokens=2,acceptance=0.5}",
        "batching.speculative={method=\"ngram\",tokens=3,acceptance=0.6}",
        "batching.speculative={method=\"ngram\",tokens=3,acceptance=[0.5,0.4,0.3]}",
        "batching.speculative={method=\"eagle\",tokens=3,acceptance=0.5}",
        "batching.speculative={method=\"eagle\",tokens=3,acceptance=0.5,draft_cost=0.1}",
        "batching.speculative={method=\"draft_model\",tokens=3,acceptance=0.5,draft_model=\"llama-3.2-1b\"}",
        "batching.speculative={method=\"draft_model\",tokens=3,acceptance=0.5,draft_model=\"llama-3.2-3b\"}",
    ];
    let mut seen = BTreeMap::from([(load(LEAST, &[]).hash(), "nothing")]);
    for change in changes {
        let before = seen.insert(load(LEAST, &[change]).hash(), change);
        assert_eq!(before, None, "{change}");
    }
    let theirs =
        "batching.speculative={method=\"draft_model\",num_speculative_tokens=3,acceptance=0.5,model=\"llama-3.2-3b\"}";
    assert!(seen.contains_key(&load(LEAST, &[theirs]).hash()));
    let policy = "batching.scheduling_policy=priority";
    assert!(seen.contains_key(&load(LEAST, &[policy]).hash()));
}

#[test]
fn priorities_come_from_the_workload_and_change_nothing_else() {
    let requests = |changes: &[&str]| {
        let Workload::Synthetic(workload) = load(LEAST, changes).traffic.classes[0].workload.clone() else {
            panic!("not synthetic");
        };
        let mut source = workload.source(7);
        let mut requests = Vec::new();
        while source.next_arrival().unwrap().is_some() {
            let request = source.take();
            source.finished(request.id, request.arrival);
            requests.push(request);
        }
        requests
    };
    let many = "workload.requests=20000";
    let lengths = "workload.prompt={dist=\"uniform\",min=1,max=99}";
    let levels = "workload.priority=[{value=-3,share=1},{value=9,share=3}]";
    let plain = requests(&[many, lengths]);
    let mut drawn = requests(&[many, lengths, levels]);
    let urgent = drawn.iter().filter(|request| request.priority == -3);
    let share = urgent.count() as f64 / 20_000.0;
    assert!((share - 0.25).abs() < 0.01, "{share}");
    assert!(drawn.iter().all(|it| [-3, 9].contains(&it.priority)));
    for request in &mut drawn {
        request.priority = 0;
    }
    assert_eq!(plain, drawn);
    let fixed = requests(&["workload.priority=5"]);
    assert!(fixed.iter().all(|request| request.priority == 5));
}

#[test]
fn a_session_keeps_its_priority() {
    let changes = [
        "workload.session={turns=3}",
        "workload.requests=300",
        "workload.priority=[{value=0,share=1},{value=1,share=1}]",
    ];
    let Workload::Synthetic(workload) = load(LEAST, &changes).traffic.classes[0].workload.clone() else {
        panic!("not synthetic");
    };
    let mut source = workload.source(1);
    let mut of_session = BTreeMap::new();
    while source.next_arrival().unwrap().is_some() {
        let request = source.take();
        // Every turn begins with the first message of its session.
        let first = request.prompt.segments().unwrap()[0].content;
        let priority = *of_session.entry(first).or_insert(request.priority);
        assert_eq!(request.priority, priority);
        source.finished(request.id, request.arrival);
    }
    let urgent = of_session.values().filter(|&&priority| priority == 0);
    let (urgent, all) = (urgent.count(), of_session.len());
    assert!(all == 100 && (30..70).contains(&urgent), "{urgent} of {all}");
}

#[test]
fn priorities_that_decide_nothing_are_said() {
    let levels = "workload.priority=[{value=0,share=1},{value=1,share=1}]";
    let by_priority = "batching.scheduling=priority";
    let warnings = |changes: &[&str]| load(LEAST, changes).warnings;
    assert!(warnings(&[levels, by_priority]).is_empty());
    assert!(warnings(&[levels, "batching.policy=static"]).is_empty());
    assert!(warnings(&[levels])[0].contains("write scheduling = \"priority\""));
    assert!(warnings(&[by_priority])[0].contains("write workload.priority"));
}

#[test]
fn a_trace_says_how_urgent_its_rows_are() {
    let place = Workplace::new();
    place.write(
        "trace.csv",
        "arrival_s,input_tokens,output_tokens,priority\n0,5,5,2\n1,5,5,-7\n2,5,5,\n3,5,5, 0 \n",
    );
    let mut source = open(&Replay::new(place.path("trace.csv"))).unwrap();
    let mut priorities = Vec::new();
    while source.next_arrival().unwrap().is_some() {
        priorities.push(source.take().priority);
    }
    assert_eq!(priorities, [2, -7, 0, 0]);
    place.write(
        "bad.csv",
        "arrival_s,input_tokens,output_tokens,priority\n0,5,5,3000000000\n",
    );
    let error = open(&Replay::new(place.path("bad.csv"))).err().unwrap();
    assert!(error.to_string().contains("out of range"), "{error}");
}

#[test]
fn priorities_have_names_in_the_library_too() {
    let levels = Priorities {
        levels: vec![PriorityLevel {
            value: 1,
            share: f64::NAN,
        }],
    };
    assert_eq!(levels.validate().unwrap_err().key, "priority[0].share");
    assert!(Priorities::fixed(-1).validate().is_ok());
}

#[test]
fn drafts_reach_the_scheduler() {
    let rules = |method: &str| {
        let drafts = format!("batching.speculative={{tokens=3,acceptance=0.5,{method}}}");
        let scenario = load(LEAST, &[&drafts, "seed=9"]);
        continuous(&scenario).speculative.clone().unwrap()
    };
    let ngram = rules("method=\"ngram\"");
    assert_eq!((ngram.tokens, ngram.lookahead_tokens), (3, 0));
    assert!(!ngram.recomputes_last_hit);
    let Acceptance::Random { rates, seed } = ngram.acceptance else {
        panic!("not at random");
    };
    assert_eq!((rates, seed), (vec![0.5, 0.25, 0.125], 9));
    let model = rules("method=\"draft_model\",draft_model=\"llama-3.2-1b\"");
    assert_eq!(model.lookahead_tokens, 3);
    assert!(!model.recomputes_last_hit);
    for method in ["eagle", "eagle3", "mtp"] {
        let rules = rules(&format!("method=\"{method}\""));
        assert_eq!(rules.lookahead_tokens, 3, "{method}");
    }
    let other = [
        "batching.policy=static",
        "batching.speculative={method=\"eagle\",tokens=3,acceptance=0.5}",
    ];
    let scenario = load(LEAST, &other);
    assert!(scenario.deployment.drafts.is_none());
    assert_eq!(scenario.deployment.memory, load(LEAST, &[]).deployment.memory);
    assert!(matches!(scenario.deployment.server.policy, PolicySettings::Static(_)));
}

#[test]
fn acceptance_comes_from_what_a_server_counted() {
    let place = Workplace::new();
    place.write(
        "metrics.txt",
        "vllm:spec_decode_num_drafts_total{engine=\"0\"} 200\n\
         vllm:spec_decode_num_accepted_tokens_per_pos_total{engine=\"0\",position=\"0\"} 150\n\
         vllm:spec_decode_num_accepted_tokens_per_pos_total{engine=\"0\",position=\"1\"} 50\n",
    );
    place.write("scenario.toml", LEAST);
    let of = |tokens: u32| {
        let drafts = format!(
            "batching.speculative={{method=\"eagle\",tokens={tokens},acceptance={:?}}}",
            place.path("metrics.txt")
        );
        place.run(&["run", "scenario.toml", "--set", &drafts, "--format", "json"])
    };
    let ended = of(1);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let counted = &ended.json()["speculative"];
    let rate = counted["acceptance_rate"].as_f64().unwrap();
    assert!((rate - 0.75).abs() < 0.05, "{counted}");
    let ended = of(3);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("counts 2 drafts a step"), "{}", ended.stderr);
}

/// Since 0.33 a block's key covers the next token where a head drafts, so that no hit loses its last block; since 0.19
/// a draft model takes a place of each step for every request; steps are decided ahead beside it since 0.28, and beside
/// n-grams since 0.33.
#[test]
fn releases_treat_drafts_differently() {
    let of = |profile: &str, method: &str| {
        let drafts = format!("batching.speculative={{tokens=3,acceptance=0.5,method=\"{method}\"}}");
        let mut changes = vec![profile, &drafts];
        if method == "draft_model" {
            changes.push("batching.speculative.draft_model=llama-3.2-1b");
        }
        let scenario = load(LEAST, &changes);
        let rules = continuous(&scenario);
        let drafts = rules.speculative.as_ref().unwrap();
        let keys = (drafts.recomputes_last_hit, drafts.key_lookahead);
        (keys, drafts.draft_slots, rules.async_scheduling)
    };
    for method in ["eagle", "eagle3", "mtp"] {
        let newest = of("batching.profile=vllm-0.33", method);
        assert_eq!(newest, ((false, 1), 0, true), "{method}");
        let older = of("batching.profile=vllm-0.28", method);
        assert_eq!(older, ((true, 0), 0, true), "{method}");
        assert!(!of("batching.profile=vllm-0.13", method).2, "{method}");
    }
    let releases = [
        ("0.33", "ngram", 0, true),
        ("0.28", "ngram", 0, false),
        ("0.28", "draft_model", 1, true),
        ("0.27", "draft_model", 1, false),
        ("0.15", "draft_model", 0, false),
    ];
    for (release, method, slots, ahead) in releases {
        let profile = format!("batching.profile=vllm-{release}");
        assert_eq!(of(&profile, method), ((false, 0), slots, ahead), "{release} {method}");
    }
}

#[test]
fn what_a_release_does_with_drafts_may_be_written_by_itself() {
    let of = |profile: &str, more: &str| {
        let drafts = format!("batching.speculative={{tokens=3,acceptance=0.5,method=\"eagle\",{more}}}");
        let scenario = load(LEAST, &[profile, &drafts]);
        continuous(&scenario).speculative.clone().unwrap()
    };
    for (written, keys) in [("true", (true, 0)), ("false", (false, 1))] {
        for profile in ["batching.profile=vllm-0.33", "batching.profile=vllm-0.28"] {
            let drafts = of(profile, &format!("disable_lookahead_block_hashes={written}"));
            assert_eq!((drafts.recomputes_last_hit, drafts.key_lookahead), keys, "{profile}");
        }
    }
    let newest = "batching.profile=vllm-0.33";
    assert_eq!(of(newest, "draft_slots=2").draft_slots, 2);
    let rules = |release: &str| of(&format!("batching.profile=vllm-{release}"), "draft_slots=0").rules;
    assert_eq!(rules("0.33"), DraftRules::NEWEST);
    assert_eq!(rules("0.19").padding, DraftPadding::Never);
    assert_eq!(rules("0.25").padding, DraftPadding::BesideDecoders);
}

#[test]
fn steps_that_drafting_leaves_no_token_are_refused() {
    let drafts = "batching.speculative={tokens=3,acceptance=0.5,method=\"eagle\",draft_slots=16}";
    for (release, tokens, refused) in [
        ("0.33", 16, true),
        ("0.33", 17, false),
        ("0.25", 128, true),
        ("0.25", 129, false),
    ] {
        let place = Workplace::new();
        place.write("scenario.toml", LEAST);
        let profile = format!("batching.profile=vllm-{release}");
        let tokens = format!("batching.max_num_batched_tokens={tokens}");
        let set = [
            "--set",
            &profile,
            "--set",
            &tokens,
            "--set",
            drafts,
            "--set",
            "batching.max_num_seqs=8",
        ];
        let ended = place.run(&[&["run", "scenario.toml"][..], &set].concat());
        assert_eq!(ended.code == Some(2), refused, "{release} {tokens}: {}", ended.stderr);
        assert_eq!(
            ended.stderr.contains("leaves no token beside"),
            refused,
            "{}",
            ended.stderr
        );
    }
}

/// Llama 3.1 8B has 32 layers of 8 heads of 128, Llama 3.2 1B 16 layers of 8 heads of 64; two bytes each, keys and
/// values.
#[test]
fn what_drafts_takes_memory_from_the_kv_cache() {
    let memory = |drafts: &str| {
        let drafts = format!("batching.speculative={{tokens=3,acceptance=0.5,{drafts}}}");
        load(LEAST, &[&drafts]).deployment.memory
    };
    let plain = load(LEAST, &[]).deployment.memory;
    assert_eq!(plain.kv_bytes_per_token, 32 * 8 * 128 * 2 * 2);
    assert_eq!(memory("method=\"ngram\""), plain);
    let model = memory("method=\"draft_model\",draft_model=\"llama-3.2-1b\"");
    assert_eq!(model.draft_weights_bytes, 2 * 1_235_814_400);
    let kv_bytes = 16 * 8 * 64 * 2 * 2;
    assert_eq!(model.kv_bytes_per_token, plain.kv_bytes_per_token + kv_bytes);
    assert_eq!(model.kv_bytes, plain.kv_bytes - model.draft_weights_bytes);
    assert_eq!(model.weights_bytes, plain.weights_bytes);
    let eagle = memory("method=\"eagle\"");
    assert_eq!(eagle.kv_bytes_per_token, plain.kv_bytes_per_token * 33 / 32);
    // Queries and outputs, keys and values, three matrices of the feed-forward part, two norms.
    let layer = 2 * 4_096 * 4_096 + 2 * 4_096 * 1_024 + 3 * 4_096 * 14_336 + 2 * 4_096;
    assert_eq!(eagle.draft_weights_bytes, 2 * layer);
}

#[test]
fn a_drafter_that_does_not_fit_is_named() {
    let place = Workplace::new();
    place.write("scenario.toml", LEAST);
    let drafts = "batching.speculative={method=\"draft_model\",tokens=3,acceptance=0.5,draft_model=\"llama-3.1-8b\"}";
    let on_l4 = ["--gpu", "l4", "--set", drafts];
    let ended = place.run(&[&["run", "scenario.toml"][..], &on_l4].concat());
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    for part in ["-14.96  weights of the drafter", "no batching.speculative"] {
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
}

#[test]
fn draft_passes_take_time_and_n_grams_none() {
    let mut shape = StepShape::default();
    for _ in 0..8 {
        shape.add_verification(1_000, 3);
    }
    // Beside drafts no step is decided ahead, and the CPU's time would come on top.
    let no_cpu = "server.cpu_time={per_step_us=0}";
    let step = |changes: &[&str]| {
        let changes = [&[no_cpu], changes].concat();
        load(LEAST, &changes).step_time().step(&shape)
    };
    let drafts = |more: &str| format!("batching.speculative={{tokens=3,acceptance=0.5,{more}}}");
    let plain = step(&[]);
    assert_eq!(step(&[&drafts("method=\"ngram\"")]), plain);
    let eagle = step(&[&drafts("method=\"eagle\"")]);
    let model = step(&[&drafts("method=\"draft_model\",draft_model=\"llama-3.2-1b\"")]);
    assert!(plain < eagle && eagle < model && model < plain + plain);
    let half = step(&[&drafts("method=\"eagle\",draft_cost=0.5")]);
    assert!(half > plain + plain);
    let measured = "server.step_time={base_us=8000,per_token_us=20,per_seq_us=30}";
    // 32 tokens of 8 requests; then two passes of a token each.
    let own = 8_000 + 20 * 32 + 30 * 8;
    let later = 8_000 + 20 * 8 + 30 * 8;
    assert_eq!(
        step(&[measured, &drafts("method=\"eagle\",draft_cost=0.25")]),
        Span::from_micros(own + (own + 2 * later) / 4)
    );
    assert_eq!(step(&[measured, &drafts("method=\"ngram\"")]), Span::from_micros(own));
}

fn run(more: &[&str]) -> Value {
    let place = Workplace::new();
    place.write("scenario.toml", LEAST);
    let mut arguments = vec!["run", "scenario.toml", "--format", "json"];
    arguments.extend(more);
    let ended = place.run(&arguments);
    ended.json()
}

#[test]
fn a_run_reports_its_drafts() {
    let many = ["--set", "workload.requests=500", "--set"];
    let plain = run(&many[..2]);
    assert!(plain["speculative"].is_null());
    let rates = "batching.speculative={method=\"ngram\",tokens=3,acceptance=[0.8,0.6,0.4]}";
    let with = |seed| {
        run(&[
            &many[..],
            &[rates, "--set", "workload.output.value=101", "--seed", seed],
        ]
        .concat())
    };
    let drafted = with("1");
    let number = |key: &str| drafted["speculative"][key].as_f64().unwrap();
    let mean = number("mean_acceptance_length");
    assert!((mean - 2.8).abs() < 0.03, "{mean}");
    assert!(close(number("acceptance_rate"), (mean - 1.0) / 3.0, 1e-9));
    assert!(close(number("draft_tokens"), 3.0 * number("drafts"), 1e-9));
    // A gap for each verification, whatever the tokens it brings; TPOT counts every token.
    let itl = &drafted["latency"]["itl"];
    assert_eq!(itl["count"], drafted["speculative"]["drafts"]);
    let latency = |key: &str| drafted["latency"][key]["mean"].as_f64().unwrap();
    assert!(close(latency("tpot") * 100.0, latency("e2e") - latency("ttft"), 1e-6));
    assert_ne!(drafted["speculative"], with("2")["speculative"]);
}

#[test]
fn seeds_change_what_is_accepted_of_the_same_requests() {
    let place = Workplace::new();
    place.write(
        "trace.csv",
        "arrival_s,input_tokens,output_tokens\n0,50,400\n1,50,400\n",
    );
    let head = &LEAST[..LEAST.find("requests").unwrap()];
    place.write("scenario.toml", format!("{head}trace = {{ path = \"trace.csv\" }}"));
    let two_seeds = ["run", "scenario.toml", "--format", "json", "--seeds", "2"];
    assert_eq!(place.run(&two_seeds).code, Some(2), "nothing is drawn");
    let drafts = "batching.speculative={method=\"ngram\",tokens=3,acceptance=0.6}";
    let ended = place.run(&[&two_seeds[..], &["--set", drafts]].concat());
    let result: Value = serde_json::from_str(&ended.stdout).unwrap();
    let interval = &result["latency"]["e2e"]["ci95"]["mean"];
    assert_ne!(interval[0], interval[1], "{interval}");
}

#[test]
fn the_urgent_wait_less_and_the_others_more() {
    let crowded = [
        "--set",
        "workload.requests=2000",
        "--set",
        "workload.arrivals.rate=20",
        "--set",
        "batching.max_num_seqs=2",
        "--set",
        "workload.priority=[{value=0,share=0.3},{value=1,share=0.7}]",
    ];
    let median = |scheduling: &str| {
        let scheduling = format!("batching.scheduling={scheduling}");
        let result = run(&[&crowded[..], &["--set", &scheduling]].concat());
        let of = |key: &str| result["latency"]["ttft"][key].as_f64().unwrap();
        (of("p50"), of("mean"), of("p99"))
    };
    let (by_arrival, by_priority) = (median("fcfs"), median("priority"));
    // All outputs are as long: who goes first changes who waits, not how much all of them wait together.
    assert!(by_priority.2 > by_arrival.2, "{by_arrival:?} {by_priority:?}");
    assert!(close(by_priority.1, by_arrival.1, 0.05));
}
