//! The command line: verbs turn flags into questions, print the answers and choose the exit code. The only place that
//! prints.

mod examples;
mod failure;
mod flags;
mod hints;
mod output;
mod terminal;
mod verbs;

use std::env;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use failure::Failure;
use terminal::color::ColorFlags;
use terminal::memory::MemoryFlags;
use verbs::{
    calibrate, capacity, check, compare, completions, curve, gpus, help, init, man, merge, models, plan, report, run,
    schema, serve, steps, sweep, trace, validate,
};

/// Exit codes, for `--help`.
const EXIT_CODES: &str = "Exit codes: 0 good, 1 failure, 2 usage or configuration, 3 the model does not fit, \
    99 an objective (SLO) or a limit on errors is missed, 130 interrupted (143 by SIGTERM, 129 by SIGHUP).\n\
    Results go to stdout, progress and warnings to stderr.";

/// Forecast the latency tail of an LLM inference server before you rent the GPUs.
#[derive(Debug, Parser)]
#[command(name = "tailcast", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
struct Arguments {
    #[command(flatten)]
    color: ColorFlags,
    #[command(flatten)]
    memory: MemoryFlags,
    #[command(subcommand)]
    command: Command,
}

/// Every verb of the command line.
#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::Args>),
    Check(Box<check::Args>),
    Compare(Box<compare::Args>),
    Curve(Box<curve::Args>),
    Capacity(Box<capacity::Args>),
    Plan(Box<plan::Args>),
    Sweep(Box<sweep::Args>),
    Merge(merge::Args),
    Report(report::Args),
    Calibrate(Box<calibrate::Args>),
    Validate(validate::Args),
    Serve(Box<serve::Args>),
    Steps(steps::Args),
    Trace(trace::Args),
    Models(models::Args),
    Gpus(gpus::Args),
    Init(init::Args),
    Schema(schema::Args),
    Completions(completions::Args),
    Man(man::Args),
    Help(help::Args),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let matches = command().try_get_matches();
    let arguments = match matches.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(mut error) => {
            hints::add(&mut error, &command(), env::args_os().skip(1));
            return failure::of_usage(error);
        }
    };
    arguments.memory.heed();
    let color = arguments.color;
    match arguments.command.run(color) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(color),
    }
}

/// The command line as it is read and explained.
fn command() -> clap::Command {
    examples::add(<Arguments as CommandFactory>::command())
}

impl Command {
    fn run(self, color: ColorFlags) -> Result<(), Failure> {
        match self {
            Self::Run(args) => run::run(&args, color),
            Self::Check(args) => check::run(&args, color),
            Self::Compare(args) => compare::run(&args, color),
            Self::Curve(args) => curve::run(&args, color),
            Self::Capacity(args) => capacity::run(&args, color),
            Self::Plan(args) => plan::run(&args, color),
            Self::Sweep(args) => sweep::run(&args, color),
            Self::Merge(args) => merge::run(&args),
            Self::Report(args) => report::run(&args, color),
            Self::Calibrate(args) => calibrate::run(&args, color),
            Self::Validate(args) => validate::run(&args, color),
            Self::Serve(args) => serve::run(&args, color),
            Self::Steps(args) => steps::run(&args),
            Self::Trace(args) => trace::run(&args),
            Self::Models(args) => models::run(&args),
            Self::Gpus(args) => gpus::run(&args),
            Self::Init(args) => init::run(&args),
            Self::Schema(_) => schema::run(),
            Self::Completions(args) => completions::run(&args, command()),
            Self::Man(args) => man::run(&args, command()),
            Self::Help(args) => help::run(&args, command()),
        }
    }
}
