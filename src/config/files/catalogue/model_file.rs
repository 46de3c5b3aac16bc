//! One model's file: TOML of our own, or a `config.json` of Hugging Face.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CatalogueError;
use super::error::line_of_key;
use crate::config::files::hugging_face::{self, HuggingFaceConfig};
use crate::hardware::{BadFigure, KvPrecision, Model, PublishedWeights, Unquantised, WeightPrecision};

/// A model with the source of its figures.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelEntry {
    /// The model with the figures that the file gives.
    pub model: Model,
    /// The file it was read from.
    pub file: String,
    /// Its names on Hugging Face; the first is the one the figures are of.
    pub hugging_face: Vec<String>,
    /// Where the figures come from.
    pub source: String,
    /// Whether somebody has compared them with that source.
    pub verified: bool,
    /// How the published weights are stored, if they are quantised.
    pub stored_weights: Option<WeightPrecision>,
    /// How the checkpoint wants keys and values stored, if it says.
    pub stored_kv: Option<KvPrecision>,
    /// The publisher's quantised checkpoint beside it and its format: whoever asks for this format gets its layers.
    pub checkpoint: Option<(String, WeightPrecision)>,
    /// What of the model is left out or not known, in sentences that go on from its name.
    pub notes: Vec<String>,
    /// The share of the probability that its `generation_config.json` chooses tokens from, if it says so: what a server
    /// does unless a request asks for something else.
    pub top_p: Option<f64>,
}

/// What our TOML says beside the fields of `config.json`.
#[derive(Default, Deserialize, Serialize)]
struct About {
    title: String,
    #[serde(default)]
    hugging_face: Vec<String>,
    source: String,
    #[serde(default)]
    verified: bool,
    /// Linear layers that quantised checkpoints leave in 16 bits.
    #[serde(default)]
    unquantised: Vec<String>,
    /// The publisher's quantised checkpoint of the model.
    checkpoint: Option<Checkpoint>,
    /// The default top-p of the model, from its `generation_config.json`.
    top_p: Option<f64>,
}

/// A quantised checkpoint beside the one in 16 bits that a file is about: what `model.weights` means in its format.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    /// Its name on Hugging Face.
    hugging_face: String,
    /// What its `config.json` says of its number formats.
    quantization_config: Value,
}

/// Reads the text of one of our model files; `name` is what scenarios call it.
pub(super) fn parse(name: &str, file: &str, text: &str) -> Result<ModelEntry, CatalogueError> {
    let place = |error: &toml::de::Error| CatalogueError::from_toml(file, text, error);
    let table: toml::Table = toml::from_str(text).map_err(|error| place(&error))?;
    refuse_unknown_keys(&table, file, text)?;
    let about: About = toml::from_str(text).map_err(|error| place(&error))?;
    let refuse = |bad: &BadFigure| CatalogueError::from_figure(file, text, bad);
    if let Ok(fields) = serde_json::to_value(&table) {
        hugging_face::refuse_unknown_type(&fields).map_err(|bad| refuse(&bad))?;
    }
    let config: HuggingFaceConfig = toml::from_str(text).map_err(|error| place(&error))?;
    if about.source.trim().is_empty() {
        let expected = "named: the page or file the figures come from";
        return Err(refuse(&BadFigure::new("source", "empty", expected)));
    }
    let unquantised = unquantised(&about.unquantised).map_err(|bad| refuse(&bad))?;
    let published = config.model(name, &about.title, unquantised);
    let mut published = published.map_err(|bad| refuse(&bad))?;
    let checkpoint = about.checkpoint.map(|checkpoint| {
        let stored = stored_in(&checkpoint, &config, published.weights)?;
        published.model = published.model.clone().stored_as(stored);
        Ok((checkpoint.hugging_face, stored.main))
    });
    let checkpoint = checkpoint.transpose().map_err(|bad| refuse(&bad))?;
    Ok(ModelEntry {
        model: published.model,
        file: file.to_owned(),
        hugging_face: about.hugging_face,
        source: about.source,
        verified: about.verified,
        stored_weights: published.weights,
        stored_kv: published.kv_cache,
        checkpoint,
        notes: published.notes,
        top_p: check_top_p(about.top_p).map_err(|bad| refuse(&bad))?,
    })
}

/// How a checkpoint beside that of the file stores the layers of the model.
fn stored_in(
    checkpoint: &Checkpoint,
    config: &HuggingFaceConfig,
    own: Option<WeightPrecision>,
) -> Result<PublishedWeights, BadFigure> {
    if own.is_some() {
        let expected = "absent from a file that has a quantization_config of its own";
        return Err(BadFigure::new("checkpoint", "given", expected));
    }
    let config = HuggingFaceConfig {
        quantization_config: Some(checkpoint.quantization_config.clone()),
        ..config.clone()
    };
    let read = config.model(
        &checkpoint.hugging_face,
        &checkpoint.hugging_face,
        Unquantised::default(),
    )?;
    let stored = read.model.published().copied();
    stored.ok_or_else(|| {
        let expected = "one whose quantization_config quantises some layers";
        BadFigure::new("checkpoint", &checkpoint.hugging_face, expected)
    })
}

fn unquantised(names: &[String]) -> Result<Unquantised, BadFigure> {
    let mut left = Unquantised::default();
    for name in names {
        match name.as_str() {
            "attention" => left.attention = true,
            "dense" => left.dense = true,
            "shared_experts" => left.shared_experts = true,
            other => {
                let expected = "attention, dense or shared_experts";
                return Err(BadFigure::new("unquantised", format!("'{other}'"), expected));
            }
        }
    }
    Ok(left)
}

/// The files of a published model.
pub(super) struct PublishedFiles<'a> {
    /// Where the `config.json` is.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
    /// The `hf_quant_config.json` beside it: where it is, and its text.
    pub beside: Option<(String, String)>,
    /// The type that it is read as, in the place of its own.
    pub read_as: Option<&'a str>,
}

/// Reads the text of a `config.json`, with what stands beside it.
pub(super) fn parse_json(name: &str, published: &PublishedFiles<'_>) -> Result<ModelEntry, CatalogueError> {
    let (file, text) = (published.file, &standard_json(published.text));
    let refuse = |bad: &BadFigure| CatalogueError::from_figure(file, text, bad);
    let mut fields: Value = parse_object(file, text)?;
    let config: HuggingFaceConfig = if let Some(model_type) = published.read_as {
        hugging_face::read_as(&mut fields, model_type).map_err(|bad| refuse(&bad))?;
        serde_json::from_value(fields).map_err(|error| CatalogueError::in_file(file, error.to_string()))?
    } else {
        hugging_face::refuse_unknown_type(&fields).map_err(|bad| refuse(&bad))?;
        parse_object(file, text)?
    };
    let beside = published.beside.as_ref();
    let beside = beside.map(|(file, text)| parse_object(file, &standard_json(text)));
    let config = HuggingFaceConfig {
        hf_quant_config: beside.transpose()?,
        ..config
    };
    let mut published = config
        .model(name, name, Unquantised::default())
        .map_err(|bad| refuse(&bad))?;
    if published.weights.is_none()
        && let Some(format) = quantised_by_name(name)
    {
        published.notes.push(format!(
            "its name says {format}, but its config.json names no quantisation and no hf_quant_config.json stands \
             beside it: its weights are taken for 16 bits; model.weights says what they are"
        ));
    }
    Ok(ModelEntry {
        model: published.model,
        file: file.to_owned(),
        hugging_face: Vec::new(),
        source: file.to_owned(),
        verified: true,
        stored_weights: published.weights,
        stored_kv: published.kv_cache,
        checkpoint: None,
        notes: published.notes,
        top_p: None,
    })
}

/// `top_p` of the text of a `generation_config.json`.
pub(super) fn top_p_of_json(file: &str, text: &str) -> Result<Option<f64>, CatalogueError> {
    #[derive(Deserialize)]
    struct GenerationConfig {
        top_p: Option<f64>,
    }
    let config: GenerationConfig = parse_object(file, text)?;
    check_top_p(config.top_p).map_err(|bad| CatalogueError::from_figure(file, text, &bad))
}

/// As vLLM's `SamplingParams` does: it refuses all requests of a server whose default is out of range.
fn check_top_p(top_p: Option<f64>) -> Result<Option<f64>, BadFigure> {
    match top_p {
        Some(share) if !(share > 0.0 && share <= 1.0) => {
            let expected = "more than 0 and at most 1";
            Err(BadFigure::new("top_p", share, expected))
        }
        _ => Ok(top_p),
    }
}

/// The number format that a name speaks of, if it does.
fn quantised_by_name(name: &str) -> Option<&'static str> {
    const FORMATS: [&str; 12] = [
        "NVFP4", "MXFP4", "FP4", "FP8", "AWQ", "GPTQ", "INT4", "INT8", "W4A16", "W8A8", "BNB", "4BIT",
    ];
    let name = name.to_ascii_uppercase();
    FORMATS.into_iter().find(|format| name.contains(format))
}

/// The text with `null` for `NaN` and infinities, which Python writes though JSON has none: a limit that is no number
/// decides nothing here.
fn standard_json(text: &str) -> String {
    let mut standard = String::with_capacity(text.len());
    let (mut rest, mut in_string) = (text, false);
    while let Some(letter) = rest.chars().next() {
        let number = ["-Infinity", "Infinity", "NaN"]
            .into_iter()
            .find(|word| rest.starts_with(word));
        if let Some(word) = number.filter(|_| !in_string) {
            standard.push_str("null");
            rest = &rest[word.len()..];
            continue;
        }
        let escaped = in_string && letter == '\\';
        in_string ^= letter == '"';
        let taken: usize = rest.chars().take(1 + usize::from(escaped)).map(char::len_utf8).sum();
        standard.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    standard
}

/// Reads one JSON object; a list would be taken for a struct's fields in their order.
fn parse_object<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, CatalogueError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('[') {
        let problem = "there is a list where one object, {...}, is expected";
        return Err(CatalogueError::in_file(file, problem));
    }
    serde_json::from_str(text).map_err(|error| CatalogueError::from_json(file, &error))
}

/// One struct cannot both refuse unknown keys (our files) and ignore them (Hugging Face's), so the keys are compared.
fn refuse_unknown_keys(table: &toml::Table, file: &str, text: &str) -> Result<(), CatalogueError> {
    let known = known_keys();
    let Some(key) = table.keys().find(|key| !known.contains(key.as_str())) else {
        return Ok(());
    };
    let distance = |one: &&String| strsim::damerau_levenshtein(one, key);
    let nearest = known.iter().min_by_key(distance);
    let hint = nearest.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    let problem = format!("unknown key `{key}`{hint}");
    Err(CatalogueError {
        line: line_of_key(text, key),
        ..CatalogueError::in_file(file, problem)
    })
}

/// A struct's fields are the keys of its default value's JSON, missing values included.
fn known_keys() -> BTreeSet<String> {
    let defaults = [
        serde_json::to_value(About::default()),
        serde_json::to_value(HuggingFaceConfig::default()),
    ];
    let fields = defaults.iter().flatten().filter_map(|value| value.as_object());
    fields.flat_map(|object| object.keys().cloned()).collect()
}
