//! What is added up of a server of a fleet, or of several together.

use serde::Serialize;

use super::meter::ratio;
use super::population::Counts;

/// A number of requests over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct LevelSummary {
    pub mean: Option<f64>,
    pub max: u32,
}

/// A part of one over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct ShareSummary {
    pub mean: Option<f64>,
    pub max: f64,
}

/// Sums of one server or of several, of one run or of several.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ServerSums {
    pub(super) attempts: u64,
    pub(super) finished: u64,
    /// Answers that ended at the longest that a request may be.
    pub(super) reached_max_model_len: u64,
    pub(super) busy_picos: u128,
    /// [requests * ps].
    pub(super) waiting: u128,
    pub(super) running: u128,
    pub(super) most: Counts,
    /// [blocks * ps].
    pub(super) used_blocks: u128,
    pub(super) most_used_blocks: u64,
    pub(super) hit_tokens: u128,
    pub(super) prompt_tokens: u128,
    pub(super) output_tokens: u128,
}

impl ServerSums {
    pub(super) fn add(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.finished += other.finished;
        self.reached_max_model_len += other.reached_max_model_len;
        self.busy_picos += other.busy_picos;
        self.waiting += other.waiting;
        self.running += other.running;
        self.most = self.most.max(other.most);
        self.used_blocks += other.used_blocks;
        self.most_used_blocks = self.most_used_blocks.max(other.most_used_blocks);
        self.hit_tokens += other.hit_tokens;
        self.prompt_tokens += other.prompt_tokens;
        self.output_tokens += other.output_tokens;
    }

    /// The part of so many picoseconds in which a step ran.
    pub(super) fn busy_fraction(&self, picos: f64) -> Option<f64> {
        ratio(self.busy_picos as f64, picos)
    }

    /// Requests that waited over so many picoseconds.
    pub(super) fn waiting(&self, picos: f64) -> LevelSummary {
        LevelSummary {
            mean: ratio(self.waiting as f64, picos),
            max: self.most.waiting,
        }
    }

    /// Requests that ran over so many picoseconds.
    pub(super) fn running(&self, picos: f64) -> LevelSummary {
        LevelSummary {
            mean: ratio(self.running as f64, picos),
            max: self.most.running,
        }
    }
}
