//! What is bought and how it is set up: model, GPU, memory, engine, step times.

use super::batching::Batching;
use super::cache_sizing;
use super::calibration::Calibration;
use super::memory_warnings;
use super::model::ModelChoice;
use super::no_scenario::NoScenario;
use super::overheads::{self, CpuTime};
use super::profile::Named;
use super::server::ServerTable;
use super::simulated_cache::SimulatedCache;
use super::speculative::Drafts;
use super::step_time::GivenStepTime;
use crate::config::files::catalogue;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::config::reader::reading::Reading;
use crate::engine::ServerSettings;
use crate::fleet::{FreshServer, FrontEnd};
use crate::hardware::{
    self, CacheSizing, CudaGraphs, DoesNotFit, Gpu, KvPrecision, KvScheduling, MemoryBudget, MemoryRequest,
    MemoryShortage, Model, OtherGpu, SamplerRun, StartUp, WeightPrecision, block_that_holds_states, kv_layers,
};
use crate::policy::{Memory, PolicySettings};
use crate::step_time::{
    DraftPass, Drafting, EngineHost, Execution, HostTime, LONGEST_STEP, Launching, Overheads, PriceLists, Roofline,
    Sampling, StepTime, StepTimeChoice, StepsOnGpu,
};
use crate::units::Span;

/// One server: what it consists of, and how it is set up.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The engine that is simulated, with its release: `vLLM 0.33`.
    pub engine: String,
    /// The model that is served.
    pub model: Model,
    /// How its weights are stored.
    pub weights: WeightPrecision,
    /// How keys and values are stored.
    pub kv_cache: KvPrecision,
    /// The GPU that serves it, one of `tensor_parallel`.
    pub gpu: Gpu,
    /// GPUs that share the model.
    pub tensor_parallel: u32,
    /// Where the memory of a GPU goes.
    pub memory: MemoryBudget,
    /// Whose arithmetic decides what the KV cache may have.
    pub cache_sizing: CacheSizing,
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
    /// How it is slow at first, if it has just been started.
    pub fresh: Option<FreshServer>,
    /// Whether the CPU works on a step while the GPU computes the one before.
    pub hides_cpu: bool,
    /// How its engine runs steps.
    pub engine_host: EngineHost,
    /// What was worked out of the prices of servers that were set up from the same files.
    pub price_lists: PriceLists,
}

impl Deployment {
    /// The deployment with whatever its policy draws at random growing from `seed`.
    pub(super) fn with_seed(mut self, seed: u64) -> Self {
        self.server.policy = self.server.policy.with_seed(seed);
        self
    }

    /// Whether the GPU has no units for the format of the weights, so that they are multiplied in 16 bits.
    pub fn unpacks_weights(&self) -> bool {
        !self.gpu.multiplies(self.weights)
    }

    /// Whose arithmetic gives the KV cache its size, in words.
    pub fn cache_arithmetic(&self) -> String {
        match (&self.server.policy, self.cache_sizing) {
            (_, CacheSizing::StaticFraction(share)) => format!("as SGLang counts them (mem_fraction_static {share})"),
            (PolicySettings::Continuous(_), _) => "from the memory model".to_owned(),
            _ => format!(
                "as vLLM would count them, {}'s own arithmetic being unknown",
                self.engine
            ),
        }
    }

    /// The blocks that its memory holds, whatever number the scenario gives; the null block included.
    pub fn blocks_of_memory(&self) -> u32 {
        if self.server.kv_groups.is_some() {
            self.memory.kv_pool.block_count()
        } else {
            self.memory.kv_blocks
        }
    }

    /// How long steps take.
    pub fn step_time(&self) -> Box<dyn StepTime> {
        match self.step_times {
            StepTimeChoice::Affine(affine) => self.with_drafts(affine),
            StepTimeChoice::Roofline => {
                let steps = self.steps_of(self.execution, &self.model, self.weights);
                match steps.single() {
                    Ok(all) => self.with_drafts(all),
                    Err(by_kind) => self.with_drafts(*by_kind),
                }
            }
        }
    }

    /// How long the model's steps take on the GPU alone, without drafts; `None` if step times are given.
    pub fn steps_on_gpu(&self) -> Option<StepsOnGpu> {
        match self.step_times {
            StepTimeChoice::Affine(_) => None,
            StepTimeChoice::Roofline => Some(self.steps_of(self.execution, &self.model, self.weights)),
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
                let steps = self.steps_of(execution, drafter.model(), drafter.weights());
                DraftPass::Of(Box::new(steps.within_a_step()))
            }
        };
        self.with_cpu(Drafting::new(Box::new(target), pass, drafts.rules.tokens))
    }

    fn with_cpu(&self, gpu: impl StepTime + 'static) -> Box<dyn StepTime> {
        if self.cpu_time == CpuTime::default() && self.launching() == Launching::default() {
            return Box::new(gpu);
        }
        Box::new(HostTime {
            gpu,
            per_step: self.cpu_time.per_step,
            per_sequence: self.cpu_time.per_sequence,
            ahead: self.hides_cpu,
            launching: self.launching(),
        })
    }

    /// How kernels come to the GPU; of given step times launching is a part.
    pub fn launching(&self) -> Launching {
        if self.step_times.kind().is_all_there_is {
            return Launching::default();
        }
        let graph = self.execution.largest_graph;
        self.engine_host.launching(&self.model, &self.gpu, graph)
    }

    /// Steps of a model, with a price list of their own for those with prompts only where these differ.
    fn steps_of(&self, execution: Execution, model: &Model, weights: WeightPrecision) -> StepsOnGpu {
        let decoding = self.roofline(execution.of_decoding(), model, weights);
        if execution.scales.are_of_one_kind() {
            return StepsOnGpu::alike(decoding);
        }
        StepsOnGpu::by_kind(decoding, self.roofline(execution.of_prompts(), model, weights))
    }

    fn roofline(&self, execution: Execution, model: &Model, weights: WeightPrecision) -> Roofline {
        let roofline = Roofline::run_as(
            execution,
            model,
            &self.gpu,
            weights,
            self.kv_cache,
            self.tensor_parallel,
        );
        roofline.sharing(&self.price_lists)
    }
}

/// Puts together what the tables say. Some defaults are known only when all of them are read.
pub(super) fn resolve(
    reading: &Reading,
    batching_fields: &Fields<'_>,
    (model, server, mut batching): (ModelChoice, ServerTable, Batching),
    (sampling, profile): (Sampling, Named),
) -> Result<Deployment, NoScenario> {
    let graphs = server.launches.captured(&server.gpu, &batching, &profile);
    let mut start_up = profile.switches.start_up;
    start_up.scheduling = scheduling(&batching);
    start_up.sizing = cache_sizing::read(reading, &server, &model, &batching.policy)?;
    if sampling == Sampling::Nothing {
        start_up.sampler = SamplerRun::Nothing;
    }
    let memory = memory(&model, &server, &batching, (graphs, start_up))?;
    let cache = SimulatedCache::of(&server, &memory, &batching.policy)?;
    offload(reading, &server, (&model, &memory, &cache), &mut batching.policy)?;
    let fits = batching.policy.refuse_memory(&Memory {
        usable_blocks: cache.kv_blocks - 1,
        block_tokens: cache.block_tokens,
        max_model_len: server.max_model_len,
        kv_groups: cache.kv_groups.clone(),
    });
    fits.map_err(|refused| batching_fields.refuse(refused))?;
    let hides_cpu = hides_cpu(&batching.policy, &profile, &server.gpu);
    let cpu_time = cpu_time(reading, &server, &batching.policy, hides_cpu);
    let engine_host = batching.policy.engine_host().unwrap_or(profile.switches.host);
    let engine_host = server.launches.told(engine_host);
    let front_end = front_end(reading, &server, &model.model, &engine_host);
    let execution = execution(&server, &batching, (sampling, &profile), &engine_host);
    warn_of_another_deployment(reading, &model, &server);
    warn_of_formats(reading, &model, &server.gpu);
    warn_of_states(reading, &model, &server, &batching);
    memory_warnings::warn(reading, &server, &memory, (&batching.policy, &profile));
    Ok(Deployment {
        engine: engine(&batching.policy, &profile),
        memory,
        cache_sizing: start_up.sizing,
        kv_blocks_given: server.kv_blocks.is_some(),
        server: ServerSettings {
            policy: batching.policy,
            kv_blocks: cache.kv_blocks,
            block_tokens: cache.block_tokens,
            max_model_len: server.max_model_len,
            kv_groups: cache.kv_groups,
        },
        prefix_caching: batching.prefix_caching,
        drafts: batching.drafts,
        front_end,
        fresh: server.fresh,
        model: model.model,
        weights: model.weights,
        kv_cache: model.kv_cache,
        gpu: server.gpu,
        tensor_parallel: server.tensor_parallel,
        step_times: server.step_time.choice(),
        execution,
        calibration: server.step_time.calibration().cloned(),
        cpu_time,
        hides_cpu,
        engine_host,
        price_lists: reading.files.price_lists().clone(),
    })
}

/// Gives the policy the memory of the CPU, if the server has any for its KV cache.
fn offload(
    reading: &Reading,
    server: &ServerTable,
    (model, memory, cache): (&ModelChoice, &MemoryBudget, &SimulatedCache),
    policy: &mut PolicySettings,
) -> Result<(), Diagnostic> {
    let Some(offload) = &server.kv_offload else {
        return Ok(());
    };
    let has_groups = cache.kv_groups.is_some() || model.model.state_bytes_per_request(1) > 0;
    offload.give_to(policy, reading, memory, (server.tensor_parallel, has_groups))
}

/// What steps pay besides their kernels, and which kernels these are.
fn execution(
    server: &ServerTable,
    batching: &Batching,
    (sampling, profile): (Sampling, &Named),
    engine_host: &EngineHost,
) -> Execution {
    Execution {
        overheads: overheads_of(server, engine_host),
        scales: server.step_time.scales(),
        largest_graph: server.launches.largest_graph(&server.gpu, batching, profile),
        sampling,
        sorts_below: profile.switches.sorts_below,
        has_triton_mxfp4: profile.switches.has_triton_mxfp4,
        search: profile.switches.search,
        fused_all_reduce_micros: engine_host.fused_on(&server.gpu),
        joins_shared_experts: engine_host.joins_shared_experts,
    }
}

fn warn_of_another_deployment(reading: &Reading, model: &ModelChoice, server: &ServerTable) {
    if let Some(calibration) = server.step_time.calibration() {
        let deployment = (model, &server.gpu, server.tensor_parallel);
        calibration.warn_of_another_deployment(reading, deployment);
    }
}

/// Formats that the GPU cannot multiply are served all the same, in other kernels than the format suggests.
fn warn_of_formats(reading: &Reading, model: &ModelChoice, gpu: &Gpu) {
    if gpu.chip().is_some_and(|chip| !chip.architecture.has_bf16()) {
        reading.warn(format!(
            "{} has no units for bf16: 16-bit weights are taken to be served as fp16 (vLLM's --dtype half), which has \
             the same size",
            gpu.title()
        ));
    }
    // Of a model that is published so, served by kernels that were measured, it is said where the step times stand.
    let is_expected = model.is_as_published && gpu.measured_kernels().unmeasured(&model.model, false).is_empty();
    if !gpu.multiplies(model.weights) && !is_expected {
        reading.warn(format!(
            "{} has no units for {weights}: weights in {weights} are taken to be unpacked on the way and multiplied in \
             16 bits, as vLLM's weight-only kernels (Marlin) do; they save memory and reading, but no arithmetic",
            gpu.title(),
            weights = model.weights
        ));
    }
}

/// What vLLM's attention takes in a block at least, and multiples of it [tokens].
const LEAST_BLOCK: u32 = 16;

/// What states change is only in part in what is simulated: whoever reads the results has to know.
fn warn_of_states(reading: &Reading, model: &ModelChoice, server: &ServerTable, batching: &Batching) {
    let one = model.model.state_bytes_per_request(server.tensor_parallel);
    if one == 0 {
        return;
    }
    let title = model.model.title();
    let megabytes = one as f64 / 1e6;
    if scheduling(batching).states_in_blocks {
        return reading.warn(format!(
            "{title}: a running request keeps a state of {megabytes:.1} MB on each GPU, in blocks of the KV cache. \
             vLLM would keep states for its prefix cache too, which is not modelled: without it prompts that others \
             share are computed again"
        ));
    }
    let most = batching.continuous.max_num_seqs;
    let layers = kv_layers(&model.model, None, model.kv_cache, server.tensor_parallel);
    let blocks = Some(block_that_holds_states(&layers, LEAST_BLOCK)).filter(|&tokens| tokens > server.block_tokens);
    let blocks = blocks.map_or(String::new(), |tokens| {
        format!("; its blocks hold {tokens} tokens, as here with server.block_size = {tokens}")
    });
    reading.warn(format!(
        "{title}: a running request keeps a state of {megabytes:.1} MB on each GPU beside its keys and values. Those \
         of max_num_seqs = {most} requests ({:.1} GiB) are kept back from the KV cache here, where vLLM takes them \
         from it as requests come{blocks}. Hits of the prefix cache are counted as if states could be shared at any \
         block",
        one as f64 * f64::from(most) / f64::from(1 << 30),
    ));
}

fn engine(policy: &PolicySettings, profile: &Named) -> String {
    match policy {
        PolicySettings::Continuous(_) => profile.engine(),
        other => other.description().engine.to_owned(),
    }
}

fn hides_cpu(policy: &PolicySettings, profile: &Named, gpu: &Gpu) -> bool {
    let is_hidden = match policy {
        PolicySettings::Continuous(_) => profile.switches.hides_cpu || gpu.is_blackwell(),
        _ => true,
    };
    policy.hides_cpu() && is_hidden
}

/// What steps pay besides their kernels: as the release has it, unless a calibration says otherwise.
fn overheads_of(server: &ServerTable, engine_host: &EngineHost) -> Overheads {
    let mut overheads = server.step_time.overheads();
    if server.step_time.calibration().is_none() {
        overheads.eager_experts_micros *= engine_host.eager_experts;
    }
    overheads
}

/// Given step times are all of a step's time; those of the model are the GPU's only.
fn cpu_time(reading: &Reading, server: &ServerTable, policy: &PolicySettings, hides_cpu: bool) -> CpuTime {
    if let Some(written) = server.cpu_time {
        return written;
    }
    let (default, why) = if server.step_time.choice().kind().is_all_there_is {
        (CpuTime::default(), ALL_OF_IT)
    } else if hides_cpu {
        let why = "beside the GPU, as steps are prepared ahead";
        (CpuTime::BESIDE_THE_GPU, why)
    } else {
        let why = if policy.hides_cpu() {
            "before the GPU: steps are decided ahead, but servers of this release are as slow as without"
        } else {
            "before the GPU, as no step is prepared ahead"
        };
        (CpuTime::BEFORE_THE_GPU, why)
    };
    overheads::note_cpu_time(reading, &server.path, default, why);
    default
}

fn front_end(reading: &Reading, server: &ServerTable, model: &Model, engine_host: &EngineHost) -> FrontEnd {
    if let Some(written) = server.front_end {
        return written;
    }
    let later = engine_host.later_on(model, &server.gpu);
    let own = FrontEnd {
        latency: FrontEnd::SERVED.latency + later,
        ..FrontEnd::SERVED
    };
    let (default, why) = match &server.step_time {
        GivenStepTime::Affine(_) => (FrontEnd::default(), ALL_OF_IT),
        GivenStepTime::Calibrated(calibrated) => (calibrated.front_end, "as calibrated, else as served"),
        GivenStepTime::Nothing if later > Span::ZERO => (own, "vLLM's API server, and the engine's own"),
        GivenStepTime::Nothing => (own, "vLLM's API server"),
    };
    overheads::note_front_end(reading, &server.path, default, why);
    default
}

const ALL_OF_IT: &str = "given step times are all there is";

/// What requests are known to come through: a calibration may find that an API server costs nothing, and it is one all
/// the same.
pub(super) fn asked_through(server: &ServerTable) -> FrontEnd {
    let default = if server.step_time.choice().kind().is_all_there_is {
        FrontEnd::default()
    } else {
        FrontEnd::SERVED
    };
    server.front_end.unwrap_or(default)
}

/// The memory of a GPU. The activations are those of a step of continuous batching under every policy: a comparison of
/// policies is then one of policies, on the same KV cache; a server that prefills a whole static batch at once would
/// need to keep back more.
fn memory(
    model: &ModelChoice,
    server: &ServerTable,
    batching: &Batching,
    (graphs, start_up): (CudaGraphs, StartUp),
) -> Result<MemoryBudget, NoScenario> {
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
        graphs,
        start_up,
    };
    hardware::budget(&request).or_else(|shortage| match *shortage {
        // Who gives the number of blocks has seen it fit.
        DoesNotFit::Memory(shortage) if server.kv_blocks.is_some() => Ok(shortage.budget),
        DoesNotFit::Setting(bad) => Err(Diagnostic::new(bad.to_string()).into()),
        DoesNotFit::Memory(mut shortage) => {
            look_at_gpus(&mut shortage, &request);
            Err(NoScenario::DoesNotFit(Box::new(DoesNotFit::Memory(shortage))))
        }
    })
}

/// Those of the catalogue, with limits that are no smaller than vLLM's defaults for any of them.
fn look_at_gpus(shortage: &mut MemoryShortage, request: &MemoryRequest) {
    let Ok(entries) = catalogue::gpus() else { return };
    let others: Vec<OtherGpu> = entries
        .iter()
        .map(|entry| {
            let (tokens, requests) = most_default_limits(&entry.gpu);
            OtherGpu {
                gpu: &entry.gpu,
                max_num_batched_tokens: request.max_num_batched_tokens.max(tokens),
                max_num_seqs: request.max_num_seqs.max(requests),
                largest_graph: CudaGraphs::most(&entry.gpu, request.start_up.knows_blackwell_graphs),
            }
        })
        .collect();
    shortage.look_at_gpus(request, &others);
}

/// At least what vLLM takes for `max_num_batched_tokens` and `max_num_seqs` on such a GPU (`get_batch_defaults`).
fn most_default_limits(gpu: &Gpu) -> (u32, u32) {
    match gpu.memory_bytes() >> 30 {
        0..70 => (2048, 256),
        70..160 => (8192, 1024),
        _ => (16_384, 1024),
    }
}

/// Groups of layers are vLLM's; of other engines each is taken to keep whole contexts in every layer.
fn scheduling(batching: &Batching) -> KvScheduling {
    let is_vllm = matches!(batching.policy, PolicySettings::Continuous(_));
    let decides_ahead = is_vllm && batching.policy.decides_ahead();
    let is_hybrid = is_vllm && !batching.continuous.has_one_table;
    KvScheduling {
        steps_in_flight: if decides_ahead { 2 } else { 1 },
        is_hybrid,
        states_in_blocks: is_hybrid && !batching.prefix_caching,
    }
}

/// No step is priced at more than [`LONGEST_STEP`], so numbers that mean a longer one would be passed over in silence.
pub(super) fn refuse_endless_steps(server: &ServerTable, batching: &Batching) -> Result<(), String> {
    let choice = server.step_time.choice();
    let Some(seconds) = choice.largest_step_s(batching.most_tokens, batching.most_requests) else {
        return Ok(());
    };
    if seconds <= LONGEST_STEP.seconds() {
        return Ok(());
    }
    Err(format!(
        "with this `{}.step_time` a step of {} tokens and {} requests takes {:.1} hours, and none may take more \
         than {}",
        server.path,
        batching.most_tokens,
        batching.most_requests,
        seconds / 3_600.0,
        LONGEST_STEP.seconds() / 3_600.0
    ))
}
