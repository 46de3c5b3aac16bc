//! `validate`: holds predictions against measurements.

use std::path::PathBuf;

use clap::ValueEnum;

use super::color::ColorFlags;
use super::error_limit;
use super::explain;
use super::failure::Failure;
use super::interrupt;
use super::outputs::Taken;
use super::progress::Progress;
use super::replications::{self, Outcome, Task};
use super::screen;
use crate::config::{Experiment, Flag, Manifest, Measured, Scenario};
use crate::metrics::{Replications, Summary};
use crate::report::figure::accuracy;
use crate::report::{ErrorLimit, ValidatedExperiment, ValidationReport, write_figure};
use crate::study::{Comparison, Input, Prediction};

/// Compare predictions with what was measured on real servers, for one or many experiments
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The experiments (TOML): scenarios with what was measured of them
    manifest: PathBuf,
    /// Set a key of every scenario, such as `server.gpu=h200`; may be given more than once
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Pool this many runs of each experiment, whatever the manifest says; the seeds follow one another
    #[arg(long, value_name = "RUNS", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    seeds: Option<u32>,
    /// Threads for the runs; by default one a processor
    #[arg(long, value_name = "THREADS", value_parser = clap::value_parser!(u32).range(1..=1024))]
    jobs: Option<u32>,
    /// How to print the results
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Draw predicted against measured latencies (.svg or .png)
    #[arg(long, value_name = "FILE")]
    figure: Option<PathBuf>,
    /// Exit with 99 if the mean absolute error of a metric is larger, such as 'e2e.mean<5%'; may be given more than
    /// once
    #[arg(long, value_name = "LIMIT")]
    fail_above: Vec<String>,
    /// Print no warnings and no progress
    #[arg(short, long)]
    quiet: bool,
    /// Print no progress
    #[arg(long)]
    no_progress: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table
    Text,
    /// One JSON object
    Json,
}

/// An experiment that is ready to run.
struct Planned<'a> {
    name: String,
    input: Input,
    runs: u32,
    measured: &'a Measured,
}

/// An experiment while its runs come in.
#[derive(Default)]
struct Done {
    outcome: Outcome,
    pooled: Replications,
    runs: Vec<Summary>,
}

/// Runs the verb.
pub fn run(args: &Args, color: ColorFlags) -> Result<(), Failure> {
    let manifest = Manifest::load(&args.manifest)?;
    let limits = limits(args, &manifest)?;
    let experiments = manifest.experiments.iter();
    let plan: Vec<Planned> = experiments
        .map(|experiment| planned(args, experiment))
        .collect::<Result<_, _>>()?;
    check_figure(args, &manifest, &plan)?;
    let warn = |warnings: Vec<String>| {
        for warning in warnings.iter().filter(|_| !args.quiet) {
            screen::warn(warning, color.on_stderr());
        }
    };
    warn(plan.iter().flat_map(warnings_before).collect());
    interrupt::listen();
    let done = simulate(args, &plan)?;
    let (report, warnings) = report(&plan, done, limits);
    warn(warnings);
    if report.experiments.len() < plan.len() {
        if !report.experiments.is_empty() {
            print(args, &report)?;
        }
        return Err(Failure::Interrupted);
    }
    draw(args, &report)?;
    print(args, &report)?;
    if report.misses_a_limit() {
        return Err(Failure::ObjectiveMissed);
    }
    Ok(())
}

fn limits(args: &Args, manifest: &Manifest) -> Result<Vec<ErrorLimit>, Failure> {
    let mut limits = Vec::new();
    for text in &args.fail_above {
        let limit = error_limit::parse(text)?;
        let is_measured = |experiment: &Experiment| experiment.measured.values.contains_key(limit.metric);
        if !manifest.experiments.iter().any(is_measured) {
            return Err(Failure::Input(format!(
                "--fail-above: {} was not measured in any experiment\n = help: name a metric that was",
                limit.metric
            )));
        }
        limits.push(limit);
    }
    Ok(limits)
}

fn planned<'a>(args: &Args, experiment: &'a Experiment) -> Result<Planned<'a>, Failure> {
    let mut layers = experiment.layers();
    let set = args.set.iter();
    layers
        .flags
        .extend(set.map(|assignment| Flag::new("--set", assignment)));
    let scenario = Scenario::load_changed(&layers, Some(&experiment.overrides))
        .map_err(|problem| Failure::from(problem).about(&experiment.title()))?;
    let name = experiment.name.clone();
    let input = Input {
        // Objectives are about what is served, not about what is predicted of it.
        slos: Vec::new(),
        scenario,
    };
    let runs = args.seeds.unwrap_or(experiment.seeds);
    Ok(Planned {
        name: name.unwrap_or_else(|| input.scenario.name.clone()),
        // More of the same would tell no more.
        runs: if input.is_always_the_same() { 1 } else { runs },
        input,
        measured: &experiment.measured,
    })
}

fn check_figure(args: &Args, manifest: &Manifest, plan: &[Planned]) -> Result<(), Failure> {
    let Some(figure) = &args.figure else {
        return Ok(());
    };
    let mut taken = Taken::default();
    for file in &manifest.files {
        taken.read("the manifest, or a file that it names", file);
    }
    for experiment in &manifest.experiments {
        taken.read("a scenario", &experiment.scenario);
    }
    for experiment in plan {
        taken.read_by(&experiment.input);
    }
    taken.claim_figure("--figure", figure)
}

/// What can be said before the runs.
fn warnings_before(experiment: &Planned) -> Vec<String> {
    let mut warnings = experiment.input.scenario.warnings.clone();
    let unfinished = experiment.measured.unfinished;
    if unfinished > 0 {
        warnings.push(format!(
            "{unfinished} measured requests did not finish; measured latencies are those of the others"
        ));
    }
    let named = warnings.into_iter();
    named.map(|warning| format!("{}: {warning}", experiment.name)).collect()
}

/// Makes all runs of all experiments.
fn simulate(args: &Args, plan: &[Planned]) -> Result<Vec<Done>, Failure> {
    let mut tasks: Vec<Task> = Vec::new();
    let mut owners = Vec::new();
    for (owner, experiment) in plan.iter().enumerate() {
        for seed in experiment.input.seeds(experiment.runs) {
            tasks.push((&experiment.input, seed));
            owners.push(owner);
        }
    }
    let requests = plan.iter().map(|experiment| {
        let requests = experiment.input.requests_expected()?;
        Some(requests.saturating_mul(experiment.runs.into()))
    });
    let total = requests.reduce(|sum, one| Some(sum?.saturating_add(one?))).flatten();
    let progress = Progress::start(total, !args.quiet && !args.no_progress);
    let mut done: Vec<Done> = plan.iter().map(|_| Done::default()).collect();
    replications::simulate_each(&tasks, args.jobs, &progress, |task, run| {
        let done = &mut done[owners[task]];
        done.runs.push(Summary::of(&run.recording));
        done.outcome.add(run, &mut done.pooled);
    })
    .map_err(|(task, failure)| failure.about(&plan[owners[task]].name))?;
    Ok(done)
}

/// The experiments that ran to their end, and what the user should know about these runs.
fn report(plan: &[Planned], done: Vec<Done>, limits: Vec<ErrorLimit>) -> (ValidationReport, Vec<String>) {
    let mut experiments = Vec::new();
    let mut warnings = Vec::new();
    for (experiment, mut done) in plan.iter().zip(done) {
        if done.outcome.interrupted || done.outcome.runs < experiment.runs {
            continue;
        }
        done.outcome.summary = done.pooled.summary();
        let Some(pooled) = done.outcome.summary else {
            continue;
        };
        let run = explain::report(&experiment.input, &done.outcome);
        let said = run.warnings().into_iter().chain(done.outcome.warnings());
        warnings.extend(said.map(|warning| format!("{}: {warning}", experiment.name)));
        let prediction = Prediction {
            pooled,
            runs: done.runs,
            kv_blocks: experiment.input.scenario.memory.kv_blocks,
        };
        let measured = &experiment.measured.values;
        experiments.push(ValidatedExperiment {
            comparison: Comparison::new(experiment.name.clone(), measured, &prediction),
            scenario_hash: run.scenario_hash,
            seed: run.seed,
            replications: experiment.runs,
            unfinished: experiment.measured.unfinished,
            fidelity: run.fidelity.unwrap_or_default(),
        });
    }
    let report = ValidationReport { experiments, limits };
    (report, warnings)
}

fn draw(args: &Args, report: &ValidationReport) -> Result<(), Failure> {
    let Some(path) = &args.figure else {
        return Ok(());
    };
    let experiments = report.experiments.iter();
    let comparisons: Vec<&Comparison> = experiments.map(|it| &it.comparison).collect();
    let drawing = accuracy::draw(&comparisons);
    write_figure(path, &drawing).map_err(|error| Failure::cannot_write(path, &error))
}

fn print(args: &Args, report: &ValidationReport) -> Result<(), Failure> {
    Ok(screen::print(&match args.format {
        Format::Text => report.to_text(),
        Format::Json => report.to_json(),
    })?)
}
