//! How a checkpoint's weights are stored, from its `quantization_config`.

use serde_json::Value;

use crate::hardware::{BadFigure, WeightPrecision};

/// The precision that a `quantization_config` describes.
pub(super) fn stored_weights(quantization: &Value) -> Result<WeightPrecision, BadFigure> {
    let method = quantization.get("quant_method").and_then(Value::as_str);
    let method = method.unwrap_or("missing");
    let bits = quantization.get("bits").and_then(Value::as_u64);
    let stored = match method {
        "fp8" | "fbgemm_fp8" => Some(WeightPrecision::Fp8),
        "mxfp4" => Some(WeightPrecision::Mxfp4),
        "awq" | "gptq" | "auto-round" => integer(bits.unwrap_or(4)),
        "compressed-tensors" => compressed_tensors(quantization),
        "modelopt" => modelopt(quantization),
        _ => None,
    };
    stored.ok_or_else(|| {
        let given = match bits {
            Some(bits) => format!("'{method}' with {bits} bits"),
            None => format!("'{method}'"),
        };
        let expected = "fp8, fbgemm_fp8, mxfp4, awq, gptq, auto-round, compressed-tensors or modelopt, with 8-bit floats or 8- or 4-bit integers; or remove quantization_config and set model.weights yourself";
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
