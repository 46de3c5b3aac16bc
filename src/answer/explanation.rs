//! Where the numbers of a run come from: what the formula forgets, the arithmetic of the memory, and the origin of
//! every setting.

use std::fmt::Write;

use crate::config::{Deployment, on_one_line};
use crate::hardware::{CacheSizing, KvGroupKind};
use crate::policy::PolicySettings;
use crate::report::formula::memory_table;
use crate::study::{Input, MemoryLeftOut};

/// What (memory - weights) / KV per user forgets, the arithmetic of the memory, and every setting with its origin.
/// Contexts have so many tokens in the mean, if any are known.
pub fn of(input: &Input, mean_context_tokens: Option<f64>) -> String {
    let scenario = &input.scenario;
    let mut text = String::new();
    for pool in scenario.operation.pools() {
        let servers = match pool.servers {
            1 => "the server".to_owned(),
            servers => format!("each of the {servers} servers"),
        };
        let _ = writeln!(text, "Of {servers} of the pool {}:", on_one_line(&pool.name));
        text += &(of_server(&pool.deployment, mean_context_tokens) + "\n");
    }
    if scenario.operation.pools().is_empty() {
        if let servers @ 2.. = scenario.operation.servers() {
            let _ = writeln!(text, "Of each of the {servers} servers:");
        }
        text += &of_server(&scenario.deployment, mean_context_tokens);
    }
    text.push_str("\nSettings\n");
    let width = scenario
        .settings
        .iter()
        .map(|setting| setting.key.len())
        .max()
        .unwrap_or(0);
    for setting in &scenario.settings {
        let origin = if setting.is_default {
            format!("default: {}", setting.origin)
        } else {
            setting.origin.clone()
        };
        let _ = writeln!(
            text,
            "  {:width$}  {:<16}  {}",
            setting.key,
            on_one_line(&setting.value),
            on_one_line(&origin)
        );
    }
    let _ = write!(text, "\nscenario {} · seed {}\n", scenario.hash(), scenario.seed);
    text
}

fn of_server(deployment: &Deployment, mean_context_tokens: Option<f64>) -> String {
    let left_out = mean_context_tokens.map(|tokens| MemoryLeftOut::of(deployment, tokens));
    let table = left_out.map(|left_out| memory_table(&left_out).to_text() + "\n");
    table.unwrap_or_default() + &memory_lines(deployment)
}

fn memory_lines(deployment: &Deployment) -> String {
    const GIB: f64 = (1u64 << 30) as f64;
    let budget = &deployment.memory;
    let gib = |bytes: u64| bytes as f64 / GIB;
    let share = match deployment.cache_sizing {
        CacheSizing::Profiled => "gpu_memory_utilization",
        CacheSizing::StaticFraction(_) => "mem_fraction_static",
    };
    let mut text = format!(
        "Memory of each GPU, in GiB\n{:>9.2}  {} reports\n{:>9.2}  of them for the server ({share})\n",
        gib(budget.total_bytes),
        deployment.gpu.title(),
        gib(budget.requested_bytes),
    );
    for (what, bytes) in [
        ("weights", budget.weights_bytes),
        ("weights of the drafter", budget.draft_weights_bytes),
        ("activations of the largest step", budget.activations_bytes),
        ("rotary table, libraries, buffers", budget.overhead_bytes),
    ] {
        if bytes > 0 {
            let _ = writeln!(text, "{:>9.2}  {what}", -gib(bytes));
        }
    }
    let _ = writeln!(text, "{:>9.2}  left for the KV cache", gib(budget.kv_bytes));
    let blocks = deployment.server.kv_blocks;
    let tokens = deployment.server.cache_tokens();
    let origin = if deployment.kv_blocks_given {
        "as the scenario gives them"
    } else {
        "that fit"
    };
    let of_what = if deployment.server.kv_groups.is_some() {
        format!("in requests of {} each", deployment.server.max_model_len)
    } else {
        format!("of {} bytes each", budget.kv_bytes_per_token)
    };
    let _ = writeln!(
        text,
        "{blocks} blocks {origin}: {tokens} tokens {of_what} (one block, the null block, holds none)"
    );
    if deployment.kv_blocks_given {
        return text;
    }
    if matches!(deployment.server.policy, PolicySettings::Continuous(_)) {
        return text + &pool_lines(deployment);
    }
    let _ = writeln!(text, "KV blocks {}", deployment.cache_arithmetic());
    text
}

/// What the engine says of its cache when it starts, and the groups behind it where there are several.
fn pool_lines(deployment: &Deployment) -> String {
    let pool = &deployment.memory.kv_pool;
    let mut text = format!(
        "{} logs: {} blocks, GPU KV cache size {} tokens, maximum concurrency for {} tokens per request {:.2}x\n",
        deployment.engine,
        pool.blocks,
        pool.logged_tokens(),
        deployment.server.max_model_len,
        pool.concurrency(),
    );
    let groups = &pool.layout.groups;
    if groups.len() == 1 {
        return text;
    }
    let of_request: u64 = pool.blocks_of_request.iter().sum();
    let _ = writeln!(
        text,
        "They are blocks of {} groups of layers, {} bytes each; a request of that length takes {of_request} at most:",
        groups.len(),
        pool.layout.bytes_per_block,
    );
    for (place, group) in groups.iter().enumerate() {
        let keeps = match group.kind {
            KvGroupKind::Full => "all tokens".to_owned(),
            KvGroupKind::Sliding(window) => format!("a window of {window} tokens"),
            KvGroupKind::Chunked(chunk) => format!("the chunk of {chunk} tokens"),
            KvGroupKind::State(_) => "a state".to_owned(),
        };
        let _ = writeln!(
            text,
            "{:>9}  of {} layers that keep {keeps}, {} tokens a block",
            pool.blocks_of_request[place], pool.layout.layers[place], group.block_tokens,
        );
    }
    text += "Simulated is one table for all layers, its blocks charged by what such a request takes in the mean\n";
    text
}
