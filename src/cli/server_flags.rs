//! Flags with the names that vLLM's server gives them; each sets a key of the scenario.

use crate::config::Flag;

/// vLLM's names for what a scenario says about the server.
#[derive(Debug, Default, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
#[command(next_help_heading = "As for `vllm serve`")]
pub struct ServerFlags {
    /// The model: a name from `tailcast models`
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// The GPU: a name from `tailcast gpus` or a file
    #[arg(long, value_name = "NAME")]
    gpu: Option<String>,
    /// GPUs that share the model
    #[arg(long, value_name = "GPUS")]
    tensor_parallel_size: Option<String>,
    /// The part of the GPU's memory to use
    #[arg(long, value_name = "FRACTION")]
    gpu_memory_utilization: Option<String>,
    /// Tokens in a block of the KV cache
    #[arg(long, value_name = "TOKENS")]
    block_size: Option<String>,
    /// The most tokens of a request
    #[arg(long, value_name = "TOKENS")]
    max_model_len: Option<String>,
    /// Number format of the KV cache
    #[arg(long, value_name = "FORMAT")]
    kv_cache_dtype: Option<String>,
    /// The most requests running at once
    #[arg(long, value_name = "REQUESTS")]
    max_num_seqs: Option<String>,
    /// The most tokens in a step
    #[arg(long, value_name = "TOKENS")]
    max_num_batched_tokens: Option<String>,
    /// The largest chunk of a prompt while others wait
    #[arg(long, value_name = "TOKENS")]
    long_prefill_token_threshold: Option<String>,
    /// Who goes first: fcfs or priority
    #[arg(long, value_name = "RULE")]
    scheduling_policy: Option<String>,
    /// Decide each step while the one before runs
    #[arg(long, overrides_with = "no_async_scheduling")]
    async_scheduling: bool,
    /// Do not
    #[arg(long)]
    no_async_scheduling: bool,
    /// Keep finished prompts in the cache
    #[arg(long, overrides_with = "no_enable_prefix_caching")]
    enable_prefix_caching: bool,
    /// Do not
    #[arg(long)]
    no_enable_prefix_caching: bool,
    /// Spread prompts over steps
    #[arg(long, overrides_with = "no_enable_chunked_prefill")]
    enable_chunked_prefill: bool,
    /// Do not
    #[arg(long)]
    no_enable_chunked_prefill: bool,
}

impl ServerFlags {
    /// The keys that are set.
    pub fn flags(&self) -> Vec<Flag> {
        let given = self.values().into_iter().filter_map(|(name, key, value)| {
            let assignment = format!("{key}={}", value.as_ref()?);
            Some(Flag::new(name, assignment))
        });
        let switched = self.switches().into_iter().filter(|(.., on)| *on);
        given
            .chain(switched.map(|(name, assignment, _)| Flag::new(name, assignment)))
            .collect()
    }

    /// Flags with a value: the flag, the key, the value.
    fn values(&self) -> [(&'static str, &'static str, &Option<String>); 11] {
        [
            ("--model", "model.name", &self.model),
            ("--gpu", "server.gpu", &self.gpu),
            (
                "--tensor-parallel-size",
                "server.tensor_parallel",
                &self.tensor_parallel_size,
            ),
            (
                "--gpu-memory-utilization",
                "server.gpu_memory_utilization",
                &self.gpu_memory_utilization,
            ),
            ("--block-size", "server.block_size", &self.block_size),
            ("--max-model-len", "server.max_model_len", &self.max_model_len),
            ("--kv-cache-dtype", "model.kv_cache", &self.kv_cache_dtype),
            ("--max-num-seqs", "batching.max_num_seqs", &self.max_num_seqs),
            (
                "--max-num-batched-tokens",
                "batching.max_num_batched_tokens",
                &self.max_num_batched_tokens,
            ),
            (
                "--long-prefill-token-threshold",
                "batching.long_prefill_token_threshold",
                &self.long_prefill_token_threshold,
            ),
            ("--scheduling-policy", "batching.scheduling", &self.scheduling_policy),
        ]
    }

    /// Flags without a value: the flag, what it sets, whether it was given.
    fn switches(&self) -> [(&'static str, &'static str, bool); 6] {
        [
            (
                "--async-scheduling",
                "batching.async_scheduling=true",
                self.async_scheduling,
            ),
            (
                "--no-async-scheduling",
                "batching.async_scheduling=false",
                self.no_async_scheduling,
            ),
            (
                "--enable-prefix-caching",
                "batching.prefix_caching=true",
                self.enable_prefix_caching,
            ),
            (
                "--no-enable-prefix-caching",
                "batching.prefix_caching=false",
                self.no_enable_prefix_caching,
            ),
            (
                "--enable-chunked-prefill",
                "batching.chunked_prefill=true",
                self.enable_chunked_prefill,
            ),
            (
                "--no-enable-chunked-prefill",
                "batching.chunked_prefill=false",
                self.no_enable_chunked_prefill,
            ),
        ]
    }
}
