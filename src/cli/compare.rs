//! `compare`: scenarios, or variations of one, side by side.

use std::path::PathBuf;

use clap::ValueEnum;

use super::color::ColorFlags;
use super::drawings;
use super::failure::Failure;
use super::files::StudyFiles;
use super::interrupt;
use super::outputs::Taken;
use super::scenario::ScenarioFlags;
use super::screen;
use super::setting;
use super::study::{self, Runner, StudyFlags};
use super::variations;
use crate::report::compare::CompareReport;
use crate::report::figure;
use crate::study::{Contest, Input, Simulate, Stopped, Variation, Workers, contest};

/// Compare scenarios, or variations of one, on the same random numbers: differences with intervals, capacities, and a
/// verdict
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Scenario files (TOML); without any the embedded demo
    scenarios: Vec<PathBuf>,
    #[command(flatten)]
    changes: ScenarioFlags,
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
    /// How to print the results
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Draw the variations (SVG or PNG, by the name's ending): KIND is bars (if left out), cdf, queue or memory
    #[arg(long, value_name = "KIND=FILE")]
    figure: Vec<String>,
    /// Write the whole report as one page (HTML)
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    study_flags: StudyFlags,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Tables
    Text,
    /// One JSON object
    Json,
}

const USUAL_SEEDS: u32 = 8;

/// Runs the verb.
pub fn run(args: &Args, color: ColorFlags) -> Result<(), Failure> {
    let variations = variations::of(&args.scenarios, &args.changes, &args.vary)?;
    let inputs = variations.iter().map(Variation::load);
    let inputs: Vec<Input> = inputs.collect::<Result<_, _>>()?;
    if inputs.iter().all(Input::is_always_the_same) {
        study::refuse_seeds_of_a_trace(&inputs[0], args.seeds.unwrap_or(1))?;
    }
    let files = check_files(args, &inputs)?;
    if !args.study_flags.quiet {
        for (variation, input) in variations.iter().zip(&inputs) {
            for warning in &input.scenario.warnings {
                screen::warn(&format!("{}: {warning}", variation.name), color.on_stderr());
            }
        }
    }
    interrupt::listen();
    let runner = Runner::new(args.study_flags.progress(None));
    let simulate = |input: &Input, seed| runner.run(input, seed);
    let workers = args.study_flags.workers()?;
    let seeds = args.seeds.unwrap_or(USUAL_SEEDS);
    let mut contest = contest(&variations, inputs, seeds, &workers, &simulate)?;
    let no_capacity = find_capacities(args, &mut contest, &variations, &workers, &simulate)?;
    runner.warn(&args.study_flags, color);
    let all: Vec<&Input> = contest.contenders.iter().map(|it| &it.input).collect();
    let runs = contest.contenders[0].runs.len() as u32;
    let mut changed = vec![format!("side by side: {}", names(&variations))];
    for replaced in &contest.replaced {
        changed.push(format!("for the capacity, {replaced}"));
    }
    if let Some(said) = changed.get(1).filter(|_| !args.study_flags.quiet) {
        screen::note(&format!("note: {said}"));
    }
    let mut report = CompareReport {
        setting: setting::of_all(&all, runs, changed),
        drawings: Vec::new(),
        contest,
        no_capacity,
    };
    let drawn = if files.any() {
        drawings::of_contest(&report)?
    } else {
        Vec::new()
    };
    report.drawings = drawn.iter().map(|(_, drawing)| drawing.clone()).collect();
    screen::print(&match args.format {
        Format::Text => report.to_text(),
        Format::Json => report.to_json(),
    })?;
    if interrupt::happened() {
        return Err(Failure::Interrupted);
    }
    files.write(&drawn, || report.to_page())
}

fn names(variations: &[Variation]) -> String {
    let names: Vec<&str> = variations.iter().map(|it| it.name.as_str()).collect();
    names.join("; ")
}

fn check_files(args: &Args, inputs: &[Input]) -> Result<StudyFiles, Failure> {
    let files = StudyFiles::new(&figure::of_contest(), &args.figure, args.html.as_ref())?;
    let mut taken = Taken::default();
    for path in &args.scenarios {
        taken.read("a scenario", path);
    }
    for input in inputs {
        taken.read_by(input);
    }
    files.claim(&mut taken)?;
    Ok(files)
}

/// Why capacities are not known, if they should be.
fn find_capacities(
    args: &Args,
    contest: &mut Contest,
    variations: &[Variation],
    workers: &Workers,
    simulate: &Simulate,
) -> Result<Option<String>, Failure> {
    if args.no_capacity {
        return Ok(None);
    }
    if contest.contenders.iter().any(|it| it.input.slos.is_empty()) {
        let why = "no SLO is set; write --slo 'ttft.p99<2s'";
        return Ok(Some(why.to_owned()));
    }
    match contest.find_capacities(variations, workers, simulate) {
        Ok(()) => Ok(None),
        Err(Stopped::Failed(message)) => {
            let lines = message.lines();
            let lines: Vec<&str> = lines.map(|line| line.trim_start_matches(" = help: ")).collect();
            Ok(Some(lines.join("; ")))
        }
        // The comparison is there all the same.
        Err(Stopped::Interrupted) => Ok(Some("interrupted".to_owned())),
        Err(other) => Err(other.into()),
    }
}
