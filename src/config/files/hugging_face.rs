//! A model's `config.json` as Hugging Face keeps it, resolved to a [`Model`].
//!
//! What a file leaves to the code that reads it (biases, norms, which layers slide) follows from `model_type`; each
//! rule is that of the class in `transformers/models/<model_type>`. A type that is not listed is refused: a guess would
//! give a number, and the number would be wrong.

mod attention;
mod experts;
mod families;
mod family;
mod fields;
mod layer_reader;
mod layers;
mod modules;
mod quantization;
mod rotary;
mod rules;
mod states;
mod vision;

pub use fields::HuggingFaceConfig;

use serde_json::Value;

use crate::hardware::{BadFigure, KvPrecision, Model, ModelFigures, Unquantised, WeightPrecision};
use family::{ExpertKeys, Family};
use fields::need;
use layer_reader::WIDEST;
use quantization::{LinearLayers, Quantisation};

/// Where multimodal models keep the language model's fields.
const NESTED: [&str; 3] = ["text_config", "llm_config", "language_config"];

/// A model as published.
pub struct PublishedModel {
    /// The model.
    pub model: Model,
    /// How its weights are stored, if they are quantised.
    pub weights: Option<WeightPrecision>,
    /// How its checkpoint wants keys and values stored, if it says.
    pub kv_cache: Option<KvPrecision>,
    /// What of it is left out or not known, in sentences.
    pub notes: Vec<String>,
}

/// Refuses a configuration of a type that is not known, whatever its fields look like, before they are read.
pub fn refuse_unknown_type(config: &Value) -> Result<(), BadFigure> {
    let mut given = None;
    let mut place = Some(config);
    // Some keep the language model's fields inside what they keep inside.
    while let Some(fields) = place {
        given = fields.get("model_type").and_then(Value::as_str).or(given);
        place = NESTED.iter().find_map(|key| fields.get(key));
    }
    match given {
        Some(named) if Family::named(named).is_none() => Err(families::refusal(Some(named))),
        // Of a file that names no type the wrong fields are named first.
        _ => Ok(()),
    }
}

/// Reads a configuration as if it were of another type; what it is called must be known.
pub fn read_as(config: &mut Value, model_type: &str) -> Result<(), BadFigure> {
    if Family::named(model_type).is_none() {
        let refused = families::refusal(Some(model_type));
        return Err(BadFigure::new("model.as", refused.value, refused.expected));
    }
    let mut place = config;
    while let Some(key) = NESTED.into_iter().find(|key| place.get(key).is_some()) {
        place = &mut place[key];
    }
    if let Some(fields) = place.as_object_mut() {
        fields.insert("model_type".to_owned(), Value::from(model_type));
    }
    Ok(())
}

impl HuggingFaceConfig {
    /// The model that the fields describe, under a name and title. The language model's come from `text_config` if
    /// there is one. `unquantised` is what quantised checkpoints leave alone beside what `quantization_config` says.
    pub fn model(&self, name: &str, title: &str, unquantised: Unquantised) -> Result<PublishedModel, BadFigure> {
        let text = self.text();
        let family = Family::of(&text)?;
        let (mut figures, each) = text.language_figures(&family, name, title)?;
        figures.vision = vision::tower(self, figures.hidden_size)?;
        let mut notes = self.notes();
        let quantisation = Quantisation::of(self)?;
        let kv_cache = quantisation.as_ref().and_then(|one| one.kv);
        figures.unquantised = unquantised;
        if let Some(quantisation) = &quantisation {
            let layers = LinearLayers {
                layers: &each,
                hidden: figures.hidden_size,
                head: if figures.tied_embeddings {
                    0
                } else {
                    figures.hidden_size * figures.vocab_size
                },
                experts_beside: family.experts == ExpertKeys::Gemma,
            };
            notes.extend(quantisation.notes(&layers));
            let published = quantisation.publish(&layers);
            if published.is_none() {
                notes.push("its quantisation names no layer that is known here: all are taken for 16 bits".to_owned());
            }
            if let Some((published, left_alone)) = published {
                figures.published = Some(published);
                figures.unquantised = unquantised.or(left_alone);
            }
        }
        let weights = figures.published.map(|published| published.main);
        Ok(PublishedModel {
            model: Model::new(figures)?,
            weights,
            kv_cache,
            notes,
        })
    }

    /// The language model's fields, with what only the whole says.
    fn text(&self) -> Self {
        let Some(nested) = self.text_config.as_deref() else {
            return self.clone();
        };
        let mut text = nested.text();
        text.model_type = text.model_type.or_else(|| self.model_type.clone());
        text.tie_word_embeddings = text.tie_word_embeddings.or(self.tie_word_embeddings);
        text.vocab_size = text.vocab_size.or(self.vocab_size);
        text
    }

    fn language_figures(
        &self,
        family: &Family,
        name: &str,
        title: &str,
    ) -> Result<(ModelFigures, Vec<crate::hardware::LayerGroup>), BadFigure> {
        let filled = self.filled(family);
        let hidden_size = need("hidden_size", filled.hidden_size, WIDEST)?;
        let positions = rotary::of(&filled, family)?;
        let each = layers::each(&filled, family, hidden_size)?;
        let figures = ModelFigures {
            name: name.to_owned(),
            title: title.to_owned(),
            hidden_size,
            vocab_size: need("vocab_size", filled.vocab_size, 1 << 30)?,
            tied_embeddings: self.tie_word_embeddings.unwrap_or(family.tied_by_default),
            final_norm_parameters: family.norm.parameters(hidden_size),
            max_model_len: positions.longest,
            rotary: positions.tables,
            side_parameters: self.side_parameters(hidden_size, each.len() as u64)?,
            layers: layers::together(each.clone()),
            published: None,
            unquantised: Unquantised::default(),
            vision: None,
        };
        Ok((figures, each))
    }

    /// With what the file leaves to the class.
    fn filled(&self, family: &Family) -> Self {
        let defaults = &family.defaults;
        Self {
            vocab_size: self.vocab_size.or(defaults.vocab_size),
            max_position_embeddings: self.max_position_embeddings.or(defaults.max_position_embeddings),
            hidden_size: self.hidden_size.or(defaults.hidden_size),
            intermediate_size: self.intermediate_size.or(defaults.intermediate_size),
            num_hidden_layers: self.num_hidden_layers.or(defaults.num_hidden_layers),
            ..self.clone()
        }
    }

    /// Gemma 4's embeddings per layer with their projection and its norm.
    fn side_parameters(&self, hidden: u64, layers: u64) -> Result<u64, BadFigure> {
        let width = self.hidden_size_per_layer_input.unwrap_or(0);
        if width == 0 {
            return Ok(0);
        }
        let width = need("hidden_size_per_layer_input", Some(width), 1 << 16)?;
        let entries = self.vocab_size_per_layer_input.or(self.vocab_size);
        let entries = need("vocab_size_per_layer_input", entries, 1 << 24)?;
        Ok((entries + hidden) * layers * width + width)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if vision::is_unknown(self) {
            let tower = self.vision_config.as_ref().and_then(|vision| vision.get("model_type"));
            let tower = tower
                .and_then(Value::as_str)
                .filter(|name| !name.is_empty())
                .unwrap_or("unnamed");
            notes.push(format!(
                "its vision tower ({tower}) is not known here: neither its weights nor the memory for images is counted"
            ));
        }
        let parts = [
            ("audio_config", &self.audio_config),
            ("audio_processor", &self.audio_processor),
            ("speech_config", &self.speech_config),
            ("talker_config", &self.talker_config),
            ("gen_vision_config", &self.gen_vision_config),
            ("img_processor", &self.img_processor),
            ("embd_layer", &self.embd_layer),
            ("vision_lora", &self.vision_lora),
            ("speech_lora", &self.speech_lora),
            ("mm_vision_tower", &self.mm_vision_tower),
        ];
        let said = |part: &Option<Value>| part.as_ref().is_some_and(|value| !value.is_null());
        let parts: Vec<_> = parts
            .iter()
            .filter(|(_, part)| said(part))
            .map(|(name, _)| *name)
            .collect();
        if !parts.is_empty() {
            notes.push(format!(
                "it has parts that are not counted here ({}): its weights take more than is said",
                parts.join(", ")
            ));
        }
        notes
    }
}
