//! Numbers of groups of requests in JSON.

use serde::{Serialize, Serializer};

use crate::metrics::{
    AttemptCounts, Breakdown, ClassReport, ClientWait, GroupReport, Latencies, LatencySummary, Requests, Summary,
    Throughput,
};
use crate::report::verb::slo_document::SloDocument;

/// The sections of groups of requests, of which a result has those that it tells apart.
#[derive(Serialize)]
pub struct BreakdownDocument<'a> {
    #[serde(skip_serializing_if = "ClassesDocument::is_empty")]
    classes: ClassesDocument<'a>,
    #[serde(skip_serializing_if = "GroupsDocument::is_empty")]
    priorities: GroupsDocument<'a>,
    #[serde(skip_serializing_if = "GroupsDocument::is_empty")]
    turns: GroupsDocument<'a>,
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
    latency: GroupLatencies<'a>,
    throughput: &'a Throughput,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_wait: Option<&'a ClientWait>,
    slo: Vec<SloDocument>,
}

/// Groups of requests by what they are called, in their order.
struct GroupsDocument<'a>(&'a [GroupReport]);

#[derive(Serialize)]
struct GroupDocument<'a> {
    requests: &'a Requests,
    latency: GroupLatencies<'a>,
    throughput: &'a Throughput,
    kv: GroupCacheDocument,
}

/// What the prefix cache was to a group.
#[derive(Serialize)]
struct GroupCacheDocument {
    prefix_hit_ratio: Option<f64>,
}

/// The latencies that are known of a group: servers tell gaps between tokens of all their requests together.
#[derive(Serialize)]
struct GroupLatencies<'a> {
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
            priorities: GroupsDocument(breakdown.priorities.as_slice()),
            turns: GroupsDocument(breakdown.turns.as_slice()),
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
            latency: GroupLatencies::of(&summary.latency),
            throughput: &summary.throughput,
            client_wait: summary.client_wait.as_ref(),
            slo: class.slo_results().iter().map(SloDocument::of).collect(),
        }
    }
}

impl GroupsDocument<'_> {
    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for GroupsDocument<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let groups = self.0.iter();
        serializer.collect_map(groups.map(|it| (it.group.place().1, GroupDocument::of(&it.summary))))
    }
}

impl<'a> GroupDocument<'a> {
    const fn of(summary: &'a Summary) -> Self {
        Self {
            requests: &summary.requests,
            latency: GroupLatencies::of(&summary.latency),
            throughput: &summary.throughput,
            kv: GroupCacheDocument {
                prefix_hit_ratio: summary.kv.prefix_hit_ratio,
            },
        }
    }
}

impl<'a> GroupLatencies<'a> {
    const fn of(latencies: &'a Latencies) -> Self {
        Self {
            ttft: &latencies.ttft,
            tpot: &latencies.tpot,
            e2e: &latencies.e2e,
            queue_wait: &latencies.queue_wait,
        }
    }
}
