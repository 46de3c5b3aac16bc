//! What sets releases of vLLM apart when they start, as far as it decides how much memory is left.

use super::KvGroupRules;

/// The switches of one release: what runs before the memory is divided, and what is subtracted.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a release")]
pub struct StartUp {
    /// What the sampler does in the profile run.
    pub sampler: SamplerRun,
    /// Whether routed experts take at most 16,384 tokens at once (`VLLM_FUSED_MOE_CHUNK_SIZE`).
    pub chunks_experts: bool,
    /// Libraries outside `PyTorch`'s allocator, and what that rounds up, on a single GPU [GiB].
    pub libraries_gib: f64,
    /// Whether GPUs that share a model get `FlashInfer`'s workspace for all-reduces fused with what comes after them.
    pub fuses_all_reduce: bool,
    /// Whether an estimate of the CUDA graphs is subtracted (`VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS`).
    pub subtracts_graphs: bool,
    /// Whether Triton's experts in mxfp4 have both sides of their values padded on Hopper.
    pub pads_mxfp4: bool,
    /// What a model that sees keeps back beside all that is known [GiB].
    pub sight_gib: f64,
    /// Whether graphs go to 1024 tokens on Blackwell in data centres.
    pub knows_blackwell_graphs: bool,
    /// How what is left is divided into blocks.
    pub groups: KvGroupRules,
    /// How the scheduler uses these blocks.
    pub scheduling: KvScheduling,
    /// How the engine decides what the cache may have.
    pub sizing: CacheSizing,
}

/// How an engine decides how much of the memory its KV cache may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CacheSizing {
    /// vLLM: what a profile run leaves of the share that the engine may use.
    Profiled,
    /// SGLang: what weights leave of this share of the memory that was free before them.
    StaticFraction(f64),
}

/// How a scheduler uses the KV cache, as far as it decides what a request can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvScheduling {
    /// Steps that may run at once: 2 with asynchronous scheduling, else 1.
    pub steps_in_flight: u32,
    /// Whether unlike layers have tables of their own, so that what has left a window or a chunk is freed.
    pub is_hybrid: bool,
    /// Whether the states of requests lie in blocks of the cache too. Otherwise those of as many requests as may run
    /// are kept back.
    pub states_in_blocks: bool,
}

/// What the sampler does in the profile run, and so how much memory each logit takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SamplerRun {
    /// Sorts all logits for top-k and top-p (`torch.sort`).
    Sorts,
    /// Masks them in place with Triton, which keeps a buffer.
    Masks,
    /// As [`SamplerRun::Masks`] with the first model runner; the second, which dense models have, takes the most
    /// probable token only, but keeps what penalties count.
    ByRunner,
    /// With the second model runner for all: top-k, top-p and penalties.
    RunsAll,
    /// Does not run: a model that embeds or scores has a pooler in its place, whose results are small.
    Nothing,
}
