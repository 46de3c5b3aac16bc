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

use tables::{AttentionRow, ProductRow, SOURCES, Source};
use tailcast::config::catalogue;
use tailcast::hardware::{Gpu, LinearKernels};
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
    let products = tables::products(folder, source);
    let mut attention = tables::attention(folder, source, false);
    // What fits into the cache is measured faster than a server is, whose layers take turns.
    attention.retain(|row| row.held_back && row.kv_bytes() > 2.0 * source.cache_bytes);
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
fn in_bursts(gpu: &Gpu) -> LinearKernels {
    LinearKernels {
        sustained: 1.0,
        ..gpu.linear_kernels()
    }
}

fn priced(gpu: &Gpu, layer: &Layer) -> f64 {
    let rates = Rates::new(gpu, gpu.peak().bf16);
    let linear = in_bursts(gpu);
    let attention = gpu.attention_kernels();
    let products = layer.products.iter();
    let products: f64 = products
        .map(|row| kernel_times::product(&linear, rates, &row.matrix, row.rows))
        .sum();
    products
        + attention.micros
        + attention.micros_per_request * layer.requests
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
        let error = least_squares::median_error(pairs);
        println!("{}: {} layers, {error:.4}", source.gpu, layers.len());
        assert!(error < 0.10, "{}: {error}", source.gpu);
    }
}

#[test]
fn products_held_back_are_within_a_tenth() {
    let Some(folder) = shared("measured/operators") else {
        return;
    };
    for source in &SOURCES {
        let gpu = catalogue::gpu(source.gpu).unwrap();
        let rates = Rates::new(&gpu, gpu.peak().bf16);
        let linear = in_bursts(&gpu);
        let rows = tables::products(&folder, source);
        let rows = rows.iter().filter(|row| row.held_back);
        let pairs = rows.map(|row| {
            let price = kernel_times::product(&linear, rates, &row.matrix, row.rows);
            (price, row.micros)
        });
        let error = least_squares::median_error(pairs);
        assert!(error < 0.10, "{}: {error}", source.gpu);
    }
}
