//! Classes of traffic: what the clients of each felt, beside what all of them did.

use super::class_to_record::ClassToRecord;
use super::client::{ClientWaitMeter, LatencySummary};
use super::meter::{Durations, HeardEvent, ServedRequest, WholeRun};
use super::meters::{ClientMeters, ClientTotals, ServerTotals, Summary};
use super::population::Counts;
use super::recorder_settings::RecorderSettings;
use super::slo::{ClassResult, SloOutcome, SloResult};
use super::verdict::judged;
use super::whole_crowd;
use crate::workload::{ClassId, Request, RequestId};

/// What the clients of one class felt.
#[derive(Clone, Debug)]
pub struct ClassReport {
    /// What it is called, and what was asked for its clients.
    pub class: ClassToRecord,
    /// What they felt. What its sections say of the servers is of all classes, and gaps between tokens, which servers
    /// tell of all their clients together, are not known.
    pub summary: Summary,
}

/// Meters of each class.
pub(super) struct ClassBooks(Vec<ClassMeters>);

struct ClassMeters {
    class: ClassToRecord,
    client: ClientMeters,
    counts: Counts,
}

/// What they heard, in one run or in several pooled.
#[derive(Clone, Debug)]
pub(super) struct ClassTotals {
    class: ClassToRecord,
    client: ClientTotals,
}

impl ClassBooks {
    pub(super) fn new(classes: &[ClassToRecord], settings: &RecorderSettings<'_>) -> Self {
        let meters = classes.iter().map(|class| {
            let mut client = ClientMeters::new(&RecorderSettings {
                slos: &class.slos,
                pools: Vec::new(),
                gpu_work: None,
                step_prices: None,
                ..*settings
            });
            if let Some(most) = class.max_outstanding {
                client.client_wait = ClientWaitMeter::of(most);
            }
            ClassMeters {
                class: class.clone(),
                client,
                counts: Counts::default(),
            }
        });
        Self(meters.collect())
    }

    fn of(&mut self, id: RequestId) -> &mut ClassMeters {
        &mut self.0[id.class().place()]
    }

    pub(super) fn sent(&mut self, request: &Request) {
        self.of(request.id).client.sent(request);
    }

    pub(super) fn on(&mut self, heard: &HeardEvent<'_>) {
        let class = self.of(heard.id);
        class.counts.hear(heard.event);
        class.client.on(heard);
    }

    pub(super) fn finished(&mut self, id: RequestId, request: &ServedRequest<'_>) {
        self.of(id).client.finished(request);
    }

    pub(super) fn finish(self, run: &WholeRun) -> Vec<ClassTotals> {
        let classes = self.0.into_iter().map(|meters| {
            let of_class = WholeRun {
                at_end: meters.counts,
                ..run.clone()
            };
            ClassTotals {
                class: meters.class,
                client: meters.client.finish(&of_class),
            }
        });
        classes.collect()
    }
}

impl ClassTotals {
    pub(super) fn pool(&mut self, other: &Self) {
        self.client.pool(&other.client);
    }

    /// What is reported of it, with what `server` heard of all classes.
    pub(super) fn report(&self, server: &ServerTotals, durations: &Durations) -> ClassReport {
        let mut summary = Summary::of_totals(&self.client, server, durations);
        whole_crowd::add_quantiles(&mut summary, &self.client.latency);
        summary.latency.itl = LatencySummary::default();
        ClassReport {
            class: self.class.clone(),
            summary,
        }
    }
}

impl ClassReport {
    /// How each of its objectives fared; one that it misses though nobody set it included: that nearly all of its
    /// requests are served.
    pub fn slo_results(&self) -> Vec<SloResult> {
        judged(&self.class.slos, &self.summary)
    }
}

/// How the objective of a class fared that fared worst, the first of several; `None` if they have none, and none is
/// missed.
pub(super) fn worst_result(classes: &[ClassReport]) -> Option<ClassResult> {
    let results = (0..).zip(classes).flat_map(|(place, class)| {
        let results = class.slo_results().into_iter();
        results.map(move |result| ClassResult {
            class: ClassId(place),
            result,
        })
    });
    results.min_by_key(|of_class| match of_class.result.outcome {
        SloOutcome::Missed => 0,
        SloOutcome::Unknown => 1,
        SloOutcome::Met => 2,
    })
}
