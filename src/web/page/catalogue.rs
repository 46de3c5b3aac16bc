//! What can be chosen in the page: models, GPUs, and the words and ranges of settings.

use std::sync::OnceLock;

use axum::Json;
use serde_json::{Map, Value, json};

use crate::answer::{GpusQuestion, ModelsQuestion};
use crate::config::schema;
use crate::hardware::WeightPrecision;

/// The settings that have a control of their own.
const KEYS: [&str; 17] = [
    "model.weights",
    "model.kv_cache",
    "server.tensor_parallel",
    "server.gpu_memory_utilization",
    "server.max_model_len",
    "batching.policy",
    "batching.max_num_seqs",
    "batching.max_num_batched_tokens",
    "batching.prefix_caching",
    "fleet.servers",
    "fleet.router",
    "workload.requests",
    "workload.duration",
    "cost.gpu_hour",
    "cost.commitment",
    "cost.api_class",
    "cost.users_per_day",
];

/// All of it; it does not change while the program runs.
pub fn answer() -> Json<Value> {
    static ANSWER: OnceLock<Value> = OnceLock::new();
    Json(ANSWER.get_or_init(catalogue).clone())
}

fn catalogue() -> Value {
    let models = ModelsQuestion::default()
        .answer()
        .map_or_else(|_| Vec::new(), |it| it.entries);
    let models = models.iter().map(|entry| {
        json!({
            "name": entry.model.name(),
            "title": entry.model.title(),
            "weights": entry.stored_weights.map(WeightPrecision::name),
            "max_model_len": entry.model.max_model_len(),
        })
    });
    let gpus = GpusQuestion::default()
        .answer()
        .map_or_else(|_| Vec::new(), |it| it.entries);
    let gpus = gpus
        .iter()
        .map(|entry| json!({ "name": entry.gpu.name(), "title": entry.gpu.title() }));
    json!({
        "models": models.collect::<Vec<_>>(),
        "gpus": gpus.collect::<Vec<_>>(),
        "settings": settings(),
    })
}

/// What each setting is and may be, as the schema of scenarios says it.
fn settings() -> Value {
    let schema = schema();
    let mut settings = Map::new();
    for key in KEYS {
        let (table, name) = key.split_once('.').expect("every key has a table");
        let table = &schema["properties"][table];
        let table = match table["$ref"].as_str() {
            Some(link) => schema.pointer(link.trim_start_matches('#')).unwrap_or(table),
            None => table,
        };
        settings.insert(key.to_owned(), table["properties"][name].clone());
    }
    Value::Object(settings)
}
