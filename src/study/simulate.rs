//! Runs a scenario once: the one place where a scenario, an engine and a recorder come together.

use std::error::Error;
use std::fmt;

use crate::config::{Scenario, Workload};
use crate::engine::{self, Observer, Server, ServerSettings};
use crate::fleet::{self, Fronted, ReplayError};
use crate::hardware::Arithmetic;
use crate::metrics::{GpuWork, Recorder, RecorderSettings, Recording, Slo};
use crate::workload::trace::{self, TraceError};
use crate::workload::{Arrivals, Source};

/// Why a simulation could not go to its end.
#[derive(Debug)]
pub enum SimulationError {
    /// The trace cannot be opened.
    Trace(TraceError),
    /// The run cannot go on.
    Replay(ReplayError),
}

impl fmt::Display for SimulationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trace(error) => error.fmt(formatter),
            Self::Replay(error) => error.fmt(formatter),
        }
    }
}

impl Error for SimulationError {}

/// Runs the scenario with one seed.
pub fn simulate(scenario: &Scenario, seed: u64) -> Result<Recording, SimulationError> {
    let mut recorder = recorder(scenario, &[]);
    replay(scenario, seed, &mut recorder)?;
    Ok(recorder.finish())
}

/// The same, heard by whoever wants to.
pub fn replay(scenario: &Scenario, seed: u64, observer: &mut (impl Observer + ?Sized)) -> Result<(), SimulationError> {
    match &scenario.workload {
        Workload::Synthetic(workload) => replay_source(scenario, seed, &mut workload.source(seed), observer),
        Workload::Trace(workload) => {
            let opened = trace::open_seeded(workload, seed);
            let mut source = opened.map_err(SimulationError::Trace)?;
            replay_source(scenario, seed, &mut source, observer)
        }
    }
}

/// The same with other requests than the scenario's own.
pub fn replay_source(
    scenario: &Scenario,
    seed: u64,
    source: &mut dyn Source,
    observer: &mut (impl Observer + ?Sized),
) -> Result<(), SimulationError> {
    let mut engine = engine(scenario, seed);
    fleet::replay(&mut engine, source, observer).map_err(SimulationError::Replay)
}

/// The scenario's server, as its clients see it.
pub fn engine(scenario: &Scenario, seed: u64) -> Fronted<Server> {
    let server = ServerSettings {
        policy: scenario.server.policy.clone().with_seed(seed),
        ..scenario.server
    };
    let engine = engine::fast(&server, scenario.step_time());
    scenario.front_end.before(engine)
}

/// Who listens to it.
pub fn recorder(scenario: &Scenario, slos: &[Slo]) -> Recorder {
    let recorder = Recorder::new(&RecorderSettings {
        server: &scenario.server,
        prefix_caching: scenario.prefix_caching,
        slos,
        gpu_work: Some(gpu_work(scenario)),
    });
    if is_closed_loop(&scenario.workload) {
        recorder.of_closed_loop()
    } else {
        recorder
    }
}

/// Whether there are never more requests than clients.
fn is_closed_loop(workload: &Workload) -> bool {
    match workload {
        Workload::Synthetic(workload) => matches!(workload.arrivals, Arrivals::Closed { .. }),
        Workload::Trace(replay) => replay.concurrency.is_some(),
    }
}

/// What the model costs each GPU, and what the GPU could do.
fn gpu_work(scenario: &Scenario) -> GpuWork {
    let (gpu, weights) = (&scenario.gpu, scenario.weights);
    GpuWork {
        arithmetic: Arithmetic::new(&scenario.model, weights, scenario.kv_cache, scenario.tensor_parallel),
        peak_flops_per_s: gpu.peak_flops(weights),
        peak_bytes_per_s: gpu.bandwidth_bytes_per_s(),
    }
}
