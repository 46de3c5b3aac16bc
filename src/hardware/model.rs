//! One language model: its layers, and from them its parameters and its keys and values.

use super::{
    Attention, BadFigure, DenseLayer, FeedForward, KvFootprint, KvPrecision, LinearKind, PublishedWeights, Reach,
    RotaryTables, StateLayer, Unquantised, VisionTower, WeightPrecision, Weights, WindowedKv, WindowedLayers,
};

/// A model whose figures have been checked: no count below can overflow.
#[derive(Clone, Debug, PartialEq)]
pub struct Model(ModelFigures);

/// The figures of a decoder-only model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFigures {
    /// The name in scenario files.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// Width of the residual stream.
    pub hidden_size: u64,
    /// Entries of the vocabulary.
    pub vocab_size: u64,
    /// Whether the head uses the embedding's matrix.
    pub tied_embeddings: bool,
    /// Parameters of the norm before the head.
    pub final_norm_parameters: u64,
    /// The longest context it was made for [tokens].
    pub max_model_len: u32,
    /// The tables of its rotary embeddings.
    pub rotary: RotaryTables,
    /// Its layers, like ones together.
    pub layers: Vec<LayerGroup>,
    /// Parameters beside the layers, the embedding and the head that GPUs divide: Gemma's embeddings per layer.
    pub side_parameters: u64,
    /// How the checkpoint stores its linear layers, if it is quantised.
    pub published: Option<PublishedWeights>,
    /// What its quantised checkpoints leave in 16 bits beside embeddings, head, norms, routers and biases.
    pub unquantised: Unquantised,
    /// What it sees with, if it does.
    pub vision: Option<VisionTower>,
}

/// Layers that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerGroup {
    /// How many there are.
    pub count: u64,
    /// How each of these layers attends.
    pub attention: Attention,
    /// Their feed-forward part.
    pub feed_forward: FeedForward,
    /// Parameters of the norms of one layer, those of queries and keys not included.
    pub norm_parameters: u64,
}

impl LayerGroup {
    /// Whether these layers have experts.
    pub const fn has_experts(&self) -> bool {
        matches!(self.feed_forward, FeedForward::Experts(_))
    }

    /// Whether their feed-forward part is a network without experts.
    pub const fn is_dense(&self) -> bool {
        matches!(self.feed_forward, FeedForward::Dense(_))
    }
}

/// The widest dimension accepted anywhere: products of two and a count of experts stay below 2^63.
const WIDEST: u64 = 1 << 24;
/// The most parameters accepted: a thousand times what is trained today, and far from overflow.
const MOST_PARAMETERS: f64 = 1e15;
/// With contexts of at most 2^30 tokens, sizes of requests then stay below 2^63.
const MOST_KV_BYTES_PER_TOKEN: u64 = 1 << 32;

impl Model {
    /// Checks the figures.
    pub fn new(figures: ModelFigures) -> Result<Self, BadFigure> {
        within("hidden_size", figures.hidden_size, WIDEST)?;
        within("vocab_size", figures.vocab_size, 1 << 30)?;
        within("max_model_len", u64::from(figures.max_model_len), 1 << 30)?;
        within("layers", figures.layers.len() as u64, 10_000)?;
        let mut parameters = figures.side_parameters as f64;
        for group in &figures.layers {
            within("layers", group.count, 10_000)?;
            check_attention(&group.attention)?;
            check_feed_forward(&group.feed_forward)?;
            parameters += roughly(group, figures.hidden_size) * group.count as f64;
        }
        parameters += 2.0 * figures.hidden_size as f64 * figures.vocab_size as f64;
        if parameters > MOST_PARAMETERS {
            return Err(BadFigure::new(
                "the number of parameters",
                format!("{parameters:e}"),
                "at most 1e15",
            ));
        }
        if !figures.layers.iter().any(|group| group.attention.keeps_tokens()) {
            let expected = "some that attend to tokens: a model that keeps a state alone has no KV cache to plan";
            return Err(BadFigure::new("layers", "none with keys and values", expected));
        }
        if let Some(vision) = &figures.vision {
            vision.check()?;
        }
        let model = Self(figures);
        let kv_bytes = model.kv_bytes_per_token(KvPrecision::Bf16, 1);
        if kv_bytes > MOST_KV_BYTES_PER_TOKEN {
            let expected = "at most 4 GiB; check the numbers of heads and layers";
            let field = "the size of one token's keys and values";
            return Err(BadFigure::new(field, format!("{kv_bytes} bytes"), expected));
        }
        Ok(model)
    }

    /// The name in scenario files.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The name for people.
    pub fn title(&self) -> &str {
        &self.0.title
    }

    /// Width of the residual stream.
    pub const fn hidden_size(&self) -> u64 {
        self.0.hidden_size
    }

    /// Entries of the vocabulary.
    pub const fn vocab_size(&self) -> u64 {
        self.0.vocab_size
    }

    /// The longest context it was made for [tokens].
    pub const fn max_model_len(&self) -> u32 {
        self.0.max_model_len
    }

    /// Its layers, like ones together.
    pub fn layers(&self) -> &[LayerGroup] {
        &self.0.layers
    }

    /// What it sees with, if it does.
    pub const fn vision(&self) -> Option<&VisionTower> {
        self.0.vision.as_ref()
    }

    /// Mean bits of a parameter of such a layer when the weights are stored so [bits]: as in the checkpoint if that is
    /// the format of most of it, else with everything quantised that checkpoints do not leave alone.
    pub fn bits(&self, kind: LinearKind, weights: WeightPrecision) -> f64 {
        let has_experts = self.has_experts();
        match self.0.published.filter(|published| published.main == weights) {
            Some(published) => published.of(kind).bits,
            None => self.0.unquantised.bits(kind, weights, has_experts),
        }
    }

    /// The number format of most parameters of such a layer when the weights are stored so.
    pub fn precision(&self, kind: LinearKind, weights: WeightPrecision) -> WeightPrecision {
        match self.0.published.filter(|published| published.main == weights) {
            Some(published) => published.of(kind).precision,
            None if self.bits(kind, weights) < 16.0 => weights,
            None => WeightPrecision::Bf16,
        }
    }

    /// How the checkpoint stores its linear layers, if it is quantised.
    pub const fn published(&self) -> Option<&PublishedWeights> {
        self.0.published.as_ref()
    }

    /// The model whose linear layers a checkpoint stores so, in the format of most of them.
    #[must_use]
    pub fn stored_as(mut self, published: PublishedWeights) -> Self {
        self.0.published = Some(published);
        self
    }

    /// What one request keeps in the layers that have a state, however long its context, on one of `tensor_parallel`
    /// GPUs [bytes].
    pub fn state_bytes_per_request(&self, tensor_parallel: u32) -> u64 {
        let gpus = u64::from(tensor_parallel.max(1));
        let layers = self.0.layers.iter();
        layers
            .map(|group| group.attention.state_bytes(gpus) * group.count)
            .sum()
    }

    /// Whether any layer keeps a state.
    pub fn has_states(&self) -> bool {
        let has = |group: &LayerGroup| matches!(group.attention, Attention::State(_));
        self.0.layers.iter().any(has)
    }

    /// Whether any layer attends to chosen tokens only.
    pub fn has_indexers(&self) -> bool {
        self.0.layers.iter().any(|group| group.attention.indexer().is_some())
    }

    /// The tables of cosines and sines for rotary embeddings, whole on every GPU [bytes].
    pub fn rotary_table_bytes(&self) -> u64 {
        let layers = self.0.layers.iter().map(|group| &group.attention);
        let rotating = layers.map(|attention| (attention.reach(), attention.rotary_width()));
        self.0.rotary.bytes(rotating)
    }

    /// Whether any layer has latent attention.
    pub fn has_latent_attention(&self) -> bool {
        let is_latent = |group: &LayerGroup| matches!(group.attention, Attention::Latent(_));
        self.0.layers.iter().any(is_latent)
    }

    /// Whether no layer keeps the whole context.
    pub fn forgets_in_every_layer(&self) -> bool {
        let mut layers = self.0.layers.iter();
        layers.all(|group| group.attention.reach() != Reach::Full)
    }

    /// Layers of every kind.
    pub fn layer_count(&self) -> u64 {
        self.0.layers.iter().map(|group| group.count).sum()
    }

    /// Whether any layer has experts.
    pub fn has_experts(&self) -> bool {
        self.0.layers.iter().any(LayerGroup::has_experts)
    }

    /// Parameters of the language model; vision towers and multi-token-prediction layers are not part of it.
    pub fn parameters(&self) -> u64 {
        self.weights(1).total()
    }

    /// Parameters that one token passes through, by this convention: the chosen experts only, and both embedding and
    /// head in full. (Some vendors leave the input embedding out: gpt-oss-120b is then 5.13 instead of 5.71 billion.)
    pub fn active_parameters(&self) -> u64 {
        self.weights(1).active()
    }

    /// Parameters on one of `tensor_parallel` GPUs. Divided: embedding and head by vocabulary, projections by heads,
    /// feed-forward networks and experts by width. On every GPU: norms, routers, the biases that are added after a
    /// reduction, compressing projections of latent attention, and key-value heads when there are fewer than GPUs.
    pub fn weights(&self, tensor_parallel: u32) -> Weights {
        let gpus = u64::from(tensor_parallel.max(1));
        let hidden = self.0.hidden_size;
        let embedding = hidden * self.0.vocab_size.div_ceil(gpus);
        let ends = Weights {
            head: embedding * u64::from(!self.0.tied_embeddings),
            plain: embedding + self.0.side_parameters.div_ceil(gpus) + self.0.final_norm_parameters,
            ..Weights::default()
        };
        ends + self.layer_weights(tensor_parallel)
    }

    /// The part of [`Model::weights`] that lies in the layers: all but embedding, head and the norm before it.
    pub fn layer_weights(&self, tensor_parallel: u32) -> Weights {
        let gpus = u64::from(tensor_parallel.max(1));
        let hidden = self.0.hidden_size;
        let mut sum = Weights::default();
        for group in &self.0.layers {
            let layer = group.attention.weights(hidden, gpus) + group.feed_forward.weights(hidden, gpus);
            let norms = group.norm_parameters * group.count;
            sum += layer * group.count;
            sum.plain += norms;
        }
        sum
    }

    /// The model with one plain layer only: it attends like the last one that does, to everything, and its feed-forward
    /// part is dense, as wide as what one token passes through.
    #[must_use]
    pub fn dense_layer_alone(&self) -> Self {
        let mut figures = self.last_layer_alone().0;
        let layer = &mut figures.layers[0];
        if let Attention::Grouped(grouped) = &mut layer.attention {
            grouped.reach = Reach::Full;
            grouped.indexer = None;
            grouped.reads_an_earlier_layer = false;
        }
        if let FeedForward::Experts(experts) = &layer.feed_forward {
            layer.feed_forward = FeedForward::Dense(DenseLayer {
                intermediate: experts.experts_per_token * experts.intermediate + experts.shared_intermediate,
                gated: experts.gated,
                bias: false,
            });
        }
        Self(figures)
    }

    /// The model with one layer only, a copy of the last that attends to tokens.
    #[must_use]
    pub fn last_layer_alone(&self) -> Self {
        let layers = &self.0.layers;
        let last = layers.iter().rfind(|group| group.attention.keeps_tokens());
        let last = last.expect("a model has layers that attend");
        let mut figures = self.0.clone();
        figures.layers = vec![LayerGroup {
            count: 1,
            ..last.clone()
        }];
        figures.vision = None;
        Self(figures)
    }

    /// Size of the weights on one of `tensor_parallel` GPUs, vision tower included [bytes].
    pub fn weights_bytes(&self, precision: WeightPrecision, tensor_parallel: u32) -> u64 {
        let gpus = u64::from(tensor_parallel.max(1));
        let vision = self.0.vision.map_or(0, |tower| tower.weights_bytes(gpus));
        let language = self.weights(tensor_parallel);
        language.bytes(|kind| self.bits(kind, precision)) + vision
    }

    /// The part of [`Model::weights_bytes`] that lies in the language model's layers [bytes].
    pub fn layer_weights_bytes(&self, precision: WeightPrecision, tensor_parallel: u32) -> u64 {
        let layers = self.layer_weights(tensor_parallel);
        layers.bytes(|kind| self.bits(kind, precision))
    }

    /// Keys and values of one token on one of `tensor_parallel` GPUs, every layer keeping the whole context [bytes].
    pub fn kv_bytes_per_token(&self, kv: KvPrecision, tensor_parallel: u32) -> u64 {
        self.kv_footprint(kv, tensor_parallel).bytes_per_token()
    }

    /// Keys and values of a context of `tokens` on one of `tensor_parallel` GPUs [bytes].
    pub fn kv_bytes_for_context(
        &self,
        tokens: f64,
        kv: KvPrecision,
        tensor_parallel: u32,
        layers: WindowedLayers,
    ) -> f64 {
        let footprint = self.kv_footprint(kv, tensor_parallel);
        footprint.bytes_for_context(tokens, layers)
    }

    /// Keys and values on one of `tensor_parallel` GPUs, by how long a layer must keep them.
    pub fn kv_footprint(&self, kv: KvPrecision, tensor_parallel: u32) -> KvFootprint {
        let gpus = u64::from(tensor_parallel.max(1));
        let mut footprint = KvFootprint {
            state_bytes_per_request: self.state_bytes_per_request(tensor_parallel),
            ..KvFootprint::default()
        };
        for group in &self.0.layers {
            let bytes = group.attention.kv_bytes_per_token(kv, gpus) * group.count;
            match group.attention.reach() {
                Reach::Sliding(window) => add_windowed(&mut footprint.windowed, window, bytes),
                Reach::Full | Reach::Chunked(_) => footprint.unbounded_bytes_per_token += bytes,
            }
        }
        footprint
    }

    /// Whether `tensor_parallel` GPUs can divide the heads: query heads evenly, and key-value heads evenly or each
    /// repeated on the same number of GPUs (vLLM, `model_executor/models/llama.py`).
    pub fn check_tensor_parallel(&self, tensor_parallel: u32) -> Result<(), BadFigure> {
        let gpus = u64::from(tensor_parallel);
        for group in &self.0.layers {
            let queries = group.attention.query_heads();
            // Nothing has no heads, and no number divides it unevenly.
            let whole = gpus > 0 && queries.is_multiple_of(gpus);
            if !whole {
                let expected = format!("a divisor of the {queries} attention heads");
                return Err(BadFigure::new("tensor_parallel", gpus, expected));
            }
            if let Some(heads) = group.attention.kv_heads()
                && !heads.is_multiple_of(gpus)
                && !gpus.is_multiple_of(heads)
            {
                let expected = format!("a divisor or a multiple of the {heads} key-value heads");
                return Err(BadFigure::new("tensor_parallel", gpus, expected));
            }
        }
        Ok(())
    }
}

fn add_windowed(windowed: &mut Vec<WindowedKv>, window: u64, bytes: u64) {
    match windowed.iter_mut().find(|kind| kind.window == window) {
        Some(kind) => kind.bytes_per_token += bytes,
        None => windowed.push(WindowedKv {
            window,
            bytes_per_token: bytes,
        }),
    }
}

fn within(field: &'static str, value: u64, most: u64) -> Result<(), BadFigure> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    let expected = format!("a whole number from 1 to {most}");
    Err(BadFigure::new(field, value, expected))
}

fn check_attention(attention: &Attention) -> Result<(), BadFigure> {
    match attention {
        Attention::Grouped(grouped) => {
            within("query_heads", grouped.query_heads, 1 << 16)?;
            within("kv_heads", grouped.kv_heads, grouped.query_heads)?;
            within("head_dim", grouped.head_dim, 1 << 16)?;
            within("value_head_dim", grouped.value_head_dim, 1 << 16)?;
            check_indexer(attention)?;
            within("window", grouped.reach.window().unwrap_or(1), 1 << 30)?;
            if !grouped.query_heads.is_multiple_of(grouped.kv_heads) {
                let expected = format!("a divisor of the {} query heads", grouped.query_heads);
                return Err(BadFigure::new("kv_heads", grouped.kv_heads, expected));
            }
        }
        Attention::Latent(latent) => {
            within("heads", latent.heads, 1 << 16)?;
            within("query_rank", latent.query_rank.unwrap_or(1), 1 << 16)?;
            within("kv_rank", latent.kv_rank, 1 << 16)?;
            within("nope_head_dim", latent.nope_head_dim, 1 << 16)?;
            within("rope_head_dim", latent.rope_head_dim, 1 << 16)?;
            within("value_head_dim", latent.value_head_dim, 1 << 16)?;
            check_indexer(attention)?;
        }
        Attention::State(state) => check_state(state)?,
        Attention::Nothing => {}
    }
    Ok(())
}

fn check_indexer(attention: &Attention) -> Result<(), BadFigure> {
    let Some(indexer) = attention.indexer() else {
        return Ok(());
    };
    within("index_n_heads", indexer.heads, 1 << 12)?;
    within("index_head_dim", indexer.head_dim, 1 << 12)?;
    within("index_topk", indexer.top_k, 1 << 30)?;
    within("the inputs of the indexer", indexer.query_inputs, WIDEST)
}

fn check_state(state: &StateLayer) -> Result<(), BadFigure> {
    within("the heads of the state", state.heads, 1 << 16)?;
    for one in &state.projections {
        within("the width of a state's projection", one.inputs.max(one.outputs), WIDEST)?;
    }
    let values = [
        ("the values of the state", state.recurrent_values),
        ("the channels of the convolution", state.conv_channels + 1),
        ("the groups of the convolution", state.conv_groups + 1),
        ("the channels of a group", state.group_channels + 1),
        (
            "the parameters beside projections",
            state.divided_parameters + state.whole_parameters + 1,
        ),
    ];
    for (field, value) in values {
        within(field, value, 1 << 32)?;
    }
    within("the width of the convolution", state.conv_memory + 1, 1 << 10)
}

fn check_feed_forward(feed_forward: &FeedForward) -> Result<(), BadFigure> {
    match feed_forward {
        FeedForward::Nothing => Ok(()),
        FeedForward::Dense(dense) => within("intermediate", dense.intermediate, WIDEST),
        FeedForward::Experts(layer) => {
            within("experts", layer.experts, 1 << 16)?;
            within("experts_per_token", layer.experts_per_token, layer.experts)?;
            within("intermediate", layer.intermediate, WIDEST)?;
            within("the width before the experts", layer.latent.unwrap_or(1), WIDEST)?;
            // No shared expert is fine: 0 + 1 passes.
            within("shared_intermediate", layer.shared_intermediate + 1, WIDEST)
        }
    }
}

/// Parameters of one layer in floating point, which cannot overflow: within a factor of two, enough to refuse nonsense.
fn roughly(group: &LayerGroup, hidden: u64) -> f64 {
    let width = match &group.attention {
        Attention::Grouped(grouped) => 4.0 * grouped.query_heads as f64 * grouped.head_dim as f64,
        Attention::Latent(latent) => {
            let widths = latent.nope_head_dim + latent.rope_head_dim + latent.value_head_dim;
            let ranks = latent.query_rank.unwrap_or(0) + latent.kv_rank + latent.rope_head_dim;
            3.0 * latent.heads as f64 * widths as f64 + ranks as f64
        }
        Attention::State(state) => {
            let matrices = state.projections.iter();
            let parameters: f64 = matrices.map(|one| one.inputs as f64 * one.outputs as f64).sum();
            parameters / hidden as f64
        }
        Attention::Nothing => 0.0,
    };
    let feed_forward = match &group.feed_forward {
        FeedForward::Nothing => 0.0,
        FeedForward::Dense(dense) => 3.0 * dense.intermediate as f64,
        FeedForward::Experts(layer) => {
            let routed = 3.0 * layer.experts as f64 * layer.intermediate as f64;
            routed + 3.0 * layer.shared_intermediate as f64 + layer.experts as f64
        }
    };
    hidden as f64 * (width + feed_forward)
}
