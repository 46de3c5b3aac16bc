//! The names in a file's first line, by which its format is recognised.

use serde_json::{Map, Value};

use super::table::split_fields;

/// The names in a file's first line.
pub enum FirstLine {
    /// The fields of a CSV header.
    Columns(Vec<String>),
    /// A JSON object.
    Object(Map<String, Value>),
    /// A JSON document that is no object, or is cut.
    OtherJson,
}

/// Names that a format needs, each group under any of its names.
#[derive(Clone, Copy)]
pub enum Needs {
    /// Columns of a CSV header.
    Columns(&'static [&'static [&'static str]]),
    /// Keys of a JSON object; those inside of others after a point.
    Keys(&'static [&'static [&'static str]]),
    /// Something that is no name.
    Other,
}

impl Needs {
    /// How many names are needed.
    pub const fn len(&self) -> usize {
        match self {
            Self::Columns(groups) | Self::Keys(groups) => groups.len(),
            Self::Other => 0,
        }
    }
}

impl FirstLine {
    /// What a line holds.
    pub fn new(line: &[u8]) -> Self {
        match line.trim_ascii_start().first() {
            Some(b'{') => object(line).map_or(Self::OtherJson, Self::Object),
            Some(b'[') => Self::OtherJson,
            _ => Self::Columns(split_fields(line)),
        }
    }

    /// Whether all that is needed is there.
    pub fn has(&self, needs: &Needs) -> bool {
        self.missing(needs).is_some_and(|missing| missing.is_empty())
    }

    /// The first name of each group of which it has none; `None` if it is of another kind than what is needed.
    pub fn missing(&self, needs: &Needs) -> Option<Vec<&'static str>> {
        let ((Self::Columns(_), Needs::Columns(groups)) | (Self::Object(_), Needs::Keys(groups))) = (self, needs)
        else {
            return None;
        };
        let lacks = |group: &&&'static [&'static str]| !group.iter().any(|name| self.has_name(name));
        Some(groups.iter().filter(lacks).map(|group| group[0]).collect())
    }

    /// Whether it is a CSV header with a column, or a JSON object with a key, of this name.
    pub fn has_name(&self, name: &str) -> bool {
        match self {
            Self::Columns(names) => names.iter().any(|column| column == name),
            Self::Object(object) => value_at(object, name).is_some(),
            Self::OtherJson => false,
        }
    }

    /// What stands at a key of a JSON object.
    pub fn value(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(object) => value_at(object, name),
            _ => None,
        }
    }
}

/// What stands at a key, or at keys inside of others with points between them.
pub fn value_at<'a>(object: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = object.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    value_at(object.get(first)?.as_object()?, rest)
}

/// The object of a line. Results of benchmarks write numbers that JSON lacks, which do not matter here.
fn object(line: &[u8]) -> Option<Map<String, Value>> {
    if let Ok(object) = serde_json::from_slice(line) {
        return Some(object);
    }
    let text = std::str::from_utf8(line).ok()?;
    let tame = text.replace("-Infinity", "null").replace("Infinity", "null");
    serde_json::from_str(&tame.replace("NaN", "null")).ok()
}
