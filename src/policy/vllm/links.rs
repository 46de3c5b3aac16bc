//! When transfers between the memories of GPU and CPU end: in each direction one job goes after the other, at the rate
//! of the link.

use std::collections::BTreeMap;

use super::transfers::{CopyTime, OffloadRules, Transfer, TransferPlan};
use crate::policy::planner::Moved;
use crate::units::{Span, Time};

/// Both directions of a link, and what is under way on it.
#[derive(Clone, Debug)]
pub(super) struct TransferLinks {
    loads: Direction,
    stores: Direction,
    /// When each job ends.
    ends: BTreeMap<u64, Time>,
    /// Stores that begin with the next step.
    to_begin: Vec<Transfer>,
    moved: Moved,
}

#[derive(Clone, Copy, Debug)]
struct Direction {
    time: CopyTime,
    /// When what is under way ends.
    free: Time,
}

impl Direction {
    /// A job begins as soon as it may; how long it takes, and when it ends.
    fn begin(&mut self, blocks: u32, now: Time) -> (Span, Time) {
        let takes = self.time.of(blocks);
        self.free = self.free.max(now) + takes;
        (takes, self.free)
    }
}

impl TransferLinks {
    pub(super) fn new(rules: &OffloadRules) -> Self {
        let direction = |time| Direction { time, free: Time::ZERO };
        Self {
            loads: direction(rules.load),
            stores: direction(rules.store),
            ends: BTreeMap::new(),
            to_begin: Vec::new(),
            moved: Moved::default(),
        }
    }

    /// A step begins, or would if there were something to compute: with it begin the stores of decisions before.
    pub(super) fn begin_stores(&mut self, now: Time) {
        for store in self.to_begin.drain(..) {
            let (takes, end) = self.stores.begin(store.chunks, now);
            self.ends.insert(store.job, end);
            self.moved.stored_blocks += u64::from(store.chunks);
            self.moved.storing = self.moved.storing + takes;
        }
    }

    /// A decision has been taken. For how long its step has to wait for stores that must end before it.
    pub(super) fn begin(&mut self, plan: &TransferPlan, now: Time) -> Span {
        for load in &plan.loads {
            let (takes, end) = self.loads.begin(load.chunks, now);
            self.ends.insert(load.job, end);
            self.moved.loads += 1;
            self.moved.loaded_blocks += u64::from(load.chunks);
            self.moved.loading = self.moved.loading + takes;
        }
        self.to_begin.extend(&plan.stores);
        let ends = plan.flushed.iter().filter_map(|job| self.ends.get(job));
        let last = ends.copied().max().unwrap_or(now).max(now);
        let held = last.since(now);
        self.moved.held = self.moved.held + held;
        held
    }

    /// Jobs that have ended by now.
    pub(super) fn ended(&mut self, now: Time) -> Vec<u64> {
        let ended = self.ends.extract_if(.., |_, end| *end <= now);
        ended.map(|(job, _)| job).collect()
    }

    /// When the next job ends, of those that have begun.
    pub(super) fn next_end(&self) -> Option<Time> {
        self.ends.values().copied().min()
    }

    /// What has moved since this was last asked.
    pub(super) fn take_moved(&mut self) -> Moved {
        std::mem::take(&mut self.moved)
    }
}
