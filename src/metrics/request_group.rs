//! Some of the requests of a run, of which numbers are told beside those of all.

use super::measure::Measure;
use super::partition::MOST_GROUPS;

/// Requests that have something in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestGroup {
    /// Those of the class of traffic that is called so.
    Class(String),
    /// Those of this priority; `None` of the rest.
    Priority(Option<i32>),
    /// The turns of sessions with this number, from 1; `None` of later ones.
    Turn(Option<i32>),
}

/// What is measured of the requests of any group, and not of servers, which serve all of them.
const OF_CLIENTS: [&str; 6] = ["ttft.", "tpot.", "e2e.", "queue_wait.", "requests.", "throughput."];
/// What is so of the requests of a class besides.
const OF_CLASSES: &str = "client_wait.";
/// What is so of those of other groups.
const OF_OTHERS: &str = "kv.prefix_hit_ratio";
/// Requests of the priorities that have no group of their own.
const OTHER: &str = "other";
/// Turns that have no group of their own.
const LATER: &str = "later";

impl RequestGroup {
    /// The group that a section of the JSON result has under this name; `None` of any other section.
    pub fn in_section(section: &str, name: &str) -> Option<Self> {
        match section {
            "classes" => Some(Self::Class(name.to_owned())),
            "priorities" if name == OTHER => Some(Self::Priority(None)),
            "priorities" => name.parse().ok().map(|priority| Self::Priority(Some(priority))),
            "turns" if name == LATER => Some(Self::Turn(None)),
            "turns" => {
                // They appear one after the other, so that the first ones are told by themselves.
                let turn = name.parse().ok().filter(|turn| (1..=MOST_GROUPS.into()).contains(turn));
                turn.map(|turn| Self::Turn(Some(turn)))
            }
            _ => None,
        }
    }

    /// Where the JSON result has it: the section, and its name there.
    pub fn place(&self) -> (&'static str, String) {
        let named = |number: &Option<i32>, rest: &str| number.map_or_else(|| rest.to_owned(), |it| it.to_string());
        match self {
            Self::Class(name) => ("classes", name.clone()),
            Self::Priority(priority) => ("priorities", named(priority, OTHER)),
            Self::Turn(turn) => ("turns", named(turn, LATER)),
        }
    }

    /// What it is called among others, in words.
    pub fn in_words(&self) -> String {
        match self {
            Self::Class(name) => name.clone(),
            Self::Priority(Some(priority)) => format!("priority {priority}"),
            Self::Priority(None) => "other priorities".to_owned(),
            Self::Turn(Some(turn)) => format!("turn {turn}"),
            Self::Turn(None) => "later turns".to_owned(),
        }
    }

    /// Whether that number is told of it.
    pub fn has(&self, measure: &Measure) -> bool {
        if measure.is_of_range() {
            return false;
        }
        let is_of_clients = OF_CLIENTS.iter().any(|start| measure.name.starts_with(start));
        is_of_clients
            || match self {
                Self::Class(_) => measure.name.starts_with(OF_CLASSES),
                Self::Priority(_) | Self::Turn(_) => measure.name == OF_OTHERS,
            }
    }
}
