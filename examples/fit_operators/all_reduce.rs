//! All-reduces between the GPUs of a server.

use std::path::Path;

use super::least_squares::{coefficient, fit, median_error};
use super::tables::{self, AllReduceRow, Source};
use tailcast::hardware::{AllReduceKernels, Gpu};
use tailcast::step_time::kernel_times;

/// Prints what they reach, if they were measured.
pub fn print(folder: &Path, source: &Source, gpu: &Gpu) {
    let rows = tables::all_reduces(folder, source);
    if rows.is_empty() {
        return;
    }
    let link = gpu.link().bytes_per_s / 1e6;
    let kernels = |x: &[f64]| AllReduceKernels {
        micros: x[0],
        micros_per_doubling: x[1],
        bandwidth: x[2],
        bandwidth_of_many: x[3],
    };
    let pairs = |x: &[f64]| {
        let kernels = kernels(x);
        let price = |row: &AllReduceRow| kernel_times::all_reduce(&kernels, link, row.gpus, row.bytes);
        rows.iter().map(|row| (price(row), row.micros)).collect::<Vec<_>>()
    };
    let coefficients = [
        coefficient(4.3, 0.5, 60.0),
        coefficient(1.0, 0.0, 30.0),
        coefficient(0.3, 0.01, 1.0),
        coefficient(0.3, 0.01, 1.0),
    ];
    let x = fit(&coefficients, pairs, |_| Vec::new());
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
        100.0 * median_error(&pairs(&x))
    );
}
