//! `[server]`: what it runs on.

use super::batching::MOST_TOKENS;
use super::catalogue;
use super::diagnostic::Diagnostic;
use super::fields::{Fields, Resolved};
use super::model::refused;
use super::overheads::{self, CpuTime};
use super::profile;
use super::step_time::{self, GivenStepTime};
use crate::fleet::FrontEnd;
use crate::hardware::{Gpu, Model};

/// More blocks than any GPU holds, few enough for every sum.
const MOST_BLOCKS: u32 = 1 << 30;

/// `[server]`.
#[derive(Debug)]
pub struct Server {
    /// The GPU.
    pub gpu: Gpu,
    /// GPUs that share the model.
    pub tensor_parallel: u32,
    /// The part of the memory that the server may use.
    pub gpu_memory_utilization: f64,
    /// Tokens in a block.
    pub block_tokens: u32,
    /// The most tokens of a request.
    pub max_model_len: u32,
    /// The number of blocks, if the memory model is overridden.
    pub kv_blocks: Option<u32>,
    /// What is said of step times, if anything.
    pub step_time: GivenStepTime,
    /// What the CPU adds to each step, if it was written.
    pub cpu_time: Option<CpuTime>,
    /// What stands between clients and the engine, if it was written.
    pub front_end: Option<FrontEnd>,
}

/// Reads `[server]`.
pub fn read_server(fields: &Fields<'_>, model: &Model, profile: &profile::Named) -> Result<Server, Diagnostic> {
    let gpu = read_gpu(fields)?;
    let tensor_parallel = fields
        .key_or_alias("tensor_parallel", &["tensor_parallel_size"])?
        .count(1..=1024)?
        .or(1, "one GPU");
    model.check_tensor_parallel(tensor_parallel).map_err(|bad| {
        let message = format!("{} cannot be split so: {bad}", model.name());
        fields.error("tensor_parallel", message)
    })?;
    let utilization = fields.key("gpu_memory_utilization")?.number(0.01..=1.0)?;
    let block_size = fields.key("block_size")?.count(1..=4096)?;
    let max_model_len = fields.key("max_model_len")?.count(1..=MOST_TOKENS)?;
    let server = Server {
        tensor_parallel,
        gpu_memory_utilization: utilization.or(profile.switches.gpu_memory_utilization, &profile.as_default()),
        block_tokens: block_size.or(16, "vLLM's default"),
        max_model_len: max_model_len.or(
            model.max_model_len().min(MOST_TOKENS),
            "the longest context of the model",
        ),
        kv_blocks: fields
            .key_or_alias("kv_blocks", &["num_gpu_blocks_override"])?
            .count(2..=MOST_BLOCKS)?
            .optional(),
        step_time: step_time::read(fields)?,
        cpu_time: overheads::read_cpu_time(fields)?,
        front_end: overheads::read_front_end(fields)?,
        gpu,
    };
    warn_about_length(fields, &server, model);
    refuse_too_few_blocks(fields, &server)?;
    fields.finish()?;
    Ok(server)
}

fn read_gpu(fields: &Fields<'_>) -> Result<Gpu, Diagnostic> {
    let key = fields.key("gpu")?;
    let place = key.node.map_or(fields.place(), |node| node.place);
    let name = key.text()?.unnoted().ok_or_else(|| {
        fields
            .error("gpu", "`server.gpu` is missing")
            .help("write gpu = \"h100-sxm\"; `tailcast gpus` lists the names")
            .help("or give a file of the same form: gpu = \"path/to/gpu.toml\"")
    })?;
    let is_file = name.contains(['/', '\\']) || name.to_ascii_lowercase().ends_with(".toml");
    let gpu = if is_file {
        let path = fields.reading().texts.base(place).join(&name);
        fields.reading().note_file(&path);
        catalogue::gpu_among(&fields.reading().files, &path)
    } else {
        catalogue::gpu(&name)
    };
    let gpu = gpu.map_err(|error| refused(fields, "gpu", &error))?;
    fields.reading().note(Resolved {
        key: "server.gpu".to_owned(),
        value: gpu.title().to_owned(),
        content: Some(format!("{gpu:?}")),
        origin: fields.reading().texts.line_of(place),
        is_default: false,
    });
    Ok(gpu)
}

fn warn_about_length(fields: &Fields<'_>, server: &Server, model: &Model) {
    if server.max_model_len > model.max_model_len() {
        fields.reading().warn(format!(
            "server.max_model_len = {} exceeds the {} tokens that {} was made for; vLLM refuses that unless told \
             otherwise",
            server.max_model_len,
            model.max_model_len(),
            model.name()
        ));
    }
}

/// A request of the full length that does not fit could never finish; vLLM does not start so.
fn refuse_too_few_blocks(fields: &Fields<'_>, server: &Server) -> Result<(), Diagnostic> {
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
