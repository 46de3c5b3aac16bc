//! How a checkpoint's weights are stored, and which it leaves in 16 bits, from its `quantization_config`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::hardware::{BadFigure, Unquantised, WeightPrecision};

/// The precision that a `quantization_config` describes.
pub(super) fn stored_weights(quantization: &Value) -> Result<WeightPrecision, BadFigure> {
    let method = quantization.get("quant_method").and_then(Value::as_str);
    let method = method.unwrap_or("missing");
    let given_bits = quantization.get("bits").filter(|bits| !bits.is_null());
    // Of bits that are no number none is right.
    let bits = given_bits.map(|bits| bits.as_u64().unwrap_or(0));
    let stored = match method {
        "fp8" | "fbgemm_fp8" => Some(WeightPrecision::Fp8),
        "mxfp4" => Some(WeightPrecision::Mxfp4),
        "awq" | "gptq" | "auto-round" => integer(bits.unwrap_or(4)),
        "compressed-tensors" => compressed_tensors(quantization),
        "modelopt" => modelopt(quantization),
        _ => None,
    };
    stored.ok_or_else(|| {
        let given = match (given_bits, quantization.get("quant_algo")) {
            (Some(bits), _) => format!("'{method}' with {bits} bits"),
            (None, Some(algorithm)) => format!("'{method}' with quant_algo {algorithm}"),
            (None, None) if method == "compressed-tensors" => {
                format!("'{method}' with other config_groups")
            }
            (None, None) => format!("'{method}'"),
        };
        let expected = "fp8, fbgemm_fp8, mxfp4, awq, gptq, auto-round, compressed-tensors or modelopt, with 8-bit \
                        floats or 8- or 4-bit integers; or remove quantization_config and set model.weights yourself";
        BadFigure::new("quant_method", given, expected)
    })
}

const fn integer(bits: u64) -> Option<WeightPrecision> {
    match bits {
        4 => Some(WeightPrecision::Int4),
        8 => Some(WeightPrecision::Int8),
        _ => None,
    }
}

/// `config_groups` holds one entry per kind of layer; the first is the linear layers'.
fn compressed_tensors(quantization: &Value) -> Option<WeightPrecision> {
    let groups = quantization.get("config_groups")?.as_object()?;
    let weights = groups.values().next()?.get("weights")?;
    let bits = weights.get("num_bits")?.as_u64()?;
    match (weights.get("type")?.as_str()?, bits) {
        ("float", 8) => Some(WeightPrecision::Fp8),
        ("int", bits) => integer(bits),
        _ => None,
    }
}

fn modelopt(quantization: &Value) -> Option<WeightPrecision> {
    match quantization.get("quant_algo")?.as_str()? {
        "FP8" => Some(WeightPrecision::Fp8),
        _ => None,
    }
}

/// Where the methods list modules they leave alone: compressed-tensors and modelopt, fp8 and awq, fbgemm, modelopt's
/// older files.
const LISTS: [&str; 4] = ["ignore", "modules_to_not_convert", "ignored_layers", "exclude_modules"];

/// The kinds of linear layers that a `quantization_config` leaves alone in a model of so many layers. Entries are names
/// of modules, parts of such names, or patterns (`re:...`, `*`). A kind counts when a pattern means it in every layer,
/// or when entries name it in at least half of the layers.
pub(super) fn unquantised(quantization: &Value, layers: u64) -> Unquantised {
    let lists = LISTS.iter().filter_map(|key| quantization.get(key));
    let entries = lists.filter_map(Value::as_array).flatten();
    let entries: Vec<String> = entries
        .filter_map(Value::as_str)
        .filter(|entry| !entry.contains("vision"))
        .map(plain_name)
        .collect();
    let left = |modules: &[&str], parts: &[&str]| {
        let mut named = BTreeSet::new();
        for entry in &entries {
            if !means(entry, modules, parts) {
                continue;
            }
            match layer_number(entry) {
                Some(layer) => named.insert(layer),
                None => return true,
            };
        }
        !named.is_empty() && 2 * named.len() as u64 >= layers
    };
    Unquantised {
        attention: left(&["self_attn"], &["q_proj", "qkv_proj", "q_b_proj"]),
        dense: left(&["mlp", "feed_forward"], &["gate_proj", "gate_up_proj", "up_proj"]),
        shared_experts: left(
            &["shared_expert", "shared_experts"],
            &["gate_proj", "gate_up_proj", "up_proj"],
        ),
    }
}

/// An entry without the signs of a pattern: names joined by dots.
fn plain_name(entry: &str) -> String {
    let entry = entry.strip_prefix("re:").unwrap_or(entry);
    entry.replace(['*', '^', '$', '\\'], "")
}

/// Whether the entry ends in one of `modules`, or in one of its `parts` that stands for the whole of it.
fn means(entry: &str, modules: &[&str], parts: &[&str]) -> bool {
    let names: Vec<&str> = entry.split('.').filter(|name| !name.is_empty()).collect();
    match names[..] {
        [.., last] if modules.contains(&last) => true,
        [.., module, last] => modules.contains(&module) && parts.contains(&last),
        _ => false,
    }
}

fn layer_number(entry: &str) -> Option<u64> {
    entry.split('.').find_map(|name| name.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ATTENTION: Unquantised = Unquantised {
        attention: true,
        dense: false,
        shared_experts: false,
    };

    #[test]
    fn a_pattern_means_every_layer() {
        for entry in ["re:.*self_attn", "model.layers.*.self_attn", "self_attn"] {
            let config = json!({ "ignore": ["re:.*lm_head", entry, "re:.*router"] });
            assert_eq!(unquantised(&config, 48), ATTENTION, "{entry}");
        }
        let config = json!({ "modules_to_not_convert": ["re:.*shared_expert"] });
        assert!(unquantised(&config, 48).shared_experts);
    }

    #[test]
    fn single_layers_are_not_all_of_them() {
        let names = |count: u64| -> Vec<String> {
            let all = 0..count;
            all.map(|layer| format!("model.layers.{layer}.self_attn.q_proj"))
                .collect()
        };
        let few = json!({ "ignore": names(2) });
        assert_eq!(unquantised(&few, 48), Unquantised::default());
        let all = json!({ "ignore": names(48) });
        assert_eq!(unquantised(&all, 48), ATTENTION);
    }

    #[test]
    fn vision_towers_routers_and_single_projections_say_nothing_of_the_language_model() {
        let entries = [
            "re:.*vision_model.*self_attn",
            "re:.*router",
            "model.layers.*.mlp.gate",
            "re:.*self_attn.kv_a_proj",
            "lm_head",
        ];
        let config = json!({ "ignore": entries });
        assert_eq!(unquantised(&config, 48), Unquantised::default());
    }
}
