//! `steps`: a scheduler's log, step by step.

use std::path::PathBuf;

use crate::answer::StepsQuestion;
use crate::cli::failure::Failure;
use crate::cli::terminal::screen;

/// Print what the scheduler does in every step, for an experiment in the schema of vLLM's or SGLang's scheduler logs.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The experiment: JSON with config, timing, requests and actions.
    file: PathBuf,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<(), Failure> {
    let question = StepsQuestion {
        file: args.file.clone(),
    };
    Ok(screen::print(&question.answer()?.log)?)
}
