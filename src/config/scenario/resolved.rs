//! One simulation's input, complete and valid.

use std::fmt;
use std::path::{Path, PathBuf};

use super::batching::{self, Batching};
use super::calibration::Calibration;
use super::load::ScenarioText;
use super::model::{self, ModelChoice};
use super::overheads::{self, CpuTime};
use super::profile::{self, Named};
use super::sampling;
use super::server::{self, ServerTable};
use super::slo::{self, Objective};
use super::speculative::{DraftTarget, Drafts};
use super::step_time::GivenStepTime;
use super::tables::{NAME, SEED};
use super::workload::{self, Workload};
use crate::config::files::fingerprint::Fingerprint;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::config::reader::flag::Flag;
use crate::config::reader::layers::{Layers, Overrides};
use crate::config::reader::reading::{Reading, Resolved};
use crate::engine::ServerSettings;
use crate::fleet::FrontEnd;
use crate::hardware::{self, DoesNotFit, Gpu, KvPrecision, MemoryBudget, MemoryRequest, Model, WeightPrecision};
use crate::policy::{Host, Memory, PolicySettings};
use crate::step_time::{
    DraftPass, Drafting, Execution, HostTime, LONGEST_STEP, Roofline, Sampling, StepTime, StepTimeChoice,
};

/// Everything that decides a run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is called; changes no result.
    pub name: String,
    /// What all randomness grows from.
    pub seed: u64,
    /// The model.
    pub model: Model,
    /// How its weights are stored.
    pub weights: WeightPrecision,
    /// How keys and values are stored.
    pub kv_cache: KvPrecision,
    /// The GPU.
    pub gpu: Gpu,
    /// GPUs that share the model.
    pub tensor_parallel: u32,
    /// Where the memory of a GPU goes.
    pub memory: MemoryBudget,
    /// Whether the number of KV blocks was given instead of worked out.
    pub kv_blocks_given: bool,
    /// What the engine needs to know.
    pub server: ServerSettings,
    /// Whether the prefix cache is on.
    pub prefix_caching: bool,
    /// Speculative decoding, if the policy has it.
    pub drafts: Option<Drafts>,
    /// Which model of step times is used.
    pub step_times: StepTimeChoice,
    /// How the model's steps are run, unless their times are given.
    pub execution: Execution,
    /// What its step times were fitted on, if they were.
    pub calibration: Option<Calibration>,
    /// What the CPU adds to each step.
    pub cpu_time: CpuTime,
    /// What stands between clients and the engine.
    pub front_end: FrontEnd,
    /// Who asks for what, and when.
    pub workload: Workload,
    /// Objectives.
    pub objectives: Vec<Objective>,
    /// Every setting with its origin, defaults included.
    pub settings: Vec<Resolved>,
    /// Files that were read besides the scenario's own and the trace.
    pub files: Vec<PathBuf>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Why there is no scenario.
#[derive(Debug)]
pub enum Problem {
    /// The text is wrong.
    Invalid(Box<Diagnostic>),
    /// The model does not fit into the GPU's memory.
    DoesNotFit(Box<DoesNotFit>),
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(diagnostic) => diagnostic.fmt(formatter),
            Self::DoesNotFit(shortage) => shortage.fmt(formatter),
        }
    }
}

impl std::error::Error for Problem {}

impl From<Problem> for Diagnostic {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Invalid(diagnostic) => *diagnostic,
            Problem::DoesNotFit(shortage) => Self::new(shortage.to_string()),
        }
    }
}

impl From<Diagnostic> for Problem {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Invalid(Box::new(diagnostic))
    }
}

impl Scenario {
    /// Reads and resolves all layers.
    pub fn load(layers: &Layers) -> Result<Self, Problem> {
        Self::load_changed(layers, None)
    }

    /// The same with keys that another file lays over the scenario's own.
    pub fn load_changed(layers: &Layers, overrides: Option<&Overrides>) -> Result<Self, Problem> {
        Self::resolve(&ScenarioText::read(layers, overrides)?, &[])
    }

    /// Reads a scenario from a file.
    pub fn from_file(path: &Path) -> Result<Self, Problem> {
        Self::load(&Layers {
            file: Some(path.to_owned()),
            ..Layers::default()
        })
    }

    /// Reads a scenario from text; files that it names are looked for from the working directory.
    pub fn from_toml(text: &str) -> Result<Self, Problem> {
        Self::resolve(&ScenarioText::from_toml(text)?, &[])
    }

    /// The scenario that a text describes, with `changes` over everything else.
    pub fn resolve(text: &ScenarioText, changes: &[Flag]) -> Result<Self, Problem> {
        let (root, reading) = text.with(changes)?;
        let fields = Fields::of(&reading, String::new(), &root)?;
        resolve(&reading, &fields)
    }

    /// Names everything that decides the results, except the seed, by 16 hexadecimal digits. Reads the trace, if there
    /// is one.
    pub fn hash(&self) -> String {
        hash(&self.settings, &self.workload)
    }

    /// How long steps take.
    pub fn step_time(&self) -> Box<dyn StepTime> {
        match self.step_times {
            StepTimeChoice::Affine(affine) => self.with_drafts(affine),
            StepTimeChoice::Roofline => self.with_drafts(self.roofline(self.execution, &self.model, self.weights)),
        }
    }

    fn with_drafts(&self, target: impl StepTime + 'static) -> Box<dyn StepTime> {
        let Some(drafts) = &self.drafts else {
            return self.with_cpu(target);
        };
        let pass = match (&drafts.drafter, drafts.cost) {
            (None, _) => return self.with_cpu(target),
            (Some(_), Some(share)) => DraftPass::Share(share),
            (Some(drafter), None) => {
                // A draft is the most probable token, whatever requests ask for (vLLM 0.15.1, `propose` in
                // `v1/spec_decode/eagle.py`).
                let execution = Execution {
                    sampling: Sampling::Plain,
                    ..self.execution
                };
                let roofline = self.roofline(execution, drafter.model(), drafter.weights());
                DraftPass::Of(Box::new(roofline.within_a_step()))
            }
        };
        self.with_cpu(Drafting::new(Box::new(target), pass, drafts.rules.tokens))
    }

    fn with_cpu(&self, gpu: impl StepTime + 'static) -> Box<dyn StepTime> {
        if self.cpu_time == CpuTime::default() {
            return Box::new(gpu);
        }
        Box::new(HostTime {
            gpu,
            per_step: self.cpu_time.per_step,
            per_sequence: self.cpu_time.per_sequence,
            ahead: self.server.policy.decides_ahead(),
        })
    }

    fn roofline(&self, execution: Execution, model: &Model, weights: WeightPrecision) -> Roofline {
        Roofline::run_as(
            execution,
            model,
            &self.gpu,
            weights,
            self.kv_cache,
            self.tensor_parallel,
        )
    }
}

fn resolve(reading: &Reading, fields: &Fields<'_>) -> Result<Scenario, Problem> {
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
    let workload_fields = fields.section("workload")?;
    let through = asked_through(&server);
    let sampling = sampling::read(&workload_fields, model.defaults_to_top_p, through)?;
    let workload = workload::read(&workload_fields, server.max_model_len)?;
    let objectives = slo::read(&fields.section("slo")?)?;
    fields.finish()?;
    warn_of_idle_priorities(reading, &batching, &workload);
    refuse_endless_steps(&server, &batching).map_err(|message| {
        reading
            .error(server_place, message)
            .help("write smaller numbers; they are microseconds")
    })?;
    let memory = memory(&model, &server, &batching)?;
    let kv_blocks = server.kv_blocks.unwrap_or(memory.kv_blocks);
    let fits = batching.policy.refuse_memory(&Memory {
        usable_blocks: kv_blocks - 1,
        block_tokens: server.block_tokens,
        max_model_len: server.max_model_len,
    });
    fits.map_err(|refused| batching_fields.refuse(refused))?;
    let cpu_time = cpu_time(reading, &server, &batching.policy);
    let front_end = front_end(reading, &server);
    let execution = execution(&server, &batching, sampling);
    warn_of_another_deployment(reading, &model, &server);
    let (settings, warnings) = reading.take_notes();
    Ok(Scenario {
        name: name.unwrap_or_else(|| "unnamed".to_owned()),
        seed,
        memory,
        kv_blocks_given: server.kv_blocks.is_some(),
        server: ServerSettings {
            policy: batching.policy.with_seed(seed),
            kv_blocks,
            block_tokens: server.block_tokens,
            max_model_len: server.max_model_len,
        },
        prefix_caching: batching.prefix_caching,
        drafts: batching.drafts,
        front_end,
        model: model.model,
        weights: model.weights,
        kv_cache: model.kv_cache,
        gpu: server.gpu,
        tensor_parallel: server.tensor_parallel,
        step_times: server.step_time.choice(),
        execution,
        calibration: server.step_time.calibration().cloned(),
        cpu_time,
        workload,
        objectives,
        files: reading.take_files(),
        settings,
        warnings,
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

fn warn_of_another_deployment(reading: &Reading, model: &ModelChoice, server: &ServerTable) {
    if let Some(calibration) = server.step_time.calibration() {
        let deployment = (model, &server.gpu, server.tensor_parallel);
        calibration.warn_of_another_deployment(reading, deployment);
    }
}

fn execution(server: &ServerTable, batching: &Batching, sampling: Sampling) -> Execution {
    Execution {
        largest_graph: Execution::largest_graph(batching.continuous.max_num_seqs),
        overheads: server.step_time.overheads(),
        sampling,
    }
}

/// Given step times are all of a step's time; those of the model are the GPU's only.
fn cpu_time(reading: &Reading, server: &ServerTable, policy: &PolicySettings) -> CpuTime {
    if let Some(written) = server.cpu_time {
        return written;
    }
    let (default, why) = if server.step_time.choice().kind().is_all_there_is {
        (CpuTime::default(), ALL_OF_IT)
    } else if policy.decides_ahead() {
        let why = "beside the GPU, as steps are decided ahead";
        (CpuTime::BESIDE_THE_GPU, why)
    } else {
        let why = "before the GPU, as no step is decided ahead";
        (CpuTime::BEFORE_THE_GPU, why)
    };
    overheads::note_cpu_time(reading, default, why);
    default
}

fn front_end(reading: &Reading, server: &ServerTable) -> FrontEnd {
    if let Some(written) = server.front_end {
        return written;
    }
    let (default, why) = match &server.step_time {
        GivenStepTime::Affine(_) => (FrontEnd::default(), ALL_OF_IT),
        GivenStepTime::Calibrated(calibrated) => (calibrated.front_end, "as calibrated, else as served"),
        GivenStepTime::Nothing => (FrontEnd::SERVED, "vLLM's API server"),
    };
    overheads::note_front_end(reading, default, why);
    default
}

const ALL_OF_IT: &str = "given step times are all there is";

/// What requests are known to come through: a calibration may find that an API server costs nothing, and it is one all
/// the same.
fn asked_through(server: &ServerTable) -> FrontEnd {
    let default = if server.step_time.choice().kind().is_all_there_is {
        FrontEnd::default()
    } else {
        FrontEnd::SERVED
    };
    server.front_end.unwrap_or(default)
}

/// Priorities need both requests that have them and a scheduler that heeds them.
fn warn_of_idle_priorities(reading: &Reading, batching: &Batching, workload: &Workload) {
    let (PolicySettings::Continuous(settings), Workload::Synthetic(workload)) = (&batching.policy, workload) else {
        return; // Other policies are compared on the same requests, and rows of a trace say what they are.
    };
    match (settings.priority, &workload.priority) {
        (true, None) => reading.warn(
            "batching.scheduling = \"priority\", but all requests have priority 0 and go by arrival; write \
             workload.priority = [{ value = 0, share = 0.2 }, { value = 1, share = 0.8 }]"
                .to_owned(),
        ),
        (false, Some(_)) => reading.warn(
            "workload.priority changes nothing while batching.scheduling = \"fcfs\"; write scheduling = \"priority\""
                .to_owned(),
        ),
        _ => {}
    }
}

/// No step is priced at more than [`LONGEST_STEP`], so numbers that mean a longer one would be passed over in silence.
fn refuse_endless_steps(server: &ServerTable, batching: &Batching) -> Result<(), String> {
    let choice = server.step_time.choice();
    let Some(seconds) = choice.largest_step_s(batching.most_tokens, batching.most_requests) else {
        return Ok(());
    };
    if seconds <= LONGEST_STEP.seconds() {
        return Ok(());
    }
    Err(format!(
        "with this `server.step_time` a step of {} tokens and {} requests takes {:.1} hours, and none may take more \
         than {}",
        batching.most_tokens,
        batching.most_requests,
        seconds / 3_600.0,
        LONGEST_STEP.seconds() / 3_600.0
    ))
}

/// The memory of a GPU. The activations are those of a step of continuous batching under every policy: a comparison of
/// policies is then one of policies, on the same KV cache; a server that prefills a whole static batch at once would
/// need to keep back more.
fn memory(model: &ModelChoice, server: &ServerTable, batching: &Batching) -> Result<MemoryBudget, Problem> {
    let request = MemoryRequest {
        gpu: &server.gpu,
        model: &model.model,
        weights: model.weights,
        kv: model.kv_cache,
        tensor_parallel: server.tensor_parallel,
        utilization: server.gpu_memory_utilization,
        block_tokens: server.block_tokens,
        max_model_len: server.max_model_len,
        max_num_batched_tokens: batching.continuous.max_num_batched_tokens,
        max_num_seqs: batching.continuous.max_num_seqs,
        drafter: batching.drafts.as_ref().and_then(|drafts| drafts.drafter.as_ref()),
    };
    hardware::budget(&request).or_else(|shortage| match *shortage {
        // Who gives the number of blocks has seen it fit.
        DoesNotFit::Memory(shortage) if server.kv_blocks.is_some() => Ok(shortage.budget),
        DoesNotFit::Setting(bad) => Err(Diagnostic::new(bad.to_string()).into()),
        shortage @ DoesNotFit::Memory(_) => Err(Problem::DoesNotFit(Box::new(shortage))),
    })
}

/// Everything that decides the results. The name decides nothing, and the seed is reported beside it. Some defaults are
/// known only when everything is read, so settings are taken in the order of their keys, not of their notes.
fn hash(settings: &[Resolved], workload: &Workload) -> String {
    let mut fingerprint = Fingerprint::EMPTY;
    let mut sorted: Vec<&Resolved> = settings.iter().collect();
    sorted.sort_by(|one, other| one.key.cmp(&other.key));
    for setting in sorted {
        fingerprint.add(setting.key.as_bytes());
        fingerprint.add(b"=");
        fingerprint.add(setting.content.as_ref().unwrap_or(&setting.value).as_bytes());
        fingerprint.add(b"\n");
    }
    if let Workload::Trace(trace) = workload
        && let Some(file) = &trace.file
    {
        // A trace that cannot be read is reported by whoever replays it.
        let _ = file.reader().and_then(|content| fingerprint.add_all_of(content));
    }
    fingerprint.to_string()
}
