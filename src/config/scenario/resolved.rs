//! One simulation's input, complete and valid.

use std::path::{Path, PathBuf};

use super::admission;
use super::budget;
use super::class;
use super::client;
use super::cost::{self, COST};
use super::custom::Custom;
use super::deployment::Deployment;
use super::fleet::{self, Surroundings};
use super::idle_keys::{IdleKey, warnings_of_idle_keys};
use super::load::ScenarioText;
use super::loading;
use super::no_scenario::NoScenario;
use super::operation::{Fleet, Operation};
use super::path;
use super::planning::Planning;
use super::pool::{self, WrittenPool};
use super::pool_tables::PoolTables;
use super::prompt_only;
use super::slo::{self, Objective};
use super::tables::{NAME, SEED};
use super::traffic::{Class, Traffic};
use super::workload::Workload;
use crate::config::files::fingerprint::Fingerprint;
use crate::config::reader::fields::Fields;
use crate::config::reader::flag::Flag;
use crate::config::reader::layers::{Layers, Overrides};
use crate::config::reader::reading::{Reading, Resolved};
use crate::fleet::ClientRules;
use crate::money::{Budget, CostRules};
use crate::path::RequestPath;
use crate::policy::PolicySettings;
use crate::step_time::{Sampling, StepTime};

/// Everything that decides a run: what is bought and how it is set up, who asks for what, and how it is run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is called; changes no result.
    pub name: String,
    /// What all randomness grows from.
    pub seed: u64,
    /// A server: what is bought and how it is set up. Where servers are unlike, one of the first pool: then
    /// [`Scenario::deployments`] has all.
    pub deployment: Deployment,
    /// Who asks for what, and when.
    pub traffic: Traffic,
    /// What the latencies of all requests should be, whatever their class.
    pub objectives: Vec<Objective>,
    /// How many servers there are.
    pub operation: Operation,
    /// What requests pass on their way to the model and back; `None` if clients speak to the servers themselves.
    pub path: Option<RequestPath>,
    /// What a plan for production has to know besides.
    pub planning: Planning,
    /// What it costs; `None` if nobody says, and then [`Scenario::cost_rules`] has what is usual.
    pub cost: Option<CostRules>,
    /// What may be spent in a day.
    pub budget: Option<Budget>,
    /// Every setting with its origin, defaults included.
    pub settings: Vec<Resolved>,
    /// Files that were read besides the scenario's own and the trace.
    pub files: Vec<PathBuf>,
    /// What the user should know, besides keys that are idle.
    pub warnings: Vec<String>,
    /// Keys that flags set and that the policy does not have.
    pub idle_keys: Vec<IdleKey>,
}

impl Scenario {
    /// All that the user should know.
    pub fn all_warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        warnings.extend(warnings_of_idle_keys(&self.idle_keys));
        warnings
    }

    /// Every kind of server, with how many there are of it.
    pub fn deployments(&self) -> Vec<(&Deployment, u32)> {
        match self.operation.pools() {
            [] => vec![(&self.deployment, self.operation.servers())],
            pools => pools.iter().map(|pool| (&pool.deployment, pool.servers)).collect(),
        }
    }

    /// What it costs, or what is usual if nobody says.
    pub fn cost_rules(&self) -> CostRules {
        let kinds = kinds_of(&self.deployment, &self.operation);
        self.cost
            .clone()
            .unwrap_or_else(|| cost::assumed(&kinds, &self.operation))
    }

    /// Every kind of server, to be changed.
    pub fn deployments_mut(&mut self) -> impl Iterator<Item = &mut Deployment> {
        let pools = self.operation.fleet.iter_mut().flat_map(|fleet| &mut fleet.pools);
        [&mut self.deployment]
            .into_iter()
            .chain(pools.map(|pool| &mut pool.deployment))
    }

    /// The engines that are simulated, with their releases: `vLLM 0.33`.
    pub fn engine(&self) -> String {
        let mut engines: Vec<&str> = Vec::new();
        for (deployment, _) in self.deployments() {
            if !engines.contains(&deployment.engine.as_str()) {
                engines.push(&deployment.engine);
            }
        }
        engines.join(" and ")
    }

    /// GPUs of all servers.
    pub fn gpus(&self) -> u32 {
        let gpus = |(deployment, servers): (&Deployment, u32)| servers * deployment.tensor_parallel;
        self.deployments().into_iter().map(gpus).sum()
    }

    /// The users that all servers hold by the formula (memory - weights) / KV of a context of so many tokens.
    pub fn closed_form_users(&self, context_tokens: f64) -> f64 {
        let users = |(deployment, servers): (&Deployment, u32)| {
            deployment.memory.closed_form_users(context_tokens) * f64::from(servers)
        };
        self.deployments().into_iter().map(users).sum()
    }

    /// How long steps take, of the first pool.
    pub fn step_time(&self) -> Box<dyn StepTime> {
        self.deployment.step_time()
    }

    /// Reads and resolves all layers.
    pub fn load(layers: &Layers) -> Result<Self, NoScenario> {
        Self::load_changed(layers, None)
    }

    /// Reads and resolves all layers, with keys that another file lays over the scenario's own.
    pub fn load_changed(layers: &Layers, overrides: Option<&Overrides>) -> Result<Self, NoScenario> {
        Self::resolve(&ScenarioText::read(layers, overrides)?, &[])
    }

    /// Reads a scenario from a file.
    pub fn from_file(path: &Path) -> Result<Self, NoScenario> {
        Self::load(&Layers {
            file: Some(path.to_owned()),
            ..Layers::default()
        })
    }

    /// Reads a scenario from text; files that it names are looked for from the working directory.
    pub fn from_toml(text: &str) -> Result<Self, NoScenario> {
        Self::resolve(&ScenarioText::from_toml(text)?, &[])
    }

    /// The scenario that a text describes, with `changes` over everything else.
    pub fn resolve(text: &ScenarioText, changes: &[Flag]) -> Result<Self, NoScenario> {
        let (root, reading) = text.with(changes)?;
        let fields = Fields::of(&reading, String::new(), &root)?;
        resolve(&reading, &fields, text.custom())
    }

    /// Names everything that decides the results, except the seed, by 16 hexadecimal digits. Reads the trace, if there
    /// is one.
    pub fn hash(&self) -> String {
        hash(&self.settings, &self.traffic)
    }
}

fn resolve(reading: &Reading, fields: &Fields<'_>, custom: &Custom) -> Result<Scenario, NoScenario> {
    let name = fields.find(&NAME)?.text()?.unnoted();
    let seed = fields.find(&SEED)?.declared_integer()?;
    let seed = seed.unnoted().unwrap_or(42);
    let fleet_fields = fields.section("fleet")?;
    let written_pools = pool::read_list(fields, &fleet_fields)?;
    let tables = tables_of(reading, fields, &written_pools)?;
    let idle_keys = tables.iter().flat_map(|tables| tables.batching.idle_keys.clone());
    let idle_keys = idle_keys.collect();
    let workload_fields = fields.section("workload")?;
    let samplings = tables.iter().map(|tables| tables.sampling(&workload_fields));
    let samplings = samplings.collect::<Result<Vec<_>, _>>()?;
    let client_fields = fields.section("client")?;
    let longest = tables.iter().map(|tables| tables.server.max_model_len).max();
    let longest = longest.expect("there is a server");
    let clients = client::read_rules(&client_fields, ClientRules::default())?;
    let (mut traffic, warm_up) = class::read(fields, &workload_fields, &client_fields, clients, longest)?;
    let admission = fields.section("admission")?;
    let classes = traffic.rules(admission::read_max_queue(&admission)?);
    let refuses = classes.iter().any(|class| class.max_queue.is_some());
    let around = Surroundings {
        classes,
        admission: admission::read(&admission, refuses)?,
    };
    client_fields.finish()?;
    let mut fleet = fleet::read(reading, &fleet_fields, &written_pools, around)?;
    custom.put_into(reading, &mut traffic, fleet.as_mut())?;
    let objectives = slo::read(&fields.section("slo")?)?;
    let planning = Planning::read(fields)?;
    let path = path::read(&fields.section("path")?, longest, planning.time_of_query(&traffic))?;
    let budget = budget::read(fields)?;
    fields.ask_for(&[&COST])?;
    fields.finish()?;
    fleet::refuse_endless_loop(&client_fields, fleet.as_ref(), &traffic)?;
    let asked = (&traffic, fleet.as_ref(), path.as_ref());
    prompt_only::refuse_what_needs_tokens((fields, &workload_fields), &tables, asked, &objectives)?;
    warn_of_what_is_idle(reading, &tables, fleet.as_ref(), &traffic);
    let deployments = deployments(reading, tables.into_iter().zip(samplings), &traffic, seed)?;
    let deployment = deployments[0].clone();
    if let Some(fleet) = &mut fleet {
        let pools = written_pools.into_iter().zip(deployments);
        fleet.pools = pools.map(|(pool, deployment)| pool.of(deployment)).collect();
        loading::add_loading(&fleet_fields, fleet, &deployment)?;
    }
    let operation = Operation { fleet, warm_up };
    let cost = cost::read(fields, &kinds_of(&deployment, &operation), &operation)?;
    let (settings, warnings) = reading.take_notes();
    Ok(Scenario {
        name: name.unwrap_or_else(|| "unnamed".to_owned()),
        seed,
        deployment,
        traffic,
        objectives,
        operation,
        path,
        planning,
        cost,
        budget,
        files: reading.take_files(),
        settings,
        warnings,
        idle_keys,
    })
}

/// What tables, each with how requests want their tokens chosen there, put together.
fn deployments<'a>(
    reading: &Reading,
    tables: impl Iterator<Item = (PoolTables<'a>, Sampling)>,
    traffic: &Traffic,
    seed: u64,
) -> Result<Vec<Deployment>, NoScenario> {
    let resolved = tables.map(|(tables, sampling)| {
        let sampling = prompt_only::sampling_of(traffic, sampling);
        Ok(tables.resolve(reading, sampling)?.with_seed(seed))
    });
    resolved.collect()
}

/// The tables of each kind of servers; without [[fleet.pool]] all are of one kind.
fn tables_of<'a>(
    reading: &'a Reading,
    fields: &Fields<'a>,
    pools: &'a [WrittenPool],
) -> Result<Vec<PoolTables<'a>>, NoScenario> {
    if pools.is_empty() {
        return Ok(vec![PoolTables::of_scenario(fields)?]);
    }
    let tables = pools.iter().map(|pool| PoolTables::of_pool(reading, pool));
    Ok(tables.collect::<Result<Vec<_>, _>>()?)
}

/// A server of every kind, in the order of the pools.
fn kinds_of<'a>(deployment: &'a Deployment, operation: &'a Operation) -> Vec<&'a Deployment> {
    match operation.pools() {
        [] => vec![deployment],
        pools => pools.iter().map(|pool| &pool.deployment).collect(),
    }
}

/// Says what was asked for and comes to nothing.
fn warn_of_what_is_idle(reading: &Reading, pools: &[PoolTables<'_>], fleet: Option<&Fleet>, traffic: &Traffic) {
    warn_of_idle_priorities(reading, pools, traffic);
    let prefix_caching = pools.iter().any(|tables| tables.batching.prefix_caching);
    fleet::warn_of_blind_router(reading, fleet, prefix_caching, traffic);
    fleet::warn_of_idle_hardships(reading, fleet, traffic);
}

/// Priorities need both requests that have them and a scheduler that heeds them.
fn warn_of_idle_priorities(reading: &Reading, pools: &[PoolTables<'_>], traffic: &Traffic) {
    let is_continuous = |pool: &PoolTables<'_>| matches!(pool.batching.policy, PolicySettings::Continuous(_));
    if !pools.iter().any(is_continuous) {
        return; // Other policies are compared on the same requests.
    }
    let is_recorded = |workload: &Workload| matches!(workload, Workload::Trace(_));
    if traffic.workloads().any(is_recorded) {
        return; // Rows of a trace say what they are.
    }
    let is_set = |class: &Class| class.priority.is_some() || class.workload.has_priorities();
    let of_classes = traffic.only_workload().is_none();
    let are_heeded = pools.iter().any(PoolTables::heeds_priorities);
    match (are_heeded, traffic.classes.iter().any(is_set)) {
        (true, false) if of_classes => reading.warn(
            "batching.scheduling = \"priority\", but all requests have priority 0 and go by arrival; write \
             priority = 1 for the classes that can wait"
                .to_owned(),
        ),
        (true, false) => reading.warn(
            "batching.scheduling = \"priority\", but all requests have priority 0 and go by arrival; write \
             workload.priority = [{ value = 0, share = 0.2 }, { value = 1, share = 0.8 }]"
                .to_owned(),
        ),
        (false, true) => {
            let key = if of_classes {
                "the priority of a class"
            } else {
                "workload.priority"
            };
            reading.warn(format!(
                "{key} changes nothing while batching.scheduling = \"fcfs\"; write scheduling = \"priority\""
            ));
        }
        _ => {}
    }
}

/// Everything that decides the results. The name decides nothing, and the seed is reported beside it. Some defaults are
/// known only when everything is read, so settings are taken in the order of their keys, not of their notes.
fn hash(settings: &[Resolved], traffic: &Traffic) -> String {
    let mut fingerprint = Fingerprint::EMPTY;
    let mut sorted: Vec<&Resolved> = settings.iter().collect();
    sorted.sort_by(|one, other| one.key.cmp(&other.key));
    for setting in sorted {
        fingerprint.add(setting.key.as_bytes());
        fingerprint.add(b"=");
        fingerprint.add(setting.content.as_ref().unwrap_or(&setting.value).as_bytes());
        fingerprint.add(b"\n");
    }
    for workload in traffic.workloads() {
        if let Workload::Trace(trace) = workload
            && let Some(file) = &trace.file
        {
            // A trace that cannot be read is reported by whoever replays it.
            let _ = file.reader().and_then(|content| fingerprint.add_all_of(content));
        }
    }
    fingerprint.to_string()
}
