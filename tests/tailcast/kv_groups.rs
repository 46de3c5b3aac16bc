//! From layers to groups of cache layers, blocks, tokens and concurrency, as vLLM's own functions give them.
//!
//! The table is not part of the project: this test reads it from a folder beside it, and says so if it is absent.

use std::path::Path;

use serde_json::Value;
use tailcast::config::catalogue;
use tailcast::hardware::{
    Drafter, KvGroup, KvGroupKind, KvGroupRules, KvLayer, KvLayers, KvLayout, KvLimits, KvPool, KvPrecision, Reach,
    block_that_holds_states, kv_layers,
};
use tailcast::policy::vllm::Profile;

const GIB: f64 = 1_073_741_824.0;

fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn narrow(value: &Value) -> u32 {
    whole(value).try_into().unwrap()
}

fn layer(kind: &Value) -> KvLayer {
    let heads = |reach| KvLayer::Heads {
        reach,
        heads: whole(&kind["kv_heads"]),
        head_dim: whole(&kind["head_dim"]),
        value_bytes: whole(&kind["dtype_bytes"]),
    };
    match kind["kind"].as_str().unwrap() {
        "full" => heads(Reach::Full),
        "sliding" => heads(Reach::Sliding(whole(&kind["window"]))),
        "chunked" => heads(Reach::Chunked(whole(&kind["chunk"]))),
        "mla" => KvLayer::Latent {
            token_bytes: whole(&kind["token_bytes"]),
        },
        "mamba" => KvLayer::State {
            bytes: whole(&kind["state_bytes"]),
            drafts: kind["speculative_blocks"].as_u64().unwrap_or(0).try_into().unwrap(),
        },
        other => panic!("{other}"),
    }
}

/// Like layers together in the order of their first.
fn layers_of(input: &Value) -> Vec<KvLayers> {
    let mut all: Vec<KvLayers> = Vec::new();
    for letter in input["layers"].as_str().unwrap().chars() {
        let layer = layer(&input["kinds"][letter.to_string()]);
        match all.iter_mut().find(|like| like.layer == layer) {
            Some(like) => like.count += 1,
            None => all.push(KvLayers { layer, count: 1 }),
        }
    }
    all
}

fn rules(release: u32) -> KvGroupRules {
    Profile::of_release(release).start_up.groups
}

fn pool_of(input: &Value, max_model_len: u32) -> KvPool {
    let is_hybrid = !input["hybrid_off"].as_bool().unwrap();
    let lengths = (narrow(&input["block_size"]), max_model_len);
    let layout = KvLayout::of(&layers_of(input), lengths, rules(33), is_hybrid).unwrap();
    let limits = KvLimits {
        max_model_len,
        max_num_batched_tokens: narrow(&input["max_num_batched_tokens"]),
        steps_in_flight: 1 + u32::from(input["async_scheduling"].as_bool().unwrap()),
    };
    KvPool::new(layout, whole(&input["available_bytes"]), limits, rules(33))
}

fn name_of(group: &KvGroup) -> &'static str {
    match group.kind {
        KvGroupKind::Full => "full",
        KvGroupKind::Sliding(_) => "sliding",
        KvGroupKind::Chunked(_) => "chunked",
        KvGroupKind::State(_) => "mamba",
    }
}

fn check_groups(name: &str, pool: &KvPool, groups: &Value) {
    let groups = groups.as_array().unwrap();
    assert_eq!(pool.layout.groups.len(), groups.len(), "{name}");
    for (place, group) in groups.iter().enumerate() {
        let mine = &pool.layout.groups[place];
        let kind = group["kind"].as_str().unwrap().replace("mla", "full");
        assert_eq!(name_of(mine), kind, "{name}");
        assert_eq!(mine.block_tokens, narrow(&group["block_size"]), "{name}");
        assert_eq!(pool.layout.layers[place], whole(&group["layers"]), "{name}");
    }
}

#[test]
fn every_models_groups_are_those_of_vllm_to_the_block() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/oracle/vllm2/kv_groups.json");
    let Ok(text) = std::fs::read_to_string(&file) else {
        eprintln!("skipped: {} is absent", file.display());
        return;
    };
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(cases.len() >= 20);
    let (mut started, mut refused) = (0, 0);
    for case in &cases {
        let (input, expected) = (&case["input"], &case["vllm"]);
        let name = input["model"].as_str().unwrap();
        let mut pool = pool_of(input, narrow(&input["max_model_len"]));
        if input["auto_fit"].as_bool().unwrap() {
            pool = pool_of(input, pool.longest());
            assert_eq!(pool.longest(), narrow(&expected["max_model_len"]), "{name}");
        }
        check_groups(name, &pool, &expected["groups"]);
        if let Some(estimate) = expected["estimated_max_model_len"].as_u64() {
            assert!(!pool.starts(), "{name}");
            assert_eq!(u64::from(pool.longest()), estimate, "{name}");
            refused += 1;
            continue;
        }
        assert!(pool.starts(), "{name}");
        assert_eq!(pool.blocks, whole(&expected["num_blocks"]), "{name}");
        assert_eq!(
            pool.layout.bytes_per_block,
            whole(&expected["bytes_per_block"]),
            "{name}"
        );
        let of_request: Vec<u64> = expected["blocks_per_request"]
            .as_array()
            .unwrap()
            .iter()
            .map(whole)
            .collect();
        assert_eq!(pool.blocks_of_request, of_request, "{name}");
        let concurrency = expected["max_concurrency"].as_f64().unwrap();
        assert!((pool.concurrency() - concurrency).abs() < 1e-6, "{name}");
        assert_eq!(pool.logged_tokens(), whole(&expected["kv_cache_size_tokens"]), "{name}");
        started += 1;
    }
    assert!(started >= 18 && refused >= 1, "{started} {refused}");
}

fn of_model(name: &str, (release, gpus): (u32, u32), available_gib: f64, limits: KvLimits) -> KvPool {
    let model = catalogue::model(name).unwrap();
    let layers = kv_layers(&model, None, KvPrecision::Bf16, gpus);
    let layout = KvLayout::of(&layers, (16, limits.max_model_len), rules(release), true).unwrap();
    KvPool::new(layout, (available_gib * GIB) as u64, limits, rules(release))
}

/// Gemma 3 27B on an MI300X with vLLM 0.11, from its log: 109.86 GiB, 205,696 tokens, 50.05 requests of 4,096. Its 52
/// layers with windows are dealt to six groups of nine and eight, its ten others to one; 109.86 GiB hold 89,997 blocks
/// of ten layers, of which a request takes 6 x 257 + 256.
#[test]
fn an_older_release_logs_the_tokens_of_even_groups() {
    let limits = KvLimits {
        max_model_len: 4096,
        max_num_batched_tokens: 8192,
        steps_in_flight: 1,
    };
    let pool = of_model("gemma-3-27b", (11, 1), 109.86, limits);
    assert_eq!(pool.layout.layers, [9, 9, 9, 9, 8, 8, 10]);
    assert_eq!(pool.blocks_of_request.iter().sum::<u64>(), 1798);
    assert_eq!((pool.blocks, pool.logged_tokens()), (89_997, 205_696));
    assert_eq!(format!("{:.2}", pool.concurrency()), "50.05");
}

/// Steps in flight count since 0.28, the null block since 0.33.
#[test]
fn what_a_request_holds_changes_with_the_release() {
    let limits = KvLimits {
        max_model_len: 131_072,
        max_num_batched_tokens: 8192,
        steps_in_flight: 2,
    };
    let of = |release| of_model("gpt-oss-20b", (release, 1), 52.5, limits);
    assert_eq!(of(25).blocks_of_request, [521, 8192]);
    assert_eq!(of(28).blocks_of_request, [1033, 8192]);
    let needed = |release| of(release).needed_bytes() / of(release).layout.bytes_per_block;
    assert_eq!((needed(32), needed(33)), (9225, 9226));
    assert_eq!(of(19).logged_tokens(), 143_360 / 2 * 16);
}

#[test]
fn a_drafters_layer_joins_those_like_it() {
    let model = catalogue::model("gpt-oss-20b").unwrap();
    let drafter = Drafter::eagle(&model);
    let layers = kv_layers(&model, Some(&drafter), KvPrecision::Bf16, 1);
    assert_eq!(layers.iter().map(|like| like.count).collect::<Vec<_>>(), [12, 13]);
    let layout = KvLayout::of(&layers, (16, 131_072), rules(33), true).unwrap();
    assert_eq!((layout.layers, layout.bytes_per_block), (vec![12, 13], 13 * 32_768));
}

/// Qwen3-Next on one and on two GPUs: a state of 1,097,728 or 548,864 bytes beside 2,048 or 1,024 bytes a token.
#[test]
fn blocks_of_attention_grow_to_the_state_beside_it() {
    for (bytes, heads) in [(1_097_728, 2), (548_864, 1)] {
        let state = KvLayer::State { bytes, drafts: 0 };
        let full = KvLayer::Heads {
            reach: Reach::Full,
            heads,
            head_dim: 256,
            value_bytes: 2,
        };
        let layers = [(state, 36), (full, 12)].map(|(layer, count)| KvLayers { layer, count });
        assert_eq!(block_that_holds_states(&layers, 16), 544);
        assert_eq!(block_that_holds_states(&layers[1..], 16), 16);
    }
}

#[test]
fn latent_vectors_are_not_padded() {
    let windows = KvLayer::Heads {
        reach: Reach::Sliding(128),
        heads: 8,
        head_dim: 128,
        value_bytes: 2,
    };
    let latent = KvLayer::Latent { token_bytes: 1152 };
    let layers = [windows, latent].map(|layer| KvLayers { layer, count: 2 });
    let refused = KvLayout::of(&layers, (16, 4096), rules(33), true).unwrap_err();
    assert!(
        refused.to_string().contains("18432 bytes a block beside 65536"),
        "{refused}"
    );
    // Kept in full they are of one kind, each with blocks of its own size.
    let layout = KvLayout::of(&layers, (16, 4096), rules(33), false).unwrap();
    assert_eq!(layout.bytes_per_block, 2 * (18_432 + 65_536));
}
