//! Reads the keys of a table, each with its type, range and default, and refuses keys that nobody asked for.
//!
//! What was read is noted in a ledger, defaults included: it explains a run, and its hash names the scenario.

use std::cell::RefCell;

use super::diagnostic::{Diagnostic, did_you_mean};
use super::document::{Entry, Node, Value, same_key};
use super::key::Key;
use super::reading::{Home, Reading, nowhere};
use super::text::Place;
use crate::settings::{Default, Setting};

/// The keys of one table.
#[derive(Debug)]
pub struct Fields<'a> {
    reading: &'a Reading,
    path: String,
    place: Place,
    entries: &'a [Entry],
    /// Names of keys and their other spellings.
    known: RefCell<Vec<(&'static str, &'static [&'static str])>>,
}

impl<'a> Fields<'a> {
    /// The keys of `node`, which messages call `path`.
    pub fn of(reading: &'a Reading, path: String, node: &'a Node) -> Result<Self, Diagnostic> {
        match &node.value {
            Value::Table(entries) => Ok(Self {
                reading,
                path,
                place: node.place,
                entries,
                known: RefCell::default(),
            }),
            other => Err(reading
                .error(
                    node.place,
                    format!("`{path}` must be a table, not {}", other.describe()),
                )
                .help(how_to_write(&path))),
        }
    }

    /// The table `name`; without any keys if it was not written.
    pub fn section(&self, name: &'static str) -> Result<Fields<'a>, Diagnostic> {
        Ok(self.optional_section(name)?.unwrap_or_else(|| Fields {
            reading: self.reading,
            path: self.path_of(name),
            place: self.place,
            entries: &[],
            known: RefCell::default(),
        }))
    }

    /// The table `name`, if it was written.
    pub fn optional_section(&self, name: &'static str) -> Result<Option<Fields<'a>>, Diagnostic> {
        let key = self.key(name)?;
        let Some(node) = key.node else {
            return Ok(None);
        };
        Fields::of(self.reading, key.path, node).map(Some)
    }

    /// The key `name`.
    pub fn key(&self, name: &'static str) -> Result<Key<'a>, Diagnostic> {
        self.key_or_alias(name, &[])
    }

    /// The key `name`, which may also be spelled as one of `aliases`. Between two spellings, the one from the later
    /// text rules.
    pub fn key_or_alias(&self, name: &'static str, aliases: &'static [&'static str]) -> Result<Key<'a>, Diagnostic> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&(name, aliases)) {
            known.push((name, aliases));
        }
        drop(known);
        let spelled =
            |entry: &&Entry| same_key(&entry.key, name) || aliases.iter().any(|alias| same_key(&entry.key, alias));
        let mut found: Vec<&'a Entry> = self.entries.iter().filter(spelled).collect();
        found.sort_by_key(|entry| entry.node.place.text);
        if let [.., first, second] = found[..]
            && first.node.place.text == second.node.place.text
        {
            let message = format!("`{}` and `{}` are the same key", first.key, second.key);
            return Err(self.reading.error(second.place, message).help("keep one of the two"));
        }
        Ok(Key {
            reading: self.reading,
            path: self.path_of(name),
            owner: self.place,
            node: found.last().map(|entry| &entry.node),
            declared: None,
        })
    }

    /// The key of a setting, under any of its spellings.
    pub fn find(&self, setting: &'static Setting) -> Result<Key<'a>, Diagnostic> {
        Ok(Key {
            declared: Some(setting),
            ..self.key_or_alias(setting.name, setting.aliases)?
        })
    }

    /// Lets settings stand in the table that somebody else asks for.
    pub fn ask_for(&self, settings: &[&'static Setting]) -> Result<(), Diagnostic> {
        settings.iter().try_for_each(|setting| self.find(setting).map(drop))
    }

    /// The table that a setting is, if it was written.
    pub fn table(&self, setting: &'static Setting) -> Result<Option<Fields<'a>>, Diagnostic> {
        self.optional_section(setting.name)
    }

    /// Every key with its value, for tables whose keys are data.
    pub fn entries(&self) -> &'a [Entry] {
        self.entries
    }

    /// Whether `name` was written.
    pub fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| same_key(&entry.key, name))
    }

    /// Where the table was written.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The table's own name.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The reading this belongs to.
    pub fn reading(&self) -> &'a Reading {
        self.reading
    }

    /// An error about the value of `name`, or about the table if the key was not written.
    pub fn error(&self, name: &str, message: impl Into<String>) -> Diagnostic {
        let written = self.entries.iter().find(|entry| same_key(&entry.key, name));
        let place = written.map_or(self.place, |entry| entry.node.place);
        self.reading.error(place, message)
    }

    /// A setting was not written and has to be.
    pub fn missing(&self, setting: &Setting) -> Diagnostic {
        let error = self.error(setting.name, format!("`{}` is missing", self.path_of(setting.name)));
        match setting.default {
            Default::Required(help) => error.help(help),
            _ => error,
        }
    }

    /// Where the value at `path`, such as `arrivals.stages[1].rate`, was written; else where the nearest table around
    /// it was.
    pub fn place_of_path(&self, path: &str) -> Place {
        let mut place = self.place;
        let mut entries = self.entries;
        for part in path.split('.') {
            let (name, index) = part.split_once('[').map_or((part, None), |(name, rest)| {
                (name, rest.trim_end_matches(']').parse::<usize>().ok())
            });
            let Some(entry) = entries.iter().find(|entry| same_key(&entry.key, name)) else {
                return place;
            };
            let node = match (&entry.node.value, index) {
                (Value::Array(items), Some(index)) => items.get(index).unwrap_or(&entry.node),
                _ => &entry.node,
            };
            place = node.place;
            entries = match &node.value {
                Value::Table(inner) => inner,
                _ => &[],
            };
        }
        place
    }

    /// Refuses the keys that were never asked for; to be called once all were.
    pub fn finish(&self) -> Result<(), Diagnostic> {
        let owner = if self.path.is_empty() {
            "a scenario".to_owned()
        } else {
            format!("`{}`", self.path)
        };
        self.refuse_unknown(&owner, self.reading.home)
    }

    /// Refuses unknown keys of a table that is no part of a scenario: the root of another file, which messages call
    /// `owner`.
    pub fn finish_as(&self, owner: &str) -> Result<(), Diagnostic> {
        self.refuse_unknown(owner, nowhere)
    }

    fn refuse_unknown(&self, owner: &str, home: Home) -> Result<(), Diagnostic> {
        let known = self.known.borrow();
        let spellings = || {
            known
                .iter()
                .flat_map(|(name, aliases)| [name].into_iter().chain(*aliases).copied())
        };
        let is_known = |entry: &Entry| spellings().any(|name| same_key(name, &entry.key));
        let Some(unknown) = self.entries.iter().find(|entry| !is_known(entry)) else {
            return Ok(());
        };
        let mut error = self
            .reading
            .error(unknown.place, format!("{owner} has no key `{}`", unknown.key));
        if let Some(section) = home(&unknown.key).filter(|section| *section != self.path) {
            error = error.help(format!("`{}` belongs to [{section}]", unknown.key));
        } else if let Some(hint) = did_you_mean(&unknown.key, spellings()) {
            error = error.help(hint);
        }
        let mut names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        names.dedup();
        Err(error.help(format!("known keys: {}", names.join(", "))))
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}

/// How to write a table; one inside an entry of a list has no heading with the entry's number.
fn how_to_write(path: &str) -> String {
    let (around, name) = path.rsplit_once('.').unwrap_or(("", path));
    if around.contains('[') {
        return format!("write {name} = {{ key = value }}");
    }
    format!("write [{path}] with its keys below it, or {path} = {{ key = value }}")
}

impl<'a> Key<'a> {
    /// The keys of the table that is this key's value.
    pub fn table(self) -> Result<Option<Fields<'a>>, Diagnostic> {
        self.node
            .map(|node| Fields::of(self.reading, self.path, node))
            .transpose()
    }
}
