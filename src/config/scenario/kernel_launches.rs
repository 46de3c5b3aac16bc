//! How a server launches kernels: as CUDA graphs to which size, and all-reduces with the norm in them or without.

use super::batching::Batching;
use super::profile::Named;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::hardware::{CudaGraphs, Gpu};
use crate::policy::{MOST_TOKENS, PolicySettings};
use crate::settings::{Kind, Setting};
use crate::step_time::EngineHost;

pub(super) const MAX_CUDAGRAPH_CAPTURE_SIZE: Setting = Setting::new(
    "max_cudagraph_capture_size",
    Kind::Count {
        min: 1,
        max: MOST_TOKENS,
    },
    "The most tokens of a step that runs as a CUDA graph",
)
.flag("--max-cudagraph-capture-size")
.unit("tokens")
.depends("vLLM's: 512, on B200 and its like 1024 since 0.28; twice max_num_seqs and drafts if that is less");
pub(super) const ENFORCE_EAGER: Setting = Setting::new(
    "enforce_eager",
    Kind::Boolean,
    "Whether no step runs as a CUDA graph: the host launches every kernel",
)
.flag("--enforce-eager")
.default("false", "vLLM's default");
pub(super) const FUSE_ALLREDUCE_RMS: Setting = Setting::new(
    "fuse_allreduce_rms",
    Kind::Boolean,
    "Whether all-reduces are one kernel with the norm behind them, on 2, 4 or 8 GPUs of Hopper or Blackwell; vLLM's \
     compilation_config.pass_config",
)
.depends("as the engine: vLLM since 0.19, SGLang and TensorRT-LLM do");

/// What `[server]` says of it.
#[derive(Clone, Copy, Debug)]
pub struct KernelLaunches {
    largest_graph: Option<u32>,
    is_eager: bool,
    fuses_all_reduce: Option<bool>,
}

/// Reads the three keys.
pub fn read(fields: &Fields<'_>) -> Result<KernelLaunches, Diagnostic> {
    let launches = KernelLaunches {
        largest_graph: fields.find(&MAX_CUDAGRAPH_CAPTURE_SIZE)?.declared_count()?.optional(),
        is_eager: fields.find(&ENFORCE_EAGER)?.boolean()?.or_default(),
        fuses_all_reduce: fields.find(&FUSE_ALLREDUCE_RMS)?.boolean()?.optional(),
    };
    Ok(launches)
}

impl KernelLaunches {
    /// The graphs for which memory is kept back: those of vLLM under every policy, as for all of its memory.
    pub fn captured(&self, gpu: &Gpu, batching: &Batching, profile: &Named) -> CudaGraphs {
        let drafts = batching.drafts.as_ref().map_or(0, |drafts| drafts.rules.tokens);
        let limits = &batching.continuous;
        let (requests, tokens) = (limits.max_num_seqs, limits.max_num_batched_tokens);
        match self.asked() {
            Some(asked) => CudaGraphs::up_to(asked, requests, drafts, tokens),
            None => CudaGraphs::new(requests, drafts, tokens, most(gpu, profile)),
        }
    }

    /// The most tokens of a step that runs as a graph. The limits of vLLM's scheduler are nothing to other policies.
    pub fn largest_graph(&self, gpu: &Gpu, batching: &Batching, profile: &Named) -> u64 {
        match batching.policy {
            PolicySettings::Continuous(_) => self.captured(gpu, batching, profile).largest,
            _ => self.asked().unwrap_or_else(|| most(gpu, profile)),
        }
    }

    /// How the engine runs steps if it is told so.
    pub fn told(&self, engine_host: EngineHost) -> EngineHost {
        EngineHost {
            fuses_all_reduce: self.fuses_all_reduce.unwrap_or(engine_host.fuses_all_reduce),
            ..engine_host
        }
    }

    fn asked(&self) -> Option<u64> {
        if self.is_eager {
            Some(0)
        } else {
            self.largest_graph.map(u64::from)
        }
    }
}

fn most(gpu: &Gpu, profile: &Named) -> u64 {
    CudaGraphs::most(gpu, profile.switches.start_up.knows_blackwell_graphs)
}
