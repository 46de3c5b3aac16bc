//! The prefix cache on a real trace: the conversations of Mooncake (FAST 2025), 12,031 requests whose prompts have 145
//! million tokens.
//!
//! Known from the trace alone, in the order of arrival and as if requests took no time: what a cache without limit
//! finds (0.3734 of the tokens in whole blocks of 512, 0.3736 with parts of blocks), and what one of a limited size
//! that forgets what was used longest ago finds of the blocks. A server that keeps up serves in the order of arrival,
//! and few requests keep blocks in use: here Llama 3.1 8B on eight H100, where two requests wait and eight run on
//! average. It differs in that outputs take blocks too, 3 % of the tokens, and in that it forgets in blocks of 16
//! tokens, the end of a prompt first.

use serde_json::Value;

use crate::command::Workplace;
use crate::trace_facts::real;

const SERVER: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
tensor_parallel = 8
block_size = 16
max_model_len = 131072
[batching]
policy = "continuous"
prefix_caching = true
"#;

fn kv(trace: &str, more: &[&str]) -> Value {
    let place = Workplace::new();
    let workload = format!("[workload]\ntrace = {{ path = {trace:?} }}\n");
    place.write("mooncake.toml", format!("{SERVER}{workload}"));
    let mut arguments = vec!["run", "mooncake.toml", "--quiet", "--format", "json"];
    for setting in more {
        arguments.extend(["--set", setting]);
    }
    let ended = place.run(&arguments);
    let result: Value = ended.json();
    result["kv"].clone()
}

fn ratio(kv: &Value, key: &str) -> f64 {
    kv[key].as_f64().unwrap_or_else(|| panic!("{key} in {kv}"))
}

/// The cache has as many tokens as one of `blocks_of_512` blocks, of which it is known that it finds `known` of all
/// blocks.
#[track_caller]
fn assert_finds_nearly(blocks_of_512: u32, known: f64) {
    let Some(path) = real("mooncake/conversation_trace.jsonl") else {
        return;
    };
    let blocks = format!("server.kv_blocks={}", blocks_of_512 * 32);
    let kv = kv(path.to_str().unwrap(), &[&blocks]);
    let hits = ratio(&kv, "prefix_hit_ratio");
    assert!((0.9 * known..0.3736).contains(&hits), "{blocks}: {hits}, known {known}");
    let ideal = ratio(&kv, "prefix_ideal_hit_ratio");
    assert!((0.37361..0.37362).contains(&ideal), "{ideal}");
    // Whoever comes later finds what came before as it is computed: only the size is in the way.
    assert_eq!(kv["prefix_lost_to_order_tokens"], 0);
}

#[test]
fn a_small_cache_finds_nearly_what_is_known_of_its_size() {
    assert_finds_nearly(10_000, 0.2116);
}

#[test]
fn larger_caches_find_nearly_what_is_known_of_their_size_and_less_than_the_ideal() {
    for (blocks_of_512, known) in [(30_000, 0.3257), (50_000, 0.3546), (100_000, 0.3637)] {
        assert_finds_nearly(blocks_of_512, known);
    }
}

#[test]
fn the_ideal_cache_is_the_one_that_the_trace_alone_tells() {
    let Some(path) = real("mooncake/conversation_trace.jsonl") else {
        return;
    };
    let kv = kv(
        path.to_str().unwrap(),
        &["server.block_size=512", "server.kv_blocks=300000"],
    );
    let ideal = ratio(&kv, "prefix_ideal_hit_ratio");
    assert!((ideal - 0.3734).abs() < 0.000_05, "{ideal}");
    // With room for everything, nothing is lost to capacity.
    assert_eq!(kv["prefix_lost_to_capacity_tokens"], 0);
}
