//! A station of a path as it stands in a run.

use std::collections::VecDeque;

use super::request_path::PathStation;
use crate::units::Time;

/// A branch of a walk: the number of the walk, and the stage of the path that it stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Branch {
    pub(super) walk: u64,
    pub(super) stage: usize,
}

/// Servers and who waits for them.
#[derive(Debug)]
pub(super) struct StationState {
    pub(super) settings: PathStation,
    waiting: VecDeque<(Branch, Time)>,
    busy: u32,
    /// When it is looked at again, as it is down while somebody waits.
    pub(super) wakes: Option<Time>,
}

impl StationState {
    pub(super) const fn of(settings: PathStation) -> Self {
        Self {
            settings,
            waiting: VecDeque::new(),
            busy: 0,
            wakes: None,
        }
    }

    /// Whether somebody who comes now is let in: a server is free, or there is room to wait.
    pub(super) fn has_room(&self) -> bool {
        let may_wait = |most: u32| self.waiting.len() < most as usize;
        self.busy < self.settings.servers || self.settings.queue.is_none_or(may_wait)
    }

    pub(super) fn wait(&mut self, branch: Branch, now: Time) {
        self.waiting.push_back((branch, now));
    }

    /// Whether a server is free for somebody who waits.
    pub(super) fn may_start(&self) -> bool {
        self.busy < self.settings.servers && !self.waiting.is_empty()
    }

    /// The next ones that are served together, each with the instant of its coming; a server takes them.
    pub(super) fn start(&mut self) -> Vec<(Branch, Time)> {
        self.busy += 1;
        let together = self.waiting.len().min(self.settings.batch as usize);
        self.waiting.drain(..together).collect()
    }

    /// A server is done with those whom it served.
    pub(super) fn end(&mut self) {
        self.busy -= 1;
    }

    /// A walk has come to its end, so that nothing of it waits here any more.
    pub(super) fn forget(&mut self, walk: u64) {
        self.waiting.retain(|(branch, _)| branch.walk != walk);
    }
}
