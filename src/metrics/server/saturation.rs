//! Whether the queue still grows when the last request arrives: the server's, and that of requests which wait with
//! their clients until they may be outstanding.

use std::collections::VecDeque;

use super::queue_growth::MetDepths;
use crate::engine::Event;
use crate::metrics::meter::{Durations, HeardEvent, Meter, ResultSection, Total, WholeRun};
use crate::metrics::named_number::{Better, NamedNumber, PlaceInList};
use crate::metrics::recorder_settings::RecorderSettings;
use crate::units::{Span, Time};
use crate::workload::Request;

/// Whether the queue still grew when the last request arrived.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Saturation {
    /// Whether the queue grew still.
    pub queue_grows: bool,
    /// Mean depth met by the second quarter of the arrivals.
    pub early_depth: f64,
    /// Mean depth met by the last quarter of the arrivals.
    pub late_depth: f64,
}

/// Samples the queue that arriving requests find.
pub(in crate::metrics) struct SaturationMeter {
    /// `None` in a closed loop, whose queue cannot grow without end.
    met_depths: Option<MetDepths>,
    at_clients: WaitingAtClients,
}

/// Requests that are due and wait with their clients, of whom only so many may be outstanding.
struct WaitingAtClients {
    /// When those that waited were sent, as far as one that becomes due later may have met them waiting.
    sent: VecDeque<Time>,
    /// How many of them the request that was sent last met when it became due.
    met: u32,
    /// How long it waited itself.
    waited: Span,
}

impl WaitingAtClients {
    const NONE: Self = Self {
        sent: VecDeque::new(),
        met: 0,
        waited: Span::ZERO,
    };

    #[inline]
    fn sent(&mut self, request: &Request) {
        self.waited = request.client_wait;
        let due = due(request.arrival, self.waited);
        while self.sent.front().is_some_and(|&sent| sent <= due) {
            self.sent.pop_front();
        }
        self.met = self.sent.len() as u32;
        if self.waited > Span::ZERO {
            self.sent.push_back(request.arrival);
        }
    }
}

fn due(arrival: Time, waited: Span) -> Time {
    Time::from_picos(arrival.picos() - waited.picos())
}

impl SaturationMeter {
    /// A meter that judges nothing.
    pub(in crate::metrics) const OF_CLOSED_LOOP: Self = Self {
        met_depths: None,
        at_clients: WaitingAtClients::NONE,
    };

    /// Whether the queue has grown to the end so far.
    pub(in crate::metrics) fn grows(&self) -> bool {
        let growth = self.met_depths.as_ref().and_then(MetDepths::judge);
        growth.is_some_and(|growth| growth.goes_on)
    }
}

impl Meter for SaturationMeter {
    type Total = Option<Saturation>;

    fn new(_settings: &RecorderSettings<'_>) -> Self {
        Self {
            met_depths: Some(MetDepths::default()),
            at_clients: WaitingAtClients::NONE,
        }
    }

    #[inline(always)]
    fn sent(&mut self, request: &Request) {
        self.at_clients.sent(request);
    }

    #[inline(always)]
    fn on(&mut self, heard: &HeardEvent<'_>) {
        if let (Event::Arrived { .. }, Some(depths)) = (heard.event, &mut self.met_depths) {
            let waiting = &self.at_clients;
            depths.arrived(due(heard.at, waiting.waited), waiting.met + heard.before.waiting);
        }
    }

    fn finish(self, _run: &WholeRun) -> Option<Saturation> {
        let growth = self.met_depths?.judge()?;
        Some(Saturation {
            queue_grows: growth.goes_on,
            early_depth: growth.early_depth,
            late_depth: growth.late_depth,
        })
    }
}

impl Total for Option<Saturation> {
    type Section = Self;

    /// A pool's queue grows if that of any of its runs does.
    fn pool(&mut self, other: &Self) {
        let grows = |saturation: &Saturation| saturation.queue_grows;
        if !self.as_ref().is_some_and(grows) {
            *self = other.filter(grows).or(*self);
        }
    }

    fn section(&self, _durations: &Durations) -> Self {
        *self
    }
}

impl ResultSection for Option<Saturation> {
    fn named_numbers() -> Vec<NamedNumber<Self>> {
        let grows = |it: &Self| it.map(|saturation| u64::from(saturation.queue_grows));
        vec![NamedNumber::count("queue.grows", Better::Lower, grows).at(PlaceInList::Last)]
    }
}
