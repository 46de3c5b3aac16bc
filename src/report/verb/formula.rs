//! The back-of-envelope formula beside what the simulation says of each thing that it leaves out.

use std::fmt::Write;

use serde::Serialize;

use crate::report::page::{Block, Section};
use crate::report::text::numbers::percent;
use crate::report::text::table::{Cell, Column, Table};
use crate::stats::rounded;
use crate::study::{Capacity, ForgottenMemory, FormulaCheck, MemoryLeftOut};

#[derive(Serialize)]
pub(in crate::report) struct Document {
    mean_context_tokens: f64,
    p50_context_tokens: f64,
    p95_context_tokens: f64,
    users_by_mean_context: f64,
    users_by_p95_context: f64,
    memory_left_out: Vec<ForgottenDocument>,
    users_in_blocks: f64,
    simulated_users: f64,
    simulated_users_all_mean: f64,
    simulated_users_all_p95: f64,
    prefix_cache_times: Option<f64>,
    drafts_kv_bytes_times: Option<f64>,
    static_output_tokens_times: Option<f64>,
    concurrency_under_slo: Option<f64>,
}

/// Memory that the formula forgets.
#[derive(Serialize)]
struct ForgottenDocument {
    name: &'static str,
    bytes: f64,
    /// How many users of the mean context it would hold.
    users: f64,
}

impl ForgottenDocument {
    const fn of(part: &ForgottenMemory) -> Self {
        Self {
            name: part.name,
            bytes: part.bytes,
            users: part.users,
        }
    }
}

impl Document {
    pub(in crate::report) fn of(check: &FormulaCheck) -> Self {
        Self {
            mean_context_tokens: check.contexts.mean_prompt + check.contexts.mean_output,
            p50_context_tokens: check.contexts.p50,
            p95_context_tokens: check.contexts.p95,
            users_by_mean_context: check.users_by_mean,
            users_by_p95_context: check.users_by_p95,
            memory_left_out: check.memory.parts.iter().map(ForgottenDocument::of).collect(),
            users_in_blocks: check.memory.users_in_blocks,
            simulated_users: check.filled.users,
            simulated_users_all_mean: check.all_mean.users,
            simulated_users_all_p95: check.all_p95.users,
            prefix_cache_times: check.prefix.as_ref().map(|(on, off)| on.users / off.users),
            drafts_kv_bytes_times: check
                .drafts
                .as_ref()
                .ok()
                .map(|drafts| drafts.bytes_per_token.0 as f64 / drafts.bytes_per_token.1 as f64),
            static_output_tokens_times: static_times(check),
            concurrency_under_slo: check.under_slo.as_ref().map(crate::study::Capacity::mean),
        }
    }
}

/// Output tokens of static batches, as a part of those of continuous batching without a prefix cache.
fn static_times(check: &FormulaCheck) -> Option<f64> {
    let tokens = check.static_batch.throughput.output_tokens_per_s?;
    let continuous = check.prefix.as_ref().map_or(&check.filled, |(_, off)| off);
    Some(tokens / continuous.summary.throughput.output_tokens_per_s?)
}

/// What the formula says and each thing that it leaves out: name, users, meaning.
fn rows(check: &FormulaCheck) -> Vec<Row> {
    let contexts = &check.contexts;
    let mean = contexts.mean_prompt + contexts.mean_output;
    let (kv_p50, kv_p95) = check.kv_bytes;
    let preemptions = check.filled.summary.requests.preemptions;
    let formula = format!("(memory - weights) / KV of {} tokens", rounded(mean));
    let mut rows = vec![("formula, mean context", Some(check.users_by_mean), formula)];
    rows.extend(memory_rows(&check.memory));
    rows.extend([
        (
            "formula, P95 context",
            Some(check.users_by_p95),
            format!(
                "of {} tokens: a user among the longest 5 % holds {} times the KV of the median one",
                rounded(contexts.p95),
                rounded(kv_p95 / kv_p50)
            ),
        ),
        (
            "simulated, memory alone",
            Some(check.filled.users),
            if check.filled.is_full {
                format!(
                    "running at once (median over time) while others wait; contexts grow as they are written, and \
                     blocks run out: {preemptions} preemptions"
                )
            } else {
                "at least: these requests never filled the memory (too few rows, or clients that pause)".to_owned()
            },
        ),
        (
            "1 all contexts alike",
            Some(check.all_mean.users),
            format!(
                "if each had the mean length ({} preemptions)",
                check.all_mean.summary.requests.preemptions
            ),
        ),
        (
            "  all at P95",
            Some(check.all_p95.users),
            "if each were as long as the P95: what to size by where long ones come together".to_owned(),
        ),
    ]);
    rows.push(prefix_row(check));
    rows.push(drafts_row(check));
    rows.push(static_row(check));
    rows.push(match &check.under_slo {
        None => ("5 latency target", None, "no SLO is set".to_owned()),
        Some(capacity) if capacity.is_none() => {
            let nobody = "one client alone misses the SLOs".to_owned();
            ("5 latency target", Some(0.0), nobody)
        }
        Some(capacity) => (
            "5 latency target",
            Some(capacity.mean()),
            latency_target(check, capacity),
        ),
    });
    rows
}

type Row = (&'static str, Option<f64>, String);

fn latency_target(check: &FormulaCheck, capacity: &Capacity) -> String {
    let memory = check.filled.users;
    if capacity.is_at_least() {
        "clients and more: no SLO is missed by as many as were tried".to_owned()
    } else if check.filled.is_full {
        format!(
            "clients until an SLO is missed: {} of what memory holds",
            percent(capacity.mean() / memory)
        )
    } else {
        format!(
            "clients until an SLO is missed; memory holds {} at least, and nobody saw it full",
            rounded(memory)
        )
    }
}

/// The memory that the formula forgets, and what is left of its users.
fn memory_rows(memory: &MemoryLeftOut) -> Vec<Row> {
    const GIB: f64 = (1u64 << 30) as f64;
    let parts = memory.parts.iter().map(|part| {
        let because = format!("{:.2} GiB: {}", part.bytes / GIB, part.because);
        // A part that costs nobody is not shown as -0.
        (part.name, Some(0.0 - part.users), because)
    });
    let mut rows: Vec<Row> = parts.collect();
    let left = "of that context in the blocks of the KV cache: what the formula should say".to_owned();
    rows.push(("memory holds", Some(memory.users_in_blocks), left));
    rows
}

/// The memory that the formula forgets as a table of its own.
pub fn memory_table(memory: &MemoryLeftOut) -> Table {
    let formula = format!("(memory - weights) / KV of {} tokens", rounded(memory.context_tokens));
    let mut rows = vec![("formula, mean context", Some(memory.formula_users), formula)];
    rows.extend(memory_rows(memory));
    table_of(rows)
}

fn prefix_row(check: &FormulaCheck) -> Row {
    match &check.prefix {
        None => (
            "2 prefix cache",
            None,
            "prompts share nothing, so it changes nothing".to_owned(),
        ),
        Some((on, off)) => (
            "2 prefix cache",
            Some(on.users),
            format!(
                "{}{} times the {} without it; hits {} of prompt tokens",
                if on.is_full { "" } else { "at least " },
                rounded(on.users / off.users),
                rounded(off.users),
                on.summary.kv.prefix_hit_ratio.map_or_else(String::new, percent)
            ),
        ),
    }
}

fn drafts_row(check: &FormulaCheck) -> Row {
    let drafts = match &check.drafts {
        Ok(drafts) => drafts,
        Err(why) => return ("3 speculative decoding", None, (*why).to_owned()),
    };
    let (with, without) = drafts.bytes_per_token;
    let (blocks_with, blocks_without) = drafts.blocks;
    (
        "3 speculative decoding",
        Some(drafts.filled.users),
        format!(
            "three drafts of an EAGLE head: {} more KV a token, {} fewer blocks, and room for drafts beside every \
             request",
            percent(with as f64 / without as f64 - 1.0),
            percent(1.0 - f64::from(blocks_with) / f64::from(blocks_without))
        ),
    )
}

fn static_row(check: &FormulaCheck) -> Row {
    let batch = &check.static_batch;
    let tokens = static_times(check).map_or_else(String::new, |times| {
        format!("{} of the output tokens per second", percent(times))
    });
    let rows = batch.gpu.mean_batch.zip(batch.queue.running.mean);
    let idle = rows.map_or_else(String::new, |(rows, running)| {
        format!(
            "; steps have {} rows on average, and {} requests are still being served",
            rounded(rows),
            rounded(running)
        )
    });
    (
        "4 static batching",
        batch.queue.running.mean,
        format!(
            "served at once on average, in batches of as many as memory holds: {tokens} of continuous batching{idle}"
        ),
    )
}

/// The formula and each thing that it leaves out as a table.
pub fn table(check: &FormulaCheck) -> Table {
    table_of(rows(check))
}

fn table_of(rows: Vec<Row>) -> Table {
    let rows = rows
        .into_iter()
        .map(|(name, users, meaning)| vec![Cell::words(name), Cell::number(users, rounded), Cell::words(meaning)]);
    Table {
        caption: String::new(),
        columns: vec![
            Column::words("how many users?"),
            Column::numbers("users"),
            Column::words("because"),
        ],
        rows: rows.collect(),
    }
}

pub(in crate::report) fn to_text(check: &FormulaCheck) -> String {
    let mut text = table(check).to_text();
    let _ = writeln!(text, "{}", conclusion(check));
    text
}

fn conclusion(check: &FormulaCheck) -> String {
    let slo = check.under_slo.as_ref().map_or_else(String::new, |capacity| {
        format!(", and {} meet the SLOs", rounded(capacity.mean()))
    });
    format!(
        "The formula says {}; memory holds {}{}{slo}.",
        rounded(check.users_by_mean),
        if check.filled.is_full { "" } else { "at least " },
        rounded(check.filled.users)
    )
}

pub(in crate::report) fn section(check: &FormulaCheck) -> Section {
    Section {
        heading: "The formula against the simulation".to_owned(),
        blocks: vec![Block::Text(conclusion(check)), Block::Table(table(check))],
    }
}
