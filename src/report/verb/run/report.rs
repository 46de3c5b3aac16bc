//! The result of one scenario, however it is shown.

use std::time::Duration;

use serde::Serialize;

use crate::metrics::{Slo, SloOutcome, SloResult, Summary};
use crate::study::MOST_REJECTED;

/// Everything a report of one scenario shows.
#[derive(Clone, Debug)]
pub struct RunReport {
    /// What was simulated, for people.
    pub headline: Headline,
    /// Names the scenario's content: the same for the same input.
    pub scenario_hash: String,
    /// The seed of the run, or of the first of several.
    pub seed: u64,
    /// How far the step times may be trusted and where they come from, such as "roofline: H100-SXM datasheet".
    pub fidelity: Option<String>,
    /// How far they may be off.
    pub model_error: Option<ModelError>,
    /// The numbers of the run, or of several pooled.
    pub summary: Summary,
    /// What the GPU memory holds.
    pub memory: MemoryReport,
    /// What was asked for.
    pub slos: Vec<Slo>,
}

/// What was simulated, in words.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Headline {
    pub model: String,
    pub gpu: String,
    pub tensor_parallel: u32,
    /// Such as "continuous batching".
    pub policy: String,
    /// The name of the scenario.
    pub workload: String,
    /// How many runs with different seeds; at least 1.
    pub replications: u32,
    /// How long the simulation took in reality.
    pub wall: Option<Duration>,
}

/// What is known of the step times and how far predictions with as much were off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ModelError {
    /// Such as `measured_gpu` or `datasheet`.
    pub class: &'static str,
    /// Of a step, relative; `None` where the step times are given.
    pub step_time: Option<f64>,
}

/// What the GPU memory of one GPU holds [bytes]; `None` where no memory model was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct MemoryReport {
    pub total_bytes: Option<u64>,
    pub weights_bytes: Option<u64>,
    pub activations_bytes: Option<u64>,
    pub overhead_bytes: Option<u64>,
    pub kv_bytes: Option<u64>,
    /// (GPU memory - weights) / KV per user, with the mean context.
    pub closed_form_users: Option<f64>,
}

/// The result in a word. Of several that apply, the first in this order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An SLO is missed.
    SloMissed,
    /// No SLO is missed, but the queue grew still at the end: longer runs would show longer latencies.
    Saturated,
    /// There are too few samples to judge an SLO.
    SloUnknown,
    /// Nothing of this is so.
    Ok,
}

impl Verdict {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SloMissed => "slo_missed",
            Self::Saturated => "saturated",
            Self::SloUnknown => "slo_unknown",
            Self::Ok => "ok",
        }
    }
}

impl RunReport {
    /// How each SLO fared.
    pub fn slo_results(&self) -> Vec<SloResult> {
        self.slos.iter().map(|slo| slo.judge(&self.summary)).collect()
    }

    /// The result in a word.
    pub fn verdict(&self) -> Verdict {
        let results = self.slo_results();
        let any = |outcome| results.iter().any(|result| result.outcome == outcome);
        if any(SloOutcome::Missed) {
            Verdict::SloMissed
        } else if self.queue_grows() {
            Verdict::Saturated
        } else if any(SloOutcome::Unknown) {
            Verdict::SloUnknown
        } else {
            Verdict::Ok
        }
    }

    /// What a reader must know before believing the numbers.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(saturation) = self.summary.saturation.filter(|saturation| saturation.queue_grows) {
            warnings.push(format!(
                "the queue still grows at the end (depth met by arrivals: {:.1} requests in the second quarter, {:.1} \
                 in the last): no steady \
                 state, latencies depend on the length of the run",
                saturation.early_depth, saturation.late_depth
            ));
        }
        let requests = &self.summary.requests;
        let cut_off = requests.running_at_end + requests.waiting_at_end;
        if cut_off > 0 {
            warnings.push(format!(
                "{cut_off} requests had not ended when the run did; latencies are those of finished requests only"
            ));
        }
        if requests.timed_out > 0 {
            warnings.push(format!(
                "{} of {} requests timed out; latencies, and SLOs on them, are those of finished requests only",
                requests.timed_out, requests.arrived
            ));
        }
        let is_served = requests.rejected < requests.arrived;
        if is_served && requests.rejected as f64 > MOST_REJECTED * requests.arrived as f64 {
            warnings.push(format!(
                "{} of {} requests were rejected: each is longer than server.max_model_len, the KV cache or a limit of \
                 the policy allows; latencies, and SLOs on them, are those of the others",
                requests.rejected, requests.arrived
            ));
        }
        if requests.arrived > 0 && requests.rejected == requests.arrived {
            warnings.push(format!(
                "all {} requests were rejected: each is longer than server.max_model_len, the KV cache or a limit of \
                 the policy allows",
                requests.rejected
            ));
            return warnings; // More requests would tell no more.
        }
        if requests.cut_at_max_model_len > 0 {
            warnings.push(format!(
                "the outputs of {} of {} requests are cut: prompt and output are longer together than \
                 server.max_model_len, where the engine stops",
                requests.cut_at_max_model_len, requests.arrived
            ));
        }
        for result in self.slo_results() {
            if result.outcome == SloOutcome::Unknown {
                let samples = self.summary.latency.of(result.slo.metric).count;
                warnings.push(if samples == 0 && requests.finished > 0 {
                    format!(
                        "{} cannot be judged: no response has a time between tokens, as each came as a whole or is a \
                         single token",
                        result.slo
                    )
                } else {
                    format!(
                        "{samples} samples are too few to judge {}: simulate more requests",
                        result.slo
                    )
                });
            }
        }
        warnings
    }

    fn queue_grows(&self) -> bool {
        self.summary.saturation.is_some_and(|saturation| saturation.queue_grows)
    }
}
