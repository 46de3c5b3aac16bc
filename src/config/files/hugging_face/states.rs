//! Layers of a configuration that keep a state in the place of keys and values.

use serde_json::Value;

use super::attention;
use super::experts;
use super::family::States;
use super::fields::need;
use super::layer_reader::{LayerReader, MOST_HEADS, MOST_LAYERS, WIDEST, count};
use crate::hardware::{Attention, BadFigure, DenseLayer, FeedForward, Projection, StateKind, StateLayer};

const WIDEST_HEAD: u64 = 1 << 14;
const WIDEST_KERNEL: u64 = 1 << 8;

/// A layer that is one part alone: Nemotron-H has layers of a state, of attention and of feed-forward networks, by a
/// letter or a word for each.
pub(super) fn own_layer(reader: &LayerReader<'_>, index: u64) -> Result<Option<(Attention, FeedForward)>, BadFigure> {
    if reader.family.states != States::NemotronH {
        return Ok(None);
    }
    let config = reader.config;
    let word = match (&config.layers_block_type, &config.hybrid_override_pattern) {
        (Some(words), _) => words[index as usize].as_str(),
        (None, Some(letters)) => match letters.as_bytes()[index as usize] {
            b'M' => "mamba",
            b'*' => "attention",
            b'E' => "moe",
            b'-' => "mlp",
            other => {
                let given = format!("'{}' at layer {index}", char::from(other));
                return Err(BadFigure::new(
                    "hybrid_override_pattern",
                    given,
                    "letters M, *, E and -",
                ));
            }
        },
        (None, None) => {
            let expected = "given, or layers_block_type";
            return Err(BadFigure::new("hybrid_override_pattern", "missing", expected));
        }
    };
    let alone = match word {
        "mamba" => (Attention::State(mamba2(reader)?), FeedForward::Nothing),
        "attention" => (attention::layer(reader, index)?, FeedForward::Nothing),
        "moe" => (Attention::Nothing, FeedForward::Experts(experts::layer(reader, index)?)),
        "mlp" => {
            let dense = DenseLayer {
                intermediate: need("intermediate_size", config.intermediate_size, WIDEST)?,
                gated: reader.family.gated,
                bias: config.mlp_bias.unwrap_or(false),
            };
            (Attention::Nothing, FeedForward::Dense(dense))
        }
        other => {
            let given = format!("'{other}' at layer {index}");
            return Err(BadFigure::new(
                "layers_block_type",
                given,
                "mamba, attention, moe or mlp",
            ));
        }
    };
    Ok(Some(alone))
}

/// The state of layer `index`, if it keeps one.
pub(super) fn layer(reader: &LayerReader<'_>, index: u64) -> Result<Option<StateLayer>, BadFigure> {
    let config = reader.config;
    let typed = config.layer_types.as_ref().or(config.layers_block_type.as_ref());
    let typed = typed.map(|types| types[index as usize].as_str());
    let keeps = match reader.family.states {
        States::Never | States::NemotronH => false,
        States::GatedDelta => {
            if let Some(word) = typed {
                word == "linear_attention"
            } else {
                let interval = config.full_attention_interval.or(Some(4));
                let interval = need("full_attention_interval", interval, MOST_LAYERS)?;
                !(index + 1).is_multiple_of(interval)
            }
        }
        States::Mamba2 => match (typed, &config.attn_layer_indices) {
            (Some(word), _) => word == "mamba",
            (None, Some(attending)) => !attending.contains(&index),
            (None, None) => {
                let expected = "given, with mamba or attention for each layer";
                return Err(BadFigure::new("layer_types", "missing", expected));
            }
        },
        States::Jamba => {
            let period = need("attn_layer_period", config.attn_layer_period.or(Some(8)), MOST_LAYERS)?;
            index % period != config.attn_layer_offset.unwrap_or(4) % period
        }
        States::Kimi => {
            let listed = config
                .linear_attn_config
                .as_ref()
                .and_then(|one| one.kda_layers.as_ref());
            listed.is_some_and(|layers| layers.contains(&(index + 1)))
        }
        States::Lightning => {
            if let Some(word) = typed {
                word == "linear_attention"
            } else {
                let marks = config.attn_type_list.as_ref();
                marks.is_some_and(|marks| marks.get(index as usize) == Some(&0))
            }
        }
    };
    if !keeps {
        return Ok(None);
    }
    let layer = match reader.family.states {
        States::GatedDelta => gated_delta(reader),
        States::Jamba => mamba(reader),
        States::Kimi => kimi_delta(reader),
        States::Lightning => lightning(reader),
        States::Never | States::NemotronH | States::Mamba2 => mamba2(reader),
    };
    layer.map(Some)
}

/// Bytes of a value of the state: as the file says, as vLLM follows it (`model_executor/models/config.py`), or 2.
fn recurrent_bytes(reader: &LayerReader<'_>) -> u64 {
    let config = reader.config;
    let given = config
        .mamba_ssm_cache_dtype
        .as_ref()
        .or(config.mamba_ssm_dtype.as_ref());
    if given.is_some_and(|name| name.contains("float32")) {
        4
    } else {
        2
    }
}

/// Qwen3-Next's: queries, keys, values and a gate of values in one projection, two gates per value head in another
/// (`transformers/models/qwen3_next`).
fn gated_delta(reader: &LayerReader<'_>) -> Result<StateLayer, BadFigure> {
    let (config, hidden) = (reader.config, reader.hidden);
    let key_heads = count("linear_num_key_heads", config.linear_num_key_heads)?;
    let value_heads = count("linear_num_value_heads", config.linear_num_value_heads)?;
    let key_width = need("linear_key_head_dim", config.linear_key_head_dim, WIDEST_HEAD)?;
    let value_width = need("linear_value_head_dim", config.linear_value_head_dim, WIDEST_HEAD)?;
    let kernel = need("linear_conv_kernel_dim", config.linear_conv_kernel_dim, WIDEST_KERNEL)?;
    let (keys, values) = (key_heads * key_width, value_heads * value_width);
    let channels = 2 * keys + values;
    Ok(StateLayer {
        kind: StateKind::GatedDelta,
        heads: value_heads,
        projections: vec![
            Projection::spread("in_proj_qkv", hidden, channels),
            Projection::spread("in_proj_z", hidden, values),
            Projection::spread("in_proj_ba", hidden, 2 * value_heads),
            Projection::gathered("out_proj", values, hidden),
        ],
        divided_parameters: channels * kernel + 2 * value_heads,
        whole_parameters: value_width,
        conv_channels: channels,
        conv_groups: 0,
        group_channels: 0,
        conv_memory: kernel - 1,
        recurrent_values: value_heads * key_width * value_width,
        recurrent_bytes: recurrent_bytes(reader),
    })
}

/// Mamba-2 as Nemotron-H, Granite 4 and Bamba have it.
fn mamba2(reader: &LayerReader<'_>) -> Result<StateLayer, BadFigure> {
    let (config, hidden) = (reader.config, reader.hidden);
    let heads = count("mamba_num_heads", config.mamba_num_heads.or(config.mamba_n_heads))?;
    let expand = config.mamba_expand.unwrap_or(2).min(1 << 10);
    let of_expansion = || Some(expand * hidden / heads);
    // Granite may say "auto".
    let given = config
        .mamba_head_dim
        .or(config.mamba_d_head.as_ref().and_then(Value::as_u64));
    let width = need("mamba_head_dim", given.or_else(of_expansion), WIDEST_HEAD)?;
    let state = need(
        "ssm_state_size",
        config.ssm_state_size.or(config.mamba_d_state),
        WIDEST_HEAD,
    )?;
    let groups = config.n_groups.or(config.mamba_n_groups).or(Some(1));
    let groups = need("n_groups", groups, heads)?;
    let kernel = config.conv_kernel.or(config.mamba_d_conv).or(Some(4));
    let kernel = need("conv_kernel", kernel, WIDEST_KERNEL)?;
    let inner = heads * width;
    let shared = 2 * groups * state;
    let channels = inner + shared;
    let conv_bias = config.use_conv_bias.or(config.mamba_conv_bias).unwrap_or(true);
    let read = inner + channels + heads;
    let biases = u64::from(config.mamba_proj_bias.unwrap_or(false)) * (read + hidden);
    Ok(StateLayer {
        kind: StateKind::Mamba2,
        heads,
        projections: vec![
            Projection::spread("in_proj", hidden, read),
            Projection::gathered("out_proj", inner, hidden),
        ],
        divided_parameters: channels * (kernel + u64::from(conv_bias)) + 3 * heads + inner + biases,
        whole_parameters: 0,
        conv_channels: inner,
        conv_groups: groups,
        group_channels: 2 * state,
        conv_memory: kernel - 1,
        recurrent_values: inner * state,
        recurrent_bytes: recurrent_bytes(reader),
    })
}

/// Mamba as Jamba has it, with norms of what decides its steps (`transformers/models/jamba`).
fn mamba(reader: &LayerReader<'_>) -> Result<StateLayer, BadFigure> {
    let (config, hidden) = (reader.config, reader.hidden);
    let expand = need("mamba_expand", config.mamba_expand.or(Some(2)), 1 << 10)?;
    let inner = need("mamba_expand", Some(expand * hidden), WIDEST)?;
    let state = need("mamba_d_state", config.mamba_d_state.or(Some(16)), WIDEST_HEAD)?;
    let kernel = need("mamba_d_conv", config.mamba_d_conv.or(Some(4)), WIDEST_KERNEL)?;
    let rank = config.mamba_dt_rank.as_ref().and_then(Value::as_u64);
    let rank = need("mamba_dt_rank", rank.or(Some(hidden.div_ceil(16))), MOST_HEADS)?;
    let conv_bias = u64::from(config.mamba_conv_bias.unwrap_or(true));
    let biases = u64::from(config.mamba_proj_bias.unwrap_or(false)) * (2 * inner + hidden);
    Ok(StateLayer {
        kind: StateKind::Mamba,
        // Its channels are its heads; GPUs divide them as they divide those of attention.
        heads: count("num_attention_heads", config.num_attention_heads)?,
        projections: vec![
            Projection::spread("in_proj", hidden, 2 * inner),
            Projection::gathered("x_proj", inner, rank + 2 * state),
            Projection::spread("dt_proj", rank, inner),
            Projection::gathered("out_proj", inner, hidden),
        ],
        divided_parameters: inner * (kernel + conv_bias) + inner * state + 2 * inner + biases,
        whole_parameters: rank + 2 * state,
        conv_channels: inner,
        conv_groups: 0,
        group_channels: 0,
        conv_memory: kernel - 1,
        recurrent_values: inner * state,
        recurrent_bytes: recurrent_bytes(reader),
    })
}

/// Kimi delta attention: three short convolutions, a decay per channel through a narrow projection, and a gate that is
/// as narrow or, in Kimi K3, full. Its state is kept in fp32 (vLLM, `kda_state_dtype`).
fn kimi_delta(reader: &LayerReader<'_>) -> Result<StateLayer, BadFigure> {
    let hidden = reader.hidden;
    let Some(linear) = &reader.config.linear_attn_config else {
        let expected = "given: num_heads, head_dim and kda_layers";
        return Err(BadFigure::new("linear_attn_config", "missing", expected));
    };
    let heads = count("num_heads", linear.num_heads)?;
    let width = need("head_dim", linear.head_dim, WIDEST_HEAD)?;
    let kernel = linear.short_conv_kernel_size.or(Some(4));
    let kernel = need("short_conv_kernel_size", kernel, WIDEST_KERNEL)?;
    let values = heads * width;
    let mut projections = vec![
        Projection::spread("q_proj", hidden, values),
        Projection::spread("k_proj", hidden, values),
        Projection::spread("v_proj", hidden, values),
        Projection::whole("f_a_proj", hidden, width),
        Projection::spread("f_b_proj", width, values),
        Projection::spread("b_proj", hidden, heads),
    ];
    if linear.use_full_rank_gate == Some(true) {
        projections.push(Projection::spread("g_proj", hidden, values));
    } else {
        projections.push(Projection::whole("g_a_proj", hidden, width));
        projections.push(Projection::spread("g_b_proj", width, values));
    }
    projections.push(Projection::gathered("o_proj", values, hidden));
    Ok(StateLayer {
        kind: StateKind::KimiDelta,
        heads,
        projections,
        divided_parameters: 3 * values * kernel + values + heads,
        whole_parameters: width,
        conv_channels: 3 * values,
        conv_groups: 0,
        group_channels: 0,
        conv_memory: kernel - 1,
        recurrent_values: values * width,
        recurrent_bytes: 4,
    })
}

/// Lightning attention: queries, keys and values, a gate, and a norm; no convolution. Its state is kept in fp32.
fn lightning(reader: &LayerReader<'_>) -> Result<StateLayer, BadFigure> {
    let (config, hidden) = (reader.config, reader.hidden);
    let heads = count("num_attention_heads", config.num_attention_heads)?;
    let width = config.head_dim.or(Some(hidden / heads));
    let width = need("head_dim", width, WIDEST_HEAD)?;
    let values = heads * width;
    Ok(StateLayer {
        kind: StateKind::Lightning,
        heads,
        projections: vec![
            Projection::spread("qkv_proj", hidden, 3 * values),
            Projection::spread("output_gate", hidden, values),
            Projection::gathered("out_proj", values, hidden),
        ],
        divided_parameters: values,
        whole_parameters: 0,
        conv_channels: 0,
        conv_groups: 0,
        group_channels: 0,
        conv_memory: 0,
        recurrent_values: values * width,
        recurrent_bytes: 4,
    })
}
