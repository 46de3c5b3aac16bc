//! What held requests back: which limit kept the waiting ones out, for how much of the time, and since when.

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
    /// Nothing.
    Nothing,
}

/// The limit that held requests back most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Constraint {
    /// Which limit.
    pub binding: Binding,
    /// For how much of the time it kept requests waiting (compute: the part of the GPU's peak that was used), 0..=1.
    pub share_of_time: f64,
    /// When it first did [s]; `None` for compute and nothing.
    pub first_at_s: Option<f64>,
}

const LIMITS: [Binding; 4] = [
    Binding::KvCapacity,
    Binding::RequestSlots,
    Binding::TokenBudget,
    Binding::BatchUnderWay,
];

/// Requests that waited for less of the time than this were not held back by a limit worth naming.
const WORTH_NAMING: f64 = 0.05;
/// Beyond this part of its peak a GPU is bound by arithmetic: large matrix products reach 0.8 of it (aiconfigurator's
/// operator tables), and a decode step that streams weights a few hundredths. That the GPU is busy says nothing: a
/// single request keeps it busy.
const NEAR_THE_PEAK: f64 = 0.5;

/// Why a waiting request could not be admitted.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdmissionLimits(Limits);

/// For how long each limit kept requests waiting.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BindingTimes {
    picos: [u128; LIMITS.len()],
    first: [Option<Time>; LIMITS.len()],
}

impl AdmissionLimits {
    pub(super) fn of(policy: &PolicySettings) -> Self {
        Self(policy.limits())
    }

    /// Why requests waited although a step began.
    fn reason(&self, running: u32, run: &StepRun<'_>) -> Binding {
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

    /// What held requests back in a window of `picos`, in which the GPU used this part of its peak, if that is known.
    pub(super) fn judge(&self, picos: u128, flops_utilization: Option<f64>) -> Constraint {
        let waited: u128 = self.picos.iter().sum();
        let share_of = |picos_held: u128| {
            if picos == 0 {
                0.0
            } else {
                picos_held as f64 / picos as f64
            }
        };
        if share_of(waited) >= WORTH_NAMING {
            let most = self.picos.iter().copied().max().unwrap_or(0);
            let place = self.picos.iter().position(|&held| held == most).unwrap_or(0);
            return Constraint {
                binding: LIMITS[place],
                share_of_time: share_of(most),
                first_at_s: self.first[place].map(Time::seconds),
            };
        }
        match flops_utilization {
            Some(used) if used >= NEAR_THE_PEAK => Constraint {
                binding: Binding::Compute,
                share_of_time: used,
                first_at_s: None,
            },
            _ => Constraint {
                binding: Binding::Nothing,
                share_of_time: share_of(waited),
                first_at_s: None,
            },
        }
    }
}
