//! JSON lines: one object a line, read into typed rows, with a closer look at the object when that fails.

use memchr::memmem;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, Visitor};
use serde_json::Value;
use std::fmt;

use super::error::TraceError;
use super::lines::Lines;
use super::number::{self, Complaint};

/// The objects of a JSON-lines file, one at a time.
pub struct JsonLines {
    lines: Lines,
    rows: u64,
    /// What the format expects of an object, to name what is wrong with one.
    keys: &'static [JsonKey],
}

/// A key of an object.
pub struct JsonKey {
    /// The key in the JSON object.
    pub name: &'static str,
    /// Other names that mean the same.
    pub aliases: &'static [&'static str],
    /// What must stand there.
    pub kind: JsonKind,
}

impl JsonKey {
    /// A key without other names.
    pub const fn new(name: &'static str, kind: JsonKind) -> Self {
        let aliases = &[];
        Self { name, aliases, kind }
    }
}

/// What must stand at a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum JsonKind {
    /// A whole number of tokens.
    Tokens,
    /// A number, 0 or more.
    Number,
    /// A number, 0 or more, or nothing.
    OptionalNumber,
    /// A text or a whole number, or nothing.
    Name,
    /// A list of whole numbers, or nothing.
    Ids,
}

impl JsonKey {
    /// Any of its names.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

impl JsonLines {
    /// Objects with these keys.
    pub const fn new(lines: Lines, keys: &'static [JsonKey]) -> Self {
        Self { lines, rows: 0, keys }
    }

    /// The next object; `None` at the end of the file.
    pub fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, TraceError> {
        if !self.lines.next()? {
            return Ok(None);
        }
        self.rows += 1;
        match serde_json::from_slice(self.lines.line()) {
            Ok(row) => Ok(Some(row)),
            Err(error) => Err(self.diagnose(&error)),
        }
    }

    /// The line of the current object, from 1.
    pub const fn line(&self) -> u64 {
        self.lines.number()
    }

    /// The current object's place among all, from 0.
    pub const fn row_number(&self) -> u64 {
        self.rows - 1
    }

    /// Where in the current line the value of the key `name` stands, from 1; 0 if it does not.
    pub fn column(&self, name: &'static str) -> u64 {
        let key = self.keys.iter().find(|key| key.name == name);
        let names: Vec<&str> = key.map_or(vec![name], |key| key.names().collect());
        let column = names.iter().find_map(|name| column_of_value(self.lines.line(), name));
        column.unwrap_or(0)
    }

    /// Something is wrong with the value of the key `name` of the current object.
    pub fn error(&self, name: &'static str, message: impl Into<Box<str>>) -> TraceError {
        let value = self.value_of(name).map_or(String::new(), |value| value.to_string());
        let error = TraceError::of_line(self.lines.path(), self.line(), message);
        error.at(self.column(name), name, value.as_bytes())
    }

    /// The number of tokens at the key `name` of the current object, checked.
    pub fn tokens(&self, name: &'static str, tokens: u64) -> Result<u32, TraceError> {
        number::checked_tokens(tokens).map_err(|complaint| self.error(name, complaint))
    }

    /// The number of tokens that was produced, at the key `name` of the current object, checked.
    pub fn output_tokens(&self, name: &'static str, tokens: u64) -> Result<u32, TraceError> {
        number::checked_output_tokens(tokens).map_err(|complaint| self.error(name, complaint))
    }

    /// Something is wrong with what stands at a path of keys with points between them.
    pub fn error_at(&self, path: &str, value: &[u8], message: impl Into<Box<str>>) -> TraceError {
        self.line_error(message).at(self.column_at(path), path, value)
    }

    /// Where in the current line what stands at a path of keys starts, from 1; 0 if it does not.
    pub fn column_at(&self, path: &str) -> u64 {
        let line = self.lines.line();
        let last = path.rsplit('.').next().unwrap_or(path);
        let column = column_of_value(line, path).or_else(|| column_of_value(line, last));
        column.unwrap_or(0)
    }

    /// Something is wrong with the current object as a whole.
    pub fn line_error(&self, message: impl Into<Box<str>>) -> TraceError {
        TraceError::of_line(self.lines.path(), self.line(), message)
    }

    fn value_of(&self, name: &str) -> Option<Value> {
        let Ok(Value::Object(mut object)) = serde_json::from_slice(self.lines.line()) else {
            return None;
        };
        let key = self.keys.iter().find(|key| key.name == name);
        let found = key.and_then(|key| key.names().find_map(|name| object.remove(name)));
        found.or_else(|| object.remove(name))
    }

    /// Says which key of the current object is to blame for `error`.
    fn diagnose(&self, error: &serde_json::Error) -> TraceError {
        let of_line = |message: String| {
            let mut error_of_line = TraceError::of_line(self.lines.path(), self.line(), message);
            error_of_line.column = error.column() as u64;
            error_of_line
        };
        match serde_json::from_slice::<Value>(self.lines.line()) {
            Err(error) => of_line(format!("is not valid JSON ({error}); write one object a line")),
            Ok(Value::Object(object)) => {
                for key in self.keys {
                    let value = key.names().find_map(|name| object.get(name));
                    if let Some(complaint) = complaint_about(key.kind, value) {
                        return self.error(key.name, complaint);
                    }
                }
                of_line(format!("cannot be understood: {error}"))
            }
            Ok(_) => of_line("is not a JSON object; write one object a line".to_owned()),
        }
    }
}

fn complaint_about(kind: JsonKind, value: Option<&Value>) -> Option<Complaint> {
    let Some(value) = value else {
        let is_needed = matches!(kind, JsonKind::Tokens | JsonKind::Number);
        return is_needed.then_some("is missing; every row needs it");
    };
    let fine = match kind {
        JsonKind::Tokens => value.is_u64(),
        JsonKind::Number => value.is_number(),
        JsonKind::OptionalNumber => value.is_number() || value.is_null(),
        JsonKind::Name => value.is_string() || value.is_u64() || value.is_null(),
        JsonKind::Ids => match value {
            Value::Array(ids) => ids.iter().all(Value::is_u64),
            Value::Null => true,
            _ => false,
        },
    };
    let complaint = match kind {
        JsonKind::Tokens if value.as_i64().is_some_and(|tokens| tokens < 0) => {
            "is negative; write a number of tokens, e.g. 512"
        }
        JsonKind::Tokens => "is not a whole number; write e.g. 512",
        JsonKind::Number | JsonKind::OptionalNumber => "is not a number; write e.g. 3052",
        JsonKind::Name => "is no name; write a text or a whole number, e.g. \"s1\"",
        JsonKind::Ids => "is not a list of whole numbers of up to 64 bits; write e.g. [46, 47]",
    };
    (!fine).then_some(complaint)
}

/// Where the value after `"name":` starts, from 1; a string that looks like the key misleads it, and only an error
/// message at that.
fn column_of_value(text: &[u8], name: &str) -> Option<u64> {
    let quoted = format!("\"{name}\"");
    let start = memmem::find(text, quoted.as_bytes())?;
    let after = start + quoted.len();
    let skipped = text[after..]
        .iter()
        .take_while(|&&byte| byte == b':' || byte.is_ascii_whitespace())
        .count();
    Some((after + skipped) as u64 + 1)
}

/// A JSON number that may be a whole one or not: whole ones stay exact.
#[derive(Clone, Copy)]
pub enum Number {
    /// A number without a fraction.
    Whole(i128),
    /// Any other number.
    Float(f64),
}

impl Number {
    /// The number times `unit_picos`, as picoseconds.
    pub fn picos(self, unit_picos: u64) -> Result<i128, Complaint> {
        match self {
            // Exact below 2^53 units either way; both bounds are checked in one place.
            Self::Float(number) => number::picos_of(number, unit_picos),
            Self::Whole(number) => {
                number::picos_of(number as f64, unit_picos)?;
                Ok(number * i128::from(unit_picos))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;
        impl Visitor<'_> for NumberVisitor {
            type Value = Number;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a number")
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number::Whole(i128::from(number)))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number::Whole(i128::from(number)))
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Number, E> {
                Ok(Number::Float(number))
            }
        }
        deserializer.deserialize_any(NumberVisitor)
    }
}
