//! `[server]`: what it runs on.

use super::fresh_server::{self, WARM_UP};
use super::kernel_launches::{self, ENFORCE_EAGER, FUSE_ALLREDUCE_RMS, KernelLaunches, MAX_CUDAGRAPH_CAPTURE_SIZE};
use super::kv_offload::{self, KV_OFFLOAD, KvOffload};
use super::model::refused;
use super::overheads::{self, CPU_TIME, CpuTime, FRONT_END};
use super::profile;
use super::step_time::{self, GivenStepTime, STEP_TIME};
use crate::config::files::catalogue;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::config::reader::reading::Resolved;
use crate::config::reader::text::Place;
use crate::fleet::{FreshServer, FrontEnd};
use crate::hardware::{Gpu, Model};
use crate::policy::MOST_TOKENS;
use crate::settings::{Kind, Setting};

/// More blocks than any GPU holds, few enough for every sum.
const MOST_BLOCKS: u32 = 1 << 30;

/// The table `[server]`: what the deployment runs on.
pub(super) const SERVER: Setting = Setting::new(
    "server",
    Kind::Table(&[
        &GPU,
        &TENSOR_PARALLEL,
        &LINK,
        &GPU_MEMORY_UTILIZATION,
        &MEM_FRACTION_STATIC,
        &BLOCK_SIZE,
        &MAX_MODEL_LEN,
        &KV_BLOCKS,
        &MAX_CUDAGRAPH_CAPTURE_SIZE,
        &ENFORCE_EAGER,
        &FUSE_ALLREDUCE_RMS,
        &STEP_TIME,
        &CPU_TIME,
        &FRONT_END,
        &WARM_UP,
        &KV_OFFLOAD,
    ]),
    "What it runs on",
);
const GPU: Setting = Setting::new("gpu", Kind::Text, "The GPU: a name from `tailcast gpus` or a file")
    .flag("--gpu")
    .unit("name")
    .required("write gpu = \"h100-sxm\"; `tailcast gpus` lists the names");
const TENSOR_PARALLEL: Setting = Setting::new(
    "tensor_parallel",
    Kind::Count { min: 1, max: 1024 },
    "GPUs that share the model",
)
.or(&["tensor_parallel_size"])
.flag("--tensor-parallel-size")
.unit("GPUs")
.default("1", "one GPU");
const LINK: Setting = Setting::new(
    "link_gb_per_s",
    Kind::Number { min: 1.0, max: 1e5 },
    "Bandwidth of the link between the GPUs of the server, one direction",
)
.unit("GB/s")
.depends("the GPU's: NVLink's, or that of its PCI Express slot");
const GPU_MEMORY_UTILIZATION: Setting = Setting::new(
    "gpu_memory_utilization",
    Kind::Number { min: 0.01, max: 1.0 },
    "The part of the GPU's memory to use",
)
.flag("--gpu-memory-utilization")
.unit("fraction")
.depends("that of the vLLM release that batching.profile names: 0.92, or 0.9 before");
/// SGLang's, which has another meaning than vLLM's share.
pub(super) const MEM_FRACTION_STATIC: Setting = Setting::new(
    "mem_fraction_static",
    Kind::Number { min: 0.01, max: 1.0 },
    "The part of the memory that is free at the start for weights and KV cache; SGLang's, refused under other policies",
)
.unit("fraction")
.depends("SGLang's for the GPU, under policy sglang: 0.68 to 0.9");
const BLOCK_SIZE: Setting = Setting::new(
    "block_size",
    Kind::Count { min: 1, max: 4096 },
    "Tokens in a block of the KV cache",
)
.flag("--block-size")
.unit("tokens")
.default("16", "vLLM's default");
const MAX_MODEL_LEN: Setting = Setting::new(
    "max_model_len",
    Kind::Count {
        min: 1,
        max: MOST_TOKENS,
    },
    "The most tokens of a request",
)
.flag("--max-model-len")
.unit("tokens")
.depends("the longest context of the model");
const KV_BLOCKS: Setting = Setting::new(
    "kv_blocks",
    Kind::Count {
        min: 2,
        max: MOST_BLOCKS,
    },
    "Blocks of the KV cache, the null block included",
)
.or(&["num_gpu_blocks_override"])
.unit("blocks")
.depends("as many as fit into the GPU's memory");

/// What `[server]` says.
#[derive(Debug)]
pub struct ServerTable {
    /// The table's own name, with those of the tables around it.
    pub path: String,
    /// The GPU of the server, one of `tensor_parallel`.
    pub gpu: Gpu,
    /// GPUs that share the model.
    pub tensor_parallel: u32,
    /// The part of the memory that the server may use.
    pub gpu_memory_utilization: f64,
    /// Whether that was written.
    pub utilization_is_written: bool,
    /// SGLang's share of the memory and where it stands, if it was written.
    pub mem_fraction_static: Option<(f64, Place)>,
    /// Tokens in a block.
    pub block_tokens: u32,
    /// The most tokens of a request.
    pub max_model_len: u32,
    /// The number of blocks, if the memory model is overridden.
    pub kv_blocks: Option<u32>,
    /// How kernels are launched.
    pub launches: KernelLaunches,
    /// What is said of step times, if anything.
    pub step_time: GivenStepTime,
    /// What the CPU adds to each step, if it was written.
    pub cpu_time: Option<CpuTime>,
    /// What stands between clients and the engine, if it was written.
    pub front_end: Option<FrontEnd>,
    /// How a server is slow at first, if it is.
    pub fresh: Option<FreshServer>,
    /// Which memory of the CPU holds KV cache too, if any.
    pub kv_offload: Option<KvOffload>,
}

/// Reads the table `[server]`: what the deployment runs on.
pub fn read_server(fields: &Fields<'_>, model: &Model, profile: &profile::Named) -> Result<ServerTable, Diagnostic> {
    let gpu = read_gpu(fields)?;
    let gpu = match fields.find(&LINK)?.declared_number()?.optional() {
        Some(gigabytes) => gpu.with_link(gigabytes * 1e9),
        None => gpu,
    };
    let tensor_parallel = fields.find(&TENSOR_PARALLEL)?.declared_count()?.or_default();
    model.check_tensor_parallel(tensor_parallel).map_err(|bad| {
        let message = format!("{} cannot be split so: {bad}", model.name());
        fields.error("tensor_parallel", message)
    })?;
    let utilization = fields.find(&GPU_MEMORY_UTILIZATION)?;
    let utilization_is_written = utilization.node.is_some();
    let utilization = utilization.declared_number()?;
    let share = fields.find(&MEM_FRACTION_STATIC)?;
    let place = share.node.map_or(fields.place(), |node| node.place);
    let mem_fraction_static = share.declared_number()?.optional().map(|share| (share, place));
    let block_size = fields.find(&BLOCK_SIZE)?.declared_count()?;
    let max_model_len = fields.find(&MAX_MODEL_LEN)?.declared_count()?;
    let server = ServerTable {
        path: fields.path().to_owned(),
        tensor_parallel,
        gpu_memory_utilization: utilization.or(profile.switches.gpu_memory_utilization, &profile.as_default()),
        utilization_is_written,
        mem_fraction_static,
        block_tokens: block_size.or_default(),
        max_model_len: max_model_len.or(
            model.max_model_len().min(MOST_TOKENS),
            "the longest context of the model",
        ),
        kv_blocks: fields.find(&KV_BLOCKS)?.declared_count()?.optional(),
        launches: kernel_launches::read(fields)?,
        step_time: step_time::read(fields)?,
        cpu_time: overheads::read_cpu_time(fields)?,
        front_end: overheads::read_front_end(fields)?,
        fresh: fresh_server::read(fields)?,
        kv_offload: kv_offload::read(fields, &gpu)?,
        gpu,
    };
    warn_about_length(fields, &server, model);
    if !model.forgets_in_every_layer() {
        refuse_too_few_blocks(fields, &server)?;
    }
    fields.finish()?;
    Ok(server)
}

fn read_gpu(fields: &Fields<'_>) -> Result<Gpu, Diagnostic> {
    let key = fields.find(&GPU)?;
    let place = key.node.map_or(fields.place(), |node| node.place);
    let name = key.text()?.unnoted().ok_or_else(|| {
        fields
            .missing(&GPU)
            .help("or give a file of the same form: gpu = \"path/to/gpu.toml\"")
    })?;
    let is_file = name.contains(['/', '\\']) || name.to_ascii_lowercase().ends_with(".toml");
    let gpu = if is_file {
        let path = fields.reading().texts.base(place).join(&name);
        fields.reading().note_file(&path);
        let entry = catalogue::gpu_among(&fields.reading().files, &path).map_err(|error| {
            let example = catalogue::GPU_EXAMPLE.replace('\n', "; ");
            refused(fields, "gpu", &error).help(format!("a GPU's file holds at least, a key a line: {example}"))
        })?;
        if !entry.unsourced.is_empty() {
            let figures = entry.unsourced.join(", ");
            fields
                .reading()
                .warn(format!("{}: no source is named for {figures}", entry.file));
        }
        Ok(entry.gpu)
    } else {
        catalogue::gpu(&name)
    };
    let gpu = gpu.map_err(|error| refused(fields, "gpu", &error))?;
    fields.reading().note(Resolved {
        key: format!("{}.gpu", fields.path()),
        value: gpu.title().to_owned(),
        content: Some(format!("{gpu:?}")),
        origin: fields.reading().texts.line_of(place),
        is_default: false,
    });
    Ok(gpu)
}

fn warn_about_length(fields: &Fields<'_>, server: &ServerTable, model: &Model) {
    if server.max_model_len > model.max_model_len() {
        fields.reading().warn(format!(
            "{}.max_model_len = {} exceeds the {} tokens that {} was made for; vLLM refuses that unless told \
             otherwise",
            server.path,
            server.max_model_len,
            model.max_model_len(),
            model.name()
        ));
    }
}

/// A request of the full length that does not fit could never finish; vLLM does not start so.
fn refuse_too_few_blocks(fields: &Fields<'_>, server: &ServerTable) -> Result<(), Diagnostic> {
    let needed = server.max_model_len.div_ceil(server.block_tokens) + 1;
    match server.kv_blocks {
        Some(blocks) if blocks < needed => {
            let room = (blocks - 1) * server.block_tokens;
            let message = format!(
                "{blocks} blocks hold {room} tokens, less than one request of max_model_len = {}, which could never \
                 finish",
                server.max_model_len
            );
            Err(fields.error("kv_blocks", message).help(format!(
                "write kv_blocks = {needed} or more (the null block included), or max_model_len = {room} or less"
            )))
        }
        _ => Ok(()),
    }
}
