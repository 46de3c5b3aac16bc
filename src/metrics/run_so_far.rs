//! What several meters need to know of a run: when it began, how far it is, and how many requests wait and run.

use super::meter::{Durations, WholeRun};
use super::population::{Counts, Population};
use crate::engine::{Event, StepRun};
use crate::units::Time;

/// A run as far as it was heard of.
#[derive(Debug, Default)]
pub(super) struct RunSoFar {
    population: Population,
    first_arrival: Option<Time>,
    last_finish: Option<Time>,
    last_step_end: Time,
}

impl RunSoFar {
    /// The requests in the server now.
    #[inline(always)]
    pub(super) const fn counts(&self) -> Counts {
        self.population.now()
    }

    #[inline(always)]
    pub(super) fn on(&mut self, at: Time, event: &Event) {
        match event {
            Event::Arrived { .. } => {
                self.first_arrival.get_or_insert(at);
                self.population.change(at, Counts::arrive);
            }
            Event::Rejected => {
                self.first_arrival.get_or_insert(at);
                self.population.move_to(at);
            }
            Event::Admitted { .. } => self.population.change(at, Counts::admit),
            Event::Preempted => self.population.change(at, Counts::preempt),
            Event::FirstToken | Event::Token { .. } => {}
            Event::Finished(request) => {
                self.population.change(at, |counts| counts.finish(request));
                self.last_finish = Some(request.finished);
            }
            Event::Aborted { waiting } => self.population.change(at, |counts| counts.leave(*waiting)),
        }
    }

    /// Steps have ended: the requests in the server when they started.
    #[inline(always)]
    pub(super) fn ran(&mut self, run: &StepRun<'_>) -> Counts {
        assert!(run.start >= self.last_step_end, "a server runs one step at a time");
        self.last_step_end = run.start + run.takes;
        self.population.at_start_of_run(run.start)
    }

    /// The run, which has ended.
    pub(super) fn finish(self) -> WholeRun {
        let first = self.first_arrival.unwrap_or_default();
        let last_finish = self.last_finish.unwrap_or(first);
        let end = self.last_step_end.max(self.population.last_change());
        let at_end = self.population.now();
        // A server that ends empty was watched from the first arrival to the last finish, as its throughput is, or on
        // to whoever was refused or gave up after it: only so is the mean number that wait the rate times the mean
        // wait (J. D. C. Little, 1961). Its last step may end later, as one decided ahead does, or its clients have
        // the last token after it.
        let watched_until = if at_end == Counts::default() {
            last_finish.max(self.population.last_change())
        } else {
            end
        };
        let [waiting, running] = self.population.finish(watched_until);
        WholeRun {
            durations: Durations {
                serving_picos: last_finish.since(first).picos().into(),
                covered_picos: end.since(first).picos().into(),
            },
            at_end,
            waiting,
            running,
        }
    }
}
