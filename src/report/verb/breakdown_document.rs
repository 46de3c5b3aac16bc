//! Numbers of groups of requests in JSON.

use serde::{Serialize, Serializer};

use crate::metrics::{AttemptCounts, Breakdown, ClassReport, ClientWait, LatencySummary, Requests, Throughput};
use crate::report::verb::slo_document::SloDocument;

/// The sections of groups of requests, of which a result has those that it tells apart.
#[derive(Serialize)]
pub struct BreakdownDocument<'a> {
    #[serde(skip_serializing_if = "ClassesDocument::is_empty")]
    classes: ClassesDocument<'a>,
}

/// The classes by name, in their order.
struct ClassesDocument<'a> {
    classes: &'a [ClassReport],
    /// Whether their requests may be sent more than once, or refused.
    are_of_fleet: bool,
}

#[derive(Serialize)]
struct ClassDocument<'a> {
    requests: &'a Requests,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<&'a AttemptCounts>,
    latency: ClassLatencies<'a>,
    throughput: &'a Throughput,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_wait: Option<&'a ClientWait>,
    slo: Vec<SloDocument>,
}

/// The latencies that are known of a class: servers tell gaps between tokens of all their requests together.
#[derive(Serialize)]
struct ClassLatencies<'a> {
    ttft: &'a LatencySummary,
    tpot: &'a LatencySummary,
    e2e: &'a LatencySummary,
    queue_wait: &'a LatencySummary,
}

impl<'a> BreakdownDocument<'a> {
    /// That of a result, which may be `of_fleet`: then requests may be sent more than once, or refused.
    pub const fn of(breakdown: &'a Breakdown, of_fleet: bool) -> Self {
        Self {
            classes: ClassesDocument {
                classes: breakdown.classes.as_slice(),
                are_of_fleet: of_fleet,
            },
        }
    }
}

impl ClassesDocument<'_> {
    const fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }
}

impl Serialize for ClassesDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let classes = self.classes.iter();
        serializer.collect_map(classes.map(|class| (&class.class.name, ClassDocument::of(class, self.are_of_fleet))))
    }
}

impl<'a> ClassDocument<'a> {
    fn of(class: &'a ClassReport, is_of_fleet: bool) -> Self {
        let summary = &class.summary;
        Self {
            requests: &summary.requests,
            attempts: is_of_fleet.then_some(&summary.attempts),
            latency: ClassLatencies {
                ttft: &summary.latency.ttft,
                tpot: &summary.latency.tpot,
                e2e: &summary.latency.e2e,
                queue_wait: &summary.latency.queue_wait,
            },
            throughput: &summary.throughput,
            client_wait: summary.client_wait.as_ref(),
            slo: class.slo_results().iter().map(SloDocument::of).collect(),
        }
    }
}
