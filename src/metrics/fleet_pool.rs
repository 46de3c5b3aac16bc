//! Servers of a fleet that are alike: what they did together, where others are unlike.

use serde::Serialize;

use super::meter::ratio;
use super::pool_settings::{PoolAbout, PoolSettings};
use super::server::{Utilisation, WorkDone};
use super::server_sums::{LevelSummary, ServerSums, ShareSummary};
use crate::engine::{Finished, StepRun};
use crate::units::PICOS_PER_SECOND;

/// What the servers of a pool did, from the first arrival in the fleet to the end, as JSON shows it: means are of one
/// of them, rates of all together.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct PoolReport {
    #[serde(flatten)]
    pub about: PoolAbout,
    /// Requests that were sent to it.
    pub attempts: u64,
    pub finished: u64,
    /// Answers that ended where prompt and output had `max_model_len` tokens, so that some may have been cut.
    pub reached_max_model_len: u64,
    /// Prompt tokens of answers.
    pub input_tokens_per_s: Option<f64>,
    pub output_tokens_per_s: Option<f64>,
    pub busy_fraction: Option<f64>,
    pub waiting: LevelSummary,
    pub running: LevelSummary,
    /// Used blocks as a fraction of those that can hold tokens.
    pub kv_usage: ShareSummary,
    /// Prompt tokens of finished requests that were found in a prefix cache, of all their prompt tokens.
    pub prefix_hit_ratio: Option<f64>,
    /// Operations that answers needed over those the GPUs could have done.
    pub model_flops_utilization: Option<f64>,
    /// Bytes of weights and KV cache that steps read over those the GPUs could have read.
    pub memory_bandwidth_utilization: Option<f64>,
}

/// What servers of a fleet that are alike have in common.
#[derive(Clone, Debug)]
pub(super) struct PoolKind {
    /// `None` if all servers are alike and nobody has named them.
    pub(super) about: Option<PoolAbout>,
    pub(super) usable_blocks: u32,
    pub(super) prefix_caching: bool,
    pub(super) max_model_len: u32,
}

/// What is added up of a pool beside the sums of its servers.
pub(super) struct PoolBook {
    kind: PoolKind,
    work: Option<WorkDone>,
}

/// The same, of one run or several.
#[derive(Clone, Debug)]
pub(super) struct PoolTotal {
    pub(super) kind: PoolKind,
    utilisation: Option<Utilisation>,
}

impl PoolBook {
    /// Of servers that are alike, as all are.
    pub(super) const fn of_all(kind: PoolKind) -> Self {
        Self { kind, work: None }
    }

    pub(super) fn of(pool: &PoolSettings<'_>) -> Self {
        Self {
            kind: PoolKind {
                about: Some(pool.about.clone()),
                usable_blocks: pool.server.kv_blocks - 1,
                prefix_caching: pool.prefix_caching,
                max_model_len: pool.server.max_model_len,
            },
            work: Some(WorkDone::none_of(pool.gpu_work.clone())),
        }
    }

    pub(super) const fn kind(&self) -> &PoolKind {
        &self.kind
    }

    pub(super) fn finished(&mut self, request: &Finished) {
        if let Some(work) = &mut self.work {
            work.finished(request);
        }
    }

    pub(super) fn ran(&mut self, run: &StepRun<'_>) {
        if let Some(work) = &mut self.work {
            work.ran(run);
        }
    }

    pub(super) fn finish(self) -> PoolTotal {
        PoolTotal {
            kind: self.kind,
            utilisation: self.work.map(WorkDone::finish),
        }
    }
}

impl PoolTotal {
    pub(super) fn merge(&mut self, other: &Self) {
        if let (Some(mine), Some(theirs)) = (&mut self.utilisation, &other.utilisation) {
            mine.merge(theirs);
        }
    }

    /// What its servers, of which these are the sums, did in so many picoseconds each; `None` if nobody has named it.
    pub(super) fn report(&self, sums: &[&ServerSums], covered_picos: u128) -> Option<PoolReport> {
        let about = self.kind.about.clone()?;
        let mut all = ServerSums::default();
        for sums in sums {
            all.add(sums);
        }
        let covered = covered_picos as f64;
        let of_servers = covered * f64::from(about.servers);
        let per_s = |tokens: u128| ratio(tokens as f64, covered / PICOS_PER_SECOND as f64);
        let [flops, bytes] = [flops, bytes].map(|of| {
            let (done, possible_per_s) = of(self)?;
            ratio(done, possible_per_s * covered / PICOS_PER_SECOND as f64)
        });
        Some(PoolReport {
            attempts: all.attempts,
            finished: all.finished,
            reached_max_model_len: all.reached_max_model_len,
            input_tokens_per_s: per_s(all.prompt_tokens),
            output_tokens_per_s: per_s(all.output_tokens),
            busy_fraction: all.busy_fraction(of_servers),
            waiting: all.waiting(of_servers),
            running: all.running(of_servers),
            kv_usage: self.kind.kv_usage(&all, of_servers),
            prefix_hit_ratio: self.kind.prefix_hit_ratio(&all),
            model_flops_utilization: flops,
            memory_bandwidth_utilization: bytes,
            about,
        })
    }
}

impl PoolKind {
    /// Of a server, or of several together that were there for so many picoseconds in all.
    pub(super) fn kv_usage(&self, sums: &ServerSums, picos: f64) -> ShareSummary {
        let blocks = f64::from(self.usable_blocks.max(1));
        ShareSummary {
            mean: ratio(sums.used_blocks as f64, picos).map(|used| used / blocks),
            max: sums.most_used_blocks as f64 / blocks,
        }
    }

    pub(super) fn prefix_hit_ratio(&self, sums: &ServerSums) -> Option<f64> {
        ratio(sums.hit_tokens as f64, sums.prompt_tokens as f64).filter(|_| self.prefix_caching)
    }
}

/// Operations that the GPUs of a pool did, and could do in a second.
pub(super) fn flops(pool: &PoolTotal) -> Option<(f64, f64)> {
    let (work, about) = (pool.utilisation?, pool.kind.about.as_ref()?);
    let gpus = f64::from(about.tensor_parallel);
    Some((
        work.flops * gpus,
        work.peak_flops_per_s * gpus * f64::from(about.servers),
    ))
}

/// Bytes that the GPUs of a pool read, and could read in a second.
pub(super) fn bytes(pool: &PoolTotal) -> Option<(f64, f64)> {
    let (work, about) = (pool.utilisation?, pool.kind.about.as_ref()?);
    let gpus = f64::from(about.tensor_parallel);
    Some((
        work.bytes * gpus,
        work.peak_bytes_per_s * gpus * f64::from(about.servers),
    ))
}
