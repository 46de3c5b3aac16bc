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
use super::study::{self, Runner, StudyFlags};
use crate::config::Diagnostic;
use crate::report::capacity::{CapacityReport, Servers};
use crate::study::{
    Base, Capacity, CapacityQuestion, FormulaCheck, FormulaQuestion, Input, LoadDial, LoadKind, Simulate, Stopped,
    Tried, USUAL_START, Workers, fewest_servers, remedies, try_remedy,
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
    #[arg(long, value_name = "REQUESTS/S", allow_hyphen_values = true)]
    #[arg(conflicts_with = "of", value_parser = above_zero)]
    rate: Option<f64>,
    /// Search with this many seeds, for a 95 % interval; by default 4, or 1 for a trace
    #[arg(long, value_name = "RUNS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    seeds: Option<u32>,
    /// Do not try what would help
    #[arg(long)]
    no_changes: bool,
    /// Hold the formula (memory - weights) / KV per user against the simulation, and measure each thing that it leaves
    /// out
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
    let runner = Runner::new(args.study_flags.progress(None));
    let simulate = |input: &Input, seed| runner.run(input, seed);
    let report = Search {
        args,
        base: &base,
        dial: &dial,
        seeds,
        workers: &args.study_flags.workers()?,
        simulate: &simulate,
    }
    .report(input)?;
    runner.warn(&args.study_flags, color);
    screen::print(&match args.format {
        Format::Text => report.to_text(),
        Format::Json => report.to_json(),
    })?;
    files.write(&[], || report.to_page())?;
    let no_servers = report.servers.is_some_and(|it| it.fewest.is_none());
    if report.is_impossible() || no_servers {
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
            return Ok(if input.is_always_the_same() { 1 } else { USUAL_SEEDS });
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
        let seeds: Vec<u64> = input.seeds(self.seeds).collect();
        let question = CapacityQuestion {
            base: self.base,
            dial: self.dial,
            changes: &[],
            seeds: &seeds,
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
        let tried = self.try_changes(&input, &question, &capacity)?;
        let formula = self.explain(&input)?;
        Ok(CapacityReport {
            setting: setting::of(&input, seeds.len() as u32, self.dial.replaces().into_iter().collect()),
            gpus: input.scenario.tensor_parallel,
            slos: input.slos,
            capacity,
            servers,
            tried,
            formula,
        })
    }

    /// The formula against the simulation, if it is asked for; what stands in its way takes nothing from the rest.
    fn explain(&self, input: &Input) -> Result<Option<FormulaCheck>, Failure> {
        if !self.args.explain {
            return Ok(None);
        }
        let question = FormulaQuestion {
            base: self.base,
            input,
            workers: self.workers,
            simulate: self.simulate,
        };
        match question.answer() {
            Ok(check) => Ok(Some(check)),
            Err(Stopped::Interrupted) => Err(Failure::Interrupted),
            Err(Stopped::Failed(why)) => {
                screen::note(&format!("--explain: {why}"));
                Ok(None)
            }
            Err(Stopped::Invalid(_, problem)) => {
                screen::note(&format!("--explain: {problem}"));
                Ok(None)
            }
        }
    }

    fn try_changes(
        &self,
        input: &Input,
        question: &CapacityQuestion,
        capacity: &Capacity,
    ) -> Result<Vec<Tried>, Failure> {
        if self.args.no_changes || capacity.is_none() || capacity.is_at_least() {
            return Ok(Vec::new());
        }
        let tried = remedies(input)
            .into_iter()
            .map(|remedy| try_remedy(remedy, question, self.workers, self.simulate));
        tried.collect::<Result<_, _>>().map_err(Failure::from)
    }
}
