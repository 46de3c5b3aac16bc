//! Records of fields that are found by their names, whatever they are written in.

use std::borrow::Cow;

use super::error::TraceError;
use super::log_clock::split_unit;

/// Under which names a field may stand, the likeliest first.
#[derive(Clone, Copy)]
pub struct FieldNames {
    /// The names; of JSON also those of keys inside of others, with points between them. None if there is no such
    /// field.
    pub names: &'static [&'static str],
    /// What messages call it where it is not there.
    pub shown: &'static str,
    /// Whether only letters and digits of a name or of its last part count, the small like the large ones, with or
    /// without a unit of time at its end: then these names have small letters and digits alone.
    pub is_loose: bool,
    /// Whether an object counts that stands there, as of errors.
    pub may_be_object: bool,
}

impl FieldNames {
    /// How likely it is that `name` is one of them: 0 is likeliest; `None` if it is not.
    pub fn rank(&self, name: &str) -> Option<usize> {
        if !self.is_loose {
            return self.names.iter().position(|known| *known == name);
        }
        let last = name.rsplit('.').next().unwrap_or(name);
        let spellings = [name, last, split_unit(name).0, split_unit(last).0].map(squeezed);
        // Tokens of a cache are a part of others, whatever the last part of their name is.
        let is_of_cache = spellings[0].contains("cache");
        let is_meant = |known: &&str| !is_of_cache || known.contains("cache");
        self.names
            .iter()
            .position(|known| is_meant(known) && spellings.iter().any(|spelling| spelling == known))
    }
}

/// Letters and digits of a name, in lower case.
pub fn squeezed(name: &str) -> String {
    let kept = name.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Records, one at a time, with numbered fields.
pub trait Records {
    /// Reads the next record; false at the end of the file. After an error that may be skipped the record after it
    /// comes next.
    fn next(&mut self) -> Result<bool, TraceError>;

    /// What stands in a field; `None` if there is none, or nothing in it.
    fn text(&self, field: usize) -> Option<Cow<'_, [u8]>>;

    /// The name under which the field stands.
    fn name(&self, field: usize) -> String;

    /// Something is wrong with the field of the current record.
    fn error(&self, field: usize, message: &str) -> TraceError;

    /// Where in its line the field stands, from 1.
    fn column(&self, field: usize) -> u32;

    /// The line of the current record, from 1.
    fn line(&self) -> u64;

    /// The current record's place among all, from 0.
    fn number(&self) -> u64;
}
