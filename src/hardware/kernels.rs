//! What the kernels of one GPU reach of its datasheet, measured operator by operator.
//!
//! `step_time::kernel_times` holds the formulas these are the coefficients of; `cargo run --example fit_operators` fits
//! them. What nobody has measured on a GPU takes the values of `GENERIC`: medians over the GPUs that were measured
//! (`docs/LATENCY_MODEL.md`).

use super::{BadFigure, LinkKind, Model};

/// What has been measured on one GPU; `None` where only its datasheet is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeasuredKernels {
    /// What its kernels reach in products of tokens and a matrix.
    pub linear: Option<LinearKernels>,
    /// What its kernels reach in attention.
    pub attention: Option<AttentionKernels>,
    /// What its kernels reach in routed experts.
    pub experts: Option<ExpertKernels>,
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
}

/// Attention over keys and values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionKernels {
    /// One layer, before any work [us].
    pub micros: f64,
    /// One layer per request in the step [us].
    pub micros_per_request: f64,
    /// Fraction of the memory bandwidth when decoding requests read keys and values.
    pub bandwidth: f64,
    /// Fraction of the dense bf16 peak when prompts attend to themselves.
    pub flops: f64,
    /// What a prompt's token costs beside its own pairs, tiles that its causal mask cuts and its way in and out, in
    /// pairs of a query and a key.
    pub pairs_per_query: f64,
    /// What decoding costs beside prompts, where that is another kernel; `None` where it is the same.
    pub mixed: Option<MixedAttention>,
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
    /// Routing and dispatch of one layer [us].
    pub micros: f64,
    /// Fraction of the memory bandwidth when experts' weights are streamed.
    pub bandwidth: f64,
    /// Fraction of the dense peak in the experts' products.
    pub flops: f64,
    /// How memory and arithmetic time combine, as in [`LinearKernels::overlap`].
    pub overlap: f64,
    /// Tokens choose experts unevenly: as many distinct ones as this fraction of the tokens would, choosing evenly.
    pub evenness: f64,
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

impl LinearKernels {
    /// Of a GPU known by its datasheet only.
    pub const GENERIC: Self = Self {
        bandwidth: 0.85,
        flops: 0.80,
        micros: 4.2,
        overlap: 3.0,
        sustained: 0.9,
    };
}

impl AttentionKernels {
    /// Of a GPU known by its datasheet only.
    pub const GENERIC: Self = Self {
        micros: 11.3,
        micros_per_request: 0.052,
        bandwidth: 0.90,
        flops: 0.64,
        pairs_per_query: 308.0,
        mixed: None,
    };
}

impl MixedAttention {
    /// Decoding requests from which on the cache catches the least.
    pub const CROWD: f64 = 128.0;
}

impl ExpertKernels {
    /// Of a GPU known by its datasheet only.
    pub const GENERIC: Self = Self {
        micros: 31.0,
        bandwidth: 0.99,
        flops: 0.43,
        overlap: 1.0,
        evenness: 0.93,
    };
}

impl AllReduceKernels {
    /// Of GPUs known by their datasheet only.
    pub const fn generic(link: LinkKind) -> Self {
        match link {
            LinkKind::NvLink | LinkKind::Xgmi => Self {
                micros: 4.7,
                micros_per_doubling: 0.3,
                bandwidth: 0.56,
                bandwidth_of_many: 0.64,
            },
            // Of Ethernet nothing has been measured: no faster than the slowest that was.
            LinkKind::Pcie | LinkKind::Ethernet => Self {
                micros: 12.0,
                micros_per_doubling: 4.7,
                bandwidth: 0.40,
                bandwidth_of_many: 0.10,
            },
        }
    }
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
        if let Some(linear) = &self.linear {
            check("kernels.linear.of_bandwidth", linear.bandwidth, FRACTION)?;
            check("kernels.linear.of_peak", linear.flops, FRACTION)?;
            check("kernels.linear.sustained", linear.sustained, FRACTION)?;
            check("kernels.linear.start_us", linear.micros, QUANTITY)?;
            check("kernels.linear.overlap", linear.overlap, AT_LEAST_ONE)?;
        }
        if let Some(attention) = &self.attention {
            attention.check()?;
        }
        if let Some(experts) = &self.experts {
            check("kernels.experts.of_bandwidth", experts.bandwidth, FRACTION)?;
            check("kernels.experts.of_peak", experts.flops, FRACTION)?;
            check("kernels.experts.evenness", experts.evenness, FRACTION)?;
            check("kernels.experts.start_us", experts.micros, QUANTITY)?;
            check("kernels.experts.overlap", experts.overlap, AT_LEAST_ONE)?;
        }
        if let Some(reduce) = &self.all_reduce {
            check("kernels.all_reduce.start_us", reduce.micros, QUANTITY)?;
            let doubling = reduce.micros_per_doubling;
            check("kernels.all_reduce.doubling_us", doubling, QUANTITY)?;
            check("kernels.all_reduce.of_link", reduce.bandwidth, FRACTION)?;
            let many = reduce.bandwidth_of_many;
            check("kernels.all_reduce.of_link_of_many", many, FRACTION)?;
        }
        Ok(())
    }
}

impl AttentionKernels {
    fn check(&self) -> Result<(), BadFigure> {
        check("kernels.attention.of_bandwidth", self.bandwidth, FRACTION)?;
        check("kernels.attention.of_peak", self.flops, FRACTION)?;
        check("kernels.attention.start_us", self.micros, QUANTITY)?;
        check("kernels.attention.request_us", self.micros_per_request, QUANTITY)?;
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

/// Refuses a value outside of its bounds, both included.
fn check(field: &'static str, value: f64, (least, most): (f64, f64)) -> Result<(), BadFigure> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let expected = format!("from {least} to {most}");
    Err(BadFigure::new(field, value, expected))
}
