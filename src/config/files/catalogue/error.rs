//! What is wrong with a catalogue file or a name, where, and what to write instead.

use std::error::Error;
use std::fmt;
use std::ops::Range;

use crate::config::files::wording;
use crate::hardware::BadFigure;

/// An unusable file or an unknown name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogueError {
    /// The file; `None` if a name was not found.
    pub file: Option<String>,
    /// The line, from 1, if the problem has a place.
    pub line: Option<usize>,
    /// The column, from 1, if known.
    pub column: Option<usize>,
    /// What is wrong and what to write instead.
    pub problem: String,
}

impl CatalogueError {
    /// A problem with a file as a whole.
    pub(super) fn in_file(file: &str, problem: impl Into<String>) -> Self {
        Self {
            file: Some(file.to_owned()),
            line: None,
            column: None,
            problem: problem.into(),
        }
    }

    /// A problem with a name that belongs to no file.
    pub(super) const fn with_name(problem: String) -> Self {
        Self {
            file: None,
            line: None,
            column: None,
            problem,
        }
    }

    pub(super) fn from_toml(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let place = error.span().map(|span| place(text, &span));
        Self {
            file: Some(file.to_owned()),
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            problem: wording::plain(error.message(), "a table"),
        }
    }

    pub(super) fn from_json(file: &str, error: &serde_json::Error) -> Self {
        Self {
            file: Some(file.to_owned()),
            line: Some(error.line()).filter(|&line| line > 0),
            column: Some(error.column()).filter(|&column| column > 0),
            // The place is shown in front; serde_json repeats it at the end.
            problem: wording::plain(
                error.to_string().split(" at line ").next().unwrap_or_default(),
                "an object",
            ),
        }
    }

    /// A figure that was read and then refused: its line is that of its key.
    pub(super) fn from_figure(file: &str, text: &str, bad: &BadFigure) -> Self {
        Self {
            file: Some(file.to_owned()),
            line: line_of_key(text, bad.field),
            column: None,
            problem: bad.to_string(),
        }
    }
}

/// Line and column, from 1, of the start of a span.
fn place(text: &str, span: &Range<usize>) -> (usize, usize) {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    (line, column)
}

/// The last line that sets `key`, in TOML or JSON: a nested `text_config` comes after what it overrides.
pub(super) fn line_of_key(text: &str, key: &str) -> Option<usize> {
    let quoted = format!("\"{key}\"");
    let sets = |line: &str| {
        let line = line.trim_start();
        let bare = line.strip_prefix(key).map(str::trim_start);
        bare.is_some_and(|rest| rest.starts_with(['=', '.'])) || line.contains(&quoted)
    };
    let lines = text.lines().enumerate().filter(|(_, line)| sets(line));
    lines.last().map(|(index, _)| index + 1)
}

impl fmt::Display for CatalogueError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(formatter, "{file}:")?;
            for number in [self.line, self.column].into_iter().flatten() {
                write!(formatter, "{number}:")?;
            }
            write!(formatter, " ")?;
        }
        formatter.write_str(&self.problem)
    }
}

impl Error for CatalogueError {}
