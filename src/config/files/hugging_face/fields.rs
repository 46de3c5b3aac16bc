//! The fields of a model's `config.json`.

use serde::{Deserialize, Serialize};

use crate::hardware::BadFigure;

/// The fields of `config.json` that decide a model's size. Every one may be missing; others are ignored.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[allow(missing_docs, reason = "the names are Hugging Face's own")]
pub struct HuggingFaceConfig {
    pub model_type: Option<String>,
    pub hidden_size: Option<u64>,
    pub num_hidden_layers: Option<u64>,
    pub vocab_size: Option<u64>,
    pub tie_word_embeddings: Option<bool>,
    pub max_position_embeddings: Option<u64>,
    pub intermediate_size: Option<u64>,
    pub mlp_bias: Option<bool>,

    pub num_attention_heads: Option<u64>,
    pub num_key_value_heads: Option<u64>,
    pub head_dim: Option<u64>,
    pub attention_bias: Option<bool>,
    pub sliding_window: Option<u64>,
    pub use_sliding_window: Option<bool>,
    pub max_window_layers: Option<u64>,
    pub sliding_window_pattern: Option<u64>,
    pub layer_types: Option<Vec<String>>,
    pub attention_chunk_size: Option<u64>,
    pub no_rope_layers: Option<Vec<u64>>,

    pub q_lora_rank: Option<u64>,
    pub kv_lora_rank: Option<u64>,
    pub qk_nope_head_dim: Option<u64>,
    pub qk_rope_head_dim: Option<u64>,
    pub v_head_dim: Option<u64>,

    pub num_local_experts: Option<u64>,
    pub num_experts: Option<u64>,
    pub n_routed_experts: Option<u64>,
    pub num_experts_per_tok: Option<u64>,
    pub moe_intermediate_size: Option<u64>,
    pub shared_expert_intermediate_size: Option<u64>,
    pub n_shared_experts: Option<u64>,
    pub first_k_dense_replace: Option<u64>,
    pub moe_layer_freq: Option<u64>,
    pub decoder_sparse_step: Option<u64>,
    pub mlp_only_layers: Option<Vec<u64>>,
    pub interleave_moe_layer_step: Option<u64>,
    pub intermediate_size_mlp: Option<u64>,

    /// Falcon's, down to `bias`; here: whether queries share one key head.
    pub multi_query: Option<bool>,
    pub parallel_attn: Option<bool>,
    pub new_decoder_architecture: Option<bool>,
    pub num_kv_heads: Option<u64>,
    pub ffn_hidden_size: Option<u64>,
    pub bias: Option<bool>,

    pub quantization_config: Option<serde_json::Value>,
    /// Where multimodal models keep the language model's fields.
    pub text_config: Option<Box<HuggingFaceConfig>>,
    /// Of a tower that is not known any shape will do, so it is read when its type is seen to be known.
    pub vision_config: Option<serde_json::Value>,
    pub mm_tokens_per_image: Option<u64>,
    pub spatial_merge_size: Option<u64>,
}

/// The value of a field that has to be there, within 1 and `most`.
pub(super) fn need(field: &'static str, value: Option<u64>, most: u64) -> Result<u64, BadFigure> {
    let expected = || format!("a whole number from 1 to {most}");
    match value {
        Some(value) if (1..=most).contains(&value) => Ok(value),
        Some(value) => Err(BadFigure::new(field, value, expected())),
        None => Err(BadFigure::new(field, "missing", expected())),
    }
}
