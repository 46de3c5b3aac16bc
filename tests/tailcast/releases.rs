//! What `batching.profile` changes: memory, steps, limits, and the engine that results name.

use serde_json::Value;
use tailcast::config::{Scenario, catalogue};
use tailcast::hardware::{CudaGraphs, KvPrecision, MemoryBudget, MemoryRequest, Model, WeightPrecision, budget};
use tailcast::policy::vllm::{PROFILES, Profile};
use tailcast::step_time::StepShape;

use crate::command::Workplace;
use crate::config::{LEAST, continuous, load};

const GIB: f64 = 1_073_741_824.0;

/// A server of `max_num_batched_tokens` 8192 and `max_num_seqs` 1024, if the model fits.
fn started(release: u32, name: &str, gpu: &str, gpus: u32, more: impl Fn(&mut MemoryRequest)) -> Option<MemoryBudget> {
    let gpu = catalogue::gpu(gpu).unwrap();
    let model = catalogue::model(name).unwrap();
    let mut request = MemoryRequest {
        gpu: &gpu,
        model: &model,
        weights: WeightPrecision::Bf16,
        kv: KvPrecision::Bf16,
        tensor_parallel: gpus,
        utilization: 0.95,
        block_tokens: 16,
        max_model_len: 8192,
        max_num_batched_tokens: 8192,
        max_num_seqs: 1024,
        drafter: None,
        graphs: CudaGraphs::new(1024, 0, 8192, 512),
        start_up: Profile::of_release(release).start_up,
    };
    more(&mut request);
    budget(&request).ok()
}

fn off(computed: f64, logged: f64) -> f64 {
    computed / logged - 1.0
}

/// Published start-ups on one H100 (llm-d-planner, accuracy report of its sweep of vLLM 0.19.0).
#[test]
fn the_memory_of_a_release_is_what_it_logged() {
    for (release, logged) in [(15, 41.94), (17, 45.34), (18, 45.23)] {
        let budget = started(release, "qwen3-14b", "h100-sxm", 1, |_| ()).unwrap();
        let error = off(budget.kv_bytes as f64 / GIB, logged);
        assert!(error.abs() < 0.01, "0.{release}: {error}");
    }
    let budget = started(19, "llama-3.1-8b", "h100-sxm", 1, |_| ()).unwrap();
    let error = off(f64::from(budget.kv_blocks) * 16.0, 476_016.0);
    assert!(error.abs() < 0.01, "{error}");
}

/// What the sampler takes of a model with little else, by hand: bytes a logit at the peak and for good.
#[test]
fn each_release_keeps_back_what_its_sampler_takes() {
    let activations = |release, name: &str| {
        let model: Model = catalogue::model(name).unwrap();
        let budget = started(release, name, "h100-sxm", 1, |_| ()).unwrap();
        let hidden = 8192.0 * 4.0 * model.hidden_size() as f64;
        (budget.activations_bytes as f64 - hidden, model.vocab_size() as f64)
    };
    // 132 programs: an H100 runs as many at a time.
    let buffer = 4.0 * 132.0;
    for (release, a_logit, an_entry) in [
        (11, 38.0, 0.0),
        (15, 38.0, 0.0),
        (16, 38.0, 0.0),
        (17, 14.0, buffer),
        (19, 14.0, buffer),
        (24, 14.0, buffer),
        (28, 2.0 + 4.125, 0.0),
        (33, 14.0 + 4.25, 0.0),
    ] {
        let (bytes, vocabulary) = activations(release, "qwen2.5-0.5b");
        let expected = vocabulary * (1024.0 * a_logit + an_entry);
        // The widest layer takes more than a pass for the largest logit only.
        let widest = 8192.0 * 2.0 * 3.0 * 4864.0;
        let expected = if release == 28 {
            vocabulary * 1024.0 * 4.125 + f64::max(vocabulary * 2048.0, widest)
        } else {
            expected
        };
        assert!((bytes - expected).abs() < 2.0, "0.{release}: {bytes} {expected}");
    }
    // Experts run with the first model runner until 0.33 has the second for all.
    let (first, vocabulary) = activations(28, "gpt-oss-20b");
    let (second, _) = activations(33, "gpt-oss-20b");
    assert!((second - first - vocabulary * (4.25 * 1024.0 - buffer)).abs() < 2.0);
}

#[test]
fn few_requests_and_small_chips_have_a_smaller_buffer() {
    let activations = |gpu: &str, requests| {
        let budget = started(19, "llama-3.2-1b", gpu, 1, |request| {
            request.max_num_seqs = requests;
            request.max_num_batched_tokens = 512;
        });
        budget.unwrap().activations_bytes as f64 - 512.0 * 4.0 * 2048.0
    };
    let vocabulary = 128_256.0;
    for (gpu, requests, programs) in [("rtx-4090", 256, 128.0), ("l4", 40, 58.0), ("h100-sxm", 40, 64.0)] {
        let expected = vocabulary * (f64::from(requests) * 14.0 + 4.0 * programs);
        assert!((activations(gpu, requests) - expected).abs() < 2.0, "{gpu} {requests}");
    }
    // Fewer than eight are sorted, without a buffer.
    assert!((activations("h100-sxm", 7) - vocabulary * 7.0 * 38.0).abs() < 2.0);
}

#[test]
fn libraries_graphs_and_sight_change_with_the_release() {
    let overhead = |release, name: &str, gpu: &str, gpus| {
        let budget = started(release, name, gpu, gpus, |request| request.utilization = 1.0);
        budget.unwrap().overhead_bytes as f64 / GIB
    };
    let dense = |release, gpus| overhead(release, "llama-3.1-8b", "h100-sxm", gpus);
    assert!((dense(18, 1) - dense(17, 1) - 0.12).abs() < 1e-3);
    // A workspace for fused all-reduces, where GPUs share a model and the chip is one of those it is made for.
    assert!((dense(18, 1) - dense(19, 1)).abs() < 1e-9);
    assert!((dense(19, 2) - dense(18, 2) - 1.62).abs() < 1e-3);
    let on_a100 = |release| overhead(release, "llama-3.1-8b", "a100-80-sxm", 2);
    assert!((on_a100(19) - on_a100(18)).abs() < 1e-9);
    // 2 x 51 graphs of a MiB, and what 512 tokens need.
    let graphs = 102.0 / 1024.0 + 512.0 * (4.0 * 4096.0 + 6.0 * 14_336.0) / GIB;
    assert!((dense(21, 1) - dense(20, 1) - graphs).abs() < 1e-6);
    // Experts have buffers, and nothing beside; who sees keeps something back.
    let experts = |release| overhead(release, "qwen3-30b-a3b", "h100-sxm", 1);
    assert!((experts(18) - experts(19)).abs() < 1e-9);
    let sight = |release| overhead(release, "gemma-3-27b", "h100-sxm", 1);
    assert!((sight(18) - sight(19) - 1.58).abs() < 1e-3);
}

/// Shares of two GPUs are 1,440 wide, which kernels pad to 1,472 on Hopper (scales of all but the newest copy apart),
/// to 1,536 elsewhere; the width of the model, 2,880, to 3,072 except by older kernels of Hopper.
#[test]
fn experts_in_mxfp4_are_laid_out_for_their_gpu() {
    let model = catalogue::model("gpt-oss-20b").unwrap();
    let parameters = model.weights_bytes(WeightPrecision::Mxfp4, 2);
    let extra = |release, gpu: &str| {
        let budget = started(release, "gpt-oss-20b", gpu, 2, |request| {
            request.weights = WeightPrecision::Mxfp4;
            request.max_num_seqs = 16;
        });
        budget.unwrap().weights_bytes - parameters
    };
    let experts = 24 * 32;
    let counted = 3 * 2880 * 1440 / 32 * 17;
    assert_eq!(extra(33, "b200"), experts * (3 * 3072 * 1536 / 32 * 17 - counted));
    assert_eq!(
        extra(33, "a100-80-sxm"),
        experts * (3 * 3072 * 1536 / 32 * 17 - counted)
    );
    assert_eq!(extra(33, "mi300x"), extra(33, "b200"));
    let scales = 90 * 2944 + 46 * 2880 + 90 * 3072 + 46 * 3072;
    let biases = 2 * (2 * 1440 + 2880);
    let older = 1440 * 2944 + 736 * 2880;
    assert_eq!(extra(18, "h100-sxm"), experts * (older + scales + biases - counted));
    let newer = 1472 * 2944 + 768 * 2880;
    assert_eq!(extra(19, "h100-sxm"), experts * (newer + scales + biases - counted));
}

/// The expanding matrix of DeepSeek-V3: 512 values to 128 for keys and 128 for values of each head.
#[test]
fn quantised_latent_attention_keeps_a_matrix_twice() {
    let model = catalogue::model("deepseek-v3").unwrap();
    let extra = |weights| {
        let budget = started(33, "deepseek-v3", "b300", 8, |request| request.weights = weights);
        budget.unwrap().weights_bytes - model.weights_bytes(weights, 8)
    };
    assert_eq!(extra(WeightPrecision::Fp8), 61 * 2 * 512 * 16 * 256);
    assert_eq!(extra(WeightPrecision::Bf16), 0);
}

fn of(profile: &str, more: &[&str]) -> Scenario {
    let profile = format!("batching.profile={profile}");
    load(LEAST, &[&[profile.as_str()], more].concat())
}

#[test]
fn the_largest_gpus_take_more_tokens_and_larger_graphs_since_0_28() {
    for (profile, tokens, graph) in [
        ("vllm-0.15", 8192, 512),
        ("vllm-0.19", 8192, 512),
        ("vllm-0.25", 8192, 512),
        ("vllm-0.27", 8192, 512),
        ("vllm-0.28", 16_384, 1024),
        ("vllm-0.33", 16_384, 1024),
    ] {
        let b200 = of(profile, &["server.gpu=b200"]);
        assert_eq!(continuous(&b200).max_num_batched_tokens, tokens, "{profile}");
        assert_eq!(continuous(&b200).max_num_seqs, 1024);
        assert_eq!(b200.deployment.execution.largest_graph, graph, "{profile}");
        let mi300x = of(profile, &["server.gpu=mi300x"]);
        assert_eq!(continuous(&mi300x).max_num_batched_tokens, tokens, "{profile}");
        assert_eq!(mi300x.deployment.execution.largest_graph, 512);
        let h100 = of(profile, &[]);
        assert_eq!(continuous(&h100).max_num_batched_tokens, 8192);
        assert_eq!(h100.deployment.execution.largest_graph, 512);
    }
}

#[test]
fn graphs_hold_the_drafts_and_no_more_than_a_step() {
    let largest = |more: &[&str]| of("vllm-0.33", more).deployment.execution.largest_graph;
    let drafts = "batching.speculative={ method = \"ngram\", tokens = 3, acceptance = 0.5 }";
    let requests = "batching.max_num_seqs=8";
    assert_eq!(largest(&[requests]), 16);
    assert_eq!(largest(&[requests, drafts]), 64);
    assert_eq!(largest(&[requests, drafts, "batching.max_num_batched_tokens=40"]), 40);
}

#[test]
fn each_release_sorts_for_top_p_as_it_does() {
    let shape = |requests| StepShape {
        decoding: requests,
        context: 500 * u64::from(requests),
        sequences: requests,
        sampling: requests,
        ..StepShape::default()
    };
    // Whether steps of one, seven, eight and 200 requests that ask for top-p take longer than the search takes.
    for (profile, expected) in [
        ("vllm-0.15", [true; 4]),
        ("vllm-0.16", [true; 4]),
        ("vllm-0.17", [true, true, false, false]),
        ("vllm-0.19", [true, true, false, false]),
        ("vllm-0.25", [false; 4]),
        ("vllm-0.28", [false; 4]),
        ("vllm-0.33", [false; 4]),
    ] {
        let [plain, top_p] = ["plain", "top_p"].map(|how| {
            let how = format!("workload.sampling={how}");
            of(profile, &[how.as_str()]).deployment
        });
        let (vocabulary, search) = (plain.model.vocab_size() as f64, plain.execution.search);
        let [plain, top_p] = [plain, top_p].map(|it| it.step_time());
        let sorts = [1_u32, 7, 8, 200].map(|requests| {
            let [plain, top_p] = [&plain, &top_p].map(|it| it.step(&shape(requests)).seconds());
            let searched = search.of(f64::from(requests) * vocabulary) / 1e6;
            top_p > plain && ((top_p - plain) / searched - 1.0).abs() > 1e-3
        });
        assert_eq!(sorts, expected, "{profile}");
    }
}

#[test]
fn every_release_between_is_one_that_a_scenario_may_name() {
    let mut hashes = Vec::new();
    for (name, ..) in PROFILES {
        let scenario = of(name, &[]);
        assert_eq!(scenario.deployment.engine, name.replace("vllm-", "vLLM "));
        hashes.push(scenario.hash());
    }
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), PROFILES.len());
}

#[test]
fn every_result_names_its_engine() {
    let place = Workplace::new();
    place.write("scenario.toml", LEAST);
    let run = |arguments: &[&str]| {
        let ended = place.run(arguments);
        assert!(ended.stderr.is_empty() || !ended.stdout.is_empty(), "{}", ended.stderr);
        ended.stdout
    };
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&run(arguments)).unwrap() };
    for (more, engine) in [
        ("batching.policy=continuous", "vLLM 0.33"),
        ("batching.profile=vllm-0.19", "vLLM 0.19"),
        ("batching.policy=sglang", "SGLang 0.5.23"),
        ("batching.policy=trtllm", "TensorRT-LLM"),
        ("batching.policy=static", "plain generate()"),
    ] {
        let arguments = ["run", "scenario.toml", "--set", more];
        assert!(run(&arguments).contains(&format!("· {engine} ·")), "{more}");
        let result = json(&[&arguments[..], &["--format", "json"]].concat());
        assert_eq!(result["engine"], engine);
    }
    let page = place.path("page.html").display().to_string();
    run(&["run", "scenario.toml", "--html", &page]);
    assert!(std::fs::read_to_string(&page).unwrap().contains("vLLM 0.33"));
    let variations = [
        "compare",
        "scenario.toml",
        "--vary",
        "batching.profile=\"vllm-0.15\",\"vllm-0.33\"",
    ];
    let compared = json(&[&variations[..], &["--format", "json", "--seeds", "2"]].concat());
    let engines = [0, 1].map(|place| compared["variations"][place]["engine"].as_str());
    assert_eq!(engines, [Some("vLLM 0.15"), Some("vLLM 0.33")]);
    let curve = ["curve", "scenario.toml", "--rate", "1,2", "--seeds", "2"];
    assert!(run(&curve).contains("vLLM 0.33"));
    assert_eq!(
        json(&[&curve[..], &["--format", "json"]].concat())["engine"],
        "vLLM 0.33"
    );
    let capacity = ["capacity", "scenario.toml", "--slo", "e2e.mean<=100s", "--seeds", "2"];
    assert_eq!(
        json(&[&capacity[..], &["--format", "json"]].concat())["engine"],
        "vLLM 0.33"
    );
}
