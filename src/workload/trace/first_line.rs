//! The names in a file's first line, by which its format is recognised.

use std::collections::BTreeMap;

use serde_json::Value;

use super::table::split_fields;

/// The names in a file's first line.
pub enum FirstLine {
    /// The fields of a CSV header.
    Columns(Vec<String>),
    /// The keys of a JSON object.
    Keys(Vec<String>),
    /// A JSON document that is no object, or is cut.
    OtherJson,
}

impl FirstLine {
    /// What a line holds.
    pub fn new(line: &[u8]) -> Self {
        match line.trim_ascii_start().first() {
            Some(b'{') => match serde_json::from_slice::<BTreeMap<String, Value>>(line) {
                Ok(object) => Self::Keys(object.into_keys().collect()),
                Err(_) => Self::OtherJson,
            },
            Some(b'[') => Self::OtherJson,
            _ => Self::Columns(split_fields(line)),
        }
    }

    /// Whether it is a CSV header with a column of each group, under any of the group's names.
    pub fn has_columns(&self, groups: &[&[&str]]) -> bool {
        matches!(self, Self::Columns(names) if has_all(names, groups))
    }

    /// Whether it is a JSON object with a key of each group, under any of the group's names.
    pub fn has_keys(&self, groups: &[&[&str]]) -> bool {
        matches!(self, Self::Keys(names) if has_all(names, groups))
    }
}

fn has_all(names: &[String], groups: &[&[&str]]) -> bool {
    groups
        .iter()
        .all(|group| names.iter().any(|name| group.contains(&name.as_str())))
}
