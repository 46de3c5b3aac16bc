//! A step time from first principles: what the step must read and compute, over the rates that kernels reach.
//!
//! The step is priced as one forward pass of the whole mixed batch. Three parts: what depends on the number of tokens
//! (linear layers, experts, all-reduce, small kernels), what depends on contexts (attention), and what depends on the
//! requests that sample (head, sampler). The first and third are looked up or computed by [`operators`]; the second is
//! linear in the sums over contexts, so that a run of decode steps is exactly a ramp.
//!
//! The host's own work is not in it: an engine that schedules ahead hides it behind the GPU.

mod attention;
mod memo;
mod operators;
mod picos;
mod price_list;

use std::sync::Arc;

use super::kind::StepTimeKind;
use super::{DecodeLine, Execution, Ramp, StepParts, StepShape, StepTime, saturation};
use crate::hardware::{Arithmetic, Attention, Gpu, KvPrecision, Model, WeightKernel, WeightPrecision};
use crate::units::Span;
use attention::AttentionPrice;
use operators::Operators;
use picos::picos;
use price_list::PriceList;
pub use price_list::PriceLists;

/// Times from first principles.
pub(super) const KIND: StepTimeKind = StepTimeKind {
    name: "roofline",
    rests_on: "the figures of the GPU and the model, and rates that kernels reach",
    is_modelled: true,
    is_all_there_is: false,
};

/// The roofline model of one GPU (of several that share each layer) with one model.
#[derive(Clone, Debug)]
pub struct Roofline {
    operators: Operators,
    /// What the operators take; clones share it.
    prices: Arc<PriceList>,
    /// The states that are read and written, per request in the step [ps].
    per_sequence: u64,
    /// What a step pays once [ps].
    once: u64,
    /// What the step's other passes pay already [ps].
    paid: u64,
    /// What a step that holds any prefill, or verifies drafts for some only, adds [ps].
    mixed: u64,
    attention: Vec<AttentionPrice>,
}

impl Roofline {
    /// The price list for `model` on `tensor_parallel` times `gpu`, run as by default.
    pub fn new(model: &Model, gpu: &Gpu, weights: WeightPrecision, kv: KvPrecision, tensor_parallel: u32) -> Self {
        let execution = Execution::default();
        Self::run_as(execution, model, gpu, weights, kv, tensor_parallel)
    }

    /// The price list for a server that is run as `execution` says, for all of its steps: factors on one kind of step
    /// are applied by [`Execution::of_decoding`] and [`Execution::of_prompts`]. Every coefficient is rounded to whole
    /// picoseconds here, once.
    pub fn run_as(
        execution: Execution,
        model: &Model,
        gpu: &Gpu,
        weights: WeightPrecision,
        kv: KvPrecision,
        tensor_parallel: u32,
    ) -> Self {
        let overheads = &execution.overheads;
        let operators = Operators::new(execution, model, gpu, (weights, kv), tensor_parallel);
        let layers = model
            .layers()
            .iter()
            .filter(|group| group.attention != Attention::Nothing);
        let layers = layers.map(|group| group.count).sum::<u64>() as f64;
        let arithmetic = Arithmetic::new(model, weights, kv, tensor_parallel);
        let kinds = arithmetic.attention.iter();
        let bandwidth = gpu.bandwidth_bytes_per_s() * gpu.linear_kernels(WeightKernel::Plain).bandwidth;
        let of_state = arithmetic.state_bytes_per_request / bandwidth * 1e6;
        Self {
            prices: Arc::new(PriceList::new(&operators)),
            per_sequence: picos(of_state * overheads.kernel_scale),
            paid: 0,
            mixed: picos(layers * overheads.mixed_layer_micros),
            attention: kinds
                .map(|kind| AttentionPrice::new(kind, gpu, kv, overheads.kernel_scale))
                .collect(),
            once: picos(overheads.step_micros),
            operators,
        }
    }

    /// The same, with what has been worked out of it for others.
    #[must_use]
    pub fn sharing(mut self, lists: &PriceLists) -> Self {
        self.prices = lists.of(&self.operators);
        self
    }

    /// The price list of a pass that is not the first of its step: what a step pays once, it does not pay again.
    #[must_use]
    pub fn within_a_step(mut self) -> Self {
        self.paid = self.once;
        self
    }

    /// What so many steps of so many tokens take besides attention and sampling, part by part.
    pub fn parts_of_tokens(&self, tokens: u64, steps: u64) -> StepParts {
        let whole = self.tokens_picos(tokens) - self.paid;
        let parts = self.operators.token_parts(tokens, self.products_micros(tokens));
        let mut left = whole;
        // Rounded one by one, parts would not add up to the whole.
        let mut take = |micros: f64| {
            let part = picos(micros).min(left);
            left -= part;
            u128::from(part) * u128::from(steps)
        };
        let (weights, experts, all_reduce) = (take(parts.products), take(parts.experts), take(parts.all_reduce));
        StepParts {
            weights,
            experts,
            all_reduce,
            other: u128::from(left) * u128::from(steps),
            ..StepParts::default()
        }
    }

    /// What the experts of a step take less than those of as many tokens of different requests [ps].
    pub fn alike_picos(&self, shape: &StepShape) -> u64 {
        picos(self.operators.alike_micros(shape.tokens(), shape.drafts()))
    }

    /// What the head and the sampler take in a step that samples at so many positions [ps].
    pub fn sampling_picos(&self, positions: u64) -> u64 {
        let price = || picos(self.operators.sampling_micros(positions));
        self.prices.by_sampling.get(positions, price)
    }

    /// What a step adds in which kinds of requests are mixed [ps].
    pub const fn mixed_picos(&self) -> u64 {
        self.mixed
    }

    /// What a step of so many tokens costs besides attention [ps].
    fn tokens_picos(&self, tokens: u64) -> u64 {
        let price = || {
            let products = self.products_micros(tokens);
            picos(self.operators.tokens_micros(tokens, products))
        };
        self.prices.by_tokens.get(tokens, price)
    }

    /// The matrix products of a step of so many tokens [us].
    fn products_micros(&self, tokens: u64) -> f64 {
        let rows = self.operators.rows(tokens);
        let price = || self.operators.products_micros(rows).to_bits();
        f64::from_bits(self.prices.products.get(rows, price))
    }

    /// All but the decoding requests' attention [ps].
    fn steady_picos(&self, shape: &StepShape) -> u64 {
        let tokens = self.tokens_picos(shape.tokens());
        let alike = self.alike_picos(shape);
        let sampling = self.sampling_picos(shape.sampling.into());
        let sequences = self.per_sequence.saturating_mul(shape.sequences.into());
        let mut sum = (tokens - alike - self.paid + sampling).saturating_add(sequences);
        if !shape.is_uniform() {
            sum = sum.saturating_add(self.mixed);
        }
        for kind in &self.attention {
            sum = sum.saturating_add(kind.requests(shape));
            if shape.prefill > 0 {
                sum = sum.saturating_add(kind.prefill(shape));
            }
        }
        sum
    }
}

impl StepTime for Roofline {
    fn step(&self, shape: &StepShape) -> Span {
        let mut sum = self.steady_picos(shape);
        for kind in &self.attention {
            sum = sum.saturating_add(kind.decode(shape, kind.per_context_token(shape)));
        }
        saturation::step(sum)
    }

    /// Ends where the mean context outgrows a sliding window: from there the layers of that window cost no more.
    fn ramp(&self, shape: &StepShape) -> Ramp {
        let mut first = self.steady_picos(shape);
        let mut growth = 0_u64;
        let mut len = saturation::LONGEST_RAMP;
        for kind in &self.attention {
            let price = kind.per_context_token(shape);
            first = first.saturating_add(kind.decode(shape, price));
            if let Some(steps) = kind.steps_inside_window(shape) {
                growth = growth.saturating_add(price.saturating_mul(shape.decoding.into()));
                len = len.min(steps);
            }
        }
        saturation::ramp(first, growth, len)
    }

    fn decode_line(&self, decoding: u32) -> Option<DecodeLine> {
        if decoding == 0 || self.attention.iter().any(AttentionPrice::has_window) {
            return None;
        }
        let shape = StepShape::of_decoding(decoding);
        let of_kind = |kind: &AttentionPrice| kind.per_context_token(&shape);
        Some(DecodeLine {
            steady: self.steady_picos(&shape),
            per_context: self.attention.iter().map(of_kind).fold(0, u64::saturating_add),
            ..DecodeLine::default()
        })
    }
}
