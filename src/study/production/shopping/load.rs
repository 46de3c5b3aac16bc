//! The load that servers are bought for: the scenario's own, at its busiest.

use crate::config::Diagnostic;
use crate::study::lasting_rate::{REQUESTS_AT_A_LASTING_RATE, lasting};
use crate::study::production::question::ProductionQuestion;
use crate::study::{Base, Input, LoadDial, LoadKind, Stopped};

/// What servers have to carry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadToCarry {
    /// What it is in.
    pub kind: LoadKind,
    /// How much.
    pub load: f64,
    /// The mean over time as a part of it; 1 where it does not change.
    pub mean_share: f64,
}

/// The load, and the scenario in which it lasts.
pub(super) struct BusiestHour {
    pub(super) load: LoadToCarry,
    pub(super) base: Base,
    pub(super) dial: LoadDial,
    /// Requests of a run.
    pub(super) requests_of_run: u64,
}

impl LoadToCarry {
    /// What a scenario asks its servers to carry, and how to set it; otherwise why nobody can buy servers for it.
    pub fn asked_of(input: &Input) -> Result<(f64, LoadDial), Diagnostic> {
        let dial = LoadDial::new(LoadKind::of(input), input)?;
        let load = dial.load_of(input).ok_or_else(|| {
            let message = "all its requests come at once, and how many servers are enough then is a matter of patience";
            Diagnostic::new(message).help("give them a rate: arrivals = { process = \"poisson\", rate = 2.0 }")
        })?;
        Ok((load, dial))
    }

    /// Whether it is that of the busiest stage of a profile.
    pub fn is_of_busiest_stage(&self) -> bool {
        self.mean_share < 1.0
    }
}

impl BusiestHour {
    /// The load of a scenario; of a profile that of its busiest stage, as if it lasted: a quantile over the whole day
    /// may be met while everybody waits at noon.
    pub(super) fn of(question: &ProductionQuestion<'_>, requests_of_run: u64) -> Result<Self, Stopped> {
        let input = question.input;
        let (load, dial) = LoadToCarry::asked_of(input).map_err(Stopped::Failed)?;
        let LoadKind::ProfileTimes { mean_per_s, peak_per_s } = dial.kind() else {
            let load = LoadToCarry {
                kind: dial.kind(),
                load,
                mean_share: 1.0,
            };
            let base = question.base.clone();
            return Ok(Self {
                load,
                base,
                dial,
                requests_of_run,
            });
        };
        let base = question.base.changed(&lasting("--over", peak_per_s));
        let at_peak = base
            .load()
            .map_err(|problem| Stopped::Invalid("at the peak".to_owned(), problem))?;
        let dial = LoadDial::new(LoadKind::Rate, &at_peak).map_err(Stopped::Failed)?;
        let load = LoadToCarry {
            kind: dial.kind(),
            load: peak_per_s,
            mean_share: mean_per_s / peak_per_s,
        };
        Ok(Self {
            load,
            base,
            dial,
            requests_of_run: REQUESTS_AT_A_LASTING_RATE,
        })
    }
}
