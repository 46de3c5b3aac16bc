//! The numbers that are reported of a recording, in SI units.

use super::classes::worst_result;
use super::cost_numbers::CostNumbers;
use super::fleet::FleetTotal;
use super::meter::ratio;
use super::meters::Summary;
use super::recording::Recording;
use super::verdict::is_met;
use super::whole_crowd;

/// The summary, with numbers that no meter of all servers knows where these are unlike.
fn of_unlike_servers(recording: &Recording, mut summary: Summary) -> Summary {
    let Some(unlike) = recording.fleet.as_ref().and_then(FleetTotal::unlike) else {
        return summary;
    };
    summary.gpu.model_flops_utilization = unlike.model_flops_utilization;
    summary.gpu.memory_bandwidth_utilization = unlike.memory_bandwidth_utilization;
    if summary.kv.prefix_ideal_hit_tokens.is_none() {
        // Not all have a cache, or none of the same kind.
        summary.kv.prefix_hit_tokens = unlike.hit_tokens;
        summary.kv.prefix_query_tokens = unlike.query_tokens;
        summary.kv.prefix_hit_ratio = ratio(unlike.hit_tokens as f64, unlike.query_tokens as f64);
    }
    summary
}

impl Summary {
    /// The numbers of a single run; those of several come from [`super::Replications`].
    pub fn of(recording: &Recording) -> Self {
        let summary = Self::of_totals(&recording.client, &recording.server, &recording.durations);
        let summary = of_unlike_servers(recording, summary);
        let mut summary = Self {
            constraint: summary.constraint.or_compute(summary.gpu.model_flops_utilization),
            ..summary
        };
        whole_crowd::add_quantiles(&mut summary, &recording.client.latency);
        whole_crowd::add_latencies_of_paths(&mut summary, &recording.client.path);
        summary.of_classes = worst_result(&recording.classes());
        if let Some(rules) = &recording.cost {
            let facts = summary.cost_facts(recording.fleet().as_ref());
            summary.cost = facts.and_then(|facts| CostNumbers::of(rules, &facts));
        }
        summary.is_met = is_met(&recording.slos, &summary);
        summary
    }

    /// Prompt and output of the mean finished request [tokens]: what the back-of-envelope formula reserves for a user.
    pub fn mean_context_tokens(&self) -> Option<f64> {
        let rates = &self.throughput;
        let tokens_per_s = rates.input_tokens_per_s? + rates.output_tokens_per_s?;
        Some(tokens_per_s / rates.requests_per_s?).filter(|tokens| tokens.is_finite())
    }
}
