//! One assignment that is laid over a scenario.

use std::path::PathBuf;

/// What sets a key of the scenario: a flag, or a line of a study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// What messages call it: the flag as written, such as `--set`, or a place.
    pub name: String,
    /// `key=value`, the key with the names of the tables around it.
    pub assignment: String,
    /// The directory that relative paths in the value start from; empty for the working directory.
    pub base: PathBuf,
}

impl Flag {
    /// What the flag `name` of the command line sets.
    pub fn new(name: impl Into<String>, assignment: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            assignment: assignment.into(),
            base: PathBuf::new(),
        }
    }
}
