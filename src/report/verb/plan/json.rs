//! A plan as one JSON object.

use serde::Serialize;

use super::checks::Check;
use super::part::PlanPart;
use super::report::PlanReport;
use super::{buying, capacity_rule, concurrency, decisions, latency_budget, observability, reliability, storage};
use crate::report::text::document::{Tool, pretty};
use crate::study::CostReport;

/// The version of the form below: raised when a key changes its meaning.
const SCHEMA: &str = "tailcast/plan/v1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: Tool,
    scenario_hash: &'a str,
    seed: u64,
    engine: &'a str,
    runs: u32,
    verdict: &'static str,
    /// The verdict in a sentence.
    verdict_in_words: String,
    checks: Vec<Check>,
    concurrency: concurrency::ConcurrencyDocument,
    latency_budget: latency_budget::LatencyBudgetDocument<'a>,
    cost: Option<&'a CostReport>,
    storage: storage::StorageDocument,
    observability: observability::ObservabilityDocument<'a>,
    reliability: reliability::ReliabilityDocument<'a>,
    capacity_rule: capacity_rule::CapacityRuleDocument,
    decisions: Vec<decisions::PlanDecision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    what_to_buy: Option<PlanPart<buying::BuyingDocument>>,
    complete: bool,
}

impl PlanReport {
    /// One JSON object, a line break at its end.
    pub fn to_json(&self) -> String {
        pretty(&Document {
            schema: SCHEMA,
            tool: Tool::THIS,
            scenario_hash: &self.setting.scenario_hash,
            seed: self.setting.seed,
            engine: &self.setting.engine,
            runs: self.production.own.runs,
            verdict: self.verdict_name(),
            verdict_in_words: self.verdict(),
            checks: self.checks(),
            concurrency: concurrency::document(self),
            latency_budget: latency_budget::document(self),
            cost: self.production.cost.as_ref(),
            storage: storage::document(&self.production.storage),
            observability: observability::document(self),
            reliability: reliability::document(&self.production.failures),
            capacity_rule: capacity_rule::document(self),
            decisions: decisions::decisions(self),
            what_to_buy: buying::document(self),
            complete: true,
        })
    }
}
