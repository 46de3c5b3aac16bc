//! Which limit of the server kept waiting requests out, for how long, and since when.

use serde::Serialize;

use crate::engine::StepRun;
use crate::policy::PolicySettings;
use crate::units::Time;

/// A limit of the server that keeps requests waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// The next request's blocks were not free.
    KvCapacity,
    /// As many requests ran as may.
    RequestSlots,
    /// The step held as many tokens as it may.
    TokenBudget,
    /// A static batch with places to spare was under way, which admits nobody.
    BatchUnderWay,
    /// Requests hardly waited to be admitted, but the GPU computed near its peak: steps are as long as their arithmetic
    /// takes.
    Compute,
    /// Nothing.
    Nothing,
}

const LIMITS: [Binding; 4] = [
    Binding::KvCapacity,
    Binding::RequestSlots,
    Binding::TokenBudget,
    Binding::BatchUnderWay,
];

/// The settings that decide why a waiting request could not be admitted.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdmissionLimits {
    most_running: u32,
    most_tokens: u64,
    /// Prompts are never cut, so that a waiting one may miss the budget that is left.
    whole_prompts: bool,
    /// Nobody is admitted while a batch runs.
    batch_at_a_time: bool,
}

/// For how long each limit kept requests waiting.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::metrics) struct BindingTimes {
    picos: [u128; LIMITS.len()],
    first: [Option<Time>; LIMITS.len()],
}

impl AdmissionLimits {
    pub(super) fn of(policy: &PolicySettings) -> Self {
        let (most_running, most_tokens, whole_prompts, batch_at_a_time) = match policy {
            PolicySettings::None => (1, u64::MAX, false, false),
            PolicySettings::Static(settings) => (settings.max_batch_size, u64::MAX, false, true),
            PolicySettings::Continuous(settings) => (
                settings.max_num_seqs,
                settings.max_num_batched_tokens.into(),
                !settings.chunked_prefill,
                false,
            ),
            PolicySettings::Orca(settings) => (settings.max_batch_size, u64::MAX, false, false),
            PolicySettings::Sarathi(settings) => (settings.max_num_seqs, settings.chunk_size.into(), false, false),
            PolicySettings::VllmV0(settings) => (
                settings.max_num_seqs,
                settings.max_num_batched_tokens.into(),
                !settings.chunked_prefill,
                false,
            ),
            // That too few wait to pause the decodes shows in no step; it counts as memory, the usual reason.
            PolicySettings::Tgi(settings) => (u32::MAX, settings.max_batch_prefill_tokens.into(), true, false),
            PolicySettings::Trtllm(settings) => (
                settings.max_batch_size,
                settings.max_num_tokens.into(),
                !settings.chunked_context,
                false,
            ),
            PolicySettings::Sglang(settings) => {
                let chunk = settings.chunked_prefill_size;
                let most = settings.max_prefill_tokens.min(chunk.unwrap_or(u32::MAX));
                (settings.max_running_requests, most.into(), chunk.is_none(), false)
            }
        };
        Self {
            most_running,
            most_tokens,
            whole_prompts,
            batch_at_a_time,
        }
    }

    /// Why requests waited although a step began.
    fn reason(&self, running: u32, run: &StepRun<'_>) -> Binding {
        // The finished rows of a static batch keep their places until it ends.
        if running.max(run.shape.sequences) >= self.most_running {
            Binding::RequestSlots
        } else if self.batch_at_a_time {
            Binding::BatchUnderWay
        } else if run.shape.tokens() >= self.most_tokens || (self.whole_prompts && run.shape.has_prompts()) {
            Binding::TokenBudget
        } else {
            Binding::KvCapacity
        }
    }
}

impl BindingTimes {
    /// A run began with so many running and others waiting.
    pub(super) fn waited(&mut self, limits: &AdmissionLimits, running: u32, run: StepRun<'_>) {
        let reason = limits.reason(running, &run);
        for (place, limit) in LIMITS.iter().enumerate() {
            if *limit == reason {
                self.picos[place] += u128::from(run.takes.picos());
                self.first[place].get_or_insert(run.start);
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for place in 0..LIMITS.len() {
            self.picos[place] += other.picos[place];
            self.first[place] = self.first[place].or(other.first[place]);
        }
    }

    /// For how long requests waited in all [ps].
    pub(super) fn waited_picos(&self) -> u128 {
        self.picos.iter().sum()
    }

    /// The limit that kept requests waiting longest, for how long [ps], and since when.
    pub(super) fn longest(&self) -> (Binding, u128, Option<Time>) {
        let most = self.picos.iter().copied().max().unwrap_or(0);
        let place = self.picos.iter().position(|&held| held == most).unwrap_or(0);
        (LIMITS[place], most, self.first[place])
    }
}
