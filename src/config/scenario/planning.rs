//! What a plan for production has to know beside what is simulated: `[retrieval]`, `[reliability]`, `[capacity]`.

use super::capacity_rule::{self, MemoryRule};
use super::reliability::{self, Promise};
use super::retrieval;
use super::traffic::Traffic;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::retrieval::Retrieval;
use crate::units::Span;
use crate::workload::SpanDistribution;

/// Standard deviations from the median of a normal distribution to its 99th percentile.
const STANDARD_DEVIATIONS_TO_P99: f64 = 2.326_347_874;

/// What a plan has to know; no more of it is simulated than how long a query takes where a stage of the path is one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planning {
    /// The documents that answers are looked up in, if the scenario says so.
    pub retrieval: Option<Retrieval>,
    /// What is promised of the service.
    pub promise: Promise,
    /// Rules of thumb for memory in the user's own numbers, if there are some.
    pub memory_rule: Option<MemoryRule>,
}

impl Planning {
    /// Reads the three tables.
    pub(super) fn read(fields: &Fields<'_>) -> Result<Self, Diagnostic> {
        Ok(Self {
            retrieval: retrieval::read(fields.optional_section("retrieval")?)?,
            promise: reliability::read(fields.optional_section("reliability")?)?,
            memory_rule: capacity_rule::read(fields.optional_section("capacity")?)?,
        })
    }

    /// How long a query takes if each request of the traffic makes one; `None` without documents, or if queries come
    /// faster than they are answered.
    pub(super) fn time_of_query(&self, traffic: &Traffic) -> Option<SpanDistribution> {
        let requests_per_s = traffic.rate_per_s().unwrap_or(0.0);
        let query = self.retrieval.as_ref()?.needs(requests_per_s).query;
        Some(SpanDistribution::LogNormal {
            median: Span::from_seconds(query.p50_s)?,
            sigma: (query.p99_s? / query.p50_s).ln() / STANDARD_DEVIATIONS_TO_P99,
        })
    }
}
