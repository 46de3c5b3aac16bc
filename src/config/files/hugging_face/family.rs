//! What a `model_type` implies beyond the fields of its `config.json`.

use crate::hardware::HeadNorms;

/// What the modelling code of a type fixes.
#[derive(Clone, Copy, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an independent fact about an architecture"
)]
pub(super) struct Family {
    /// The type, and others that are the same to this program.
    pub names: &'static [&'static str],
    pub tied_by_default: bool,
    pub norm: Norm,
    pub norms_per_layer: u64,
    /// Query, key and value biases; with [`Bias::AsConfigured`] the output's too.
    pub attention_bias: Bias,
    /// The norms of queries and keys, unless `use_qk_norm` says that there are none.
    pub query_key_norm: HeadNorms,
    /// Whether these norms are there only where `use_qk_norm` says so.
    pub asks_for_norms: bool,
    pub latent_attention: bool,
    pub windows: Windows,
    /// Whether layers with a window rotate by a base of their own, and so by a table of their own.
    pub two_rotary_tables: bool,
    pub experts: ExpertKeys,
    /// Whether the router has a bias of its own (in DeepSeek-V3 the correction that balances the experts).
    pub router_bias: bool,
    /// Whether feed-forward networks and experts have a gate projection.
    pub gated: bool,
    /// Which layers keep a state in the place of keys and values, and what kind.
    pub states: States,
    /// Fields that files leave to the class, with its values.
    pub defaults: Defaults,
}

/// Values of fields that a file may leave to its class.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    pub vocab_size: Option<u64>,
    pub max_position_embeddings: Option<u64>,
    pub head_dim: Option<u64>,
    pub hidden_size: Option<u64>,
    pub intermediate_size: Option<u64>,
    pub num_hidden_layers: Option<u64>,
    pub num_attention_heads: Option<u64>,
    pub num_key_value_heads: Option<u64>,
    pub sliding_window: Option<u64>,
}

impl Defaults {
    /// Nothing is left to the class.
    pub const NONE: Self = Self {
        vocab_size: None,
        max_position_embeddings: None,
        head_dim: None,
        hidden_size: None,
        intermediate_size: None,
        num_hidden_layers: None,
        num_attention_heads: None,
        num_key_value_heads: None,
        sliding_window: None,
    };

    /// The width of a head.
    pub const fn head(head_dim: u64) -> Self {
        Self::NONE.with_head(head_dim)
    }

    /// The number of key and value heads.
    pub const fn keys(num_key_value_heads: u64) -> Self {
        Self {
            num_key_value_heads: Some(num_key_value_heads),
            ..Self::NONE
        }
    }

    /// With the width of a head.
    pub const fn with_head(self, head_dim: u64) -> Self {
        Self {
            head_dim: Some(head_dim),
            ..self
        }
    }
}

/// A norm's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Norm {
    /// A weight (RMS norm).
    Weight,
    /// A weight and a bias (layer norm).
    WeightAndBias,
    /// Nothing (`OLMo`'s layer norm).
    Bare,
}

/// Which biases the attention projections have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bias {
    /// `attention_bias` or `use_bias`: all four projections or none.
    AsConfigured,
    /// Query, key and value always; output never.
    QueryKeyValue,
    /// Query, key and value if `attention_bias` or `use_qkv_bias`; output if `attention_out_bias`.
    QueryKeyValueAsConfigured,
    /// All four, always, and a sink per query head (gpt-oss).
    AllWithSinks,
    /// `bias`: all four or none (Falcon).
    Falcon,
}

/// Which layers look back only so far when `layer_types` does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Windows {
    /// No layer: all look back over the whole context.
    Never,
    /// All, if `sliding_window` is set.
    All,
    /// If `use_sliding_window`: those from `max_window_layers` on.
    FromMaxWindowLayers,
    /// Every other layer, the first included.
    EverySecond,
    /// All but every `sliding_window_pattern`-th, or every so manieth if that is not given.
    AllButEvery(u64),
    /// Those that `hybrid_layer_pattern` marks 1 (MiMo-V2).
    Marked,
    /// Chunks in all layers but those that `no_rope_layers` marks 0 (every fourth if not given).
    Llama4Chunks,
}

/// How a type spells its experts, and which layers have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExpertKeys {
    /// There are none.
    None,
    /// `num_local_experts` of `intermediate_size` in every layer.
    Mixtral,
    /// `num_local_experts` with biases, and a router with a bias.
    GptOss,
    /// `num_experts` of `intermediate_size` in every layer (`OLMoE`), or in those of `expert_layer_period` (Jamba).
    Periodic,
    /// `num_experts` of `moe_intermediate_size` in every `decoder_sparse_step`-th layer.
    Qwen,
    /// `n_routed_experts` and `n_shared_experts` after `first_k_dense_replace` layers.
    DeepSeek,
    /// `num_local_experts` and one shared, in every `interleave_moe_layer_step`-th layer.
    Llama4,
    /// `moe_num_experts` from `moe_layer_start_index` on (Ernie 4.5).
    Ernie,
    /// `num_experts` beside the dense network, which every token passes through too (Gemma 4).
    Gemma,
    /// `num_local_experts` beside a shared network, and it alone where there are none (Granite).
    Granite,
    /// In layers of their own (Nemotron-H).
    OwnLayers,
}

/// Which layers keep a state, and what kind it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum States {
    /// None.
    Never,
    /// Gated delta rules in all but every `full_attention_interval`-th (Qwen3-Next).
    GatedDelta,
    /// Mamba-2 in layers of their own (Nemotron-H).
    NemotronH,
    /// Mamba-2 where `layer_types` or `layers_block_type` says `mamba` (Granite 4, Bamba).
    Mamba2,
    /// Mamba in all but every `attn_layer_period`-th (Jamba).
    Jamba,
    /// Kimi delta attention in `kda_layers`.
    Kimi,
    /// Lightning attention where `attn_type_list` says 0 (`MiniMax`-01).
    Lightning,
}

impl Norm {
    /// Parameters of one norm over the residual stream.
    pub const fn parameters(self, hidden: u64) -> u64 {
        match self {
            Self::Weight => hidden,
            Self::WeightAndBias => 2 * hidden,
            Self::Bare => 0,
        }
    }
}
