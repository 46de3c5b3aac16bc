//! Which part of a run its numbers are of: without the time that a stationary load takes to fill an empty server, and
//! without the time that the server takes to empty after the last arrival.

use super::truncation::DepthsOverRun;
use crate::units::{Span, Time};

/// What is left out of latencies, throughput and queue depths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trim {
    /// Nothing: the numbers are those of the whole run.
    #[default]
    Nothing,
    /// The warm-up, however long it is found to be, and the drain.
    WarmUpAndDrain {
        /// When arrivals end.
        until: ArrivalsEnd,
    },
    /// Requests that arrive before this instant of the run, and its time until then.
    Before(Span),
}

/// When the arrivals of a run end, whichever comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArrivalsEnd {
    /// With this arrival, counted from 1.
    pub requests: Option<u64>,
    /// Before this instant.
    pub duration: Option<Span>,
}

/// A run in segments: the first ones may turn out to be its warm-up, the last one is its drain.
#[derive(Debug)]
pub(super) struct RunSegments {
    trim: Trim,
    /// When each segment starts, and how many requests had arrived before.
    starts: Vec<(Time, u64)>,
    arrivals: u64,
    /// When the drain begins.
    drain: Option<Time>,
    /// Nothing happens to the segments before this instant.
    next_switch: Time,
    /// The arrival, counted from 1, with which the next segment starts; or with which arrivals end.
    next_arrival: u64,
    depths: DepthsOverRun,
}

/// What a run is reported of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    /// The first segment that counts.
    pub(super) first_segment: usize,
    /// Requests that arrived before.
    pub(super) left_out_requests: u64,
    /// From the first arrival to the start of what counts [ps].
    pub(super) warm_up_picos: u64,
    /// The time that counts, from its start to the start of the drain; `None` if everything counts.
    pub(super) picos: Option<u64>,
    /// From the last arrival to the last finish [ps].
    pub(super) drain_picos: u64,
}

/// Later than anything that happens.
const NEVER: Time = Time::from_picos(u64::MAX);

/// Segments end at these parts of the arrivals: one in 2^10 of them, 2^9, and so on, up to a half.
const HALVINGS: u32 = 10;

/// Fewer arrivals than this tell no warm-up from chance.
const FEWEST_ARRIVALS: u64 = 200;

impl RunSegments {
    pub(super) fn new(trim: Trim) -> Self {
        let mut windows = Self {
            trim,
            starts: vec![(Time::ZERO, 0)],
            arrivals: 0,
            drain: None,
            next_switch: NEVER,
            next_arrival: u64::MAX,
            depths: DepthsOverRun::default(),
        };
        windows.plan();
        windows
    }

    /// When the next segment starts, by time or by arrivals.
    fn plan(&mut self) {
        (self.next_switch, self.next_arrival) = (NEVER, u64::MAX);
        if self.drain.is_some() {
            return;
        }
        let segments = self.starts.len() as u32;
        match self.trim {
            Trim::Before(span) if segments == 1 => self.next_switch = Time::ZERO + span,
            Trim::Nothing | Trim::Before(_) => {}
            Trim::WarmUpAndDrain { until } => {
                // The segment that starts now ends at twice its share of the run.
                let halvings = (HALVINGS + 1).saturating_sub(segments);
                let part = |whole: u64| if halvings == 0 { whole } else { whole >> halvings };
                if let Some(requests) = until.requests {
                    self.next_arrival = part(requests).max(self.arrivals + 1);
                }
                if let Some(duration) = until.duration {
                    self.next_switch = Time::from_picos(part(duration.picos()));
                }
            }
        }
    }

    /// Whether time has come to a switch of segments.
    #[inline(always)]
    pub(super) fn is_due(&self, at: Time) -> bool {
        at >= self.next_switch
    }

    /// Another request has come, which found so many in the server; whether a segment starts with it.
    #[inline]
    pub(super) fn arrived(&mut self, in_server: u32) -> bool {
        self.arrivals += 1;
        if self.trim == Trim::Nothing {
            return false;
        }
        self.depths.arrived(in_server);
        self.arrivals >= self.next_arrival
    }

    /// The instant at which a segment starts by time alone.
    pub(super) fn next_switch(&self) -> Time {
        self.next_switch
    }

    /// How many requests have come.
    pub(super) fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// Starts the next segment at an instant before which so many requests came, or the drain once arrivals have ended.
    pub(super) fn switch(&mut self, at: Time, arrived: u64) {
        let is_last = self.starts.len() as u32 > HALVINGS;
        if matches!(self.trim, Trim::WarmUpAndDrain { .. }) && is_last {
            self.drain = Some(at);
        } else {
            self.starts.push((at, arrived));
        }
        self.plan();
    }

    /// The segment of an instant, which is that of a request that arrives then.
    #[inline]
    pub(super) fn segment_of(&self, at: Time) -> usize {
        let latest = self.latest_segment();
        if at >= self.starts[latest].0 {
            return latest;
        }
        self.starts.partition_point(|(start, _)| *start <= at).saturating_sub(1)
    }

    /// When a segment ends; `None` of the latest.
    pub(super) fn end_of_segment(&self, segment: usize) -> Option<Time> {
        self.starts.get(segment + 1).map(|&(start, _)| start)
    }

    /// The segment that lasts now; of the drain, the one before it.
    #[inline]
    pub(super) fn latest_segment(&self) -> usize {
        self.starts.len() - 1
    }

    /// The segment that lasts now; `None` in the drain.
    #[inline]
    pub(super) fn segment_now(&self) -> Option<usize> {
        self.drain.is_none().then(|| self.latest_segment())
    }

    /// What counts of a run that had its first arrival at `first` and ended at `end`; all of it if its queue `grows`,
    /// as it has no steady state then that a part of it could show.
    pub(super) fn window(&self, first: Time, end: Time, grows: bool) -> Window {
        let first_segment = match self.trim {
            Trim::Nothing => return Window::default(),
            Trim::Before(_) => 1,
            Trim::WarmUpAndDrain { .. } if grows || self.arrivals < FEWEST_ARRIVALS => return Window::default(),
            Trim::WarmUpAndDrain { .. } => {
                let warm_up = self.depths.warm_up();
                let is_behind = |&(_, arrived): &(Time, u64)| arrived >= warm_up;
                let found = self.starts.iter().position(is_behind);
                found.unwrap_or(self.starts.len() - 1)
            }
        };
        let (start, left_out_requests) = match self.starts.get(first_segment) {
            _ if first_segment == 0 => (first, 0),
            Some(&start) => start,
            None => (end, self.arrivals),
        };
        let drain = self.drain.unwrap_or(end).min(end);
        Window {
            first_segment,
            left_out_requests,
            warm_up_picos: start.max(first).since(first).picos(),
            picos: Some(drain.max(start).since(start).picos()),
            drain_picos: end.since(drain).picos(),
        }
    }
}

impl Window {
    /// The segments that count, merged by `add` into the first of them.
    pub(super) fn pool<T: Default>(&self, segments: Vec<T>, add: impl FnMut(&mut T, T)) -> T {
        let mut add = add;
        let mut counted = segments.into_iter().skip(self.first_segment);
        let mut all = counted.next().unwrap_or_default();
        counted.for_each(|segment| add(&mut all, segment));
        all
    }
}
