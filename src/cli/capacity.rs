//! `capacity`: the highest load under the objectives, or the fewest servers for a rate.

use std::path::PathBuf;

use clap::ValueEnum;

use super::color::ColorFlags;
use super::failure::Failure;
use super::files::StudyFiles;
use super::interrupt;
use super::scenario::ScenarioFlags;
use super::screen;
use super::setting;
use super::study::{self, StudyFlags};
use crate::config::Diagnostic;
use crate::report::capacity::{CapacityReport, Servers};
use crate::study::{
    Base, Capacity, CapacityQuestion, FormulaQuestion, Input, LoadDial, LoadKind, Simulate, Tried,
    Workers, fewest_servers, remedies, try_remedy,
};

/// Find the highest load that meets all SLOs, or the fewest servers for a rate; what binds, and what would help
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The scenario file (TOML); without it the embedded demo
    scenario: Option<PathBuf>,
    #[command(flatten)]
    changes: ScenarioFlags,
    /// What the capacity is in; by default what the scenario's own load is
    #[arg(long, value_enum, value_name = "LOAD")]
    of: Option<Of>,
    /// Find the fewest servers for so many requests per second
    #[arg(long, value_name = "REQUESTS/S", allow_hyphen_values = true, conflicts_with = "of", value_parser = above_zero)]
    rate: Option<f64>,
    /// Search with this many seeds, for a 95 % interval; by default 4, or 1 for a trace
    #[arg(long, value_name = "RUNS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    seeds: Option<u32>,
    /// Do not try what would help
    #[arg(long)]
    no_changes: bool,
    /// Hold the formula (memory - weights) / KV per user against the simulation, and measure each thing that it leaves out
    #[arg(long)]
    explain: bool,
    /// How to print the results
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write the whole report as one page (HTML)
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    study_flags: StudyFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Of {
    /// Requests per second that arrive whatever the server does
    Rate,
    /// Clients, each with one request at a time
    Concurrency,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One screen
    Text,
    /// One JSON object
    Json,
}

const USUAL_SEEDS: u32 = 4;
/// Where the search begins if the scenario has no load of its own.
const USUAL_START: f64 = 4.0;

/// No scenario has a higher rate.
const MOST_RATE_PER_S: f64 = 1e9;

fn above_zero(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok();
    number
        .filter(|it| *it > 0.0 && *it <= MOST_RATE_PER_S)
        .ok_or_else(|| "write a number above 0 and up to 1e9, such as 30".to_owned())
}

/// Runs the verb.
pub fn run(args: &Args, color: ColorFlags) -> Result<(), Failure> {
    let base = args.changes.base(args.scenario.as_deref())?;
    let input = base.load()?;
    if input.slos.is_empty() {
        let message = "there is no objective that a capacity could be found under";
        return Err(Diagnostic::new(message)
            .help("write --slo 'ttft.p99<2s', or \"ttft.p99\" = \"2s\" below [slo] in the scenario")
            .into());
    }
    let dial = study::dial(args.kind(&input), &input)?;
    let seeds = args.seeds(&input)?;
    let files = StudyFiles::new(&[], &[], args.html.as_ref())?;
    files.check(base.file(), &input)?;
    args.study_flags.warn_before(&input, &dial, color);
    interrupt::listen();
    let progress = args.study_flags.progress(None);
    let simulate = |input: &Input, seed| study::one_run(input, seed, &progress);
    let report = Search {
        args,
        base: &base,
        dial: &dial,
        seeds,
        workers: &args.study_flags.workers()?,
        simulate: &simulate,
    }
    .report(input)?;
    drop(progress);
    screen::print(&match args.format {
        Format::Text => report.to_text(),
        Format::Json => report.to_json(),
    })?;
    files.write(&[], || report.to_page())?;
    if report.is_impossible() {
        return Err(Failure::ObjectiveMissed);
    }
    Ok(())
}

impl Args {
    fn kind(&self, input: &Input) -> LoadKind {
        match (self.rate, self.of) {
            (Some(_), _) | (_, Some(Of::Rate)) => LoadKind::Rate,
            (_, Some(Of::Concurrency)) => LoadKind::Concurrency,
            _ => LoadKind::of(input),
        }
    }

    fn seeds(&self, input: &Input) -> Result<u32, Failure> {
        let Some(seeds) = self.seeds else {
            return Ok(if input.is_always_the_same() {
                1
            } else {
                USUAL_SEEDS
            });
        };
        study::refuse_seeds_of_a_trace(input, seeds)?;
        Ok(seeds)
    }
}

/// What a search needs.
struct Search<'a> {
    args: &'a Args,
    base: &'a Base,
    dial: &'a LoadDial,
    seeds: u32,
    workers: &'a Workers,
    simulate: &'a Simulate<'a>,
}

impl Search<'_> {
    fn report(&self, input: Input) -> Result<CapacityReport, Failure> {
        let question = CapacityQuestion {
            base: self.base,
            dial: self.dial,
            changes: &[],
            seeds: self.seeds,
            start: self.dial.load_of(&input).unwrap_or(USUAL_START),
        };
        let capacity = question.answer(self.workers, self.simulate)?;
        let servers = match self.args.rate {
            None => None,
            Some(rate) => Some(Servers {
                rate_per_s: rate,
                fewest: fewest_servers(&question, &capacity, rate, self.simulate)?,
            }),
        };
        let tried = self.try_changes(&input, &capacity)?;
        let formula = if self.args.explain {
            let question = FormulaQuestion {
                base: self.base,
                input: &input,
                workers: self.workers,
                simulate: self.simulate,
            };
            Some(question.answer()?)
        } else {
            None
        };
        let replaced = self.dial.replaces().map(str::to_owned);
        Ok(CapacityReport {
            setting: setting::of(&input, self.seeds, replaced.into_iter().collect()),
            kind: self.dial.kind(),
            gpus: input.scenario.tensor_parallel,
            slos: input.slos,
            capacity,
            servers,
            tried,
            formula,
        })
    }

    fn try_changes(&self, input: &Input, capacity: &Capacity) -> Result<Vec<Tried>, Failure> {
        if self.args.no_changes || capacity.is_none() || capacity.is_unlimited() {
            return Ok(Vec::new());
        }
        let start = capacity.mean();
        let tried = remedies(input).into_iter().map(|remedy| {
            let place = (self.base, self.dial);
            try_remedy(
                remedy,
                place,
                (start, self.seeds),
                self.workers,
                self.simulate,
            )
        });
        tried.collect::<Result<_, _>>().map_err(Failure::from)
    }
}
