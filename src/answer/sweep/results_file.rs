//! The file of results when it is complete: whether it is there already, and how it comes to be.

use std::path::Path;

use super::super::problem::Problem;
use super::partial::Partial;
use crate::config::Diagnostic;
use crate::files::is_named_pipe;
use crate::report::results::{Form, Results};
use crate::study::Sweep;

/// Whether the results are there already; refuses to replace those of another plan.
pub fn is_complete(out: &Path, form: Form, (sweep, runs): (&Sweep, &[usize])) -> Result<bool, Diagnostic> {
    if !out.exists() {
        return Ok(false);
    }
    if is_named_pipe(out) {
        let message = format!("{} is a named pipe, in which no results are kept", out.display());
        return Err(Diagnostic::new(message).help("give a file as --out; a sweep goes on from what is in it"));
    }
    if form == Form::Parquet {
        let message = format!("{} is there already", out.display());
        return Err(Diagnostic::new(message).help("give another --out, or --overwrite to make it again"));
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
    Err(Diagnostic::new(message).help("give another --out, or --overwrite to replace it"))
}

#[cfg(not(feature = "parquet"))]
pub fn finish(partial: Partial, out: &Path, _form: Form) -> Result<(), Problem> {
    let finished = partial.finish(out);
    finished.map_err(|error| Problem::cannot_write(out, &error))
}

#[cfg(feature = "parquet")]
pub fn finish(partial: Partial, out: &Path, form: Form) -> Result<(), Problem> {
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
    finished.map_err(|error| Problem::cannot_write(out, &error))
}
