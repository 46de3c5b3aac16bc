//! What is known of a class of traffic before a run.

use super::slo::Slo;

/// A class of traffic, as whoever records it needs to know it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassToRecord {
    /// What it is called.
    pub name: String,
    /// What was asked for its clients.
    pub slos: Vec<Slo>,
    /// How many of its requests are outstanding at most, if its clients limit that.
    pub max_outstanding: Option<u32>,
}
