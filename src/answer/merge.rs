//! `merge`: the results of a sweep's shards as one file.

use std::path::PathBuf;

use super::problem::Problem;
use super::results_text;
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
    /// The text of the merged results, with all its lines.
    pub text: String,
    /// How many runs it has.
    pub runs: u64,
}

impl MergeQuestion {
    /// Puts them together.
    pub fn answer(&self) -> Result<MergeAnswer, Problem> {
        let form = self.form()?;
        let mut files: Vec<(String, String)> = Vec::new();
        for path in &self.shards {
            let name = path.display().to_string();
            let text = results_text::read(path).map_err(|error| {
                Diagnostic::new(format!("cannot read {name}: {error}"))
                    .help("give the files that `tailcast sweep --shard` wrote")
            })?;
            let is_empty_shard = text.is_empty() && form != Some(Form::Csv);
            let is_whole = text.ends_with('\n') || is_empty_shard;
            if !is_whole {
                let message = format!("{name} ends within a line: its sweep is not complete");
                return Err(Diagnostic::new(message)
                    .help("start that shard again; it goes on where it was")
                    .into());
            }
            files.push((name, text));
        }
        let of_text = || {
            files
                .first()
                .map_or(Form::Csv, |(_, text)| results_text::form_of_text(text))
        };
        let merged = results::merge(form.unwrap_or_else(of_text), &files)?;
        Ok(MergeAnswer {
            text: merged.text,
            runs: merged.runs,
        })
    }

    /// The form that all files have by their names; `None` if they come from and go to nothing with a name.
    fn form(&self) -> Result<Option<Form>, Problem> {
        let mut form = None;
        let out = self.out.iter().map(|out| (out, "--out".to_owned()));
        let shards = self.shards.iter().map(|path| (path, path.display().to_string()));
        for (path, name) in out.chain(shards) {
            let theirs = results_text::form_of_name(path, &name)?;
            if theirs == Some(Form::Parquet) || (form.is_some() && theirs.is_some() && theirs != form) {
                let message = format!("{} is not in the form of the others", path.display());
                return Err(Diagnostic::new(message)
                    .help("merge CSV with CSV, or JSON Lines with JSON Lines")
                    .into());
            }
            form = form.or(theirs);
        }
        Ok(form)
    }
}
