//! What an engine's release does around the kernels of a step: who launches those that no graph holds, and how GPUs add
//! up their parts.

use crate::hardware::{Attention, FeedForward, Gpu, Model};
use crate::units::Span;

/// How one release of an engine runs steps, whatever its policy decides.
///
/// The times are read off the first tokens of prompts of 1,024 tokens with four clients, where the GPU has least to do
/// (aiconfigurator @ 095f58a, silicon results): what is left after the front end and the steps waited for hardly
/// depends on the number of GPUs, so it is the host's. They are rounded to 50 us.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an independent fact about a release"
)]
pub struct EngineHost {
    /// Whether steps that hold prompts run as graphs (in pieces), up to the largest.
    pub prompts_in_graphs: bool,
    /// The host's time to launch a layer's kernels one by one [us].
    pub layer_micros: f64,
    /// The same on Blackwell in data centres, whose attention plans each step on the host.
    pub layer_micros_on_blackwell: f64,
    /// What routed experts add to that [us].
    pub experts_micros: f64,
    /// What latent attention adds to that [us].
    pub latent_micros: f64,
    /// Least time of a layer of quantised experts without a graph, as a part of
    /// [`super::Overheads::eager_experts_micros`].
    pub eager_experts: f64,
    /// Whether all-reduces are one kernel with the norm behind them, where GPUs have it.
    pub fuses_all_reduce: bool,
    /// What such a kernel takes before any byte, less the kernel of the norm that it replaces [us].
    pub fused_micros: f64,
    /// The same on Blackwell in data centres [us].
    pub fused_micros_on_blackwell: f64,
    /// Whether shared experts in fp8 are computed with the routed ones, as one more that every token chooses.
    pub joins_shared_experts: bool,
    /// Whether prompts of models with latent attention run so too.
    pub latent_prompts_in_graphs: bool,
    /// How much later than by vLLM's newest API servers its clients have their tokens.
    pub later: Span,
    /// The same on Blackwell in data centres.
    pub later_on_blackwell: Span,
    /// How much later still tokens of models with latent attention come there.
    pub latent_later: Span,
}

/// How much later tokens come that an overlap loop hands out, through two more processes than vLLM's.
const OVERLAP_LOOP: Span = Span::from_micros(15_000);
/// What the host takes more of a prompt's layer with latent attention in TensorRT-LLM and SGLang [us], and how much
/// later still tokens of such models come. Prompts of DeepSeek-R1 on B200 have their first tokens 125 ms after those of
/// vLLM's front end at four clients, but hold up the decode steps of 64 to 512 clients by no more than half of it.
const LATENT_MICROS: f64 = 600.0;
const LATENT_LATER: Span = Span::from_micros(60_000);
/// What an all-reduce with the norm in it takes before any byte, less the kernel of the norm that it replaces [us]. It
/// waits for data, not for barriers, so it takes no longer where plain ones are slow to start. Kimi-K2.5 on 8 B300 with
/// vLLM 0.17 and 0.19: 3.6 us less than plain ones there.
const FUSED_MICROS: f64 = 4.3;
/// The same of TensorRT-LLM on Blackwell, where a kernel's start overlaps the end of the one before (programmatic
/// dependent launch): 2 to 8 us less of Llama-3.1-70B in fp8 and nvfp4, gpt-oss-120b and DeepSeek-R1 on 2 to 8 B200
/// (TensorRT-LLM 1.1 and 1.2).
const FUSED_MICROS_OF_TENSORRT_LLM_ON_BLACKWELL: f64 = 0.8;

impl EngineHost {
    /// vLLM 0.`minor`. Before 0.14 steps with prompts of Llama-3.1-70B on 0.10.2 take 64 ms of 80 layers on B200, which
    /// shows in first tokens and in the steps of others, and first tokens come 20 ms later besides, for a reason that
    /// is not known; on H100 they take no longer than the GPU. Since then 0.45 ms a layer with experts (MiniMax-M2.5 in
    /// nvfp4, 0.19) and 1 ms with latent attention too (Kimi-K2.5, 0.17 and 0.19). Experts in fp8 take 1.4 ms a layer
    /// to 0.17 and 0.4 of it in 0.19 (MiniMax-M2.5), where all-reduces are fused by default too.
    pub const fn vllm(minor: u32) -> Self {
        Self {
            prompts_in_graphs: true,
            layer_micros: 250.0,
            layer_micros_on_blackwell: if minor < 14 { 800.0 } else { 250.0 },
            experts_micros: 200.0,
            latent_micros: 550.0,
            eager_experts: if minor < 18 { 1.0 } else { 0.4 },
            fuses_all_reduce: minor >= 19,
            fused_micros: FUSED_MICROS,
            fused_micros_on_blackwell: FUSED_MICROS,
            joins_shared_experts: false,
            latent_prompts_in_graphs: true,
            latent_later: Span::ZERO,
            later: Span::ZERO,
            later_on_blackwell: if minor < 14 {
                Span::from_micros(20_000)
            } else {
                Span::ZERO
            },
        }
    }

    /// SGLang, which captures prompts too (0.5.23). Its host is known from one model on B200 (0.5.9): prompts of
    /// DeepSeek-R1 take as long as with TensorRT-LLM, so those of such models are taken not to be captured; and first
    /// tokens of four clients are 60 ms later than by vLLM's front end, of which looking for requests every 10 steps
    /// only (`scheduler_recv_interval`, a flag of that server) explains 40. Its overlap loop too hands tokens out when
    /// the next step has been launched, so there they are taken to be as late as TensorRT-LLM's. The shared expert of
    /// DeepSeek-R1 in fp8 is one more routed one (`determine_num_fused_shared_experts` in SGLang's `deepseek_v2.py`).
    /// The rest is as vLLM's, and so is all of it on other GPUs, whose closed loops nobody published with the flags.
    pub const SGLANG: Self = Self {
        joins_shared_experts: true,
        latent_prompts_in_graphs: false,
        latent_micros: LATENT_MICROS,
        latent_later: LATENT_LATER,
        later_on_blackwell: OVERLAP_LOOP,
        ..Self::vllm(33)
    };

    /// TensorRT-LLM, which captures decode steps only (`cuda_graph_config`). On B200 its steps with prompts take no
    /// less than 0.3 ms a layer of Llama-3.1-70B (1.1: what prompts add to decode steps), 0.5 of gpt-oss-120b (1.2) and
    /// 1.1 of DeepSeek-R1 (1.2); tokens come 15 ms later in all of them, as they are handed out when the next step has
    /// been launched, through two more processes. Its all-reduces are fused with norms. On other GPUs, whose closed
    /// loops nobody published with the flags, its host is taken to be vLLM's.
    pub const TENSORRT_LLM: Self = Self {
        prompts_in_graphs: false,
        layer_micros: Self::vllm(33).layer_micros,
        layer_micros_on_blackwell: 300.0,
        experts_micros: 200.0,
        latent_micros: LATENT_MICROS,
        eager_experts: 0.4,
        fuses_all_reduce: true,
        fused_micros: FUSED_MICROS,
        fused_micros_on_blackwell: FUSED_MICROS_OF_TENSORRT_LLM_ON_BLACKWELL,
        joins_shared_experts: false,
        latent_prompts_in_graphs: false,
        latent_later: LATENT_LATER,
        later: Span::ZERO,
        later_on_blackwell: OVERLAP_LOOP,
    };

    /// What all-reduces take before any byte that are one kernel with the norm behind them [us]; `None` where they are
    /// two.
    pub fn fused_on(&self, gpu: &Gpu) -> Option<f64> {
        let micros = if gpu.is_blackwell() {
            self.fused_micros_on_blackwell
        } else {
            self.fused_micros
        };
        self.fuses_all_reduce.then_some(micros)
    }

    /// The host's time to launch a layer's kernels one by one on such a GPU [us].
    pub fn layer_micros_on(&self, gpu: &Gpu) -> f64 {
        if gpu.is_blackwell() {
            self.layer_micros_on_blackwell
        } else {
            self.layer_micros
        }
    }

    /// How much later than by vLLM's newest API servers clients have their tokens from such a GPU.
    pub fn later_on(&self, model: &Model, gpu: &Gpu) -> Span {
        match (gpu.is_blackwell(), model.has_latent_attention()) {
            (true, true) => self.later_on_blackwell + self.latent_later,
            (true, false) => self.later_on_blackwell,
            (false, _) => self.later,
        }
    }

    /// How the host launches this model's steps on such a GPU.
    pub fn launching(&self, model: &Model, gpu: &Gpu, largest_graph: u64) -> Launching {
        let layer = self.layer_micros_on(gpu);
        let of_group = |attention: &Attention, feed_forward: &FeedForward| {
            let experts = f64::from(matches!(feed_forward, FeedForward::Experts(_)));
            let latent = f64::from(matches!(attention, Attention::Latent(_)));
            layer + experts * self.experts_micros + latent * self.latent_micros
        };
        let groups = model.layers().iter();
        let micros: f64 = groups
            .map(|group| group.count as f64 * of_group(&group.attention, &group.feed_forward))
            .sum();
        Launching {
            largest_graph,
            prompts_in_graphs: self.prompts_in_graphs
                && (self.latent_prompts_in_graphs || !model.has_latent_attention()),
            eager_step: Span::from_seconds(micros / 1e6).unwrap_or(super::LONGEST_STEP),
        }
    }
}

/// How the host launches the kernels of a step: as graphs, which takes it no time, or one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Launching {
    /// The most tokens of a step that runs as graphs.
    pub largest_graph: u64,
    /// Whether steps that hold prompts do.
    pub prompts_in_graphs: bool,
    /// The host's time for a step whose kernels it launches one by one. The GPU runs them meanwhile: the longer of the
    /// two counts.
    pub eager_step: Span,
}

impl Launching {
    /// The host's time for such a step.
    pub const fn of(&self, shape: &super::StepShape) -> Span {
        let is_captured = shape.tokens() <= self.largest_graph && (self.prompts_in_graphs || !shape.has_prompts());
        if is_captured { Span::ZERO } else { self.eager_step }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step_time::StepShape;

    #[test]
    fn the_host_launches_what_no_graph_holds() {
        let launching = |prompts_in_graphs| Launching {
            largest_graph: 100,
            prompts_in_graphs,
            eager_step: Span::from_micros(7),
        };
        let decoding = |decoding| StepShape {
            decoding,
            sequences: decoding,
            ..StepShape::default()
        };
        let mut prompt = StepShape::default();
        prompt.add(0, 50, 50);
        let times = |shape: &StepShape| [true, false].map(|it| launching(it).of(shape).picos() / 1_000_000);
        assert_eq!(times(&decoding(100)), [0, 0]);
        assert_eq!(times(&decoding(101)), [7, 7]);
        assert_eq!(times(&prompt), [0, 7]);
    }
}
