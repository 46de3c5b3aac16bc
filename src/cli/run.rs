//! `run`: simulates a scenario and reports what its users would see.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueEnum;

use super::color::ColorFlags;
use super::drawings;
use super::explain;
use super::failure::Failure;
use super::files::StudyFiles;
use super::interrupt;
use super::outputs::OutputFlags;
use super::progress::Progress;
use super::range;
use super::replications::{self, Outcome};
use super::run_files::RunFiles;
use super::scenario::ScenarioFlags;
use super::screen;
use super::setting;
use super::simulate::simulate;
use super::study;
use crate::metrics::Replications;
use crate::report::figure;
use crate::report::{RunReport, Style, Verdict};
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
    /// Simulate twice more, with all steps shorter and longer by what step times may be off, and show what latencies
    /// become
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
    /// Draw the run (SVG or PNG, by the name's ending): KIND is queue (if left out), memory or cdf
    #[arg(long, value_name = "KIND=FILE", help_heading = "Files")]
    figure: Vec<String>,
    /// Write the report with its figures as one page (HTML)
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    html: Option<PathBuf>,
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
    let files = check(args, file, &input)?;
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
    if files.any() && !outcome.interrupted {
        draw(&files, &input, &outcome, &report)?;
    }
    verdict(args, &report, outcome.interrupted)
}

/// Writes the figures and the page.
fn draw(files: &StudyFiles, input: &Input, outcome: &Outcome, report: &RunReport) -> Result<(), Failure> {
    let Some(recording) = &outcome.recording else {
        return Ok(());
    };
    // With several seeds the figures over time are those of the first.
    let duration = report.summary.throughput.duration_s / f64::from(outcome.runs.max(1));
    let setting = setting::of(input, outcome.runs, Vec::new());
    let run = (input.scenario.name.as_str(), input, duration, recording);
    let drawn = drawings::of_runs(&setting.line(), &[run])?;
    files.write(&drawn, || {
        let drawings = drawn.iter().map(|(_, drawing)| drawing.clone());
        report.to_page(&setting, drawings.collect())
    })
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
fn check(args: &Args, file: Option<&Path>, input: &Input) -> Result<StudyFiles, Failure> {
    study::refuse_seeds_of_a_trace(input, args.seeds)?;
    args.outputs.check_runs(args.seeds)?;
    if args.range {
        range::check(input)?;
    }
    let requests = requests_expected(args, input).unwrap_or(0);
    args.outputs.check_requests(requests)?;
    args.outputs.interval()?;
    let files = StudyFiles::new(&figure::of_run(), &args.figure, args.html.as_ref())?;
    let mut taken = args.outputs.check(file, input)?;
    files.claim(&mut taken)?;
    Ok(files)
}

fn simulate_all(args: &Args, input: &Input) -> Result<Outcome, Failure> {
    let progress = Progress::start(requests_expected(args, input), !args.quiet && !args.no_progress);
    if args.seeds > 1 {
        return replications::simulate(input, args.seeds, args.jobs, &progress);
    }
    let seed = input.scenario.seed;
    let mut files = RunFiles::open(&args.outputs, &input.scenario.server)?;
    let bounds = files.bounds();
    let run = simulate(input, seed, &progress, &mut files.listeners(), &bounds)?;
    files.keep()?;
    let mut outcome = Outcome::default();
    let mut pooled = Replications::default();
    outcome.add(run, &mut pooled);
    outcome.summary = pooled.summary();
    outcome.recording = pooled.into_pooled();
    Ok(outcome)
}

fn requests_expected(args: &Args, input: &Input) -> Option<u64> {
    Some(input.requests_expected()?.saturating_mul(args.seeds.into()))
}
