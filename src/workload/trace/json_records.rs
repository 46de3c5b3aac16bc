//! Records that are JSON objects, whose fields may stand inside of others.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::rc::Rc;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use super::error::TraceError;
use super::first_line::value_at;
use super::json_lines::JsonLines;
use super::lines::Lines;
use super::records::{FieldNames, Records};
use crate::stats::streams::{hash_bytes, mix};

/// The objects of a file, and the paths at which the fields stand in those of each shape.
pub struct JsonRecords {
    json: JsonLines,
    object: Map<String, Value>,
    fields: Vec<FieldNames>,
    /// Where the fields stand in objects with the keys of this hash; never iterated over.
    known: FxHashMap<u64, Rc<[Option<String>]>>,
    /// Where they stand in the current object.
    paths: Rc<[Option<String>]>,
}

/// So many shapes of objects are remembered: the rows of a log have a few.
const MOST_SHAPES: usize = 1000;

/// Deeper no field is looked for: the texts of messages may hold anything.
const MOST_DEPTH: usize = 4;

impl JsonRecords {
    /// The objects of `lines`.
    pub fn new(lines: Lines, fields: Vec<FieldNames>) -> Self {
        Self {
            json: JsonLines::new(lines, &[]),
            object: Map::new(),
            known: FxHashMap::default(),
            paths: Rc::new([]),
            fields,
        }
    }

    /// Whether a field that must be there is one that an object of such records may well have: for recognising them.
    pub fn finds(object: &Map<String, Value>, field: &FieldNames) -> bool {
        path_of(object, field).is_some()
    }

    fn value(&self, field: usize) -> Option<&Value> {
        value_at(&self.object, self.paths.get(field)?.as_deref()?)
    }
}

impl Records for JsonRecords {
    fn next(&mut self) -> Result<bool, TraceError> {
        let Some(value) = self.json.next::<Map<String, Value>>()? else {
            return Ok(false);
        };
        self.object = value;
        if self.known.len() > MOST_SHAPES {
            self.known.clear();
        }
        let shape = shape_of(&self.object, 1, 0);
        let (object, fields) = (&self.object, &self.fields);
        let find = || fields.iter().map(|field| path_of(object, field)).collect();
        self.paths = Rc::clone(self.known.entry(shape).or_insert_with(find));
        Ok(true)
    }

    fn text(&self, field: usize) -> Option<Cow<'_, [u8]>> {
        match self.value(field)? {
            Value::Null => None,
            Value::String(text) if text.trim().is_empty() => None,
            Value::String(text) => Some(Cow::Borrowed(text.trim().as_bytes())),
            other => Some(Cow::Owned(other.to_string().into_bytes())),
        }
    }

    fn name(&self, field: usize) -> String {
        let first = || self.fields[field].shown.to_owned();
        self.paths.get(field).cloned().flatten().unwrap_or_else(first)
    }

    fn error(&self, field: usize, message: &str) -> TraceError {
        let name = self.name(field);
        let value = self.value(field).map_or(String::new(), Value::to_string);
        self.json.error_at(&name, value.as_bytes(), message)
    }

    fn column(&self, field: usize) -> u32 {
        let path = self.paths.get(field).and_then(Option::as_deref);
        path.map_or(0, |path| self.json.column_at(path) as u32)
    }

    fn line(&self) -> u64 {
        self.json.line()
    }

    fn number(&self) -> u64 {
        self.json.row_number()
    }
}

/// A hash of the keys of an object and of those inside of it, in their order.
fn shape_of(object: &Map<String, Value>, depth: usize, before: u64) -> u64 {
    let mut shape = before;
    for (key, value) in object {
        shape = mix(shape ^ hash_bytes(key.as_bytes()));
        shape = match value {
            Value::Object(inner) if depth < MOST_DEPTH => mix(shape_of(inner, depth + 1, shape) ^ 1),
            Value::Object(_) | Value::Array(_) => mix(shape ^ 2),
            _ => shape,
        };
    }
    shape
}

/// Where the field stands in an object: under its likeliest name, as high up as can be.
fn path_of(object: &Map<String, Value>, field: &FieldNames) -> Option<String> {
    if !field.is_loose {
        let found = field.names.iter().find(|name| value_at(object, name).is_some());
        return found.map(|name| (*name).to_owned());
    }
    let mut best: Option<(usize, String)> = None;
    let mut open: VecDeque<(String, &Map<String, Value>, usize)> = VecDeque::from([(String::new(), object, 1)]);
    while let Some((prefix, object, depth)) = open.pop_front() {
        for (key, value) in object {
            let path = format!("{prefix}{key}");
            if let Value::Object(inner) = value {
                if depth < MOST_DEPTH {
                    open.push_back((format!("{path}."), inner, depth + 1));
                }
                if !field.may_be_object {
                    continue;
                }
            }
            let rank = field.rank(&path).filter(|_| !value.is_array());
            if let Some(rank) = rank.filter(|rank| best.as_ref().is_none_or(|(best, _)| rank < best)) {
                best = Some((rank, path));
            }
        }
    }
    best.map(|(_, path)| path)
}
