//! What meters need to know of a run before it starts.

use super::pool_settings::PoolSettings;
use super::server::{GpuWork, StepPrices};
use super::slo::Slo;
use super::windows::Trim;
use crate::engine::ServerSettings;

/// What a [`super::Recorder`] needs to know beforehand.
pub struct RecorderSettings<'a> {
    /// The server it listens to; where servers are unlike, one of them.
    pub server: &'a ServerSettings,
    /// Kinds of servers, in the order of their numbers; none if all servers are alike and nobody has named them.
    pub pools: Vec<PoolSettings<'a>>,
    /// Whether the server looks prompts up in a prefix cache.
    pub prefix_caching: bool,
    /// What a request has to keep to count for goodput.
    pub slos: &'a [Slo],
    /// What the GPUs do and could do; without it their utilisation stays unknown.
    pub gpu_work: Option<GpuWork>,
    /// What tells the parts of its steps; without it they stay unknown.
    pub step_prices: Option<StepPrices>,
    /// What is left out of latencies, throughput and queue depths.
    pub trim: Trim,
}

impl RecorderSettings<'_> {
    /// Each kind of servers, in the order of the pools.
    pub(super) fn kinds(&self) -> Vec<&ServerSettings> {
        match &self.pools[..] {
            [] => vec![self.server],
            pools => pools.iter().map(|pool| pool.server).collect(),
        }
    }

    /// The most tokens that a request may have on any server.
    pub(super) fn max_model_len(&self) -> u32 {
        let kinds = self.kinds().into_iter().map(|server| server.max_model_len);
        kinds.max().expect("there is a server")
    }

    /// The most tokens that a request may come to on any server before its output is cut.
    pub(super) fn longest_request(&self) -> u32 {
        let kinds = self.kinds().into_iter().map(ServerSettings::longest_request);
        kinds.max().expect("there is a server")
    }

    /// What servers of all kinds have in common; `None` if they differ in it.
    pub(super) fn common<T: PartialEq>(&self, of: impl Fn(&ServerSettings) -> T) -> Option<T> {
        let mut kinds = self.kinds().into_iter().map(of);
        let first = kinds.next()?;
        kinds.all(|other| other == first).then_some(first)
    }

    /// Whether a prompt finds the same in the prefix caches of all servers that hold the same content.
    pub(super) fn caches_are_alike(&self) -> bool {
        let mut pools = self.pools.iter();
        let Some(first) = pools.next() else {
            return self.prefix_caching;
        };
        let has_one = |pool: &PoolSettings<'_>| pool.prefix_caching;
        let is_alike = |pool: &PoolSettings<'_>| has_one(pool) && pool.about.model == first.about.model;
        let together = self.common(|server| server.policy.cached_together(server.block_tokens));
        has_one(first) && pools.all(is_alike) && together.is_some()
    }
}
