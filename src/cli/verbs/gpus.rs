//! `gpus`: the GPUs that a scenario may name, and where their figures come from.

use crate::answer::GpusQuestion;
use crate::cli::failure::Failure;
use crate::cli::flags::format::Format;
use crate::cli::terminal::screen;

/// List the GPUs, or show one with the source of every figure
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show the GPU of this name with its sources, or list the GPUs whose names or titles have all of these words in
    /// them
    words: Vec<String>,
    /// How to print the list
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<(), Failure> {
    let question = GpusQuestion {
        words: args.words.clone(),
    };
    let answer = question.answer()?;
    Ok(screen::print(&match args.format {
        Format::Text => answer.to_text(),
        Format::Json => answer.to_json(),
    })?)
}
