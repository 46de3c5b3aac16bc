//! One attention layer: its parameters, its keys and values, its arithmetic.

use super::{DividedSide, Indexer, KvPrecision, Projection, StateLayer, Weights};

/// How a layer attends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attention {
    /// Multi-head, grouped-query or multi-query attention.
    Grouped(GroupedAttention),
    /// Multi-head latent attention: one compressed vector per token for all heads (DeepSeek-V2, arXiv 2405.04434).
    Latent(LatentAttention),
    /// No keys and values but a state.
    State(StateLayer),
    /// Not at all: layers of a feed-forward network alone.
    Nothing,
}

/// Query heads that share key and value heads: all of them their own (MHA), groups (GQA), or one (MQA).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an independent fact about a checkpoint"
)]
pub struct GroupedAttention {
    /// How many query heads the layer has.
    pub query_heads: u64,
    /// Key and value heads.
    pub kv_heads: u64,
    /// Width of a query or key head.
    pub head_dim: u64,
    /// Width of a value head.
    pub value_head_dim: u64,
    /// Whether the query, key and value projections have biases.
    pub query_key_value_bias: bool,
    /// Whether the output projection has a bias.
    pub output_bias: bool,
    /// The norms of queries and keys.
    pub query_key_norm: HeadNorms,
    /// What scales the result before the output projection.
    pub output_gate: OutputGate,
    /// Whether keys are values too, so that there is no projection of values (Gemma 4). Both are kept.
    pub keys_are_values: bool,
    /// Whether it reads the keys and values of an earlier layer and has none of its own (Gemma 4).
    pub reads_an_earlier_layer: bool,
    /// What chooses the tokens that it attends to, if it is sparse.
    pub indexer: Option<Indexer>,
    /// Whether each query head has a learned attention sink.
    pub sinks: bool,
    /// How far back it looks.
    pub reach: Reach,
}

/// Multi-head latent attention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatentAttention {
    /// How many heads the layer has, all with queries of their own.
    pub heads: u64,
    /// Rank of the compressed query; `None` if queries are projected directly.
    pub query_rank: Option<u64>,
    /// Rank of the compressed keys and values.
    pub kv_rank: u64,
    /// Width of a head's part without position.
    pub nope_head_dim: u64,
    /// Width of the rotary part; its key is shared by all heads.
    pub rope_head_dim: u64,
    /// Width of a head's value.
    pub value_head_dim: u64,
    /// Whether a projection of the residual stream scales the result (Kimi K3).
    pub output_gate: bool,
    /// What chooses the tokens that it attends to, if it is sparse.
    pub indexer: Option<Indexer>,
}

/// The norm weights of queries and keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadNorms {
    /// There are none.
    Absent,
    /// One of a head's width for all query heads, and one for all key heads.
    OfAHead,
    /// One of all query heads together, and one of all key heads (`OLMo` 2, `MiniMax`-M2).
    OfAllHeads,
}

/// What scales the result of attention before the output projection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputGate {
    /// Nothing.
    Absent,
    /// A number for each value, which the query projection gives too (Qwen3-Next).
    PerValue,
    /// A number for each head, by a projection of its own (Step 3.5).
    PerHead,
}

/// How far back a layer looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// The whole context.
    Full,
    /// The last so many tokens; older keys and values can be dropped.
    Sliding(u64),
    /// The aligned chunk of so many tokens that holds the token; keys and values of those before can be dropped.
    Chunked(u64),
}

impl Reach {
    /// The most tokens of context a token attends to; `None` if unlimited [tokens].
    pub const fn window(self) -> Option<u64> {
        match self {
            Self::Full => None,
            Self::Sliding(window) | Self::Chunked(window) => Some(window),
        }
    }
}

impl Attention {
    /// Whether the queries of all heads are normed together, and the keys, so that GPUs that share them have to add up.
    pub const fn norms_all_heads(&self) -> bool {
        match self {
            Self::Grouped(grouped) => matches!(grouped.query_key_norm, HeadNorms::OfAllHeads),
            Self::Latent(_) | Self::State(_) | Self::Nothing => false,
        }
    }

    /// How far back the layer looks.
    pub const fn reach(&self) -> Reach {
        match self {
            Self::Grouped(grouped) => grouped.reach,
            Self::Latent(_) | Self::State(_) | Self::Nothing => Reach::Full,
        }
    }

    /// Whether it keeps keys and values of every token, or of those in its window.
    pub const fn keeps_tokens(&self) -> bool {
        matches!(self, Self::Grouped(_) | Self::Latent(_))
    }

    /// Whether an indexer chooses the tokens it attends to.
    pub const fn indexer(&self) -> Option<&Indexer> {
        match self {
            Self::Grouped(grouped) => grouped.indexer.as_ref(),
            Self::Latent(latent) => latent.indexer.as_ref(),
            Self::State(_) | Self::Nothing => None,
        }
    }

    /// How many query heads the layer has, or heads of its state.
    pub const fn query_heads(&self) -> u64 {
        match self {
            Self::Grouped(grouped) => grouped.query_heads,
            Self::Latent(latent) => latent.heads,
            Self::State(state) => state.heads,
            Self::Nothing => 0,
        }
    }

    /// Width of what rotates with the position in a query or key.
    pub const fn rotary_width(&self) -> u64 {
        match self {
            Self::Grouped(grouped) => grouped.head_dim,
            Self::Latent(latent) => latent.rope_head_dim,
            Self::State(_) | Self::Nothing => 0,
        }
    }

    /// Heads whose keys and values are stored; `None` if the latent vector is, which no head owns, or nothing.
    pub const fn kv_heads(&self) -> Option<u64> {
        match self {
            Self::Grouped(grouped) => Some(grouped.kv_heads),
            Self::Latent(_) | Self::State(_) | Self::Nothing => None,
        }
    }

    /// What one request keeps of it however long its context, on one of `tensor_parallel` GPUs [bytes].
    pub const fn state_bytes(&self, tensor_parallel: u64) -> u64 {
        match self {
            Self::State(state) => state.state_bytes(tensor_parallel),
            Self::Grouped(_) | Self::Latent(_) | Self::Nothing => 0,
        }
    }

    /// Its matrices under their names in checkpoints; an indexer's in one.
    pub fn projections(&self, hidden: u64) -> Vec<Projection> {
        match self {
            Self::Grouped(grouped) => grouped.projections(hidden),
            Self::Latent(latent) => latent.projections(hidden),
            Self::State(state) => state.projections.clone(),
            Self::Nothing => Vec::new(),
        }
    }

    /// Parameters on one of `tensor_parallel` GPUs.
    pub fn weights(&self, hidden: u64, tensor_parallel: u64) -> Weights {
        match self {
            Self::Grouped(grouped) => grouped.weights(hidden, tensor_parallel),
            Self::Latent(latent) => latent.weights(hidden, tensor_parallel),
            Self::State(state) => state.weights(tensor_parallel),
            Self::Nothing => Weights::default(),
        }
    }

    /// Keys and values of one token on one of `tensor_parallel` GPUs, an indexer's key included [bytes].
    pub fn kv_bytes_per_token(&self, kv: KvPrecision, tensor_parallel: u64) -> u64 {
        let of_indexer = self.indexer().map_or(0, Indexer::bytes_per_token);
        let bytes = match self {
            Self::Grouped(grouped) if grouped.reads_an_earlier_layer => 0,
            Self::Grouped(grouped) => {
                let widths = grouped.head_dim + grouped.value_head_dim;
                grouped.kv_heads_on(tensor_parallel) * widths * kv.bytes()
            }
            // The latent vector is not divided: every GPU needs all of it for its heads.
            Self::Latent(latent) => latent.kv_bytes_per_token(kv),
            Self::State(_) | Self::Nothing => 0,
        };
        bytes + of_indexer
    }

    /// Arithmetic of one query-key pair on one GPU: score and weighted value, two operations a multiply-add.
    pub fn flops_per_pair(&self, tensor_parallel: u64) -> f64 {
        let widths = match self {
            Self::Grouped(grouped) => grouped.head_dim + grouped.value_head_dim,
            Self::Latent(latent) => latent.nope_head_dim + latent.rope_head_dim + latent.value_head_dim,
            Self::State(_) | Self::Nothing => 0,
        };
        (2 * self.query_heads().div_ceil(tensor_parallel) * widths) as f64
    }

    /// Arithmetic of one decoding token per token of its context. Latent attention decodes on the compressed vectors
    /// themselves ("absorbed": DeepSeek-V2 §2.1.2), which takes more arithmetic and less memory traffic.
    pub fn decode_flops_per_context_token(&self, tensor_parallel: u64) -> f64 {
        match self {
            Self::Grouped(_) | Self::State(_) | Self::Nothing => self.flops_per_pair(tensor_parallel),
            Self::Latent(latent) => {
                let widths = 2 * latent.kv_rank + latent.rope_head_dim;
                (2 * latent.heads.div_ceil(tensor_parallel) * widths) as f64
            }
        }
    }
}

impl GroupedAttention {
    /// Key and value heads on one GPU: divided, or repeated if there are fewer than GPUs.
    pub fn kv_heads_on(&self, tensor_parallel: u64) -> u64 {
        self.kv_heads.div_ceil(tensor_parallel)
    }

    /// Outputs of queries, keys, values and gates in one product, and inputs of the output projection, on one GPU.
    pub fn fused_widths(&self, tensor_parallel: u64) -> (u64, u64) {
        let heads = self.query_heads.div_ceil(tensor_parallel);
        let (keys, values) = self.kv_widths(tensor_parallel);
        let gates = if self.output_gate == OutputGate::PerHead {
            heads
        } else {
            0
        };
        let read = self.query_width(tensor_parallel) + keys + values + gates;
        (read, heads * self.value_head_dim)
    }

    /// Outputs of the query projection on one GPU.
    fn query_width(&self, tensor_parallel: u64) -> u64 {
        let gate = if self.output_gate == OutputGate::PerValue {
            self.value_head_dim
        } else {
            0
        };
        self.query_heads.div_ceil(tensor_parallel) * (self.head_dim + gate)
    }

    /// Outputs of the projections of keys and of values on one GPU.
    fn kv_widths(&self, tensor_parallel: u64) -> (u64, u64) {
        if self.reads_an_earlier_layer {
            return (0, 0);
        }
        let heads = self.kv_heads_on(tensor_parallel);
        let values = if self.keys_are_values { 0 } else { self.value_head_dim };
        (heads * self.head_dim, heads * values)
    }

    fn projections(&self, hidden: u64) -> Vec<Projection> {
        let (keys, values) = self.kv_widths(1);
        let mut all = vec![Projection::spread("q_proj", hidden, self.query_width(1))];
        if keys > 0 {
            all.push(Projection::spread("k_proj", hidden, keys));
        }
        if values > 0 {
            all.push(Projection::spread("v_proj", hidden, values));
        }
        if self.output_gate == OutputGate::PerHead {
            all.push(Projection::spread("g_proj", hidden, self.query_heads));
        }
        let result = self.query_heads * self.value_head_dim;
        all.push(Projection::gathered("o_proj", result, hidden));
        all.extend(self.indexer.iter().map(|one| of_indexer(one, hidden)));
        all
    }

    fn weights(&self, hidden: u64, tensor_parallel: u64) -> Weights {
        let heads = self.query_heads.div_ceil(tensor_parallel);
        let queries = self.query_width(tensor_parallel);
        let (keys, values) = self.kv_widths(tensor_parallel);
        let gates = if self.output_gate == OutputGate::PerHead {
            heads
        } else {
            0
        };
        let biases =
            u64::from(self.query_key_value_bias) * (queries + keys + values) + u64::from(self.output_bias) * hidden;
        let key_heads = if keys > 0 { self.kv_heads_on(tensor_parallel) } else { 0 };
        let norms = match self.query_key_norm {
            HeadNorms::Absent => 0,
            HeadNorms::OfAHead => (1 + key_heads.min(1)) * self.head_dim,
            HeadNorms::OfAllHeads => (heads + key_heads) * self.head_dim,
        };
        let sinks = u64::from(self.sinks) * heads;
        let (indexer, indexer_norm) = self
            .indexer
            .map_or((0, 0), |one| (one.parameters(hidden), one.norm_parameters()));
        Weights {
            attention: hidden * (queries + keys + values + gates) + heads * self.value_head_dim * hidden + indexer,
            plain: biases + norms + sinks + indexer_norm,
            ..Weights::default()
        }
    }
}

impl LatentAttention {
    /// In 8 bits an engine keeps the vector of sparse attention with a scale in fp32 per 128 values, and what rotates
    /// in 16 bits: `fp8_ds_mla` of vLLM, 656 bytes a token of DeepSeek-V3.2.
    fn kv_bytes_per_token(&self, kv: KvPrecision) -> u64 {
        if kv == KvPrecision::Fp8 && self.indexer.is_some() {
            return self.kv_rank + 4 * self.kv_rank.div_ceil(128) + 2 * self.rope_head_dim;
        }
        (self.kv_rank + self.rope_head_dim) * kv.bytes()
    }

    /// The compressing projections are repeated on every GPU, the expanding ones divided by heads
    /// (vLLM, `model_executor/models/deepseek_v2.py`).
    fn projections(&self, hidden: u64) -> Vec<Projection> {
        let query = self.heads * (self.nope_head_dim + self.rope_head_dim);
        let mut all = match self.query_rank {
            Some(rank) => vec![
                Projection::whole("q_a_proj", hidden, rank),
                Projection::spread("q_b_proj", rank, query),
            ],
            None => vec![Projection::spread("q_proj", hidden, query)],
        };
        let compressed = self.kv_rank + self.rope_head_dim;
        let expanded = self.heads * (self.nope_head_dim + self.value_head_dim);
        let values = self.heads * self.value_head_dim;
        all.push(Projection::whole("kv_a_proj_with_mqa", hidden, compressed));
        all.push(Projection::spread("kv_b_proj", self.kv_rank, expanded));
        if self.output_gate {
            all.push(Projection::spread("g_proj", hidden, values));
        }
        all.push(Projection::gathered("o_proj", values, hidden));
        all.extend(self.indexer.iter().map(|one| of_indexer(one, hidden)));
        all
    }

    fn weights(&self, hidden: u64, tensor_parallel: u64) -> Weights {
        // A head is not cut: whoever has one more holds a whole one.
        let heads = self.heads.div_ceil(tensor_parallel) * tensor_parallel;
        let whole_heads = Self { heads, ..self.clone() };
        let divided = whole_heads.projections(hidden);
        let on_one = divided.iter().map(|one| one.parameters_on(tensor_parallel));
        let indexer_norm = self.indexer.map_or(0, |one| one.norm_parameters());
        Weights {
            attention: on_one.sum(),
            plain: self.query_rank.unwrap_or(0) + self.kv_rank + indexer_norm,
            ..Weights::default()
        }
    }
}

/// An indexer as one matrix, which every GPU holds.
const fn of_indexer(indexer: &Indexer, hidden: u64) -> Projection {
    Projection {
        name: "indexer",
        inputs: 1,
        outputs: indexer.parameters(hidden),
        divided: DividedSide::Neither,
    }
}
