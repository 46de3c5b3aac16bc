//! `compare`: scenarios, or variations of one, side by side.

use std::path::PathBuf;

use crate::answer::{Base, CompareQuestion, ReadyCompare};
use crate::cli::failure::Failure;
use crate::cli::flags::exit::ExitFlags;
use crate::cli::flags::figures;
use crate::cli::flags::load::LoadFlags;
use crate::cli::flags::study::StudyFlags;
use crate::cli::flags::table_format::TableFormat;
use crate::cli::output::{StudyFiles, Taken};
use crate::cli::terminal::color::ColorFlags;
use crate::cli::terminal::screen;
use crate::config::{Files, Layers};
use crate::report::figure;

/// Compare scenarios, or variations of one, on the same random numbers: differences with intervals, capacities, and a
/// verdict
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Scenario files (TOML); without any the embedded demo
    scenarios: Vec<PathBuf>,
    #[command(flatten)]
    changes: LoadFlags,
    /// What to vary: a key and its values, such as batching.policy=none,static,continuous; may be given more than once
    #[arg(long, value_name = "KEY=VALUES")]
    vary: Vec<String>,
    /// Runs of each variation; the seeds follow one another, and are the same for all. By default 8, or 1 of traces,
    /// which have none
    #[arg(long, value_name = "RUNS", value_parser = clap::value_parser!(u32).range(2..=10_000))]
    seeds: Option<u32>,
    /// Do not search for the highest load of each under the SLOs
    #[arg(long)]
    no_capacity: bool,
    /// Simulate each twice more, with all steps shorter and longer by what step times may be off, and let intervals of
    /// differences hold that too
    #[arg(long)]
    range: bool,
    /// How to print the results
    #[arg(long, value_enum, default_value = "text")]
    format: TableFormat,
    #[arg(long, value_name = "KIND=FILE", help = figures::help("Draw the variations", &figure::of_contest()))]
    figure: Vec<String>,
    /// Write the whole report as one page (HTML)
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    exit: ExitFlags,
    #[command(flatten)]
    study_flags: StudyFlags,
}

/// Runs the verb.
pub fn run(args: &Args, color: ColorFlags) -> Result<(), Failure> {
    let question = CompareQuestion {
        scenarios: scenarios(args)?,
        names: Vec::new(),
        vary: args.vary.clone(),
        seeds: args.seeds,
        finds_capacities: !args.no_capacity,
        finds_ranges: args.range,
    };
    let ready = question.ready()?;
    let (files, taken) = check(args, &ready)?;
    let mut answer = ready.answer(&args.study_flags.control(color))?;
    match args
        .format
        .typed(|| answer.to_json(), |markup| answer.to_markup(markup))
    {
        Some(text) => screen::print(&text)?,
        None => screen::print_text(&answer.to_text(), taken.has_stdout())?,
    }
    if answer.is_interrupted() {
        return Err(Failure::interrupted());
    }
    if files.any() {
        let drawn = answer.drawings()?;
        files.write(&drawn, || answer.to_page(&drawn))?;
    }
    args.exit.judge(answer.is_any_shown_met())
}

fn scenarios(args: &Args) -> Result<Vec<Base>, Failure> {
    if args.scenarios.is_empty() {
        return Ok(vec![args.changes.base(None)?]);
    }
    // What several scenarios name, such as a trace, is read once for all of them.
    let read = Files::default();
    let files = args.scenarios.iter();
    files
        .map(|file| {
            let layers = Layers {
                files: read.clone(),
                ..args.changes.layers(Some(file))?
            };
            Ok(Base::new(layers, None))
        })
        .collect()
}

fn check(args: &Args, ready: &ReadyCompare) -> Result<(StudyFiles, Taken), Failure> {
    let files = StudyFiles::new(&figure::of_contest(), &args.figure, args.html.as_ref())?;
    let mut taken = Taken::default();
    for path in &args.scenarios {
        taken.read("a scenario", path);
    }
    for input in &ready.inputs {
        taken.read_by(input);
    }
    if let Some(flag) = args.format.claim() {
        taken.claim_stdout(flag)?;
    }
    taken.check_stdin()?;
    files.claim(&mut taken)?;
    Ok((files, taken))
}
