//! Which limit of the server kept waiting requests out, for how long, and since when.

use serde::Serialize;

use crate::engine::StepRun;
use crate::policy::{Limits, PolicySettings};
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
    /// No limit worth naming.
    Nothing,
}

impl Binding {
    /// Those that keep requests from being admitted.
    pub(in crate::metrics) const OF_ADMISSION: [Self; 4] = [
        Self::KvCapacity,
        Self::RequestSlots,
        Self::TokenBudget,
        Self::BatchUnderWay,
    ];
}

const LIMITS: [Binding; 4] = Binding::OF_ADMISSION;

/// Why a waiting request could not be admitted.
#[derive(Clone, Copy, Debug)]
pub(in crate::metrics) struct AdmissionLimits(Limits);

/// For how long each limit kept requests waiting.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::metrics) struct BindingTimes {
    picos: [u128; LIMITS.len()],
    first: [Option<Time>; LIMITS.len()],
}

impl AdmissionLimits {
    pub(in crate::metrics) fn of(policy: &PolicySettings) -> Self {
        Self(policy.limits())
    }

    /// Why requests waited although a step began.
    pub(in crate::metrics) fn reason(&self, running: u32, run: &StepRun<'_>) -> Binding {
        // The finished rows of a static batch keep their places until it ends.
        if running.max(run.shape.sequences) >= self.0.most_running {
            Binding::RequestSlots
        } else if self.0.batch_at_a_time {
            Binding::BatchUnderWay
        } else if run.shape.tokens() >= self.0.most_tokens || (self.0.whole_prompts && run.shape.has_prompts()) {
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
