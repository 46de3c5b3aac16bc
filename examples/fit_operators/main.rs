//! Fits what kernels reach to tables of measured operators, and prints it as the `[kernels]` tables of
//! `configs/gpus/*.toml`; then how far off rows are that no fit has seen.
//!
//! `cargo run --release --example fit_operators -- <folder with aiconfigurator/ and llmservingsim/> [GPU ...]`

mod all_reduce;
mod attention;
mod experts;
mod latent;
mod least_squares;
mod products;
mod tables;

use std::path::Path;

use least_squares::{Coefficient, coefficient, fit, loss, median_error};
use tables::Source;
use tailcast::config::catalogue;
use tailcast::hardware::{ByRows, Gpu, WeightKernel};

/// Rows of one operator in one format: how many tokens (or requests) each has, what it is priced at, what it took, and
/// whether a fit has seen it.
pub struct Compared(pub Vec<(f64, (f64, f64), bool)>);

/// Tokens of the steps in which servers mostly decode.
const FEW_TOKENS: f64 = 128.0;

impl Compared {
    fn median(&self, is_held_back: bool, most: f64) -> f64 {
        let chosen = self
            .0
            .iter()
            .filter(|(rows, _, held)| *held == is_held_back && *rows <= most);
        let pairs: Vec<(f64, f64)> = chosen.map(|(_, pair, _)| *pair).collect();
        100.0 * median_error(&pairs)
    }

    /// As the `fitted` line of a table.
    pub fn errors(&self) -> String {
        format!(
            "median error {:.1} % (held back {:.1} %; to 128 tokens {:.1} %)",
            self.median(false, f64::INFINITY),
            self.median(true, f64::INFINITY),
            self.median(true, FEW_TOKENS)
        )
    }

    /// As a cell of the summary: held back, 1 to 128 tokens, and all.
    fn cell(&self) -> String {
        if self.0.iter().all(|(_, _, held)| !held) {
            return String::new();
        }
        format!(
            "{:.1} / {:.1}",
            self.median(true, FEW_TOKENS),
            self.median(true, f64::INFINITY)
        )
    }
}

/// The cells of the summary of one GPU: what was compared, and its errors.
pub type Summary = Vec<(String, Compared)>;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("give the folder of the tables");
    let wanted: Vec<String> = arguments.collect();
    let mut all = Vec::new();
    for source in &tables::SOURCES {
        if wanted.is_empty() || wanted.iter().any(|name| name == source.gpu) {
            all.push((source.gpu, print_kernels(Path::new(&folder), source)));
        }
    }
    print_summary(&all);
}

/// A table of all GPUs, as `docs/LATENCY_MODEL.md` holds it.
fn print_summary(all: &[(&str, Summary)]) {
    let mut operators: Vec<&str> = Vec::new();
    for (name, _) in all.iter().flat_map(|(_, summary)| summary) {
        if !operators.contains(&name.as_str()) {
            operators.push(name);
        }
    }
    operators.sort_by_key(|name| {
        (
            name.split(',').next().unwrap_or_default().to_owned(),
            name.contains(", "),
        )
    });
    let gpus: Vec<&str> = all.iter().map(|(gpu, _)| *gpu).collect();
    println!("# Held back, median errors [%]: 1 to 128 tokens or requests / all");
    println!("| | {} |", gpus.join(" | "));
    println!("|---|{}", "---|".repeat(gpus.len()));
    for operator in operators {
        let cells = all.iter().map(|(_, summary)| {
            let found = summary.iter().find(|(name, _)| name == operator);
            found.map_or(String::new(), |(_, compared)| compared.cell())
        });
        println!("| {operator} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
}

fn print_kernels(folder: &Path, source: &Source) -> Summary {
    // Its file as it stands, not as it was when this was built: peaks and bandwidth count, not what was fitted.
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("configs/gpus/{}.toml", source.gpu));
    let gpu = catalogue::gpu_from_file(&file).unwrap_or_else(|error| panic!("{error}"));
    println!("# {}", source.gpu);
    let mut summary = Summary::new();
    let products = products::print(folder, source, &gpu, &mut summary);
    attention::print(folder, source, &gpu, &mut summary);
    latent::print(folder, source, &gpu, &products, &mut summary);
    experts::print(folder, source, &gpu, &mut summary);
    all_reduce::print(folder, source, &gpu);
    summary
}

/// What of a peak belongs to a kernel on a GPU, if it has units for it [operations/s].
pub fn peak_of(kernel: WeightKernel, gpu: &Gpu) -> Option<f64> {
    tables::peak(kernel, gpu)
}

/// The head of a table of coefficients.
pub fn print_head(operator: &str, kernel: WeightKernel) {
    match kernel {
        WeightKernel::Plain => println!("\n[kernels.{operator}]"),
        _ => println!("\n[kernels.quantised_{operator}.{}]", kernel.name()),
    }
}

/// Factors by rows, from their logarithms.
pub fn by_rows(logarithms: &[f64]) -> ByRows {
    let mut factors = [1.0; ByRows::POINTS];
    for (factor, logarithm) in factors.iter_mut().zip(logarithms) {
        *factor = logarithm.exp();
    }
    ByRows::new(factors)
}

/// The line of factors by rows; none where the formula stands alone.
pub fn print_by_rows(logarithms: &[f64]) {
    if !logarithms.is_empty() {
        let factors: Vec<String> = logarithms.iter().map(|one| format!("{:.2}", one.exp())).collect();
        println!("by_rows = [{}]", factors.join(", "));
    }
}

/// Coefficients of a formula, the first of which is its fraction of the bandwidth, with factors by rows behind them if
/// these are worth it. `pairs` are what rows are priced at and what they took.
pub fn with_rows_if_worth(fixed: &[Coefficient], pairs: impl Fn(&[f64]) -> Vec<(f64, f64)>) -> Vec<f64> {
    /// The part of the loss that factors by rows have to take away to be kept.
    const WORTH: f64 = 0.1;
    let drawn = |x: &[f64]| drawn(x[0], &x[fixed.len()..]);
    let alone = fit(fixed, &pairs, drawn);
    let mut more = fixed.to_vec();
    more.extend([coefficient(0.0, -1.5, 1.5); ByRows::POINTS]);
    for (one, &found) in more.iter_mut().zip(&alone) {
        one.start = found;
    }
    let with = fit(&more, &pairs, drawn);
    if loss(&pairs(&with)) < (1.0 - WORTH) * loss(&pairs(&alone)) {
        with
    } else {
        alone
    }
}

/// How far factors by rows are drawn to 1, and a bandwidth below what they leave of it.
fn drawn(bandwidth: f64, logarithms: &[f64]) -> Vec<f64> {
    const TO_ONE: f64 = 0.006;
    const TO_THE_DATASHEET: f64 = 10.0;
    let least = logarithms.iter().copied().fold(0.0, f64::min).exp();
    let beyond = (bandwidth / least - MOST_OF_BANDWIDTH).max(0.0) * TO_THE_DATASHEET;
    logarithms.iter().map(|one| one * TO_ONE).chain([beyond]).collect()
}

/// No kernel reads faster, with factors that are rounded.
const MOST_OF_BANDWIDTH: f64 = 0.98;
