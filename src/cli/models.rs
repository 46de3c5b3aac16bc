//! `models`: the models that a scenario may name.

use serde_json::{Value, json};

use super::failure::Failure;
use super::list::{Format, table};
use super::screen;
use crate::config::Diagnostic;
use crate::config::catalogue::{self, ModelEntry};
use crate::hardware::{KvPrecision, WeightPrecision};

/// List the models, or show one with the source of its figures
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Show this model with its source
    name: Option<String>,
    /// How to print the list
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<(), Failure> {
    let entries = match &args.name {
        Some(name) => {
            vec![catalogue::model_entry(name).map_err(|error| Diagnostic::new(error.to_string()))?]
        }
        None => catalogue::models().map_err(|error| Failure::Runtime(error.to_string()))?,
    };
    let text = match (args.format, &args.name) {
        (Format::Json, _) => {
            let list: Vec<Value> = entries.iter().map(as_json).collect();
            format!("{:#}\n", Value::Array(list))
        }
        (Format::Text, Some(_)) => entries.iter().map(with_source).collect(),
        (Format::Text, None) => listed(&entries),
    };
    Ok(screen::print(&text)?)
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
    let mark = if entry.verified { "" } else { " (unverified)" };
    format!(
        "{} · {}\n  Hugging Face     {}\n  parameters       {} ({} active)\n  weights          {}, {:.2} GiB\n\
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
