//! A request as SGLang's scheduler knows it (`schedule_batch.py`, `Req`).

use super::decision::{PromptPart, RowKind, SglangRow};
use super::settings::SpecialTokens;
use crate::kv::{PrefixEnd, segments};
use crate::workload::{ContentId, Request, RequestId, Segment};

/// The most output that is expected of a request (`CLIP_MAX_NEW_TOKENS`).
pub(crate) const CLIP_MAX_NEW_TOKENS: u32 = 4096;

/// A request inside the scheduler.
#[derive(Clone, Debug)]
pub(crate) struct SglangMember {
    /// What was asked for, its output cut to what the memory allows.
    pub request: Request,
    /// The most output tokens that it may have; 0 leaves it one all the same.
    pub max_new: u32,
    /// Output tokens that are known.
    pub generated: u32,
    /// Tokens that steps in flight are going to sample for it.
    pub pending: u32,
    /// Its place among all that ever joined the queue; a new one whenever it joins.
    pub entry: u64,
    /// Tokens whose KV exists where its next prefill row starts.
    pub prefix: u32,
    /// Where its latest prefill row ends.
    pub end: u32,
    /// Prompt and outputs as they were known when it was last asked in; 0 before.
    pub fill: u32,
    /// Tokens that have a slot.
    pub committed: u32,
    /// Of these, tokens whose slots are the tree's, whole pages.
    pub owned: u32,
    /// The end of what it has locked in the tree.
    pub lock: PrefixEnd,
    /// Whether it holds a row of the table of slots.
    pub has_row: bool,
    /// How often it was taken out of the running ones: rows of steps in flight from before count for nothing.
    pub evictions: u32,
    /// Whether it ends with its next token, as its client has given up or its prompt is too long.
    pub is_aborted: bool,
}

impl SglangMember {
    pub(crate) const fn new(request: Request, max_new: u32) -> Self {
        Self {
            request,
            max_new,
            generated: 0,
            pending: 0,
            entry: 0,
            prefix: 0,
            end: 0,
            fill: 0,
            committed: 0,
            owned: 0,
            lock: PrefixEnd::EMPTY,
            has_row: false,
            evictions: 0,
            is_aborted: false,
        }
    }

    pub(crate) const fn id(&self) -> RequestId {
        self.request.id
    }

    pub(crate) const fn prompt(&self) -> u32 {
        self.request.prompt.tokens()
    }

    /// Its tokens that are known, prompt and output.
    pub(crate) const fn num_tokens(&self) -> u32 {
        self.prompt() + self.generated
    }

    /// What it may still produce, as the estimate counts it.
    pub(crate) fn expected(&self) -> u32 {
        self.max_new.saturating_sub(self.generated).min(CLIP_MAX_NEW_TOKENS)
    }

    /// What it may produce in all, as a whole prompt is charged.
    pub(crate) fn clipped_max_new(&self) -> u32 {
        self.max_new.min(CLIP_MAX_NEW_TOKENS)
    }

    /// What is counted on a running request to produce yet, if of others a fraction is expected
    /// (`_get_running_request_total_token_offset`).
    pub(crate) fn offset(&self, ratio: f64) -> f64 {
        let share = if self.request.ignore_eos { 1.0 } else { ratio };
        f64::from(self.expected()) * share
    }

    /// How many outputs end it by their number.
    pub(crate) fn longest_output(&self) -> u32 {
        if self.request.stops {
            self.max_new
        } else {
            self.max_new.min(self.request.output_tokens)
        }
    }

    /// Whether the steps in flight bring its last token for sure.
    pub(crate) fn ends_in_flight(&self) -> bool {
        self.pending > 0 && self.generated + self.pending >= self.longest_output()
    }

    /// Whether its latest token is a stop token.
    pub(crate) const fn has_stopped(&self) -> bool {
        self.request.stops && self.generated == self.request.output_tokens
    }

    /// Its row in a step that computes this part of what it lacks.
    pub(crate) fn extend(&mut self, kind: RowKind, part: PromptPart) -> SglangRow {
        self.end = self.prefix + part.tokens;
        SglangRow {
            id: self.id(),
            kind,
            tokens: part.tokens,
            before: self.prefix,
            is_middle: part.is_cut,
            evictions: self.evictions,
        }
    }

    /// Its first `count` tokens, prompt and output.
    pub(crate) fn tokens(&self, count: u32, special: Option<SpecialTokens>) -> Vec<Segment> {
        let mut tokens = Vec::new();
        self.write_tokens(count, special, &mut tokens);
        tokens
    }

    /// Writes down its first `count` tokens in the place of others.
    pub(crate) fn write_tokens(&self, count: u32, special: Option<SpecialTokens>, tokens: &mut Vec<Segment>) {
        let request = &self.request;
        let whole = [Segment {
            content: ContentId::unique_prompt_of(request.id),
            offset: 0,
            tokens: request.prompt.tokens(),
        }];
        let prompt = request.prompt.segments().unwrap_or(&whole).iter().copied();
        let stop = special.filter(|_| self.has_stopped()).map(|special| special.stop);
        let output = Segment {
            content: request.output_name.content,
            offset: request.output_name.offset,
            tokens: self.generated - u32::from(stop.is_some()),
        };
        let all = prompt.chain([output]).chain(stop);
        tokens.clear();
        tokens.extend(segments::first(all, count).filter(|segment| segment.tokens > 0));
    }
}
