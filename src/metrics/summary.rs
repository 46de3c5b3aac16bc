//! The numbers that are reported of a recording, in SI units.

use super::classes::worst_result;
use super::meters::Summary;
use super::recording::Recording;
use super::verdict::is_met;
use super::whole_crowd;

impl Summary {
    /// The numbers of a single run; those of several come from [`super::Replications`].
    pub fn of(recording: &Recording) -> Self {
        let summary = Self::of_totals(&recording.client, &recording.server, &recording.durations);
        let mut summary = Self {
            constraint: summary.constraint.or_compute(summary.gpu.model_flops_utilization),
            ..summary
        };
        whole_crowd::add_quantiles(&mut summary, &recording.client.latency);
        summary.of_classes = worst_result(&recording.classes());
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
