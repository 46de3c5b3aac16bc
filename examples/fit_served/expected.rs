//! Finds the errors of what runs are made of from how far predictions of served runs are off, and prints them as
//! `src/config/scenario/expected_error.rs` has them.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use tailcast::config::{CAUSES, CauseErrors, ErrorCause, joined};
use tailcast::metrics::Summary;
use tailcast::study::{self, has_queue};

use super::errors::Case;
use super::experiments::{self, Knowledge};
use super::published;

/// A served run and its prediction.
pub struct Predicted {
    /// What it is made of.
    pub causes: Vec<ErrorCause>,
    /// Runs of one model on one GPU with one engine are alike, and count for less than as many others.
    kind: String,
    /// Measured and predicted mean TPOT and mean TTFT [s]; `None` where it was not measured.
    pub times: [Option<(f64, f64)>; 2],
}

/// First tokens that are off by more wait for something that is not modelled, or their set-up is another.
const ANOTHER_SERVER: f64 = 4.0;
/// The share of runs that are to be covered.
const COVERED: f64 = 0.9;
/// What errors may be, in percent: steps that are felt.
const GRID: [u32; 24] = [
    0, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 20, 25, 30, 35, 40, 50, 60, 70, 85, 100, 125, 150, 200,
];
/// What is fitted to a run predicts it better than others: of 13 runs of six models, each predicted without its model,
/// 12 have a TPOT within 4 % (`leave-one-out`).
const LEAST_OF_ANY_RUN: u32 = 4;
/// Every so-manieth run is predicted a second time as if nobody had measured its GPU.
const NTH_WITHOUT_TABLES: usize = 7;

/// All served runs of `folder`, every `nth` of the closed loops.
pub fn predictions(folder: &Path, work: &Path, nth: usize) -> Vec<Predicted> {
    let mut cases = experiments::cases(folder, work, Knowledge::Tables);
    cases.extend(published::cases(folder, work, nth, Knowledge::Tables));
    let other = work.join("datasheet");
    std::fs::create_dir_all(&other).expect("the folder can be made");
    let unmeasured = experiments::cases(folder, &other, Knowledge::Datasheet).into_iter();
    cases.extend(unmeasured.filter(|case| case.experiment.set == "blis_tv13"));
    let unmeasured = published::cases(folder, &other, nth * NTH_WITHOUT_TABLES, Knowledge::Datasheet);
    cases.extend(unmeasured);
    cases.par_iter().filter_map(predicted).collect()
}

fn predicted(case: &Case) -> Option<Predicted> {
    let experiment = &case.experiment;
    let run = study::simulate(&case.scenario, 1).unwrap_or_else(|error| panic!("{}: {error}", experiment.name));
    let summary = Summary::of(&run);
    let deployment = &case.scenario.deployment;
    let error = deployment.expected_error(has_queue(&summary))?;
    let is_alike = |pair: &(f64, f64)| (pair.0 / pair.1).ln().abs() < ANOTHER_SERVER.ln();
    let pair = |name: &str, predicted: Option<f64>| {
        let pair = (*experiment.measured.get(name)?, predicted?);
        Some(pair).filter(is_alike)
    };
    Some(Predicted {
        causes: error.parts.iter().map(|part| part.cause).collect(),
        kind: format!("{} {} {}", experiment.model, deployment.gpu.name(), deployment.engine),
        times: [
            pair("tpot.mean", summary.latency.tpot.mean),
            pair("ttft.mean", summary.latency.ttft.mean),
        ],
    })
}

/// Of one latency: the errors of causes.
#[derive(Clone)]
pub struct Fitted {
    errors: Vec<f64>,
}

/// Runs with the same causes, and how far off they are: the logarithm of measured over predicted, and a weight.
type Combinations = BTreeMap<Vec<ErrorCause>, Vec<(f64, f64)>>;

impl Fitted {
    /// Those in the source.
    pub fn in_use(latency: usize) -> Self {
        let of = |errors: &CauseErrors| [errors.tpot, errors.ttft][latency];
        Self {
            errors: CAUSES.iter().map(of).collect(),
        }
    }

    /// The largest error expected of runs that are made so.
    pub fn of(&self, causes: &[ErrorCause]) -> f64 {
        joined(causes.iter().map(|cause| self.errors[*cause as usize]))
    }

    /// Coordinate by coordinate and pair by pair from those in use, what makes the score of an interval least: its
    /// half-width, and what is beyond it over the share that may be (Gneiting and Raftery, Strictly proper scoring
    /// rules, JASA 102, 2007). What is assumed stays, and so does what a queue on one GPU adds: most runs that have one
    /// are of engines whose set-up nobody published, and those of vLLM are as close as without.
    pub fn fit(all: &[Predicted], latency: usize) -> Self {
        let combinations = combinations(all, latency);
        let measured: Vec<usize> = (0..CAUSES.len())
            .filter(|&place| CAUSES[place].runs > 0 && place != ErrorCause::Queue as usize)
            .filter(|&place| combinations.keys().flatten().any(|cause| *cause as usize == place))
            .collect();
        let mut fitted = Self::in_use(latency);
        let mut best = fitted.loss(&combinations);
        loop {
            let before = best;
            for (number, &first) in measured.iter().enumerate() {
                for &second in &measured[number..] {
                    fitted.improve(first, second, &combinations, &mut best);
                }
            }
            if before - best < 1e-9 {
                return fitted.narrowed(all, latency, &measured);
            }
        }
    }

    /// Kinds of run weigh alike in a fit, however many runs they have: as narrow as covers enough of all runs.
    fn narrowed(self, all: &[Predicted], latency: usize, measured: &[usize]) -> Self {
        let scaled = |percent: u32| {
            let mut scaled = self.clone();
            for &place in measured {
                let least = if place == 0 {
                    f64::from(LEAST_OF_ANY_RUN) / 100.0
                } else {
                    0.0
                };
                scaled.errors[place] = ((self.errors[place] * f64::from(percent)).round() / 100.0).max(least);
            }
            scaled
        };
        let is_enough = |fitted: &Self| Coverage::of(all.iter(), fitted, latency).share >= COVERED;
        let narrower = (50..=100).step_by(2).map(scaled).find(is_enough);
        narrower.unwrap_or(self.clone())
    }

    fn improve(&mut self, first: usize, second: usize, combinations: &Combinations, best: &mut f64) {
        let mut chosen = (self.errors[first], self.errors[second]);
        for one in GRID {
            for other in GRID {
                let is_any_run = |place: usize| place == ErrorCause::AnyRun as usize;
                let is_too_small = is_any_run(first) && one < LEAST_OF_ANY_RUN;
                if is_too_small || first == second && one != other {
                    continue;
                }
                (self.errors[first], self.errors[second]) = (f64::from(one) / 100.0, f64::from(other) / 100.0);
                let loss = self.loss(combinations);
                if loss < *best - 1e-9 {
                    *best = loss;
                    chosen = (self.errors[first], self.errors[second]);
                }
            }
        }
        (self.errors[first], self.errors[second]) = chosen;
    }

    fn loss(&self, combinations: &Combinations) -> f64 {
        let of = |(causes, runs): (&Vec<ErrorCause>, &Vec<(f64, f64)>)| {
            let expected = (1.0 + self.of(causes)).ln();
            let runs = runs.iter();
            let lost =
                runs.map(|(off, weight)| weight * (expected + (off.abs() - expected).max(0.0) / (1.0 - COVERED)));
            lost.sum::<f64>()
        };
        combinations.iter().map(of).sum()
    }
}

fn combinations(all: &[Predicted], latency: usize) -> Combinations {
    let mut kinds: BTreeMap<&str, f64> = BTreeMap::new();
    for run in all {
        *kinds.entry(&run.kind).or_default() += 1.0;
    }
    let mut combinations = Combinations::new();
    for run in all {
        if let Some((measured, predicted)) = run.times[latency] {
            let off = (measured / predicted).ln();
            let weight = 1.0 / kinds[run.kind.as_str()].sqrt();
            combinations.entry(run.causes.clone()).or_default().push((off, weight));
        }
    }
    combinations
}

/// What errors in use, or new ones, come to on the runs.
#[derive(Clone, Copy, Debug)]
pub struct Coverage {
    /// The share of runs within them.
    pub share: f64,
    /// The mean error that is expected, relative.
    pub half_width: f64,
    /// The mean error that is found, relative.
    pub found: f64,
    /// How many runs.
    pub runs: usize,
}

impl Coverage {
    /// Of these runs.
    pub fn of<'a>(runs: impl Iterator<Item = &'a Predicted>, fitted: &Fitted, latency: usize) -> Self {
        let pairs: Vec<(f64, f64)> = runs
            .filter_map(|run| {
                let (measured, predicted) = run.times[latency]?;
                Some((fitted.of(&run.causes), (measured / predicted).ln().abs().exp() - 1.0))
            })
            .collect();
        let count = pairs.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / count;
        Self {
            share: mean(|(expected, found)| f64::from(u8::from(found <= expected))),
            half_width: mean(|(expected, _)| *expected),
            found: mean(|(_, found)| *found),
            runs: pairs.len(),
        }
    }
}

/// Prints the table of `docs/LATENCY_MODEL.md` and the lines of the source.
pub fn show(all: &[Predicted]) {
    let fitted = [0, 1].map(|latency| Fitted::fit(all, latency));
    let runs_with = |cause: ErrorCause| all.iter().filter(|run| run.causes.contains(&cause)).count();
    println!("| made of | runs | TPOT found, expected, within | TTFT found, expected, within |\n|---|---|---|---|");
    let mut combinations: Vec<&Vec<ErrorCause>> = all.iter().map(|run| &run.causes).collect();
    combinations.sort();
    combinations.dedup();
    for causes in combinations {
        let alike = || all.iter().filter(|run| run.causes == *causes);
        let names: Vec<&str> = causes.iter().skip(1).map(|cause| cause.errors().name).collect();
        let [tpot, ttft] = [0, 1].map(|latency| Coverage::of(alike(), &fitted[latency], latency));
        let cell = |it: Coverage| {
            let [found, expected, share] = [it.found, it.half_width, it.share].map(|it| 100.0 * it);
            format!("{found:.0}, {expected:.0}, {share:.0} %")
        };
        println!(
            "| {} | {} | {} | {} |",
            names.join(", "),
            tpot.runs,
            cell(tpot),
            cell(ttft)
        );
    }
    for (latency, name) in ["TPOT", "TTFT"].into_iter().enumerate() {
        for (what, errors) in [("in use", Fitted::in_use(latency)), ("fitted", fitted[latency].clone())] {
            println!("{name} {what}: {:.3?}", Coverage::of(all.iter(), &errors, latency));
        }
    }
    for errors in &CAUSES {
        let place = errors.cause as usize;
        println!(
            "    of(ErrorCause::{:?}, \"{}\", {:.2}, {:.2}, {}),",
            errors.cause,
            errors.name,
            fitted[0].errors[place],
            fitted[1].errors[place],
            runs_with(errors.cause)
        );
    }
}
