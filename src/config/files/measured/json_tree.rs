//! A value of JSON or YAML without its prose: what a result says in numbers and names is small, whatever answers it
//! repeats.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::number::number_in;

/// Longer texts are prompts and answers [bytes].
const LONGEST_TEXT: usize = 500;

/// A JSON value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum JsonTree {
    /// `null`, or what is not there.
    #[default]
    Nothing,
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A text; a long one is left out.
    Text(String),
    /// A list.
    List(Vec<JsonTree>),
    /// An object, in its order.
    Table(Vec<(String, JsonTree)>),
}

static NOTHING: JsonTree = JsonTree::Nothing;

impl JsonTree {
    /// What stands under this key, or nothing.
    pub fn get(&self, key: &str) -> &Self {
        let found = self.entries().iter().rev().find(|(name, _)| name == key);
        found.map_or(&NOTHING, |(_, value)| value)
    }

    /// What stands at the end of these keys, or nothing.
    pub fn at(&self, keys: &[&str]) -> &Self {
        keys.iter().fold(self, |tree, key| tree.get(key))
    }

    /// What stands under the first of these keys that is there and not null.
    pub fn first(&self, keys: &[&str]) -> &Self {
        let found = keys.iter().map(|key| self.get(key));
        found.into_iter().find(|it| !it.is_nothing()).unwrap_or(&NOTHING)
    }

    /// Whether there is nothing.
    pub const fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// The keys with their values; none of what is no object.
    pub fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The entries of a list; none of what is none.
    pub fn list(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    /// The number, which may be written as a text.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => number_in(text)?.0,
            _ => None,
        }
    }

    /// A whole number from 0.
    pub fn count(&self) -> Option<u64> {
        let number = self.number()?;
        ((0.0..1e15).contains(&number) && number.fract() == 0.0).then_some(number as u64)
    }

    /// The text, if it is one that says anything.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) if !text.trim().is_empty() => Some(text.trim()),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for JsonTree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = JsonTree;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<JsonTree, E> {
        Ok(JsonTree::Flag(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<JsonTree, E> {
        Ok(JsonTree::Number(value as f64))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<JsonTree, E> {
        Ok(JsonTree::Number(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<JsonTree, E> {
        Ok(if value.is_nan() {
            JsonTree::Nothing
        } else {
            JsonTree::Number(value)
        })
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<JsonTree, E> {
        let text = if value.len() > LONGEST_TEXT { "" } else { value };
        Ok(JsonTree::Text(text.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<JsonTree, E> {
        Ok(JsonTree::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<JsonTree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(JsonTree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonTree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(JsonTree::Table(entries))
    }
}
