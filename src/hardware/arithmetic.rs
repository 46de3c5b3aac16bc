//! What one step of a model costs one GPU in operations and bytes, before any question of speed.
//!
//! The step-time model divides these by rates; the metrics divide their sums over a run by what the GPU could have
//! done. All figures are for one of `tensor_parallel` GPUs.

use super::{Attention, ExpertLayer, FeedForward, Indexer, KvPrecision, LinearKind, Model, WeightPrecision};

/// Operations and bytes of one GPU's share of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Arithmetic {
    /// Operations of the linear layers per token in the step, the head not included; two per multiply-add.
    pub flops_per_token: f64,
    /// Operations of the head per token sampled.
    pub flops_per_sampled_token: f64,
    /// Weights that every step reads: all but the routed experts and the embedding's rows [bytes].
    pub weight_bytes_always: f64,
    /// Layers with routed experts, of which a step reads those that its tokens choose.
    pub experts: Vec<ExpertLayers>,
    /// Layers by how far back they look. Sparse attention looks at the tokens that its indexer chooses, and its indexer
    /// at all of them.
    pub attention: Vec<AttentionLayers>,
    /// What layers with a state read and write of it in a step, for each request in it [bytes].
    pub state_bytes_per_request: f64,
    /// Operations on these states per token in the step (part of `flops_per_token`).
    pub state_flops_per_token: f64,
}

/// Layers with the same routed experts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpertLayers {
    /// How many layers.
    pub layers: f64,
    /// Routed experts in each.
    pub experts: f64,
    /// Routed experts a token passes through.
    pub experts_per_token: f64,
    /// Weights of one expert [bytes].
    pub bytes_per_expert: f64,
}

/// Layers that look equally far back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionLayers {
    /// The most tokens of context a token attends to; `None` if unlimited.
    pub window: Option<u64>,
    /// How many layers.
    pub layers: f64,
    /// Keys and values per token of context in all of them [bytes].
    pub kv_bytes_per_context_token: f64,
    /// Operations per query-key pair in all of them.
    pub flops_per_pair: f64,
    /// Operations of a decoding token per token of context in all of them.
    pub decode_flops_per_context_token: f64,
    /// Query heads on one GPU in all of them; none of latent attention, whose heads read one vector together.
    pub query_heads: f64,
    /// Query heads that share keys and values.
    pub queries_per_kv_head: f64,
    /// Key-value heads of one layer on one GPU; none of latent attention.
    pub kv_heads: f64,
    /// Width of a head: the mean of its keys' and its values'; 0 of latent attention.
    pub head_dim: f64,
    /// Heads of one layer of latent attention on one GPU; none of others.
    pub latent_heads: f64,
}

impl Arithmetic {
    /// Adds up the model's layers.
    pub fn new(model: &Model, weights: WeightPrecision, kv: KvPrecision, tensor_parallel: u32) -> Self {
        let gpus = u64::from(tensor_parallel.max(1));
        let share = model.weights(tensor_parallel);
        let head = (model.hidden_size() * model.vocab_size().div_ceil(gpus)) as f64;
        let linear_bytes = share.linear_bits(|kind| model.bits(kind, weights)) / 8.0;
        let head_bytes = head * model.bits(LinearKind::Head, weights) / 8.0;
        let state_flops_per_token = model.layers().iter().map(|group| match &group.attention {
            Attention::State(state) => (group.count * state.flops_per_token(gpus)) as f64,
            _ => 0.0,
        });
        let state_flops_per_token = state_flops_per_token.sum::<f64>();
        let mut sum = Self {
            flops_per_token: 2.0 * (share.linear() + share.active_experts) as f64 + state_flops_per_token,
            flops_per_sampled_token: 2.0 * head,
            weight_bytes_always: linear_bytes + head_bytes,
            experts: Vec::new(),
            attention: Vec::new(),
            state_bytes_per_request: 2.0 * model.state_bytes_per_request(tensor_parallel) as f64,
            state_flops_per_token,
        };
        for group in model.layers() {
            if group.attention.keeps_tokens() {
                sum.add_attention(&group.attention, group.count, kv, gpus);
            }
            if let FeedForward::Experts(layer) = &group.feed_forward {
                let hidden = model.hidden_size();
                let bits = model.bits(LinearKind::Experts, weights);
                let kind = ExpertLayers::new(layer, group.count, hidden, bits, gpus);
                sum.experts.push(kind);
            }
        }
        sum
    }

    fn add_attention(&mut self, attention: &Attention, layers: u64, kv: KvPrecision, gpus: u64) {
        let chosen = attention.indexer().map(|indexer| indexer.top_k);
        let window = attention.reach().window().or(chosen);
        let of_indexer = attention.indexer().map_or(0, Indexer::bytes_per_token);
        let layers = layers as f64;
        let none = AttentionLayers::none();
        let heads = match attention {
            Attention::Grouped(grouped) => {
                let heads = grouped.query_heads.div_ceil(gpus) as f64;
                let kv_heads = grouped.kv_heads_on(gpus) as f64;
                AttentionLayers {
                    query_heads: layers * heads,
                    queries_per_kv_head: heads / kv_heads,
                    kv_heads,
                    head_dim: (grouped.head_dim + grouped.value_head_dim) as f64 / 2.0,
                    ..none
                }
            }
            Attention::Latent(latent) => AttentionLayers {
                latent_heads: latent.heads.div_ceil(gpus) as f64,
                ..none
            },
            Attention::State(_) | Attention::Nothing => none,
        };
        let kind = AttentionLayers {
            window,
            layers,
            kv_bytes_per_context_token: layers * (attention.kv_bytes_per_token(kv, gpus) - of_indexer) as f64,
            flops_per_pair: layers * attention.flops_per_pair(gpus),
            decode_flops_per_context_token: layers * attention.decode_flops_per_context_token(gpus),
            ..heads
        };
        self.add_layers(kind);
        if let Some(indexer) = attention.indexer() {
            let flops = layers * indexer.flops_per_pair() as f64;
            self.add_layers(AttentionLayers {
                kv_bytes_per_context_token: layers * of_indexer as f64,
                flops_per_pair: flops,
                decode_flops_per_context_token: flops,
                ..none
            });
        }
    }

    fn add_layers(&mut self, kind: AttentionLayers) {
        match self.attention.iter_mut().find(|like| like.is_like(&kind)) {
            Some(like) => {
                like.layers += kind.layers;
                like.kv_bytes_per_context_token += kind.kv_bytes_per_context_token;
                like.flops_per_pair += kind.flops_per_pair;
                like.decode_flops_per_context_token += kind.decode_flops_per_context_token;
                like.query_heads += kind.query_heads;
            }
            None => self.attention.push(kind),
        }
    }

    /// Weights of routed experts that a step of `tokens` reads, each once [bytes].
    pub fn expert_bytes_per_step(&self, tokens: f64) -> f64 {
        let experts = self
            .experts
            .iter()
            .map(|kind| kind.layers * kind.distinct_experts(tokens) * kind.bytes_per_expert);
        experts.sum()
    }
}

impl AttentionLayers {
    /// No layers at all.
    const fn none() -> Self {
        Self {
            window: None,
            layers: 0.0,
            kv_bytes_per_context_token: 0.0,
            flops_per_pair: 0.0,
            decode_flops_per_context_token: 0.0,
            query_heads: 0.0,
            queries_per_kv_head: 1.0,
            kv_heads: 0.0,
            head_dim: 0.0,
            latent_heads: 0.0,
        }
    }

    /// Whether layers have the same reach and the same heads.
    fn is_like(&self, other: &Self) -> bool {
        let heads =
            |one: &Self| [one.queries_per_kv_head, one.kv_heads, one.head_dim, one.latent_heads].map(f64::to_bits);
        self.window == other.window && heads(self) == heads(other)
    }
}

impl ExpertLayers {
    /// So many `layers` of one kind whose parameters have so many bits, on one of `gpus` GPUs.
    pub fn new(layer: &ExpertLayer, layers: u64, hidden: u64, bits: f64, gpus: u64) -> Self {
        let matrices = layer.matrices_of_one(hidden, gpus) as f64;
        Self {
            layers: layers as f64,
            experts: layer.experts as f64,
            experts_per_token: layer.experts_per_token as f64,
            bytes_per_expert: matrices * bits / 8.0,
        }
    }

    /// Expected number of distinct experts that `tokens` choose, each independently and evenly:
    /// `E (1 - (1 - k/E)^tokens)`.
    pub fn distinct_experts(&self, tokens: f64) -> f64 {
        let missed = 1.0 - self.experts_per_token / self.experts;
        self.experts * (1.0 - missed.powf(tokens))
    }
}
