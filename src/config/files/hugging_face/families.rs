//! The types of models that are read, each as its class in `transformers/models/<type>` has it.

use super::family::{Bias, Defaults, ExpertKeys, Family, Norm, States, Windows};
use super::fields::HuggingFaceConfig;
use crate::hardware::{BadFigure, HeadNorms};

/// Types that are known, and why they are not read.
const NOT_MODELLED: [(&str, &str); 12] = [
    ("deepseek_v4", COMPRESSED),
    ("deepseek_ref", COMPRESSED),
    (
        "falcon_h1",
        "its layers attend and keep a state at once, which is not modelled",
    ),
    ("zamba2", "its layers share attention blocks, which is not modelled"),
    ("mamba", STATE_ALONE),
    ("mamba2", STATE_ALONE),
    ("falcon_mamba", STATE_ALONE),
    ("gemma3n_text", "its layers keep several streams, which is not modelled"),
    ("mllama_text_model", CROSSED),
    ("mllama", CROSSED),
    (
        "lfm2",
        "its layers of short convolutions keep a state, which is not modelled",
    ),
    ("recurrent_gemma", "its recurrent layers are not modelled"),
];
const COMPRESSED: &str = "it keeps keys and values compressed by 4 and by 128 tokens in layers of three kinds, and \
                          four streams beside each other, which is not modelled";
const CROSSED: &str = "its layers of cross-attention keep keys and values of images, which is not modelled";
const STATE_ALONE: &str = "it keeps a state alone, so there is no KV cache to plan";

/// A pre-norm decoder with grouped attention and a gated feed-forward layer: most models.
const PLAIN: Family = Family {
    names: &["llama", "granite"],
    tied_by_default: false,
    norm: Norm::Weight,
    norms_per_layer: 2,
    attention_bias: Bias::AsConfigured,
    query_key_norm: HeadNorms::Absent,
    asks_for_norms: false,
    latent_attention: false,
    windows: Windows::Never,
    two_rotary_tables: false,
    experts: ExpertKeys::None,
    router_bias: false,
    gated: true,
    states: States::Never,
    defaults: Defaults::NONE,
};

const QWEN2: Family = Family {
    names: &[
        "qwen2",
        "qwen2_5_vl",
        "qwen2_5_vl_text",
        "qwen2_vl",
        "qwen2_vl_text",
        "mimo",
    ],
    attention_bias: Bias::QueryKeyValue,
    windows: Windows::FromMaxWindowLayers,
    ..PLAIN
};

const QWEN3: Family = Family {
    names: &["qwen3", "qwen3_vl_text", "qwen3_vl"],
    query_key_norm: HeadNorms::OfAHead,
    windows: Windows::FromMaxWindowLayers,
    defaults: Defaults::head(128),
    ..PLAIN
};

const DEEPSEEK_V3: Family = Family {
    names: &[
        "deepseek_v3",
        "kimi_k2",
        "kimi_k25",
        "deepseek_v32",
        "glm_moe_dsa",
        "glm4_moe_lite",
    ],
    latent_attention: true,
    experts: ExpertKeys::DeepSeek,
    router_bias: true,
    ..PLAIN
};

const GEMMA3: Family = Family {
    names: &["gemma3_text", "gemma3"],
    tied_by_default: true,
    norms_per_layer: 4,
    query_key_norm: HeadNorms::OfAHead,
    windows: Windows::AllButEvery(6),
    two_rotary_tables: true,
    defaults: Defaults {
        vocab_size: Some(262_208),
        max_position_embeddings: Some(131_072),
        head_dim: Some(256),
        hidden_size: Some(2304),
        intermediate_size: Some(9216),
        num_hidden_layers: Some(26),
        num_attention_heads: Some(8),
        num_key_value_heads: Some(4),
        sliding_window: Some(4096),
    },
    ..PLAIN
};

const FAMILIES: [Family; 53] = [
    PLAIN,
    Family {
        names: &["mistral", "ministral3", "ministral"],
        windows: Windows::All,
        defaults: Defaults::keys(8),
        ..PLAIN
    },
    Family {
        names: &["mixtral"],
        windows: Windows::All,
        experts: ExpertKeys::Mixtral,
        defaults: Defaults::keys(8),
        ..PLAIN
    },
    Family {
        names: &["smollm3"],
        tied_by_default: true,
        defaults: Defaults::keys(4),
        ..PLAIN
    },
    Family {
        names: &["ernie4_5"],
        tied_by_default: true,
        defaults: Defaults::keys(2).with_head(128),
        ..PLAIN
    },
    Family {
        names: &["phi3", "phi4mm"],
        windows: Windows::All,
        ..PLAIN
    },
    Family {
        names: &["phimoe"],
        norm: Norm::WeightAndBias,
        windows: Windows::All,
        experts: ExpertKeys::Mixtral,
        defaults: Defaults::keys(8),
        ..PLAIN
    },
    QWEN2,
    Family {
        names: &["qwen2_moe"],
        experts: ExpertKeys::Qwen,
        ..QWEN2
    },
    QWEN3,
    Family {
        names: &["qwen3_moe", "qwen3_vl_moe_text", "qwen3_vl_moe"],
        experts: ExpertKeys::Qwen,
        defaults: Defaults::keys(4).with_head(128),
        ..QWEN3
    },
    Family {
        names: &["qwen3_next", "qwen3_5_moe_text", "qwen3_5_moe"],
        experts: ExpertKeys::Qwen,
        states: States::GatedDelta,
        defaults: Defaults::keys(2).with_head(256),
        ..QWEN3
    },
    Family {
        names: &["qwen3_5_text", "qwen3_5"],
        states: States::GatedDelta,
        defaults: Defaults::keys(4).with_head(256),
        ..QWEN3
    },
    Family {
        names: &["gemma"],
        tied_by_default: true,
        defaults: Defaults::keys(16).with_head(256),
        ..PLAIN
    },
    Family {
        names: &["gemma2"],
        tied_by_default: true,
        norms_per_layer: 4,
        windows: Windows::EverySecond,
        defaults: Defaults::keys(4).with_head(256),
        ..PLAIN
    },
    GEMMA3,
    Family {
        names: &["gemma4_text", "gemma4"],
        experts: ExpertKeys::Gemma,
        defaults: Defaults::head(256),
        ..GEMMA3
    },
    Family {
        names: &["falcon"],
        tied_by_default: true,
        norm: Norm::WeightAndBias,
        norms_per_layer: 1,
        attention_bias: Bias::Falcon,
        gated: false,
        defaults: Defaults {
            max_position_embeddings: Some(2048),
            ..Defaults::NONE
        },
        ..PLAIN
    },
    Family {
        names: &["deepseek_v2"],
        router_bias: false,
        ..DEEPSEEK_V3
    },
    DEEPSEEK_V3,
    Family {
        names: &["gpt_oss"],
        attention_bias: Bias::AllWithSinks,
        windows: Windows::EverySecond,
        experts: ExpertKeys::GptOss,
        router_bias: true,
        defaults: Defaults::keys(8).with_head(64),
        ..PLAIN
    },
    Family {
        names: &["llama4_text", "llama4"],
        windows: Windows::Llama4Chunks,
        experts: ExpertKeys::Llama4,
        defaults: Defaults::keys(8).with_head(128),
        ..PLAIN
    },
    Family {
        names: &["granitemoe", "granitemoeshared"],
        experts: ExpertKeys::Granite,
        ..PLAIN
    },
    Family {
        names: &["granitemoehybrid"],
        experts: ExpertKeys::Granite,
        states: States::Mamba2,
        ..PLAIN
    },
    Family {
        names: &["bamba"],
        states: States::Mamba2,
        defaults: Defaults::keys(8),
        ..PLAIN
    },
    Family {
        names: &["exaone4"],
        query_key_norm: HeadNorms::OfAHead,
        windows: Windows::AllButEvery(4),
        ..PLAIN
    },
    Family {
        names: &["glm"],
        attention_bias: Bias::QueryKeyValueAsConfigured,
        defaults: Defaults::keys(2).with_head(128),
        ..PLAIN
    },
    Family {
        names: &["glm4", "glm4v_text"],
        norms_per_layer: 4,
        attention_bias: Bias::QueryKeyValueAsConfigured,
        defaults: Defaults::keys(2).with_head(128),
        ..PLAIN
    },
    Family {
        names: &["glm4_moe", "glm4v_moe_text"],
        attention_bias: Bias::QueryKeyValueAsConfigured,
        query_key_norm: HeadNorms::OfAHead,
        asks_for_norms: true,
        experts: ExpertKeys::DeepSeek,
        router_bias: true,
        defaults: Defaults::keys(8),
        ..PLAIN
    },
    Family {
        names: &["dots1"],
        query_key_norm: HeadNorms::OfAHead,
        experts: ExpertKeys::DeepSeek,
        router_bias: true,
        ..PLAIN
    },
    Family {
        names: &["bailing_moe", "bailing_moe_v2"],
        attention_bias: Bias::QueryKeyValueAsConfigured,
        query_key_norm: HeadNorms::OfAHead,
        asks_for_norms: true,
        experts: ExpertKeys::DeepSeek,
        router_bias: true,
        ..PLAIN
    },
    Family {
        names: &["minimax_m2"],
        query_key_norm: HeadNorms::OfAllHeads,
        experts: ExpertKeys::Mixtral,
        router_bias: true,
        ..PLAIN
    },
    Family {
        names: &["minimax_m3", "minimax_m3_vl"],
        query_key_norm: HeadNorms::OfAHead,
        experts: ExpertKeys::DeepSeek,
        router_bias: true,
        ..PLAIN
    },
    Family {
        names: &["minimax", "minimax_text_01", "minimax_m1"],
        experts: ExpertKeys::Mixtral,
        states: States::Lightning,
        ..PLAIN
    },
    Family {
        names: &["mimo_v2_flash", "mimo_v2"],
        windows: Windows::Marked,
        experts: ExpertKeys::DeepSeek,
        router_bias: true,
        ..PLAIN
    },
    Family {
        names: &["cohere"],
        tied_by_default: true,
        norms_per_layer: 1,
        query_key_norm: HeadNorms::OfAllHeads,
        asks_for_norms: true,
        ..PLAIN
    },
    Family {
        names: &["cohere2"],
        tied_by_default: true,
        norms_per_layer: 1,
        windows: Windows::AllButEvery(4),
        ..PLAIN
    },
    Family {
        names: &["olmo"],
        norm: Norm::Bare,
        ..PLAIN
    },
    Family {
        names: &["olmo2"],
        query_key_norm: HeadNorms::OfAllHeads,
        ..PLAIN
    },
    Family {
        names: &["olmo3"],
        query_key_norm: HeadNorms::OfAllHeads,
        windows: Windows::AllButEvery(4),
        ..PLAIN
    },
    Family {
        names: &["olmoe"],
        query_key_norm: HeadNorms::OfAllHeads,
        experts: ExpertKeys::Periodic,
        ..PLAIN
    },
    Family {
        names: &["seed_oss"],
        attention_bias: Bias::QueryKeyValueAsConfigured,
        defaults: Defaults::keys(8),
        ..PLAIN
    },
    Family {
        names: &["ernie4_5_moe"],
        tied_by_default: true,
        experts: ExpertKeys::Ernie,
        router_bias: true,
        defaults: Defaults::keys(4),
        ..PLAIN
    },
    Family {
        names: &["hunyuan_v1_dense", "hunyuan"],
        query_key_norm: HeadNorms::OfAHead,
        asks_for_norms: true,
        ..PLAIN
    },
    Family {
        names: &["hunyuan_v1_moe"],
        query_key_norm: HeadNorms::OfAHead,
        asks_for_norms: true,
        experts: ExpertKeys::Qwen,
        ..PLAIN
    },
    Family {
        names: &["apertus"],
        query_key_norm: HeadNorms::OfAHead,
        gated: false,
        ..PLAIN
    },
    Family {
        names: &["arcee"],
        gated: false,
        ..PLAIN
    },
    Family {
        names: &["nemotron"],
        norm: Norm::WeightAndBias,
        gated: false,
        ..PLAIN
    },
    Family {
        names: &["kimi_linear", "kimi_k3"],
        states: States::Kimi,
        ..DEEPSEEK_V3
    },
    Family {
        names: &["nemotron-nas"],
        ..PLAIN
    },
    Family {
        names: &["step3p5", "step3p7"],
        query_key_norm: HeadNorms::OfAHead,
        experts: ExpertKeys::DeepSeek,
        router_bias: true,
        ..PLAIN
    },
    Family {
        names: &["nemotron_h"],
        norms_per_layer: 1,
        experts: ExpertKeys::OwnLayers,
        router_bias: true,
        gated: false,
        states: States::NemotronH,
        defaults: Defaults::keys(8),
        ..PLAIN
    },
    Family {
        names: &["jamba"],
        experts: ExpertKeys::Periodic,
        states: States::Jamba,
        defaults: Defaults::keys(8),
        ..PLAIN
    },
];

impl Family {
    /// The family of a `model_type`.
    pub fn named(model_type: &str) -> Option<Self> {
        let found = FAMILIES.iter().find(|family| family.names.contains(&model_type));
        found.copied()
    }

    /// The family of a configuration's `model_type`.
    pub fn of(config: &HuggingFaceConfig) -> Result<Self, BadFigure> {
        let given = config.model_type.as_deref();
        given.and_then(Self::named).ok_or_else(|| refusal(given))
    }
}

/// Why a type cannot be read, and what to do.
pub(super) fn refusal(model_type: Option<&str>) -> BadFigure {
    let given = model_type.unwrap_or("missing");
    let names: Vec<_> = FAMILIES.iter().map(|family| family.names[0]).collect();
    let known = NOT_MODELLED.iter().find(|(name, _)| *name == given);
    let reason = known.map_or(String::new(), |(_, reason)| format!(" ({reason})"));
    let expected = format!(
        "one of {}; if the layers are those of one of them, write model.as = \"llama\" (or another of these), which \
         reads the file as of that type",
        names.join(", ")
    );
    BadFigure::new("model_type", format!("'{given}'{reason}"), expected)
}
