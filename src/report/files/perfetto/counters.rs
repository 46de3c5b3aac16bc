//! Levels over time: requests that wait and run, and how full the KV cache is.

use std::io::Write;

use super::events::{Arg, Events};
use super::tracks::SERVER;
use crate::engine::{Event, ServerSettings, StepRun};
use crate::metrics::Counts;
use crate::units::Time;

/// Within a leap the usage is written whenever it has grown by this share of the cache: blocks are taken nearly every
/// step.
const KV_RESOLUTION: u64 = 100;

/// The levels, and what of them has been written.
#[derive(Debug)]
pub(super) struct Counters {
    counts: Counts,
    /// When `counts` may have changed last.
    changed: Time,
    written_counts: Counts,
    usable_blocks: u64,
    written_blocks: u64,
    last_step_end: Time,
}

impl Counters {
    pub(super) fn new(server: &ServerSettings) -> Self {
        Self {
            counts: Counts::default(),
            changed: Time::ZERO,
            written_counts: Counts::default(),
            // The null block holds no tokens.
            usable_blocks: u64::from(server.kv_blocks) - 1,
            written_blocks: 0,
            last_step_end: Time::ZERO,
        }
    }

    /// Something happened to a request. Counts are written once everything at an instant has happened.
    pub(super) fn hear<Output: Write>(&mut self, at: Time, event: &Event, events: &mut Events<Output>) {
        if at > self.changed {
            self.write_counts(events);
            self.changed = at;
        }
        self.counts.hear(event);
    }

    /// Writes the counters while steps ran, which have ended.
    pub(super) fn ran<Output: Write>(&mut self, run: &StepRun<'_>, events: &mut Events<Output>) {
        if run.start > self.last_step_end {
            self.write_blocks(self.last_step_end, 0, events);
        }
        let resolution = (self.usable_blocks / KV_RESOLUTION).max(1);
        let mut step = 0;
        if run.kv.may_fall() {
            let mut time = run.start;
            for (step, (used, _)) in (0..).zip(run.kv.each_step(run.steps)) {
                if step == 0 || used.abs_diff(self.written_blocks) >= resolution {
                    self.write_blocks(time, used, events);
                }
                time += run.ramp.step(step);
            }
            self.last_step_end = run.end();
            return;
        }
        loop {
            let used = run.kv.used_at(step);
            self.write_blocks(run.start + run.ramp.total(step), used, events);
            let enough = used + resolution;
            if run.kv.used_at(run.steps - 1) < enough {
                break;
            }
            step = first_of(step + 1, run.steps - 1, |step| run.kv.used_at(step) >= enough);
        }
        self.last_step_end = run.end();
    }

    pub(super) fn finish<Output: Write>(mut self, events: &mut Events<Output>) {
        self.write_counts(events);
        self.write_blocks(self.last_step_end, 0, events);
    }

    fn write_counts<Output: Write>(&mut self, events: &mut Events<Output>) {
        if self.counts != self.written_counts {
            self.written_counts = self.counts;
            let Counts { waiting, running } = self.counts;
            let levels = [
                ("running", Arg::Number(running.into())),
                ("waiting", Arg::Number(waiting.into())),
            ];
            events.counter(SERVER, "requests", self.changed, &levels);
        }
    }

    fn write_blocks<Output: Write>(&mut self, at: Time, used: u64, events: &mut Events<Output>) {
        if used != self.written_blocks {
            self.written_blocks = used;
            let percent = 100.0 * used as f64 / self.usable_blocks as f64;
            events.counter(SERVER, "KV usage", at, &[("percent", Arg::Percent(percent))]);
        }
    }
}

/// The first of the numbers from `low` to `high` that is so, if all after it are, and `high` is.
fn first_of(mut low: u64, mut high: u64, is_so: impl Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low) / 2;
        if is_so(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}
