//! One layer that keeps a state in the place of keys and values: Mamba, linear attention, gated delta rules.
//!
//! The state of a request has the same size however long its context. It is the last inputs of a short convolution, and
//! a matrix per head that every token updates.

use super::{Projection, Weights};

/// A layer with a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateLayer {
    /// What kind it is.
    pub kind: StateKind,
    /// Heads, which GPUs divide.
    pub heads: u64,
    /// Its matrices.
    pub projections: Vec<Projection>,
    /// Parameters outside its matrices that GPUs divide: the convolution, decays, norms of heads.
    pub divided_parameters: u64,
    /// Parameters outside its matrices that every GPU holds.
    pub whole_parameters: u64,
    /// Channels of the convolution that GPUs divide; 0 without one.
    pub conv_channels: u64,
    /// Groups that share the rest of the channels; GPUs divide them down to one each (vLLM, `mamba_utils.py`).
    pub conv_groups: u64,
    /// Channels of one such group.
    pub group_channels: u64,
    /// Inputs that the convolution remembers: its width less one.
    pub conv_memory: u64,
    /// Values of the matrices of all heads.
    pub recurrent_values: u64,
    /// Bytes of each of these values: 2 or 4. Those of the convolution have 2.
    pub recurrent_bytes: u64,
}

/// Kinds of layers that keep a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateKind {
    /// Selective state spaces (Gu and Dao 2023, arXiv 2312.00752).
    Mamba,
    /// State-space duality (Dao and Gu 2024, arXiv 2405.21060).
    Mamba2,
    /// The gated delta rule (Yang et al. 2024, arXiv 2412.06464), as in Qwen3-Next.
    GatedDelta,
    /// Kimi delta attention (arXiv 2510.26692).
    KimiDelta,
    /// Lightning attention (`MiniMax`-01, arXiv 2501.08313).
    Lightning,
}

impl StateKind {
    /// The name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mamba => "Mamba",
            Self::Mamba2 => "Mamba-2",
            Self::GatedDelta => "gated delta rule",
            Self::KimiDelta => "Kimi delta attention",
            Self::Lightning => "lightning attention",
        }
    }
}

/// Operations of a token per value of the state: it decays, takes up a product of a key and a value, and is multiplied
/// with a query, two operations each.
const FLOPS_PER_VALUE: u64 = 6;

impl StateLayer {
    /// The state of one request on one of `tensor_parallel` GPUs [bytes].
    pub const fn state_bytes(&self, tensor_parallel: u64) -> u64 {
        let groups = self.conv_groups.div_ceil(tensor_parallel);
        let channels = self.conv_channels.div_ceil(tensor_parallel) + groups * self.group_channels;
        let recurrent = self.recurrent_values.div_ceil(tensor_parallel);
        2 * channels * self.conv_memory + self.recurrent_bytes * recurrent
    }

    /// Arithmetic of one token beside the matrices of weights, on one of `tensor_parallel` GPUs [operations].
    pub const fn flops_per_token(&self, tensor_parallel: u64) -> u64 {
        FLOPS_PER_VALUE * self.recurrent_values.div_ceil(tensor_parallel)
    }

    /// Parameters on one of `tensor_parallel` GPUs.
    pub(super) fn weights(&self, tensor_parallel: u64) -> Weights {
        let matrices = self.projections.iter().map(|one| one.parameters_on(tensor_parallel));
        Weights {
            state: matrices.sum(),
            plain: self.divided_parameters.div_ceil(tensor_parallel) + self.whole_parameters,
            ..Weights::default()
        }
    }
}
