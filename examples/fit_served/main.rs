//! Fits what steps pay besides their kernels to served runs, shows how far predictions are off, and writes the runs as
//! a manifest.
//!
//! `cargo run --release --example fit_served -- FOLDER [fit | leave-one-out | errors | datasheet | closed-loops |
//! manifest OUT | expected [NTH]]`
//!
//! `fit` prints the coefficients and the errors they leave; `leave-one-out` predicts each run with coefficients fitted
//! without all runs of its model; `errors` are those of the coefficients in use; `datasheet` treats every GPU as known
//! by its datasheet only; `closed-loops` are other runs, at a fixed number of users; `manifest` writes scenarios,
//! traces and measurements for `tailcast validate`; `expected` finds the errors that runs are expected to have from
//! what they are made of, on all runs or every so-manieth closed loop.

mod closed_loops;
mod coefficients;
mod errors;
mod expected;
mod experiments;
mod fit;
mod published;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use coefficients::{SERVED, set_all};
use errors::{Case, METRICS, compare_all};
use experiments::Knowledge;
use tailcast::study::{Compared, Comparison, errors_of};

/// Seeds of the errors that are shown; fits take one.
const SEEDS: u64 = 4;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (folder, what) = words.split_first().expect("give the folder of the served runs");
    let folder = Path::new(folder);
    let work = tempfile::tempdir().expect("a folder for scenarios");
    match what {
        [] | ["fit"] => {
            let mut cases = experiments::cases(folder, work.path(), Knowledge::Tables);
            let values = print_fit(&mut cases, "all");
            show(&mut cases, |_| Some(values.clone()));
        }
        ["leave-one-out"] => leave_one_out(folder, work.path()),
        ["errors"] => show(&mut experiments::cases(folder, work.path(), Knowledge::Tables), |_| {
            None
        }),
        ["datasheet"] => show(
            &mut experiments::cases(folder, work.path(), Knowledge::Datasheet),
            |_| None,
        ),
        ["closed-loops"] => show_closed_loops(folder, work.path()),
        ["manifest", out] => experiments::write_manifest(folder, Path::new(out)),
        ["expected", nth @ ..] => {
            let nth = nth.first().map_or(1, |text| text.parse().expect("a whole number"));
            expected::show(&expected::predictions(folder, work.path(), nth));
        }
        other => {
            panic!("{other:?} is none of fit, leave-one-out, errors, datasheet, closed-loops, manifest OUT, expected")
        }
    }
}

fn leave_one_out(folder: &Path, work: &Path) {
    let mut cases = experiments::cases(folder, work, Knowledge::Tables);
    let models: BTreeSet<&str> = cases.iter().map(|case| case.experiment.model).collect();
    let fits: Vec<(&str, Vec<f64>)> = models
        .into_iter()
        .map(|model| {
            let (_, mut others): (Vec<Case>, Vec<Case>) = experiments::cases(folder, work, Knowledge::Tables)
                .into_iter()
                .partition(|case| case.experiment.model == model);
            (model, print_fit(&mut others, &format!("without {model}")))
        })
        .collect();
    show(&mut cases, |case| {
        let fit = fits.iter().find(|(model, _)| *model == case.experiment.model);
        fit.map(|(_, values)| values.clone())
    });
}

fn print_fit(cases: &mut [Case], name: &str) -> Vec<f64> {
    let fit = fit::fit(cases);
    println!("{name}:");
    for (one, (value, error)) in SERVED.iter().zip(fit.values.iter().zip(&fit.standard_errors)) {
        println!("  {:<20} {value:>9.2} +- {error:.2}", one.name);
    }
    fit.values
}

/// Simulates every run with the coefficients that `values` names for it, and prints the errors [%].
fn show(cases: &mut [Case], values: impl Fn(&Case) -> Option<Vec<f64>>) {
    for case in cases.iter_mut() {
        if let Some(values) = values(case) {
            set_all(&mut case.scenario, &values);
        }
    }
    let all: Vec<&Case> = cases.iter().collect();
    let comparisons = compare_all(&all, SEEDS);
    println!(
        "{:<44}{}",
        "signed errors [%]",
        METRICS.map(|name| format!("{name:>10}")).concat()
    );
    let mut of_stages = Vec::new();
    for (case, comparison) in all.iter().zip(comparisons) {
        println!("{:<44}{}", comparison.name, line(&comparison));
        if case.experiment.set == "blis_tv13" {
            of_stages.push(comparison);
        }
    }
    for name in METRICS {
        let errors = errors_of(&of_stages, name);
        let percent = |error: Option<f64>| 100.0 * error.expect("all have it");
        println!(
            "blis_tv13 {name:<10} mean {:.1} median {:.1}",
            percent(errors.mean_absolute),
            percent(errors.median_absolute)
        );
    }
}

fn line(comparison: &Comparison) -> String {
    let error = |name: &str| comparison.of(name).and_then(Compared::error);
    let shown = |name: &str| match error(name) {
        Some(error) => format!("{:>10.1}", 100.0 * error),
        None => format!("{:>10}", "-"),
    };
    let mut line: String = METRICS.into_iter().map(shown).collect();
    for name in [
        "requests.finished",
        "queue.depth.mean",
        "queue.depth.max",
        "queue.running.mean",
    ] {
        if let Some((one, predicted)) = comparison.of(name).and_then(|one| Some((one, one.predicted?))) {
            let _ = write!(line, "  {name} {predicted:.1} for {:.1}", one.measured);
        }
    }
    line
}

/// The median absolute errors of each group, with what is measured of its GPU and without.
fn show_closed_loops(folder: &Path, work: &Path) {
    for group in &closed_loops::GROUPS {
        for knowledge in [Knowledge::Tables, Knowledge::Datasheet] {
            let cases = closed_loops::cases(folder, work, group, knowledge);
            let comparisons = compare_all(&cases.iter().collect::<Vec<_>>(), 1);
            let [tpot, ttft] = ["tpot.mean", "ttft.mean"].map(|name| {
                let median = errors_of(&comparisons, name).median_absolute;
                100.0 * median.expect("there are rows")
            });
            println!(
                "{:<24} {knowledge:?}: {} rows, median error of TPOT {tpot:.1} %, of TTFT {ttft:.1} %",
                group.name,
                cases.len()
            );
        }
    }
}
