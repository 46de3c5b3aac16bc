//! `models`: the models that a scenario may name.

use crate::answer::ModelsQuestion;
use crate::cli::failure::Failure;
use crate::cli::flags::format::Format;
use crate::cli::terminal::screen;

/// List the models, or show one with the source of its figures
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show the model of this name with its source, or list the models whose names, titles or organisations have all of
    /// these words in them
    words: Vec<String>,
    /// How to print the list
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<(), Failure> {
    let question = ModelsQuestion {
        words: args.words.clone(),
    };
    let answer = question.answer()?;
    Ok(screen::print(&match args.format {
        Format::Text => answer.to_text(),
        Format::Json => answer.to_json(),
    })?)
}
