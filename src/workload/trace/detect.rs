//! Which format a file is in: named, or recognised by the names in its first line.

use std::fmt::Write;

use serde_json::Value;

use super::error::TraceError;
use super::first_line::FirstLine;
use super::foreign;
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
    let recognised = || FORMATS.into_iter().filter(|format| format.recognises(&first));
    let strictest = recognised().map(TraceFormat::looseness).min();
    // A loose format may take a file for its own that is known to be something else.
    let other_tool = foreign::named(&first, lines.line()).filter(|_| strictest != Some(0));
    if let Some(message) = other_tool {
        return Err(of_first_line(lines, &message));
    }
    let recognised: Vec<&'static dyn TraceFormat> = recognised()
        .filter(|format| Some(format.looseness()) == strictest)
        .collect();
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

/// What the first line holds, and what would make it one of a format: of the closest, or else of any.
fn unrecognised(first: &FirstLine) -> String {
    let found = match first {
        FirstLine::Columns(names) => format!("the columns {}", listed(names)),
        FirstLine::Object(object) => format!("the JSON keys {}", listed(object.keys())),
        FirstLine::OtherJson => "JSON that is not one object a line".to_owned(),
    };
    if let FirstLine::Columns(names) = first
        && let [only] = &names[..]
        && let Some(separator) = [';', '\t', '|'].into_iter().find(|separator| only.contains(*separator))
    {
        return format!(
            "is of no known trace format: its first line holds no commas, but {separator:?}; separate columns by commas"
        );
    }
    let mut message = format!("is of no known trace format: its first line holds {found}. ");
    if let Some((format, missing)) = closest(first) {
        let lacks: Vec<String> = missing.iter().map(|name| format!("{name:?}")).collect();
        let what = if matches!(first, FirstLine::Columns(_)) {
            "column"
        } else {
            "key"
        };
        let _ = write!(
            message,
            "The closest is {}, for which it lacks the {what} {}; add it, or rename the {what} that means it",
            format.name(),
            lacks.join(" and ")
        );
        return message;
    }
    if let Some(list) = list_in(first) {
        let _ = write!(
            message,
            "If its rows are in the list {list:?}, write that alone, e.g. jq -c '.{list}[]' FILE > rows.jsonl"
        );
        return message;
    }
    message.push_str("Looked for");
    for format in FORMATS {
        let _ = write!(message, "\n  {}: {}", format.name(), format.looks_like());
    }
    message.push_str("\nRename the columns, or name the format, e.g. format = \"csv\"");
    message
}

/// The format of which the fewest names are missing, if at least as many are there, and those names.
fn closest(first: &FirstLine) -> Option<(&'static dyn TraceFormat, Vec<&'static str>)> {
    let with_missing = FORMATS.into_iter().filter_map(|format| {
        let (missing, needed) = format.missing(first)?;
        (!missing.is_empty() && 2 * missing.len() <= needed).then_some((format, missing))
    });
    with_missing.min_by_key(|(format, missing)| (missing.len(), format.looseness()))
}

/// The key of the only list of objects in a JSON object, as services wrap the rows that they are asked for.
fn list_in(first: &FirstLine) -> Option<&str> {
    let FirstLine::Object(object) = first else {
        return None;
    };
    let mut lists = object.iter().filter(|(_, value)| {
        let rows = value.as_array().filter(|rows| !rows.is_empty());
        rows.is_some_and(|rows| rows.iter().all(Value::is_object))
    });
    let (only, None) = (lists.next()?, lists.next()) else {
        return None;
    };
    let is_plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    Some(only.0.as_str()).filter(|name| is_plain(name))
}

fn listed<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    const MOST_NAMES: usize = 12;
    const MOST_CHARS: usize = 40;
    let mut names = names.into_iter();
    let shown = names.by_ref().take(MOST_NAMES).map(|name| {
        let short: String = name.as_ref().chars().take(MOST_CHARS).collect();
        format!("{short:?}")
    });
    let mut list = shown.collect::<Vec<_>>().join(", ");
    if names.next().is_some() {
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
            message.contains("csv, azure, mooncake, burstgpt, sharegpt, "),
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
