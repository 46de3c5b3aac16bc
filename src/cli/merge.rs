//! `merge`: the results of shards as one file.

use std::path::PathBuf;

use super::failure::Failure;
use super::outputs::Taken;
use super::screen;
use crate::config::Diagnostic;
use crate::report::results::{self, Form};
use crate::report::write_atomically;

/// Put the results of a sweep's shards together, as one file that equals that of the whole sweep
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The results of all shards: CSV, or all JSON Lines
    #[arg(required = true)]
    shards: Vec<PathBuf>,
    /// Where to write them together
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<(), Failure> {
    let form = form_of(args)?;
    let mut taken = Taken::default();
    let mut files = Vec::new();
    for path in &args.shards {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Diagnostic::new(format!("cannot read {name}: {error}"))
                .help("give the files that `tailcast sweep --shard` wrote")
        })?;
        let is_whole = text.ends_with('\n') || (text.is_empty() && form == Form::JsonLines);
        if !is_whole {
            let message = format!("{name} ends within a line: its sweep is not complete");
            return Err(Diagnostic::new(message)
                .help("start that shard again; it goes on where it was")
                .into());
        }
        taken.read("a shard", path);
        files.push((name, text));
    }
    taken.claim("--out", &args.out)?;
    let merged = results::merge(form, &files).map_err(Failure::Input)?;
    write_atomically(&args.out, |file| file.write_all(merged.text.as_bytes()))
        .map_err(|error| Failure::cannot_write(&args.out, &error))?;
    let (runs, shards) = (merged.runs, files.len());
    screen::note(&format!("{runs} runs of {shards} files in {}", args.out.display()));
    Ok(())
}

/// The form that all files have.
fn form_of(args: &Args) -> Result<Form, Failure> {
    let wrong = |message: String| Failure::from(Diagnostic::new(message));
    let form = Form::of(&args.out).map_err(|problem| wrong(format!("--out: {problem}")))?;
    for path in args.shards.iter().chain([&args.out]) {
        let theirs = Form::of(path).map_err(|problem| wrong(format!("{}: {problem}", path.display())))?;
        if theirs != form || form == Form::Parquet {
            let message = format!("{} is not in the form of the others", path.display());
            return Err(Diagnostic::new(message)
                .help("merge CSV with CSV, or JSON Lines with JSON Lines")
                .into());
        }
    }
    Ok(form)
}
