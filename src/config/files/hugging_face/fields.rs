//! The fields of a model's `config.json`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::hardware::BadFigure;

/// The fields of `config.json` that decide a model's size. Every one may be missing; others are ignored.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[allow(missing_docs, reason = "the names are Hugging Face's own")]
pub struct HuggingFaceConfig {
    pub model_type: Option<String>,
    pub hidden_size: Option<u64>,
    pub num_hidden_layers: Option<u64>,
    /// Layers that only draft, for which lists may go on.
    pub num_nextn_predict_layers: Option<u64>,
    pub vocab_size: Option<u64>,
    pub tie_word_embeddings: Option<bool>,
    pub max_position_embeddings: Option<u64>,
    /// In the place of `max_position_embeddings` (Kimi Linear).
    pub model_max_length: Option<u64>,
    pub original_max_position_embeddings: Option<u64>,
    pub rope_scaling: Option<Value>,
    pub rope_parameters: Option<Value>,
    pub intermediate_size: Option<u64>,
    pub mlp_bias: Option<bool>,

    pub num_attention_heads: Option<u64>,
    pub num_key_value_heads: Option<u64>,
    pub head_dim: Option<u64>,
    pub attention_head_dim: Option<u64>,
    pub attention_bias: Option<bool>,
    pub attention_out_bias: Option<bool>,
    pub use_bias: Option<bool>,
    pub use_qkv_bias: Option<bool>,
    pub use_qk_norm: Option<bool>,
    pub qk_norm_type: Option<String>,
    pub attn_output_gate: Option<bool>,
    pub sliding_window: Option<u64>,
    pub use_sliding_window: Option<bool>,
    pub max_window_layers: Option<u64>,
    pub sliding_window_pattern: Option<WindowPattern>,
    pub layer_types: Option<Vec<String>>,
    pub attention_chunk_size: Option<u64>,
    pub no_rope_layers: Option<Vec<u64>>,

    pub q_lora_rank: Option<u64>,
    pub kv_lora_rank: Option<u64>,
    pub qk_nope_head_dim: Option<u64>,
    pub qk_rope_head_dim: Option<u64>,
    pub v_head_dim: Option<u64>,
    pub mla_use_output_gate: Option<bool>,
    pub index_n_heads: Option<u64>,
    pub index_head_dim: Option<u64>,
    pub index_topk: Option<u64>,
    /// Of each layer, whether its indexer is its own (`full`) or that of an earlier layer (`shared`).
    pub indexer_types: Option<Vec<String>>,
    pub sparse_attention_config: Option<SparseAttention>,

    pub num_local_experts: Option<u64>,
    pub num_experts: Option<u64>,
    pub n_routed_experts: Option<u64>,
    pub moe_num_experts: Option<OneOrEach>,
    pub num_experts_per_tok: Option<u64>,
    pub num_experts_per_token: Option<u64>,
    pub top_k_experts: Option<u64>,
    pub moe_topk: Option<OneOrEach>,
    pub moe_top_k: Option<u64>,
    pub moe_k: Option<u64>,
    pub moe_intermediate_size: Option<OneOrEach>,
    pub dense_intermediate_size: Option<u64>,
    pub shared_expert_intermediate_size: Option<u64>,
    pub moe_shared_expert_intermediate_size: Option<u64>,
    pub shared_intermediate_size: Option<u64>,
    pub share_expert_dim: Option<u64>,
    pub n_shared_experts: Option<u64>,
    pub num_shared_experts: Option<u64>,
    pub num_shared_expert: Option<OneOrEach>,
    pub moe_num_shared_experts: Option<u64>,
    pub moe_latent_size: Option<u64>,
    pub routed_expert_hidden_size: Option<u64>,
    pub use_routing_bias: Option<bool>,
    pub first_k_dense_replace: Option<u64>,
    pub moe_layer_freq: Option<OneOrEach>,
    pub mlp_layer_types: Option<Vec<String>>,
    pub moe_layers_enum: Option<String>,
    pub moe_layer_start_index: Option<OneOrEach>,
    pub moe_layer_end_index: Option<OneOrEach>,
    pub moe_layer_interval: Option<u64>,
    pub expert_layer_period: Option<u64>,
    pub expert_layer_offset: Option<u64>,
    pub decoder_sparse_step: Option<u64>,
    pub mlp_only_layers: Option<Vec<u64>>,
    pub interleave_moe_layer_step: Option<u64>,
    pub intermediate_size_mlp: Option<u64>,
    pub enable_moe_block: Option<bool>,

    /// Falcon's, down to `bias`; here: whether queries share one key head.
    pub multi_query: Option<bool>,
    pub parallel_attn: Option<bool>,
    pub new_decoder_architecture: Option<bool>,
    pub num_kv_heads: Option<u64>,
    pub ffn_hidden_size: Option<u64>,
    pub bias: Option<bool>,

    /// Gemma 4's, down to `num_kv_shared_layers`: the heads of layers that see the whole context.
    pub global_head_dim: Option<u64>,
    pub num_global_key_value_heads: Option<u64>,
    pub attention_k_eq_v: Option<bool>,
    pub hidden_size_per_layer_input: Option<u64>,
    pub vocab_size_per_layer_input: Option<u64>,
    pub num_kv_shared_layers: Option<u64>,
    pub use_double_wide_mlp: Option<bool>,

    /// MiMo-V2's, down to `add_swa_attention_sink_bias`: 1 for layers with a window.
    pub hybrid_layer_pattern: Option<Vec<u64>>,
    pub swa_num_attention_heads: Option<u64>,
    pub swa_num_key_value_heads: Option<u64>,
    pub swa_head_dim: Option<u64>,
    pub swa_v_head_dim: Option<u64>,
    pub add_full_attention_sink_bias: Option<bool>,
    pub add_swa_attention_sink_bias: Option<bool>,

    /// Step 3.5's, down to `use_head_wise_attn_gate`.
    pub num_attention_groups: Option<u64>,
    pub attention_other_setting: Option<OtherAttention>,
    pub use_head_wise_attn_gate: Option<bool>,

    /// Of each layer, what a search has left of it (Nemotron-NAS).
    pub block_configs: Option<Vec<BlockConfig>>,

    /// States: which layers have one, down to `attn_type_list`.
    pub full_attention_interval: Option<u64>,
    pub hybrid_override_pattern: Option<String>,
    pub layers_block_type: Option<Vec<String>>,
    pub attn_layer_period: Option<u64>,
    pub attn_layer_offset: Option<u64>,
    pub attn_layer_indices: Option<Vec<u64>>,
    pub attn_type_list: Option<Vec<u64>>,
    pub linear_conv_kernel_dim: Option<u64>,
    pub linear_key_head_dim: Option<u64>,
    pub linear_value_head_dim: Option<u64>,
    pub linear_num_key_heads: Option<u64>,
    pub linear_num_value_heads: Option<u64>,
    pub linear_attn_config: Option<LinearAttention>,
    pub mamba_num_heads: Option<u64>,
    pub mamba_n_heads: Option<u64>,
    pub mamba_head_dim: Option<u64>,
    pub mamba_d_head: Option<Value>,
    pub mamba_d_state: Option<u64>,
    pub mamba_d_conv: Option<u64>,
    pub mamba_expand: Option<u64>,
    pub mamba_n_groups: Option<u64>,
    pub mamba_dt_rank: Option<Value>,
    pub mamba_conv_bias: Option<bool>,
    pub mamba_proj_bias: Option<bool>,
    pub ssm_state_size: Option<u64>,
    pub n_groups: Option<u64>,
    pub conv_kernel: Option<u64>,
    pub use_conv_bias: Option<bool>,
    /// How the state is kept: `mamba_ssm_cache_dtype` with Nemotron, `mamba_ssm_dtype` with Qwen.
    pub mamba_ssm_dtype: Option<String>,
    pub mamba_ssm_cache_dtype: Option<String>,

    pub quantization_config: Option<Value>,
    /// What older files of compressed-tensors have in its place.
    pub compression_config: Option<Value>,
    /// What `NVIDIA`'s checkpoints say in a file of its own, `hf_quant_config.json`.
    pub hf_quant_config: Option<Value>,
    /// Where multimodal models keep the language model's fields.
    #[serde(alias = "llm_config", alias = "language_config")]
    pub text_config: Option<Box<HuggingFaceConfig>>,
    /// Of a tower that is not known any shape will do, so it is read when its type is seen to be known.
    pub vision_config: Option<Value>,
    /// Parts that are told of and not counted, down to `mm_vision_tower`.
    pub audio_config: Option<Value>,
    pub audio_processor: Option<Value>,
    pub speech_config: Option<Value>,
    pub talker_config: Option<Value>,
    pub gen_vision_config: Option<Value>,
    pub img_processor: Option<Value>,
    pub embd_layer: Option<Value>,
    pub vision_lora: Option<Value>,
    pub speech_lora: Option<Value>,
    pub mm_vision_tower: Option<Value>,
    /// What changes the layers in ways that are not modelled, down to `use_cla`.
    pub cross_attention_layers: Option<Vec<u64>>,
    pub use_cla: Option<bool>,
    pub mm_tokens_per_image: Option<u64>,
    pub spatial_merge_size: Option<u64>,
    pub vision_soft_tokens_per_image: Option<u64>,
}

/// One number for all layers, or one for each.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum OneOrEach {
    /// Of all.
    One(u64),
    /// Of each, in their order.
    Each(Vec<u64>),
}

/// Which layers have a window: all but every so manieth, or a letter for each of a repeated stretch (`LLLG`).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum WindowPattern {
    /// All but every so manieth.
    Every(u64),
    /// `L` for a window, `G` for the whole context.
    Letters(String),
}

/// `sparse_attention_config` of `MiniMax`-M3.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[allow(missing_docs, clippy::struct_field_names, reason = "the names are the file's own")]
pub struct SparseAttention {
    pub sparse_num_index_heads: Option<u64>,
    pub sparse_index_dim: Option<u64>,
    pub sparse_topk_blocks: Option<u64>,
    pub sparse_block_size: Option<u64>,
    pub sparse_attention_freq: Option<Vec<u64>>,
}

/// `attention_other_setting` of Step 3.5: the heads of layers with a window.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[allow(missing_docs, reason = "the names are the file's own")]
pub struct OtherAttention {
    pub num_attention_heads: Option<u64>,
    pub num_attention_groups: Option<u64>,
    pub head_dim: Option<u64>,
}

/// `linear_attn_config` of Kimi Linear. Layers are counted from 1.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[allow(missing_docs, reason = "the names are the file's own")]
pub struct LinearAttention {
    pub kda_layers: Option<Vec<u64>>,
    pub full_attn_layers: Option<Vec<u64>>,
    pub num_heads: Option<u64>,
    pub head_dim: Option<u64>,
    pub short_conv_kernel_size: Option<u64>,
    pub use_full_rank_gate: Option<bool>,
}

/// One layer of `block_configs`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[allow(missing_docs, reason = "the names are the file's own")]
pub struct BlockConfig {
    pub attention: AttentionBlock,
    pub ffn: FeedForwardBlock,
}

/// What is left of a layer's attention.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[allow(missing_docs, reason = "the names are the file's own")]
pub struct AttentionBlock {
    pub n_heads_in_group: Option<u64>,
    pub no_op: Option<bool>,
    pub replace_with_linear: Option<bool>,
    pub window_length: Option<u64>,
}

/// What is left of a layer's feed-forward network.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[allow(missing_docs, reason = "the names are the file's own")]
pub struct FeedForwardBlock {
    pub ffn_mult: Option<f64>,
    pub intermediate_size: Option<u64>,
    pub no_op: Option<bool>,
    pub replace_with_linear: Option<bool>,
}

impl OneOrEach {
    /// The number of a layer, from 0.
    pub(super) fn of_layer(&self, index: u64) -> Option<u64> {
        match self {
            Self::One(value) => Some(*value),
            Self::Each(values) => values.get(index as usize).copied(),
        }
    }
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
