//! `trace`: what a recorded workload holds, and the same for other tools.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::answer::{ConvertQuestion, Problem};
use crate::cli::failure::Failure;
use crate::cli::flags::format::Format;
use crate::cli::flags::recorded::RecordedFlags;
use crate::cli::output::Taken;
use crate::cli::terminal::screen;
use crate::report::{RecordedFormat, is_standard_output};

/// Look at a recorded workload, or write it for another tool
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, clap::Subcommand)]
enum Question {
    Info(InfoArgs),
    Convert(ConvertArgs),
}

/// Show rate, burstiness, lengths and shared content of a trace
#[derive(Debug, clap::Args)]
struct InfoArgs {
    #[command(flatten)]
    trace: RecordedFlags,
    /// How to print the facts
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Write a trace in another format, and say in which units and what is lost
#[derive(Debug, clap::Args)]
struct ConvertArgs {
    #[command(flatten)]
    trace: RecordedFlags,
    /// The format to write
    #[arg(long, value_enum, value_name = "FORMAT")]
    to: Target,
    /// The file to write, `-` for stdout; compressed if it ends in .gz
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// A format that can be written.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Target {
    /// CSV with arrivals in seconds and everything else that is known: nothing is lost
    Tailcast,
    /// JSON lines with times in milliseconds, lengths and hash ids of 512 tokens
    Mooncake,
    /// JSON lines with a prompt of as many tokens, for vllm bench serve --dataset-name custom
    VllmCustom,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<(), Failure> {
    match &args.question {
        Question::Info(args) => info(args),
        Question::Convert(args) => convert(args),
    }
}

fn info(args: &InfoArgs) -> Result<(), Failure> {
    let answer = args.trace.question()?.answer()?;
    Ok(screen::print(&match args.format {
        Format::Text => answer.to_text(),
        Format::Json => answer.to_json(),
    })?)
}

fn convert(args: &ConvertArgs) -> Result<(), Failure> {
    let mut taken = Taken::default();
    taken.read("the trace", &args.trace.file);
    taken.claim("--out", &args.out)?;
    let question = ConvertQuestion {
        trace: args.trace.question()?,
        to: match args.to {
            Target::Tailcast => RecordedFormat::Tailcast,
            Target::Mooncake => RecordedFormat::Mooncake,
            Target::VllmCustom => RecordedFormat::VllmCustom,
        },
        out: args.out.clone(),
    };
    let answer = question.answer()?;
    let text = answer.to_text();
    let kept = answer.keep();
    kept.map_err(|error| Problem::cannot_write(&args.out, &error))?;
    if is_standard_output(&args.out) {
        screen::note(text.trim_end());
        return Ok(());
    }
    Ok(screen::print(&text)?)
}
