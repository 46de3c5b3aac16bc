//! Runs a scenario once: the one place where a scenario, an engine, a recorder and whoever watches come together.

use std::sync::Arc;

use super::bounds::Bounds;
use super::control::Control;
use super::input::Input;
use super::sending::{self, IdleClients, Replayed, SimulationError};
use super::watched::Watched;
use crate::config::{Deployment, Drafts, Fleet, FleetPool, Scenario, WarmUp};
use crate::engine::{self, Engine, Observer, Server, ServerId, ServerSettings};
use crate::fleet::{self, FleetMember, FleetSettings, Fronted, ReplayError, Unwatched, Watch};
use crate::hardware::Arithmetic;
use crate::metrics::{
    ArrivalsEnd, ClassToRecord, GpuWork, Listeners, PoolAbout, PoolSettings, Recorder, RecorderSettings, Recording,
    Slo, StepPrices, Trim,
};
use crate::path::{PathBooks, RequestPath};
use crate::stats::streams::mix;
use crate::step_time::StepTime;
use crate::workload::Source;

/// What came of a run.
pub struct Run {
    /// What was heard.
    pub recording: Recording,
    /// How its workload was read.
    pub replayed: Replayed,
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
    let books = PathBooks::kept();
    let mut recorder = recorder_of_paths(scenario, &input.slos, &input.classes, &books);
    let mut watch = Watched::new(control, bounds);
    let mut replayed = if also.is_empty() {
        replay_paths(scenario, seed, &mut recorder, &mut watch, &books)?
    } else {
        let mut all = Listeners(vec![&mut recorder]);
        all.0.extend(also.into_iter().map(|one| one as &mut dyn Observer));
        replay_paths(scenario, seed, &mut all, &mut watch, &books)?
    };
    let recording = recorder.finish();
    replayed.waves = recording.waves();
    replayed.idle_clients = idle_clients(scenario, recording.arrived());
    Ok(Run { recording, replayed })
}

fn idle_clients(scenario: &Scenario, requests: u64) -> Option<IdleClients> {
    let clients = scenario.traffic.only_workload()?.clients()?;
    (u64::from(clients) > requests).then_some(IdleClients { clients, requests })
}

/// Runs the scenario's workload on its servers, until `watch` wants no more.
pub fn replay_servers(
    scenario: &Scenario,
    seed: u64,
    observer: &mut (impl Observer + ?Sized),
    watch: &mut impl Watch,
) -> Result<Replayed, SimulationError> {
    replay_paths(scenario, seed, observer, watch, &PathBooks::default())
}

/// Runs the scenario's workload on its servers, with books of the paths that its requests take.
fn replay_paths(
    scenario: &Scenario,
    seed: u64,
    observer: &mut (impl Observer + ?Sized),
    watch: &mut impl Watch,
    books: &PathBooks,
) -> Result<Replayed, SimulationError> {
    let servers = Servers::of(scenario, seed);
    let bytes_a_request = servers.bytes_a_request();
    let run = |source: &mut dyn Source, watch: &mut _| servers.serve(source, observer, watch);
    sending::send(scenario, seed, bytes_a_request, run, watch, books)
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
            Some(fleet) => Self::Fleet(Box::new(fleet_of(scenario, fleet, seed, engine::fast))),
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
    sending::send(scenario, seed, bytes_a_request, run, watch, &PathBooks::default())
}

/// Runs the scenario's fleet in its readable form, over readable engines: slowly, until `watch` wants no more.
pub fn replay_readable_fleet<W: Watch>(
    scenario: &Scenario,
    fleet: &Fleet,
    seed: u64,
    observer: &mut dyn Observer,
    watch: &mut W,
) -> Result<(), SimulationError> {
    let of = fleet_of(scenario, fleet, seed, engine::reference);
    let run = |source: &mut dyn Source, watch: &mut W| {
        fleet::replay_fleet_readable(&of.members, &*of.new_engine, &of.settings, source, observer, watch)
    };
    sending::send(scenario, seed, 0, run, watch, &PathBooks::default()).map(drop)
}

/// Runs the scenario with one seed to its end.
pub fn simulate(scenario: &Scenario, seed: u64) -> Result<Recording, SimulationError> {
    let books = PathBooks::kept();
    let mut recorder = recorder_of_paths(scenario, &[], &[], &books);
    replay_paths(scenario, seed, &mut recorder, &mut Unwatched, &books)?;
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
    sending::send_limited(scenario, run, source, &mut Unwatched).map_err(SimulationError::Replay)
}

/// Runs the scenario's servers for clients that are no part of the simulation, heard by `also`: what happens is told as
/// soon as it is known. It ends when `source` does, or `control` is stopped.
pub(super) fn run_for(
    input: &Input,
    source: &mut dyn Source,
    also: Vec<&mut dyn Observer>,
    control: &Control,
) -> Result<Run, SimulationError> {
    let scenario = &input.scenario;
    let mut recorder = recorder(scenario, &input.slos, &input.classes);
    let bounds = Bounds::default();
    let mut watch = Watched::new(control, &bounds);
    let mut all = Listeners(vec![&mut recorder]);
    all.0.extend(also.into_iter().map(|one| one as &mut dyn Observer));
    let mut servers = Servers::of(scenario, scenario.seed);
    if let Servers::Fleet(fleet) = &mut servers {
        fleet.settings.held_back = 0;
    }
    let ended = sending::until_stopped(servers.serve(source, &mut all, &mut watch))?;
    let recording = recorder.finish();
    let replayed = Replayed {
        is_stopped: ended,
        ..Replayed::default()
    };
    Ok(Run { recording, replayed })
}

/// The scenario's server, as its clients see it.
pub fn engine(scenario: &Scenario, seed: u64) -> Fronted<Server> {
    engine_with(&scenario.deployment, seed, scenario.step_time(), engine::fast)
}

/// Makes an engine: [`engine::fast`], or [`engine::reference`].
type MakeEngine = fn(&ServerSettings, Box<dyn StepTime>) -> Server;

fn engine_with(deployment: &Deployment, seed: u64, step_time: Box<dyn StepTime>, make: MakeEngine) -> Fronted<Server> {
    let server = ServerSettings {
        policy: deployment.server.policy.clone().with_seed(seed),
        ..deployment.server.clone()
    };
    deployment
        .front_end
        .before(make(&server, step_time))
        .fresh(deployment.fresh)
}

/// The scenario's fleet: servers of one kind share their prices. Each draws at random by itself.
fn fleet_of<'a>(scenario: &'a Scenario, fleet: &'a Fleet, seed: u64, make: MakeEngine) -> FleetOf<'a> {
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
        engine_with(deployment, own_seed, Box::new(Arc::clone(step_time)), make)
    };
    FleetOf {
        members,
        one_of_each,
        new_engine: Box::new(new_engine),
        settings: FleetSettings {
            router: fleet.router.clone(),
            state_delay: fleet.state_delay,
            hardships: &fleet.hardships,
            autoscale: fleet.autoscale,
            seed,
            held_back: fleet::usually_held_back(fleet.servers),
        },
    }
}

/// Who listens to it, for what is asked of all requests, and of those of each class that is told apart.
pub fn recorder(scenario: &Scenario, slos: &[Slo], classes: &[ClassToRecord]) -> Recorder {
    let pools = scenario.operation.pools();
    let settings = RecorderSettings {
        server: &scenario.deployment.server,
        pools: pools.iter().map(pool_settings).collect(),
        prefix_caching: scenario.deployment.prefix_caching,
        slos,
        // Whose work a request was is known only where its server is heard.
        gpu_work: (pools.len() < 2).then(|| gpu_work(&scenario.deployment)),
        step_prices: if pools.len() < 2 { step_prices(scenario) } else { None },
        trim: trim(scenario),
    };
    let recorder = Recorder::new(&settings);
    let recorder = match &scenario.operation.fleet {
        Some(fleet) => recorder.of_fleet(
            fleet.servers,
            fleet.initial(),
            fleet.router.name().to_owned(),
            &settings,
        ),
        None => recorder,
    };
    let recorder = match classes {
        [] => recorder,
        _ => recorder.of_classes(classes, &settings),
    };
    let recorder = if scenario.cost.is_some() || scenario.budget.is_some() {
        recorder.of_cost(&scenario.cost_rules())
    } else {
        recorder
    };
    match scenario.traffic.max_outstanding {
        Some(most) => recorder.of_max_outstanding(most),
        None if scenario.traffic.is_closed_loop() => recorder.of_closed_loop(),
        None => recorder,
    }
}

/// Who listens to a run whose requests take the scenario's path, if it has one, and end in these books.
fn recorder_of_paths(scenario: &Scenario, slos: &[Slo], classes: &[ClassToRecord], books: &PathBooks) -> Recorder {
    let recorder = recorder(scenario, slos, classes);
    match &scenario.path {
        Some(path) => recorder.of_path(path, books.clone()),
        None => recorder,
    }
}

/// What is left out of the numbers of its runs.
fn trim(scenario: &Scenario) -> Trim {
    let traffic = &scenario.traffic;
    // Each of them calls the model so often.
    let calls = scenario.path.as_ref().map_or(1, RequestPath::calls);
    let found = Trim::WarmUpAndDrain {
        until: ArrivalsEnd {
            requests: traffic.requests.map(|requests| requests.saturating_mul(calls.into())),
            duration: traffic.duration,
        },
    };
    match scenario.operation.warm_up {
        WarmUp::Usual if is_stationary(scenario) && !traffic.is_of_load_generator() => found,
        WarmUp::Usual | WarmUp::Kept => Trim::Nothing,
        // It is refused of traffic that changes.
        WarmUp::Found => found,
        WarmUp::Before(span) => Trim::Before(span),
    }
}

/// Whether the same goes on throughout: a failure is not to be taken for a start that has to be left out.
fn is_stationary(scenario: &Scenario) -> bool {
    nothing_fails(scenario) && scenario.traffic.is_stationary()
}

/// Whether no server and no stage of a path fails.
pub(super) fn nothing_fails(scenario: &Scenario) -> bool {
    let path = scenario.path.as_ref();
    !scenario.operation.has_faults() && path.is_none_or(|path| !path.has_outages())
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

/// What tells where the time of the scenario's steps goes.
fn step_prices(scenario: &Scenario) -> Option<StepPrices> {
    let deployment = &scenario.deployment;
    let has_drafter = |drafts: &Drafts| drafts.drafter.is_some();
    Some(StepPrices {
        gpu: Arc::new(deployment.steps_on_gpu()?),
        cpu_per_step: deployment.cpu_time.per_step,
        cpu_per_request: deployment.cpu_time.per_sequence,
        hides_cpu: deployment.hides_cpu,
        launching: deployment.launching(),
        has_drafts: deployment.drafts.as_ref().is_some_and(has_drafter),
        may_be_slow: scenario.operation.has_faults() || deployment.fresh.is_some(),
    })
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
