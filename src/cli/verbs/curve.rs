//! `curve`: latency and throughput against concurrency or rate.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::answer::{CurveQuestion, LoadKind, Markup, MeasuredPoints, loads};
use crate::cli::failure::Failure;
use crate::cli::flags::exit::ExitFlags;
use crate::cli::flags::scenario::ScenarioFlags;
use crate::cli::flags::study::StudyFlags;
use crate::cli::output::{StudyFiles, Taken};
use crate::cli::terminal::color::ColorFlags;
use crate::cli::terminal::screen;
use crate::report::figure::{interactivity, load_curve};

/// Show latency and throughput against concurrency or rate: the knee, where memory is full, where requests begin to
/// wait
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The scenario file (TOML); without it the embedded demo
    scenario: Option<PathBuf>,
    #[command(flatten)]
    changes: ScenarioFlags,
    #[command(flatten)]
    loads: LoadFlags,
    /// Runs at each load, for 95 % intervals; the seeds follow one another
    #[arg(long, value_name = "RUNS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    seeds: u32,
    /// How often to add points around the knee
    #[arg(long, value_name = "TIMES", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=10))]
    refine: u32,
    /// Simulate each load twice more, with all steps shorter and longer by what step times may be off, and show what
    /// latencies become
    #[arg(long)]
    range: bool,
    /// How to print the results
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Draw the curve (SVG or PNG, by the name's ending): KIND is latency-vs-concurrency or latency-vs-rate, by the
    /// load (if left out), or interactivity, tokens per second per GPU against tokens per second per user
    #[arg(long, value_name = "KIND=FILE")]
    figure: Vec<String>,
    /// Write the whole report as one page (HTML)
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    exit: ExitFlags,
    #[command(flatten)]
    study_flags: StudyFlags,
}

/// One of them, or loads that were measured.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct LoadFlags {
    /// Requests at once: a range that doubles (1..512), one that adds (8..64+8), or a list (1,10,100)
    #[arg(long, value_name = "LOADS", allow_hyphen_values = true, conflicts_with = "rate")]
    concurrency: Option<String>,
    /// Requests per second, in the same ways
    #[arg(long, value_name = "LOADS", allow_hyphen_values = true)]
    rate: Option<String>,
    /// Show what was measured beside the forecast, at its own loads: results of `vllm bench serve` and of others, as
    /// `calibrate` takes them; their load stands in them. Several files may follow
    #[arg(long, value_name = "FILE", num_args = 1..)]
    measured: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table
    Text,
    /// One JSON object
    Json,
    /// A line a load, with every number
    Csv,
    /// Its tables as Markdown
    Markdown,
    /// Its tables as LaTeX, for the package booktabs
    Latex,
}

impl Args {
    /// The scenario file, and the files with what was measured. A scenario behind these is taken for one of them, but
    /// no result is TOML.
    fn files(&self) -> (Option<&Path>, &[PathBuf]) {
        let measured = &self.loads.measured[..];
        match (&self.scenario, measured.split_last()) {
            (None, Some((last, others))) if last.extension().is_some_and(|it| it == "toml") && !others.is_empty() => {
                (Some(last), others)
            }
            (scenario, _) => (scenario.as_deref(), measured),
        }
    }
}

/// Runs the verb.
pub fn run(args: &Args, color: ColorFlags) -> Result<(), Failure> {
    let (scenario, results) = args.files();
    let measured = MeasuredPoints::read(results)?;
    let (kind, text) = match (&args.loads.concurrency, &args.loads.rate) {
        (Some(text), _) => (LoadKind::Concurrency, Some(text)),
        (_, Some(text)) => (LoadKind::Rate, Some(text)),
        (None, None) => (measured.kind()?, None),
    };
    // A load that is not on the curve is refused before anything runs.
    measured.loads(kind)?;
    let asked = text.map(|text| loads(kind, text)).transpose()?;
    let question = CurveQuestion {
        base: args.changes.base(scenario)?,
        kind,
        loads: asked.unwrap_or_default(),
        seeds: args.seeds,
        refinements: args.refine,
        finds_ranges: args.range,
        measured,
    };
    let ready = question.ready()?;
    let files = StudyFiles::new(
        &[load_curve::figure(kind), &interactivity::FIGURE],
        &args.figure,
        args.html.as_ref(),
    )?;
    let mut taken = Taken::by(scenario, &ready.input);
    match args.format {
        Format::Text => {}
        Format::Json => taken.claim_stdout("--format json")?,
        Format::Csv => taken.claim_stdout("--format csv")?,
        Format::Markdown => taken.claim_stdout("--format markdown")?,
        Format::Latex => taken.claim_stdout("--format latex")?,
    }
    for file in results {
        taken.read("what was measured", file);
    }
    taken.check_stdin()?;
    files.claim(&mut taken)?;
    let answer = ready.answer(&args.study_flags.control(color))?;
    match args.format {
        Format::Text => screen::print_text(&answer.to_text(), taken.has_stdout())?,
        Format::Json => screen::print(&answer.to_json())?,
        Format::Csv => screen::print(&answer.to_csv())?,
        Format::Markdown => screen::print(&answer.to_markup(Markup::Markdown))?,
        Format::Latex => screen::print(&answer.to_markup(Markup::Latex))?,
    }
    if answer.is_interrupted() {
        return Err(Failure::interrupted());
    }
    files.write(&answer.drawings(), || answer.to_page())?;
    args.exit.judge(answer.is_shown_met_anywhere())
}
