//! Each layer of a configuration: how it attends, and what feeds forward.

use super::attention;
use super::experts;
use super::family::{Bias, ExpertKeys, Family, States};
use super::fields::{FeedForwardBlock, HuggingFaceConfig, need};
use super::layer_reader::{LayerReader, MOST_LAYERS, WIDEST};
use super::states;
use crate::hardware::{Attention, BadFigure, DenseLayer, FeedForward, LayerGroup};

/// The layers in their order.
pub(super) fn each(config: &HuggingFaceConfig, family: &Family, hidden: u64) -> Result<Vec<LayerGroup>, BadFigure> {
    let layers = number(config)?;
    check_lists(config, layers)?;
    refuse_other_layers(config, family)?;
    let reader = LayerReader {
        config,
        family,
        hidden,
        layers,
    };
    (0..layers).map(|index| reader.layer(index)).collect()
}

/// Like ones together, in the order of their first.
pub(super) fn together(layers: Vec<LayerGroup>) -> Vec<LayerGroup> {
    let mut groups: Vec<LayerGroup> = Vec::new();
    for layer in layers {
        let alike = |other: &&mut LayerGroup| {
            other.attention == layer.attention
                && other.feed_forward == layer.feed_forward
                && other.norm_parameters == layer.norm_parameters
        };
        match groups.iter_mut().find(alike) {
            Some(other) => other.count += 1,
            None => groups.push(layer),
        }
    }
    groups
}

/// `num_hidden_layers`, which files that list every layer may leave out.
fn number(config: &HuggingFaceConfig) -> Result<u64, BadFigure> {
    let lists = [
        config.layers_block_type.as_ref().map(Vec::len),
        config.hybrid_override_pattern.as_ref().map(String::len),
        config.block_configs.as_ref().map(Vec::len),
    ];
    let listed = lists.into_iter().flatten().next().map(|count| count as u64);
    need("num_hidden_layers", config.num_hidden_layers.or(listed), MOST_LAYERS)
}

/// Lists with an entry for each layer have as many, and may go on for those that only draft.
fn check_lists(config: &HuggingFaceConfig, layers: u64) -> Result<(), BadFigure> {
    let words = |list: &Option<Vec<String>>| list.as_ref().map(Vec::len);
    let numbers = |list: &Option<Vec<u64>>| list.as_ref().map(Vec::len);
    let lists = [
        ("layer_types", words(&config.layer_types)),
        ("layers_block_type", words(&config.layers_block_type)),
        ("mlp_layer_types", words(&config.mlp_layer_types)),
        ("indexer_types", words(&config.indexer_types)),
        ("hybrid_layer_pattern", numbers(&config.hybrid_layer_pattern)),
        ("attn_type_list", numbers(&config.attn_type_list)),
        (
            "hybrid_override_pattern",
            config.hybrid_override_pattern.as_ref().map(String::len),
        ),
        ("block_configs", config.block_configs.as_ref().map(Vec::len)),
    ];
    for (field, length) in lists {
        let drafting = config.num_nextn_predict_layers.unwrap_or(0).min(MOST_LAYERS);
        let fits = |length: u64| (layers..=layers + drafting).contains(&length);
        if let Some(length) = length.filter(|&length| !fits(length as u64)) {
            let given = format!("a list of {length}");
            let expected = format!("one entry for each of the {layers} layers");
            return Err(BadFigure::new(field, given, expected));
        }
    }
    Ok(())
}

/// Fields that make layers into what the type does not have: to pass over them would give a wrong size.
fn refuse_other_layers(config: &HuggingFaceConfig, family: &Family) -> Result<(), BadFigure> {
    let listed = config.moe_num_experts.as_ref().and_then(|one| one.of_layer(0));
    let experts = [
        ("num_experts", config.num_experts),
        ("num_local_experts", config.num_local_experts),
        ("n_routed_experts", config.n_routed_experts),
        ("moe_num_experts", listed),
    ];
    let experts = experts.into_iter().filter_map(|(field, count)| Some((field, count?)));
    if family.experts == ExpertKeys::None
        && let Some((field, count)) = experts.into_iter().find(|(_, count)| *count > 1)
    {
        let expected = "absent from a model of this type, whose layers have no experts; model.as may name one that has \
                        them";
        return Err(BadFigure::new(field, count, expected));
    }
    if !family.latent_attention
        && let Some(rank) = config.kv_lora_rank
    {
        let expected = "absent from a model of this type, which has no latent attention";
        return Err(BadFigure::new("kv_lora_rank", rank, expected));
    }
    let states = [
        ("mamba_d_state", config.mamba_d_state),
        ("ssm_state_size", config.ssm_state_size),
        ("linear_num_value_heads", config.linear_num_value_heads),
    ];
    let mut states = states.into_iter().filter_map(|(field, value)| Some((field, value?)));
    if family.states == States::Never
        && let Some((field, value)) = states.next()
    {
        let expected = "absent from a model of this type, whose layers keep no state";
        return Err(BadFigure::new(field, value, expected));
    }
    if config
        .cross_attention_layers
        .as_ref()
        .is_some_and(|layers| !layers.is_empty())
    {
        let expected = "absent: layers that keep keys and values of images are not modelled";
        return Err(BadFigure::new("cross_attention_layers", "given", expected));
    }
    if config.use_cla == Some(true) {
        let expected = "false: layers that share keys and values are not modelled";
        return Err(BadFigure::new("use_cla", true, expected));
    }
    Ok(())
}

impl LayerReader<'_> {
    fn layer(&self, index: u64) -> Result<LayerGroup, BadFigure> {
        let (attention, feed_forward) = match states::own_layer(self, index)? {
            Some(alone) => alone,
            None => match states::layer(self, index)? {
                Some(state) => (Attention::State(state), self.feed_forward(index)?),
                None => (attention::layer(self, index)?, self.feed_forward(index)?),
            },
        };
        let norms = self.norms(&attention, &feed_forward) * self.family.norm.parameters(self.hidden);
        Ok(LayerGroup {
            count: 1,
            norm_parameters: norms + self.side_parameters_of_layer(),
            attention,
            feed_forward,
        })
    }

    /// Falcon's layers share one norm between attention and feed-forward when these run in parallel, except in the
    /// newer architecture, which has one each. Gemma's have three more where experts stand beside the dense network.
    /// What a search has taken out has no norm.
    fn norms(&self, attention: &Attention, feed_forward: &FeedForward) -> u64 {
        let config = self.config;
        let newer = config.new_decoder_architecture.unwrap_or(false);
        let in_series = config.parallel_attn == Some(false);
        if self.family.attention_bias == Bias::Falcon && (newer || in_series) {
            return 2;
        }
        let norms = self.family.norms_per_layer;
        if config.block_configs.is_some() {
            let parts = [*attention != Attention::Nothing, *feed_forward != FeedForward::Nothing];
            return parts.into_iter().filter(|&part| part).count() as u64;
        }
        match (self.family.experts, feed_forward) {
            (ExpertKeys::Gemma, FeedForward::Experts(_)) => norms + 3,
            _ => norms,
        }
    }

    /// Gemma 4's gate, projection and norm of embeddings per layer, and its scale of the layer.
    fn side_parameters_of_layer(&self) -> u64 {
        let width = self.config.hidden_size_per_layer_input.unwrap_or(0).min(WIDEST);
        match (self.family.experts, width) {
            (ExpertKeys::Gemma, 0) => 1,
            (ExpertKeys::Gemma, width) => 2 * self.hidden * width + self.hidden + 1,
            _ => 0,
        }
    }

    pub(super) fn feed_forward(&self, index: u64) -> Result<FeedForward, BadFigure> {
        if let Some(blocks) = &self.config.block_configs {
            return searched(&blocks[index as usize].ffn, self.hidden);
        }
        if experts::stand_in(self, index)? {
            return experts::layer(self, index).map(FeedForward::Experts);
        }
        self.dense(index)
    }

    fn dense(&self, index: u64) -> Result<FeedForward, BadFigure> {
        let (config, family) = (self.config, self.family);
        if family.attention_bias == Bias::Falcon {
            let width = config.ffn_hidden_size.unwrap_or(4 * self.hidden);
            return Ok(FeedForward::Dense(DenseLayer {
                intermediate: need("ffn_hidden_size", Some(width), WIDEST)?,
                gated: false,
                bias: config.bias.unwrap_or(false),
            }));
        }
        let (field, width) = match family.experts {
            ExpertKeys::Llama4 => ("intermediate_size_mlp", config.intermediate_size_mlp),
            ExpertKeys::Granite if config.shared_intermediate_size.is_some() => {
                ("shared_intermediate_size", config.shared_intermediate_size)
            }
            _ if config.dense_intermediate_size.is_some() => {
                ("dense_intermediate_size", config.dense_intermediate_size)
            }
            _ => ("intermediate_size", config.intermediate_size),
        };
        let mut intermediate = need(field, width, WIDEST / 2)?;
        if config.use_double_wide_mlp == Some(true) && attention::reads_an_earlier_layer(self, index) {
            intermediate *= 2;
        }
        Ok(FeedForward::Dense(DenseLayer {
            intermediate,
            gated: family.gated,
            bias: config.mlp_bias.or(config.use_bias).unwrap_or(false) && family.states == States::Never,
        }))
    }
}

/// What a search has left of a feed-forward network (Nemotron-NAS): a multiple of two thirds of the width, rounded up
/// to 256, as `_ffn_mult_to_intermediate_size` in `model_executor/models/nemotron_nas.py` of vLLM.
fn searched(block: &FeedForwardBlock, hidden: u64) -> Result<FeedForward, BadFigure> {
    if block.no_op == Some(true) {
        return Ok(FeedForward::Nothing);
    }
    if block.replace_with_linear == Some(true) {
        let expected = "a network or nothing: linear layers in its place are not modelled";
        return Err(BadFigure::new("block_configs", "ffn.replace_with_linear", expected));
    }
    let of_multiple = block.ffn_mult.map(|multiple| {
        let width = (2.0 * multiple * hidden as f64 / 3.0).clamp(0.0, WIDEST as f64) as u64;
        width.next_multiple_of(256)
    });
    Ok(FeedForward::Dense(DenseLayer {
        intermediate: need("ffn_mult", block.intermediate_size.or(of_multiple), WIDEST)?,
        gated: true,
        bias: false,
    }))
}
