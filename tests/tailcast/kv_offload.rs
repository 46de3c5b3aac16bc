//! KV cache in the memory of the CPU: what a scenario may ask for, and what comes of it.

use tailcast::metrics::{OffloadSummary, Summary};
use tailcast::study;

use crate::command::Workplace;
use crate::config::load;

/// Conversations of which the GPU forgets most before their next turn comes.
const CONVERSATIONS: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
kv_blocks = 3000
max_model_len = 32768
[workload]
requests = 3000
arrivals = { process = "poisson", rate = 6.0 }
session = { turns = 6, think = "20s" }
prompt = { dist = "fixed", value = 900 }
output = { dist = "fixed", value = 100 }
"#;

fn run(settings: &[&str]) -> Summary {
    Summary::of(&study::simulate(&load(CONVERSATIONS, settings), 3).unwrap())
}

fn offloaded(settings: &[&str]) -> (Summary, OffloadSummary) {
    let summary = run(settings);
    let moved = summary.kv_offload.expect("the CPU holds KV cache");
    (summary, moved)
}

/// The mean [s].
fn ttft(summary: &Summary) -> f64 {
    summary.latency.ttft.mean.expect("requests were answered")
}

#[test]
fn what_the_gpu_forgets_is_loaded_instead_of_computed_again() {
    let without = run(&["batching.async_scheduling=false"]);
    assert_eq!(without.kv_offload, None);
    let (with, moved) = offloaded(&[
        "server.kv_offload.memory=\"256GiB\"",
        "server.kv_offload.link=\"50 GB/s\"",
    ]);
    assert!(moved.loads > 500 && moved.loaded_tokens > 1_000_000, "{moved:?}");
    // Blocks that are loaded are hits; the GPU alone found fewer.
    let [hits, hits_before] = [&with, &without].map(|it| it.kv.prefix_hit_ratio.unwrap());
    assert!(hits > hits_before + 0.2, "{hits} after {hits_before}");
    assert!(ttft(&with) < ttft(&without), "{} after {}", ttft(&with), ttft(&without));
    // Found, lost to capacity and lost to order are all that could have been found.
    let kv = &with.kv;
    let lost = kv.prefix_lost_to_capacity_tokens.unwrap().cast_signed() + kv.prefix_lost_to_order_tokens.unwrap();
    assert_eq!(
        kv.prefix_hit_tokens.cast_signed() + lost,
        kv.prefix_ideal_hit_tokens.unwrap().cast_signed()
    );
}

#[test]
fn a_larger_memory_finds_more_and_a_slower_link_takes_longer() {
    let of = |memory: &str, link: &str| {
        let memory = format!("server.kv_offload.memory=\"{memory}\"");
        let link = format!("server.kv_offload.link=\"{link}\"");
        offloaded(&[&memory, &link])
    };
    let (_, small) = of("4GiB", "50 GB/s");
    let (_, large) = of("32GiB", "50 GB/s");
    assert!(small.loaded_tokens < large.loaded_tokens, "{small:?} {large:?}");
    assert_eq!(small.usage_max, Some(1.0));
    let (fast, of_fast) = of("256GiB", "400 GB/s");
    let (slow, of_slow) = of("256GiB", "2 GB/s");
    assert!(ttft(&fast) < ttft(&slow), "{} {}", ttft(&fast), ttft(&slow));
    assert!(of_fast.loading_fraction.unwrap() < of_slow.loading_fraction.unwrap());
    // 128 KiB a token: 16 blocks of 16 tokens of 8 heads of 128 in 32 layers are 2 MiB each.
    let (_, tiny) = of("2GiB", "50 GB/s");
    assert_eq!(tiny.capacity_tokens, Some(16 * 1024));
}

#[test]
fn what_is_not_modelled_beside_it_is_refused_with_the_way_out() {
    let place = Workplace::new();
    let offload = ["--set", "server.kv_offload.memory=\"64GiB\""];
    for (more, message) in [
        (
            &["--set", "batching.async_scheduling=true"][..],
            "batching.async_scheduling = true beside server.kv_offload",
        ),
        (
            &[
                "--set",
                "batching.speculative={ method = \"ngram\", tokens = 3, acceptance = 0.5 }",
            ],
            "with drafts",
        ),
        (&["--set", "model.name=\"gemma-3-12b\""], "layers that see a window"),
        (
            &["--set", "server.kv_offload.memory=\"1MiB\""],
            "holds no block: one takes 2.0 MiB",
        ),
        (&["--set", "server.kv_offload.size=3"], "has no key `size`"),
    ] {
        let arguments = [&["run", "--requests", "10"], &offload[..], more].concat();
        let ended = place.run(&arguments);
        assert_eq!(ended.code, Some(2), "{more:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(message), "{more:?}: {}", ended.stderr);
    }
    let other = ["run", "--requests", "10", "--set", "batching.policy=\"static\""];
    let ended = place.run(&[&other[..], &offload].concat());
    assert!(
        ended.stderr.contains("nothing is kept in the memory of the CPU"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_run_says_what_moved_and_that_the_link_is_assumed() {
    let place = Workplace::new();
    place.write("chat.toml", CONVERSATIONS);
    let offload = ["run", "chat.toml", "--set", "server.kv_offload.memory=\"64GiB\""];
    let ended = place.run(&offload);
    assert!(matches!(ended.code, Some(0 | 99)), "{}", ended.stderr);
    assert!(ended.stdout.contains("CPU tier"), "{}", ended.stdout);
    assert!(
        ended.stderr.contains("51.2 GB/s between a GPU and the CPU"),
        "{}",
        ended.stderr
    );
    let json = place.run(&[&offload[..], &["--format", "json"]].concat());
    let result: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(result["kv_offload"]["capacity_tokens"], 16 * 32768);
    assert!(result["kv_offload"]["loaded_tokens"].as_u64().unwrap() > 0);
}
