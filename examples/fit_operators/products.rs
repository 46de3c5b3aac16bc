//! Products of tokens and a matrix, by kernel.

use std::path::Path;

use super::latent;
use super::least_squares::{Coefficient, coefficient};
use super::tables::{self, ProductRow, Source};
use super::{Compared, Summary, by_rows, peak_of, print_by_rows, print_head, with_rows_if_worth};
use tailcast::hardware::{Gpu, LinearKernels, WeightKernel};
use tailcast::step_time::kernel_times::{self, Rates};

/// Prints all kernels of a GPU, and gives what was fitted.
pub fn print(folder: &Path, source: &Source, gpu: &Gpu, summary: &mut Summary) -> Vec<(WeightKernel, LinearKernels)> {
    let mut all = Vec::new();
    for tables in &tables::PRODUCTS {
        let rows = tables::products(folder, source, tables);
        let (kernel, operator, _) = *tables;
        let (Some(peak), false) = (peak_of(kernel, gpu), rows.is_empty()) else {
            continue;
        };
        let rates = Rates::new(gpu, peak);
        let (mut x, kernels) = best(kernel, rates, &rows);
        let plain = all
            .iter()
            .find(|(one, _)| *one == WeightKernel::Plain)
            .map(|(_, one)| *one);
        let mut note = "";
        if let (WeightKernel::Fp8Block, Some(plain)) = (kernel, plain)
            && let Some(start) = latent::start_in_blocks(folder, source, gpu, (&plain, &kernels))
        {
            x[2] = start;
            note = " with its own start; here what blocks of latent attention take more in it (mla_generation_module)";
        }
        print_head("linear", kernel);
        println!(
            "of_bandwidth = {:.3}\nof_peak = {:.3}\nstart_us = {:.1}\noverlap = {:.1}\nfull_outputs = {:.0}",
            x[0], x[1], x[2], x[3], x[4]
        );
        if kernel.quantises() {
            println!("quantising = {:.1}", x[5]);
        }
        print_by_rows(&x[FIXED..]);
        let compared = Compared(
            rows.iter()
                .map(|row| (row.rows, (price(&kernels, rates, row), row.micros), row.held_back))
                .collect(),
        );
        println!("{}", source.cite("gemm", operator, "dense"));
        println!(
            "fitted = \"1 to 8192 tokens, matrices of 16 million values and more: {}{note}\"",
            compared.errors()
        );
        summary.push((format!("products, {}", kernel.name()), compared));
        all.push((kernel, kernels));
    }
    all
}

/// Coefficients that are no factors by rows.
const FIXED: usize = 6;

fn kernels(x: &[f64]) -> LinearKernels {
    LinearKernels {
        bandwidth: x[0],
        flops: x[1],
        micros: x[2],
        overlap: x[3],
        sustained: 1.0,
        full_outputs: x[4],
        quantising: x[5],
        by_rows: by_rows(&x[FIXED..]),
    }
}

fn price(kernels: &LinearKernels, rates: Rates, row: &ProductRow) -> f64 {
    kernel_times::product(kernels, rates, &row.matrix, row.rows)
}

/// The formula, with factors by rows if they are worth it.
fn best(kernel: WeightKernel, rates: Rates, rows: &[ProductRow]) -> (Vec<f64>, LinearKernels) {
    let most_quantising: f64 = if kernel.quantises() { 20.0 } else { 0.0 };
    let fixed: [Coefficient; FIXED] = [
        coefficient(0.85, 0.1, 0.98),
        coefficient(0.7, 0.03, 1.0),
        coefficient(4.0, 0.0, 40.0),
        coefficient(2.5, 1.0, 8.0),
        coefficient(if kernel.quantises() { 2000.0 } else { 500.0 }, 0.0, 20_000.0),
        coefficient(most_quantising.min(1.0), 0.0, most_quantising),
    ];
    let seen: Vec<ProductRow> = rows.iter().filter(|row| !row.held_back).copied().collect();
    let pairs = |x: &[f64]| {
        let kernels = kernels(x);
        seen.iter()
            .map(|row| (price(&kernels, rates, row), row.micros))
            .collect::<Vec<_>>()
    };
    let x = with_rows_if_worth(&fixed, pairs);
    let kernels = kernels(&x);
    (x, kernels)
}
