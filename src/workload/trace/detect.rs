//! Which format a file is in: named, or recognised by the names in its first line.

use std::fmt::Write;

use super::error::TraceError;
use super::first_line::FirstLine;
use super::format::TraceFormat;
use super::formats::FORMATS;
use super::lines::Lines;
use crate::workload::Invalid;

/// The name of a format that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatName(&'static str);

impl FormatName {
    /// The format called `name`.
    pub fn parse(name: &str) -> Result<Self, Invalid> {
        let found = FORMATS.iter().find(|format| format.name() == name);
        found.map(|format| Self(format.name())).ok_or_else(|| {
            let known: Vec<&str> = FORMATS.iter().map(|format| format.name()).collect();
            let message = format!("{name:?} is no trace format; write one of {}", known.join(", "));
            Invalid::new("format", message)
        })
    }

    /// The name as a scenario writes it.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// The format that has this name.
    pub fn format(self) -> &'static dyn TraceFormat {
        let found = FORMATS.iter().find(|format| format.name() == self.0);
        *found.expect("a name is made from a format")
    }
}

/// The one format that recognises the file's first line.
pub fn detect(lines: &Lines) -> Result<&'static dyn TraceFormat, TraceError> {
    let first = FirstLine::new(lines.line());
    let recognised: Vec<&'static dyn TraceFormat> =
        FORMATS.into_iter().filter(|format| format.recognises(&first)).collect();
    match recognised[..] {
        [format] => Ok(format),
        [] => Err(of_first_line(lines, &unrecognised(&first))),
        _ => {
            let names: Vec<&str> = recognised.iter().map(|format| format.name()).collect();
            let message = format!(
                "could be of the formats {}; name one of them, e.g. format = \"{}\"",
                names.join(" and "),
                names[0]
            );
            Err(of_first_line(lines, &message))
        }
    }
}

fn of_first_line(lines: &Lines, message: &str) -> TraceError {
    TraceError::of_line(lines.path(), lines.number(), message).fatal()
}

fn unrecognised(first: &FirstLine) -> String {
    let found = match first {
        FirstLine::Columns(names) => format!("the columns {}", listed(names)),
        FirstLine::Keys(names) => format!("the JSON keys {}", listed(names)),
        FirstLine::OtherJson => "JSON that is not one object a line".to_owned(),
    };
    let mut message = format!("is of no known trace format: its first line holds {found}. Looked for");
    for format in FORMATS {
        let _ = write!(message, "\n  {}: {}", format.name(), format.looks_like());
    }
    message.push_str("\nRename the columns, or name the format, e.g. format = \"csv\"");
    message
}

fn listed(names: &[String]) -> String {
    const MOST_NAMES: usize = 12;
    const MOST_CHARS: usize = 40;
    let shown = names.iter().take(MOST_NAMES).map(|name| {
        let short: String = name.chars().take(MOST_CHARS).collect();
        format!("{short:?}")
    });
    let mut list = shown.collect::<Vec<_>>().join(", ");
    if names.len() > MOST_NAMES {
        list.push_str(", …");
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_formats_are_found_and_unknown_ones_listed() {
        for format in FORMATS {
            let name = FormatName::parse(format.name()).unwrap();
            assert_eq!(name.format().name(), format.name());
        }
        let message = FormatName::parse("parquet").unwrap_err().to_string();
        assert!(
            message.contains("csv, azure, mooncake, burstgpt, sharegpt"),
            "{message}"
        );
    }

    #[test]
    fn names_of_formats_differ() {
        for (index, format) in FORMATS.iter().enumerate() {
            assert!(FORMATS[..index].iter().all(|other| other.name() != format.name()));
        }
    }
}
