//! What every step pays besides its kernels' work: constants that hold for any GPU until somebody calibrates them.

use super::{KernelScales, TopPSearch};

/// Times that no table of operators shows, and a scale on those that one does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overheads {
    /// What a step pays once, not hidden by scheduling ahead [us].
    pub step_micros: f64,
    /// Norms, rotary embedding, activation and KV write of one layer: launches [us].
    pub layer_micros: f64,
    /// Per layer in a step that holds a part of a prompt, or verifies drafts for some of its requests only: such steps
    /// run piecewise graphs [us].
    pub mixed_layer_micros: f64,
    /// Per layer in a step with more tokens than the largest captured graph [us].
    pub eager_layer_micros: f64,
    /// Least time of a layer of quantised experts in such a step [us].
    pub eager_experts_micros: f64,
    /// Per all-reduce: no GPU goes on before the last one has come [us].
    pub all_reduce_wait_micros: f64,
    /// Per layer when activations are quantised on the way (fp8, int8) [us].
    pub quantised_layer_micros: f64,
    /// The sampler, once a step [us].
    pub sampler_micros: f64,
    /// The sampler per logit: each request has one for every entry of the vocabulary [us].
    pub sampler_micros_per_logit: f64,
    /// Where logits are sorted for top-p, what goes through each row one entry after the other, rows beside each other:
    /// its sums of probabilities and maxima, per entry of the vocabulary [us].
    pub sort_micros_per_entry: f64,
    /// What kernels take here of what tables say.
    pub kernel_scale: f64,
}

impl Overheads {
    /// Fits to served runs of vLLM 0.15.1 on H100 (inference-sim/sim-to-real-accuracy-validation @ 8fb2a1b and
    /// inference-sim/training @ c4f0340), with the kernels' times held at what operator tables say: `cargo run
    /// --release --example fit_served`, `docs/LATENCY_MODEL.md`.
    pub const SERVED: Self = Self {
        step_micros: 66.0,
        layer_micros: 3.4,
        mixed_layer_micros: 9.6,
        eager_layer_micros: 24.0,
        eager_experts_micros: 1347.0,
        all_reduce_wait_micros: 3.3,
        quantised_layer_micros: 3.0,
        sampler_micros: 100.0,
        sampler_micros_per_logit: 0.022e-3,
        sort_micros_per_entry: 6.3e-3,
        kernel_scale: 1.0,
    };

    /// Those of steps that take `factor` times as long.
    #[must_use]
    pub const fn times(self, factor: f64) -> Self {
        Self {
            step_micros: self.step_micros * factor,
            layer_micros: self.layer_micros * factor,
            mixed_layer_micros: self.mixed_layer_micros * factor,
            eager_layer_micros: self.eager_layer_micros * factor,
            eager_experts_micros: self.eager_experts_micros * factor,
            // Part of the kernels' times.
            all_reduce_wait_micros: self.all_reduce_wait_micros,
            quantised_layer_micros: self.quantised_layer_micros * factor,
            sampler_micros: self.sampler_micros * factor,
            sampler_micros_per_logit: self.sampler_micros_per_logit * factor,
            sort_micros_per_entry: self.sort_micros_per_entry * factor,
            kernel_scale: self.kernel_scale * factor,
        }
    }
}

impl Default for Overheads {
    fn default() -> Self {
        Self::SERVED
    }
}

/// How requests want their tokens chosen, as far as it takes time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sampling {
    /// Greedily or at random, among all tokens or the best few.
    #[default]
    Plain,
    /// Among the most probable tokens that make up a share of the probability. How they are found depends on the
    /// release ([`Execution::sorts_below`]).
    TopP,
    /// None are chosen, and no logits are computed: requests ask for what their prompts come to.
    Nothing,
}

/// How a model's steps are run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Execution {
    /// What steps pay besides their kernels.
    pub overheads: Overheads,
    /// What kernels of some kind take of what they take otherwise.
    pub scales: KernelScales,
    /// The largest captured CUDA graph [tokens].
    pub largest_graph: u64,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// In steps that choose fewer tokens than this, logits are sorted for top-p (vLLM,
    /// `v1/sample/ops/topk_topp_sampler.py`).
    pub sorts_below: u32,
    /// Whether experts in mxfp4 run in `OpenAI`'s Triton kernels on Hopper, not in Marlin.
    pub has_triton_mxfp4: bool,
    /// How the most probable tokens are found in others.
    pub search: TopPSearch,
    /// What all-reduces take before any byte that are one kernel with the norm behind them, less the norm's kernel
    /// [us]; `None` where they are two.
    pub fused_all_reduce_micros: Option<f64>,
    /// Whether shared experts in fp8 are computed with the routed ones.
    pub joins_shared_experts: bool,
}

impl Execution {
    /// How steps without prompts are run: their factor is one on all of their kernels.
    #[must_use]
    pub const fn of_decoding(self) -> Self {
        self.scaled(self.scales.decoding)
    }

    /// How steps with prompts are run.
    #[must_use]
    pub const fn of_prompts(self) -> Self {
        self.scaled(self.scales.prompts)
    }

    const fn scaled(mut self, factor: f64) -> Self {
        self.overheads.kernel_scale *= factor;
        self.scales.decoding = 1.0;
        self.scales.prompts = 1.0;
        self
    }
}

impl Default for Execution {
    fn default() -> Self {
        Self {
            overheads: Overheads::SERVED,
            scales: KernelScales::NONE,
            largest_graph: 512,
            sampling: Sampling::Plain,
            sorts_below: 0,
            has_triton_mxfp4: true,
            search: TopPSearch::default(),
            fused_all_reduce_micros: None,
            joins_shared_experts: false,
        }
    }
}
