//! What held requests back most, and for how much of the time.

use serde::Serialize;

use super::binding::{AdmissionLimits, Binding, BindingTimes};
use crate::engine::StepRun;
use crate::metrics::meter::{Durations, Meter, ResultSection, StartOfSteps, Total, WholeRun};
use crate::metrics::named_number::NamedNumber;
use crate::metrics::recorder_settings::RecorderSettings;
use crate::units::Time;

/// The limit that held requests back most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Constraint {
    /// Which limit it is.
    pub binding: Binding,
    /// For how much of the time it kept requests waiting (compute: the part of the GPU's peak that was used), 0..=1.
    pub share_of_time: f64,
    /// When it first did [s]; `None` for compute and nothing.
    pub first_at_s: Option<f64>,
}

/// Requests that waited for less of the time than this were not held back by a limit worth naming.
const WORTH_NAMING: f64 = 0.05;
/// Beyond this part of its peak a GPU is bound by arithmetic: large matrix products reach 0.8 of it (aiconfigurator's
/// operator tables), and a decode step that streams weights a few hundredths. That the GPU is busy says nothing: a
/// single request keeps it busy.
const NEAR_THE_PEAK: f64 = 0.5;

/// Memory of which less was ever used had room for whoever waited.
const FREE: f64 = 0.5;

/// Asks of each run of steps why requests waited meanwhile.
pub(in crate::metrics) struct ConstraintMeter {
    /// Of servers of each pool.
    limits: Vec<AdmissionLimits>,
    times: BindingTimes,
}

impl Meter for ConstraintMeter {
    type Total = BindingTimes;

    fn new(settings: &RecorderSettings<'_>) -> Self {
        Self {
            limits: settings
                .kinds()
                .into_iter()
                .map(|server| AdmissionLimits::of(&server.policy))
                .collect(),
            times: BindingTimes::default(),
        }
    }

    #[inline(always)]
    fn ran(&mut self, run: &StepRun<'_>, at_start: StartOfSteps) {
        if at_start.counts.waiting > 0 {
            // A copy: the compiler keeps in registers what nobody can point at.
            self.times
                .waited(&self.limits[at_start.pool], at_start.counts.running, *run);
        }
    }

    fn finish(self, _run: &WholeRun) -> BindingTimes {
        self.times
    }
}

impl Total for BindingTimes {
    type Section = Constraint;

    fn pool(&mut self, other: &Self) {
        self.merge(other);
    }

    /// The limit of the server; that arithmetic may hold requests back is added by [`Constraint::or_compute`].
    fn section(&self, durations: &Durations) -> Constraint {
        let covered = durations.covered_picos;
        let share_of = |picos: u128| {
            if covered == 0 {
                0.0
            } else {
                picos as f64 / covered as f64
            }
        };
        let waited = share_of(self.waited_picos());
        if waited >= WORTH_NAMING {
            let (binding, picos, first_at) = self.longest();
            return Constraint {
                binding,
                share_of_time: share_of(picos),
                first_at_s: first_at.map(Time::seconds),
            };
        }
        Constraint {
            binding: Binding::Nothing,
            share_of_time: waited,
            first_at_s: None,
        }
    }
}

impl Constraint {
    /// Arithmetic, if no limit is worth naming and the GPU used so much of its peak, if that is known.
    pub(in crate::metrics) fn or_compute(self, flops_utilization: Option<f64>) -> Self {
        match flops_utilization {
            Some(used) if self.binding == Binding::Nothing && used >= NEAR_THE_PEAK => Self {
                binding: Binding::Compute,
                share_of_time: used,
                first_at_s: None,
            },
            _ => self,
        }
    }
}

impl Constraint {
    /// No limit, if memory was free all the time: requests that are one pass long come and wait while a step that was
    /// decided before them begins, which looks as if something else had kept them out.
    pub(in crate::metrics) fn of_single_passes(self, most_kv_used: Option<f64>) -> Self {
        if self.binding != Binding::KvCapacity || most_kv_used.is_none_or(|most| most >= FREE) {
            return self;
        }
        Self {
            binding: Binding::Nothing,
            first_at_s: None,
            ..self
        }
    }
}

impl ResultSection for Constraint {
    /// None: a share means nothing without the limit that it is of.
    fn named_numbers() -> Vec<NamedNumber<Self>> {
        Vec::new()
    }
}
