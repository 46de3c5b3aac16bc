//! What is said of memory: warnings, whose arithmetic stands behind the KV cache, and what would fit.

use std::path::Path;

use tailcast::config::{Flag, Layers, Scenario, catalogue};
use tailcast::hardware::default_static_fraction;

use crate::command::Workplace;
use crate::config::{LEAST, load};

#[test]
fn blocks_given_by_hand_do_not_hide_that_the_weights_do_not_fit() {
    let too_large = ["model.name=\"llama-3.1-405b\"", "server.kv_blocks=20000"];
    let warnings = load(LEAST, &too_large).warnings;
    assert!(
        warnings.iter().any(|it| it.contains("the weights alone take 756")),
        "{warnings:?}"
    );
    let place = Workplace::new();
    place.write("scenario.toml", LEAST);
    let set = ["--set", too_large[0], "--set", too_large[1]];
    for verb in [
        &["run"][..],
        &["curve", "--rate", "1,2", "--seeds", "2"],
        &["capacity", "--slo", "e2e.mean<=100s", "--seeds", "2"],
        &["compare", "--vary", "server.block_size=16,32", "--seeds", "2"],
        &["plan"],
    ] {
        let arguments = [&verb[..1], &["scenario.toml"], &verb[1..], &set].concat();
        let ended = place.run(&arguments);
        assert!(
            ended.stderr.contains("no such server can start"),
            "{verb:?}: {}",
            ended.stderr
        );
    }
    // A larger cache than there is may be asked for.
    let cache = load(LEAST, &["server.kv_blocks=10000000"]).warnings;
    assert!(cache.iter().all(|it| !it.contains("no such server")), "{cache:?}");
}

#[test]
fn little_memory_outside_of_what_a_server_may_use_is_said() {
    let warnings = |more: &[&str]| load(LEAST, more).warnings.join("\n");
    let raised = warnings(&["server.gpu_memory_utilization=0.98"]);
    assert!(raised.contains("leaves 1.6 GiB of each NVIDIA H100"), "{raised}");
    for enough in [
        &["server.gpu_memory_utilization=0.95"][..],
        &["server.gpu=l4", "server.max_model_len=4096", "batching.max_num_seqs=16"],
        &["server.gpu_memory_utilization=0.98", "batching.policy=static"],
    ] {
        assert!(!warnings(enough).contains("outside"), "{enough:?}");
    }
}

/// SGLang 0.5.23 (`srt/arg_groups/memory_hook.py`), for models without experts or images.
#[test]
fn sglangs_share_of_the_memory_depends_on_the_gpu() {
    let model = catalogue::model("llama-3.1-8b").unwrap();
    for (gpu, gpus, share) in [
        ("rtx-4090", 1, 0.704),
        ("l4", 1, 0.684),
        ("rtx-5090", 1, 0.777),
        ("l40s", 1, 0.843),
        ("a100-80-sxm", 1, 0.830),
        ("h100-sxm", 1, 0.830),
        ("h100-sxm", 8, 0.812),
        ("h200", 1, 0.903),
        ("b200", 1, 0.854),
    ] {
        let own = default_static_fraction(&catalogue::gpu(gpu).unwrap(), &model, gpus, None);
        assert!((own - share).abs() < 0.0015, "{gpu} {gpus}: {own} {share}");
    }
    let latent = catalogue::model("deepseek-v2-lite").unwrap();
    let h100 = catalogue::gpu("h100-sxm").unwrap();
    // 1,536 MiB in place of 8 for each of 58 sizes.
    let less = default_static_fraction(&h100, &model, 1, None) - default_static_fraction(&h100, &latent, 1, None);
    assert!((less - (1536.0 - 464.0) / 81_592.0).abs() < 0.0011, "{less}");
}

#[test]
fn under_sglang_its_share_decides_and_elsewhere_it_is_refused() {
    let sglang = "batching.policy=sglang";
    let kv = |more: &[&str]| {
        let scenario = load(LEAST, &[&[sglang], more].concat());
        assert!(
            scenario
                .settings
                .iter()
                .any(|it| it.key == "server.mem_fraction_static")
        );
        scenario.deployment.memory.kv_bytes as f64 / 1_073_741_824.0
    };
    let half = kv(&["server.mem_fraction_static=0.5"]);
    // Of what is free, 79.18 less a context, half; of it weights and the table of positions.
    assert!((half - (0.5 * 78.68 - 14.96 - 0.03)).abs() < 0.02, "{half}");
    let own = kv(&[]);
    assert!((own - half - 0.33 * 78.68).abs() < 0.1, "{own} {half}");
    let place = Workplace::new();
    place.write("scenario.toml", LEAST);
    let refused = place.run(&["run", "scenario.toml", "--set", "server.mem_fraction_static=0.8"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("gpu_memory_utilization"), "{}", refused.stderr);
    let warnings = load(LEAST, &[sglang, "server.gpu_memory_utilization=0.8"]).warnings;
    assert!(warnings[0].contains("decides nothing"), "{warnings:?}");
}

#[test]
fn whoever_counts_the_blocks_is_named_beside_them() {
    let place = Workplace::new();
    place.write("scenario.toml", LEAST);
    for (policy, said) in [
        ("continuous", "KV blocks from the memory model"),
        ("sglang", "KV blocks as SGLang counts them (mem_fraction_static 0.83)"),
        ("tgi", "KV blocks as vLLM would count them"),
        ("static", "KV blocks as vLLM would count them"),
    ] {
        let set = format!("batching.policy={policy}");
        let ended = place.run(&["run", "scenario.toml", "--set", &set]);
        assert!(ended.stdout.contains(said), "{policy}: {}", ended.stdout);
        let explained = place.run(&["run", "scenario.toml", "--explain", "--set", &set]).stdout;
        let line = if policy == "continuous" {
            "GPU KV cache size"
        } else {
            said
        };
        assert!(explained.contains(line), "{policy}: {explained}");
    }
}

/// Reads a scenario, or says why there is none as a person would be told.
fn try_load(path: &Path, assignments: &[&str]) -> Result<Scenario, String> {
    let flags = assignments.iter().map(|assignment| Flag::new("--set", *assignment));
    let layers = Layers {
        file: Some(path.to_path_buf()),
        flags: flags.collect(),
        ..Layers::default()
    };
    Scenario::load(&layers).map_err(|problem| problem.to_string())
}

/// The assignments of each line of advice, as they would be written after a command.
fn advised(refusal: &str) -> Vec<Vec<String>> {
    let lines = refusal.lines().filter(|line| line.contains("--set "));
    let assignments = lines.map(|line| {
        let assignments = line.rsplit(", or ").next().unwrap();
        let parts = assignments.split("--set ").skip(1);
        parts.map(|part| part.trim_end_matches(')').trim().to_owned()).collect()
    });
    assignments.collect()
}

#[test]
fn whatever_is_advised_fits() {
    let place = Workplace::new();
    place.write("scenario.toml", LEAST);
    let path = place.path("scenario.toml");
    let (mut tried, mut kinds) = (0, std::collections::BTreeSet::new());
    for model in [
        "llama-3.1-8b",
        "llama-3.1-70b",
        "gemma-3-27b",
        "gpt-oss-120b",
        "deepseek-v2-lite",
        "qwen3-32b",
    ] {
        for gpu in ["l4", "rtx-4090", "a100-40-sxm", "l40s", "h100-sxm", "mi300x"] {
            for more in [
                &[][..],
                &["server.max_model_len=131072"],
                &[
                    "model.weights=fp8",
                    "server.max_model_len=40000",
                    "server.gpu_memory_utilization=0.85",
                ],
                &["batching.policy=sglang", "server.max_model_len=65536"],
            ] {
                let (model, gpu) = (format!("model.name={model}"), format!("server.gpu={gpu}"));
                let asked = [&[model.as_str(), gpu.as_str()], more].concat();
                let Err(refusal) = try_load(&path, &asked) else {
                    continue;
                };
                assert!(refusal.contains("does not fit"), "{asked:?}: {refusal}");
                for changes in advised(&refusal) {
                    let changed: Vec<&str> = asked
                        .iter()
                        .copied()
                        .chain(changes.iter().map(String::as_str))
                        .collect();
                    if let Err(problem) = try_load(&path, &changed) {
                        panic!("{changed:?}: {problem}");
                    }
                    kinds.insert(
                        changes
                            .iter()
                            .map(|it| it.split('=').next().unwrap().to_owned())
                            .collect::<Vec<_>>(),
                    );
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 100, "{tried}");
    println!("{tried} of {kinds:#?}");
    for key in [
        "batching.max_num_seqs",
        "server.gpu_memory_utilization",
        "server.max_model_len",
        "model.kv_cache",
        "model.weights",
        "server.tensor_parallel",
        "server.gpu",
    ] {
        assert!(kinds.contains(&vec![key.to_owned()]), "{key} is never advised");
    }
    assert!(kinds.iter().any(|kind| kind.len() == 2), "no pair is ever advised");
}

/// Its weights take 66 GiB and leave too little for the sampler of 1,024 requests beside a context.
#[test]
fn a_smaller_batch_comes_before_other_gpus() {
    let place = Workplace::new();
    place.write("scenario.toml", LEAST);
    let asked = ["model.name=llama-3.1-70b", "model.weights=fp8"];
    let refusal = try_load(&place.path("scenario.toml"), &asked).unwrap_err();
    let first = refusal
        .lines()
        .skip_while(|line| !line.starts_with("Any one"))
        .nth(1)
        .unwrap();
    assert!(
        first.contains("--max-num-seqs") && first.contains("--set batching.max_num_seqs="),
        "{refusal}"
    );
    let other = refusal.find("gpu = \"").unwrap();
    assert!(refusal.find("max_num_seqs = ").unwrap() < other, "{refusal}");
    let ended = place.run(&["run", "scenario.toml", "--set", asked[0], "--set", asked[1]]);
    assert_eq!(ended.code, Some(3));
    let flags: Vec<&str> = first.split(['(', ',']).nth(1).unwrap().split(' ').collect();
    let arguments = [
        &["run", "scenario.toml", "--set", asked[0], "--set", asked[1]][..],
        &flags,
    ]
    .concat();
    assert_eq!(place.run(&arguments).code, Some(0), "{arguments:?}");
}
