//! `models`: the models that a scenario may name.

use serde_json::{Value, json};

use super::list::table;
use super::problem::Problem;
use crate::config::Diagnostic;
use crate::config::catalogue::{self, ModelEntry};
use crate::hardware::{KvPrecision, WeightPrecision};

/// Which models are there, or what is known of one?
#[derive(Clone, Debug, Default)]
pub struct ModelsQuestion {
    /// The name of one; or words, all of which are in the name, the title, or the name on Hugging Face (which begins
    /// with the organisation) of those that are wanted. None for all.
    pub words: Vec<String>,
}

/// What the catalogue holds.
pub struct ModelsAnswer {
    /// The models that were asked for, each with its figures.
    pub entries: Vec<ModelEntry>,
    /// Whether it is about one, with its sources.
    pub is_one: bool,
}

impl ModelsQuestion {
    /// Looks them up; that there are none is a problem.
    pub fn answer(&self) -> Result<ModelsAnswer, Problem> {
        let unknown = match catalogue::model_entry(&self.words.join(" ")) {
            Ok(entry) => {
                return Ok(ModelsAnswer {
                    entries: vec![entry],
                    is_one: true,
                });
            }
            Err(unknown) => unknown,
        };
        let mut entries = catalogue::models().map_err(|error| Problem::of_machine(error.to_string()))?;
        entries.retain(|entry| {
            let mut texts = vec![entry.model.name(), entry.model.title()];
            texts.extend(entry.hugging_face.iter().map(String::as_str));
            catalogue::has_words(&self.words, &texts)
        });
        if entries.is_empty() {
            return Err(Diagnostic::new(unknown.to_string()).into());
        }
        Ok(ModelsAnswer { entries, is_one: false })
    }
}

impl ModelsAnswer {
    /// Aligned columns; of one, its sources too.
    pub fn to_text(&self) -> String {
        if self.is_one {
            return self.entries.iter().map(with_source).collect();
        }
        listed(&self.entries)
    }

    /// A JSON array.
    pub fn to_json(&self) -> String {
        let list: Vec<Value> = self.entries.iter().map(as_json).collect();
        format!("{:#}\n", Value::Array(list))
    }
}

/// The weights as published.
fn weights(entry: &ModelEntry) -> WeightPrecision {
    entry.stored_weights.unwrap_or(WeightPrecision::Bf16)
}

fn listed(entries: &[ModelEntry]) -> String {
    let header = [
        "name",
        "parameters",
        "active",
        "weights",
        "GiB",
        "KV B/token",
        "max length",
        "",
    ];
    let rows = entries.iter().map(|entry| {
        let model = &entry.model;
        let bytes = model.weights_bytes(weights(entry), 1);
        [
            model.name().to_owned(),
            billions(model.parameters()),
            billions(model.active_parameters()),
            weights(entry).name().to_owned(),
            format!("{:.1}", bytes as f64 / (1u64 << 30) as f64),
            model.kv_bytes_per_token(KvPrecision::Bf16, 1).to_string(),
            model.max_model_len().to_string(),
            if entry.verified { "" } else { "unverified" }.to_owned(),
        ]
    });
    table(header, rows)
        + "\nWeights as published; KV of one token in bf16 with every layer keeping the whole context.\n"
}

fn billions(count: u64) -> String {
    format!("{:.2} B", count as f64 / 1e9)
}

fn with_source(entry: &ModelEntry) -> String {
    let model = &entry.model;
    let checkpoint = entry.checkpoint.as_ref().map_or(String::new(), |(name, format)| {
        let gib = model.weights_bytes(*format, 1) as f64 / (1u64 << 30) as f64;
        format!("  in {:<14}{gib:.2} GiB, as in {name}\n", format.name())
    });
    let mark = if entry.verified { "" } else { " (unverified)" };
    format!(
        "{} · {}\n  Hugging Face     {}\n  parameters       {} ({} active)\n  weights          {}, {:.2} GiB\n\
        {checkpoint}\
        \x20 KV of a token    {} bytes in bf16\n  longest context  {} tokens\n  layers           {}\n\
        \x20 source           {}{mark}\n",
        model.name(),
        model.title(),
        entry.hugging_face.join(", "),
        billions(model.parameters()),
        billions(model.active_parameters()),
        weights(entry),
        model.weights_bytes(weights(entry), 1) as f64 / (1u64 << 30) as f64,
        model.kv_bytes_per_token(KvPrecision::Bf16, 1),
        model.max_model_len(),
        model.layer_count(),
        entry.source,
    )
}

fn as_json(entry: &ModelEntry) -> Value {
    let model = &entry.model;
    json!({
        "name": model.name(),
        "title": model.title(),
        "hugging_face": entry.hugging_face,
        "parameters": model.parameters(),
        "active_parameters": model.active_parameters(),
        "layers": model.layer_count(),
        "weights": weights(entry).name(),
        "weights_bytes": model.weights_bytes(weights(entry), 1),
        "kv_bytes_per_token": model.kv_bytes_per_token(KvPrecision::Bf16, 1),
        "max_model_len": model.max_model_len(),
        "source": entry.source,
        "verified": entry.verified,
    })
}
