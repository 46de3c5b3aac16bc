//! `plan`: what production asks, answered from one scenario.

use std::path::PathBuf;

use crate::answer::PlanQuestion;
use crate::cli::failure::Failure;
use crate::cli::flags::exit::ExitFlags;
use crate::cli::flags::format::Format;
use crate::cli::flags::scenario::ScenarioFlags;
use crate::cli::flags::study::StudyFlags;
use crate::cli::output::{StudyFiles, Taken};
use crate::cli::terminal::color::ColorFlags;
use crate::cli::terminal::screen;

/// Plan production: how many at once, how long, at what price, with which storage, watched how, and what fails; then
/// what to decide
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The scenario file (TOML); without it the embedded demo
    scenario: Option<PathBuf>,
    #[command(flatten)]
    changes: ScenarioFlags,
    /// Simulate with this many seeds, for 95 % intervals; by default 4, or 1 for a trace
    #[arg(long, value_name = "RUNS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    seeds: Option<u32>,
    /// How to print the plan
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write the whole plan as one page (HTML)
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    exit: ExitFlags,
    #[command(flatten)]
    study_flags: StudyFlags,
}

/// Runs the verb.
pub fn run(args: &Args, color: ColorFlags) -> Result<(), Failure> {
    let question = PlanQuestion {
        base: args.changes.base(args.scenario.as_deref())?,
        seeds: args.seeds,
    };
    let ready = question.ready()?;
    let files = StudyFiles::new(&[], &[], args.html.as_ref())?;
    let mut taken = Taken::by(args.scenario.as_deref(), &ready.input);
    if args.format == Format::Json {
        taken.claim_stdout("--format json")?;
    }
    taken.check_stdin()?;
    files.claim(&mut taken)?;
    let answer = ready.answer(&args.study_flags.control(color))?;
    match args.format {
        Format::Text => screen::print_text(&answer.to_text(), taken.has_stdout())?,
        Format::Json => screen::print(&answer.to_json())?,
    }
    files.write(&[], || answer.to_page())?;
    args.exit.judge(answer.is_shown_met())
}
