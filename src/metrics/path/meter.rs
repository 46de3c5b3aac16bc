//! Hears of paths as they end, and of the model's calls, which somebody else tells.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::parts::CallParts;
use super::segment::PathsInSegment;
use super::sums::PathSums;
use super::total::PathTotal;
use crate::engine::Finished;
use crate::metrics::meter::{Meter, WholeRun};
use crate::metrics::recorder_settings::RecorderSettings;
use crate::metrics::run_so_far::RunSoFar;
use crate::path::{EndedPath, PathBooks, RequestPath};
use crate::units::Time;
use crate::workload::RequestId;

/// Collects paths as they end; without a path it does nothing.
#[derive(Default)]
pub(in crate::metrics) struct PathMeter(Option<Box<PathsHeard>>);

struct PathsHeard {
    path: Arc<RequestPath>,
    books: PathBooks,
    /// Paths that have ended, while calls of theirs are not heard of yet; in the order of their ends.
    ended: VecDeque<EndedPath>,
    /// Calls that were answered, until their paths have ended; never iterated over.
    calls: FxHashMap<RequestId, CallParts>,
    segments: Vec<PathsInSegment>,
}

impl PathMeter {
    /// A meter for a run whose requests take this path, and end in these books.
    pub(in crate::metrics) fn of(path: &RequestPath, books: PathBooks) -> Self {
        Self(Some(Box::new(PathsHeard {
            path: Arc::new(path.clone()),
            books,
            ended: VecDeque::new(),
            calls: FxHashMap::default(),
            segments: Vec::new(),
        })))
    }

    /// A call of the model is answered.
    pub(in crate::metrics) fn answered(&mut self, id: RequestId, history: &Finished, run: &RunSoFar) {
        if let Some(heard) = &mut self.0 {
            heard.calls.insert(id, CallParts::of(history));
            heard.settle(run, Some(history.finished));
        }
    }

    /// Everything was heard.
    pub(in crate::metrics) fn settle(&mut self, run: &RunSoFar) {
        if let Some(heard) = &mut self.0 {
            heard.settle(run, None);
        }
    }
}

impl PathsHeard {
    /// Adds up the paths whose calls are known; of those that came after `now` it is not known yet which part of the
    /// run they belong to.
    fn settle(&mut self, run: &RunSoFar, now: Option<Time>) {
        while let Some(path) = self.books.take() {
            self.ended.push_back(path);
        }
        while let Some(path) = self.ended.front() {
            let is_known = path.answered.iter().all(|call| self.calls.contains_key(&call.id));
            if now.is_some_and(|now| !is_known || path.arrival > now) {
                return;
            }
            let path = self.ended.pop_front().expect("it is the first");
            let calls = path.answered.iter().filter_map(|call| self.calls.remove(&call.id));
            let calls: Vec<CallParts> = calls.collect();
            let segment = run.segment_of(path.arrival);
            if segment >= self.segments.len() {
                self.segments.resize_with(segment + 1, PathsInSegment::default);
            }
            self.segments[segment].add(&path, &calls, self.path.model);
        }
    }
}

impl Meter for PathMeter {
    type Total = PathTotal;

    fn new(_settings: &RecorderSettings<'_>) -> Self {
        Self::default()
    }

    fn finish(self, run: &WholeRun) -> PathTotal {
        let heard = self.0.map(|heard| PathSums {
            stations: heard.books.sums(),
            paths: run.window.pool(heard.segments, |all, segment| all.pool(&segment)),
            path: heard.path,
        });
        PathTotal(heard.map(Box::new))
    }
}
