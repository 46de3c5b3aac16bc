//! Each layer of a configuration: how it attends, and what feeds forward.

use super::family::{Bias, ExpertKeys, Family, Windows};
use super::fields::{HuggingFaceConfig, need};
use crate::hardware::{
    Attention, BadFigure, DenseLayer, ExpertLayer, FeedForward, GroupedAttention, LatentAttention, LayerGroup, Reach,
};

const MOST_LAYERS: u64 = 10_000;
const MOST_HEADS: u64 = 1 << 16;
const WIDEST: u64 = 1 << 24;

/// The layers, like ones together in the order of their first.
pub(super) fn resolve(config: &HuggingFaceConfig, family: &Family, hidden: u64) -> Result<Vec<LayerGroup>, BadFigure> {
    let count = need("num_hidden_layers", config.num_hidden_layers, MOST_LAYERS)?;
    check_layer_types(config, count)?;
    let norms = norms_per_layer(config, family);
    let mut groups: Vec<LayerGroup> = Vec::new();
    for index in 0..count {
        let group = LayerGroup {
            count: 1,
            attention: attention(config, family, hidden, index)?,
            feed_forward: feed_forward(config, family, hidden, index)?,
            norm_parameters: norms * family.norm.parameters(hidden),
        };
        let alike =
            |other: &&mut LayerGroup| other.attention == group.attention && other.feed_forward == group.feed_forward;
        match groups.iter_mut().find(alike) {
            Some(other) => other.count += 1,
            None => groups.push(group),
        }
    }
    Ok(groups)
}

fn check_layer_types(config: &HuggingFaceConfig, count: u64) -> Result<(), BadFigure> {
    match &config.layer_types {
        Some(types) if types.len() as u64 != count => {
            let given = format!("a list of {}", types.len());
            let expected = format!("one entry for each of the {count} layers");
            Err(BadFigure::new("layer_types", given, expected))
        }
        _ => Ok(()),
    }
}

/// Falcon's layers share one norm between attention and feed-forward when these run in parallel, except in the newer
/// architecture, which has one each.
fn norms_per_layer(config: &HuggingFaceConfig, family: &Family) -> u64 {
    let newer = config.new_decoder_architecture.unwrap_or(false);
    let in_series = config.parallel_attn == Some(false);
    if family.attention_bias == Bias::Falcon && (newer || in_series) {
        2
    } else {
        family.norms_per_layer
    }
}

fn attention(config: &HuggingFaceConfig, family: &Family, hidden: u64, index: u64) -> Result<Attention, BadFigure> {
    let heads = need("num_attention_heads", config.num_attention_heads, MOST_HEADS)?;
    if family.latent_attention {
        return latent(config, heads).map(Attention::Latent);
    }
    let kv_heads = kv_heads(config, family, heads)?;
    let configured = match family.attention_bias {
        Bias::Falcon => config.bias,
        _ => config.attention_bias,
    };
    let all = configured.unwrap_or(false) || family.attention_bias == Bias::AllWithSinks;
    Ok(Attention::Grouped(GroupedAttention {
        query_heads: heads,
        kv_heads,
        head_dim: head_dim(config, family, hidden, heads)?,
        query_key_value_bias: all || family.attention_bias == Bias::QueryKeyValue,
        output_bias: all && family.attention_bias != Bias::QueryKeyValue,
        query_key_norm: family.query_key_norm,
        sinks: family.attention_bias == Bias::AllWithSinks,
        reach: reach(config, family, index)?,
    }))
}

fn kv_heads(config: &HuggingFaceConfig, family: &Family, heads: u64) -> Result<u64, BadFigure> {
    let (field, given) = if family.attention_bias == Bias::Falcon {
        let newer = config.new_decoder_architecture.unwrap_or(false);
        let multi_query = config.multi_query.unwrap_or(true) && !newer;
        let given = if multi_query { Some(1) } else { config.num_kv_heads };
        ("num_kv_heads", given)
    } else {
        ("num_key_value_heads", config.num_key_value_heads)
    };
    let kv_heads = need(field, given.or(Some(heads)), heads)?;
    if !heads.is_multiple_of(kv_heads) {
        let expected = format!("a divisor of num_attention_heads = {heads}");
        return Err(BadFigure::new(field, kv_heads, expected));
    }
    Ok(kv_heads)
}

fn head_dim(config: &HuggingFaceConfig, family: &Family, hidden: u64, heads: u64) -> Result<u64, BadFigure> {
    match config.head_dim.or(family.default_head_dim) {
        Some(width) => need("head_dim", Some(width), 1 << 16),
        None if hidden.is_multiple_of(heads) => Ok(hidden / heads),
        None => {
            let expected = format!("given, since hidden_size / {heads} heads is not whole");
            Err(BadFigure::new("head_dim", "missing", expected))
        }
    }
}

fn latent(config: &HuggingFaceConfig, heads: u64) -> Result<LatentAttention, BadFigure> {
    let query_rank = match config.q_lora_rank {
        Some(rank) => Some(need("q_lora_rank", Some(rank), 1 << 16)?),
        None => None,
    };
    Ok(LatentAttention {
        heads,
        query_rank,
        kv_rank: need("kv_lora_rank", config.kv_lora_rank, 1 << 16)?,
        nope_head_dim: need("qk_nope_head_dim", config.qk_nope_head_dim, 1 << 16)?,
        rope_head_dim: need("qk_rope_head_dim", config.qk_rope_head_dim, 1 << 16)?,
        value_head_dim: need("v_head_dim", config.v_head_dim, 1 << 16)?,
    })
}

fn reach(config: &HuggingFaceConfig, family: &Family, index: u64) -> Result<Reach, BadFigure> {
    let sliding = || need("sliding_window", config.sliding_window, 1 << 30).map(Reach::Sliding);
    let chunked = || {
        let chunk = config.attention_chunk_size;
        need("attention_chunk_size", chunk, 1 << 30).map(Reach::Chunked)
    };
    if let Some(types) = &config.layer_types {
        return match types[index as usize].as_str() {
            "full_attention" => Ok(Reach::Full),
            "sliding_attention" => sliding(),
            "chunked_attention" => chunked(),
            other => {
                let expected = "full_attention, sliding_attention or chunked_attention; linear attention and \
                                state-space layers are not modelled";
                let given = format!("'{other}' at layer {index}");
                Err(BadFigure::new("layer_types", given, expected))
            }
        };
    }
    let position = index + 1;
    let slides = match family.windows {
        Windows::Never => false,
        Windows::All => config.sliding_window.is_some(),
        Windows::FromMaxWindowLayers => {
            config.use_sliding_window.unwrap_or(false) && index >= config.max_window_layers.unwrap_or(0)
        }
        Windows::EverySecond => position % 2 == 1,
        Windows::AllButEverySixth => {
            let pattern = config.sliding_window_pattern.unwrap_or(6);
            let full = need("sliding_window_pattern", Some(pattern), MOST_LAYERS)?;
            !position.is_multiple_of(full)
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

fn feed_forward(
    config: &HuggingFaceConfig,
    family: &Family,
    hidden: u64,
    index: u64,
) -> Result<FeedForward, BadFigure> {
    if has_experts(config, family, index)? {
        return experts(config, family).map(FeedForward::Experts);
    }
    if family.attention_bias == Bias::Falcon {
        let width = config.ffn_hidden_size.unwrap_or(4 * hidden);
        return Ok(FeedForward::Dense(DenseLayer {
            intermediate: need("ffn_hidden_size", Some(width), WIDEST)?,
            gated: false,
            bias: config.bias.unwrap_or(false),
        }));
    }
    let (field, width) = match family.experts {
        ExpertKeys::Llama4 => ("intermediate_size_mlp", config.intermediate_size_mlp),
        _ => ("intermediate_size", config.intermediate_size),
    };
    Ok(FeedForward::Dense(DenseLayer {
        intermediate: need(field, width, WIDEST)?,
        gated: true,
        bias: config.mlp_bias.unwrap_or(false),
    }))
}

fn has_experts(config: &HuggingFaceConfig, family: &Family, index: u64) -> Result<bool, BadFigure> {
    let every = |field, step: Option<u64>| need(field, step.or(Some(1)), MOST_LAYERS);
    Ok(match family.experts {
        ExpertKeys::None => false,
        ExpertKeys::Mixtral | ExpertKeys::GptOss => true,
        ExpertKeys::Qwen => {
            let step = every("decoder_sparse_step", config.decoder_sparse_step)?;
            let dense = config.mlp_only_layers.as_ref();
            let dense = dense.is_some_and(|layers| layers.contains(&index));
            (index + 1).is_multiple_of(step) && !dense
        }
        ExpertKeys::DeepSeek => {
            let step = every("moe_layer_freq", config.moe_layer_freq)?;
            index >= config.first_k_dense_replace.unwrap_or(0) && index.is_multiple_of(step)
        }
        ExpertKeys::Llama4 => {
            let step = config.interleave_moe_layer_step;
            (index + 1).is_multiple_of(every("interleave_moe_layer_step", step)?)
        }
    })
}

fn experts(config: &HuggingFaceConfig, family: &Family) -> Result<ExpertLayer, BadFigure> {
    let (count_field, count) = match family.experts {
        ExpertKeys::Qwen => ("num_experts", config.num_experts),
        ExpertKeys::DeepSeek => ("n_routed_experts", config.n_routed_experts),
        _ => ("num_local_experts", config.num_local_experts),
    };
    let (width_field, width) = match family.experts {
        ExpertKeys::Qwen | ExpertKeys::DeepSeek => ("moe_intermediate_size", config.moe_intermediate_size),
        _ => ("intermediate_size", config.intermediate_size),
    };
    let experts = need(count_field, count, MOST_HEADS)?;
    let intermediate = need(width_field, width, WIDEST)?;
    let shared_intermediate = match family.experts {
        ExpertKeys::Qwen => config.shared_expert_intermediate_size.unwrap_or(0),
        ExpertKeys::DeepSeek => {
            let shared = config.n_shared_experts.unwrap_or(0);
            if shared > MOST_HEADS {
                let expected = format!("at most {MOST_HEADS}");
                return Err(BadFigure::new("n_shared_experts", shared, expected));
            }
            shared * intermediate
        }
        ExpertKeys::Llama4 => intermediate,
        _ => 0,
    };
    if shared_intermediate >= WIDEST {
        let expected = format!("less than {WIDEST}");
        let field = "shared_expert_intermediate_size";
        return Err(BadFigure::new(field, shared_intermediate, expected));
    }
    Ok(ExpertLayer {
        experts,
        experts_per_token: need("num_experts_per_tok", config.num_experts_per_tok, experts)?,
        intermediate,
        shared_intermediate,
        shared_gate: family.experts == ExpertKeys::Qwen && shared_intermediate > 0,
        router_bias: family.router_bias,
        expert_bias: family.experts == ExpertKeys::GptOss,
    })
}
