//! Attention over keys and values: decoding, with and without a window, prompts, and decoding beside prompts.

use std::path::Path;

use super::least_squares::{coefficient, fit, median_error};
use super::tables::{self, AttentionRow, MixedRow, Source};
use super::{Compared, Summary};
use tailcast::hardware::{AttentionKernels, Gpu, MixedAttention};
use tailcast::step_time::kernel_times;

/// Prints what attention reaches on caches in 16 bits and in 8.
pub fn print(folder: &Path, source: &Source, gpu: &Gpu, summary: &mut Summary) {
    for (in_fp8, name) in [(false, "attention"), (true, "attention_fp8")] {
        let decode = tables::attention(folder, source, false, in_fp8);
        let prompts = large(gpu, tables::attention(folder, source, true, in_fp8));
        if decode.is_empty() || prompts.is_empty() {
            continue;
        }
        let (windowed, decode): (Vec<_>, Vec<_>) = decode.into_iter().partition(|row| row.window.is_some());
        let decode = outside_the_cache(gpu, decode, source.cache_bytes);
        let filled: Vec<AttentionRow> = windowed.into_iter().filter_map(in_full_window).collect();
        let prompts: Vec<AttentionRow> = prompts.into_iter().filter(|row| row.window.is_none()).collect();
        let kernels = fitted(gpu, (&decode, &filled, &prompts), in_fp8);
        println!("\n[kernels.{name}]");
        println!(
            "start_us = {:.1}\nhead_us = {:.4}\nof_bandwidth = {:.3}",
            kernels.micros, kernels.micros_per_head, kernels.bandwidth
        );
        if in_fp8 {
            println!("key_bytes = {:.0}", kernels.key_bytes);
        }
        if !filled.is_empty() {
            println!(
                "window_us = {:.1}\nwindow_head_us = {:.4}",
                kernels.window_micros, kernels.window_micros_per_head
            );
        }
        println!(
            "of_peak = {:.3}\nnarrowness = {:.2}\npairs_per_query = {:.0}",
            kernels.flops, kernels.narrowness, kernels.pairs_per_query
        );
        let mixed = if in_fp8 {
            String::new()
        } else {
            print_mixed(gpu, source, &kernels, &tables::mixed(folder, source))
        };
        println!("{}", source.cite("attention", "*_attention*", "attention"));
        let compare = |rows: &[AttentionRow], price: &dyn Fn(&AttentionRow) -> f64| {
            let one = |row: &AttentionRow| (row.requests, (price(row), row.micros), row.held_back);
            Compared(rows.iter().map(one).collect())
        };
        let of_decode = compare(&decode, &|row| decode_micros(gpu, &kernels, row));
        let of_windows = compare(&filled, &|row| window_micros(gpu, &kernels, row));
        let of_prompts = compare(&prompts, &|row| prompt_micros(gpu, &kernels, row));
        let windows = if filled.is_empty() {
            String::new()
        } else {
            format!("; full windows: {}", of_windows.errors())
        };
        println!(
            "fitted = \"heads of 64 and 128; decode on more than twice the cache, or hardly anything: {}{windows}; \
             prompts of 512 tokens and more: {}{mixed}\"",
            of_decode.errors(),
            of_prompts.errors()
        );
        let format = if in_fp8 { "fp8" } else { "bf16" };
        summary.push((format!("decode attention, {format}"), of_decode));
        if !filled.is_empty() {
            summary.push((format!("windows, {format}"), of_windows));
        }
        summary.push((format!("prompts, {format}"), of_prompts));
    }
}

/// Benchmarks read the same keys and values again and again. What is small tells the constants, what is large the
/// bandwidth; between them the cache answers, as it would not in a server whose layers take turns. Many requests of
/// next to no context tell what heads take that wait for others and have nothing to read; in servers that hides them.
fn outside_the_cache(gpu: &Gpu, mut rows: Vec<AttentionRow>, cache_bytes: f64) -> Vec<AttentionRow> {
    const LEAST_CONTEXT: f64 = 256.0;
    rows.retain(|row| {
        let is_small = row.kv_bytes() < cache_bytes / 20.0 && beyond(gpu, row) <= 0.0;
        is_small || (row.kv_bytes() > 2.0 * cache_bytes && row.context >= LEAST_CONTEXT)
    });
    rows
}

/// Prompts whose attention takes long enough to matter: of shorter ones the matrix products take nearly all of a step.
fn large(gpu: &Gpu, mut rows: Vec<AttentionRow>) -> Vec<AttentionRow> {
    const LEAST_MICROS: f64 = 30.0;
    let flops = gpu.peak().bf16 / 1e6;
    rows.retain(|row| row.tokens >= 512.0 && 4.0 * row.heads * row.head_dim * row.pairs() / flops > LEAST_MICROS);
    rows
}

/// A row with the context that its window holds, if that is full; wide windows are like no window.
fn in_full_window(row: AttentionRow) -> Option<AttentionRow> {
    const WIDEST: f64 = 2048.0;
    let window = row.window.filter(|&window| window <= WIDEST && row.context > window)?;
    Some(AttentionRow { context: window, ..row })
}

fn fitted(
    gpu: &Gpu,
    (decode, filled, prompts): (&[AttentionRow], &[AttentionRow], &[AttentionRow]),
    in_fp8: bool,
) -> AttentionKernels {
    let mut kernels = AttentionKernels {
        key_bytes: 0.0,
        window_micros: 0.0,
        window_micros_per_head: 0.0,
        narrowness: 0.0,
        mixed: None,
        ..AttentionKernels::GENERIC
    };
    let most_key_bytes = if in_fp8 { 300.0 } else { 0.0 };
    let with = |x: &[f64]| AttentionKernels {
        bandwidth: x[0],
        micros: x[1],
        micros_per_head: x[2],
        key_bytes: x[3],
        ..kernels
    };
    let coefficients = [
        coefficient(0.85, 0.1, 1.0),
        coefficient(10.0, 0.0, 100.0),
        coefficient(0.02, 0.0, 1.0),
        coefficient(most_key_bytes / 20.0, 0.0, most_key_bytes),
    ];
    let x = fit(
        &coefficients,
        |x| pairs(decode, |row| decode_micros(gpu, &with(x), row)),
        |_| Vec::new(),
    );
    kernels = with(&x);
    let with = |x: &[f64]| AttentionKernels {
        window_micros: x[0],
        window_micros_per_head: x[1],
        ..kernels
    };
    if !filled.is_empty() {
        let coefficients = [coefficient(1.0, 0.0, 100.0), coefficient(0.01, 0.0, 1.0)];
        let x = fit(
            &coefficients,
            |x| pairs(filled, |row| window_micros(gpu, &with(x), row)),
            |_| Vec::new(),
        );
        kernels = with(&x);
    }
    let with = |x: &[f64]| AttentionKernels {
        flops: x[0],
        narrowness: x[1],
        pairs_per_query: x[2],
        ..kernels
    };
    let are_narrow = prompts.iter().any(|row| row.head_dim < AttentionKernels::WIDE);
    let coefficients = [
        coefficient(0.6, 0.05, 1.0),
        coefficient(
            if are_narrow { 0.3 } else { 0.0 },
            0.0,
            if are_narrow { 2.0 } else { 0.0 },
        ),
        coefficient(300.0, 0.0, 5000.0),
    ];
    let x = fit(
        &coefficients,
        |x| pairs(prompts, |row| prompt_micros(gpu, &with(x), row)),
        |_| Vec::new(),
    );
    with(&x)
}

fn pairs(rows: &[AttentionRow], price: impl Fn(&AttentionRow) -> f64) -> Vec<(f64, f64)> {
    let seen = rows.iter().filter(|row| !row.held_back);
    seen.map(|row| (price(row), row.micros)).collect()
}

fn beyond(gpu: &Gpu, row: &AttentionRow) -> f64 {
    (row.requests * row.kv_heads - kernel_times::heads_at_once(gpu) as f64).max(0.0)
}

/// As `step_time::roofline` prices one layer of decoding requests.
fn decode_micros(gpu: &Gpu, kernels: &AttentionKernels, row: &AttentionRow) -> f64 {
    let bandwidth = gpu.bandwidth_bytes_per_s() / 1e6 * kernels.bandwidth;
    let keys = row.requests * row.context * row.kv_heads * kernels.key_bytes;
    let heads = (row.requests * row.kv_heads) as u64;
    let waiting = kernel_times::heads_that_wait(heads, kernel_times::heads_at_once(gpu)) as f64;
    kernels.micros + kernels.micros_per_head * waiting + (row.kv_bytes() + keys) / bandwidth
}

fn window_micros(gpu: &Gpu, kernels: &AttentionKernels, row: &AttentionRow) -> f64 {
    let filled = kernels.window_micros + kernels.window_micros_per_head * beyond(gpu, row);
    decode_micros(gpu, kernels, row) + filled
}

fn prompt_micros(gpu: &Gpu, kernels: &AttentionKernels, row: &AttentionRow) -> f64 {
    let narrow = (row.head_dim / AttentionKernels::WIDE)
        .min(1.0)
        .powf(kernels.narrowness);
    let flops = gpu.peak().bf16 / 1e6 * kernels.flops * narrow;
    let pairs = row.pairs() + kernels.pairs_per_query * row.requests * row.tokens;
    let work = 4.0 * row.heads * row.head_dim * pairs;
    decode_micros(gpu, kernels, row) + work / flops
}

/// The line of decoding beside prompts, if that is another kernel, and what to say of it.
fn print_mixed(gpu: &Gpu, source: &Source, kernels: &AttentionKernels, rows: &[MixedRow]) -> String {
    // Llama-3.1-8B: 32 query heads, 8 key-value heads of 128.
    const QUERY_HEADS: f64 = 32.0;
    const KV_BYTES: f64 = 2.0 * 8.0 * 128.0 * 2.0;
    const SHARERS: f64 = 4.0;
    if let Some(thread_blocks) = source.guessed_blocks {
        // Flash attention 2 too, but nobody has measured it: between the two GPUs that were.
        println!("mixed = {{ token_ns = 33, thread_blocks = {thread_blocks}, repeated_reads = 0.7 }}");
        return "; decoding beside a prompt: a guess from two other GPUs with the same kernel".to_owned();
    }
    if rows.is_empty() {
        return String::new();
    }
    let thread_blocks = match gpu.name() {
        "rtx-pro-6000" => 188.0,
        _ => 128.0,
    };
    let stream = KV_BYTES / (gpu.bandwidth_bytes_per_s() / 1e6 * kernels.bandwidth);
    let price = |x: &[f64], row: &MixedRow| {
        let mixed = MixedAttention {
            nanos_per_token: x[0],
            thread_blocks,
            repeated_reads: x[1],
        };
        kernel_times::mixed_token(&mixed, stream, SHARERS, QUERY_HEADS, row.requests) * row.requests * row.context
    };
    let pairs = |x: &[f64], held_back: bool| {
        let chosen = rows.iter().filter(|row| row.held_back == held_back);
        chosen.map(|row| (price(x, row), row.micros)).collect::<Vec<_>>()
    };
    let coefficients = [coefficient(20.0, 1.0, 100.0), coefficient(0.6, 0.0, 2.0)];
    let x = fit(&coefficients, |x| pairs(x, false), |_| Vec::new());
    println!(
        "mixed = {{ token_ns = {:.1}, thread_blocks = {thread_blocks}, repeated_reads = {:.2} }}",
        x[0], x[1]
    );
    let error = |held_back| 100.0 * median_error(&pairs(&x, held_back));
    format!(
        "; decoding beside a prompt: median error {:.1} % (held back {:.1} %)",
        error(false),
        error(true)
    )
}
