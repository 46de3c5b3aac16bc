//! Paths whose requests came in a part of the run.

use super::parts::CallParts;
use crate::path::{EndedPath, StageVisit};
use crate::stats::Distribution;
use crate::units::Span;

/// What such paths came to.
#[derive(Clone, Debug, Default)]
pub(super) struct PathsInSegment {
    /// From the request to the end of the answer, and to its first token, of those that were answered [ps].
    pub(super) total: Distribution,
    pub(super) first_token: Distribution,
    /// In the order of the stages.
    pub(super) stages: Vec<VisitsInSegment>,
    /// All calls of a path together, in the order of [`CallParts::NAMES`] [ps].
    pub(super) parts: [Distribution; CallParts::NAMES.len()],
    pub(super) ended: u64,
    pub(super) degraded: u64,
    pub(super) failed: u64,
}

/// What they came to at a stage.
#[derive(Clone, Debug, Default)]
pub(super) struct VisitsInSegment {
    /// How long a path was there, of those that were answered [ps].
    pub(super) time: Distribution,
    /// Of it, waiting [ps].
    pub(super) waited_picos: u128,
    /// How often somebody was refused there.
    pub(super) refused: u64,
    /// Paths for which something stood in for it.
    pub(super) fell_back: u64,
    /// Paths that failed there.
    pub(super) failed: u64,
}

impl PathsInSegment {
    /// Another path has ended, whose answered calls were so.
    pub(super) fn add(&mut self, path: &EndedPath, calls: &[CallParts], model: usize) {
        if self.stages.is_empty() {
            self.stages.resize_with(path.visits.len(), VisitsInSegment::default);
        }
        self.ended += 1;
        for (stage, visit) in self.stages.iter_mut().zip(&path.visits) {
            stage.refused += u64::from(visit.refused);
            stage.fell_back += u64::from(visit.fell_back && path.failed_at.is_none());
        }
        if let Some(stage) = path.failed_at {
            self.failed += 1;
            self.stages[stage].failed += 1;
            return;
        }
        self.degraded += u64::from(path.is_degraded());
        self.total.record(path.total().picos(), 1);
        self.first_token.record(first_token(path, calls, model).picos(), 1);
        for (stage, visit) in self.stages.iter_mut().zip(&path.visits) {
            stage.add_visit(visit);
        }
        if calls.is_empty() {
            return;
        }
        for (part, all) in self.parts.iter_mut().enumerate() {
            let picos = calls.iter().map(|call| call.parts[part].picos());
            all.record(picos.sum(), 1);
        }
    }

    pub(super) fn pool(&mut self, other: &Self) {
        self.total.merge(&other.total);
        self.first_token.merge(&other.first_token);
        if self.stages.len() < other.stages.len() {
            self.stages.resize_with(other.stages.len(), VisitsInSegment::default);
        }
        for (mine, theirs) in self.stages.iter_mut().zip(&other.stages) {
            mine.pool(theirs);
        }
        for (mine, theirs) in self.parts.iter_mut().zip(&other.parts) {
            mine.merge(theirs);
        }
        self.ended += other.ended;
        self.degraded += other.degraded;
        self.failed += other.failed;
    }
}

impl VisitsInSegment {
    fn add_visit(&mut self, visit: &StageVisit) {
        // Who was refused at once was never there.
        if visit.served > 0 || visit.time > Span::ZERO {
            self.time.record(visit.time.picos(), 1);
            self.waited_picos += u128::from(visit.waited.picos());
        }
    }

    fn pool(&mut self, other: &Self) {
        self.time.merge(&other.time);
        self.waited_picos += other.waited_picos;
        self.refused += other.refused;
        self.fell_back += other.fell_back;
        self.failed += other.failed;
    }
}

/// From the request to the first token that its client sees. What comes after the model passes each token on as it
/// does the last one; an answer that is not the model's comes as a whole.
fn first_token(path: &EndedPath, calls: &[CallParts], model: usize) -> Span {
    let (Some(call), Some(answer)) = (calls.last(), path.answered.last()) else {
        return path.total();
    };
    if path.visits[model].fell_back {
        return path.total();
    }
    let before_the_last = answer.finished.picos().saturating_sub(call.first_token.picos());
    Span::from_picos(path.total().picos().saturating_sub(before_the_last))
}
