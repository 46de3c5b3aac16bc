//! What is wrong in a trace, and where.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Requests that cannot be read or made: where, what is wrong and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceError {
    /// The file; empty if synthetic requests are to blame.
    pub path: PathBuf,
    /// The line, from 1; 0 if it is about the file as a whole.
    pub line: u64,
    /// The field (of CSV) or the character (of JSON), from 1; 0 if it is about the line as a whole.
    pub column: u64,
    /// Name of the field; empty if it is about the line as a whole.
    pub field: Box<str>,
    /// What stands in the field, cut if it is long; empty if it is about the line as a whole.
    pub value: Box<str>,
    /// What is wrong and what to write instead.
    pub message: Box<str>,
    /// Whether the next row may be fine, so that this one may be skipped if the user asks for it.
    pub(super) skippable: bool,
}

/// Longer values are cut in errors [characters].
const MOST_VALUE_CHARS: usize = 60;

impl TraceError {
    /// Something is wrong with a run that has no file.
    pub fn of_run(message: &str) -> Self {
        Self::of_file(Path::new(""), message)
    }

    /// Something is wrong with the file as a whole.
    pub fn of_file(path: &Path, message: impl Into<Box<str>>) -> Self {
        Self {
            path: path.to_path_buf(),
            line: 0,
            column: 0,
            field: "".into(),
            value: "".into(),
            message: message.into(),
            skippable: false,
        }
    }

    /// The file cannot be read.
    pub(super) fn of_io(path: &Path, line: u64, error: &io::Error) -> Self {
        let message = match error.kind() {
            io::ErrorKind::UnexpectedEof => "ends in the middle of its compressed data; copy the file again".to_owned(),
            io::ErrorKind::NotFound => "no such file; check the path".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        Self {
            line,
            ..Self::of_file(path, message)
        }
    }

    /// Something is wrong with a row, though the next may be fine.
    pub(super) fn of_line(path: &Path, line: u64, message: impl Into<Box<str>>) -> Self {
        Self {
            line,
            skippable: true,
            ..Self::of_file(path, message)
        }
    }

    /// The error at a field with a value.
    #[must_use]
    pub(super) fn at(mut self, column: u64, field: &str, value: &[u8]) -> Self {
        let value = String::from_utf8_lossy(value);
        let mut shown: String = value.chars().take(MOST_VALUE_CHARS).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        self.column = column;
        self.field = field.into();
        self.value = shown.into();
        self
    }

    /// The error as one that no other row helps: skipping it would hide that the trace is misunderstood.
    #[must_use]
    pub(super) fn fatal(mut self) -> Self {
        self.skippable = false;
        self
    }
}

impl fmt::Display for TraceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.as_os_str().is_empty() {
            write!(formatter, "{}:", self.path.display())?;
            if self.line > 0 {
                write!(formatter, "{}:", self.line)?;
            }
            if self.column > 0 {
                write!(formatter, "{}:", self.column)?;
            }
            formatter.write_str(" ")?;
        }
        if !self.field.is_empty() {
            write!(formatter, "{}: {:?} ", self.field, self.value)?;
        }
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for TraceError {}
