//! A request as the scheduler knows it.

use super::budget::RequestStanding;
use super::transfers::Offloaded;
use crate::kv::{BlockId, BlockKey, KeyChain, KvGroups, NULL_BLOCK};
use crate::workload::{ContentId, Request, RequestId, Segment};

/// A request inside the scheduler.
#[derive(Clone, Debug)]
pub struct Member {
    /// What was asked for.
    pub request: Request,
    /// Output tokens produced.
    pub generated: u32,
    /// Tokens whose KV exists or is being computed.
    pub computed: u32,
    /// Of these, tokens that steps in flight compute.
    pub in_flight: u32,
    /// Its blocks in each group, in the order of its tokens; null where it has given them back, or never needed them.
    pub tables: Vec<Vec<BlockId>>,
    /// Tokens that steps in flight are going to sample, drafts that may be accepted included.
    pub placeholders: u32,
    /// Outputs of steps in flight that were scheduled before its latest preemption.
    pub stale: u32,
    /// Draft tokens to verify in its next step.
    pub drafts: u32,
    /// How often drafts were proposed for it.
    pub proposals: usize,
    /// How often drafts were verified.
    pub verifications: usize,
    /// How often it was preempted.
    pub preemptions: u32,
    /// Tokens found in the prefix cache at its first admission.
    pub cached: u32,
    /// Whether the latest step it took part in left tokens of it to compute.
    pub(super) is_prefilling: bool,
    /// How many entries of each table have been offered to the cache.
    pub(super) named: Vec<usize>,
    /// Its first tokens of which all entries have been.
    pub(super) named_tokens: u32,
    /// Tokens for which its tables are long enough.
    pub(super) room: u32,
    /// What it found by its latest look-up in the layers that found most, if all layers together found less [tokens].
    pub(super) junction: Option<u32>,
    /// What it has to do with the KV cache outside of the GPU.
    pub(super) offloaded: Offloaded,
    /// From this of its tokens on all are its alone: no other request repeats them.
    own_from: u32,
    keys: Vec<BlockKey>,
    chain: KeyChain,
    /// Tokens that `chain` has seen.
    chained: u32,
    /// Keys of `chain` that still lack the tokens which follow their blocks.
    unfollowed: Vec<BlockKey>,
    rule: KeyRule,
}

/// What the keys of blocks name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyRule {
    /// Tokens from one key to the next.
    pub block_tokens: u32,
    /// How many of the tokens that follow a block its key covers.
    pub lookahead: u32,
    /// The token that ends every output which stops by itself, if it is the same for all of them. In conversations it
    /// is a token of the output as any other: the next prompt repeats it.
    pub stop_token: Option<(ContentId, u32)>,
}

impl Member {
    pub(super) fn new(request: Request, groups: &KvGroups, rule: KeyRule) -> Self {
        Self {
            own_from: own_from(&request),
            request,
            generated: 0,
            computed: 0,
            in_flight: 0,
            tables: vec![Vec::new(); groups.len()],
            placeholders: 0,
            stale: 0,
            drafts: 0,
            proposals: 0,
            verifications: 0,
            preemptions: 0,
            cached: 0,
            is_prefilling: false,
            named: vec![0; groups.len()],
            named_tokens: 0,
            room: 0,
            junction: None,
            offloaded: Offloaded::default(),
            keys: Vec::new(),
            chain: KeyChain::new(rule.block_tokens),
            chained: 0,
            unfollowed: Vec::new(),
            rule,
        }
    }

    /// The request's number, which tells it from all others.
    pub const fn id(&self) -> RequestId {
        self.request.id
    }

    /// Tokens it has, prompt and output.
    pub const fn num_tokens(&self) -> u32 {
        self.request.prompt.tokens() + self.generated
    }

    /// Where it stands when a step is decided.
    pub(super) const fn standing(&self) -> RequestStanding {
        RequestStanding {
            computed: self.computed,
            all: self.num_tokens(),
            placeholders: self.placeholders,
            drafts: self.drafts,
            end: self.request.prompt.tokens() + self.request.max_tokens,
            is_prompt_only: self.request.is_prompt_only,
        }
    }

    /// How many blocks it has in each group.
    pub fn held(&self) -> impl Iterator<Item = u32> {
        let real = |table: &Vec<BlockId>| table.iter().filter(|&&id| id != NULL_BLOCK).count() as u32;
        self.tables.iter().map(real)
    }

    /// Its tokens whose KV exists, whatever becomes of the steps in flight.
    pub(super) const fn settled(&self) -> u32 {
        self.computed - self.in_flight
    }

    /// Whether it has any blocks.
    pub(super) fn holds_blocks(&self) -> bool {
        self.tables.iter().any(|table| !table.is_empty())
    }

    /// Lets all its content be asked for.
    pub(super) const fn shares_all(&mut self) {
        self.own_from = u32::MAX;
    }

    /// Whether the content of its first `tokens` tokens is as good as named without a name: another request never asks
    /// for it, nor does this one, which has its blocks.
    pub(super) const fn keeps_own(&self, tokens: u32) -> bool {
        self.preemptions == 0 && tokens as u64 + self.rule.lookahead as u64 > self.own_from as u64
    }

    /// How many of its tokens have keys by now.
    pub(super) const fn tokens_with_keys(&self) -> u32 {
        let covered = self.num_tokens().saturating_sub(self.rule.lookahead);
        covered - covered % self.rule.block_tokens
    }

    /// The key that covers its tokens up to `end`, of those that [`Self::keys`] has made.
    pub(super) fn key_up_to(&self, end: u32) -> BlockKey {
        self.keys[(end / self.rule.block_tokens - 1) as usize]
    }

    /// The keys of its tokens, one for every so many as a key names, as far as what they cover is known.
    pub(super) fn keys(&mut self) -> &[BlockKey] {
        let prompt = self.request.prompt.tokens();
        let mut new = std::mem::take(&mut self.unfollowed);
        if self.chained == 0 {
            for segment in self.prompt_segments() {
                self.chain.extend(segment, |key| new.push(key));
            }
            self.chained = prompt;
        }
        let all = self.num_tokens();
        let stop_token = self.stop_token().filter(|_| all > self.chained);
        let output = Segment {
            content: self.request.output_name.content,
            offset: self.request.output_name.offset + (self.chained - prompt),
            tokens: all - self.chained - u32::from(stop_token.is_some()),
        };
        self.chain.extend(output, |key| new.push(key));
        if let Some((content, offset)) = stop_token {
            let last = Segment {
                content,
                offset,
                tokens: 1,
            };
            self.chain.extend(last, |key| new.push(key));
        }
        self.chained = all;
        let lookahead = self.rule.lookahead;
        if lookahead == 0 {
            self.keys.append(&mut new);
            return &self.keys;
        }
        let mut new = new.into_iter();
        for key in new.by_ref() {
            let end = (self.keys.len() as u32 + 1) * self.rule.block_tokens;
            if end + lookahead > all {
                self.unfollowed.push(key);
                break;
            }
            let following = (end..end + lookahead).map(|place| self.token(place));
            let key = key.followed_by(following);
            self.keys.push(key);
        }
        self.unfollowed.extend(new);
        &self.keys
    }

    fn prompt_segments(&self) -> Vec<Segment> {
        let whole = [Segment {
            content: ContentId::unique_prompt_of(self.request.id),
            offset: 0,
            tokens: self.request.prompt.tokens(),
        }];
        self.request.prompt.segments().unwrap_or(&whole).to_vec()
    }

    /// Its last token, if that has stopped it and is the same for all requests.
    fn stop_token(&self) -> Option<(ContentId, u32)> {
        let has_stopped = self.request.stops && self.generated == self.request.output_tokens;
        self.rule.stop_token.filter(|_| has_stopped)
    }

    /// What its token at a place is: a content, and the place in it.
    fn token(&self, place: u32) -> (ContentId, u32) {
        if let Some(token) = self.stop_token().filter(|_| place + 1 == self.num_tokens()) {
            return token;
        }
        let mut before = place;
        for segment in self.prompt_segments() {
            if before < segment.tokens {
                return (segment.content, segment.offset + before);
            }
            before -= segment.tokens;
        }
        let output = self.request.output_name;
        (output.content, output.offset + before)
    }
}

/// How many of a request's first tokens others may name: whatever follows what is its alone is so too.
fn own_from(request: &Request) -> u32 {
    let Some(segments) = request.prompt.segments() else {
        return 0;
    };
    let unique = ContentId::unique_prompt_of(request.id);
    match segments.iter().position(|segment| segment.content == unique) {
        Some(first) => segments[..first].iter().map(|segment| segment.tokens).sum(),
        None if request.output_is_shared => u32::MAX,
        None => request.prompt.tokens(),
    }
}
