//! `validate`: holds predictions against measurements.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::answer::{Problem, ReadyValidate, ValidateAnswer, ValidateQuestion, error_limit};
use crate::cli::failure::Failure;
use crate::cli::output::Taken;
use crate::cli::terminal::color::ColorFlags;
use crate::cli::terminal::{Terminal, screen};
use crate::config::Flag;
use crate::report::write_figure;
use crate::study::Input;

/// Compare predictions with what was measured on real servers, for one or many experiments
///
/// A manifest lists experiments: `[[experiment]]` with `scenario = "served.toml"` and, below `[experiment.measured]`,
/// `file = "bench.json"` (the result of `vllm bench serve` or of another benchmark that `calibrate --help` names, or
/// rows as `run --requests-out` writes them; of several results in a file each is an experiment) or values such as
/// `"ttft.mean" = "28.4ms"`. What the scenario leaves open of its workload is taken from the file. With `load =
/// "measured"` the load is that of the benchmark's result and not the scenario's: `num_prompts`, `request_rate` (inf
/// is all at once, or with a `max_concurrency` a closed loop), `burstiness` (gaps with cv = 1 / sqrt(burstiness)) and
/// `max_concurrency`; all arrivals then span exactly `num_prompts / request_rate`, as the benchmark sends them. What
/// `[experiment.set]` and `--set` say stands over that. Without it the scenario stands where it says anything, and a
/// warning names what differs from the file: model, arrivals, number of requests, mean lengths.
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

/// Runs the verb.
pub fn run(args: &Args, color: ColorFlags) -> Result<(), Failure> {
    let set = args.set.iter();
    let limits = args.fail_above.iter().map(|text| error_limit(text));
    let question = ValidateQuestion {
        manifest: args.manifest.clone(),
        changes: set.map(|assignment| Flag::new("--set", assignment)).collect(),
        seeds: args.seeds,
        limits: limits.collect::<Result<_, _>>()?,
    };
    let ready = question.ready()?;
    let terminal = Terminal {
        is_quiet: args.quiet,
        shows_progress: !args.no_progress,
        color,
        threads: args.jobs,
    };
    let mut taken = Taken::default();
    let answer = ready.answer(&terminal.control(), |inputs| check(args, &ready, inputs, &mut taken))?;
    if answer.is_interrupted {
        if !answer.report.experiments.is_empty() {
            print(args, &answer, taken.has_stdout())?;
        }
        return Err(Failure::interrupted());
    }
    if let Some(path) = &args.figure {
        for (_, drawing) in answer.drawings() {
            write_figure(path, &drawing).map_err(|error| Problem::cannot_write(path, &error))?;
        }
    }
    print(args, &answer, taken.has_stdout())?;
    if answer.misses_an_objective() {
        return Err(Failure::ObjectiveMissed);
    }
    Ok(())
}

fn check(args: &Args, ready: &ReadyValidate, inputs: &[&Input], taken: &mut Taken) -> Result<(), Problem> {
    if args.format == Format::Json {
        taken.claim_stdout("--format json")?;
    }
    let Some(figure) = &args.figure else {
        return Ok(());
    };
    for file in &ready.manifest.files {
        taken.read("the manifest, or a file that it names", file);
    }
    for experiment in &ready.manifest.experiments {
        taken.read("a scenario", &experiment.scenario);
    }
    for input in inputs {
        taken.read_by(input);
    }
    taken.claim_figure("--figure", figure)
}

fn print(args: &Args, answer: &ValidateAnswer, stdout_is_taken: bool) -> Result<(), Failure> {
    Ok(match args.format {
        Format::Text => screen::print_text(&answer.to_text(), stdout_is_taken),
        Format::Json => screen::print(&answer.to_json()),
    }?)
}
