//! One accelerator: memory, bandwidth, arithmetic, and the link to its neighbours.

use std::fmt;

use super::{
    AllReduceKernels, Architecture, AttentionKernels, BadFigure, Chip, ExpertKernels, KvPrecision, LatentKernels,
    LinearKernels, Link, MeasuredKernels, MixedAttention, WeightKernel, WeightPrecision,
};

/// An accelerator whose figures have been checked.
#[derive(Clone, PartialEq)]
pub struct Gpu {
    figures: GpuFigures,
    has_small_batches: bool,
}

/// The figures of an accelerator, as a datasheet gives them.
#[derive(Clone, Debug, PartialEq)]
pub struct GpuFigures {
    /// The name in scenario files.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// Memory that the runtime reports, which is not what the label says [bytes].
    pub memory_bytes: u64,
    /// Memory bandwidth [bytes/s].
    pub bandwidth_bytes_per_s: f64,
    /// Peak arithmetic without sparsity.
    pub peak: PeakFlops,
    /// The link to the other GPUs of the same server.
    pub link: Link,
    /// What its kernels reach of the figures above, where somebody has measured it.
    pub kernels: MeasuredKernels,
    /// What its chip is, where that is known.
    pub chip: Option<Chip>,
}

/// Peak dense arithmetic by operand format [operations/s]; a multiply-add is two operations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeakFlops {
    /// Peak with 16-bit floats [operations/s].
    pub bf16: f64,
    /// 8-bit floats, if native.
    pub fp8: Option<f64>,
    /// 8-bit integers, if native.
    pub int8: Option<f64>,
    /// 4-bit floats, if native.
    pub fp4: Option<f64>,
}

/// More than any device for years to come; keeps sums far from overflow.
const MOST_MEMORY_BYTES: u64 = 1 << 50;
const MOST_RATE_PER_S: f64 = 1e21;
/// Less than any device of the last decades: with less a step would take longer than step times are counted.
const LEAST_RATE_PER_S: f64 = 1e9;

impl Gpu {
    /// Checks the figures: every one within what devices can do, and will for a while.
    pub fn new(figures: GpuFigures) -> Result<Self, BadFigure> {
        if figures.memory_bytes == 0 || figures.memory_bytes > MOST_MEMORY_BYTES {
            let gib = figures.memory_bytes as f64 / (1u64 << 30) as f64;
            return Err(BadFigure::new(
                "memory",
                format!("{gib} GiB"),
                "more than 0 and at most 1048576 GiB",
            ));
        }
        let peak = &figures.peak;
        let rates = [
            ("bandwidth", Some(figures.bandwidth_bytes_per_s)),
            ("bf16", Some(peak.bf16)),
            ("fp8", peak.fp8),
            ("int8", peak.int8),
            ("fp4", peak.fp4),
            ("link", Some(figures.link.bytes_per_s)),
        ];
        for (field, rate) in rates {
            check_rate(field, rate)?;
        }
        figures.kernels.check()?;
        figures.chip.map_or(Ok(()), Chip::check)?;
        Ok(Self {
            figures,
            has_small_batches: false,
        })
    }

    /// Says whether vLLM gives it small batches whatever its memory.
    #[must_use]
    pub fn with_small_batches(mut self, has_small_batches: bool) -> Self {
        self.has_small_batches = has_small_batches;
        self
    }

    /// Whether vLLM gives it small batches whatever its memory: `get_batch_defaults` in `engine/arg_utils.py` asks what
    /// the device is called.
    pub const fn has_small_batches(&self) -> bool {
        self.has_small_batches
    }

    /// The name in scenario files.
    pub fn name(&self) -> &str {
        &self.figures.name
    }

    /// The name for people.
    pub fn title(&self) -> &str {
        &self.figures.title
    }

    /// Memory that the runtime reports [bytes].
    pub const fn memory_bytes(&self) -> u64 {
        self.figures.memory_bytes
    }

    /// Memory bandwidth [bytes/s].
    pub const fn bandwidth_bytes_per_s(&self) -> f64 {
        self.figures.bandwidth_bytes_per_s
    }

    /// Peak arithmetic by format.
    pub const fn peak(&self) -> &PeakFlops {
        &self.figures.peak
    }

    /// The link to the other GPUs of the server.
    pub const fn link(&self) -> &Link {
        &self.figures.link
    }

    /// What its chip is, where that is known.
    pub const fn chip(&self) -> Option<&Chip> {
        self.figures.chip.as_ref()
    }

    /// Whether it is a Blackwell of data centres.
    pub fn is_blackwell(&self) -> bool {
        self.chip()
            .is_some_and(|chip| chip.architecture == Architecture::Blackwell)
    }

    /// What has been measured of its kernels.
    pub const fn measured_kernels(&self) -> &MeasuredKernels {
        &self.figures.kernels
    }

    /// What matrix products reach in such a kernel, measured or generic. What a server sustains is a matter of the GPU.
    pub fn linear_kernels(&self, kernel: WeightKernel) -> LinearKernels {
        let measured = &self.figures.kernels;
        let Some(plain) = measured.linear else {
            return LinearKernels::generic(kernel);
        };
        let of_kernel = measured.quantised_linear.iter().find(|(one, _)| *one == kernel);
        let one = match of_kernel {
            Some((_, one)) => *one,
            None if kernel.quantises() => LinearKernels::generic(kernel),
            None => plain,
        };
        LinearKernels {
            sustained: plain.sustained,
            ..one
        }
    }

    /// What attention reaches on keys and values stored so, measured or generic.
    pub fn attention_kernels(&self, kv: KvPrecision) -> AttentionKernels {
        let measured = &self.figures.kernels;
        let of_bytes = match kv {
            KvPrecision::Bf16 => None,
            KvPrecision::Fp8 => measured.attention_fp8,
        };
        of_bytes.or(measured.attention).unwrap_or(AttentionKernels::GENERIC)
    }

    /// The same GPU with another bandwidth of its link, one direction [bytes/s].
    #[must_use]
    pub const fn with_link(mut self, bytes_per_s: f64) -> Self {
        self.figures.link.bytes_per_s = bytes_per_s;
        self
    }

    /// The same GPU, on which decoding beside prompts costs something else.
    #[must_use]
    pub fn with_decoding_beside_prompts(mut self, mixed: Option<MixedAttention>) -> Self {
        let kernels = &mut self.figures.kernels;
        let plain = kernels.attention.unwrap_or(AttentionKernels::GENERIC);
        kernels.attention = Some(AttentionKernels { mixed, ..plain });
        if let Some(fp8) = &mut kernels.attention_fp8 {
            fp8.mixed = mixed;
        }
        self
    }

    /// What latent attention reaches on vectors stored so, measured or generic.
    pub fn latent_kernels(&self, kv: KvPrecision) -> LatentKernels {
        let measured = &self.figures.kernels;
        let of_bytes = match kv {
            KvPrecision::Bf16 => None,
            KvPrecision::Fp8 => measured.latent_fp8,
        };
        of_bytes.or(measured.latent).unwrap_or(LatentKernels::GENERIC)
    }

    /// What routed experts reach in such a kernel: measured there, in the kernel nearest to it, or generic.
    pub fn expert_kernels(&self, kernel: WeightKernel) -> ExpertKernels {
        let measured = &self.figures.kernels;
        let of = |kernel| {
            let of_kernel = measured.quantised_experts.iter().find(|(one, _)| *one == kernel);
            of_kernel.map(|(_, one)| *one)
        };
        let near = match kernel {
            WeightKernel::Mxfp4Marlin => of(WeightKernel::Marlin),
            WeightKernel::Mxfp4Triton => of(WeightKernel::Mxfp4Marlin),
            WeightKernel::Fp8 => of(WeightKernel::Fp8Block),
            WeightKernel::Fp8Block => of(WeightKernel::Fp8),
            _ => None,
        };
        of(kernel)
            .or(near)
            .or(measured.experts)
            .unwrap_or(ExpertKernels::GENERIC)
    }

    /// What an all-reduce reaches, measured or generic for the kind of link.
    pub fn all_reduce_kernels(&self) -> AllReduceKernels {
        let generic = AllReduceKernels::generic(self.figures.link.kind);
        self.figures.kernels.all_reduce.unwrap_or(generic)
    }

    /// Whether it multiplies numbers of such a format, and does not unpack them to 16 bits first. What is stored to be
    /// unpacked (AWQ, GPTQ, bitsandbytes) counts as multiplied.
    pub fn multiplies(&self, weights: WeightPrecision) -> bool {
        let peak = &self.figures.peak;
        match weights {
            WeightPrecision::Bf16 | WeightPrecision::Int4 | WeightPrecision::Nf4 => true,
            WeightPrecision::Fp8 | WeightPrecision::Mxfp8 => peak.fp8.is_some(),
            WeightPrecision::Int8 => peak.int8.is_some(),
            WeightPrecision::Mxfp4 | WeightPrecision::Nvfp4 => peak.fp4.is_some(),
        }
    }

    /// Peak arithmetic of a linear layer with such weights [operations/s]. A format that the device cannot multiply is
    /// unpacked and multiplied as bf16; int4 always is (weight-only: AWQ, GPTQ).
    pub fn peak_flops(&self, weights: WeightPrecision) -> f64 {
        let peak = &self.figures.peak;
        let native = match weights {
            WeightPrecision::Bf16 | WeightPrecision::Int4 | WeightPrecision::Nf4 => None,
            WeightPrecision::Fp8 | WeightPrecision::Mxfp8 => peak.fp8,
            WeightPrecision::Int8 => peak.int8,
            WeightPrecision::Mxfp4 | WeightPrecision::Nvfp4 => peak.fp4,
        };
        native.unwrap_or(peak.bf16)
    }
}

impl fmt::Debug for Gpu {
    /// The figures, which name it in the hash of a scenario. What vLLM makes of it shows there as settings of its own.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Gpu").field(&self.figures).finish()
    }
}

fn check_rate(field: &'static str, rate: Option<f64>) -> Result<(), BadFigure> {
    match rate {
        Some(rate) if !(LEAST_RATE_PER_S..=MOST_RATE_PER_S).contains(&rate) => Err(BadFigure::new(
            field,
            format!("{rate:e} per second"),
            "from 1e9 (1 GB/s, 0.001 TFLOP/s) to 1e21",
        )),
        _ => Ok(()),
    }
}
