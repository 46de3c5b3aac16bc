//! `sweep`: every point of a study, and a line of results for each run.

mod partial;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use partial::Partial;

use super::color::ColorFlags;
use super::failure::Failure;
use super::interrupt;
use super::outputs::Taken;
use super::scenario::ScenarioFlags;
use super::screen;
use super::shard::Shard;
use super::study::{Runner, StudyFlags};
use crate::config::{Diagnostic, StudyFile, did_you_mean};
use crate::report::results::{Form, Heading, ResultRow, Results};
use crate::report::table::{Cell, Column, Table};
use crate::study::{Base, MEASURES, MOST_POINTS, Measure, Next, Plan, Sweep, short, usual_measures};

/// Simulate every point of a study, such as a grid of rates and context lengths, and write a line of results for each
/// run
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The study (TOML): a scenario, axes of keys and values, seeds, and numbers to keep
    study: PathBuf,
    #[command(flatten)]
    changes: ScenarioFlags,
    /// Where to write the results: CSV or JSON Lines (or Parquet, if built with it), by the name's ending. A sweep that
    /// was interrupted goes on from here
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
    /// Replace results of another plan
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    study_flags: StudyFlags,
}

/// Runs the verb.
pub fn run(args: &Args, color: ColorFlags) -> Result<(), Failure> {
    let file = StudyFile::load(&args.study)?;
    let sweep = plan(args, &file)?;
    if args.dry_run {
        return Ok(screen::print(&describe(args, &file, &sweep))?);
    }
    let Some(out) = &args.out else {
        let message = "--out is missing: where should the results go?";
        return Err(Diagnostic::new(message)
            .help("write --out results.csv, or --dry-run to see the plan")
            .into());
    };
    let form = Form::of(out).map_err(|problem| Diagnostic::new(format!("--out: {problem}")))?;
    check_out(args, out, &file, &sweep)?;
    if !args.study_flags.quiet {
        for warning in &sweep.warnings {
            screen::warn(warning, color.on_stderr());
        }
    }
    let heading = Heading {
        keys: sweep.plan.keys().map(str::to_owned).collect(),
        measures: sweep.measures.clone(),
    };
    let runs = args.shard.unwrap_or_default().runs(sweep.runs());
    if is_complete(args, out, form, (&sweep, &runs))? {
        screen::note(&format!("{} has all {} runs already", out.display(), runs.len()));
        return Ok(());
    }
    let plan = (sweep.fingerprint.as_str(), runs.as_slice());
    let mut partial = Partial::open(out, form.of_lines(), &heading, plan)?;
    if partial.done > 0 {
        let (done, all) = (partial.done, runs.len());
        screen::note(&format!("going on after {done} of {all} runs"));
    }
    interrupt::listen();
    simulate(args, &sweep, &runs, &heading, &mut partial, color)?;
    finish(partial, out, form)?;
    if !args.study_flags.quiet {
        let next = if args.shard.is_some_and(Shard::is_part) {
            "tailcast merge, with the other shards".to_owned()
        } else {
            format!("tailcast report {} --html report.html", out.display())
        };
        screen::note(&format!("{} runs in {}; next: {next}", runs.len(), out.display()));
    }
    Ok(())
}

fn plan(args: &Args, file: &StudyFile) -> Result<Sweep, Failure> {
    let plan = Plan::new(file.axes.clone()).ok_or_else(|| {
        let message = format!("the axes have more than {MOST_POINTS} points together");
        Diagnostic::new(message).help("write fewer values, or several studies")
    })?;
    let layers = args.changes.layers(file.scenario.as_deref())?;
    let base = Base::new(layers, file.overrides.clone());
    let seeds = args.seeds.unwrap_or(file.seeds);
    let sweep = Sweep::new(base, plan, seeds, measures(file)?)?;
    if seeds > 1 && sweep.is_always_the_same {
        let message = "a trace replays the same requests whatever the seed";
        return Err(Diagnostic::new(message)
            .help("write seeds = 1 in the study, or leave --seeds out")
            .into());
    }
    Ok(sweep)
}

fn measures(file: &StudyFile) -> Result<Vec<&'static Measure>, Diagnostic> {
    if file.metrics.is_empty() {
        return Ok(usual_measures());
    }
    let names = file.metrics.iter();
    names
        .map(|(name, place)| {
            Measure::named(name).ok_or_else(|| {
                let message = format!("nothing that is measured is called `{name}`");
                let names = MEASURES.iter().map(|measure| measure.name);
                let mut error = Diagnostic::new(message).at(place.clone());
                let alike = Measure::ending_with(name).map(|it| format!("did you mean `{it}`?"));
                if let Some(hint) = alike.or_else(|| did_you_mean(name, names)) {
                    error = error.help(hint);
                }
                error.help(
                    "write names such as ttft.p99, queue.depth.mean or throughput.output_tokens_per_s, as in \
                            the JSON of `tailcast run`",
                )
            })
        })
        .collect()
}

fn check_out(args: &Args, out: &Path, file: &StudyFile, sweep: &Sweep) -> Result<(), Failure> {
    let mut taken = Taken::default();
    if let Some(scenario) = &file.scenario {
        taken.read("the scenario", scenario);
    }
    taken.read("the study", &args.study);
    for (what, path) in &sweep.files {
        taken.read(what, path);
    }
    taken.claim("--out", out)?;
    taken.claim("--out, unfinished,", &Partial::path_of(out))
}

/// Whether the results are there already; refuses to replace those of another plan.
fn is_complete(args: &Args, out: &Path, form: Form, (sweep, runs): (&Sweep, &[usize])) -> Result<bool, Failure> {
    if !out.exists() || args.overwrite {
        return Ok(false);
    }
    if form == Form::Parquet {
        let message = format!("{} is there already", out.display());
        return Err(Diagnostic::new(message)
            .help("give another --out, or --overwrite to make it again")
            .into());
    }
    let text = std::fs::read_to_string(out);
    let has_no_runs = runs.is_empty() && text.as_ref().is_ok_and(String::is_empty);
    let is_empty_shard = form == Form::JsonLines && has_no_runs;
    let is_ours = form == form.of_lines()
        && Results::of_text(form, &text.unwrap_or_default()).is_ok_and(|results| {
            let found = results.rows.iter().map(|row| row.run);
            found.eq(runs.iter().map(|&run| run as u64)) && results.rows.iter().all(|row| row.plan == sweep.fingerprint)
        });
    if is_ours || is_empty_shard {
        return Ok(true);
    }
    let message = format!(
        "{} is there and holds something else than the results of this plan",
        out.display()
    );
    Err(Diagnostic::new(message)
        .help("give another --out, or --overwrite to replace it")
        .into())
}

fn simulate(
    args: &Args,
    sweep: &Sweep,
    runs: &[usize],
    heading: &Heading,
    partial: &mut Partial,
    color: ColorFlags,
) -> Result<(), Failure> {
    let left = &runs[partial.done..];
    let runner = Runner::new(args.study_flags.progress(Some(left.len() as u64)));
    let workers = args.study_flags.workers()?;
    let mut written = Ok(());
    let done = workers.in_order(
        left.len(),
        |number| sweep.run(left[number], &|input, seed| runner.run(input, seed)),
        |_, numbers| {
            let row = ResultRow {
                plan: sweep.fingerprint.clone(),
                runs: sweep.runs() as u64,
                run: numbers.run as u64,
                point: numbers.point as u64,
                seed: numbers.seed,
                values: sweep
                    .plan
                    .values(numbers.point)
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
                numbers: numbers.numbers,
            };
            // Runs under way still come in after an error.
            if written.is_ok() {
                written = partial.add(heading, &row);
            }
            if written.is_err() { Next::Stop } else { Next::GoOn }
        },
    );
    runner.warn(&args.study_flags, color);
    written?;
    done.map_err(|(number, stopped)| match Failure::from(stopped) {
        Failure::Interrupted => {
            screen::note("what is done is kept; the same command goes on from there");
            Failure::Interrupted
        }
        failure => failure.about(&sweep.plan.label(left[number] / sweep.seeds as usize)),
    })
}

#[cfg(not(feature = "parquet"))]
fn finish(partial: Partial, out: &Path, _form: Form) -> Result<(), Failure> {
    let finished = partial.finish(out);
    finished.map_err(|error| Failure::cannot_write(out, &error))
}

#[cfg(feature = "parquet")]
fn finish(partial: Partial, out: &Path, form: Form) -> Result<(), Failure> {
    let finished = if form == Form::Parquet {
        partial.text().and_then(|text| {
            let results = Results::of_text(Form::Csv, &text).map_err(std::io::Error::other)?;
            crate::report::write_atomically(out, |file| {
                let mut bytes = Vec::new();
                crate::report::results::write_parquet(&results, &mut bytes)?;
                file.write_all(&bytes)
            })?;
            partial.remove()
        })
    } else {
        partial.finish(out)
    };
    finished.map_err(|error| Failure::cannot_write(out, &error))
}

/// The plan in words, then a line a point.
fn describe(args: &Args, file: &StudyFile, sweep: &Sweep) -> String {
    let (points, seeds, runs) = (sweep.plan.points(), sweep.seeds, sweep.runs());
    let mut text = format!("Plan      {points} points x {seeds} seeds = {runs} runs");
    let part = args.shard.unwrap_or_default();
    if part.is_part() {
        let _ = write!(text, ", {} of them in this shard", part.runs(runs).len());
    }
    if let Some(requests) = sweep.requests {
        let _ = write!(text, ", {requests} requests in all");
    }
    let scenario = file
        .scenario
        .as_ref()
        .map_or_else(|| "the embedded demo".to_owned(), |path| path.display().to_string());
    let name = file.name.as_deref().map_or(String::new(), |name| format!("{name} · "));
    let names: Vec<&str> = sweep.measures.iter().map(|measure| measure.name).collect();
    let _ = write!(
        text,
        " · {}\nScenario  {name}{scenario}\nKeeps     {}\n\n",
        sweep.fingerprint,
        names.join(", ")
    );
    let keys = sweep.plan.keys().map(|key| Column::numbers(short(key)));
    let mut columns = vec![Column::numbers("runs"), Column::numbers("point")];
    columns.extend(keys);
    let rows = (0..points).map(|point| {
        let (first, last) = (point * seeds as usize, (point + 1) * seeds as usize - 1);
        let runs = if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        };
        let values = sweep.plan.values(point).into_iter().map(Cell::words);
        [Cell::words(runs), Cell::words(point.to_string())]
            .into_iter()
            .chain(values)
            .collect()
    });
    let table = Table {
        caption: String::new(),
        columns,
        rows: rows.collect(),
    };
    text + &table.to_text()
}
