//! How a layer of a configuration attends.

use super::family::{Bias, Family, Windows};
use super::fields::{HuggingFaceConfig, WindowPattern, need};
use super::layer_reader::{LayerReader, MOST_HEADS, MOST_LAYERS};
use crate::hardware::{Attention, BadFigure, GroupedAttention, HeadNorms, Indexer, LatentAttention, OutputGate, Reach};

const WIDEST_HEAD: u64 = 1 << 16;

/// How layer `index` attends.
pub(super) fn layer(reader: &LayerReader<'_>, index: u64) -> Result<Attention, BadFigure> {
    let (config, family) = (reader.config, reader.family);
    let block = config
        .block_configs
        .as_ref()
        .map(|blocks| &blocks[index as usize].attention);
    if block.is_some_and(|block| block.no_op == Some(true)) {
        return Ok(Attention::Nothing);
    }
    if block.is_some_and(|block| block.replace_with_linear == Some(true)) {
        let expected = "attention or nothing: linear layers in its place are not modelled";
        return Err(BadFigure::new(
            "block_configs",
            "attention.replace_with_linear",
            expected,
        ));
    }
    if family.latent_attention {
        let heads = need("num_attention_heads", config.num_attention_heads, MOST_HEADS)?;
        return latent(reader, heads, index).map(Attention::Latent);
    }
    let reach = reach(config, family, index)?;
    let mut heads = Heads::usual(reader)?;
    if let Some(shared_by) = block.and_then(|block| block.n_heads_in_group) {
        let shared_by = need("n_heads_in_group", Some(shared_by), heads.queries)?;
        heads.keys = need("n_heads_in_group", Some(heads.queries / shared_by), heads.queries)?;
    }
    heads.adapt(config, reach)?;
    heads.check()?;
    let biases = Biases::of(config, family);
    let full = reach == Reach::Full;
    let sinks = if full {
        config.add_full_attention_sink_bias
    } else {
        config.add_swa_attention_sink_bias
    };
    Ok(Attention::Grouped(GroupedAttention {
        query_heads: heads.queries,
        kv_heads: heads.keys,
        head_dim: heads.width,
        value_head_dim: heads.value_width,
        query_key_value_bias: biases.query_key_value,
        output_bias: biases.output,
        query_key_norm: head_norms(config, family),
        output_gate: output_gate(config, family),
        keys_are_values: config.attention_k_eq_v == Some(true) && full,
        reads_an_earlier_layer: reads_an_earlier_layer(reader, index),
        sinks: family.attention_bias == Bias::AllWithSinks || sinks == Some(true),
        indexer: blockwise_indexer(reader, index)?,
        reach,
    }))
}

/// Whether layer `index` reads keys and values of an earlier one: the last `num_kv_shared_layers` (Gemma 4).
pub(super) fn reads_an_earlier_layer(reader: &LayerReader<'_>, index: u64) -> bool {
    let shared = reader.config.num_kv_shared_layers.unwrap_or(0);
    index >= reader.layers.saturating_sub(shared)
}

/// Heads of a layer and their widths.
struct Heads {
    queries: u64,
    keys: u64,
    width: u64,
    value_width: u64,
    /// The field that says how many key heads there are.
    keys_field: &'static str,
}

impl Heads {
    fn usual(reader: &LayerReader<'_>) -> Result<Self, BadFigure> {
        let (config, family) = (reader.config, reader.family);
        let given = config.num_attention_heads.or(family.defaults.num_attention_heads);
        let queries = need("num_attention_heads", given, MOST_HEADS)?;
        let (keys_field, keys) = if family.attention_bias == Bias::Falcon {
            let newer = config.new_decoder_architecture.unwrap_or(false);
            let multi_query = config.multi_query.unwrap_or(true) && !newer;
            ("num_kv_heads", if multi_query { Some(1) } else { config.num_kv_heads })
        } else {
            let given = config.num_key_value_heads.or(config.num_attention_groups);
            ("num_key_value_heads", given.or(family.defaults.num_key_value_heads))
        };
        let keys = need(keys_field, keys.or(Some(queries)), queries)?;
        let given = config.head_dim.or(config.attention_head_dim);
        let width = head_dim(given.or(family.defaults.head_dim), reader.hidden, queries)?;
        let value_width = need("v_head_dim", config.v_head_dim.or(Some(width)), WIDEST_HEAD)?;
        Ok(Self {
            queries,
            keys,
            width,
            value_width,
            keys_field,
        })
    }

    /// Layers with a window, or those without, may have heads of their own.
    fn adapt(&mut self, config: &HuggingFaceConfig, reach: Reach) -> Result<(), BadFigure> {
        let set = |field, value: Option<u64>, place: &mut u64| -> Result<(), BadFigure> {
            if value.is_some() {
                *place = need(field, value, MOST_HEADS)?;
            }
            Ok(())
        };
        if reach == Reach::Full {
            if let Some(width) = config.global_head_dim {
                set("global_head_dim", Some(width), &mut self.width)?;
                self.value_width = self.width;
            }
            let keys = config.num_global_key_value_heads;
            return set("num_global_key_value_heads", keys, &mut self.keys);
        }
        set(
            "swa_num_attention_heads",
            config.swa_num_attention_heads,
            &mut self.queries,
        )?;
        set(
            "swa_num_key_value_heads",
            config.swa_num_key_value_heads,
            &mut self.keys,
        )?;
        set("swa_head_dim", config.swa_head_dim, &mut self.width)?;
        set("swa_v_head_dim", config.swa_v_head_dim, &mut self.value_width)?;
        if let Some(other) = &config.attention_other_setting {
            set("attention_other_setting", other.num_attention_heads, &mut self.queries)?;
            set("attention_other_setting", other.num_attention_groups, &mut self.keys)?;
            set("attention_other_setting", other.head_dim, &mut self.width)?;
            self.value_width = self.width;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), BadFigure> {
        let heads = self.queries;
        if heads.is_multiple_of(self.keys) {
            return Ok(());
        }
        let expected = format!("a divisor of num_attention_heads = {heads}");
        Err(BadFigure::new(self.keys_field, self.keys, expected))
    }
}

fn head_dim(given: Option<u64>, hidden: u64, heads: u64) -> Result<u64, BadFigure> {
    match given {
        Some(width) => need("head_dim", Some(width), WIDEST_HEAD),
        None if hidden.is_multiple_of(heads) => Ok(hidden / heads),
        None => {
            let expected = format!("given, since hidden_size / {heads} heads is not whole");
            Err(BadFigure::new("head_dim", "missing", expected))
        }
    }
}

/// Which projections have biases.
struct Biases {
    query_key_value: bool,
    output: bool,
}

impl Biases {
    fn of(config: &HuggingFaceConfig, family: &Family) -> Self {
        let configured = config.attention_bias.or(config.use_qkv_bias).or(config.use_bias);
        let configured = configured.unwrap_or(false);
        let (query_key_value, output) = match family.attention_bias {
            Bias::AsConfigured => (configured, configured),
            Bias::QueryKeyValue => (true, false),
            Bias::QueryKeyValueAsConfigured => (configured, config.attention_out_bias.unwrap_or(false)),
            Bias::AllWithSinks => (true, true),
            Bias::Falcon => (config.bias.unwrap_or(false), config.bias.unwrap_or(false)),
        };
        Self {
            query_key_value,
            output,
        }
    }
}

fn head_norms(config: &HuggingFaceConfig, family: &Family) -> HeadNorms {
    let has = config.use_qk_norm.unwrap_or(!family.asks_for_norms);
    match config.qk_norm_type.as_deref() {
        _ if !has => HeadNorms::Absent,
        Some("per_head") => HeadNorms::OfAHead,
        Some("per_layer") => HeadNorms::OfAllHeads,
        _ => family.query_key_norm,
    }
}

/// Qwen3-Next's class has the gate whether or not the file says so.
fn output_gate(config: &HuggingFaceConfig, family: &Family) -> OutputGate {
    let gated = family.states == super::family::States::GatedDelta;
    if config.attn_output_gate.unwrap_or(gated) {
        OutputGate::PerValue
    } else if config.use_head_wise_attn_gate == Some(true) {
        OutputGate::PerHead
    } else {
        OutputGate::Absent
    }
}

fn latent(reader: &LayerReader<'_>, heads: u64, index: u64) -> Result<LatentAttention, BadFigure> {
    let config = reader.config;
    let query_rank = match config.q_lora_rank {
        Some(rank) => Some(need("q_lora_rank", Some(rank), 1 << 16)?),
        None => None,
    };
    Ok(LatentAttention {
        heads,
        query_rank,
        kv_rank: need("kv_lora_rank", config.kv_lora_rank, 1 << 16)?,
        nope_head_dim: need("qk_nope_head_dim", config.qk_nope_head_dim, WIDEST_HEAD)?,
        rope_head_dim: need("qk_rope_head_dim", config.qk_rope_head_dim, WIDEST_HEAD)?,
        value_head_dim: need("v_head_dim", config.v_head_dim, WIDEST_HEAD)?,
        output_gate: config.mla_use_output_gate.unwrap_or(false),
        indexer: latent_indexer(config, query_rank.unwrap_or(reader.hidden), index)?,
    })
}

/// The indexer of a layer of DeepSeek-V3.2. Layers that `indexer_types` calls `shared` take the choice of an earlier
/// one and have none (GLM-5.2).
fn latent_indexer(config: &HuggingFaceConfig, inputs: u64, index: u64) -> Result<Option<Indexer>, BadFigure> {
    let shared = config
        .indexer_types
        .as_ref()
        .and_then(|types| types.get(index as usize));
    if config.index_n_heads.is_none() || shared.is_some_and(|kind| kind == "shared") {
        return Ok(None);
    }
    Ok(Some(Indexer {
        heads: need("index_n_heads", config.index_n_heads, 1 << 12)?,
        top_k: need("index_topk", config.index_topk, 1 << 30)?,
        head_dim: need("index_head_dim", config.index_head_dim, 1 << 12)?,
        query_inputs: inputs,
        weighs_heads: true,
    }))
}

/// The indexer of a layer of `MiniMax`-M3, which chooses blocks of tokens.
fn blockwise_indexer(reader: &LayerReader<'_>, index: u64) -> Result<Option<Indexer>, BadFigure> {
    let Some(sparse) = &reader.config.sparse_attention_config else {
        return Ok(None);
    };
    let marks = sparse.sparse_attention_freq.as_ref();
    if marks.is_some_and(|marks| marks.get(index as usize) == Some(&0)) {
        return Ok(None);
    }
    let blocks = need("sparse_topk_blocks", sparse.sparse_topk_blocks, 1 << 15)?;
    Ok(Some(Indexer {
        heads: need("sparse_num_index_heads", sparse.sparse_num_index_heads, 1 << 12)?,
        top_k: blocks * need("sparse_block_size", sparse.sparse_block_size, 1 << 14)?,
        head_dim: need("sparse_index_dim", sparse.sparse_index_dim, 1 << 12)?,
        query_inputs: reader.hidden,
        weighs_heads: false,
    }))
}

fn reach(config: &HuggingFaceConfig, family: &Family, index: u64) -> Result<Reach, BadFigure> {
    let window = config.sliding_window.or(family.defaults.sliding_window);
    let sliding = || need("sliding_window", window, 1 << 30).map(Reach::Sliding);
    let chunked = || {
        let chunk = config.attention_chunk_size;
        need("attention_chunk_size", chunk, 1 << 30).map(Reach::Chunked)
    };
    let searched = config.block_configs.as_ref();
    if let Some(length) = searched.and_then(|blocks| blocks[index as usize].attention.window_length) {
        return need("window_length", Some(length), 1 << 30).map(Reach::Sliding);
    }
    if let Some(types) = &config.layer_types {
        return match types[index as usize].as_str() {
            "full_attention" | "attention" | "deepseek_sparse_attention" => Ok(Reach::Full),
            "sliding_attention" => sliding(),
            "chunked_attention" => chunked(),
            other => {
                let expected = "full_attention, sliding_attention or chunked_attention in a model of this type";
                let given = format!("'{other}' at layer {index}");
                Err(BadFigure::new("layer_types", given, expected))
            }
        };
    }
    let position = index + 1;
    let slides = match family.windows {
        Windows::Never => false,
        Windows::All => window.is_some(),
        Windows::FromMaxWindowLayers => {
            config.use_sliding_window.unwrap_or(false) && index >= config.max_window_layers.unwrap_or(0)
        }
        Windows::EverySecond => position % 2 == 1,
        Windows::AllButEvery(usual) => window.is_some() && slides_in_pattern(config, usual, index)?,
        Windows::Marked => {
            let marks = config.hybrid_layer_pattern.as_ref();
            marks.is_some_and(|marks| marks.get(index as usize) == Some(&1))
        }
        Windows::Llama4Chunks => {
            let listed = config.no_rope_layers.as_ref();
            let listed = listed.and_then(|marks| marks.get(index as usize));
            let rotary = listed.map_or(!position.is_multiple_of(4), |&mark| mark != 0);
            return if rotary { chunked() } else { Ok(Reach::Full) };
        }
    };
    if slides { sliding() } else { Ok(Reach::Full) }
}

fn slides_in_pattern(config: &HuggingFaceConfig, usual: u64, index: u64) -> Result<bool, BadFigure> {
    let every = |every| {
        let full = need("sliding_window_pattern", Some(every), MOST_LAYERS)?;
        Ok(!(index + 1).is_multiple_of(full))
    };
    match &config.sliding_window_pattern {
        None => every(usual),
        Some(WindowPattern::Every(given)) => every(*given),
        Some(WindowPattern::Letters(letters)) => {
            let letter = letters.as_bytes().get(index as usize % letters.len().max(1));
            match letter {
                Some(b'L') => Ok(true),
                Some(b'G') => Ok(false),
                _ => Err(BadFigure::new(
                    "sliding_window_pattern",
                    format!("'{letters}'"),
                    "letters L (window) and G (whole context), as LLLG, or a number",
                )),
            }
        }
    }
}
