//! The result as one JSON object: SI units, a fixed order of keys, null for what is not known (never NaN).

use serde::Serialize;

use super::report::{MemoryReport, ModelError, RunReport};
use crate::metrics::{Constraint, SloOutcome, SloResult, SpeculativeSummary, Summary};
use crate::report::text::document::{Tool, pretty};

/// The version of the form below: raised when a key changes its meaning.
const SCHEMA: &str = "tailcast/run/v1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: Tool,
    scenario_hash: &'a str,
    seed: u64,
    verdict: &'static str,
    #[serde(flatten)]
    summary: &'a Summary,
    memory: MemoryReport,
    replications: u32,
    engine: &'a str,
    fidelity: Option<&'a str>,
    model_error: Option<ModelError>,
    slo: Vec<Slo>,
    constraint: Constraint,
    speculative: Option<SpeculativeSummary>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Slo {
    metric: &'static str,
    statistic: &'static str,
    limit_s: f64,
    got_s: Option<f64>,
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
            verdict: self.verdict().name(),
            summary,
            memory: self.memory,
            replications: self.headline.replications,
            engine: &self.headline.engine,
            fidelity: self.fidelity.as_deref(),
            model_error: self.model_error,
            slo: self.slo_results().iter().map(Slo::of).collect(),
            constraint: summary.constraint,
            speculative: summary.speculative,
            warnings: self.warnings(),
        };
        pretty(&document)
    }
}

impl Slo {
    fn of(result: &SloResult) -> Self {
        Self {
            metric: result.slo.metric.name(),
            statistic: result.slo.statistic.name(),
            limit_s: result.slo.limit.seconds(),
            got_s: result.got_s,
            met: match result.outcome {
                SloOutcome::Met => Some(true),
                SloOutcome::Missed => Some(false),
                SloOutcome::Unknown => None,
            },
        }
    }
}
