//! The file that a sweep grows, and goes on with after an interruption: whole lines in the order of runs, beside the
//! results, whose name it takes when all are there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::super::problem::Problem;
use crate::config::Diagnostic;
use crate::files::is_named_pipe;
use crate::report::results::{Form, Heading, ResultRow, Results};

/// An unfinished file of results.
pub struct Partial {
    path: PathBuf,
    file: File,
    form: Form,
    /// Runs that it has.
    pub done: usize,
}

impl Partial {
    /// The place of the unfinished form of `results`.
    pub fn path_of(results: &Path) -> PathBuf {
        let results = &target(results);
        let mut name = results.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        results.with_file_name(name)
    }

    /// Opens it, or makes it; keeps the whole lines it has, which must be the first of `runs` of the plan `plan`.
    /// Nobody else may write it at the same time.
    pub fn open(
        results: &Path,
        form: Form,
        heading: &Heading,
        (plan, runs): (&str, &[usize]),
    ) -> Result<Self, Problem> {
        let path = Self::path_of(results);
        if is_named_pipe(&path) {
            return Err(not_ours(&path, Diagnostic::new("it is a named pipe")));
        }
        let cannot = |error: io::Error| Problem::cannot_write(&path, &error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(cannot)?;
        file.try_lock().map_err(|_| {
            let message = format!("another sweep is writing {}", path.display());
            Problem::from(Diagnostic::new(message).help("wait for it, or give another --out"))
        })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(cannot)?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let first = heading.line(form);
        let has_heading = whole >= first.len() && whole > 0;
        let mut done = 0;
        if !has_heading && !is_torn_start(&bytes, form, &first) {
            return Err(not_ours(&path, Diagnostic::new("no sweep wrote it")));
        }
        if has_heading {
            done = check(form, &bytes[..whole], &first, (plan, runs)).map_err(|problem| not_ours(&path, problem))?;
        }
        let kept = if has_heading { whole as u64 } else { 0 };
        file.set_len(kept).map_err(cannot)?;
        file.seek(SeekFrom::Start(kept)).map_err(cannot)?;
        if !has_heading {
            file.write_all(first.as_bytes()).map_err(cannot)?;
        }
        Ok(Self { path, file, form, done })
    }

    /// Adds a run.
    pub fn add(&mut self, heading: &Heading, row: &ResultRow) -> io::Result<()> {
        // In one piece, so that at most the last line can be torn.
        let line = heading.row_line(self.form, row);
        self.file.write_all(line.as_bytes())
    }

    /// Makes it the results.
    pub fn finish(self, results: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, target(results))
    }

    /// The text so far.
    #[cfg(feature = "parquet")]
    pub fn text(&self) -> io::Result<String> {
        fs::read_to_string(&self.path)
    }

    /// Removes the file from the disk, with all lines in it.
    #[cfg(feature = "parquet")]
    pub fn remove(self) -> io::Result<()> {
        fs::remove_file(self.path)
    }
}

/// The file that a link leads to, so that the link stays.
fn target(results: &Path) -> PathBuf {
    let found = results.is_symlink().then(|| results.canonicalize().ok());
    found.flatten().unwrap_or_else(|| results.to_owned())
}

/// Whether a file without a whole first line can be what an interrupted sweep left, and not a file of somebody else.
fn is_torn_start(bytes: &[u8], form: Form, first: &str) -> bool {
    let start = match form {
        Form::JsonLines => "{\"plan\":\"",
        _ => first,
    };
    let common = bytes.len().min(start.len());
    bytes[..common] == start.as_bytes()[..common]
}

/// How many runs whole lines hold.
fn check(form: Form, bytes: &[u8], first: &str, (plan, runs): (&str, &[usize])) -> Result<usize, Diagnostic> {
    let text = std::str::from_utf8(bytes).map_err(|_| Diagnostic::new("it is not text"))?;
    if !text.starts_with(first) {
        return Err(Diagnostic::new("its columns are others"));
    }
    if text.len() == first.len() {
        return Ok(0);
    }
    let results = Results::of_text(form, text)?;
    for (at, row) in results.rows.iter().enumerate() {
        if row.plan != plan {
            let message = format!("it belongs to plan {}, and this is {plan}", row.plan);
            return Err(Diagnostic::new(message));
        }
        if runs.get(at).map(|&run| run as u64) != Some(row.run) {
            let message = format!("it has run {}, which is not the next of this shard", row.run);
            return Err(Diagnostic::new(message));
        }
    }
    Ok(results.rows.len())
}

fn not_ours(path: &Path, problem: Diagnostic) -> Problem {
    problem
        .about(&format!("cannot go on with {}", path.display()))
        .help("remove it to start anew, or give another --out; a changed scenario, study or trace makes another plan")
        .into()
}
