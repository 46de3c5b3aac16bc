//! A rule that raises an alert, and what to do then.

use serde::{Serialize, Serializer};

use super::watched_number::WatchedNumber;

/// A rule that raises an alert.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertRule {
    /// What it is called.
    pub name: &'static str,
    /// What it watches.
    #[serde(skip)]
    pub number: WatchedNumber,
    /// On which side of the threshold something is wrong.
    #[serde(skip)]
    pub wrong_side: WrongSide,
    /// The whole condition as PromQL.
    #[serde(rename = "expr")]
    pub condition: String,
    /// Beyond it something is wrong.
    pub threshold: f64,
    /// Where the threshold comes from, in words.
    pub threshold_from: &'static str,
    /// For how long it has to be so [s].
    pub for_s: u32,
    /// How soon somebody has to look.
    pub severity: Severity,
    /// What is wrong, in a line.
    pub summary: &'static str,
    /// What recovers by itself, and what to do.
    pub runbook: &'static str,
}

/// On which side of a threshold something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum WrongSide {
    Above,
    Below,
}

/// How soon somebody has to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Now.
    Page,
    /// In working hours.
    Ticket,
}

impl Severity {
    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

impl Serialize for Severity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl AlertRule {
    /// Whether a number is on the wrong side.
    pub fn is_wrong(&self, number: f64) -> bool {
        match self.wrong_side {
            WrongSide::Above => number > self.threshold,
            WrongSide::Below => number < self.threshold,
        }
    }
}
