//! Some of the requests of a run, of which numbers are told beside those of all.

use super::measure::Measure;

/// Requests that have something in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestGroup {
    /// Those of the class of traffic that is called so.
    Class(String),
}

/// What is measured of the requests of a class, and not of servers, which serve all classes.
const OF_CLIENTS: [&str; 7] = [
    "ttft.",
    "tpot.",
    "e2e.",
    "queue_wait.",
    "requests.",
    "throughput.",
    "client_wait.",
];

impl RequestGroup {
    /// The group that a section of the JSON result has under this name; `None` of any other section.
    pub fn in_section(section: &str, name: &str) -> Option<Self> {
        match section {
            "classes" => Some(Self::Class(name.to_owned())),
            _ => None,
        }
    }

    /// Where the JSON result has it: the section, and its name there.
    pub fn place(&self) -> (&'static str, &str) {
        match self {
            Self::Class(name) => ("classes", name),
        }
    }

    /// What it is called among others, in words.
    pub fn in_words(&self) -> String {
        match self {
            Self::Class(name) => name.clone(),
        }
    }

    /// Whether that number is told of it.
    pub fn has(&self, measure: &Measure) -> bool {
        match self {
            Self::Class(_) => OF_CLIENTS.iter().any(|start| measure.name.starts_with(start)),
        }
    }
}
