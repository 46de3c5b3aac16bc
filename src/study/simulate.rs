//! Runs a scenario once: the one place where a scenario, an engine, a recorder and whoever watches come together.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::bounds::Bounds;
use super::control::Control;
use super::input::Input;
use super::watched::Watched;
use crate::config::{Deployment, Diagnostic, Fleet, FleetPool, Scenario, WarmUp, Workload};
use crate::engine::{self, Engine, Observer, Server, ServerId, ServerSettings};
use crate::fleet::{self, FleetMember, FleetSettings, Fronted, LooksFor, ReplayError, Unwatched, Watch};
use crate::hardware::Arithmetic;
use crate::metrics::{
    ArrivalsEnd, GpuWork, Listeners, PoolAbout, PoolSettings, Recorder, RecorderSettings, Recording, Slo, Trim, Waves,
};
use crate::stats::streams::mix;
use crate::step_time::StepTime;
use crate::workload::trace::{self, Skipped, TraceError};
use crate::workload::{Limited, Source};

/// What came of a run.
pub struct Run {
    /// What was heard.
    pub recording: Recording,
    /// How its workload was read.
    pub replayed: Replayed,
}

/// How the workload of a run was read.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// Rows that were left out of a trace.
    pub skipped: Skipped,
    /// Share of a trace's requests that arrive together with the one before.
    pub tied_share: f64,
    /// Whether a router kept sessions together that no row of a trace names.
    pub lacks_sessions: bool,
    /// Waves in which its requests came.
    pub waves: Waves,
    /// Whether whoever watched stopped it before its end.
    pub is_stopped: bool,
}

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

impl From<SimulationError> for Diagnostic {
    fn from(error: SimulationError) -> Self {
        match error {
            SimulationError::Trace(error) => Self::new(error.to_string()),
            SimulationError::Replay(error) => {
                let diagnostic = Self::new(error.message());
                error.help().into_iter().fold(diagnostic, Self::help)
            }
        }
    }
}

/// Runs the scenario with one seed, heard by `also` too. It ends early if `control` is stopped, and whatever grows with
/// it stays within `bounds`.
pub fn run(
    input: &Input,
    seed: u64,
    also: Vec<&mut dyn Observer>,
    control: &Control,
    bounds: &Bounds,
) -> Result<Run, SimulationError> {
    let scenario = &input.scenario;
    let mut recorder = recorder(scenario, &input.slos);
    let mut watch = Watched::new(control, bounds);
    let mut replayed = if also.is_empty() {
        replay_servers(scenario, seed, &mut recorder, &mut watch)?
    } else {
        let mut all = Listeners(vec![&mut recorder]);
        all.0.extend(also.into_iter().map(|one| one as &mut dyn Observer));
        replay_servers(scenario, seed, &mut all, &mut watch)?
    };
    let recording = recorder.finish();
    replayed.waves = recording.waves();
    Ok(Run { recording, replayed })
}

/// Runs the scenario's workload on its servers.
fn replay_servers(
    scenario: &Scenario,
    seed: u64,
    observer: &mut (impl Observer + ?Sized),
    watch: &mut impl Watch,
) -> Result<Replayed, SimulationError> {
    let servers = Servers::of(scenario, seed);
    let bytes_a_request = servers.bytes_a_request();
    let run = |source: &mut dyn Source, watch: &mut _| servers.serve(source, observer, watch);
    with_workload(scenario, seed, bytes_a_request, run, watch)
}

/// What serves a scenario's requests.
enum Servers<'a> {
    Alone(Box<Fronted<Server>>),
    Fleet(Box<FleetOf<'a>>),
}

/// A fleet that is about to start.
struct FleetOf<'a> {
    members: Vec<FleetMember>,
    /// A server of each kind.
    one_of_each: Vec<ServerId>,
    new_engine: Box<dyn Fn(ServerId) -> Fronted<Server> + 'a>,
    settings: FleetSettings<'a>,
}

impl<'a> Servers<'a> {
    fn of(scenario: &'a Scenario, seed: u64) -> Self {
        match &scenario.operation.fleet {
            None => Self::Alone(Box::new(engine(scenario, seed))),
            Some(fleet) => Self::Fleet(Box::new(fleet_of(scenario, fleet, seed))),
        }
    }

    fn bytes_a_request(&self) -> u64 {
        match self {
            Self::Alone(engine) => engine.bytes_a_request(),
            Self::Fleet(fleet) => {
                let engines = fleet.one_of_each.iter().map(|server| (fleet.new_engine)(*server));
                let bytes = engines.map(|engine| engine.bytes_a_request());
                bytes.max().expect("a fleet has a server")
            }
        }
    }

    fn serve(
        self,
        source: &mut dyn Source,
        observer: &mut (impl Observer + ?Sized),
        watch: &mut impl Watch,
    ) -> Result<(), ReplayError> {
        match self {
            Self::Alone(mut engine) => fleet::replay_watched(&mut *engine, source, observer, watch),
            Self::Fleet(of) => {
                let FleetOf {
                    members,
                    new_engine,
                    settings,
                    ..
                } = *of;
                fleet::replay_fleet(&members, &*new_engine, &settings, source, observer, watch)
            }
        }
    }
}

/// Runs the scenario's workload on any engine.
pub fn replay_workload(
    scenario: &Scenario,
    seed: u64,
    engine: &mut impl Engine,
    observer: &mut (impl Observer + ?Sized),
    watch: &mut impl Watch,
) -> Result<Replayed, SimulationError> {
    let bytes_a_request = engine.bytes_a_request();
    let run = |source: &mut dyn Source, watch: &mut _| fleet::replay_watched(engine, source, &mut *observer, watch);
    with_workload(scenario, seed, bytes_a_request, run, watch)
}

/// Has `run` send the requests of the scenario's workload, to servers in which a request takes so many bytes.
fn with_workload<W: Watch>(
    scenario: &Scenario,
    seed: u64,
    bytes_a_request: u64,
    run: impl FnOnce(&mut dyn Source, &mut W) -> Result<(), ReplayError>,
    watch: &mut W,
) -> Result<Replayed, SimulationError> {
    match scenario.workload() {
        Workload::Synthetic(workload) => {
            if let Some(requests) = workload.requests_at_once() {
                // What cannot fit in the end need not be tried.
                let bytes = requests.saturating_mul(bytes_a_request);
                watch.may_hold(bytes).map_err(SimulationError::Replay)?;
            }
            let mut source = workload.source(seed);
            Ok(Replayed {
                is_stopped: until_stopped(run_limited(scenario, run, &mut source, watch))?,
                ..Replayed::default()
            })
        }
        Workload::Trace(workload) => {
            let mut source = trace::open_seeded(workload, seed).map_err(SimulationError::Trace)?;
            Ok(Replayed {
                is_stopped: until_stopped(run_limited(scenario, run, &mut source, watch))?,
                skipped: source.skipped(),
                tied_share: source.tied_share(),
                lacks_sessions: routes_by_session(scenario) && !source.has_sessions(),
                ..Replayed::default()
            })
        }
    }
}

fn routes_by_session(scenario: &Scenario) -> bool {
    let fleet = scenario.operation.fleet.as_ref();
    let router = fleet.map(|fleet| fleet.router.looks_for);
    router == Some(LooksFor::Sessions)
}

/// Whether whoever watches stopped the run, if nothing else did.
fn until_stopped(ended: Result<(), ReplayError>) -> Result<bool, SimulationError> {
    match ended {
        Ok(()) => Ok(false),
        Err(ReplayError::Stopped) => Ok(true),
        Err(error) => Err(SimulationError::Replay(error)),
    }
}

/// Sends the requests of `source` as the scenario's clients do, who may keep only so many outstanding.
fn run_limited<W: Watch>(
    scenario: &Scenario,
    run: impl FnOnce(&mut dyn Source, &mut W) -> Result<(), ReplayError>,
    source: &mut dyn Source,
    watch: &mut W,
) -> Result<(), ReplayError> {
    match scenario.max_outstanding() {
        Some(most) => run(&mut Limited::new(source, most), watch),
        None => run(source, watch),
    }
}

/// Runs the scenario with one seed to its end.
pub fn simulate(scenario: &Scenario, seed: u64) -> Result<Recording, SimulationError> {
    let mut recorder = recorder(scenario, &[]);
    replay(scenario, seed, &mut recorder)?;
    Ok(recorder.finish())
}

/// Runs the scenario with one seed to its end, heard by whoever wants to.
pub fn replay(scenario: &Scenario, seed: u64, observer: &mut (impl Observer + ?Sized)) -> Result<(), SimulationError> {
    replay_servers(scenario, seed, observer, &mut Unwatched).map(drop)
}

/// Runs the scenario's servers with other requests than the scenario's own.
pub fn replay_source(
    scenario: &Scenario,
    seed: u64,
    source: &mut dyn Source,
    observer: &mut (impl Observer + ?Sized),
) -> Result<(), SimulationError> {
    let servers = Servers::of(scenario, seed);
    let run = |source: &mut dyn Source, watch: &mut _| servers.serve(source, observer, watch);
    run_limited(scenario, run, source, &mut Unwatched).map_err(SimulationError::Replay)
}

/// The scenario's server, as its clients see it.
pub fn engine(scenario: &Scenario, seed: u64) -> Fronted<Server> {
    engine_with(&scenario.deployment, seed, scenario.step_time())
}

fn engine_with(deployment: &Deployment, seed: u64, step_time: Box<dyn StepTime>) -> Fronted<Server> {
    let server = ServerSettings {
        policy: deployment.server.policy.clone().with_seed(seed),
        ..deployment.server
    };
    let engine = engine::fast(&server, step_time);
    deployment.front_end.before(engine)
}

/// The scenario's fleet: servers of one kind share their prices. Each draws at random by itself.
fn fleet_of<'a>(scenario: &'a Scenario, fleet: &'a Fleet, seed: u64) -> FleetOf<'a> {
    let mut kinds: Vec<(&Deployment, Arc<dyn StepTime>)> = Vec::new();
    let (mut members, mut one_of_each) = (Vec::new(), Vec::new());
    for (pool, (deployment, servers)) in (0..).zip(scenario.deployments()) {
        one_of_each.push(ServerId(members.len() as u32));
        kinds.push((deployment, deployment.step_time().into()));
        let member = FleetMember {
            places: deployment.server.policy.limits().most_running,
            weight: fleet.pools.get(pool as usize).map_or(1.0, |pool| pool.weight),
            pool,
        };
        members.extend(vec![member; servers as usize]);
    }
    let kind_of: Vec<usize> = members.iter().map(|member| member.pool as usize).collect();
    let new_engine = move |server: ServerId| {
        let own_seed = seed.wrapping_add(mix(server.0.into()));
        let (deployment, step_time) = &kinds[kind_of[server.place()]];
        engine_with(deployment, own_seed, Box::new(Arc::clone(step_time)))
    };
    FleetOf {
        members,
        one_of_each,
        new_engine: Box::new(new_engine),
        settings: FleetSettings {
            router: fleet.router,
            state_delay: fleet.state_delay,
            hardships: &fleet.hardships,
            autoscale: fleet.autoscale,
            seed,
            held_back: fleet::usually_held_back(fleet.servers),
        },
    }
}

/// Who listens to it.
pub fn recorder(scenario: &Scenario, slos: &[Slo]) -> Recorder {
    let pools = scenario.operation.pools();
    let settings = RecorderSettings {
        server: &scenario.deployment.server,
        pools: pools.iter().map(pool_settings).collect(),
        prefix_caching: scenario.deployment.prefix_caching,
        slos,
        // Whose work a request was is known only where its server is heard.
        gpu_work: (pools.len() < 2).then(|| gpu_work(&scenario.deployment)),
        trim: trim(scenario),
    };
    let recorder = Recorder::new(&settings);
    let recorder = match &scenario.operation.fleet {
        Some(fleet) => recorder.of_fleet(fleet.servers, fleet.initial(), fleet.router.name, &settings),
        None => recorder,
    };
    match scenario.max_outstanding() {
        Some(most) => recorder.of_max_outstanding(most),
        None if is_closed_loop(scenario.workload()) => recorder.of_closed_loop(),
        None => recorder,
    }
}

/// What is left out of the numbers of its runs.
fn trim(scenario: &Scenario) -> Trim {
    let found = || match scenario.workload() {
        Workload::Synthetic(workload) => Trim::WarmUpAndDrain {
            until: ArrivalsEnd {
                requests: workload.requests,
                duration: workload.duration,
            },
        },
        Workload::Trace(_) => Trim::Nothing,
    };
    match scenario.operation.warm_up {
        WarmUp::Usual if is_stationary(scenario) => found(),
        WarmUp::Usual | WarmUp::Kept => Trim::Nothing,
        WarmUp::Found => found(),
        WarmUp::Before(span) => Trim::Before(span),
    }
}

/// Whether the same goes on throughout: a failure is not to be taken for a start that has to be left out.
fn is_stationary(scenario: &Scenario) -> bool {
    let fleet = scenario.operation.fleet.as_ref();
    let nothing_fails = fleet.is_none_or(|fleet| fleet.hardships.faults.is_empty());
    nothing_fails && scenario.workload().is_stationary()
}

/// Whether there are never more requests than clients.
fn is_closed_loop(workload: &Workload) -> bool {
    match workload {
        Workload::Synthetic(workload) => workload.arrivals.is_closed_loop(),
        Workload::Trace(replay) => replay.concurrency.is_some(),
    }
}

fn pool_settings(pool: &FleetPool) -> PoolSettings<'_> {
    let deployment = &pool.deployment;
    PoolSettings {
        about: PoolAbout {
            name: pool.name.clone(),
            servers: pool.servers,
            weight: pool.weight,
            model: deployment.model.name().to_owned(),
            gpu: deployment.gpu.name().to_owned(),
            tensor_parallel: deployment.tensor_parallel,
            engine: deployment.engine.clone(),
            kv_blocks: deployment.server.kv_blocks,
            block_tokens: deployment.server.block_tokens,
            max_model_len: deployment.server.max_model_len,
        },
        server: &deployment.server,
        prefix_caching: deployment.prefix_caching,
        gpu_work: gpu_work(deployment),
    }
}

/// What the model costs each GPU, and what the GPU could do.
fn gpu_work(deployment: &Deployment) -> GpuWork {
    let (gpu, weights) = (&deployment.gpu, deployment.weights);
    GpuWork {
        arithmetic: Arithmetic::new(
            &deployment.model,
            weights,
            deployment.kv_cache,
            deployment.tensor_parallel,
        ),
        peak_flops_per_s: gpu.peak_flops(weights),
        peak_bytes_per_s: gpu.bandwidth_bytes_per_s(),
    }
}
