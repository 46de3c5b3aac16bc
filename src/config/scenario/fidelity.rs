//! How far modelled step times may be trusted: what is known of the GPU and the deployment, and how far predictions
//! with as much were off.

use super::deployment::Deployment;
use super::resolved::Scenario;

/// How step times are known; the least known come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Knowledge {
    /// The scenario gives them.
    Given,
    /// Calibrated on this deployment.
    Calibrated,
    /// Kernels measured on this GPU; what steps pay besides is that of another.
    Measured,
    /// Some of the kernels measured on this GPU.
    PartlyMeasured,
    /// The GPU's datasheet.
    Datasheet,
}

impl Knowledge {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Calibrated => "calibrated",
            Self::Measured => "measured_gpu",
            Self::PartlyMeasured => "partly_measured_gpu",
            Self::Datasheet => "datasheet",
        }
    }
}

/// The least that can be known of anybody's server: two runs of one experiment differ by as much.
const REPEATED: f64 = 0.02;
/// Of 13 runs of six models, each predicted without its model, 12 have a TPOT within 4 % and one within 6 %; of 135
/// closed loops, whose set-ups and some coefficients were chosen with them in view, nine in ten are within 5 %
/// (`docs/LATENCY_MODEL.md`).
const MEASURED: f64 = 0.05;
/// Between its neighbours.
const PARTLY_MEASURED: f64 = 0.07;
/// With the GPU known by its datasheet those 13 runs are within 9 %, and half of 120 closed loops on B200 within 8 %.
const DATASHEET: f64 = 0.10;
/// Layers that keep a state and sparse attention are priced by their bytes and operations, and no run of a server has
/// been compared: assumed.
const NOBODY_COMPARED: f64 = 0.25;

impl Scenario {
    /// How the step times are known of those servers of which least is known.
    pub fn knowledge(&self) -> Knowledge {
        let all = self.deployments().into_iter();
        let all = all.map(|(deployment, _)| deployment.knowledge());
        all.max().expect("there is a server")
    }

    /// How far step times may be off where they may be most, relative; `None` if the scenario gives all of them.
    pub fn step_time_error(&self) -> Option<f64> {
        let all = self.deployments().into_iter();
        let known = all.filter_map(|(deployment, _)| deployment.step_time_error());
        known.reduce(f64::max)
    }
}

impl Deployment {
    /// How step times are known.
    pub fn knowledge(&self) -> Knowledge {
        if !self.step_times.kind().is_modelled {
            return Knowledge::Given;
        }
        if self.calibration.is_some() {
            return Knowledge::Calibrated;
        }
        let kernels = self.gpu.measured_kernels();
        let missing = kernels.unmeasured(&self.model, self.tensor_parallel > 1);
        if missing.is_empty() {
            Knowledge::Measured
        } else if kernels.linear.is_none() && kernels.attention.is_none() {
            Knowledge::Datasheet
        } else {
            Knowledge::PartlyMeasured
        }
    }

    /// How far step times may be off, relative; `None` if it is for whoever gave them to say.
    pub fn step_time_error(&self) -> Option<f64> {
        match self.knowledge() {
            Knowledge::Given => None,
            Knowledge::Calibrated => {
                let calibration = self.calibration.as_ref()?;
                let of = |name| calibration.errors.iter().find(|(other, _)| other == name);
                let left = of("tpot.mean").or(of("step")).or(of("e2e.mean"));
                Some(left.map_or(MEASURED, |(_, error)| error.max(REPEATED)))
            }
            Knowledge::Measured => Some(MEASURED),
            _ if self.model.has_states() || self.model.has_indexers() => Some(NOBODY_COMPARED),
            Knowledge::PartlyMeasured => Some(PARTLY_MEASURED),
            Knowledge::Datasheet => Some(DATASHEET),
        }
    }
}
