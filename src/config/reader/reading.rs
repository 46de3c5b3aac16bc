//! A scenario while it is read: its texts, and a ledger of what was read.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::diagnostic::Diagnostic;
use super::read_once::Files;
use super::text::{Place, Texts};

/// The table of a scenario that a key belongs to.
pub type Home = fn(&str) -> Option<&'static str>;

/// No table: keys of other files than scenarios belong where they are.
pub fn nowhere(_key: &str) -> Option<&'static str> {
    None
}

/// One scenario being read: the texts, and what was learned so far.
#[derive(Debug)]
pub struct Reading {
    /// What the user wrote.
    pub texts: Texts,
    /// What was read of files besides.
    pub files: Files,
    /// Where keys belong that stand in the wrong table.
    pub home: Home,
    ledger: RefCell<Ledger>,
    warnings: RefCell<Vec<String>>,
    named_files: RefCell<Vec<PathBuf>>,
}

/// What was read, in the order it was read.
#[derive(Debug, Default)]
struct Ledger {
    notes: Vec<Resolved>,
    /// Where in `notes` each key stands; never iterated over.
    places: HashMap<String, usize>,
}

impl Ledger {
    fn note(&mut self, resolved: Resolved) {
        if let Some(&place) = self.places.get(&resolved.key) {
            self.notes[place] = resolved;
        } else {
            self.places.insert(resolved.key.clone(), self.notes.len());
            self.notes.push(resolved);
        }
    }

    fn forget(&mut self, key: &str) {
        let Some(place) = self.places.remove(key) else { return };
        self.notes.remove(place);
        self.places
            .values_mut()
            .filter(|it| **it > place)
            .for_each(|it| *it -= 1);
    }
}

/// A setting as the simulation uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Its key, with the names of the tables around it.
    pub key: String,
    /// Its value, short.
    pub value: String,
    /// All that the value stands for, where it is but a name.
    pub content: Option<String>,
    /// Where it comes from: a place in a file, a flag, or why it is the default.
    pub origin: String,
    /// Whether nobody wrote it.
    pub is_default: bool,
}

impl Default for Reading {
    fn default() -> Self {
        Self::of(Texts::default(), Files::default(), nowhere)
    }
}

impl Reading {
    /// A reading of `texts`, in which nothing is noted yet.
    pub fn of(texts: Texts, files: Files, home: Home) -> Self {
        Self {
            texts,
            files,
            home,
            ledger: RefCell::default(),
            warnings: RefCell::default(),
            named_files: RefCell::default(),
        }
    }

    /// Notes a setting, in the place of an earlier note on the same key.
    pub fn note(&self, resolved: Resolved) {
        self.ledger.borrow_mut().note(resolved);
    }

    /// Takes a note back: something else decides.
    pub fn forget(&self, key: &str) {
        self.ledger.borrow_mut().forget(key);
    }

    /// Notes something that the user should know but that stops nothing.
    pub fn warn(&self, warning: String) {
        self.warnings.borrow_mut().push(warning);
    }

    /// Notes a file that was read besides the scenario's own.
    pub fn note_file(&self, path: &Path) {
        self.named_files.borrow_mut().push(path.to_owned());
    }

    /// The files that were read so far.
    pub fn take_files(&self) -> Vec<PathBuf> {
        self.named_files.take()
    }

    /// An error at `place`.
    pub fn error(&self, place: Place, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(message).at(self.texts.snippet(place))
    }

    /// The settings and the warnings so far.
    pub fn take_notes(&self) -> (Vec<Resolved>, Vec<String>) {
        (self.ledger.take().notes, self.warnings.take())
    }
}
