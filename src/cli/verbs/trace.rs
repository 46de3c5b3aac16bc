//! `trace`: what a recorded workload holds.

use std::path::PathBuf;

use crate::answer::TraceQuestion;
use crate::cli::failure::Failure;
use crate::cli::flags::format::Format;
use crate::cli::terminal::screen;

/// Look at a recorded workload
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, clap::Subcommand)]
enum Question {
    Info(InfoArgs),
}

/// Show rate, burstiness, lengths and shared content of a trace
#[derive(Debug, clap::Args)]
struct InfoArgs {
    /// The trace, compressed with gzip or not
    file: PathBuf,
    /// Its format; recognised by its first line if left out
    #[arg(long, value_name = "FORMAT")]
    trace_format: Option<String>,
    /// Sort the rows by arrival
    #[arg(long)]
    sort: bool,
    /// Leave out rows that cannot be read, and say how many
    #[arg(long)]
    skip_bad_rows: bool,
    /// How to print the facts
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<(), Failure> {
    let Question::Info(args) = &args.question;
    let question = TraceQuestion {
        file: args.file.clone(),
        format: args.trace_format.clone(),
        sort: args.sort,
        skip_bad_rows: args.skip_bad_rows,
    };
    let answer = question.answer()?;
    Ok(screen::print(&match args.format {
        Format::Text => answer.to_text(),
        Format::Json => answer.to_json(),
    })?)
}
