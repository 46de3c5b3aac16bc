//! `run`: simulates a scenario and reports what its users would see.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueEnum;

use super::bounds::{self, Bounds};
use super::color::ColorFlags;
use super::explain;
use super::failure::Failure;
use super::interrupt;
use super::outputs::OutputFlags;
use super::progress::Progress;
use super::range;
use super::replications::{self, Outcome};
use super::scenario::ScenarioFlags;
use super::screen;
use super::simulate::{LastHeard, simulate};
use crate::engine::Observer;
use crate::metrics::{Replications, RequestLog, Timeline};
use crate::report::{RunReport, Style, TimelineCsv, Verdict, write_atomically, write_requests_csv};
use crate::study::Input;

/// Simulate a scenario and report latencies, queue depth, memory and throughput
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct Args {
    /// The scenario file (TOML); without it an embedded demo runs
    scenario: Option<PathBuf>,
    #[command(flatten)]
    changes: ScenarioFlags,
    /// Run this many times with consecutive seeds, for confidence intervals
    #[arg(long, value_name = "RUNS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    seeds: u32,
    /// Threads for several runs; by default one a processor
    #[arg(long, value_name = "THREADS", value_parser = clap::value_parser!(u32).range(1..=1024))]
    jobs: Option<u32>,
    /// How to print the results
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Simulate twice more, with all steps shorter and longer by what step times may be off, and show what latencies become
    #[arg(long)]
    range: bool,
    /// Exit with 0 even if an objective is missed
    #[arg(long)]
    slo_exit_zero: bool,
    /// Explain the memory of the GPU and where each setting comes from
    #[arg(long)]
    explain: bool,
    /// Print no warnings and no progress
    #[arg(short, long)]
    quiet: bool,
    /// Print no progress
    #[arg(long)]
    no_progress: bool,
    #[command(flatten)]
    outputs: OutputFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One screen
    Text,
    /// One JSON object
    Json,
}

/// Runs the verb.
pub fn run(args: &Args, color: ColorFlags) -> Result<(), Failure> {
    let started = Instant::now();
    let file = args.scenario.as_deref();
    let mut input = args.changes.load(file)?;
    check(args, file, &input)?;
    if !args.quiet {
        for warning in &input.scenario.warnings {
            screen::warn(warning, color.on_stderr());
        }
    }
    interrupt::listen();
    let mut outcome = simulate_all(args, &input)?;
    if args.range && !outcome.interrupted {
        range::add(&mut outcome, &mut input, args.seeds, args.jobs)?;
    }
    if !args.quiet {
        for warning in outcome.warnings() {
            screen::warn(&warning, color.on_stderr());
        }
    }
    let mut report = explain::report(&input, &outcome);
    let text = match args.format {
        Format::Json => report.to_json(),
        Format::Text => {
            report.headline.wall = Some(started.elapsed());
            report.to_screen(Style {
                colour: color.on_stdout(),
            })
        }
    };
    screen::print(&text)?;
    if args.explain {
        let explanation = explain::explanation(&input);
        match args.format {
            Format::Text => screen::print(&format!("\n{explanation}"))?,
            // The JSON object stays alone on stdout.
            Format::Json => screen::note(&explanation),
        }
    }
    verdict(args, &report, outcome.interrupted)
}

fn verdict(args: &Args, report: &RunReport, interrupted: bool) -> Result<(), Failure> {
    if interrupted {
        return Err(Failure::Interrupted);
    }
    if report.verdict() == Verdict::SloMissed && !args.slo_exit_zero {
        return Err(Failure::ObjectiveMissed);
    }
    Ok(())
}

/// Everything that can be known to go wrong before the run.
fn check(args: &Args, file: Option<&Path>, input: &Input) -> Result<(), Failure> {
    if args.seeds > 1 && input.is_always_the_same() {
        return Err(Failure::Input(
            "--seeds: a trace replays the same requests whatever the seed\n = help: leave --seeds out".to_owned(),
        ));
    }
    if args.seeds > 1 && args.outputs.any() {
        return Err(Failure::Input(
            "--requests-out and --timeline-out describe one run, not several\n = help: leave --seeds out, or name one run with --seed"
                .to_owned(),
        ));
    }
    if args.range {
        range::check(input)?;
    }
    let requests = requests_expected(args, input).unwrap_or(0);
    if args.outputs.requests_out.is_some() && requests > bounds::MOST_REQUESTS {
        return Err(Failure::Input(format!(
            "--requests-out: {requests} requests are too many to keep in memory\n = help: ask for {} at most, or leave --requests-out out",
            bounds::MOST_REQUESTS
        )));
    }
    args.outputs.interval()?;
    args.outputs.check(file, input)
}

fn simulate_all(args: &Args, input: &Input) -> Result<Outcome, Failure> {
    let progress = Progress::start(
        requests_expected(args, input),
        !args.quiet && !args.no_progress,
    );
    if args.seeds > 1 {
        return replications::simulate(input, args.seeds, args.jobs, &progress);
    }
    let Some(path) = &args.outputs.timeline_out else {
        return simulate_with_log(args, input, &progress, &mut [], Bounds::default());
    };
    let mut outcome = Err(Failure::Interrupted);
    let written = write_atomically(path, |file| {
        outcome = simulate_with_timeline(args, input, &progress, file);
        // Without results there is nothing to keep.
        if outcome.is_ok() {
            Ok(())
        } else {
            Err(io::Error::other("the run failed"))
        }
    });
    match (outcome, written) {
        (Ok(outcome), Ok(())) => Ok(outcome),
        (Ok(_), Err(error)) => Err(Failure::cannot_write(path, &error)),
        (Err(failure), _) => Err(failure),
    }
}

fn simulate_with_timeline(
    args: &Args,
    input: &Input,
    progress: &Progress,
    file: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let mut csv = TimelineCsv::new(file);
    let mut timeline = Timeline::new(&input.scenario.server, args.outputs.interval()?, |row| {
        csv.write(&row);
    });
    let mut last = LastHeard::default();
    let bounds = Bounds::default().with_timeline(timeline.too_long());
    let also: &mut [&mut dyn Observer] = &mut [&mut timeline, &mut last];
    let outcome = simulate_with_log(args, input, progress, also, bounds.clone())?;
    timeline.finish(last.0);
    bounds
        .check()
        .map_err(|error| Failure::Input(error.to_string()))?;
    let path = args
        .outputs
        .timeline_out
        .as_deref()
        .unwrap_or(Path::new(""));
    csv.finish()
        .map_err(|error| Failure::cannot_write(path, &error))?;
    Ok(outcome)
}

fn simulate_with_log(
    args: &Args,
    input: &Input,
    progress: &Progress,
    also: &mut [&mut dyn Observer],
    bounds: Bounds,
) -> Result<Outcome, Failure> {
    let seed = input.scenario.seed;
    let mut outcome = Outcome::default();
    let mut pooled = Replications::default();
    match &args.outputs.requests_out {
        None => outcome.add(simulate(input, seed, progress, also, &bounds)?, &mut pooled),
        Some(path) => {
            let mut log = RequestLog::default();
            let mut all: Vec<&mut dyn Observer> = also
                .iter_mut()
                .map(|one| &mut **one as &mut dyn Observer)
                .collect();
            all.push(&mut log);
            let run = simulate(input, seed, progress, &mut all, &bounds.with_list())?;
            outcome.add(run, &mut pooled);
            write_atomically(path, |file| write_requests_csv(file, log.rows()))
                .map_err(|error| Failure::cannot_write(path, &error))?;
        }
    }
    outcome.summary = pooled.summary();
    Ok(outcome)
}

fn requests_expected(args: &Args, input: &Input) -> Option<u64> {
    Some(input.requests_expected()?.saturating_mul(args.seeds.into()))
}
