//! `merge`: the results of shards as one file.

use std::path::PathBuf;

use crate::answer::{MergeQuestion, Problem};
use crate::cli::failure::Failure;
use crate::cli::output::Taken;
use crate::cli::terminal::screen;
use crate::report::{is_standard_output, write_atomically};

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
    let mut taken = Taken::default();
    for path in &args.shards {
        taken.read("a shard", path);
    }
    taken.check_stdin()?;
    let question = MergeQuestion {
        shards: args.shards.clone(),
        out: (!is_standard_output(&args.out)).then(|| args.out.clone()),
    };
    let merged = question.answer()?;
    taken.claim("--out", &args.out)?;
    if is_standard_output(&args.out) {
        screen::print(&merged.text)?;
    } else {
        write_atomically(&args.out, |file| file.write_all(merged.text.as_bytes()))
            .map_err(|error| Problem::cannot_write(&args.out, &error))?;
    }
    let (runs, shards) = (merged.runs, args.shards.len());
    screen::note(&format!("{runs} runs of {shards} files in {}", args.out.display()));
    Ok(())
}
