//! From a model's layers to the groups that share tables of blocks, as vLLM makes them when it starts
//! (`get_kv_cache_groups` in `v1/core/kv_cache_utils.py`, 0.15 to 0.33).

use super::{BadFigure, KvGroup, KvGroupKind, KvLayer, KvLayers, Reach};

/// What sets releases apart in how they divide the memory of the KV cache.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a release")]
pub struct KvGroupRules {
    /// Whether kinds of layers of which one has less than 1.5 times as many as the other (1.25 before) fill groups of
    /// the larger size, padded, instead of the smaller.
    pub pads_to_half_more: bool,
    /// Whether windows and chunks are taken to hold the tokens of all steps in flight, not of one.
    pub counts_steps_in_flight: bool,
    /// Whether a start needs the null block beside those of a request.
    pub keeps_null_block: bool,
    /// Whether the size that is logged in tokens is that of as many requests of `max_model_len` as there is room for;
    /// before, the blocks that each group would have if all had as many.
    pub logs_tokens_of_requests: bool,
}

/// The groups of a model, and what a block is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvLayout {
    /// The groups, in the order of the first layer of their kind.
    pub groups: Vec<KvGroup>,
    /// How many layers each group has; at least 1.
    pub layers: Vec<u64>,
    /// What a block takes in all layers of the largest group [bytes].
    pub bytes_per_block: u64,
}

impl KvLayout {
    /// The groups of layers that keep `block_tokens` tokens in a block, for requests of at most `max_model_len` tokens.
    /// `is_hybrid` says whether unlike layers have groups of their own; else windows and chunks are kept in full.
    pub fn of(
        layers: &[KvLayers],
        (block_tokens, max_model_len): (u32, u32),
        rules: KvGroupRules,
        is_hybrid: bool,
    ) -> Result<Self, BadFigure> {
        let block = u64::from(block_tokens);
        let in_full: Vec<KvLayers>;
        let layers = if is_hybrid || are_of_one_kind(layers) {
            layers
        } else {
            in_full = layers.iter().map(kept_in_full).collect();
            &in_full
        };
        if are_of_one_kind(layers) {
            return Ok(Self::of_one_kind(layers, (block_tokens, max_model_len)));
        }
        let page = layers.iter().map(|like| like.layer.page_bytes(block)).max();
        let page = page.expect("a model has layers");
        let buckets = buckets(layers, (block, page), max_model_len)?;
        let count = || buckets.iter().map(|bucket| bucket.1);
        let (fewest, most) = (count().min().unwrap_or(1), count().max().unwrap_or(1));
        let padded_below = if rules.pads_to_half_more { 6 } else { 5 };
        let group_size = if 4 * most < padded_below * fewest { most } else { fewest };
        let (mut groups, mut sizes) = (Vec::new(), Vec::new());
        for (group, count) in buckets {
            // Dealt round, so that their numbers differ by one at most.
            let shares = count.div_ceil(group_size);
            for share in 0..shares {
                groups.push(group);
                sizes.push((count - share).div_ceil(shares));
            }
        }
        let largest = sizes.iter().copied().max().unwrap_or(1);
        Ok(Self {
            groups,
            layers: sizes,
            bytes_per_block: page.saturating_mul(largest),
        })
    }

    /// One group, in which a block is what it is in each layer.
    fn of_one_kind(layers: &[KvLayers], (block_tokens, max_model_len): (u32, u32)) -> Self {
        let pages = layers.iter().map(|like| {
            let page = like.layer.page_bytes(u64::from(block_tokens));
            page.saturating_mul(like.count)
        });
        let kind = kind_of(layers[0].layer);
        let block_tokens = match kind {
            KvGroupKind::State(_) => max_model_len,
            _ => block_tokens,
        };
        Self {
            groups: vec![KvGroup { kind, block_tokens }],
            layers: vec![layers.iter().map(|like| like.count).sum()],
            bytes_per_block: pages.fold(0, u64::saturating_add).max(1),
        }
    }

    /// Blocks of each group that a request of `length` tokens takes at most, with `in_flight` tokens in the steps that
    /// may run at once (`max_memory_usage_bytes` in `v1/kv_cache_interface.py`).
    pub fn blocks_of_request(&self, length: u64, in_flight: u64) -> Vec<u64> {
        let blocks = |group: &KvGroup| {
            let block = u64::from(group.block_tokens);
            match group.kind {
                KvGroupKind::Full => length.div_ceil(block),
                KvGroupKind::Sliding(window) => {
                    let held = (u64::from(window) - 1 + in_flight).min(length);
                    held.div_ceil(block) + 1
                }
                KvGroupKind::Chunked(chunk) => (u64::from(chunk) + in_flight).min(length).div_ceil(block),
                KvGroupKind::State(blocks) => blocks.into(),
            }
        };
        self.groups.iter().map(blocks).collect()
    }
}

/// The block with which attention beside states is allocated: the smallest multiple of `block_tokens` (16, or what
/// kernels demand) that is no smaller than a state in every layer of attention [tokens].
pub fn block_that_holds_states(layers: &[KvLayers], block_tokens: u32) -> u32 {
    let is_state = |like: &&KvLayers| matches!(like.layer, KvLayer::State { .. });
    let largest = layers.iter().filter(is_state).map(|like| like.layer.page_bytes(1));
    let of_token = layers.iter().filter(|like| !is_state(like));
    let Some((state, token)) = largest.max().zip(of_token.map(|like| like.layer.page_bytes(1)).max()) else {
        return block_tokens;
    };
    let tokens = state.div_ceil(token.max(1));
    let whole = tokens.next_multiple_of(block_tokens.into());
    u32::try_from(whole).unwrap_or(u32::MAX).max(block_tokens)
}

fn kept_in_full(like: &KvLayers) -> KvLayers {
    KvLayers {
        layer: like.layer.kept_in_full(),
        count: like.count,
    }
}

/// Whether all layers keep the whole context, or all the same window or chunk of it, or all a state.
fn are_of_one_kind(layers: &[KvLayers]) -> bool {
    let first = layers.first().map(|like| kind_of(like.layer));
    layers.iter().all(|like| Some(kind_of(like.layer)) == first)
}

fn kind_of(layer: KvLayer) -> KvGroupKind {
    let narrow = |tokens: u64| u32::try_from(tokens).unwrap_or(u32::MAX);
    match layer {
        KvLayer::State { drafts, .. } => KvGroupKind::State(1 + drafts),
        KvLayer::Latent { .. } => KvGroupKind::Full,
        KvLayer::Heads { reach, .. } => match reach {
            Reach::Full => KvGroupKind::Full,
            Reach::Sliding(window) => KvGroupKind::Sliding(narrow(window)),
            Reach::Chunked(chunk) => KvGroupKind::Chunked(narrow(chunk)),
        },
    }
}

/// Layers of equal specification, with blocks of equal size: where the largest is a multiple of a layer's own, that
/// layer keeps more tokens in a block; else its blocks are padded.
fn buckets(
    layers: &[KvLayers],
    (block, page): (u64, u64),
    max_model_len: u32,
) -> Result<Vec<(KvGroup, u64)>, BadFigure> {
    let mut buckets: Vec<(KvLayer, KvGroup, u64)> = Vec::new();
    for like in layers {
        if let Some(bucket) = buckets.iter_mut().find(|bucket| bucket.0 == like.layer) {
            bucket.2 += like.count;
            continue;
        }
        let own = like.layer.page_bytes(block).max(1);
        let tokens = match like.layer {
            KvLayer::State { .. } => max_model_len.into(),
            _ if page.is_multiple_of(own) => block * (page / own),
            KvLayer::Latent { .. } => {
                let given = format!("{own} bytes a block beside {page} of other layers");
                let expected = "a divisor of it: vLLM does not pad latent vectors, and does not start so";
                return Err(BadFigure::new("the cache of latent attention", given, expected));
            }
            KvLayer::Heads { .. } => block,
        };
        let group = KvGroup {
            kind: kind_of(like.layer),
            block_tokens: u32::try_from(tokens).unwrap_or(u32::MAX),
        };
        buckets.push((like.layer, group, like.count));
    }
    Ok(buckets.into_iter().map(|(_, group, count)| (group, count)).collect())
}
