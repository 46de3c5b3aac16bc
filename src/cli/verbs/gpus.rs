//! `gpus`: the GPUs that a scenario may name, and where their figures come from.

use crate::answer::GpusQuestion;
use crate::cli::failure::Failure;
use crate::cli::flags::format::Format;
use crate::cli::terminal::screen;

/// List the GPUs, or show one with the source of every figure
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show this GPU with its sources
    name: Option<String>,
    /// How to print the list
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<(), Failure> {
    let question = GpusQuestion {
        name: args.name.clone(),
    };
    let answer = question.answer()?;
    Ok(screen::print(&match args.format {
        Format::Text => answer.to_text(),
        Format::Json => answer.to_json(),
    })?)
}
