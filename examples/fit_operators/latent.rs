//! Latent attention: what blocks of it take beside their projections.

use std::path::Path;

use super::least_squares::{coefficient, fit};
use super::tables::{self, LatentRow, Source};
use super::{Compared, Summary};
use tailcast::hardware::{Gpu, LatentKernels, LinearKernels, WeightKernel};
use tailcast::step_time::kernel_times::{self, Matrix, Rates};

/// DeepSeek-V3: widths of the residual stream, of compressed queries, of latent vectors and what rotates of them, and
/// of a head's parts.
const HIDDEN: f64 = 7168.0;
const QUERY_RANK: f64 = 1536.0;
const KV_RANK: f64 = 512.0;
const ROPE: f64 = 64.0;
const NOPE: f64 = 128.0;
const VALUE: f64 = 128.0;

/// Prints what latent attention reaches on vectors in 16 bits and in 8, its projections priced with `products`.
pub fn print(
    folder: &Path,
    source: &Source,
    gpu: &Gpu,
    products: &[(WeightKernel, LinearKernels)],
    summary: &mut Summary,
) {
    for (in_fp8, name) in [(false, "latent"), (true, "latent_fp8")] {
        let decode = tables::latent(folder, source, false, in_fp8, "bfloat16");
        let prompts = tables::latent(folder, source, true, in_fp8, "bfloat16");
        if decode.is_empty() || prompts.is_empty() {
            continue;
        }
        let beside = |rows: &[LatentRow]| -> Vec<(LatentRow, f64)> {
            let priced = rows.iter().map(|row| (*row, projections(gpu, products, row)));
            priced.collect()
        };
        let (decode, prompts) = (beside(&decode), beside(&prompts));
        let kernels = fitted(gpu, &decode, &prompts, in_fp8);
        println!("\n[kernels.{name}]");
        println!(
            "start_us = {:.1}\nrequest_us = {:.3}\nhead_us = {:.4}\nof_bandwidth = {:.3}\ndecode_of_peak = {:.3}",
            kernels.micros,
            kernels.micros_per_request,
            kernels.micros_per_head,
            kernels.bandwidth,
            kernels.decode_flops
        );
        println!(
            "of_peak = {:.3}\npairs_per_query = {:.0}",
            kernels.flops, kernels.pairs_per_query
        );
        println!("{}", source.cite("mla", "mla_*_module", ""));
        let compare = |rows: &[(LatentRow, f64)], price: &dyn Fn(&LatentRow) -> f64| {
            let one =
                |(row, beside): &(LatentRow, f64)| (row.requests, (beside + price(row), row.micros), row.held_back);
            Compared(rows.iter().map(one).collect())
        };
        let of_decode = compare(&decode, &|row| decode_micros(gpu, &kernels, row, in_fp8));
        let of_prompts = compare(&prompts, &|row| prompt_micros(gpu, &kernels, row));
        println!(
            "fitted = \"blocks of DeepSeek-V3 with 1 to 128 heads, projections priced as products; decode: {}; prompts \
             of 512 tokens and more: {}\"",
            of_decode.errors(),
            of_prompts.errors()
        );
        let format = if in_fp8 { "fp8" } else { "bf16" };
        summary.push((format!("latent decode, {format}"), of_decode));
        summary.push((format!("latent prompts, {format}"), of_prompts));
    }
}

/// The products of a block: into compressed queries and latent vectors, out of both, and the output's.
fn projections(gpu: &Gpu, products: &[(WeightKernel, LinearKernels)], row: &LatentRow) -> f64 {
    let fitted = products.iter().find(|(kernel, _)| *kernel == WeightKernel::Plain);
    let kernels = fitted.map_or(gpu.linear_kernels(WeightKernel::Plain), |(_, kernels)| *kernels);
    let rates = Rates::new(gpu, gpu.peak().bf16);
    let rows = row.requests * row.tokens;
    let expanded = matrix(KV_RANK, row.heads * (NOPE + VALUE), 16.0);
    stored(row.heads, 16.0)
        .map(|one| kernel_times::product(&kernels, rates, &one, rows))
        .iter()
        .sum::<f64>()
        + kernel_times::product(&kernels, rates, &expanded, rows)
}

/// The matrices that a checkpoint in 8 bits quantises.
fn stored(heads: f64, bits: f64) -> [Matrix; 3] {
    [
        matrix(HIDDEN, QUERY_RANK + KV_RANK + ROPE, bits),
        matrix(QUERY_RANK, heads * (NOPE + ROPE), bits),
        matrix(heads * VALUE, HIDDEN, bits),
    ]
}

const fn matrix(inputs: f64, outputs: f64, bits: f64) -> Matrix {
    Matrix {
        inputs,
        outputs,
        bytes: inputs * outputs * bits / 8.0,
    }
}

/// How long products with scales by block take to start, by the difference that they make to such blocks, `plain` and
/// `in_blocks` being what else is known of both: tables of single products show those of another engine.
pub fn start_in_blocks(
    folder: &Path,
    source: &Source,
    gpu: &Gpu,
    (plain, in_blocks): (&LinearKernels, &LinearKernels),
) -> Option<f64> {
    let slow = tables::latent(folder, source, false, true, "fp8_block");
    let quick = tables::latent(folder, source, false, true, "bfloat16");
    let rates = [gpu.peak().bf16, gpu.peak().fp8?].map(|peak| Rates::new(gpu, peak));
    let mut starts = Vec::new();
    for row in &slow {
        let is_same = |other: &&LatentRow| {
            let of = |row: &LatentRow| [row.requests, row.done, row.heads].map(f64::to_bits);
            of(other) == of(row)
        };
        let Some(other) = quick.iter().find(is_same).filter(|_| row.requests <= 128.0) else {
            continue;
        };
        let sum = |kernels: &LinearKernels, rates, bits| {
            let of_each = stored(row.heads, bits).map(|one| kernel_times::product(kernels, rates, &one, row.requests));
            of_each.iter().sum::<f64>()
        };
        let in_8_bits = sum(in_blocks, rates[1], 8.0) - 3.0 * in_blocks.micros;
        starts.push((row.micros - other.micros + sum(plain, rates[0], 16.0) - in_8_bits) / 3.0);
    }
    starts.sort_by(f64::total_cmp);
    starts.get(starts.len() / 2).map(|start| start.max(plain.micros))
}

fn fitted(gpu: &Gpu, decode: &[(LatentRow, f64)], prompts: &[(LatentRow, f64)], in_fp8: bool) -> LatentKernels {
    let seen = |rows: &[(LatentRow, f64)], price: &dyn Fn(&LatentRow) -> f64| {
        let rows = rows.iter().filter(|(row, _)| !row.held_back);
        rows.map(|(row, beside)| (beside + price(row), row.micros))
            .collect::<Vec<_>>()
    };
    let with = |x: &[f64]| LatentKernels {
        micros: x[0],
        served_micros: x[0],
        micros_per_request: x[1],
        micros_per_head: x[2],
        bandwidth: x[3],
        decode_flops: x[4],
        ..LatentKernels::GENERIC
    };
    let coefficients = [
        coefficient(40.0, 0.0, 200.0),
        coefficient(0.05, 0.0, 5.0),
        coefficient(0.002, 0.0, 0.2),
        coefficient(0.8, 0.05, 1.0),
        coefficient(0.6, 0.05, 1.0),
    ];
    let x = fit(
        &coefficients,
        |x| seen(decode, &|row| decode_micros(gpu, &with(x), row, in_fp8)),
        |_| Vec::new(),
    );
    let decoding = with(&x);
    let with = |x: &[f64]| LatentKernels {
        flops: x[0],
        pairs_per_query: x[1],
        ..decoding
    };
    let coefficients = [coefficient(0.6, 0.05, 1.0), coefficient(500.0, 0.0, 9000.0)];
    let x = fit(
        &coefficients,
        |x| seen(prompts, &|row| prompt_micros(gpu, &with(x), row)),
        |_| Vec::new(),
    );
    with(&x)
}

/// As `step_time::roofline` prices one layer of decoding requests: all heads read one vector, and multiply it twice.
fn decode_micros(gpu: &Gpu, kernels: &LatentKernels, row: &LatentRow, in_fp8: bool) -> f64 {
    let bytes = (KV_RANK + ROPE) * if in_fp8 { 1.0 } else { 2.0 };
    let read = bytes / (gpu.bandwidth_bytes_per_s() / 1e6 * kernels.bandwidth);
    let flops = 2.0 * row.heads * (2.0 * KV_RANK + ROPE);
    let multiplied = flops / (gpu.peak().bf16 / 1e6 * kernels.decode_flops);
    let of_request = kernels.micros_per_request + kernels.micros_per_head * row.heads;
    kernels.micros + of_request * row.requests + row.requests * (row.done + 1.0) * read.max(multiplied)
}

fn prompt_micros(gpu: &Gpu, kernels: &LatentKernels, row: &LatentRow) -> f64 {
    let flops = 2.0 * row.heads * (NOPE + ROPE + VALUE);
    let pairs = row.pairs() + kernels.pairs_per_query * row.requests * row.tokens;
    let of_request = kernels.micros_per_request + kernels.micros_per_head * row.heads;
    kernels.micros + of_request * row.requests + flops * pairs / (gpu.peak().bf16 / 1e6 * kernels.flops)
}
