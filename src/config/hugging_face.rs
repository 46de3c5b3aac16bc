//! A model's `config.json` as Hugging Face keeps it, resolved to a [`Model`].
//!
//! What a file leaves to the code that reads it (biases, norms, which layers slide) follows from `model_type`; each
//! rule is that of the class in `transformers/models/<model_type>`. A type that is not listed is refused: a guess would
//! give a number, and the number would be wrong.

mod family;
mod layers;
mod quantization;

use serde::{Deserialize, Serialize};

use crate::hardware::{BadFigure, Model, ModelFigures, WeightPrecision};
use family::Family;

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

    /// Falcon.
    pub multi_query: Option<bool>,
    pub parallel_attn: Option<bool>,
    pub new_decoder_architecture: Option<bool>,
    pub num_kv_heads: Option<u64>,
    pub ffn_hidden_size: Option<u64>,
    pub bias: Option<bool>,

    pub quantization_config: Option<serde_json::Value>,
    /// Where multimodal models keep the language model's fields.
    pub text_config: Option<Box<HuggingFaceConfig>>,
}

impl HuggingFaceConfig {
    /// The model that the fields describe, under a name and title. `text_config` is used if there is one: the language
    /// model alone, without a vision tower.
    pub fn model(&self, name: &str, title: &str) -> Result<Model, BadFigure> {
        if let Some(text) = &self.text_config {
            return text.model(name, title);
        }
        let family = Family::of(self)?;
        let hidden_size = need("hidden_size", self.hidden_size, 1 << 24)?;
        let vocab = self.vocab_size.or(family.default_vocab);
        let longest = self.max_position_embeddings.or(family.default_max_len);
        let longest = need("max_position_embeddings", longest, 1 << 30)?;
        Model::new(ModelFigures {
            name: name.to_owned(),
            title: title.to_owned(),
            hidden_size,
            vocab_size: need("vocab_size", vocab, 1 << 30)?,
            tied_embeddings: self.tie_word_embeddings.unwrap_or(family.tied_by_default),
            final_norm_parameters: family.norm.parameters(hidden_size),
            max_model_len: longest as u32,
            layers: layers::resolve(self, &family, hidden_size)?,
        })
    }

    /// How the checkpoint's weights are stored, if it is quantised in a way this program knows.
    pub fn stored_weights(&self) -> Result<Option<WeightPrecision>, BadFigure> {
        let nested = self.text_config.as_ref();
        let nested = nested.and_then(|text| text.quantization_config.as_ref());
        match self.quantization_config.as_ref().or(nested) {
            None | Some(serde_json::Value::Null) => Ok(None),
            Some(quantization) => quantization::stored_weights(quantization).map(Some),
        }
    }
}

/// The value of a field that has to be there, within 1 and `most`.
fn need(field: &'static str, value: Option<u64>, most: u64) -> Result<u64, BadFigure> {
    let expected = || format!("a whole number from 1 to {most}");
    match value {
        Some(value) if (1..=most).contains(&value) => Ok(value),
        Some(value) => Err(BadFigure::new(field, value, expected())),
        None => Err(BadFigure::new(field, "missing", expected())),
    }
}
