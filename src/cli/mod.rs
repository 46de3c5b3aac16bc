//! The command line: one file a verb. The only place that prints.

mod color;
mod failure;
mod init;
mod interrupt;
mod screen;

pub mod steps;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;

/// Exit codes, for `--help`.
const EXIT_CODES: &str = "Exit codes: 0 good, 1 failure, 2 usage or configuration, 3 the model does not fit, \
    99 an objective (SLO) is missed, 130 interrupted.\nResults go to stdout, progress and warnings to stderr.";

/// Forecast the latency tail of an LLM inference server before you rent the GPUs.
#[derive(Debug, Parser)]
#[command(name = "tailcast", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
struct Arguments {
    #[command(flatten)]
    color: color::Args,
    #[command(subcommand)]
    command: Command,
}

/// Every verb.
#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return failure::of_usage(&error),
    };
    let color = arguments.color;
    let done = match arguments.command {
        Command::Init(args) => init::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(color),
    }
}
