//! Fits what kernels reach to tables of measured operators, and prints it as the `[kernels]` tables of
//! `configs/gpus/*.toml`.
//!
//! `cargo run --release --example fit_operators -- <folder with aiconfigurator/ and llmservingsim/> [GPU ...]`

mod least_squares;
mod tables;

use std::path::Path;

use least_squares::{loss, median_error, minimise};
use tables::{AllReduceRow, AttentionRow, ExpertsRow, MixedRow, ProductRow, Source};
use tailcast::config::catalogue;
use tailcast::hardware::{AllReduceKernels, AttentionKernels, ExpertKernels, Gpu, LinearKernels, MixedAttention};
use tailcast::step_time::kernel_times::{self, Rates};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("give the folder of the tables");
    let wanted: Vec<String> = arguments.collect();
    for source in &tables::SOURCES {
        if wanted.is_empty() || wanted.iter().any(|name| name == source.gpu) {
            print_kernels(Path::new(&folder), source);
        }
    }
}

fn print_kernels(folder: &Path, source: &Source) {
    let gpu = catalogue::gpu(source.gpu).expect("the catalogue has it");
    println!("# {}", source.gpu);
    let products = tables::products(folder, source);
    print_linear(source, &gpu, &products);
    let decode = tables::attention(folder, source, false);
    let decode = outside_the_cache(decode, source.cache_bytes);
    let prompts = large(&gpu, tables::attention(folder, source, true));
    print_unseen(&gpu, &products, &decode, &prompts);
    print_attention(source, &gpu, &decode, &prompts, &tables::mixed(folder, source));
    let experts = tables::experts(folder, source);
    if !experts.is_empty() {
        print_experts(source, &gpu, &experts);
    }
    let all_reduces = tables::all_reduces(folder, source);
    if !all_reduces.is_empty() {
        print_all_reduce(source, &gpu, &all_reduces);
    }
}

/// Benchmarks read the same keys and values again and again. What is small tells the constants, what is large the
/// bandwidth; between them the cache answers, as it would not in a server whose layers take turns.
fn outside_the_cache(mut rows: Vec<AttentionRow>, cache_bytes: f64) -> Vec<AttentionRow> {
    rows.retain(|row| row.kv_bytes() < cache_bytes / 20.0 || row.kv_bytes() > 2.0 * cache_bytes);
    rows
}

/// Prompts whose attention takes long enough to matter: of shorter ones the matrix products take nearly all of a step.
fn large(gpu: &Gpu, mut rows: Vec<AttentionRow>) -> Vec<AttentionRow> {
    const LEAST_MICROS: f64 = 30.0;
    let flops = gpu.peak().bf16 / 1e6;
    rows.retain(|row| row.tokens >= 512.0 && 4.0 * row.heads * row.head_dim * row.pairs() / flops > LEAST_MICROS);
    rows
}

fn errors(fitted: f64, held_back: f64) -> String {
    format!(
        "median error {:.1} % (held back {:.1} %)",
        fitted * 100.0,
        held_back * 100.0
    )
}

/// How far off a GPU would be that nobody has measured: with the medians of what the catalogue has of the other GPUs.
fn print_unseen(gpu: &Gpu, products: &[ProductRow], decode: &[AttentionRow], prompts: &[AttentionRow]) {
    let others: Vec<Gpu> = tables::SOURCES
        .iter()
        .filter(|source| source.gpu != gpu.name())
        .map(|source| catalogue::gpu(source.gpu).expect("the catalogue has it"))
        .collect();
    let linear = |of: fn(&LinearKernels) -> f64| median(others.iter().map(|gpu| of(&gpu.linear_kernels())));
    let linear = LinearKernels {
        bandwidth: linear(|kernels| kernels.bandwidth),
        flops: linear(|kernels| kernels.flops),
        micros: linear(|kernels| kernels.micros),
        overlap: linear(|kernels| kernels.overlap),
        sustained: 1.0,
    };
    let attention = |of: fn(&AttentionKernels) -> f64| median(others.iter().map(|gpu| of(&gpu.attention_kernels())));
    let attention = AttentionKernels {
        micros: attention(|kernels| kernels.micros),
        micros_per_request: attention(|kernels| kernels.micros_per_request),
        bandwidth: attention(|kernels| kernels.bandwidth),
        flops: attention(|kernels| kernels.flops),
        pairs_per_query: attention(|kernels| kernels.pairs_per_query),
        mixed: None,
    };
    let rates = Rates::new(gpu, gpu.peak().bf16);
    let of_products = products.iter().map(|row| {
        let price = kernel_times::product(&linear, rates, &row.matrix, row.rows);
        (price, row.micros)
    });
    let of_decode = decode
        .iter()
        .map(|row| (decode_micros(gpu, &attention, row), row.micros));
    let of_prompts = prompts
        .iter()
        .map(|row| (prompt_micros(gpu, &attention, row), row.micros));
    println!(
        "## medians of the other GPUs are off by {:.1} % on products, {:.1} % on decode attention, {:.1} % on prompts",
        100.0 * median_error(of_products),
        100.0 * median_error(of_decode),
        100.0 * median_error(of_prompts)
    );
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    }
}

fn print_linear(source: &Source, gpu: &Gpu, rows: &[ProductRow]) {
    let rates = Rates::new(gpu, gpu.peak().bf16);
    let kernels = |x: &[f64; 4]| LinearKernels {
        bandwidth: x[0],
        flops: x[1],
        micros: x[2],
        overlap: x[3],
        sustained: 1.0,
    };
    let pairs = |x: &[f64; 4], held_back: bool, most: f64| {
        let kernels = kernels(x);
        let chosen = rows
            .iter()
            .filter(move |row| row.held_back == held_back && row.rows <= most);
        let price = move |row: &ProductRow| {
            let predicted = kernel_times::product(&kernels, rates, &row.matrix, row.rows);
            (predicted, row.micros)
        };
        chosen.map(price).collect::<Vec<_>>()
    };
    let x = minimise(
        [0.85, 0.8, 4.0, 2.5],
        [(0.3, 1.0), (0.3, 1.0), (0.0, 20.0), (1.0, 6.0)],
        |x| loss(pairs(x, false, 8192.0).into_iter()),
    );
    let error = |held_back, most| median_error(pairs(&x, held_back, most).into_iter());
    println!("\n[kernels.linear]");
    println!(
        "of_bandwidth = {:.3}\nof_peak = {:.3}\nstart_us = {:.1}\noverlap = {:.1}",
        x[0], x[1], x[2], x[3]
    );
    println!("{}", source.cite("gemm", "gemm", "dense"));
    println!(
        "fitted = \"1 to 8192 tokens, bf16, matrices of 32 MB and more: {}; to 256 tokens {}\"",
        errors(error(false, 8192.0), error(true, 8192.0)),
        errors(error(false, 256.0), error(true, 256.0))
    );
}

fn decode_micros(gpu: &Gpu, kernels: &AttentionKernels, row: &AttentionRow) -> f64 {
    let bandwidth = gpu.bandwidth_bytes_per_s() / 1e6 * kernels.bandwidth;
    kernels.micros + kernels.micros_per_request * row.requests + row.kv_bytes() / bandwidth
}

fn prompt_micros(gpu: &Gpu, kernels: &AttentionKernels, row: &AttentionRow) -> f64 {
    let flops = gpu.peak().bf16 / 1e6 * kernels.flops;
    let pairs = row.pairs() + kernels.pairs_per_query * row.requests * row.tokens;
    let work = 4.0 * row.heads * row.head_dim * pairs;
    decode_micros(gpu, kernels, row) + work / flops
}

fn print_attention(source: &Source, gpu: &Gpu, decode: &[AttentionRow], prompts: &[AttentionRow], mixed: &[MixedRow]) {
    let with = |x: &[f64; 3], [flops, pairs_per_query]: [f64; 2]| AttentionKernels {
        bandwidth: x[0],
        micros: x[1],
        micros_per_request: x[2],
        flops,
        pairs_per_query,
        mixed: None,
    };
    let pairs = |rows: &[AttentionRow], held_back: bool, price: &dyn Fn(&AttentionRow) -> f64| {
        let chosen = rows.iter().filter(|row| row.held_back == held_back);
        chosen
            .map(|row| (price(row), row.micros))
            .collect::<Vec<_>>()
            .into_iter()
    };
    let x = minimise([0.88, 10.0, 0.05], [(0.3, 1.0), (0.0, 40.0), (0.0, 1.0)], |x| {
        loss(pairs(decode, false, &|row| {
            decode_micros(gpu, &with(x, [1.0, 0.0]), row)
        }))
    });
    let y = minimise([0.6, 300.0], [(0.1, 1.0), (0.0, 5000.0)], |y| {
        loss(pairs(prompts, false, &|row| prompt_micros(gpu, &with(&x, *y), row)))
    });
    let kernels = with(&x, y);
    let error = |held_back| median_error(pairs(decode, held_back, &|row| decode_micros(gpu, &kernels, row)));
    let decode_errors = errors(error(false), error(true));
    let error = |held_back| median_error(pairs(prompts, held_back, &|row| prompt_micros(gpu, &kernels, row)));
    println!("\n[kernels.attention]");
    println!(
        "start_us = {:.1}\nrequest_us = {:.3}\nof_bandwidth = {:.3}\nof_peak = {:.3}\npairs_per_query = {:.0}",
        x[1], x[2], x[0], y[0], y[1]
    );
    let mixed_errors = if let Some(thread_blocks) = source.guessed_blocks {
        // Flash attention 2 too, but nobody has measured it: between the two GPUs that were.
        println!("mixed = {{ token_ns = 33, thread_blocks = {thread_blocks}, repeated_reads = 0.7 }}");
        "; decoding beside a prompt: a guess from two other GPUs with the same kernel".to_owned()
    } else if mixed.is_empty() {
        String::new()
    } else {
        print_mixed(gpu, &kernels, mixed)
    };
    println!("{}", source.cite("attention", "*_attention", "attention"));
    println!(
        "fitted = \"bf16, heads of 128; decode on more than twice the cache, or hardly anything: {decode_errors}; \
         prompts of 512 tokens and more: {}{mixed_errors}\"",
        errors(error(false), error(true))
    );
}

fn print_mixed(gpu: &Gpu, kernels: &AttentionKernels, rows: &[MixedRow]) -> String {
    // Llama-3.1-8B: 32 query heads, 8 key-value heads of 128.
    const QUERY_HEADS: f64 = 32.0;
    const KV_BYTES: f64 = 2.0 * 8.0 * 128.0 * 2.0;
    const SHARERS: f64 = 4.0;
    let thread_blocks = match gpu.name() {
        "rtx-pro-6000" => 188.0,
        _ => 128.0,
    };
    let stream = KV_BYTES / (gpu.bandwidth_bytes_per_s() / 1e6 * kernels.bandwidth);
    let pairs = |x: &[f64; 2], held_back: bool| {
        let mixed = MixedAttention {
            nanos_per_token: x[0],
            thread_blocks,
            repeated_reads: x[1],
        };
        let price = move |row: &MixedRow| {
            let one = kernel_times::mixed_token(&mixed, stream, SHARERS, QUERY_HEADS, row.requests);
            (one * row.requests * row.context, row.micros)
        };
        let chosen = rows.iter().filter(|row| row.held_back == held_back);
        chosen.map(price).collect::<Vec<_>>().into_iter()
    };
    let x = minimise([20.0, 0.6], [(1.0, 100.0), (0.0, 2.0)], |x| loss(pairs(x, false)));
    let error = |held_back| median_error(pairs(&x, held_back));
    println!(
        "mixed = {{ token_ns = {:.1}, thread_blocks = {thread_blocks}, repeated_reads = {:.2} }}",
        x[0], x[1]
    );
    format!("; decoding beside a prompt: {}", errors(error(false), error(true)))
}

fn print_experts(source: &Source, gpu: &Gpu, rows: &[ExpertsRow]) {
    let rates = Rates::new(gpu, gpu.peak().bf16);
    let kernels = |x: &[f64; 5]| ExpertKernels {
        micros: x[0],
        bandwidth: x[1],
        flops: x[2],
        overlap: x[3],
        evenness: x[4],
    };
    let pairs = |x: &[f64; 5], held_back: bool| {
        let kernels = kernels(x);
        let chosen = rows.iter().filter(move |row| row.held_back == held_back);
        let price = move |row: &ExpertsRow| {
            let predicted = kernel_times::experts(&kernels, rates, &row.experts, row.rows);
            (predicted, row.micros)
        };
        chosen.map(price).collect::<Vec<_>>().into_iter()
    };
    let x = minimise(
        [45.0, 0.9, 0.5, 2.5, 0.9],
        [(0.0, 200.0), (0.2, 1.0), (0.1, 1.0), (1.0, 6.0), (0.3, 1.0)],
        |x| loss(pairs(x, false)),
    );
    let error = |held_back| median_error(pairs(&x, held_back));
    println!("\n[kernels.experts]");
    println!(
        "start_us = {:.1}\nof_bandwidth = {:.3}\nof_peak = {:.3}\noverlap = {:.1}\nevenness = {:.2}",
        x[0], x[1], x[2], x[3], x[4]
    );
    println!("{}", source.cite("moe", "moe", ""));
    println!(
        "fitted = \"1 to 8192 tokens, bf16, even and uneven choices, weights of 32 MB and more: {}\"",
        errors(error(false), error(true))
    );
}

fn print_all_reduce(source: &Source, gpu: &Gpu, rows: &[AllReduceRow]) {
    let link = gpu.link().bytes_per_s / 1e6;
    let kernels = |x: &[f64; 4]| AllReduceKernels {
        micros: x[0],
        micros_per_doubling: x[1],
        bandwidth: x[2],
        bandwidth_of_many: x[3],
    };
    let pairs = |x: &[f64; 4]| {
        let kernels = kernels(x);
        let price = move |row: &AllReduceRow| {
            (
                kernel_times::all_reduce(&kernels, link, row.gpus, row.bytes),
                row.micros,
            )
        };
        rows.iter().map(price).collect::<Vec<_>>().into_iter()
    };
    let x = minimise(
        [4.3, 1.0, 0.3, 0.3],
        [(0.5, 60.0), (0.0, 30.0), (0.01, 1.0), (0.01, 1.0)],
        |x| loss(pairs(x)),
    );
    let most = rows.iter().map(|row| row.gpus).fold(0.0, f64::max);
    let generic = AllReduceKernels::generic(gpu.link().kind);
    // Where only two GPUs were measured, nothing is known of more.
    let (per_doubling, of_many) = if most > 2.0 {
        (x[1], x[3])
    } else {
        (generic.micros_per_doubling, generic.bandwidth_of_many)
    };
    println!("\n[kernels.all_reduce]");
    println!(
        "start_us = {:.1}\ndoubling_us = {per_doubling:.1}\nof_link = {:.3}\nof_link_of_many = {of_many:.3}",
        x[0], x[2]
    );
    println!("{}", source.cite("comm", "custom_allreduce", ""));
    println!(
        "fitted = \"2 to {most} GPUs, 8 KB to 128 MB: median error {:.1} %\"\n",
        100.0 * median_error(pairs(&x))
    );
}
