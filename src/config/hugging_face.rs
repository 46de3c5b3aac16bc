//! A model's `config.json` as Hugging Face keeps it, resolved to a [`Model`].
//!
//! What a file leaves to the code that reads it (biases, norms, which layers slide) follows from `model_type`; each
//! rule is that of the class in `transformers/models/<model_type>`. A type that is not listed is refused: a guess would
//! give a number, and the number would be wrong.

mod family;
mod layers;
mod quantization;
mod vision;

use serde::{Deserialize, Serialize};

use crate::hardware::{BadFigure, Model, ModelFigures, Unquantised, WeightPrecision};
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
    /// Of a tower that is not known any shape will do, so it is read when its type is seen to be known.
    pub vision_config: Option<serde_json::Value>,
    pub mm_tokens_per_image: Option<u64>,
    pub spatial_merge_size: Option<u64>,
}

impl HuggingFaceConfig {
    /// The model that the fields describe, under a name and title. The language model's come from `text_config` if
    /// there is one. `unquantised` is what quantised checkpoints leave alone beside what `quantization_config` says.
    pub fn model(&self, name: &str, title: &str, unquantised: Unquantised) -> Result<Model, BadFigure> {
        let text = self.text_config.as_deref().unwrap_or(self);
        let mut figures = text.language_figures(name, title)?;
        figures.vision = vision::tower(self, figures.hidden_size)?;
        let layers = figures.layers.iter().map(|group| group.count).sum();
        let listed = self.quantization().map(|one| quantization::unquantised(one, layers));
        figures.unquantised = unquantised.or(listed.unwrap_or_default());
        Model::new(figures)
    }

    fn language_figures(&self, name: &str, title: &str) -> Result<ModelFigures, BadFigure> {
        let family = Family::of(self)?;
        let hidden_size = need("hidden_size", self.hidden_size, 1 << 24)?;
        let vocab = self.vocab_size.or(family.default_vocab);
        let longest = self.max_position_embeddings.or(family.default_max_len);
        let longest = need("max_position_embeddings", longest, 1 << 30)?;
        Ok(ModelFigures {
            name: name.to_owned(),
            title: title.to_owned(),
            hidden_size,
            vocab_size: need("vocab_size", vocab, 1 << 30)?,
            tied_embeddings: self.tie_word_embeddings.unwrap_or(family.tied_by_default),
            final_norm_parameters: family.norm.parameters(hidden_size),
            max_model_len: longest as u32,
            layers: layers::resolve(self, &family, hidden_size)?,
            unquantised: Unquantised::default(),
            vision: None,
        })
    }

    /// How the checkpoint's weights are stored, if it is quantised in a way this program knows.
    pub fn stored_weights(&self) -> Result<Option<WeightPrecision>, BadFigure> {
        self.quantization().map(quantization::stored_weights).transpose()
    }

    fn quantization(&self) -> Option<&serde_json::Value> {
        let nested = self.text_config.as_ref();
        let nested = nested.and_then(|text| text.quantization_config.as_ref());
        let given = self.quantization_config.as_ref().or(nested);
        given.filter(|value| !value.is_null())
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
