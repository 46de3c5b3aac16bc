//! Step times stand beside measured operators.
//!
//! The tables are not part of the project: these tests read them from a folder beside it, and say so if it is absent.

#[path = "../../examples/fit_operators/least_squares.rs"]
#[allow(dead_code, reason = "the example fits, these tests only compare")]
mod least_squares;
#[path = "../../examples/fit_operators/tables.rs"]
#[allow(dead_code, reason = "the example reads more tables than these tests")]
mod tables;

use std::path::PathBuf;

use tables::{AttentionRow, ExpertsRow, ProductRow, SOURCES, Source};
use tailcast::config::catalogue;
use tailcast::hardware::{Gpu, KvPrecision, LinearKernels, WeightKernel};
use tailcast::step_time::kernel_times::{self, Rates};

fn shared(path: &str) -> Option<PathBuf> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared")
        .join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is absent", path.display());
    None
}

/// One layer of a decode step, put together from rows that no fit has seen: four products and attention.
struct Layer {
    requests: f64,
    products: Vec<ProductRow>,
    attention: AttentionRow,
}

/// Inputs and outputs of the products of a model `width` wide, with 8 key-value heads of 128 and feed-forward layers of
/// 8192.
fn shapes(width: f64) -> [(f64, f64); 4] {
    let of_attention = [(width, width + 2048.0), (width, width)];
    let of_feed_forward = [(width, 16384.0), (8192.0, width)];
    [of_attention[0], of_attention[1], of_feed_forward[0], of_feed_forward[1]]
}

/// The four products of Llama-3.1-8B, which is all that one of the tables holds.
const LLAMA_8B: [(f64, f64); 4] = [(4096.0, 6144.0), (4096.0, 4096.0), (4096.0, 28672.0), (14336.0, 4096.0)];

fn layers(source: &Source, folder: &std::path::Path) -> Vec<Layer> {
    let products = tables::products(folder, source, &tables::PRODUCTS[0]);
    let mut attention = tables::attention(folder, source, false, false);
    // What fits into the cache is measured faster than a server is, whose layers take turns.
    attention.retain(|row| {
        let is_wide = (row.head_dim - 128.0).abs() < 0.5 && row.window.is_none();
        row.held_back && is_wide && row.kv_bytes() > 2.0 * source.cache_bytes
    });
    let mut all = Vec::new();
    for attention in attention {
        let width = attention.heads * attention.head_dim;
        let shapes = if source.aiconfigurator.is_some() {
            shapes(width)
        } else {
            LLAMA_8B
        };
        if (attention.kv_heads - 8.0).abs() > 0.5 {
            continue;
        }
        let found: Vec<ProductRow> = shapes
            .iter()
            .filter_map(|(inputs, outputs)| {
                let is = |row: &&ProductRow| {
                    row.held_back
                        && (row.matrix.inputs - inputs).abs() < 0.5
                        && (row.matrix.outputs - outputs).abs() < 0.5
                        && (row.rows - attention.requests).abs() < 0.5
                };
                products.iter().find(is).copied()
            })
            .collect();
        if found.len() == shapes.len() {
            all.push(Layer {
                requests: attention.requests,
                products: found,
                attention,
            });
        }
    }
    all
}

/// What tables are compared with: they are benchmarks, and what a server sustains of them is another matter.
fn in_bursts(gpu: &Gpu, kernel: WeightKernel) -> LinearKernels {
    LinearKernels {
        sustained: 1.0,
        ..gpu.linear_kernels(kernel)
    }
}

fn priced(gpu: &Gpu, layer: &Layer) -> f64 {
    let rates = Rates::new(gpu, gpu.peak().bf16);
    let linear = in_bursts(gpu, WeightKernel::Plain);
    let attention = gpu.attention_kernels(KvPrecision::Bf16);
    let heads = (layer.requests * layer.attention.kv_heads) as u64;
    let waiting = kernel_times::heads_that_wait(heads, kernel_times::heads_at_once(gpu));
    let products = layer.products.iter();
    let products: f64 = products
        .map(|row| kernel_times::product(&linear, rates, &row.matrix, row.rows))
        .sum();
    products
        + attention.micros
        + attention.micros_per_head * waiting as f64
        + layer.attention.kv_bytes() / (rates.bytes * attention.bandwidth)
}

#[test]
fn decode_layers_that_no_fit_has_seen_take_what_was_measured() {
    let Some(folder) = shared("measured/operators") else {
        return;
    };
    for source in &SOURCES {
        let gpu = catalogue::gpu(source.gpu).unwrap();
        let layers = layers(source, &folder);
        assert!(layers.len() >= 4, "{}: {}", source.gpu, layers.len());
        let pairs = layers.iter().map(|layer| {
            let products: f64 = layer.products.iter().map(|row| row.micros).sum();
            (priced(&gpu, layer), products + layer.attention.micros)
        });
        let error = least_squares::median_error(&pairs.collect::<Vec<_>>());
        println!("{}: {} layers, {error:.4}", source.gpu, layers.len());
        assert!(error < 0.06, "{}: {error}", source.gpu);
    }
}

/// The median error of rows that no fit has seen.
fn held_back(pairs: Vec<(f64, f64, bool)>) -> f64 {
    let unseen = pairs.into_iter().filter(|(.., held_back)| *held_back);
    least_squares::median_error(&unseen.map(|(priced, took, _)| (priced, took)).collect::<Vec<_>>())
}

#[test]
fn products_held_back_are_within_a_tenth() {
    let Some(folder) = shared("measured/operators") else {
        return;
    };
    for source in &SOURCES {
        let gpu = catalogue::gpu(source.gpu).unwrap();
        for tables in &tables::PRODUCTS {
            let rows = tables::products(&folder, source, tables);
            let (Some(peak), false) = (tables::peak(tables.0, &gpu), rows.is_empty()) else {
                continue;
            };
            // Where scales belong to blocks the start is that of another engine's launches.
            if tables.0 == WeightKernel::Fp8Block {
                continue;
            }
            let (linear, rates) = (in_bursts(&gpu, tables.0), Rates::new(&gpu, peak));
            let price = |row: &ProductRow| kernel_times::product(&linear, rates, &row.matrix, row.rows);
            let error = held_back(rows.iter().map(|row| (price(row), row.micros, row.held_back)).collect());
            assert!(error < 0.10, "{} in {}: {error}", source.gpu, tables.0.name());
        }
    }
}

#[test]
fn experts_held_back_are_within_a_tenth_in_every_kernel() {
    let Some(folder) = shared("measured/operators") else {
        return;
    };
    for source in &SOURCES {
        let gpu = catalogue::gpu(source.gpu).unwrap();
        for tables in &tables::EXPERTS {
            let rows = tables::experts(&folder, source, tables);
            let (Some(peak), false) = (tables::peak(tables.0, &gpu), rows.is_empty()) else {
                continue;
            };
            // On 896 experts a table shows what it takes to sort by so many; and Intel's kernels are few and odd.
            if rows.iter().all(|row| row.experts.count > 512.0) || source.gpu == "arc-pro-b60" {
                continue;
            }
            let (kernels, rates) = (gpu.expert_kernels(tables.0), Rates::new(&gpu, peak));
            let price = |row: &ExpertsRow| kernel_times::experts(&kernels, rates, &row.experts, row.rows, row.distinct);
            let error = held_back(rows.iter().map(|row| (price(row), row.micros, row.held_back)).collect());
            assert!(error < 0.10, "{} in {}: {error}", source.gpu, tables.0.name());
        }
    }
}
