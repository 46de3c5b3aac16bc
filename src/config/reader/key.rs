//! One key: its type, its range, its default.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::bandwidth::{self, Bandwidth};
use super::byte_size::{self, ByteSize};
use super::diagnostic::{Diagnostic, did_you_mean};
use super::document::{Node, Value};
use super::quantity::{self, Percentage, Units};
use super::reading::{Reading, Resolved};
use super::text::Place;
use super::text_file::is_standard_input;
use crate::settings::Setting;
use crate::stats::unrounded;
use crate::units::Span;

/// A key that may have been written.
#[derive(Debug)]
pub struct Key<'a> {
    /// The reading it belongs to.
    pub reading: &'a Reading,
    /// Its name with the names of the tables around it.
    pub path: String,
    /// Where the table around it was written.
    pub owner: Place,
    /// The value that was written for it; `None` without one.
    pub node: Option<&'a Node>,
    /// What it is declared to be, if it is a setting.
    pub declared: Option<&'static Setting>,
}

/// A value of the right type and within its range, or nothing if the key was not written.
#[derive(Debug)]
pub struct Found<'a, T> {
    reading: &'a Reading,
    path: String,
    owner: Place,
    place: Option<Place>,
    value: Option<T>,
    declared: Option<&'static Setting>,
}

impl<'a> Key<'a> {
    /// A whole number.
    pub fn integer(self, range: RangeInclusive<u64>) -> Result<Found<'a, u64>, Diagnostic> {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        self.read(&wanted, |value| match *value {
            Value::Integer(Some(integer)) => u64::try_from(integer).ok().filter(|it| range.contains(it)),
            // `requests = 1e6` is easier to read than its zeros; 2^53 is where floats stop to hold every whole number.
            Value::Float(float) if float.fract() == 0.0 && (0.0..9.0e15).contains(&float) => {
                Some(float as u64).filter(|it| range.contains(it))
            }
            _ => None,
        })
    }

    /// A whole number that fits into 32 bits.
    pub fn count(self, range: RangeInclusive<u32>) -> Result<Found<'a, u32>, Diagnostic> {
        let range = u64::from(*range.start())..=u64::from(*range.end());
        Ok(self
            .integer(range)?
            .map(|integer| u32::try_from(integer).expect("the range is one of 32 bits")))
    }

    /// A whole number that may be negative.
    pub fn signed(self, range: RangeInclusive<i32>) -> Result<Found<'a, i32>, Diagnostic> {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        self.read(&wanted, |value| match *value {
            Value::Integer(Some(integer)) => i32::try_from(integer).ok().filter(|it| range.contains(it)),
            _ => None,
        })
    }

    /// A number between `range`'s ends, both included.
    pub fn number(self, range: RangeInclusive<f64>) -> Result<Found<'a, f64>, Diagnostic> {
        let wanted = format!("a number from {} to {}", range.start(), range.end());
        self.read(&wanted, |value| as_number(value).filter(|it| range.contains(it)))
    }

    /// A number above zero.
    pub fn positive(self, most: f64) -> Result<Found<'a, f64>, Diagnostic> {
        let wanted = format!("a number above 0, at most {most}");
        self.read(&wanted, |value| as_number(value).filter(|&it| it > 0.0 && it <= most))
    }

    /// `true` or `false`.
    pub fn boolean(self) -> Result<Found<'a, bool>, Diagnostic> {
        self.read("true or false", |value| match value {
            Value::Boolean(boolean) => Some(*boolean),
            _ => None,
        })
    }

    /// Any text, but not an empty one.
    pub fn text(self) -> Result<Found<'a, String>, Diagnostic> {
        self.read("text in \"quotes\"", |value| match value {
            Value::Text(text) if !text.trim().is_empty() => Some(text.clone()),
            _ => None,
        })
    }

    /// A length of time with its unit.
    pub fn duration(self) -> Result<Found<'a, Span>, Diagnostic> {
        self.with_unit(&quantity::DURATIONS, quantity::DURATION_HELP, quantity::duration)
    }

    /// A bandwidth with its unit.
    pub fn bandwidth(self) -> Result<Found<'a, Bandwidth>, Diagnostic> {
        self.with_unit(&bandwidth::BANDWIDTHS, bandwidth::BANDWIDTH_HELP, bandwidth::bandwidth)
    }

    /// An amount of memory or storage with its unit.
    pub fn bytes(self) -> Result<Found<'a, ByteSize>, Diagnostic> {
        self.with_unit(&byte_size::BYTE_SIZES, byte_size::BYTES_HELP, byte_size::byte_size)
    }

    /// A part of one, written as a percentage.
    pub fn percentage(self) -> Result<Found<'a, Percentage>, Diagnostic> {
        let Some(node) = self.node else {
            return Ok(self.found(None));
        };
        let problem = match &node.value {
            Value::Text(text) => match quantity::percentage(text) {
                Ok(share) => return Ok(self.found(Some(share))),
                Err(problem) => problem,
            },
            other => format!("{} is not a percentage", other.describe()),
        };
        let message = format!("`{}`: {problem}", self.path);
        let help = "write a number and a percent sign in quotes, such as \"99.9%\"";
        Err(self.reading.error(node.place, message).help(help))
    }

    /// What `read` makes of a text with a unit.
    fn with_unit<T>(
        self,
        units: &Units,
        help: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Found<'a, T>, Diagnostic> {
        let Some(node) = self.node else {
            return Ok(self.found(None));
        };
        let problem = match &node.value {
            Value::Text(text) => match read(text) {
                Ok(value) => return Ok(self.found(Some(value))),
                Err(problem) => problem,
            },
            Value::Integer(Some(number)) => units.missing(number),
            Value::Float(number) => units.missing_of_float(*number),
            other => format!("{} is not {}", other.describe(), units.what),
        };
        let message = format!("`{}`: {problem}", self.path);
        Err(self.reading.error(node.place, message).help(help))
    }

    /// One of a few words.
    pub fn choice<T: Copy>(self, choices: &[(&'static str, T)]) -> Result<Found<'a, Choice<T>>, Diagnostic> {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let Some(node) = self.node else {
            return Ok(self.found(None));
        };
        if let Value::Text(text) = &node.value
            && let Some(&(name, value)) = choices.iter().find(|(name, _)| name == text)
        {
            return Ok(self.found(Some(Choice { name, value })));
        }
        Err(self.none_of(node, &names))
    }

    /// What is written, at `node`, is none of the words that are allowed.
    pub fn none_of(&self, node: &Node, names: &[&str]) -> Diagnostic {
        let message = format!("`{}` cannot be {}", self.path, node.value.describe());
        let mut error = self.reading.error(node.place, message);
        if let Value::Text(text) = &node.value
            && let Some(hint) = did_you_mean(text, names.iter().copied())
        {
            error = error.help(hint);
        }
        error.help(format!("allowed: {}", names.join(", ")))
    }

    /// A file, or `-` for stdin; a relative path starts from the directory of the text it was written in.
    pub fn path(self) -> Result<Found<'a, PathBuf>, Diagnostic> {
        let reading = self.reading;
        let place = self.node.map_or(self.owner, |node| node.place);
        let from_there = |path: String| {
            let is_stdin = is_standard_input(Path::new(&path));
            if is_stdin {
                PathBuf::from(path)
            } else {
                reading.texts.base(place).join(path)
            }
        };
        Ok(self.text()?.map(from_there))
    }

    /// The entries of a list, each with its name for messages.
    pub fn list(self) -> Result<Option<Vec<Key<'a>>>, Diagnostic> {
        let Some(node) = self.node else {
            return Ok(None);
        };
        let Value::Array(items) = &node.value else {
            let message = format!("`{}` must be a list, not {}", self.path, node.value.describe());
            let help = match node.value {
                Value::Table(_) => format!("write [[{}]], once for each", self.path),
                _ => "write [ ... ]".to_owned(),
            };
            return Err(self.reading.error(node.place, message).help(help));
        };
        Ok(Some(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| Key {
                    reading: self.reading,
                    path: format!("{}[{index}]", self.path),
                    owner: node.place,
                    node: Some(item),
                    declared: None,
                })
                .collect(),
        ))
    }

    fn read<T>(self, wanted: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Found<'a, T>, Diagnostic> {
        let Some(node) = self.node else {
            return Ok(self.found(None));
        };
        if let Some(value) = read(&node.value) {
            return Ok(self.found(Some(value)));
        }
        let message = format!("`{}` must be {wanted}, not {}", self.path, node.value.describe());
        Err(self.reading.error(node.place, message))
    }

    fn found<T>(self, value: Option<T>) -> Found<'a, T> {
        Found {
            reading: self.reading,
            owner: self.owner,
            place: self.node.map(|node| node.place),
            path: self.path,
            value,
            declared: self.declared,
        }
    }
}

/// A word and what it stands for.
#[derive(Clone, Copy, Debug)]
pub struct Choice<T> {
    /// The word, as it is written in a scenario.
    pub name: &'static str,
    /// What it stands for.
    pub value: T,
}

impl<T> Display for Choice<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name)
    }
}

impl<'a, T> Found<'a, T> {
    /// The key with its value converted.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Found<'a, U> {
        Found {
            reading: self.reading,
            path: self.path,
            owner: self.owner,
            place: self.place,
            value: self.value.map(convert),
            declared: self.declared,
        }
    }

    /// What it is declared to be.
    pub fn setting(&self) -> &'static Setting {
        self.declared.expect("it was found by its declaration")
    }

    /// Where the value was written.
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// The value, if it was written; not noted in the ledger.
    pub fn value(&self) -> Option<T>
    where
        T: Copy,
    {
        self.value
    }

    /// The value without a note in the ledger, for what does not change results or is noted in another form.
    pub fn unnoted(self) -> Option<T> {
        self.value
    }
}

impl<T: Display> Found<'_, T> {
    /// The value, or `default` because of `why`.
    pub fn or(self, default: T, why: &str) -> T {
        let value = self.value.unwrap_or(default);
        note(self.reading, self.path, &value, self.place, why);
        value
    }

    /// The value, if it was written.
    pub fn optional(self) -> Option<T> {
        if let Some(value) = &self.value {
            note(self.reading, self.path, value, self.place, "");
        }
        self.value
    }

    /// The value, which must have been written.
    pub fn required(self, help: &str) -> Result<T, Diagnostic> {
        let Some(value) = self.value else {
            return Err(self
                .reading
                .error(self.owner, format!("`{}` is missing", self.path))
                .help(help));
        };
        note(self.reading, self.path, &value, self.place, "");
        Ok(value)
    }
}

fn note(reading: &Reading, key: String, value: &impl Display, place: Option<Place>, why: &str) {
    reading.note(Resolved {
        key,
        value: value.to_string(),
        content: None,
        origin: place.map_or_else(|| why.to_owned(), |place| reading.texts.line_of(place)),
        is_default: place.is_none(),
    });
}

fn as_number(value: &Value) -> Option<f64> {
    match *value {
        Value::Integer(Some(integer)) => Some(integer as f64),
        Value::Float(float) if float.is_finite() => Some(float),
        _ => None,
    }
}

impl Value {
    /// What it is, for a message.
    pub fn describe(&self) -> String {
        match self {
            Self::Text(text) if text.is_empty() => "an empty text".to_owned(),
            Self::Text(text) => format!("the text {:?}", quantity::cut(text)),
            Self::Integer(Some(integer)) => integer.to_string(),
            Self::Integer(None) => "a number of more than 63 bits".to_owned(),
            Self::Float(float) => unrounded(*float),
            Self::Boolean(boolean) => boolean.to_string(),
            Self::Datetime => "a date or a time of day".to_owned(),
            Self::Array(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
        }
    }
}
