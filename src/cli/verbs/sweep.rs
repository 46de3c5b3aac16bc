//! `sweep`: every point of a study, and a line of results for each run.

use std::path::PathBuf;

use crate::answer::{ReadySweep, Shard, StudySource, SweepAnswer, SweepQuestion};
use crate::cli::failure::Failure;
use crate::cli::flags::scenario::ScenarioFlags;
use crate::cli::flags::study::StudyFlags;
use crate::cli::output::Taken;
use crate::cli::terminal::color::ColorFlags;
use crate::cli::terminal::screen;
use crate::config::Diagnostic;
use crate::report::is_standard_output;

/// Simulate every point of a study, such as a grid of rates and context lengths, and write a line of results for each
/// run
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The study (TOML): a scenario, axes of keys and values, seeds, and numbers to keep
    study: PathBuf,
    #[command(flatten)]
    changes: ScenarioFlags,
    /// Where to write the results: CSV or JSON Lines (or Parquet, if built with it), by the name's ending. A sweep that
    /// was interrupted goes on from here. In CSV an apostrophe stands before text that a spreadsheet would take for a
    /// formula; `report` and `merge` read the text itself
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Runs at each point, whatever the study says; the seeds follow one another
    #[arg(long, value_name = "RUNS", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    seeds: Option<u32>,
    /// Make only every so many-th run, for several machines: 2/7 is the second of seven parts. `tailcast merge` puts
    /// them together
    #[arg(long, value_name = "PART/PARTS")]
    shard: Option<Shard>,
    /// Print the plan and simulate nothing
    #[arg(long)]
    dry_run: bool,
    /// Simulate each run twice more, with all steps shorter and longer by what step times may be off, and keep what
    /// latencies become
    #[arg(long)]
    range: bool,
    /// Replace results of another plan
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    study_flags: StudyFlags,
}

/// Runs the verb.
pub fn run(args: &Args, color: ColorFlags) -> Result<(), Failure> {
    let question = SweepQuestion {
        study: StudySource::File(args.study.clone()),
        changes: args.changes.layers(None)?,
        seeds: args.seeds,
        shard: args.shard.unwrap_or_default(),
        out: args.out.clone().unwrap_or_default(),
        overwrites: args.overwrite,
        finds_ranges: args.range,
    };
    let ready = question.ready_on(args.study_flags.jobs())?;
    if args.dry_run {
        return Ok(screen::print(&ready.describe())?);
    }
    check(args, &ready)?;
    let done = ready.answer(&args.study_flags.control(color))?;
    say(args, done);
    Ok(())
}

/// Refuses results that could not be written, or that would overwrite what the sweep reads.
fn check(args: &Args, ready: &ReadySweep) -> Result<(), Failure> {
    let Some(out) = &args.out else {
        let message = "--out is missing: where should the results go?";
        return Err(Diagnostic::new(message)
            .help("write --out results.csv, or --dry-run to see the plan")
            .into());
    };
    if is_standard_output(out) {
        let message = "--out -: results of a sweep go to a file, from which it goes on after an interruption";
        return Err(Diagnostic::new(message).help("write --out results.csv").into());
    }
    ready.form()?;
    let mut taken = Taken::default();
    for (what, path) in ready.reads() {
        taken.read(what, &path);
    }
    for (flag, path) in ready.writes() {
        taken.claim(flag, &path)?;
    }
    Ok(())
}

fn say(args: &Args, done: SweepAnswer) {
    let out = args.out.clone().unwrap_or_default();
    let (out, runs) = (out.display(), done.runs);
    if done.was_complete {
        return screen::note(&format!("{out} has all {runs} runs already"));
    }
    if args.study_flags.is_quiet() {
        return;
    }
    let next = if args.shard.is_some_and(Shard::is_part) {
        "tailcast merge, with the other shards".to_owned()
    } else {
        format!("tailcast report {out} --html report.html")
    };
    screen::note(&format!("{runs} runs in {out}; next: {next}"));
}
