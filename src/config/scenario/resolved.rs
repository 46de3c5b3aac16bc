//! One simulation's input, complete and valid.

use std::path::{Path, PathBuf};

use super::admission;
use super::batching::{self, Batching};
use super::class;
use super::client;
use super::deployment::{self, Deployment};
use super::fleet::{self, Surroundings};
use super::idle_keys::{IdleKey, warnings_of_idle_keys};
use super::load::ScenarioText;
use super::model::{self, ModelChoice};
use super::no_scenario::NoScenario;
use super::operation::Operation;
use super::profile::{self, Named};
use super::sampling;
use super::server::{self, ServerTable};
use super::slo::{self, Objective};
use super::speculative::DraftTarget;
use super::tables::{NAME, SEED};
use super::traffic::{Class, Traffic};
use super::workload::Workload;
use crate::config::files::fingerprint::Fingerprint;
use crate::config::reader::fields::Fields;
use crate::config::reader::flag::Flag;
use crate::config::reader::layers::{Layers, Overrides};
use crate::config::reader::reading::{Reading, Resolved};
use crate::fleet::ClientRules;
use crate::policy::{Host, PolicySettings};
use crate::step_time::StepTime;

/// Everything that decides a run: what is bought and how it is set up, who asks for what, and how it is run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is called; changes no result.
    pub name: String,
    /// What all randomness grows from.
    pub seed: u64,
    /// A server of each pool: what is bought and how it is set up.
    pub deployment: Deployment,
    /// Who asks for what, and when.
    pub traffic: Traffic,
    /// What the latencies of all requests should be, whatever their class.
    pub objectives: Vec<Objective>,
    /// How many servers there are.
    pub operation: Operation,
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

    /// GPUs of all servers.
    pub fn gpus(&self) -> u32 {
        self.operation.servers() * self.deployment.tensor_parallel
    }

    /// The users that all servers hold by the formula (memory - weights) / KV of a context of so many tokens.
    pub fn closed_form_users(&self, context_tokens: f64) -> f64 {
        let of_a_server = self.deployment.memory.closed_form_users(context_tokens);
        of_a_server * f64::from(self.operation.servers())
    }

    /// How long steps take.
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
        resolve(&reading, &fields)
    }

    /// Names everything that decides the results, except the seed, by 16 hexadecimal digits. Reads the trace, if there
    /// is one.
    pub fn hash(&self) -> String {
        hash(&self.settings, &self.traffic)
    }
}

fn resolve(reading: &Reading, fields: &Fields<'_>) -> Result<Scenario, NoScenario> {
    let name = fields.find(&NAME)?.text()?.unnoted();
    let seed = fields.find(&SEED)?.declared_integer()?;
    let seed = seed.unnoted().unwrap_or(42);
    let model = model::read(&fields.section("model")?)?;
    let batching_fields = fields.section("batching")?;
    let profile = profile::read(&batching_fields)?;
    let server_fields = fields.section("server")?;
    let server_place = server_fields.place();
    let server = server::read_server(&server_fields, &model.model, &profile)?;
    let batching = batching::read(&batching_fields, &host(&server, profile), target(&server, &model))?;
    let idle_keys = batching.idle_keys.clone();
    let workload_fields = fields.section("workload")?;
    let through = deployment::asked_through(&server);
    let sampling = sampling::read(&workload_fields, model.defaults_to_top_p, through)?;
    let client_fields = fields.section("client")?;
    let clients = client::read_rules(&client_fields, ClientRules::default())?;
    let (traffic, warm_up) = class::read(fields, &workload_fields, &client_fields, clients, server.max_model_len)?;
    let admission = fields.section("admission")?;
    let classes = traffic.rules(admission::read_max_queue(&admission)?);
    let refuses = classes.iter().any(|class| class.max_queue.is_some());
    let around = Surroundings {
        classes,
        admission: admission::read(&admission, refuses)?,
    };
    client_fields.finish()?;
    let fleet = fleet::read(reading, &fields.section("fleet")?, around)?;
    let objectives = slo::read(&fields.section("slo")?)?;
    fields.finish()?;
    warn_of_idle_priorities(reading, &batching, &traffic);
    fleet::warn_of_blind_router(reading, fleet.as_ref(), batching.prefix_caching, &traffic);
    fleet::refuse_endless_loop(&client_fields, fleet.as_ref(), &traffic)?;
    fleet::warn_of_idle_hardships(reading, fleet.as_ref(), &traffic);
    deployment::refuse_endless_steps(&server, &batching).map_err(|message| {
        reading
            .error(server_place, message)
            .help("write smaller numbers; they are microseconds")
    })?;
    let deployment = deployment::resolve(
        reading,
        &batching_fields,
        (model, server, batching),
        (sampling, profile),
    )?;
    let (settings, warnings) = reading.take_notes();
    Ok(Scenario {
        name: name.unwrap_or_else(|| "unnamed".to_owned()),
        seed,
        deployment: deployment.with_seed(seed),
        traffic,
        objectives,
        operation: Operation { fleet, warm_up },
        files: reading.take_files(),
        settings,
        warnings,
        idle_keys,
    })
}

/// What defaults of batching depend on.
fn host(server: &ServerTable, profile: Named) -> Host<'_> {
    Host {
        is_used: false,
        gpu: server.gpu.name(),
        gpu_memory_bytes: server.gpu.memory_bytes(),
        is_a100: server.gpu.has_small_batches(),
        max_model_len: server.max_model_len,
        block_tokens: server.block_tokens,
        profile,
        drafts: None,
    }
}

/// What drafts depend on.
fn target<'a>(server: &ServerTable, model: &'a ModelChoice) -> DraftTarget<'a> {
    DraftTarget {
        model,
        tensor_parallel: server.tensor_parallel,
        is_measured: !server.step_time.choice().kind().is_modelled,
    }
}

/// Priorities need both requests that have them and a scheduler that heeds them.
fn warn_of_idle_priorities(reading: &Reading, batching: &Batching, traffic: &Traffic) {
    let PolicySettings::Continuous(settings) = &batching.policy else {
        return; // Other policies are compared on the same requests.
    };
    if traffic
        .workloads()
        .any(|workload| matches!(workload, Workload::Trace(_)))
    {
        return; // Rows of a trace say what they are.
    }
    let is_set = |class: &Class| class.priority.is_some() || class.workload.has_priorities();
    let of_classes = traffic.only_workload().is_none();
    match (settings.priority, traffic.classes.iter().any(is_set)) {
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
