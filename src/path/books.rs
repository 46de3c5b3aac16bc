//! What is known of paths that have ended, for whoever reports of them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::units::{Span, Time};
use crate::workload::RequestId;

/// A path that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedPath {
    /// When its client sent the request.
    pub arrival: Time,
    /// When its client got the last of the answer, or that there is none.
    pub ended: Time,
    /// The stage that failed, if there is no answer.
    pub failed_at: Option<usize>,
    /// What came of each stage, in their order.
    pub visits: Vec<StageVisit>,
    /// When the model was done with it; `None` if it never was called.
    pub left_model: Option<Time>,
    /// Calls of the model that were answered, in their order.
    pub answered: Vec<ModelCall>,
}

/// What a path came to at a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageVisit {
    /// How long it was there, waiting and served, all times together.
    pub time: Span,
    /// How long it waited there.
    pub waited: Span,
    /// How often it was let in.
    pub served: u32,
    /// How often it was refused, or got no answer.
    pub refused: u32,
    /// Whether its fallback was taken.
    pub fell_back: bool,
}

/// A call of the model that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelCall {
    /// The request of the call.
    pub id: RequestId,
    /// When it was sent.
    pub sent: Time,
    /// When its answer was complete, as whoever called knows it.
    pub finished: Time,
}

/// What the stations of a path did in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StationSums {
    /// Of each stage up to the last one that worked, how long its servers did, together [ps].
    pub busy_picos: Vec<u128>,
    /// From the first request to the last end of a path [ps].
    pub covered_picos: u128,
}

/// Paths that have ended, kept until somebody takes them. A copy is of the same books.
#[derive(Clone, Debug, Default)]
pub struct PathBooks(Option<Rc<RefCell<Kept>>>);

#[derive(Debug, Default)]
struct Kept {
    ended: VecDeque<EndedPath>,
    sums: StationSums,
}

impl PathBooks {
    /// Books that somebody reads; those by default keep nothing.
    pub fn kept() -> Self {
        Self(Some(Rc::default()))
    }

    /// The earliest path that has ended and was not taken.
    pub fn take(&self) -> Option<EndedPath> {
        self.0.as_ref()?.borrow_mut().ended.pop_front()
    }

    /// What stations have done so far.
    pub fn sums(&self) -> StationSums {
        self.0
            .as_ref()
            .map_or_else(StationSums::default, |kept| kept.borrow().sums.clone())
    }

    pub(super) fn add(&self, path: EndedPath) {
        if let Some(kept) = &self.0 {
            kept.borrow_mut().ended.push_back(path);
        }
    }

    /// A server of a stage works for so long from now on.
    pub(super) fn worked(&self, stage: usize, span: Span) {
        if let Some(kept) = &self.0 {
            let busy = &mut kept.borrow_mut().sums.busy_picos;
            if stage >= busy.len() {
                busy.resize(stage + 1, 0);
            }
            busy[stage] += u128::from(span.picos());
        }
    }

    /// The run has gone on so long since its first request.
    pub(super) fn cover(&self, covered: Span) {
        if let Some(kept) = &self.0 {
            kept.borrow_mut().sums.covered_picos = covered.picos().into();
        }
    }
}

impl StationSums {
    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        if self.busy_picos.len() < other.busy_picos.len() {
            self.busy_picos.resize(other.busy_picos.len(), 0);
        }
        for (mine, theirs) in self.busy_picos.iter_mut().zip(&other.busy_picos) {
            *mine += theirs;
        }
        self.covered_picos += other.covered_picos;
    }
}

impl EndedPath {
    /// From the client's request to the end.
    pub fn total(&self) -> Span {
        self.ended - self.arrival
    }

    /// Whether a fallback stood in for something.
    pub fn is_degraded(&self) -> bool {
        self.visits.iter().any(|visit| visit.fell_back)
    }
}
