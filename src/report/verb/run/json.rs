//! The result as one JSON object: SI units, a fixed order of keys, null for what is not known (never NaN).

use serde::Serialize;

use super::report::{MemoryReport, ModelError, PoolFacts, RunReport};
use crate::metrics::{Constraint, FleetReport, OffloadSummary, PoolReport, SpeculativeSummary, StepShares, Summary};
use crate::report::text::document::{Tool, pretty};
use crate::report::verb::breakdown_document::BreakdownDocument;
use crate::report::verb::path_document::PathDocument;
use crate::report::verb::slo_document::SloDocument;
use crate::study::{CostReport, Verdict};

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
    summary: Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    fleet: Option<FleetDocument<'a>>,
    #[serde(flatten)]
    path: Option<PathDocument<'a>>,
    #[serde(flatten)]
    breakdown: BreakdownDocument<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<&'a CostReport>,
    memory: MemoryReport,
    /// Whether the run went to its end; there is no verdict on one that did not.
    complete: bool,
    replications: u32,
    engine: &'a str,
    fidelity: Option<&'a str>,
    model_error: Option<&'a ModelError>,
    slo: Vec<SloDocument>,
    constraint: Constraint,
    #[serde(skip_serializing_if = "Option::is_none")]
    step_time: Option<StepShares>,
    speculative: Option<SpeculativeSummary>,
    /// `None` where no KV cache is kept in the memory of the CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    kv_offload: Option<OffloadSummary>,
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
            // The report of the cost has its numbers.
            summary: Summary { cost: None, ..*summary },
            fleet: self.fleet.as_ref().map(|fleet| self.fleet_document(fleet)),
            path: self.path.as_ref().map(|path| PathDocument::of(path, summary)),
            breakdown: BreakdownDocument::of(&self.breakdown, self.fleet.is_some()),
            cost: self.cost.as_ref(),
            memory: self.memory,
            complete: self.is_complete,
            replications: self.headline.replications,
            engine: &self.headline.engine,
            fidelity: self.fidelity.as_deref(),
            model_error: self.model_error.as_ref(),
            slo: self.slo_results().iter().map(SloDocument::of).collect(),
            constraint: summary.constraint,
            step_time: summary.step_time,
            speculative: summary.speculative,
            kv_offload: summary.kv_offload,
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
