//! Rotary embeddings of a configuration: how far its positions reach, and the tables that an engine makes of them
//! (vLLM 0.19, `get_rope` in `model_executor/layers/rotary_embedding/__init__.py`).

use serde_json::Value;

use super::family::Family;
use super::fields::{HuggingFaceConfig, need};
use crate::hardware::{BadFigure, RotaryTables};

const MOST_POSITIONS: u64 = 1 << 30;
/// No model stretches its positions by more.
const MOST_STRETCH: f64 = 1024.0;

/// What a configuration says of its positions.
pub(super) struct Positions {
    /// The longest context.
    pub longest: u32,
    /// The tables.
    pub tables: RotaryTables,
}

/// Reads `max_position_embeddings` and what stretches them, `rope_scaling` or `rope_parameters`.
pub(super) fn of(config: &HuggingFaceConfig, family: &Family) -> Result<Positions, BadFigure> {
    let given = config.max_position_embeddings.or(config.model_max_length);
    let given = need("max_position_embeddings", given, MOST_POSITIONS)?;
    let scaling = Scaling::of(config)?;
    let original = scaling.original.or(config.original_max_position_embeddings);
    let stretched = |positions: u64| (positions as f64 * scaling.factor).round() as u64;
    let (longest, rows) = match scaling.kind {
        Kind::None => (given, given),
        Kind::Yarn => {
            let positions = stretched(original.unwrap_or(given));
            (positions, positions)
        }
        // vLLM takes Gemma 3's positions for stretched already when it looks for the longest context, but not for the
        // table.
        Kind::Linear if family.two_rotary_tables => (given, stretched(given)),
        Kind::Linear => (stretched(given), stretched(given)),
        // A table for short contexts, and one for long ones.
        Kind::Long => (given, given + original.unwrap_or(given)),
    };
    let needs_fp32 = family.latent_attention && scaling.kind == Kind::Yarn;
    Ok(Positions {
        longest: longest.clamp(1, MOST_POSITIONS) as u32,
        tables: RotaryTables {
            rows: rows.clamp(1, MOST_POSITIONS << 4),
            // `FlashInfer`'s kernel, which DeepSeek's stretched positions have, wants fp32.
            value_bytes: if needs_fp32 { 4 } else { 2 },
            windowed_rows: if family.two_rotary_tables { given } else { 0 },
        },
    })
}

/// How positions are stretched, as far as it decides how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Not, or in a way that leaves their number as it is (`llama3`, `mrope`, `proportional`).
    None,
    /// From `original_max_position_embeddings` on, by `factor`.
    Yarn,
    /// By `factor`.
    Linear,
    /// By lists of factors (Phi-3).
    Long,
}

struct Scaling {
    kind: Kind,
    factor: f64,
    original: Option<u64>,
}

impl Scaling {
    fn of(config: &HuggingFaceConfig) -> Result<Self, BadFigure> {
        let given = [&config.rope_scaling, &config.rope_parameters];
        let given = given.into_iter().flatten().find(|one| one.is_object());
        // One for each kind of layers, or one for all.
        let given = given.map(|one| one.get("full_attention").unwrap_or(one));
        let text = |key: &str| given.and_then(|one| one.get(key)).and_then(Value::as_str);
        let kind = match text("rope_type").or(text("type")) {
            Some("yarn" | "deepseek_yarn") => Kind::Yarn,
            Some("linear" | "dynamic" | "ntk") => Kind::Linear,
            Some("longrope" | "su") => Kind::Long,
            _ => Kind::None,
        };
        let factor = given.and_then(|one| one.get("factor")).and_then(Value::as_f64);
        let factor = factor
            .filter(|_| matches!(kind, Kind::Yarn | Kind::Linear))
            .unwrap_or(1.0);
        if !(1.0..=MOST_STRETCH).contains(&factor) {
            let expected = format!("from 1 to {MOST_STRETCH}");
            return Err(BadFigure::new("rope_scaling.factor", factor, expected));
        }
        let original = given.and_then(|one| one.get("original_max_position_embeddings"));
        Ok(Self {
            kind,
            factor,
            original: original.and_then(Value::as_u64).filter(|&one| one > 0),
        })
    }
}
