//! `[model]`: what is served, and how it is stored.

use std::str::FromStr;

use crate::config::files::catalogue::{self, CatalogueError, ModelEntry};
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::document::{Entry, Value};
use crate::config::reader::fields::Fields;
use crate::config::reader::key::Key;
use crate::config::reader::reading::Resolved;
use crate::hardware::{KvPrecision, Model, WeightPrecision};
use crate::settings::{Kind, Setting, Word};

/// The table `[model]`: what is served, and how it is stored.
pub(super) const MODEL: Setting = Setting::new(
    "model",
    Kind::Table(&[&NAME, &CONFIG, &AS, &WEIGHTS, &KV_CACHE]),
    "What is served, and how it is stored",
);
const NAME: Setting = Setting::new("name", Kind::Text, "The model: a name from `tailcast models`")
    .flag("--model")
    .unit("name")
    .depends("either name or config has to be written");
const CONFIG: Setting = Setting::new(
    "config",
    Kind::Path,
    "A config.json of Hugging Face, or a TOML file like those of `tailcast models`, in the place of name",
)
.depends("either name or config has to be written");
const AS: Setting = Setting::new(
    "as",
    Kind::Text,
    "A model_type of Hugging Face: config is read as if it were of that type, such as \"llama\"",
)
.unit("type")
.depends("the model_type that config has");
const WEIGHTS: Setting = Setting::new(
    "weights",
    Kind::Either(&[Kind::Choice(WEIGHT_WORDS), Kind::Choice(OTHER_WEIGHT_WORDS)]),
    "Number format of the linear layers' weights",
)
.or(&["quantization", "dtype"])
.unit("format")
.depends("as the model was published");
const WEIGHT_WORDS: &[Word] = &[
    word("bf16", "16-bit floats"),
    word("mxfp8", "8-bit microscaling floats, with a scale per 32"),
    word("fp8", "8-bit floats with a scale per block"),
    word("int8", "8-bit integers with a scale per output channel"),
    word("nvfp4", "NVIDIA's 4-bit floats, with a scale per 16"),
    word("nf4", "4-bit normal floats of bitsandbytes, with a scale per 64"),
    word("mxfp4", "4-bit microscaling floats, with a scale per 32"),
    word("int4", "4-bit integers with groups of 128, as AWQ and GPTQ"),
];
const OTHER_WEIGHT_WORDS: &[Word] = &[
    word("fp16", "As bf16: both have the same size"),
    word("float16", "As bf16: both have the same size"),
    word("bfloat16", "Another name of bf16"),
    word("awq", "As int4"),
    word("awq_marlin", "As int4"),
    word("gptq", "As int4"),
    word("gptq_marlin", "As int4"),
    word("modelopt_fp4", "As nvfp4"),
    word("bitsandbytes", "As nf4"),
];
const KV_CACHE: Setting = Setting::new(
    "kv_cache",
    Kind::Either(&[Kind::Choice(KV_WORDS), Kind::Choice(OTHER_KV_WORDS)]),
    "Number format of the KV cache",
)
.or(&["kv_cache_dtype"])
.flag("--kv-cache-dtype")
.unit("format")
.depends("fp8 if the checkpoint says so, else bf16, as vLLM's auto");
const KV_WORDS: &[Word] = &[word("bf16", "16-bit floats"), word("fp8", "8-bit floats")];
const OTHER_KV_WORDS: &[Word] = &[
    word("auto", "As the checkpoint says, else bf16"),
    word("fp16", "As bf16: both have the same size"),
    word("float16", "As bf16: both have the same size"),
    word("bfloat16", "Another name of bf16"),
    word("fp8_e4m3", "As fp8"),
    word("fp8_e5m2", "As fp8"),
];

const fn word(name: &'static str, help: &'static str) -> Word {
    Word { name, help }
}

/// What `[model]` says.
#[derive(Debug)]
pub struct ModelChoice {
    /// The model that is served.
    pub model: Model,
    /// How its weights are stored.
    pub weights: WeightPrecision,
    /// How keys and values are stored.
    pub kv_cache: KvPrecision,
    /// Whether that is how the model is published.
    pub is_as_published: bool,
    /// Whether the model is published with top-p as its default.
    pub defaults_to_top_p: bool,
}

/// Whether an entry of the table says which model it is.
pub(super) fn is_named_by(entry: &Entry) -> bool {
    [NAME.name, CONFIG.name].contains(&entry.key.as_str())
}

/// Reads the table `[model]`: what is served, and how it is stored.
pub fn read(fields: &Fields<'_>) -> Result<ModelChoice, Diagnostic> {
    let entry = read_entry(fields)?;
    let stored = entry.stored_weights;
    let (weights, because) = match stored {
        Some(stored) => (stored, "as published"),
        None => (WeightPrecision::Bf16, "as published"),
    };
    let kv_cache = entry.stored_kv.unwrap_or(KvPrecision::Bf16);
    let kv_because = match entry.stored_kv {
        Some(_) => "as the checkpoint says",
        None => "vLLM's default, as the model",
    };
    let chosen = precision(fields.find(&WEIGHTS)?, weights, because)?;
    let choice = ModelChoice {
        weights: chosen,
        is_as_published: chosen == weights,
        kv_cache: kv_precision(fields.find(&KV_CACHE)?, kv_cache, kv_because)?,
        defaults_to_top_p: entry.top_p.is_some_and(|top_p| top_p < 1.0),
        model: entry.model,
    };
    for note in entry.notes {
        fields.reading().warn(format!("{}: {note}", choice.model.title()));
    }
    fields.reading().note(Resolved {
        key: fields.path().to_owned(),
        value: choice.model.title().to_owned(),
        content: Some(format!("{:?}", choice.model)),
        origin: match entry.checkpoint.filter(|(_, format)| *format == choice.weights) {
            Some((name, format)) => format!("{}; its layers in {format} as in {name}", entry.source),
            None => entry.source,
        },
        is_default: false,
    });
    fields.finish()?;
    Ok(choice)
}

fn read_entry(fields: &Fields<'_>) -> Result<ModelEntry, Diagnostic> {
    let name = fields.find(&NAME)?.text()?;
    let config = fields.find(&CONFIG)?.path()?;
    let read_as = fields.find(&AS)?.text()?;
    if read_as.place().is_some() && config.place().is_none() {
        return Err(fields
            .error("as", format!("`{0}.as` goes with `{0}.config`", fields.path()))
            .help("remove it, or give the model as a config.json"));
    }
    let read_as = read_as.optional();
    match (name.place(), config.place()) {
        // A flag may replace the model that a file names in the other way.
        (Some(named), Some(configured)) if named.text == configured.text => Err(fields
            .error(
                "config",
                format!("`{0}.name` and `{0}.config` exclude each other", fields.path()),
            )
            .help("keep one of the two")),
        (Some(named), configured) if configured.is_none_or(|other| other.text < named.text) => {
            let name = name.unnoted().expect("it was written");
            catalogue::model_entry(&name).map_err(|error| refused(fields, "name", &error))
        }
        (_, Some(_)) => {
            let path = config.unnoted().expect("it was written");
            fields.reading().note_file(&path);
            let beside = [catalogue::generation_config(&path), catalogue::quant_config(&path)];
            for beside in beside.into_iter().flatten() {
                fields.reading().note_file(&beside);
            }
            let files = &fields.reading().files;
            catalogue::model_among(files, &path, read_as.as_deref()).map_err(|error| refused(fields, "config", &error))
        }
        _ => Err(fields
            .error("name", format!("`{}.name` is missing", fields.path()))
            .help("write name = \"llama-3.1-8b\"; `tailcast models` lists the names")
            .help("or give a Hugging Face file: config = \"path/to/config.json\"")),
    }
}

/// As [`precision`]; `auto` is the default.
fn kv_precision(key: Key<'_>, default: KvPrecision, because: &str) -> Result<KvPrecision, Diagnostic> {
    let is_auto = |value: &Value| matches!(value, Value::Text(text) if text.eq_ignore_ascii_case("auto"));
    if key.node.is_some_and(|node| is_auto(&node.value)) {
        return Ok(key.text()?.map(|_| default).or(default, because));
    }
    precision(key, default, because)
}

fn precision<T: FromStr + std::fmt::Display>(key: Key<'_>, default: T, because: &str) -> Result<T, Diagnostic> {
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
    Err(key.none_of(node, &key.names()))
}

/// The catalogue's own objection, shown at the key it is about.
pub fn refused(fields: &Fields<'_>, name: &str, error: &CatalogueError) -> Diagnostic {
    fields.error(name, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_format_is_declared() {
        let names = |words: &'static [Word]| words.iter().map(|word| word.name);
        assert!(names(WEIGHT_WORDS).eq(WeightPrecision::ALL.map(WeightPrecision::name)));
        assert!(names(KV_WORDS).eq(KvPrecision::ALL.map(KvPrecision::name)));
        assert!(names(OTHER_WEIGHT_WORDS).all(|name| name.parse::<WeightPrecision>().is_ok()));
        assert!(names(OTHER_KV_WORDS).all(|name| name.parse::<KvPrecision>().is_ok()));
    }
}
