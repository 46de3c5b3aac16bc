//! What a recorder heard in one run, or in several pooled: sums and distributions, from which a summary is made.

use super::binding::BindingTimes;
use super::fragmentation::Fragmentation;
use super::gpu_work::Utilisation;
use super::kv_usage::KvUsage;
use super::prefix_hits::PrefixLosses;
use super::saturation::Saturation;
use super::slo::Metric;
use super::summary::Requests;
use crate::policy::DraftCounts;
use crate::stats::{Distribution, TimeWeighted};

/// Sums and distributions over one run or several. Pooling adds them, so that rates and shares of the pool are those of
/// all its time.
#[derive(Clone, Debug)]
pub struct Recording {
    pub(super) requests: Requests,
    /// In the order of [`Metric::ALL`] [ps].
    pub(super) latencies: [Distribution; Metric::ALL.len()],
    /// `None` without SLOs.
    pub(super) good_requests: Option<u64>,
    pub(super) input_tokens: u128,
    pub(super) output_tokens: u128,
    pub(super) prefix_hit_tokens: u128,
    pub(super) prefix_query_tokens: u128,
    /// Of finished requests; `None` if nothing was drafted.
    pub(super) drafts: Option<DraftCounts>,
    /// `None` without a prefix cache, or if it is not known what prompts held.
    pub(super) prefix_losses: Option<PrefixLosses>,
    pub(super) recomputed_tokens: u128,
    /// First arrival to last finish.
    pub(super) serving_picos: u128,
    /// First arrival to the end of what time-weighted numbers cover.
    pub(super) window_picos: u128,
    pub(super) depth: TimeWeighted,
    pub(super) running: TimeWeighted,
    pub(super) busy_picos: u128,
    pub(super) steps: u64,
    pub(super) requests_in_steps: u128,
    pub(super) kv: KvUsage,
    pub(super) fragmentation: Fragmentation,
    pub(super) kv_size: KvSize,
    pub(super) utilisation: Option<Utilisation>,
    pub(super) bindings: BindingTimes,
    pub(super) saturation: Option<Saturation>,
}

/// The size of a KV cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KvSize {
    /// The null block included.
    pub(super) blocks: u32,
    pub(super) block_tokens: u32,
}

impl Recording {
    /// The distribution of a latency [ps].
    pub const fn latency(&self, metric: Metric) -> &Distribution {
        &self.latencies[metric as usize]
    }

    /// Adds another run of the same server. A pool's queue grows if that of any of its runs does.
    pub(super) fn pool(&mut self, other: &Self) {
        self.requests.add(&other.requests);
        for (mine, theirs) in self.latencies.iter_mut().zip(&other.latencies) {
            mine.merge(theirs);
        }
        if let (Some(mine), Some(theirs)) = (&mut self.good_requests, other.good_requests) {
            *mine += theirs;
        }
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.prefix_hit_tokens += other.prefix_hit_tokens;
        self.prefix_query_tokens += other.prefix_query_tokens;
        if let Some(theirs) = &other.drafts {
            self.drafts.get_or_insert_default().add(theirs);
        }
        self.prefix_losses = match (self.prefix_losses, &other.prefix_losses) {
            (Some(mut mine), Some(theirs)) => {
                mine.add(theirs);
                Some(mine)
            }
            _ => None,
        };
        self.recomputed_tokens += other.recomputed_tokens;
        self.serving_picos += other.serving_picos;
        self.window_picos += other.window_picos;
        self.depth.merge(&other.depth);
        self.running.merge(&other.running);
        self.busy_picos += other.busy_picos;
        self.steps += other.steps;
        self.requests_in_steps += other.requests_in_steps;
        self.kv.merge(&other.kv);
        self.fragmentation.merge(&other.fragmentation);
        if let (Some(mine), Some(theirs)) = (&mut self.utilisation, &other.utilisation) {
            mine.merge(theirs);
        }
        self.bindings.merge(&other.bindings);
        let grows = |saturation: &Saturation| saturation.queue_grows;
        if !self.saturation.as_ref().is_some_and(grows) {
            self.saturation = other.saturation.filter(grows).or(self.saturation);
        }
    }
}
