//! Routed experts, by kernel.

use std::path::Path;

use super::least_squares::{Coefficient, coefficient};
use super::tables::{self, ExpertsRow, Source};
use super::{Compared, Summary, by_rows, peak_of, print_by_rows, print_head, with_rows_if_worth};
use tailcast::hardware::{ExpertKernels, Gpu, WeightKernel};
use tailcast::step_time::kernel_times::{self, Rates};

/// Mixtures of so many experts tell nothing of what fewer take to be sorted.
const MANY_EXPERTS: f64 = 512.0;

pub fn print(folder: &Path, source: &Source, gpu: &Gpu, summary: &mut Summary) {
    let mut of_marlin = None;
    for tables in &tables::EXPERTS {
        let rows = tables::experts(folder, source, tables);
        let (kernel, operator, _) = *tables;
        let (Some(peak), false) = (peak_of(kernel, gpu), rows.is_empty()) else {
            continue;
        };
        let rates = Rates::new(gpu, peak);
        let mut x = best(rates, &rows);
        if kernel == WeightKernel::Marlin {
            of_marlin = Some((x[2], x[4]));
        }
        let compared = Compared(
            rows.iter()
                .map(|row| (row.rows, (price(&kernels(&x), rates, row), row.micros), row.held_back))
                .collect(),
        );
        let mut note = "";
        if let (Some((start, alone)), true) = (of_marlin, rows.iter().all(|row| row.experts.count > MANY_EXPERTS)) {
            // What is measured holds the sorting of more experts than models have.
            (x[2], x[4]) = (start, alone);
            note = " with its own start, which is that of 896 experts: here int4's";
        }
        print_head("experts", kernel);
        println!(
            "start_us = {:.1}\nalone_us = {:.1}\nof_bandwidth = {:.3}\nof_peak = {:.3}\noverlap = {:.1}\nmoves = {:.1}",
            x[2],
            x[4].min(x[2]),
            x[0],
            x[1],
            x[3],
            x[5]
        );
        print_by_rows(&x[FIXED..]);
        println!("{}", source.cite("moe", operator, ""));
        println!(
            "fitted = \"1 to 8192 tokens, even and uneven choices, weights of 16 MB and more: {}{note}\"",
            compared.errors()
        );
        summary.push((format!("experts, {}", kernel.name()), compared));
    }
}

/// Coefficients that are no factors by rows.
const FIXED: usize = 6;

fn kernels(x: &[f64]) -> ExpertKernels {
    ExpertKernels {
        micros: x[2],
        alone_micros: x[4].min(x[2]),
        bandwidth: x[0],
        flops: x[1],
        overlap: x[3],
        moves: x[5],
        by_rows: by_rows(&x[FIXED..]),
    }
}

fn price(kernels: &ExpertKernels, rates: Rates, row: &ExpertsRow) -> f64 {
    kernel_times::experts(kernels, rates, &row.experts, row.rows, row.distinct)
}

/// The formula, with factors by rows if they are worth it.
fn best(rates: Rates, rows: &[ExpertsRow]) -> Vec<f64> {
    let fixed: [Coefficient; FIXED] = [
        coefficient(0.85, 0.1, 0.98),
        coefficient(0.5, 0.03, 1.0),
        coefficient(35.0, 0.0, 300.0),
        coefficient(1.5, 1.0, 6.0),
        coefficient(20.0, 0.0, 300.0),
        coefficient(4.0, 0.0, 40.0),
    ];
    let seen: Vec<ExpertsRow> = rows.iter().filter(|row| !row.held_back).copied().collect();
    let pairs = |x: &[f64]| {
        let kernels = kernels(x);
        seen.iter()
            .map(|row| (price(&kernels, rates, row), row.micros))
            .collect::<Vec<_>>()
    };
    with_rows_if_worth(&fixed, pairs)
}
