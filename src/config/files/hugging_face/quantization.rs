//! How a checkpoint's weights are stored, and which it leaves in 16 bits: its `quantization_config`, or the
//! `hf_quant_config.json` beside it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::HuggingFaceConfig;
use super::modules::{Module, ModuleEntry, modules};
use super::rules::ModuleRule;
use crate::hardware::{
    BadFigure, KvPrecision, LayerGroup, LinearKind, PublishedWeights, StoredFormat, Unquantised, WeightPrecision,
};

/// Formats by what names them; `None` for 16 bits.
type NamedFormats = BTreeMap<ModuleEntry, Option<StoredFormat>>;

/// What a checkpoint says of its number formats.
#[derive(Clone, Debug)]
pub(super) struct Quantisation {
    /// The format of linear layers that no entry names; `None` for 16 bits.
    others: Option<StoredFormat>,
    /// The formats of those that an entry names; a later rule gives way to an earlier one.
    named: NamedFormats,
    /// Whether only experts are quantised where there are any (gpt-oss).
    experts_only: bool,
    /// How keys and values are stored, if that is said in a way that is known.
    pub kv: Option<KvPrecision>,
    /// The name of another format that they are stored in.
    unknown_kv: Option<String>,
    /// Rules that come before what is named.
    rules: Vec<ModuleRule>,
}

/// Where the methods list modules they leave alone: compressed-tensors and modelopt; fp8, awq and fbgemm; modelopt's
/// own file; bitsandbytes; quark.
const LEFT_ALONE: [&str; 6] = [
    "ignore",
    "modules_to_not_convert",
    "ignored_layers",
    "exclude_modules",
    "llm_int8_skip_modules",
    "exclude",
];

const METHODS: &str = "fp8, fbgemm_fp8, mxfp4, awq, gptq, auto-round, bitsandbytes, quark, compressed-tensors or \
                       modelopt, with 8- or 4-bit floats or integers; or remove quantization_config and set \
                       model.weights yourself";

impl Quantisation {
    /// What a configuration says; `None` if its checkpoint is not quantised.
    pub fn of(config: &HuggingFaceConfig) -> Result<Option<Self>, BadFigure> {
        let given = |config: &HuggingFaceConfig| {
            let given = [&config.quantization_config, &config.compression_config];
            given.into_iter().flatten().find(|one| !one.is_null()).cloned()
        };
        let nested = config.text_config.as_ref().and_then(|text| given(text));
        let inside = given(config).or(nested);
        let inside = inside.as_ref();
        let beside = config.hf_quant_config.as_ref();
        let beside = beside.map(|file| file.get("quantization").unwrap_or(file));
        let is_said = |value: &&Value| !value.is_null();
        match (beside.filter(is_said), inside.filter(is_said)) {
            (Some(beside), _) => Self::modelopt(beside).map(Some),
            (None, Some(inside)) => Self::inside(inside).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn inside(config: &Value) -> Result<Self, BadFigure> {
        let method = config.get("quant_method").and_then(Value::as_str);
        let is_modelopt = config.get("producer").is_some_and(|one| one["name"] == "modelopt");
        let method = if is_modelopt { Some("modelopt") } else { method };
        let refused = |given: String| Err(BadFigure::new("quant_method", given, METHODS));
        let format = match method.unwrap_or("missing") {
            "modelopt" | "modelopt_fp4" | "modelopt_mixed" => return Self::modelopt(config),
            "compressed-tensors" => return Self::compressed_tensors(config),
            "fp8" | "fbgemm_fp8" => Some(fp8(config.get("weight_block_size"))),
            "mxfp4" => Some(format(WeightPrecision::Mxfp4, None)),
            "awq" | "awq_marlin" | "gptq" | "gptq_marlin" | "auto-round" | "intel/auto-round" => packed(config),
            "bitsandbytes" => bitsandbytes(config),
            "quark" => quark(config),
            _ => None,
        };
        let method = method.unwrap_or("missing");
        let Some(format) = format else {
            return refused(match config.get("bits").filter(|bits| !bits.is_null()) {
                Some(bits) => format!("'{method}' with {bits} bits"),
                None => format!("'{method}'"),
            });
        };
        let mut named = left_alone(config);
        name_exceptions(config, &mut named)?;
        Ok(Self {
            others: Some(format),
            named,
            experts_only: method == "mxfp4",
            kv: kv(config),
            unknown_kv: unknown_kv(config),
            rules: ModuleRule::all(config, |rule| packed_as(rule, config))?,
        })
    }

    /// `config_groups` holds one entry per format, with what it is of: `Linear` for all linear layers that no other
    /// entry names.
    fn compressed_tensors(config: &Value) -> Result<Self, BadFigure> {
        let groups = config.get("config_groups").and_then(Value::as_object);
        let outer = config.get("format").and_then(Value::as_str);
        let mut named = left_alone(config);
        let mut others = None;
        for group in groups.into_iter().flat_map(|groups| groups.values()) {
            let inner = group.get("format").and_then(Value::as_str);
            let Some(format) = group.get("weights").and_then(|one| of_group(one, inner.or(outer))) else {
                let given = "'compressed-tensors' with other config_groups";
                return Err(BadFigure::new("quant_method", given, METHODS));
            };
            let targets = group.get("targets").and_then(Value::as_array);
            let targets = targets.into_iter().flatten().filter_map(Value::as_str);
            for target in targets {
                if target == "Linear" || target == "FusedMoE" {
                    others = Some(format);
                    continue;
                }
                for entry in ModuleEntry::read(target) {
                    named.entry(entry).or_insert(Some(format));
                }
            }
        }
        if others.is_none() && named.values().all(Option::is_none) {
            let given = "'compressed-tensors' without config_groups";
            return Err(BadFigure::new("quant_method", given, METHODS));
        }
        Ok(Self::of_modules(config, others, named))
    }

    /// What names of modules say, and what holds for all others.
    fn of_modules(config: &Value, others: Option<StoredFormat>, named: NamedFormats) -> Self {
        Self {
            others,
            named,
            experts_only: false,
            kv: kv(config),
            unknown_kv: unknown_kv(config),
            rules: Vec::new(),
        }
    }

    fn modelopt(config: &Value) -> Result<Self, BadFigure> {
        let algorithm = config.get("quant_algo").and_then(Value::as_str);
        let group = config.get("group_size").and_then(Value::as_f64);
        let refused = |algorithm: &str| {
            let given = format!("'modelopt' with quant_algo \"{algorithm}\"");
            BadFigure::new("quant_method", given, METHODS)
        };
        let mut named = left_alone(config);
        let others = match algorithm {
            Some("MIXED_PRECISION") => {
                let layers = config.get("quantized_layers").and_then(Value::as_object);
                for (name, layer) in layers.into_iter().flatten() {
                    let algorithm = layer.get("quant_algo").and_then(Value::as_str).unwrap_or("missing");
                    let group = layer.get("group_size").and_then(Value::as_f64);
                    let format = of_algorithm(algorithm, group).ok_or_else(|| refused(algorithm))?;
                    for entry in ModuleEntry::read(name) {
                        named.entry(entry).or_insert(Some(format));
                    }
                }
                None
            }
            // A checkpoint may say that only keys and values are quantised.
            None if config.get("kv_cache_quant_algo").is_some() => None,
            algorithm => {
                let algorithm = algorithm.unwrap_or("missing");
                Some(of_algorithm(algorithm, group).ok_or_else(|| refused(algorithm))?)
            }
        };
        Ok(Self::of_modules(config, others, named))
    }

    /// How the linear layers of such a model are stored, and what of them in 16 bits whatever the format; `None` if all
    /// are in 16 bits. `head` is the parameters of the head, if it is its own.
    pub fn publish(&self, model: &LinearLayers<'_>) -> Option<(PublishedWeights, Unquantised)> {
        let mut tallies: [Tally; KINDS.len()] = std::array::from_fn(|_| Tally::default());
        let has_experts = model.layers.iter().any(LayerGroup::has_experts);
        for (index, layer) in (0..).zip(model.layers) {
            for module in modules(layer, model.hidden, model.experts_beside) {
                let kind = KINDS
                    .iter()
                    .position(|kind| *kind == module.kind)
                    .expect("a kind of a layer");
                let format = self.of_module(index, &module, has_experts);
                tallies[kind].add(module.parameters, format.unwrap_or(StoredFormat::PLAIN));
            }
        }
        let head = self
            .named
            .iter()
            .find(|(entry, _)| entry.is_head())
            .and_then(|(_, format)| *format);
        tallies[KINDS.len() - 1].add(model.head, head.unwrap_or(StoredFormat::PLAIN));
        let main = Tally::main(&tallies)?;
        let [attention, state, dense, shared_experts, experts, head] = tallies.map(|tally| tally.mean());
        let published = PublishedWeights {
            main,
            attention,
            state,
            dense,
            shared_experts,
            experts,
            head,
        };
        let left = |format: StoredFormat| format.bits >= 16.0;
        let left_alone = Unquantised {
            attention: left(attention),
            dense: left(dense) && model.layers.iter().any(LayerGroup::is_dense),
            shared_experts: left(shared_experts) && has_experts,
        };
        Some((published, left_alone))
    }

    /// What of it is not followed here, in sentences.
    pub fn notes(&self, model: &LinearLayers<'_>) -> Vec<String> {
        let kv = self.unknown_kv.as_ref().map(|format| {
            format!(
                "its checkpoint has keys and values in {format}, which is not modelled: unless model.kv_cache says \
                 otherwise they are taken for 16 bits, to which vLLM 0.19 falls back; a server that keeps them so has \
                 a larger KV cache"
            )
        });
        let idle = self.idle_rules(model).into_iter();
        let rules =
            idle.map(|rule| format!("the rule '{rule}' of its quantisation is about no layer that is known here"));
        kv.into_iter().chain(rules).collect()
    }

    /// Rules that are about no layer of such a model.
    fn idle_rules(&self, model: &LinearLayers<'_>) -> Vec<&str> {
        let layers = (0..).zip(model.layers);
        let mut all = layers.flat_map(|(index, layer)| {
            let modules = modules(layer, model.hidden, model.experts_beside);
            modules.into_iter().map(move |module| (index, module))
        });
        let mut idle: Vec<&ModuleRule> = self.rules.iter().collect();
        while !idle.is_empty()
            && let Some((index, module)) = all.next()
        {
            idle.retain(|rule| !rule.means(index, &module));
        }
        idle.iter().map(|rule| rule.text.as_str()).collect()
    }

    fn of_module(&self, index: u64, module: &Module, has_experts: bool) -> Option<StoredFormat> {
        if let Some(rule) = self.rules.iter().find(|rule| rule.means(index, module)) {
            return rule.format;
        }
        if self.experts_only && has_experts && module.kind != LinearKind::Experts {
            return None;
        }
        let mut meant = self.named.iter().filter(|(entry, _)| entry.means(index, module));
        // What is left alone by one entry is left alone, whatever others say.
        let first = meant.next();
        match first {
            None => self.others,
            Some((_, None)) => None,
            Some((_, format)) if meant.all(|(_, other)| other.is_some()) => *format,
            Some(_) => None,
        }
    }
}

/// The layers of a model in their order.
pub(super) struct LinearLayers<'a> {
    pub layers: &'a [LayerGroup],
    pub hidden: u64,
    /// Parameters of the head; 0 if it is the embedding's matrix.
    pub head: u64,
    /// Whether experts stand beside the dense network.
    pub experts_beside: bool,
}

const KINDS: [LinearKind; 6] = [
    LinearKind::Attention,
    LinearKind::State,
    LinearKind::Dense,
    LinearKind::SharedExperts,
    LinearKind::Experts,
    LinearKind::Head,
];

/// Parameters of one kind of linear layer by their format.
#[derive(Default)]
struct Tally(Vec<(StoredFormat, u64)>);

impl Tally {
    fn add(&mut self, parameters: u64, format: StoredFormat) {
        match self.0.iter_mut().find(|(other, _)| *other == format) {
            Some((_, sum)) => *sum += parameters,
            None => self.0.push((format, parameters)),
        }
    }

    /// Mean bits, and the format of most. Of layers that are not there nothing is known.
    fn mean(&self) -> StoredFormat {
        let all: u64 = self.0.iter().map(|(_, parameters)| parameters).sum();
        let most = self.0.iter().max_by_key(|(_, parameters)| *parameters);
        let Some((most, _)) = most.filter(|_| all > 0) else {
            return StoredFormat::PLAIN;
        };
        let bits: f64 = self
            .0
            .iter()
            .map(|(format, parameters)| format.bits * *parameters as f64)
            .sum();
        StoredFormat {
            precision: most.precision,
            bits: bits / all as f64,
        }
    }

    /// The format of most parameters that are not in 16 bits.
    fn main(all: &[Self]) -> Option<WeightPrecision> {
        let sum = |precision| -> u64 {
            let formats = all.iter().flat_map(|tally| &tally.0);
            let such = formats.filter(|(format, _)| format.precision == precision);
            such.map(|(_, parameters)| parameters).sum()
        };
        let quantised = WeightPrecision::ALL
            .into_iter()
            .filter(|&one| one != WeightPrecision::Bf16);
        let sums = quantised.map(|one| (sum(one), one)).filter(|(sum, _)| *sum > 0);
        sums.max_by_key(|(sum, _)| *sum).map(|(_, precision)| precision)
    }
}

/// A format with bits of its own, or those that it usually has.
fn format(precision: WeightPrecision, bits: Option<f64>) -> StoredFormat {
    StoredFormat {
        precision,
        bits: bits.unwrap_or_else(|| precision.bits_per_parameter()),
    }
}

/// With a scale in fp32 for each block, or for each channel or matrix, which does not count.
fn fp8(block: Option<&Value>) -> StoredFormat {
    let sides = block.and_then(Value::as_array);
    let block = sides.map(|sides| sides.iter().filter_map(Value::as_f64).product::<f64>());
    let scale = block.filter(|&block| block >= 1.0).map_or(0.0, |block| 32.0 / block);
    format(WeightPrecision::Fp8, Some((8.0 + scale).min(16.0)))
}

/// Integers in groups, each with a scale in 16 bits and a zero point; a group of -1 is a whole channel.
fn integer(bits: u64, group: Option<f64>, has_zero_point: bool) -> Option<StoredFormat> {
    let precision = match bits {
        4 => WeightPrecision::Int4,
        8 => WeightPrecision::Int8,
        _ => return None,
    };
    let zero_point = if has_zero_point { bits as f64 } else { 0.0 };
    let group = group.filter(|&group| group >= 1.0);
    let scale = group.map_or(0.0, |group| (16.0 + zero_point) / group);
    Some(format(precision, Some((bits as f64 + scale).min(16.0))))
}

/// AWQ, GPTQ and `AutoRound` store a zero point for each group, whether or not it is 0.
fn packed(config: &Value) -> Option<StoredFormat> {
    let bits = config
        .get("bits")
        .or(config.get("w_bit"))
        .filter(|bits| !bits.is_null());
    // Of bits that are no number none is right.
    let bits = bits.map_or(Some(4), Value::as_u64)?;
    let group = config.get("group_size").or(config.get("q_group_size"));
    integer(bits, group.map_or(Some(128.0), Value::as_f64), true)
}

/// The same where an exception to it may have bits and a group of its own.
fn packed_as(exception: &Value, all: &Value) -> Option<StoredFormat> {
    let mut both = all.clone();
    for key in ["bits", "group_size"] {
        if let Some(value) = exception.get(key)
            && let Some(fields) = both.as_object_mut()
        {
            fields.insert(key.to_owned(), value.clone());
        }
    }
    packed(&both)
}

/// What `extra_config` of `AutoRound` stores in another number of bits.
fn name_exceptions(config: &Value, named: &mut NamedFormats) -> Result<(), BadFigure> {
    let extra = config.get("extra_config").and_then(Value::as_object);
    for (name, module) in extra.into_iter().flatten().filter(|(_, module)| !is_wide(module)) {
        let format = packed_as(module, config).ok_or_else(|| {
            let given = format!("'{name}' with {} bits", module["bits"]);
            BadFigure::new("extra_config", given, "4, 8 or 16 bits")
        })?;
        for entry in ModuleEntry::read(name) {
            named.entry(entry).or_insert(Some(format));
        }
    }
    Ok(())
}

fn is_wide(module: &Value) -> bool {
    let bits = module.get("bits").and_then(Value::as_u64);
    bits.is_some_and(|bits| bits >= 16)
}

fn bitsandbytes(config: &Value) -> Option<StoredFormat> {
    let is_set = |key: &str| config.get(key).and_then(Value::as_bool) == Some(true);
    if is_set("load_in_8bit") {
        return Some(format(WeightPrecision::Int8, None));
    }
    // Maxima in 8 bits, and one of 256 of them in fp32.
    let doubled = 4.0 + 8.0 / 64.0 + 32.0 / (64.0 * 256.0);
    let bits = is_set("bnb_4bit_use_double_quant").then_some(doubled);
    is_set("load_in_4bit").then(|| format(WeightPrecision::Nf4, bits))
}

fn quark(config: &Value) -> Option<StoredFormat> {
    let weight = config.get("global_quant_config")?.get("weight")?;
    match weight.get("dtype")?.as_str()? {
        "fp4" => Some(format(WeightPrecision::Mxfp4, None)),
        "fp8_e4m3" | "fp8_e5m2" => Some(fp8(None)),
        "int4" | "uint4" => integer(4, weight.get("group_size").and_then(Value::as_f64), true),
        "int8" => integer(8, None, false),
        _ => None,
    }
}

/// The weights of one of compressed-tensors' groups, which NVIDIA's tools write too.
fn of_group(weights: &Value, outer: Option<&str>) -> Option<StoredFormat> {
    let bits = weights.get("num_bits")?.as_u64()?;
    let group = weights
        .get("group_size")
        .and_then(Value::as_f64)
        .filter(|&group| group >= 1.0);
    match (weights.get("type")?.as_str()?, bits) {
        ("float", 8) if group.is_some_and(|group| group <= 32.0) => Some(format(WeightPrecision::Mxfp8, None)),
        ("float", 8) => Some(fp8(weights.get("block_structure"))),
        ("float", 4) if outer.is_some_and(|name| name.contains("mxfp4")) || group.is_some_and(|group| group > 16.0) => {
            Some(format(WeightPrecision::Mxfp4, None))
        }
        ("float", 4) => Some(format(WeightPrecision::Nvfp4, None)),
        ("int", bits) => {
            let symmetric = weights.get("symmetric").and_then(Value::as_bool) != Some(false);
            integer(bits, group, !symmetric)
        }
        _ => None,
    }
}

/// The names of `ModelOpt` (`vllm/model_executor/layers/quantization/modelopt.py`, `QUANT_ALGOS`).
fn of_algorithm(name: &str, group: Option<f64>) -> Option<StoredFormat> {
    match name {
        "FP8" | "FP8_PER_CHANNEL_PER_TOKEN" => Some(fp8(None)),
        "FP8_PB_WO" | "FP8_PB_REAL" | "FP8_BLOCK_SCALES" => Some(format(WeightPrecision::Fp8, None)),
        "NVFP4" | "W4A16_NVFP4" | "NVFP4_AWQ" | "W4A8_NVFP4_FP8" => Some(format(WeightPrecision::Nvfp4, None)),
        "MXFP8" => Some(format(WeightPrecision::Mxfp8, None)),
        "MXFP4" | "W4A8_MXFP4_FP8" => Some(format(WeightPrecision::Mxfp4, None)),
        "W4A16_AWQ" | "W4A8_AWQ" | "W4A16" | "INT4_AWQ" => integer(4, group.or(Some(128.0)), false),
        "W8A8_SQ_PER_CHANNEL" | "W8A16" | "INT8_SQ" => integer(8, None, false),
        _ => None,
    }
}

/// What the lists of a configuration leave in 16 bits; beside them `AutoRound` has `extra_config` with the bits of
/// modules.
fn left_alone(config: &Value) -> NamedFormats {
    let lists = LEFT_ALONE.iter().filter_map(|key| config.get(key));
    let listed = lists.filter_map(Value::as_array).flatten().filter_map(Value::as_str);
    let mut texts: Vec<String> = listed.map(str::to_owned).collect();
    let extra = config.get("extra_config").and_then(Value::as_object);
    let extra = extra.into_iter().flatten().filter(|(_, module)| is_wide(module));
    texts.extend(extra.map(|(name, _)| name.clone()));
    let entries = texts.iter().flat_map(|text| ModuleEntry::read(text));
    entries.map(|entry| (entry, None)).collect()
}

/// What is said of how keys and values are stored.
fn kv_scheme(config: &Value) -> Option<&Value> {
    let keys = ["kv_cache_quant_algo", "kv_cache_scheme"];
    let given = keys.iter().filter_map(|key| config.get(key));
    // `AutoFP8` says only whether its scales are static, as vLLM's auto does not follow it.
    let is_said = |scheme: &&Value| !scheme.is_null() && *scheme != "static" && *scheme != "dynamic";
    given.into_iter().find(is_said)
}

/// How keys and values are stored, where it is said in a way that is known.
fn kv(config: &Value) -> Option<KvPrecision> {
    let scheme = kv_scheme(config)?;
    let is_fp8 = match scheme.as_str() {
        Some(name) => name.eq_ignore_ascii_case("fp8"),
        None => scheme["num_bits"] == 8 && scheme["type"] != "int",
    };
    is_fp8.then_some(KvPrecision::Fp8)
}

/// What keys and values are stored in where that is not known here, as NVFP4.
fn unknown_kv(config: &Value) -> Option<String> {
    let scheme = kv_scheme(config).filter(|_| kv(config).is_none())?;
    let (bits, kind) = (&scheme["num_bits"], &scheme["type"]);
    Some(match (scheme.as_str(), bits.as_u64()) {
        (Some(name), _) => name.to_owned(),
        (None, Some(bits)) => format!("{bits}-bit {}", kind.as_str().unwrap_or("numbers")),
        (None, None) => scheme.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn bits(config: &Value) -> Option<f64> {
        let read = Quantisation::inside(config).unwrap();
        read.others.map(|format| format.bits)
    }

    #[test]
    fn groups_and_blocks_decide_the_bits_of_a_parameter() {
        let same = |config, expected: f64| {
            let bits = bits(&config).unwrap();
            assert!((bits - expected).abs() < 1e-9, "{config}: {bits}");
        };
        same(
            json!({"quant_method": "fp8", "weight_block_size": [128, 128]}),
            8.0 + 1.0 / 512.0,
        );
        same(json!({"quant_method": "fp8"}), 8.0);
        same(
            json!({"quant_method": "gptq", "bits": 4, "group_size": 32}),
            4.0 + 20.0 / 32.0,
        );
        same(json!({"quant_method": "gptq", "bits": 4, "group_size": -1}), 4.0);
        same(
            json!({"quant_method": "awq_marlin", "w_bit": 4, "q_group_size": 64}),
            4.0 + 20.0 / 64.0,
        );
        same(json!({"quant_method": "bitsandbytes", "load_in_4bit": true}), 4.5);
        let group = json!({"num_bits": 4, "type": "int", "group_size": 32, "symmetric": true});
        let groups = json!({"group_0": {"targets": ["Linear"], "weights": group}});
        same(
            json!({"quant_method": "compressed-tensors", "config_groups": groups}),
            4.5,
        );
    }

    #[test]
    fn every_way_of_leaving_a_module_alone_is_read() {
        for config in [
            json!({"ignore": ["re:.*self_attn.*"]}),
            json!({"modules_to_not_convert": ["self_attn"]}),
            json!({"extra_config": {"model.layers.0.self_attn": {"bits": 16}, "other": {"bits": 4}}}),
        ] {
            let left = left_alone(&config);
            assert_eq!(left.len(), 1, "{config}");
            let module = Module {
                kind: LinearKind::Attention,
                parameters: 1,
                name: vec!["self_attn", "q_proj"],
            };
            assert!(left.keys().all(|entry| entry.means(0, &module)), "{config}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for config in [
            json!({"quant_method": "hqq"}),
            json!({"quant_method": "gptq", "bits": 3}),
            json!({"quant_method": "awq", "bits": "4"}),
            json!({"quant_method": "compressed-tensors"}),
            json!({"quant_method": "bitsandbytes"}),
            json!({"quant_method": "modelopt", "quant_algo": "FP2"}),
        ] {
            assert!(Quantisation::inside(&config).is_err(), "{config}");
        }
    }
}
