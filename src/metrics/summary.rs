//! The numbers that are reported, in SI units. Their names and their order are those of the JSON result.

use serde::Serialize;

use super::binding::Constraint;
use super::gpu_work::Utilisation;
use super::latency::LatencySummary;
use super::recording::Recording;
use super::saturation::Saturation;
use super::slo::Metric;
use crate::policy::DraftCounts;
use crate::stats::TimeWeighted;
use crate::units::PICOS_PER_SECOND;

/// What a run, or several pooled, were like.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Summary {
    pub requests: Requests,
    pub latency: Latencies,
    pub throughput: Throughput,
    pub queue: QueueSummary,
    pub kv: KvSummary,
    pub gpu: GpuSummary,
    /// What drafts came to; `None` if nothing was drafted.
    pub speculative: Option<SpeculativeSummary>,
    /// What held requests back.
    pub constraint: Constraint,
    /// Whether the queue grew still at the end; `None` if that cannot be told.
    pub saturation: Option<Saturation>,
}

/// How many requests came, and how they ended. `arrived` is the sum of the ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Requests {
    pub arrived: u64,
    pub finished: u64,
    pub rejected: u64,
    pub timed_out: u64,
    pub cancelled: u64,
    pub failed: u64,
    pub running_at_end: u64,
    pub waiting_at_end: u64,
    /// How often a request lost its blocks; not an end.
    pub preemptions: u64,
}

/// The latencies of finished requests. TTFT is first token - arrival, E2E last token - arrival, the queue wait first
/// scheduled - arrival; TPOT is (E2E - TTFT) / (output tokens - 1) of requests with more than one token; ITL pools
/// every gap, those of requests cut off by the end of the run included. A response sent as a whole has neither TPOT nor
/// ITL.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Latencies {
    pub ttft: LatencySummary,
    pub tpot: LatencySummary,
    pub itl: LatencySummary,
    pub e2e: LatencySummary,
    pub queue_wait: LatencySummary,
}

/// Finished requests and their tokens over the time from the first arrival to the last finish. Rates are `None` of no
/// time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Throughput {
    pub duration_s: f64,
    pub requests_per_s: Option<f64>,
    pub input_tokens_per_s: Option<f64>,
    pub output_tokens_per_s: Option<f64>,
    /// Requests that kept every limit that an SLO sets on a latency of their own; `None` without SLOs.
    pub goodput_per_s: Option<f64>,
}

/// Requests in the server over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct QueueSummary {
    pub depth: TimeWeightedSummary,
    pub running: TimeWeightedSummary,
}

/// A step function of time, weighted with time; `None` of no time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct TimeWeightedSummary {
    pub mean: Option<f64>,
    pub p50: Option<u64>,
    pub p90: Option<u64>,
    pub p99: Option<u64>,
    pub max: Option<u64>,
}

/// The KV cache.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct KvSummary {
    /// The null block included.
    pub blocks: u32,
    pub block_tokens: u32,
    pub usage: KvUsage,
    /// Prompt tokens of finished requests found in the prefix cache.
    pub prefix_hit_tokens: u64,
    /// Prompt tokens of finished requests looked up in it: none if it is off.
    pub prefix_query_tokens: u64,
    pub prefix_hit_ratio: Option<f64>,
    /// What a cache without limit, fed in the order of arrival, would have found of the same prompts, in whole blocks
    /// of the same size: the sum of `prefix_hit_tokens` and both losses. `None` without a cache, or if more distinct
    /// content was sent than is remembered.
    pub prefix_ideal_hit_tokens: Option<u64>,
    pub prefix_ideal_hit_ratio: Option<f64>,
    /// Prompt tokens that had been computed when their request was admitted, but were evicted.
    pub prefix_lost_to_capacity_tokens: Option<u64>,
    /// Prompt tokens of earlier requests that had not been computed yet when their request was admitted. Negative if
    /// more is gained from requests that arrived later and were served before.
    pub prefix_lost_to_order_tokens: Option<i64>,
    /// Tokens that finished requests computed once more after preemptions.
    pub recomputed_tokens: u64,
    pub fragmentation: KvFragmentation,
}

/// Slots for tokens that are allocated and hold none, as a fraction of those that are allocated. `None` if none ever
/// were.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct KvFragmentation {
    /// Over all slots and all the time they were allocated.
    pub mean: Option<f64>,
    /// When the most blocks were in use for the first time.
    pub at_peak: Option<f64>,
}

/// Used blocks as a fraction of those that can hold tokens, weighted with time. The 99th percentile is within 0.001.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct KvUsage {
    pub mean: Option<f64>,
    pub p99: Option<f64>,
    pub max: Option<f64>,
}

/// The drafts of finished requests, in the words of vLLM's `spec_decode` metrics.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct SpeculativeSummary {
    /// How often drafts were verified.
    pub drafts: u64,
    pub draft_tokens: u64,
    pub accepted_tokens: u64,
    /// Accepted tokens over draft tokens.
    pub acceptance_rate: Option<f64>,
    /// Tokens that a verification yields, the one that needs no draft included.
    pub mean_acceptance_length: Option<f64>,
}

/// The GPUs, from the first arrival to the end, idle time included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct GpuSummary {
    pub busy_fraction: Option<f64>,
    pub steps: u64,
    /// Requests in a step, mean over steps. The finished rows of a static batch count, as they are computed still.
    pub mean_batch: Option<f64>,
    /// Operations that finished requests needed over those the GPUs could have done. What was computed again after a
    /// preemption, for padding, or to make drafts and for those refused, was not needed.
    pub model_flops_utilization: Option<f64>,
    /// Bytes of the model's weights and KV cache that steps read over those the GPUs could have read; not those of a
    /// draft model.
    pub memory_bandwidth_utilization: Option<f64>,
}

impl Summary {
    /// The numbers of a single run; those of several come from [`super::Replications`].
    pub fn of(recording: &Recording) -> Self {
        let window_s = recording.window_picos as f64 / PICOS_PER_SECOND as f64;
        let used = |part: fn(Utilisation) -> (f64, f64)| {
            let (done, peak_per_s) = part(recording.utilisation?);
            ratio(done, peak_per_s * window_s)
        };
        let model_flops_utilization = used(|work| (work.flops, work.peak_flops_per_s));
        let latency = |metric| LatencySummary::of(recording.latency(metric));
        Self {
            requests: recording.requests,
            latency: Latencies {
                ttft: latency(Metric::Ttft),
                tpot: latency(Metric::Tpot),
                itl: latency(Metric::Itl),
                e2e: latency(Metric::E2e),
                queue_wait: latency(Metric::QueueWait),
            },
            throughput: Throughput::of(recording),
            queue: QueueSummary {
                depth: TimeWeightedSummary::of(&recording.depth),
                running: TimeWeightedSummary::of(&recording.running),
            },
            kv: KvSummary::of(recording),
            gpu: GpuSummary {
                busy_fraction: ratio(recording.busy_picos as f64, recording.window_picos as f64),
                steps: recording.steps,
                mean_batch: ratio(recording.requests_in_steps as f64, recording.steps as f64),
                model_flops_utilization,
                memory_bandwidth_utilization: used(|work| (work.bytes, work.peak_bytes_per_s)),
            },
            speculative: recording.drafts.as_ref().map(SpeculativeSummary::of),
            constraint: recording
                .bindings
                .judge(recording.window_picos, model_flops_utilization),
            saturation: recording.saturation,
        }
    }
}

impl Summary {
    /// Prompt and output of the mean finished request [tokens]: what the back-of-envelope formula reserves for a user.
    pub fn mean_context_tokens(&self) -> Option<f64> {
        let rates = &self.throughput;
        let tokens_per_s = rates.input_tokens_per_s? + rates.output_tokens_per_s?;
        Some(tokens_per_s / rates.requests_per_s?).filter(|tokens| tokens.is_finite())
    }
}

impl Requests {
    /// The sum of the ways to end.
    pub const fn ends(&self) -> u64 {
        self.finished
            + self.rejected
            + self.timed_out
            + self.cancelled
            + self.failed
            + self.running_at_end
            + self.waiting_at_end
    }

    pub(super) const fn add(&mut self, other: &Self) {
        self.arrived += other.arrived;
        self.finished += other.finished;
        self.rejected += other.rejected;
        self.timed_out += other.timed_out;
        self.cancelled += other.cancelled;
        self.failed += other.failed;
        self.running_at_end += other.running_at_end;
        self.waiting_at_end += other.waiting_at_end;
        self.preemptions += other.preemptions;
    }
}

impl Latencies {
    /// The one of a metric.
    pub const fn of(&self, metric: Metric) -> &LatencySummary {
        match metric {
            Metric::Ttft => &self.ttft,
            Metric::Tpot => &self.tpot,
            Metric::Itl => &self.itl,
            Metric::E2e => &self.e2e,
            Metric::QueueWait => &self.queue_wait,
        }
    }

    /// The one of a metric, to add to it.
    pub const fn of_mut(&mut self, metric: Metric) -> &mut LatencySummary {
        match metric {
            Metric::Ttft => &mut self.ttft,
            Metric::Tpot => &mut self.tpot,
            Metric::Itl => &mut self.itl,
            Metric::E2e => &mut self.e2e,
            Metric::QueueWait => &mut self.queue_wait,
        }
    }
}

impl Throughput {
    fn of(recording: &Recording) -> Self {
        let duration_s = recording.serving_picos as f64 / PICOS_PER_SECOND as f64;
        Self {
            duration_s,
            requests_per_s: ratio(recording.requests.finished as f64, duration_s),
            input_tokens_per_s: ratio(recording.input_tokens as f64, duration_s),
            output_tokens_per_s: ratio(recording.output_tokens as f64, duration_s),
            goodput_per_s: recording.good_requests.and_then(|good| ratio(good as f64, duration_s)),
        }
    }
}

impl TimeWeightedSummary {
    fn of(values: &TimeWeighted) -> Self {
        Self {
            mean: values.mean(),
            p50: values.quantile(500),
            p90: values.quantile(900),
            p99: values.quantile(990),
            max: values.max(),
        }
    }
}

impl KvSummary {
    fn of(recording: &Recording) -> Self {
        let (hits, queries) = (recording.prefix_hit_tokens, recording.prefix_query_tokens);
        let losses = recording.prefix_losses;
        Self {
            blocks: recording.kv_size.blocks,
            block_tokens: recording.kv_size.block_tokens,
            usage: KvUsage {
                mean: recording.kv.mean(),
                p99: recording.kv.quantile(990),
                max: recording.kv.max(),
            },
            prefix_hit_tokens: hits as u64,
            prefix_query_tokens: queries as u64,
            prefix_hit_ratio: ratio(hits as f64, queries as f64),
            prefix_ideal_hit_tokens: losses.map(|it| it.ideal),
            prefix_ideal_hit_ratio: losses.and_then(|it| ratio(it.ideal as f64, queries as f64)),
            prefix_lost_to_capacity_tokens: losses.map(|it| it.lost_to_capacity),
            prefix_lost_to_order_tokens: losses.map(|it| it.lost_to_order),
            recomputed_tokens: recording.recomputed_tokens as u64,
            fragmentation: KvFragmentation {
                mean: recording.fragmentation.mean(),
                at_peak: recording.fragmentation.at_peak(),
            },
        }
    }
}

impl SpeculativeSummary {
    fn of(counts: &DraftCounts) -> Self {
        let accepted = counts.accepted_tokens as f64;
        Self {
            drafts: counts.drafts,
            draft_tokens: counts.draft_tokens,
            accepted_tokens: counts.accepted_tokens,
            acceptance_rate: ratio(accepted, counts.draft_tokens as f64),
            mean_acceptance_length: ratio(accepted, counts.drafts as f64).map(|mean| 1.0 + mean),
        }
    }
}

/// `part / whole`; `None` of nothing.
fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}
