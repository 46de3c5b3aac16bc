//! `merge`: the results of a sweep's shards as one file.

use std::path::PathBuf;

use super::problem::Problem;
use crate::config::Diagnostic;
use crate::report::results::{self, Form};

/// What are the results of all shards together?
#[derive(Clone, Debug)]
pub struct MergeQuestion {
    /// The results of all shards: CSV, or all JSON Lines.
    pub shards: Vec<PathBuf>,
    /// Where they are to go, which must have the same form; `None` for nowhere yet.
    pub out: Option<PathBuf>,
}

/// The file that one sweep would have written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeAnswer {
    /// Its text.
    pub text: String,
    /// How many runs it has.
    pub runs: u64,
}

impl MergeQuestion {
    /// Puts them together.
    pub fn answer(&self) -> Result<MergeAnswer, Problem> {
        let form = self.form()?;
        let mut files = Vec::new();
        for path in &self.shards {
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
            files.push((name, text));
        }
        let merged = results::merge(form, &files)?;
        Ok(MergeAnswer {
            text: merged.text,
            runs: merged.runs,
        })
    }

    /// The form that all files have.
    fn form(&self) -> Result<Form, Problem> {
        let of = |path: &PathBuf, name: &str| {
            Form::of(path).map_err(|problem| Diagnostic::new(format!("{name}: {problem}")))
        };
        let first = match (&self.out, self.shards.first()) {
            (Some(out), _) => of(out, "--out")?,
            (None, Some(first)) => of(first, &first.display().to_string())?,
            (None, None) => return Err(Diagnostic::new("there are no shards to merge").into()),
        };
        for path in self.shards.iter().chain(&self.out) {
            let theirs = of(path, &path.display().to_string())?;
            if theirs != first || first == Form::Parquet {
                let message = format!("{} is not in the form of the others", path.display());
                return Err(Diagnostic::new(message)
                    .help("merge CSV with CSV, or JSON Lines with JSON Lines")
                    .into());
            }
        }
        Ok(first)
    }
}
