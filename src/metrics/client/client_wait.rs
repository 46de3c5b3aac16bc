//! How long requests were due before their clients sent them.

use serde::Serialize;

use super::latency_summary::LatencySummary;
use crate::metrics::line::{Line, Phrase};
use crate::metrics::meter::{Durations, Meter, ResultSection, Total, WholeRun};
use crate::metrics::metric::Statistic;
use crate::metrics::named_number::{Better, NamedNumber, PlaceInList, Quantity};
use crate::metrics::recorder_settings::RecorderSettings;
use crate::stats::Distribution;
use crate::workload::Request;

/// How long requests that were due waited with their clients, who keep only so many outstanding. No latency counts this
/// wait: TTFT and E2E start when a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ClientWait {
    /// How many requests may be outstanding at once.
    pub max_outstanding: u32,
    /// The waits of all requests that were sent, those that did not wait included [s].
    #[serde(flatten)]
    pub wait: LatencySummary,
}

/// Collects the waits of requests as they are sent.
pub(in crate::metrics) struct ClientWaitMeter {
    /// `None` if clients send whatever is due.
    waits: Option<ClientWaits>,
}

/// Waits [ps], and how many requests may be outstanding.
#[derive(Clone, Debug)]
pub(in crate::metrics) struct ClientWaits {
    max_outstanding: u32,
    picos: Distribution,
}

impl ClientWaitMeter {
    /// A meter for clients who keep at most `max_outstanding` requests outstanding.
    pub(in crate::metrics) fn of(max_outstanding: u32) -> Self {
        Self {
            waits: Some(ClientWaits {
                max_outstanding,
                picos: Distribution::default(),
            }),
        }
    }
}

impl Meter for ClientWaitMeter {
    type Total = Option<ClientWaits>;

    fn new(_settings: &RecorderSettings<'_>) -> Self {
        Self { waits: None }
    }

    #[inline(always)]
    fn sent(&mut self, request: &Request) {
        if let Some(waits) = &mut self.waits {
            waits.picos.record(request.client_wait.picos(), 1);
        }
    }

    fn finish(self, _run: &WholeRun) -> Option<ClientWaits> {
        self.waits
    }
}

impl Total for Option<ClientWaits> {
    type Section = Option<ClientWait>;

    fn pool(&mut self, other: &Self) {
        if let (Some(mine), Some(theirs)) = (self, other) {
            mine.picos.merge(&theirs.picos);
        }
    }

    fn section(&self, _durations: &Durations) -> Option<ClientWait> {
        self.as_ref().map(|waits| ClientWait {
            max_outstanding: waits.max_outstanding,
            wait: LatencySummary::of(&waits.picos),
        })
    }
}

impl ResultSection for Option<ClientWait> {
    fn named_numbers() -> Vec<NamedNumber<Self>> {
        let all = Statistic::ALL.into_iter().map(|statistic| {
            let name = format!("client_wait.{}", statistic.name()).leak();
            let read = move |it: &Self| it.as_ref()?.wait.statistic(statistic);
            NamedNumber::new(name, Quantity::Time, Better::Lower, read).at(PlaceInList::Last)
        });
        all.collect()
    }

    fn lines(&self) -> Vec<Line> {
        use Phrase::{Count, Text, Time};
        let line = |it: &ClientWait| {
            Line::new("At client")
                .with([Text("waits mean "), Time(it.wait.mean)])
                .with([Text("p99 "), Time(it.wait.p99)])
                .with([Text("max "), Time(it.wait.max)])
                .with([
                    Text("before it is sent, as "),
                    Count(Some(it.max_outstanding.into())),
                    Text(" may be outstanding"),
                ])
        };
        self.iter().map(line).collect()
    }
}
