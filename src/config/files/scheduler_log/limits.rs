//! What an experiment may ask for: what vLLM itself would start with, what comes to an end, and what a log can hold.

use super::raw::{RawConfig, RawOffload, RawTiming};
use crate::policy::{MOST_REQUESTS, MOST_TOKENS, Memory};
use crate::workload::Request;

/// The log holds the free blocks of every step.
const MOST_BLOCKS: u32 = 1 << 20;
/// More drafts or tokens of a draft model than any uses.
const MOST_DRAFTS: u32 = 1024;
/// The most tokens that a request may ask for.
pub const MOST_OUTPUT_TOKENS: u32 = MOST_TOKENS;
/// The log of an untimed experiment has a line for every step up to the last arrival, idle ones included.
pub const MOST_IDLE_STEPS: u64 = 100_000;
/// The log has a line for every step until the last transfer has ended.
const MOST_TRANSFER_STEPS: u32 = 10_000;
/// A step that takes longer is a slip of the pen [µs].
const LONGEST_STEP_US: u64 = 86_400_000_000;

/// Refuses numbers out of range and what vLLM's `SchedulerConfig` does not start with.
pub fn check(config: &RawConfig) -> Result<(), String> {
    for (name, value, least, most) in [
        ("num_blocks", config.num_blocks, 2, MOST_BLOCKS),
        ("block_size", config.block_size, 1, MOST_TOKENS),
        ("max_num_seqs", config.max_num_seqs, 1, MOST_REQUESTS),
        (
            "max_num_batched_tokens",
            config.max_num_batched_tokens,
            config.max_num_seqs,
            MOST_TOKENS,
        ),
        ("max_model_len", config.max_model_len, 2, MOST_TOKENS),
        (
            "long_prefill_token_threshold",
            config.long_prefill_token_threshold,
            0,
            config.max_model_len,
        ),
        ("num_speculative_tokens", config.num_speculative_tokens, 0, MOST_DRAFTS),
        ("lookahead_tokens", config.lookahead_tokens.unwrap_or(0), 0, MOST_DRAFTS),
    ] {
        if !(least..=most).contains(&value) {
            return Err(format!(
                "config.{name} is {value}; write a whole number from {least} to {most}"
            ));
        }
    }
    if let Some(offload) = &config.offload {
        check_offload(config, offload)?;
    }
    check_choices(config)
}

/// Refuses what the memory of the CPU is not modelled with.
fn check_offload(config: &RawConfig, offload: &RawOffload) -> Result<(), String> {
    for (name, value, least, most) in [
        ("cpu_blocks", offload.cpu_blocks, 1, MOST_BLOCKS),
        ("load_steps", offload.load_steps, 0, MOST_TRANSFER_STEPS),
        ("store_steps", offload.store_steps, 0, MOST_TRANSFER_STEPS),
    ] {
        if !(least..=most).contains(&value) {
            return Err(format!(
                "config.offload.{name} is {value}; write a whole number from {least} to {most}"
            ));
        }
    }
    let groups = config.kv_groups.as_deref().unwrap_or_default();
    let has_one_table = groups.len() < 2 && groups.iter().all(|group| group.kind == "full");
    for (is_so, what, instead) in [
        (config.async_scheduling, "async_scheduling", "async_scheduling = false"),
        (!has_one_table, "kv_groups", "one group of kind \"full\""),
        (
            config.num_speculative_tokens > 0,
            "drafts",
            "num_speculative_tokens = 0",
        ),
    ] {
        if is_so {
            return Err(format!(
                "not supported: config.offload with {what}; write {instead}, or leave offload out"
            ));
        }
    }
    Ok(())
}

fn check_choices(config: &RawConfig) -> Result<(), String> {
    if !config.enable_chunked_prefill && config.max_num_batched_tokens < config.max_model_len {
        return Err(format!(
            "config.max_num_batched_tokens is {}, but without chunked prefill a step must hold the longest request; \
             write at least config.max_model_len, {}",
            config.max_num_batched_tokens, config.max_model_len
        ));
    }
    if !(0.0..1.0).contains(&config.watermark) {
        return Err(format!(
            "config.watermark is {:?}; write a number from 0 to below 1",
            config.watermark
        ));
    }
    if !["fcfs", "priority"].contains(&config.policy.as_str()) {
        return Err(format!(
            "config.policy is {:?}; write \"fcfs\" or \"priority\"",
            config.policy
        ));
    }
    let methods = ["ngram", "eagle", "draft_model"];
    if let Some(method) = config.spec_method.as_deref().filter(|method| !methods.contains(method)) {
        return Err(format!(
            "config.spec_method is {method:?}; write null, \"ngram\", \"eagle\" or \"draft_model\""
        ));
    }
    if config.spec_propose.as_ref().is_some_and(Vec::is_empty) {
        return Err(
            "config.spec_propose is empty; write how many drafts are proposed, e.g. [3, 0, 2], or null: every \
             proposal has num_speculative_tokens drafts"
                .to_owned(),
        );
    }
    if config.prefix_cache_retention_interval > Some(MOST_TOKENS) {
        return Err(format!(
            "config.prefix_cache_retention_interval is too large; write null or a whole number from 0 to {MOST_TOKENS}"
        ));
    }
    Ok(())
}

/// Refuses a request that all blocks together cannot hold: it would compute, lose its blocks and compute again for
/// ever.
pub fn check_fits(config: &RawConfig, memory: &Memory, request: &Request) -> Result<(), String> {
    // The last token is never computed; drafts and a draft model's own tokens need room beyond the others.
    let tokens = u64::from(request.prompt.tokens()) + u64::from(request.output_tokens) - 1;
    let beyond = config.num_speculative_tokens + config.lookahead_tokens.unwrap_or(0);
    let tokens = (tokens + u64::from(beyond)).min(config.max_model_len.into());
    let steps_in_flight = if config.async_scheduling { 2 } else { 1 };
    let in_flight = u64::from(config.max_num_batched_tokens) * steps_in_flight;
    let blocks = memory.groups().most_blocks(tokens as u32, in_flight);
    let usable = config.num_blocks - 1;
    if blocks <= u64::from(usable) {
        return Ok(());
    }
    let each = if memory.kv_groups.is_some() {
        "in all groups together".to_owned()
    } else {
        format!("of {}", config.block_size)
    };
    Err(format!(
        "its {tokens} tokens need {blocks} blocks {each}, and config.num_blocks leaves {usable} beside the null block; \
         write num_blocks = {} or a shorter request",
        blocks + 1
    ))
}

/// Refuses steps that could carry the clock past its end.
pub fn check_timing(config: &RawConfig, timing: &RawTiming) -> Result<(), String> {
    let longest = u64::from(timing.base)
        + u64::from(timing.per_token) * u64::from(config.max_num_batched_tokens)
        + u64::from(timing.per_sequence) * u64::from(config.max_num_seqs);
    if longest <= LONGEST_STEP_US {
        return Ok(());
    }
    Err(format!(
        "timing: a step of config.max_num_batched_tokens tokens and config.max_num_seqs requests takes {:.1} days; \
         write smaller numbers, they are microseconds",
        longest as f64 / LONGEST_STEP_US as f64
    ))
}
