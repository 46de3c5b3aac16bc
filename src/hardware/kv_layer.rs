//! What one layer of a model keeps of a context, as an engine's allocator sees it.

use super::{Attention, Drafter, Indexer, KvPrecision, Model, Reach};

/// What a layer keeps on one GPU. Layers whose specification is equal share tables of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KvLayer {
    /// Keys and values of heads.
    Heads {
        /// How far back the layer looks.
        reach: Reach,
        /// Key and value heads on the GPU.
        heads: u64,
        /// Width of a head.
        head_dim: u64,
        /// Size of a value [bytes].
        value_bytes: u64,
    },
    /// One vector a token for all heads: latent attention, or the indexer beside it.
    Latent {
        /// Its size [bytes/token].
        token_bytes: u64,
    },
    /// A state of one size, however long the context (Mamba, linear attention).
    State {
        /// Its size [bytes].
        bytes: u64,
        /// States beside the one that stands, one for each draft.
        drafts: u32,
    },
}

/// Layers of one specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvLayers {
    /// What each of them keeps.
    pub layer: KvLayer,
    /// How many there are.
    pub count: u64,
}

impl KvLayer {
    /// Bytes of a block of so many tokens; of a state, its own.
    pub const fn page_bytes(&self, block_tokens: u64) -> u64 {
        match *self {
            Self::Heads {
                heads,
                head_dim,
                value_bytes,
                ..
            } => block_tokens * 2 * heads * head_dim * value_bytes,
            Self::Latent { token_bytes } => block_tokens * token_bytes,
            Self::State { bytes, .. } => bytes,
        }
    }

    /// How far back it looks; `None` for a state.
    pub const fn reach(&self) -> Option<Reach> {
        match *self {
            Self::Heads { reach, .. } => Some(reach),
            Self::Latent { .. } => Some(Reach::Full),
            Self::State { .. } => None,
        }
    }

    /// The same layer when what has left a window or a chunk is kept.
    #[must_use]
    pub const fn kept_in_full(self) -> Self {
        match self {
            Self::Heads {
                heads,
                head_dim,
                value_bytes,
                ..
            } => Self::Heads {
                reach: Reach::Full,
                heads,
                head_dim,
                value_bytes,
            },
            other => other,
        }
    }
}

/// The layers of a model and of what proposes its drafts, on one of `tensor_parallel` GPUs, like ones together in the
/// order of their first.
pub fn kv_layers(model: &Model, drafter: Option<&Drafter>, kv: KvPrecision, tensor_parallel: u32) -> Vec<KvLayers> {
    let gpus = u64::from(tensor_parallel.max(1));
    let mut all: Vec<KvLayers> = Vec::new();
    let drafting = drafter.map(Drafter::model).into_iter();
    for group in std::iter::once(model).chain(drafting).flat_map(Model::layers) {
        let indexer = group.attention.indexer().map_or(0, Indexer::bytes_per_token);
        let layer = match &group.attention {
            Attention::Grouped(grouped) if grouped.reads_an_earlier_layer => None,
            Attention::Grouped(grouped) => Some(KvLayer::Heads {
                reach: grouped.reach,
                heads: grouped.kv_heads_on(gpus),
                // Of a key and a value, which may be narrower, the mean.
                head_dim: (grouped.head_dim + grouped.value_head_dim).div_ceil(2),
                value_bytes: kv.bytes(),
            }),
            latent @ Attention::Latent(_) => Some(KvLayer::Latent {
                token_bytes: latent.kv_bytes_per_token(kv, gpus) - indexer,
            }),
            state @ Attention::State(_) => Some(KvLayer::State {
                bytes: state.state_bytes(gpus),
                drafts: 0,
            }),
            Attention::Nothing => None,
        };
        let of_indexer = (indexer > 0).then_some(KvLayer::Latent { token_bytes: indexer });
        for layer in layer.into_iter().chain(of_indexer) {
            match all.iter_mut().find(|other| other.layer == layer) {
                Some(other) => other.count += group.count,
                None => all.push(KvLayers {
                    layer,
                    count: group.count,
                }),
            }
        }
    }
    all
}
