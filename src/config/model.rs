//! `[model]`: what is served, and how it is stored.

use std::str::FromStr;

use super::catalogue::{self, CatalogueError, ModelEntry};
use super::diagnostic::Diagnostic;
use super::document::Value;
use super::fields::{Fields, Resolved};
use super::key::Key;
use crate::hardware::{KvPrecision, Model, WeightPrecision};

/// `[model]`.
#[derive(Debug)]
pub struct ModelChoice {
    /// The model.
    pub model: Model,
    /// How its weights are stored.
    pub weights: WeightPrecision,
    /// How keys and values are stored.
    pub kv_cache: KvPrecision,
    /// Whether the model is published with top-p as its default.
    pub defaults_to_top_p: bool,
}

/// Reads `[model]`.
pub fn read(fields: &Fields<'_>) -> Result<ModelChoice, Diagnostic> {
    let entry = read_entry(fields)?;
    let stored = entry.stored_weights;
    let (weights, because) = match stored {
        Some(stored) => (stored, "as published"),
        None => (WeightPrecision::Bf16, "as published"),
    };
    let choice = ModelChoice {
        weights: precision(
            fields.key_or_alias("weights", &["quantization", "dtype"])?,
            weights,
            because,
            &WeightPrecision::ALL.map(WeightPrecision::name),
        )?,
        kv_cache: precision(
            fields.key_or_alias("kv_cache", &["kv_cache_dtype"])?,
            KvPrecision::Bf16,
            "vLLM's default, as the model",
            &KvPrecision::ALL.map(KvPrecision::name),
        )?,
        defaults_to_top_p: entry.top_p.is_some_and(|top_p| top_p < 1.0),
        model: entry.model,
    };
    fields.reading().note(Resolved {
        key: "model".to_owned(),
        value: choice.model.title().to_owned(),
        content: Some(format!("{:?}", choice.model)),
        origin: entry.source,
        is_default: false,
    });
    fields.finish()?;
    Ok(choice)
}

fn read_entry(fields: &Fields<'_>) -> Result<ModelEntry, Diagnostic> {
    let name = fields.key("name")?.text()?;
    let config = fields.key("config")?.path()?;
    match (name.place(), config.place()) {
        // A flag may replace the model that a file names in the other way.
        (Some(named), Some(configured)) if named.text == configured.text => Err(fields
            .error("config", "`model.name` and `model.config` exclude each other")
            .help("keep one of the two")),
        (Some(named), configured) if configured.is_none_or(|other| other.text < named.text) => {
            let name = name.unnoted().expect("it was written");
            catalogue::model_entry(&name).map_err(|error| refused(fields, "name", &error))
        }
        (_, Some(_)) => {
            let path = config.unnoted().expect("it was written");
            fields.reading().note_file(&path);
            if let Some(beside) = catalogue::generation_config(&path) {
                fields.reading().note_file(&beside);
            }
            catalogue::model_among(&fields.reading().files, &path).map_err(|error| refused(fields, "config", &error))
        }
        _ => Err(fields
            .error("name", "`model.name` is missing")
            .help("write name = \"llama-3.1-8b\"; `tailcast models` lists the names")
            .help("or give a Hugging Face file: config = \"path/to/config.json\"")),
    }
}

fn precision<T: FromStr + std::fmt::Display>(
    key: Key<'_>,
    default: T,
    because: &str,
    names: &[&str],
) -> Result<T, Diagnostic> {
    let Some(node) = key.node else {
        return Ok(key
            .text()?
            .map(|_| unreachable!("nothing was written"))
            .or(default, because));
    };
    let parsed = match &node.value {
        Value::Text(text) => text.parse::<T>().ok(),
        _ => None,
    };
    if parsed.is_some() {
        let text = key.text()?;
        return Ok(text.map(|_| parsed.expect("checked above")).or(default, because));
    }
    Err(key.none_of(node, names))
}

/// The catalogue's own objection, shown at the key it is about.
pub fn refused(fields: &Fields<'_>, name: &str, error: &CatalogueError) -> Diagnostic {
    fields.error(name, error.to_string())
}
