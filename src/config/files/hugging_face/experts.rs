//! The experts of a configuration: which layers have them, and how many of which width.

use super::family::ExpertKeys;
use super::fields::{OneOrEach, need};
use super::layer_reader::{LayerReader, MOST_LAYERS, WIDEST, count};
use crate::hardware::{BadFigure, ExpertLayer};

/// Whether layer `index` has experts.
pub(super) fn stand_in(reader: &LayerReader<'_>, index: u64) -> Result<bool, BadFigure> {
    let config = reader.config;
    let every = |field, step: Option<u64>| need(field, step.or(Some(1)), MOST_LAYERS);
    let of_layer = |field: &Option<OneOrEach>| field.as_ref().and_then(|one| one.of_layer(index));
    if let Some(types) = &config.mlp_layer_types {
        return Ok(types[index as usize] == "sparse");
    }
    Ok(match reader.family.experts {
        ExpertKeys::None | ExpertKeys::OwnLayers => false,
        ExpertKeys::Mixtral | ExpertKeys::GptOss => true,
        ExpertKeys::Granite => config.num_local_experts.unwrap_or(0) > 0,
        ExpertKeys::Gemma => config.enable_moe_block == Some(true),
        ExpertKeys::Periodic => {
            let period = every("expert_layer_period", config.expert_layer_period)?;
            let offset = config.expert_layer_offset.unwrap_or(0);
            index % period == offset % period && config.num_experts != Some(1)
        }
        ExpertKeys::Qwen => {
            let step = every("decoder_sparse_step", config.decoder_sparse_step)?;
            let dense = config.mlp_only_layers.as_ref();
            let dense = dense.is_some_and(|layers| layers.contains(&index));
            (index + 1).is_multiple_of(step) && !dense
        }
        ExpertKeys::DeepSeek => deepseek(reader, index)?,
        ExpertKeys::Ernie => {
            let first = of_layer(&config.moe_layer_start_index).unwrap_or(1);
            let last = of_layer(&config.moe_layer_end_index).filter(|&last| last != u64::MAX);
            let interval = every("moe_layer_interval", config.moe_layer_interval)?;
            (first..=last.unwrap_or(u64::MAX)).contains(&index) && (index + 1).is_multiple_of(interval)
        }
        ExpertKeys::Llama4 => {
            let step = config.interleave_moe_layer_step;
            (index + 1).is_multiple_of(every("interleave_moe_layer_step", step)?)
        }
    })
}

/// After `first_k_dense_replace` layers, in every `moe_layer_freq`-th or those that it marks 1; or those that Step 3.5
/// lists in `moe_layers_enum`.
fn deepseek(reader: &LayerReader<'_>, index: u64) -> Result<bool, BadFigure> {
    let config = reader.config;
    if let Some(listed) = &config.moe_layers_enum {
        return Ok(listed.split(',').any(|one| one.trim().parse() == Ok(index)));
    }
    let step = match &config.moe_layer_freq {
        Some(OneOrEach::Each(marks)) => return Ok(marks.get(index as usize).is_some_and(|&mark| mark != 0)),
        Some(OneOrEach::One(step)) => Some(*step),
        None => None,
    };
    let step = need("moe_layer_freq", step.or(Some(1)), MOST_LAYERS)?;
    Ok(index >= config.first_k_dense_replace.unwrap_or(0) && index.is_multiple_of(step))
}

/// The experts of layer `index`.
pub(super) fn layer(reader: &LayerReader<'_>, index: u64) -> Result<ExpertLayer, BadFigure> {
    let (config, keys) = (reader.config, reader.family.experts);
    let of_layer = |field: &Option<OneOrEach>| field.as_ref().and_then(|one| one.of_layer(index));
    let named = match keys {
        ExpertKeys::Qwen | ExpertKeys::Gemma | ExpertKeys::Periodic => "num_experts",
        ExpertKeys::DeepSeek | ExpertKeys::OwnLayers => "n_routed_experts",
        ExpertKeys::Ernie => "moe_num_experts",
        _ => "num_local_experts",
    };
    let own = match named {
        "num_experts" => config.num_experts,
        "n_routed_experts" => config.n_routed_experts,
        "num_local_experts" => config.num_local_experts,
        _ => of_layer(&config.moe_num_experts),
    };
    let given = own.or(config.num_experts).or(config.n_routed_experts);
    let given = given.or(config.num_local_experts).or(of_layer(&config.moe_num_experts));
    let experts = count(named, given)?;
    let (width_field, width) = match keys {
        ExpertKeys::Mixtral | ExpertKeys::GptOss | ExpertKeys::Llama4 | ExpertKeys::Granite | ExpertKeys::Periodic => {
            ("intermediate_size", config.intermediate_size)
        }
        // MiniMax-M3's files give the width of an expert under the one name, the other or both.
        _ if config.dense_intermediate_size.is_some() => {
            let width = of_layer(&config.moe_intermediate_size).or(config.intermediate_size);
            ("moe_intermediate_size", width)
        }
        _ => ("moe_intermediate_size", of_layer(&config.moe_intermediate_size)),
    };
    let intermediate = need(width_field, width, WIDEST)?;
    let chosen = [
        config.num_experts_per_tok,
        config.num_experts_per_token,
        config.top_k_experts,
        of_layer(&config.moe_topk),
        config.moe_top_k,
        config.moe_k,
    ];
    let chosen = chosen.into_iter().flatten().next();
    let shared_intermediate = shared(reader, intermediate, index)?;
    let latent = config.moe_latent_size.or(config.routed_expert_hidden_size);
    Ok(ExpertLayer {
        experts,
        experts_per_token: need("num_experts_per_tok", chosen, experts)?,
        intermediate,
        gated: reader.family.gated,
        latent,
        shared_intermediate,
        shared_gate: keys == ExpertKeys::Qwen && shared_intermediate > 0 && config.num_shared_expert.is_none(),
        router_parameters: router_parameters(reader, experts),
        expert_bias: keys == ExpertKeys::GptOss,
    })
}

/// The width of all experts together that every token passes through.
fn shared(reader: &LayerReader<'_>, intermediate: u64, index: u64) -> Result<u64, BadFigure> {
    let config = reader.config;
    let of_layer = |field: &Option<OneOrEach>| field.as_ref().and_then(|one| one.of_layer(index));
    let counted = config.n_shared_experts.or(config.num_shared_experts);
    let counted = counted
        .or(of_layer(&config.num_shared_expert))
        .or(config.moe_num_shared_experts);
    let counted = counted.unwrap_or(0);
    if counted > 1 << 16 {
        return Err(BadFigure::new("n_shared_experts", counted, "at most 65536"));
    }
    let width = match reader.family.experts {
        ExpertKeys::Llama4 => Some(intermediate),
        ExpertKeys::Gemma => config.intermediate_size,
        ExpertKeys::Qwen if config.num_shared_expert.is_none() => config.shared_expert_intermediate_size,
        ExpertKeys::Granite => config.shared_intermediate_size,
        ExpertKeys::Mixtral | ExpertKeys::GptOss | ExpertKeys::Periodic | ExpertKeys::None => None,
        ExpertKeys::OwnLayers => {
            let one = config.moe_shared_expert_intermediate_size;
            Some(one.unwrap_or(intermediate).saturating_mul(counted))
        }
        ExpertKeys::DeepSeek if config.share_expert_dim.is_some() => config.share_expert_dim,
        ExpertKeys::DeepSeek | ExpertKeys::Ernie | ExpertKeys::Qwen => Some(counted * intermediate),
    };
    let width = width.unwrap_or(0);
    if width >= WIDEST {
        let expected = format!("less than {WIDEST}");
        let field = "shared_expert_intermediate_size";
        return Err(BadFigure::new(field, width, expected));
    }
    Ok(width)
}

/// What a router has beside its matrix: a bias for each expert; Gemma 4's scales its input and each expert.
fn router_parameters(reader: &LayerReader<'_>, experts: u64) -> u64 {
    let config = reader.config;
    if reader.family.experts == ExpertKeys::Gemma {
        return reader.hidden + experts;
    }
    let has_bias = reader.family.router_bias && config.use_routing_bias != Some(false);
    u64::from(has_bias) * experts
}
