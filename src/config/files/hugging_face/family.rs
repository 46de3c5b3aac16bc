//! What a `model_type` implies beyond the fields of its `config.json`.

use super::fields::HuggingFaceConfig;
use crate::hardware::BadFigure;

/// What the modelling code of a type fixes.
#[derive(Clone, Copy, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an independent fact about an architecture"
)]
pub(super) struct Family {
    pub name: &'static str,
    pub tied_by_default: bool,
    pub norm: Norm,
    pub norms_per_layer: u64,
    /// Query, key and value biases; with [`Bias::AsConfigured`] the output's too.
    pub attention_bias: Bias,
    pub query_key_norm: bool,
    pub latent_attention: bool,
    pub windows: Windows,
    pub experts: ExpertKeys,
    /// Whether the router has a bias of its own (in DeepSeek-V3 the correction that balances the experts).
    pub router_bias: bool,
    pub default_vocab: Option<u64>,
    pub default_max_len: Option<u64>,
    pub default_head_dim: Option<u64>,
}

/// A norm's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Norm {
    /// A weight (RMS norm).
    Rms,
    /// A weight and a bias (layer norm).
    Layer,
}

/// Which biases the attention projections have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bias {
    /// `attention_bias`: all four projections or none.
    AsConfigured,
    /// Query, key and value always; output never.
    QueryKeyValue,
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
    /// All but every `sliding_window_pattern`-th (6 if not given).
    AllButEverySixth,
    /// Chunks in all layers but those that `no_rope_layers` marks 0 (every fourth if not given).
    Llama4Chunks,
}

/// How a type spells its experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExpertKeys {
    /// There are none.
    None,
    /// `num_local_experts` of `intermediate_size` in every layer.
    Mixtral,
    /// `num_local_experts` with biases, and a router with a bias.
    GptOss,
    /// `num_experts` of `moe_intermediate_size` in every `decoder_sparse_step`-th layer.
    Qwen,
    /// `n_routed_experts` and `n_shared_experts` after `first_k_dense_replace` layers.
    DeepSeek,
    /// `num_local_experts` and one shared, in every `interleave_moe_layer_step`-th layer.
    Llama4,
}

/// A pre-norm decoder with grouped attention and a gated feed-forward layer: most models.
const PLAIN: Family = Family {
    name: "llama",
    tied_by_default: false,
    norm: Norm::Rms,
    norms_per_layer: 2,
    attention_bias: Bias::AsConfigured,
    query_key_norm: false,
    latent_attention: false,
    windows: Windows::Never,
    experts: ExpertKeys::None,
    router_bias: false,
    default_vocab: None,
    default_max_len: None,
    default_head_dim: None,
};

const FAMILIES: [Family; 17] = [
    PLAIN,
    Family {
        name: "mistral",
        windows: Windows::All,
        ..PLAIN
    },
    Family {
        name: "mixtral",
        windows: Windows::All,
        experts: ExpertKeys::Mixtral,
        ..PLAIN
    },
    Family {
        name: "phi3",
        windows: Windows::All,
        ..PLAIN
    },
    Family {
        name: "qwen2",
        attention_bias: Bias::QueryKeyValue,
        windows: Windows::FromMaxWindowLayers,
        ..PLAIN
    },
    Family {
        name: "qwen2_moe",
        attention_bias: Bias::QueryKeyValue,
        windows: Windows::FromMaxWindowLayers,
        experts: ExpertKeys::Qwen,
        ..PLAIN
    },
    Family {
        name: "qwen3",
        query_key_norm: true,
        windows: Windows::FromMaxWindowLayers,
        default_head_dim: Some(128),
        ..PLAIN
    },
    Family {
        name: "qwen3_moe",
        query_key_norm: true,
        windows: Windows::FromMaxWindowLayers,
        experts: ExpertKeys::Qwen,
        ..PLAIN
    },
    Family {
        name: "gemma",
        tied_by_default: true,
        default_head_dim: Some(256),
        ..PLAIN
    },
    Family {
        name: "gemma2",
        tied_by_default: true,
        norms_per_layer: 4,
        windows: Windows::EverySecond,
        default_head_dim: Some(256),
        ..PLAIN
    },
    Family {
        name: "gemma3_text",
        tied_by_default: true,
        norms_per_layer: 4,
        query_key_norm: true,
        windows: Windows::AllButEverySixth,
        default_vocab: Some(262_208),
        default_max_len: Some(131_072),
        default_head_dim: Some(256),
        ..PLAIN
    },
    Family {
        name: "falcon",
        tied_by_default: true,
        norm: Norm::Layer,
        norms_per_layer: 1,
        attention_bias: Bias::Falcon,
        default_max_len: Some(2048),
        ..PLAIN
    },
    Family {
        name: "deepseek_v2",
        latent_attention: true,
        experts: ExpertKeys::DeepSeek,
        ..PLAIN
    },
    Family {
        name: "deepseek_v3",
        latent_attention: true,
        experts: ExpertKeys::DeepSeek,
        router_bias: true,
        ..PLAIN
    },
    Family {
        name: "kimi_k2",
        latent_attention: true,
        experts: ExpertKeys::DeepSeek,
        router_bias: true,
        ..PLAIN
    },
    Family {
        name: "gpt_oss",
        attention_bias: Bias::AllWithSinks,
        windows: Windows::EverySecond,
        experts: ExpertKeys::GptOss,
        router_bias: true,
        default_head_dim: Some(64),
        ..PLAIN
    },
    Family {
        name: "llama4_text",
        windows: Windows::Llama4Chunks,
        experts: ExpertKeys::Llama4,
        default_head_dim: Some(128),
        ..PLAIN
    },
];

impl Family {
    /// The family of a configuration's `model_type`.
    pub fn of(config: &HuggingFaceConfig) -> Result<Self, BadFigure> {
        let given = config.model_type.as_deref().unwrap_or("missing");
        let found = FAMILIES.iter().find(|family| family.name == given);
        found.copied().ok_or_else(|| {
            let names: Vec<_> = FAMILIES.iter().map(|family| family.name).collect();
            let expected = format!(
                "one of {}; other architectures (state-space and linear-attention hybrids, encoders) are not modelled",
                names.join(", ")
            );
            BadFigure::new("model_type", format!("'{given}'"), expected)
        })
    }
}

impl Norm {
    /// Parameters of one norm over the residual stream.
    pub const fn parameters(self, hidden: u64) -> u64 {
        match self {
            Self::Rms => hidden,
            Self::Layer => 2 * hidden,
        }
    }
}
