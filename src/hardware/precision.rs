//! Number formats of weights and of the KV cache.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// How the linear layers' weights are stored. Embeddings, head, norms, router and biases stay bf16, and so do the
/// layers that a model's quantised checkpoints leave alone (`Unquantised`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WeightPrecision {
    /// 16-bit brain float (or IEEE half precision: the same size).
    Bf16,
    /// 8-bit float with one scale per 128 x 128 block.
    Fp8,
    /// 8-bit integer with one scale per output channel.
    Int8,
    /// 4-bit integer (AWQ, GPTQ) with groups of 128.
    Int4,
    /// 4-bit microscaling float. In a model with experts only these are quantised, as in gpt-oss.
    Mxfp4,
    /// NVIDIA's 4-bit float: an 8-bit scale per 16 values, and one in fp32 per matrix.
    Nvfp4,
    /// 8-bit microscaling float.
    Mxfp8,
    /// bitsandbytes' 4-bit normal float with blocks of 64.
    Nf4,
}

/// How keys and values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KvPrecision {
    /// 16-bit brain float (or IEEE half precision: the same size).
    Bf16,
    /// 8-bit float: half the memory of 16 bits.
    Fp8,
}

/// A name that is no precision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPrecision {
    /// What was given.
    pub given: String,
    /// The names that exist.
    pub known: String,
}

/// Bits of a parameter that is not quantised.
pub(super) const PLAIN_BITS: f64 = 16.0;

impl WeightPrecision {
    /// Every precision, widest first.
    pub const ALL: [Self; 8] = [
        Self::Bf16,
        Self::Mxfp8,
        Self::Fp8,
        Self::Int8,
        Self::Nvfp4,
        Self::Nf4,
        Self::Mxfp4,
        Self::Int4,
    ];

    /// The name in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::Fp8 => "fp8",
            Self::Int8 => "int8",
            Self::Int4 => "int4",
            Self::Mxfp4 => "mxfp4",
            Self::Nvfp4 => "nvfp4",
            Self::Mxfp8 => "mxfp8",
            Self::Nf4 => "nf4",
        }
    }

    /// Whether products are of 16-bit numbers whatever the device: the weights are unpacked on the way.
    pub const fn is_weight_only(self) -> bool {
        matches!(self, Self::Int4 | Self::Nf4)
    }

    /// Mean bits of a quantised parameter, its share of scales and zero points included [bits].
    pub fn bits_per_parameter(self) -> f64 {
        match self {
            Self::Bf16 => PLAIN_BITS,
            // One fp32 scale per 128 x 128 block: DeepSeek-V3's `weight_block_size`.
            Self::Fp8 => 8.0 + 32.0 / (128.0 * 128.0),
            Self::Int8 => 8.0,
            // A 16-bit scale and a 4-bit zero point per group of 128: AutoAWQ's and GPTQ's default.
            Self::Int4 => 4.0 + (16.0 + 4.0) / 128.0,
            // An 8-bit scale per 32 values: OCP Microscaling Formats specification v1.0.
            Self::Mxfp4 => 4.0 + 8.0 / 32.0,
            Self::Mxfp8 => 8.0 + 8.0 / 32.0,
            // Of nvfp4 an 8-bit scale per 16 values; the one in fp32 per matrix does not count (NVIDIA Blackwell,
            // ModelOpt). Of nf4 a maximum in fp32 per 64 values, as much: QLoRA (arXiv 2305.14314) without double
            // quantisation, the default.
            Self::Nvfp4 | Self::Nf4 => 4.0 + 8.0 / 16.0,
        }
    }
}

impl KvPrecision {
    /// Every precision, widest first.
    pub const ALL: [Self; 2] = [Self::Bf16, Self::Fp8];

    /// The name in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::Fp8 => "fp8",
        }
    }

    /// Bytes of one stored value [bytes].
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Bf16 => 2,
            Self::Fp8 => 1,
        }
    }
}

impl FromStr for WeightPrecision {
    type Err = UnknownPrecision;

    fn from_str(text: &str) -> Result<Self, UnknownPrecision> {
        match text.to_ascii_lowercase().as_str() {
            // Same size, same price: the 16-bit formats are one to this program.
            "fp16" | "float16" | "bfloat16" => Ok(Self::Bf16),
            "awq" | "awq_marlin" | "gptq" | "gptq_marlin" => Ok(Self::Int4),
            "modelopt_fp4" => Ok(Self::Nvfp4),
            "bitsandbytes" => Ok(Self::Nf4),
            name => find(name, &Self::ALL, Self::name),
        }
    }
}

impl FromStr for KvPrecision {
    type Err = UnknownPrecision;

    fn from_str(text: &str) -> Result<Self, UnknownPrecision> {
        match text.to_ascii_lowercase().as_str() {
            // vLLM's spellings of --kv-cache-dtype.
            "auto" | "fp16" | "float16" | "bfloat16" => Ok(Self::Bf16),
            "fp8_e4m3" | "fp8_e5m2" => Ok(Self::Fp8),
            name => find(name, &Self::ALL, Self::name),
        }
    }
}

fn find<T: Copy>(given: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, UnknownPrecision> {
    let named = all.iter().copied().find(|&one| name(one) == given);
    named.ok_or_else(|| UnknownPrecision {
        given: given.to_owned(),
        known: all.iter().map(|&one| name(one)).collect::<Vec<_>>().join(", "),
    })
}

impl fmt::Display for WeightPrecision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Display for KvPrecision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Display for UnknownPrecision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { given, known } = self;
        write!(formatter, "'{given}' is no precision; write one of: {known}")
    }
}

impl Error for UnknownPrecision {}
