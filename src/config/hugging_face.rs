//! A model's `config.json` as Hugging Face keeps it, resolved to a [`Model`].
//!
//! What a file leaves to the code that reads it (biases, norms, which layers slide) follows from `model_type`; each
//! rule is that of the class in `transformers/models/<model_type>`. A type that is not listed is refused: a guess would
//! give a number, and the number would be wrong.

mod family;
mod fields;
mod layers;
mod quantization;
mod vision;

pub use fields::HuggingFaceConfig;

use crate::hardware::{BadFigure, Model, ModelFigures, Unquantised, WeightPrecision};
use family::Family;
use fields::need;

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
