//! What the tests of the prefix cache know beside the scheduler: every token of every request, and what lies in every
//! block.

use std::collections::BTreeMap;

use rand::{Rng, RngExt};
use tailcast::kv::{BlockId, BlockKey, KeyChain};
use tailcast::policy::{Acceptance, ContinuousSettings, DraftRules, Memory, Speculative};
use tailcast::workload::{ContentId, Request, RequestId, Segment};

/// The identity of a token.
pub type Token = (ContentId, u32);

/// All tokens of a request, as far as it will come.
pub struct Sequence {
    pub tokens: Vec<Token>,
    pub keys: Vec<BlockKey>,
    pub output_tokens: u32,
}

/// The memory itself.
pub struct Cells {
    /// The tokens in each block; none where a rejected draft or nothing is.
    pub tokens: Vec<Vec<Option<Token>>>,
    /// Who has written to each block since it was taken.
    pub writers: Vec<Option<RequestId>>,
}

impl Sequence {
    pub fn of(request: &Request, block_tokens: u32) -> Self {
        let whole = [Segment {
            content: ContentId::unique_prompt_of(request.id),
            offset: 0,
            tokens: request.prompt.tokens(),
        }];
        let mut segments = request.prompt.segments().unwrap_or(&whole).to_vec();
        segments.push(Segment {
            content: request.output_name.content,
            offset: request.output_name.offset,
            tokens: request.output_tokens,
        });
        let mut chain = KeyChain::new(block_tokens);
        let mut sequence = Self {
            tokens: Vec::new(),
            keys: Vec::new(),
            output_tokens: request.output_tokens,
        };
        for segment in segments {
            chain.extend(segment, |key| sequence.keys.push(key));
            let places = segment.offset..segment.offset + segment.tokens;
            let tokens = places.map(|place| (segment.content, place));
            sequence.tokens.extend(tokens);
        }
        sequence
    }
}

impl Cells {
    /// A block has been taken for something new.
    pub fn clear(&mut self, block: BlockId) {
        self.tokens[block as usize].fill(None);
        self.writers[block as usize] = None;
    }

    pub fn is_empty(&self, block: BlockId) -> bool {
        self.tokens[block as usize].contains(&None)
    }
}

/// What the tokens of a block are, by its key.
pub fn meaning(sequences: &BTreeMap<RequestId, Sequence>, block_tokens: usize) -> BTreeMap<BlockKey, Vec<Token>> {
    let mut meaning = BTreeMap::new();
    for sequence in sequences.values() {
        let blocks = sequence.tokens.chunks_exact(block_tokens);
        for (key, tokens) in sequence.keys.iter().zip(blocks) {
            let known = meaning.entry(*key).or_insert_with(|| tokens.to_vec());
            assert_eq!(known, tokens, "one key, one content");
        }
    }
    meaning
}

/// A memory that holds the longest request, or up to three of them, and the longest prompts and outputs that are sent
/// there [tokens].
pub fn small_memory(random: &mut impl Rng) -> (Memory, u32) {
    let block_tokens = random.random_range(1..=8);
    let longest = random.random_range(2..60_u32);
    let max_model_len = longest + random.random_range(0..=longest);
    let least = max_model_len.div_ceil(block_tokens);
    let memory = Memory {
        usable_blocks: least + random.random_range(0..2 * least),
        block_tokens,
        max_model_len,
        kv_groups: None,
    };
    (memory, longest)
}

/// A scheduler told anything that it can be told.
pub fn rules(max_model_len: u32, random: &mut impl Rng) -> ContinuousSettings {
    let async_scheduling = random.random_bool(0.4);
    let chunked_prefill = random.random_bool(0.8);
    let tokens = random.random_range(1..2 * max_model_len);
    ContinuousSettings {
        offload: None,
        has_one_table: false,
        retention_interval: Some(0),
        max_num_seqs: random.random_range(1..12),
        // Without chunks a step must hold the longest request.
        max_num_batched_tokens: if chunked_prefill {
            tokens
        } else {
            tokens + max_model_len
        },
        chunked_prefill,
        long_prefill_token_threshold: if random.random_bool(0.3) {
            random.random_range(1..=max_model_len)
        } else {
            0
        },
        watermark: if random.random_bool(0.3) {
            random.random_range(0.0..0.4)
        } else {
            0.0
        },
        prefix_caching: random.random_bool(0.85),
        priority: random.random_bool(0.4),
        async_scheduling,
        // With a step in flight nobody knows yet where the next one's tokens are.
        speculative: (!async_scheduling && random.random_bool(0.4)).then(|| Speculative {
            tokens: random.random_range(1..5),
            proposals: Vec::new(),
            lookahead_tokens: random.random_range(0..4),
            recomputes_last_hit: random.random_bool(0.3),
            key_lookahead: 0,
            draft_slots: 0,
            rules: DraftRules::NEWEST,
            looks_ahead: false,
            accepts_padding: false,
            acceptance: Acceptance::Cyclic(
                (0..random.random_range(1..4))
                    .map(|_| random.random_range(0..5))
                    .collect(),
            ),
        }),
        full_sequence_gate: random.random_bool(0.7),
        keyless_first: random.random_bool(0.7),
        threshold_spares_alone: random.random_bool(0.7),
        goes_on_after_self_preemption: random.random_bool(0.7),
    }
}
