//! What the kernels of one GPU reach of its datasheet, measured operator by operator, format by format.
//!
//! `step_time::kernel_times` holds the formulas these are the coefficients of; `cargo run --example fit_operators` fits
//! them. What nobody has measured on a GPU takes the values of `GENERIC`: medians over the GPUs that were measured
//! (`docs/LATENCY_MODEL.md`).

use super::{BadFigure, ByRows, Model, WeightKernel};

/// What has been measured on one GPU; `None`, or left out of a list, where only its datasheet is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeasuredKernels {
    /// What its kernels reach in products of tokens and a matrix in 16 bits.
    pub linear: Option<LinearKernels>,
    /// What they reach in products with quantised matrices, by kernel.
    pub quantised_linear: Vec<(WeightKernel, LinearKernels)>,
    /// What its kernels reach in attention on keys and values in 16 bits.
    pub attention: Option<AttentionKernels>,
    /// On keys and values in 8 bits.
    pub attention_fp8: Option<AttentionKernels>,
    /// What its kernels reach in latent attention on vectors in 16 bits.
    pub latent: Option<LatentKernels>,
    /// On vectors in 8 bits.
    pub latent_fp8: Option<LatentKernels>,
    /// What its kernels reach in routed experts in 16 bits.
    pub experts: Option<ExpertKernels>,
    /// What they reach in quantised experts, by kernel.
    pub quantised_experts: Vec<(WeightKernel, ExpertKernels)>,
    /// All-reduce between the GPUs of a server.
    pub all_reduce: Option<AllReduceKernels>,
}

/// Products of tokens and a matrix of weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LinearKernels {
    /// Fraction of the memory bandwidth when weights are streamed.
    pub bandwidth: f64,
    /// Fraction of the dense peak in large products.
    pub flops: f64,
    /// Start and end of one product [us].
    pub micros: f64,
    /// How memory and arithmetic time combine: `(a^p + b^p)^(1/p)`, between sum (1) and maximum (infinity).
    pub overlap: f64,
    /// What a server sustains of `flops`, which benchmarks reach in short bursts.
    pub sustained: f64,
    /// Outputs that a matrix needs for every multiprocessor to have its share of the weights; narrower ones are
    /// streamed by some of them.
    pub full_outputs: f64,
    /// What quantising the inputs takes, in times that they are moved in 16 bits.
    pub quantising: f64,
    /// What the kernel takes of its formula at a number of rows.
    pub by_rows: ByRows,
}

/// Attention over keys and values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionKernels {
    /// One layer, before any work [us].
    pub micros: f64,
    /// One layer, for each request and key-value head that the multiprocessors do not take at once [us].
    pub micros_per_head: f64,
    /// Fraction of the memory bandwidth when decoding requests read keys and values.
    pub bandwidth: f64,
    /// What a key and its value take besides their own size, to be unpacked [bytes].
    pub key_bytes: f64,
    /// What a layer takes more once its window is full [us].
    pub window_micros: f64,
    /// The same for each request and key-value head that the multiprocessors do not take at once [us].
    pub window_micros_per_head: f64,
    /// Fraction of the dense bf16 peak when prompts attend to themselves, with heads of [`AttentionKernels::WIDE`].
    pub flops: f64,
    /// Narrower heads reach this power of their part of that width: what each pair takes whatever the width.
    pub narrowness: f64,
    /// What a prompt's token costs beside its own pairs, tiles that its causal mask cuts and its way in and out, in
    /// pairs of a query and a key.
    pub pairs_per_query: f64,
    /// What decoding costs beside prompts, where that is another kernel; `None` where it is the same.
    pub mixed: Option<MixedAttention>,
}

/// Latent attention (MLA), without its projections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatentKernels {
    /// One layer, before any work: norms, rotary embedding, its way into the cache [us], as its benchmark runs it.
    pub micros: f64,
    /// The same in a server, whose small kernels are compiled into fewer [us].
    pub served_micros: f64,
    /// One layer per request in the step [us].
    pub micros_per_request: f64,
    /// One layer per request and head [us].
    pub micros_per_head: f64,
    /// Fraction of the memory bandwidth when decoding requests read latent vectors.
    pub bandwidth: f64,
    /// Fraction of the dense bf16 peak that they reach with all heads.
    pub decode_flops: f64,
    /// Fraction of the dense bf16 peak when prompts attend to themselves.
    pub flops: f64,
    /// What a prompt's token costs beside its own pairs, in pairs.
    pub pairs_per_query: f64,
}

/// Decoding beside prompts with `FlashAttention` 2: as soon as one request has more than one query token, no kernel is
/// split along the context and the query heads that share keys and values read them one by one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MixedAttention {
    /// What one thread block takes for a token of context [ns].
    pub nanos_per_token: f64,
    /// Thread blocks, one a request and query head, that run at a time.
    pub thread_blocks: f64,
    /// Fraction of the repeated reads that the cache does not catch with [`MixedAttention::CROWD`] requests and more.
    pub repeated_reads: f64,
}

/// Routed experts: what their kernels reach on one GPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpertKernels {
    /// Choice of experts, dispatch and launches of one layer [us].
    pub micros: f64,
    /// The same for a single token, which needs no sorting by expert [us].
    pub alone_micros: f64,
    /// Fraction of the memory bandwidth when experts' weights are streamed.
    pub bandwidth: f64,
    /// Fraction of the dense peak in the experts' products.
    pub flops: f64,
    /// How memory and arithmetic time combine, as in [`LinearKernels::overlap`].
    pub overlap: f64,
    /// How many times the rows between products are moved, in 16 bits at full bandwidth: gathered, quantised, added.
    pub moves: f64,
    /// What the kernel takes of its formula at a number of rows an expert.
    pub by_rows: ByRows,
}

/// All-reduce between the GPUs of a server: what it reaches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AllReduceKernels {
    /// Few bytes between two GPUs: also what one more synchronisation takes [us].
    pub micros: f64,
    /// What each doubling of the GPUs adds [us].
    pub micros_per_doubling: f64,
    /// Fraction of the link's one-direction bandwidth between two GPUs.
    pub bandwidth: f64,
    /// Fraction of the link's one-direction bandwidth between more than two GPUs.
    pub bandwidth_of_many: f64,
}

impl AttentionKernels {
    /// Heads as wide as this and wider reach all of `flops`.
    pub const WIDE: f64 = 128.0;
}

impl MixedAttention {
    /// Decoding requests from which on the cache catches the least.
    pub const CROWD: f64 = 128.0;
}

/// A thousandth is slower than any kernel in use, and nothing is faster than its datasheet: a step then never takes
/// less than its weights.
const FRACTION: (f64, f64) = (1e-3, 1.0);
/// Times and counts far beyond real ones, which keep step times far from overflow.
const QUANTITY: (f64, f64) = (0.0, 1e5);
const AT_LEAST_ONE: (f64, f64) = (1.0, 1e5);

impl MeasuredKernels {
    /// What nobody has measured on this GPU, of what such a model needs on one GPU or several. Layers with a state and
    /// sparse attention have been measured on none.
    pub fn unmeasured(&self, model: &Model, several_gpus: bool) -> Vec<&'static str> {
        let needed = [
            ("matrix products", true, self.linear.is_some()),
            ("attention", true, self.attention.is_some()),
            ("experts", model.has_experts(), self.experts.is_some()),
            ("all-reduce", several_gpus, self.all_reduce.is_some()),
            ("layers that keep a state", model.has_states(), false),
            ("sparse attention", model.has_indexers(), false),
        ];
        let missing = needed.into_iter().filter(|(_, needed, known)| *needed && !known);
        missing.map(|(name, ..)| name).collect()
    }

    pub(super) fn check(&self) -> Result<(), BadFigure> {
        let of_kernels = self.quantised_linear.iter().map(|(_, kernels)| kernels);
        self.linear
            .iter()
            .chain(of_kernels)
            .try_for_each(LinearKernels::check)?;
        let attention = [&self.attention, &self.attention_fp8];
        attention.into_iter().flatten().try_for_each(AttentionKernels::check)?;
        let latent = [&self.latent, &self.latent_fp8];
        latent.into_iter().flatten().try_for_each(LatentKernels::check)?;
        let of_kernels = self.quantised_experts.iter().map(|(_, kernels)| kernels);
        self.experts
            .iter()
            .chain(of_kernels)
            .try_for_each(ExpertKernels::check)?;
        self.all_reduce.iter().try_for_each(AllReduceKernels::check)
    }
}

impl LinearKernels {
    fn check(&self) -> Result<(), BadFigure> {
        check("kernels.linear.of_bandwidth", self.bandwidth, FRACTION)?;
        check("kernels.linear.of_peak", self.flops, FRACTION)?;
        check("kernels.linear.sustained", self.sustained, FRACTION)?;
        check("kernels.linear.start_us", self.micros, QUANTITY)?;
        check("kernels.linear.overlap", self.overlap, AT_LEAST_ONE)?;
        check("kernels.linear.full_outputs", self.full_outputs, QUANTITY)?;
        check("kernels.linear.quantising", self.quantising, QUANTITY)?;
        check(
            "kernels.linear.by_rows",
            self.by_rows.least(),
            (self.bandwidth, f64::MAX),
        )
    }
}

impl AttentionKernels {
    fn check(&self) -> Result<(), BadFigure> {
        check("kernels.attention.of_bandwidth", self.bandwidth, FRACTION)?;
        check("kernels.attention.of_peak", self.flops, FRACTION)?;
        check("kernels.attention.start_us", self.micros, QUANTITY)?;
        check("kernels.attention.head_us", self.micros_per_head, QUANTITY)?;
        check("kernels.attention.key_bytes", self.key_bytes, QUANTITY)?;
        check("kernels.attention.window_us", self.window_micros, QUANTITY)?;
        let of_head = self.window_micros_per_head;
        check("kernels.attention.window_head_us", of_head, QUANTITY)?;
        check("kernels.attention.narrowness", self.narrowness, (0.0, 4.0))?;
        check("kernels.attention.pairs_per_query", self.pairs_per_query, QUANTITY)?;
        let Some(mixed) = &self.mixed else {
            return Ok(());
        };
        check("kernels.attention.mixed.token_ns", mixed.nanos_per_token, QUANTITY)?;
        check("kernels.attention.mixed.repeated_reads", mixed.repeated_reads, QUANTITY)?;
        let thread_blocks = mixed.thread_blocks;
        check("kernels.attention.mixed.thread_blocks", thread_blocks, AT_LEAST_ONE)
    }
}

impl LatentKernels {
    fn check(&self) -> Result<(), BadFigure> {
        check("kernels.latent.of_bandwidth", self.bandwidth, FRACTION)?;
        check("kernels.latent.of_peak", self.flops, FRACTION)?;
        check("kernels.latent.decode_of_peak", self.decode_flops, FRACTION)?;
        check("kernels.latent.start_us", self.micros, QUANTITY)?;
        check("kernels.latent.served_start_us", self.served_micros, QUANTITY)?;
        check("kernels.latent.request_us", self.micros_per_request, QUANTITY)?;
        check("kernels.latent.head_us", self.micros_per_head, QUANTITY)?;
        check("kernels.latent.pairs_per_query", self.pairs_per_query, QUANTITY)
    }
}

impl ExpertKernels {
    fn check(&self) -> Result<(), BadFigure> {
        check("kernels.experts.of_bandwidth", self.bandwidth, FRACTION)?;
        check("kernels.experts.of_peak", self.flops, FRACTION)?;
        check("kernels.experts.start_us", self.micros, QUANTITY)?;
        check("kernels.experts.alone_us", self.alone_micros, (0.0, self.micros))?;
        check("kernels.experts.overlap", self.overlap, AT_LEAST_ONE)?;
        check("kernels.experts.moves", self.moves, QUANTITY)?;
        check(
            "kernels.experts.by_rows",
            self.by_rows.least(),
            (self.bandwidth, f64::MAX),
        )
    }
}

impl AllReduceKernels {
    fn check(&self) -> Result<(), BadFigure> {
        check("kernels.all_reduce.start_us", self.micros, QUANTITY)?;
        check("kernels.all_reduce.doubling_us", self.micros_per_doubling, QUANTITY)?;
        check("kernels.all_reduce.of_link", self.bandwidth, FRACTION)?;
        let many = self.bandwidth_of_many;
        check("kernels.all_reduce.of_link_of_many", many, FRACTION)
    }
}

/// Refuses a value outside of its bounds, both included.
fn check(field: &'static str, value: f64, (least, most): (f64, f64)) -> Result<(), BadFigure> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let expected = if most < f64::MAX {
        format!("from {least} to {most}")
    } else {
        format!("at least {least}: nothing is read faster than memory")
    };
    Err(BadFigure::new(field, value, expected))
}
