//! What several meters need to know of a run: when it began, how far it is, and how many requests wait and run.

use super::meter::{Durations, WholeRun};
use super::population::{Counts, Population};
use super::windows::{RunSegments, Trim};
use crate::engine::Event;
use crate::units::Time;

/// A run as far as it was heard of.
#[derive(Debug)]
pub(super) struct RunSoFar {
    population: Population,
    windows: RunSegments,
    first_arrival: Option<Time>,
    last_finish: Option<Time>,
}

impl RunSoFar {
    /// A run that is about to start, of which this is to be left out.
    pub(super) fn new(trim: Trim) -> Self {
        Self {
            population: Population::default(),
            windows: RunSegments::new(trim),
            first_arrival: None,
            last_finish: None,
        }
    }

    /// The segment of the run that a request belongs to that came then.
    #[inline(always)]
    pub(super) fn segment_of(&self, arrival: Time) -> usize {
        self.windows.segment_of(arrival)
    }

    /// When a segment ends; `None` of the latest.
    pub(super) fn end_of_segment(&self, segment: usize) -> Option<Time> {
        self.windows.end_of_segment(segment)
    }

    /// The segment that lasts now; of the drain, the one before it.
    #[inline(always)]
    pub(super) fn latest_segment(&self) -> usize {
        self.windows.latest_segment()
    }

    /// The segment that lasts now; `None` in the drain.
    #[inline(always)]
    pub(super) fn segment_now(&self) -> Option<usize> {
        self.windows.segment_now()
    }

    /// Something is about to be heard that happened then: starts the segments that begin with it, or before.
    #[inline(always)]
    pub(super) fn go_on_to(&mut self, at: Time, event: &Event) {
        while self.windows.is_due(at) {
            self.start_segment(self.windows.next_switch(), self.windows.arrivals());
        }
        if matches!(event, Event::Arrived { .. } | Event::Rejected) {
            let counts = self.counts();
            if self.windows.arrived(counts.waiting + counts.running) {
                self.start_segment(at, self.windows.arrivals() - 1);
            }
        }
    }

    #[cold]
    fn start_segment(&mut self, at: Time, arrived: u64) {
        self.population.start_segment(at);
        self.windows.switch(at, arrived);
    }

    /// The requests in the server now.
    #[inline(always)]
    pub(super) const fn counts(&self) -> Counts {
        self.population.now()
    }

    #[inline(always)]
    pub(super) fn on(&mut self, at: Time, event: &Event) {
        match event {
            Event::FirstToken | Event::Token { .. } => return,
            Event::Arrived { .. } | Event::Rejected => {
                self.first_arrival.get_or_insert(at);
            }
            Event::Finished(request) => self.last_finish = Some(request.finished),
            _ => {}
        }
        self.population.change(at, |counts| counts.hear(event));
    }

    /// The run, which has ended, and whose last step ended then; `grows` if its queue did to the end.
    pub(super) fn finish(self, last_step_end: Time, grows: bool) -> WholeRun {
        let first = self.first_arrival.unwrap_or_default();
        let last_finish = self.last_finish.unwrap_or(first);
        let end = last_step_end.max(self.population.last_change());
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
        let window = self.windows.window(first, watched_until, grows);
        let drains = window.picos.is_some() && self.windows.segment_now().is_none();
        let [waiting, running] = self.population.finish(watched_until, &window, drains);
        let serving = last_finish.since(first).picos();
        WholeRun {
            durations: Durations {
                serving_picos: serving.into(),
                served_picos: window.picos.unwrap_or(serving).into(),
                covered_picos: end.since(first).picos().into(),
            },
            at_end,
            window,
            waiting,
            running,
        }
    }
}
