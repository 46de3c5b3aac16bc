//! The result as one JSON object: SI units, a fixed order of keys, null for what is not known (never NaN).

use serde::{Serialize, Serializer};

use super::report::{MemoryReport, ModelError, PoolFacts, RunReport};
use crate::metrics::{
    AttemptCounts, ClassReport, ClientWait, Constraint, FleetReport, LatencySummary, PoolReport, Requests, Slo,
    SloOutcome, SloResult, SpeculativeSummary, Summary, Throughput,
};
use crate::report::text::document::{Tool, pretty};
use crate::study::Verdict;

/// The version of the form below: raised when a key changes its meaning.
const SCHEMA: &str = "tailcast/run/v1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: Tool,
    scenario_hash: &'a str,
    seed: u64,
    verdict: Option<&'static str>,
    #[serde(flatten)]
    summary: &'a Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    fleet: Option<FleetDocument<'a>>,
    #[serde(skip_serializing_if = "ClassesDocument::is_empty")]
    classes: ClassesDocument<'a>,
    memory: MemoryReport,
    /// Whether the run went to its end; there is no verdict on one that did not.
    complete: bool,
    replications: u32,
    engine: &'a str,
    fidelity: Option<&'a str>,
    model_error: Option<ModelError>,
    slo: Vec<SloDocument>,
    constraint: Constraint,
    speculative: Option<SpeculativeSummary>,
    warnings: Vec<String>,
}

/// The servers of a fleet; of unlike ones each kind together, with what is known of it without a run.
#[derive(Serialize)]
struct FleetDocument<'a> {
    #[serde(flatten)]
    fleet: &'a FleetReport,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pools: Vec<PoolDocument<'a>>,
}

#[derive(Serialize)]
struct PoolDocument<'a> {
    #[serde(flatten)]
    pool: &'a PoolReport,
    #[serde(flatten)]
    facts: &'a PoolFacts,
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

/// An objective: on a latency with its statistic and seconds, on what is served without them.
#[derive(Serialize)]
struct SloDocument {
    metric: &'static str,
    statistic: Option<&'static str>,
    /// Whether the limit is the most (`at_most`) or the least (`at_least`) that it may be.
    bound: &'static str,
    /// In seconds, of a latency.
    limit_s: Option<f64>,
    /// In seconds, of a latency; `None` if there are too few samples to tell, or if it has no end.
    got_s: Option<f64>,
    /// Of what is served: a part of one, or per second.
    limit: Option<f64>,
    got: Option<f64>,
    /// `None` if there are too few samples to tell.
    met: Option<bool>,
}

impl RunReport {
    /// The result as a JSON object, indented, with a line break at the end.
    pub fn to_json(&self) -> String {
        let summary = &self.summary;
        let document = Document {
            schema: SCHEMA,
            tool: Tool::THIS,
            scenario_hash: &self.scenario_hash,
            seed: self.seed,
            verdict: self.verdict().map(Verdict::name),
            summary,
            fleet: self.fleet.as_ref().map(|fleet| self.fleet_document(fleet)),
            classes: ClassesDocument {
                classes: &self.classes,
                are_of_fleet: self.fleet.is_some(),
            },
            memory: self.memory,
            complete: self.is_complete,
            replications: self.headline.replications,
            engine: &self.headline.engine,
            fidelity: self.fidelity.as_deref(),
            model_error: self.model_error,
            slo: self.slo_results().iter().map(SloDocument::of).collect(),
            constraint: summary.constraint,
            speculative: summary.speculative,
            warnings: self.all_warnings(),
        };
        pretty(&document)
    }

    fn fleet_document<'a>(&'a self, fleet: &'a FleetReport) -> FleetDocument<'a> {
        let pools = fleet.pools.iter().zip(&self.pools);
        FleetDocument {
            fleet,
            pools: pools.map(|(pool, facts)| PoolDocument { pool, facts }).collect(),
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
        serializer.collect_map(classes.map(|class| (&class.name, ClassDocument::of(class, self.are_of_fleet))))
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

impl SloDocument {
    fn of(result: &SloResult) -> Self {
        let met = match result.outcome {
            SloOutcome::Met => Some(true),
            SloOutcome::Missed => Some(false),
            SloOutcome::Unknown => None,
        };
        match result.slo {
            Slo::Latency(slo) => Self {
                metric: slo.metric.name(),
                statistic: Some(slo.statistic.name()),
                bound: "at_most",
                limit_s: Some(slo.limit.seconds()),
                got_s: result.got,
                limit: None,
                got: None,
                met,
            },
            Slo::Served(slo) => Self {
                metric: slo.of.name(),
                statistic: None,
                bound: if slo.of.is_least() { "at_least" } else { "at_most" },
                limit_s: None,
                got_s: None,
                limit: Some(slo.bound),
                got: result.got,
                met,
            },
        }
    }
}
