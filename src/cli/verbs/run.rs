//! `run`: simulates a scenario and reports what its users would see.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::answer::{ReadyRun, RunAnswer, RunQuestion, Style};
use crate::cli::failure::Failure;
use crate::cli::flags::exit::ExitFlags;
use crate::cli::flags::figures;
use crate::cli::flags::load::LoadFlags;
use crate::cli::flags::outputs::OutputFlags;
use crate::cli::output::{StudyFiles, Taken};
use crate::cli::terminal::color::ColorFlags;
use crate::cli::terminal::{Terminal, screen};
use crate::report::figure;

/// Simulate a scenario and report latencies, queue depth, memory and throughput
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct Args {
    /// The scenario file (TOML); without it an embedded demo runs
    scenario: Option<PathBuf>,
    #[command(flatten)]
    changes: LoadFlags,
    /// Run this many times with consecutive seeds, for confidence intervals
    #[arg(long, value_name = "RUNS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    seeds: u32,
    /// Threads for several runs; by default one a processor
    #[arg(long, value_name = "THREADS", value_parser = clap::value_parser!(u32).range(1..=1024))]
    jobs: Option<u32>,
    /// How to print the results
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Simulate twice more, with all steps shorter and longer by what step times may be off, and show what latencies
    /// become
    #[arg(long)]
    range: bool,
    #[command(flatten)]
    exit: ExitFlags,
    /// Explain what (memory - weights) / KV per user forgets, the memory of the GPU, and where each setting comes from
    #[arg(long)]
    explain: bool,
    /// Print no warnings and no progress
    #[arg(short, long)]
    quiet: bool,
    /// Print no progress
    #[arg(long)]
    no_progress: bool,
    #[arg(long, value_name = "KIND=FILE", help_heading = "Files")]
    #[arg(help = figures::help("Draw the run", &figure::of_run()))]
    figure: Vec<String>,
    /// Write the report with its figures as one page (HTML)
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    html: Option<PathBuf>,
    #[command(flatten)]
    outputs: OutputFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One screen
    Text,
    /// One JSON object
    Json,
    /// The block that `vllm bench serve` prints, of all requests
    Vllm,
    /// The JSON of `vllm bench serve --save-result`, of all requests
    VllmJson,
}

/// Runs the verb.
pub fn run(args: &Args, color: ColorFlags) -> Result<(), Failure> {
    let question = RunQuestion {
        base: args.changes.base(args.scenario.as_deref())?,
        seeds: args.seeds,
        range: args.range,
        outputs: args.outputs.outputs()?,
        today: None,
    };
    let question = match args.format {
        Format::Text | Format::Json => question,
        Format::Vllm | Format::VllmJson => question.of_all_requests("--format vllm"),
    };
    let ready = question.ready()?;
    let (files, taken) = check(args, &question, &ready)?;
    let terminal = Terminal {
        is_quiet: args.quiet,
        shows_progress: !args.no_progress,
        color,
        threads: args.jobs,
    };
    let answer = ready.answer(&terminal.control())?;
    print(args, &answer, color, taken.has_stdout())?;
    if answer.is_interrupted {
        return Err(Failure::interrupted());
    }
    if files.any() {
        let drawn = answer.drawings()?;
        files.write(&drawn, || answer.to_page(&drawn))?;
    }
    args.exit.judge(answer.is_shown_met())
}

/// Refuses files that could not be written, or that would overwrite one another or what the run reads.
fn check(args: &Args, question: &RunQuestion, ready: &ReadyRun) -> Result<(StudyFiles, Taken), Failure> {
    let files = StudyFiles::new(&figure::of_run(), &args.figure, args.html.as_ref())?;
    let mut taken = Taken::by(args.scenario.as_deref(), &ready.input);
    match args.format {
        Format::Text => {}
        Format::Json => taken.claim_stdout("--format json")?,
        Format::Vllm => taken.claim_stdout("--format vllm")?,
        Format::VllmJson => taken.claim_stdout("--format vllm-json")?,
    }
    for (flag, path) in question.outputs.all() {
        if let Some(path) = path {
            taken.claim(flag, path)?;
        }
    }
    taken.check_stdin()?;
    files.claim(&mut taken)?;
    Ok((files, taken))
}

fn print(args: &Args, answer: &RunAnswer, color: ColorFlags, stdout_is_taken: bool) -> Result<(), Failure> {
    match args.format {
        Format::Json => screen::print(&answer.to_json())?,
        Format::Vllm => screen::print(&answer.to_vllm_text())?,
        Format::VllmJson => screen::print(&answer.to_vllm_json())?,
        Format::Text => {
            let style = Style {
                colour: color.on_stdout(),
            };
            screen::print_styled(&answer.to_text(style), style, stdout_is_taken)?;
        }
    }
    if args.explain {
        let explanation = answer.explanation();
        match args.format {
            Format::Text => screen::print_text(&format!("\n{explanation}"), stdout_is_taken)?,
            // The JSON object stays alone on stdout.
            Format::Json | Format::Vllm | Format::VllmJson => screen::note(&explanation),
        }
    }
    Ok(())
}
