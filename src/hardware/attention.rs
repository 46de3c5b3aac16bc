//! One attention layer: its parameters, its keys and values, its arithmetic.

use super::{KvPrecision, Weights};

/// How a layer attends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attention {
    /// Multi-head, grouped-query or multi-query attention.
    Grouped(GroupedAttention),
    /// Multi-head latent attention: one compressed vector per token for all heads (DeepSeek-V2, arXiv 2405.04434).
    Latent(LatentAttention),
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
    /// Width of a head.
    pub head_dim: u64,
    /// Whether the query, key and value projections have biases.
    pub query_key_value_bias: bool,
    /// Whether the output projection has a bias.
    pub output_bias: bool,
    /// Whether queries and keys have a norm weight of the head's width each.
    pub query_key_norm: bool,
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
    /// How far back the layer looks.
    pub const fn reach(&self) -> Reach {
        match self {
            Self::Grouped(grouped) => grouped.reach,
            Self::Latent(_) => Reach::Full,
        }
    }

    /// How many query heads the layer has.
    pub const fn query_heads(&self) -> u64 {
        match self {
            Self::Grouped(grouped) => grouped.query_heads,
            Self::Latent(latent) => latent.heads,
        }
    }

    /// Width of what rotates with the position in a query or key.
    pub const fn rotary_width(&self) -> u64 {
        match self {
            Self::Grouped(grouped) => grouped.head_dim,
            Self::Latent(latent) => latent.rope_head_dim,
        }
    }

    /// Heads whose keys and values are stored; `None` if the latent vector is, which no head owns.
    pub const fn kv_heads(&self) -> Option<u64> {
        match self {
            Self::Grouped(grouped) => Some(grouped.kv_heads),
            Self::Latent(_) => None,
        }
    }

    /// Parameters on one of `tensor_parallel` GPUs.
    pub fn weights(&self, hidden: u64, tensor_parallel: u64) -> Weights {
        match self {
            Self::Grouped(grouped) => grouped.weights(hidden, tensor_parallel),
            Self::Latent(latent) => latent.weights(hidden, tensor_parallel),
        }
    }

    /// Keys and values of one token on one of `tensor_parallel` GPUs [bytes].
    pub fn kv_bytes_per_token(&self, kv: KvPrecision, tensor_parallel: u64) -> u64 {
        let values = match self {
            Self::Grouped(grouped) => 2 * grouped.kv_heads_on(tensor_parallel) * grouped.head_dim,
            // The latent vector is not divided: every GPU needs all of it for its heads.
            Self::Latent(latent) => latent.kv_rank + latent.rope_head_dim,
        };
        values * kv.bytes()
    }

    /// Arithmetic of one query-key pair on one GPU: score and weighted value, two operations a multiply-add.
    pub fn flops_per_pair(&self, tensor_parallel: u64) -> f64 {
        let widths = match self {
            Self::Grouped(grouped) => 2 * grouped.head_dim,
            Self::Latent(latent) => latent.nope_head_dim + latent.rope_head_dim + latent.value_head_dim,
        };
        (2 * self.query_heads().div_ceil(tensor_parallel) * widths) as f64
    }

    /// Arithmetic of one decoding token per token of its context. Latent attention decodes on the compressed vectors
    /// themselves ("absorbed": DeepSeek-V2 §2.1.2), which takes more arithmetic and less memory traffic.
    pub fn decode_flops_per_context_token(&self, tensor_parallel: u64) -> f64 {
        match self {
            Self::Grouped(_) => self.flops_per_pair(tensor_parallel),
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

    fn weights(&self, hidden: u64, tensor_parallel: u64) -> Weights {
        let queries = self.query_heads.div_ceil(tensor_parallel) * self.head_dim;
        let keys_and_values = 2 * self.kv_heads_on(tensor_parallel) * self.head_dim;
        let biases =
            u64::from(self.query_key_value_bias) * (queries + keys_and_values) + u64::from(self.output_bias) * hidden;
        let norms = u64::from(self.query_key_norm) * 2 * self.head_dim;
        let sinks = u64::from(self.sinks) * self.query_heads.div_ceil(tensor_parallel);
        Weights {
            attention: hidden * (queries + keys_and_values) + queries * hidden,
            plain: biases + norms + sinks,
            ..Weights::default()
        }
    }
}

impl LatentAttention {
    /// The compressing projections are repeated on every GPU, the expanding ones divided by heads
    /// (vLLM, `model_executor/models/deepseek_v2.py`).
    fn weights(&self, hidden: u64, tensor_parallel: u64) -> Weights {
        let heads = self.heads.div_ceil(tensor_parallel);
        let query_width = heads * (self.nope_head_dim + self.rope_head_dim);
        let (query, query_norm) = match self.query_rank {
            Some(rank) => (hidden * rank + rank * query_width, rank),
            None => (hidden * query_width, 0),
        };
        let compress = hidden * (self.kv_rank + self.rope_head_dim);
        let expand = self.kv_rank * heads * (self.nope_head_dim + self.value_head_dim);
        let output = heads * self.value_head_dim * hidden;
        Weights {
            attention: query + compress + expand + output,
            plain: query_norm + self.kv_rank,
            ..Weights::default()
        }
    }
}
