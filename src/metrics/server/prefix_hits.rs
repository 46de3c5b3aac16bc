//! What the prefix cache found beside what it could have found, and where the difference was lost.
//!
//! Three caches look at each prompt; all keep whole blocks (under SGLang pages), and never the last token of a prompt,
//! which has to be computed:
//! - the *simulated* one: what the request found when it was first admitted;
//! - the *ideal* one, without limit and fed in the order of arrival: all tokens that earlier requests computed, or
//!   would have if none were rejected, at the instant they were sent: their prompts and, where later prompts may repeat
//!   them, their outputs but for the last token;
//! - one without limit that is fed as the run goes: prompts whose request had its first token by then, outputs of
//!   requests that had finished by then. What the simulated cache found counts as known to it: a prompt in the making,
//!   whose blocks are found as they are computed, keeps them as long as it runs.
//!
//! What the third knew and the simulated did not find was evicted: lost to *capacity*. What the ideal knew and the
//! third did not had not been computed yet, or was never: lost to *order*. A request that overtakes those before it may
//! find more than the ideal cache, which counts as less than nothing lost to order. What a request had computed of its
//! prompt when it was preempted in the middle of it counts as not computed until it has its first token. Each request
//! that finished counts once, resumptions aside.

use std::collections::VecDeque;

use crate::engine::{Event, Finished};
use crate::kv::{PrefixTree, TreePlace};
use crate::workload::{ContentId, Request, RequestId, Segment};

/// Pieces of content beyond which it gives up: 32 bytes each, or 60 where prompts part, and up to twice that as lists
/// grow. About 1 GB.
const MOST_PIECES: usize = 10_000_000;

/// Tokens of prompts of finished requests [tokens]. `hits + lost_to_capacity + lost_to_order = ideal`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PrefixLosses {
    pub(super) ideal: u64,
    pub(super) lost_to_capacity: u64,
    pub(super) lost_to_order: i64,
}

/// Listens to one server with a prefix cache.
pub(super) struct PrefixHits {
    block_tokens: u32,
    max_model_len: u32,
    most_pieces: usize,
    tree: PrefixTree,
    /// The requests of each class, as far as any were sent that share something.
    classes: Vec<SentOfClass>,
    /// Whether it was told what was sent.
    told: bool,
    too_much: bool,
    losses: PrefixLosses,
}

/// Requests of a class that have not ended, and those sent between them; none as long as nothing is shared.
#[derive(Default)]
struct SentOfClass {
    /// The number of the first one.
    first: u64,
    requests: VecDeque<Sent>,
}

/// A request that was sent. Tokens are in whole blocks.
#[derive(Clone, Copy, Debug)]
struct Sent {
    prompt_tokens: u32,
    /// Where the part of its prompt ends that others may hold.
    prompt: TreePlace,
    /// Where its prompt and its output end, as far as others may hold them.
    all: TreePlace,
    ideal: u32,
    found: u32,
    /// Known to an unlimited cache when it was admitted.
    known: u32,
    has_ended: bool,
}

impl Sent {
    const ELSEWHERE: Self = Self {
        prompt_tokens: 0,
        prompt: TreePlace::START,
        all: TreePlace::START,
        ideal: 0,
        found: 0,
        known: 0,
        has_ended: true,
    };
}

impl PrefixHits {
    pub(super) fn new(block_tokens: u32, max_model_len: u32) -> Self {
        Self {
            block_tokens,
            max_model_len,
            most_pieces: MOST_PIECES,
            tree: PrefixTree::default(),
            classes: Vec::new(),
            told: false,
            too_much: false,
            losses: PrefixLosses::default(),
        }
    }

    /// `None` if it was not told what prompts hold, or they held too much to remember.
    pub(super) fn losses(&self) -> Option<PrefixLosses> {
        (self.told && !self.too_much).then_some(self.losses)
    }

    pub(super) fn sent(&mut self, request: &Request) {
        self.told = true;
        let segments = request.prompt.segments();
        let class = request.id.class().place();
        let is_followed = self.classes.get(class).is_some_and(|class| !class.requests.is_empty());
        if self.too_much || (segments.is_none() && !is_followed) {
            return;
        }
        if class >= self.classes.len() {
            self.classes.resize_with(class + 1, SentOfClass::default);
        }
        let sent = self.insert(request, segments);
        self.classes[class].push(request.id.number(), sent);
        if self.tree.len() > self.most_pieces {
            self.too_much = true;
            self.tree = PrefixTree::default();
            self.classes = Vec::new();
        }
    }

    fn insert(&mut self, request: &Request, segments: Option<&[Segment]>) -> Sent {
        let unique = ContentId::unique_prompt_of(request.id);
        let (mut prompt, mut ideal, mut all_shared) = (TreePlace::START, 0, segments.is_some());
        for &segment in segments.unwrap_or_default() {
            if segment.content == unique {
                all_shared = false; // Whatever follows is this request's alone too.
                break;
            }
            ideal += self.tree.extend(&mut prompt, segment);
        }
        let prompt_tokens = request.prompt.tokens();
        let mut all = prompt;
        if all_shared && request.output_is_shared {
            let room = self.max_model_len.saturating_sub(prompt_tokens);
            let output = Segment {
                content: request.output_name.content,
                offset: request.output_name.offset,
                // The last one is never fed back.
                tokens: request.answer_tokens().min(room).saturating_sub(1),
            };
            self.tree.extend(&mut all, output);
        }
        Sent {
            prompt_tokens,
            prompt,
            all,
            ideal: usable(ideal, prompt_tokens, self.block_tokens),
            found: 0,
            known: 0,
            has_ended: false,
        }
    }

    #[inline]
    pub(super) fn on(&mut self, id: RequestId, event: &Event) {
        if !self.classes.is_empty() {
            self.follow(id, event);
        }
    }

    fn follow(&mut self, id: RequestId, event: &Event) {
        let Some(class) = self.classes.get_mut(id.class().place()) else {
            return;
        };
        let place = id.number().wrapping_sub(class.first);
        let Some(sent) = class.requests.get_mut(place as usize) else {
            return; // It was sent while nothing was shared.
        };
        match event {
            Event::Admitted { resumed: false, tokens } => {
                sent.found = sent.prompt_tokens - tokens;
                let computed = self.tree.computed(sent.prompt);
                let computed = usable(computed, sent.prompt_tokens, self.block_tokens);
                sent.known = computed.max(sent.found);
            }
            Event::FirstToken => self.tree.compute(sent.prompt),
            Event::Finished(finished) => {
                // Without a first token nothing has told before that the prompt is computed.
                if sent.all != sent.prompt || !finished.has_tokens() {
                    self.tree.compute(sent.all);
                }
                sent.has_ended = true;
                self.losses.count(sent, finished);
                class.forget_ended();
            }
            Event::Rejected | Event::Aborted { .. } | Event::Lost { for_good: true, .. } => {
                sent.has_ended = true;
                class.forget_ended();
            }
            Event::Arrived { .. }
            | Event::Admitted { resumed: true, .. }
            | Event::Preempted
            | Event::Token { .. }
            | Event::SentAgain { .. }
            | Event::Lost { for_good: false, .. } => {}
        }
    }
}

impl SentOfClass {
    fn push(&mut self, number: u64, sent: Sent) {
        if self.requests.is_empty() {
            self.first = number;
        }
        let next = self.first + self.requests.len() as u64;
        assert!(number >= next, "requests are numbered as they are sent");
        // Those between went to another server.
        for _ in next..number {
            self.requests.push_back(Sent::ELSEWHERE);
        }
        self.requests.push_back(sent);
    }

    fn forget_ended(&mut self) {
        while self.requests.front().is_some_and(|sent| sent.has_ended) {
            self.requests.pop_front();
            self.first += 1;
        }
    }
}

/// What a prompt can use of `tokens` cached tokens at its start.
fn usable(tokens: u32, prompt_tokens: u32, block_tokens: u32) -> u32 {
    let usable = tokens.min(prompt_tokens.saturating_sub(1));
    usable - usable % block_tokens
}

impl PrefixLosses {
    fn count(&mut self, sent: &Sent, finished: &Finished) {
        // Of several attempts the one that was answered counts, which need not be the one that was admitted last.
        let found = finished.cached_tokens;
        let known = sent.known.max(found);
        self.ideal += u64::from(sent.ideal);
        self.lost_to_capacity += u64::from(known - found);
        self.lost_to_order += i64::from(sent.ideal) - i64::from(known);
    }

    pub(super) const fn add(&mut self, other: &Self) {
        self.ideal += other.ideal;
        self.lost_to_capacity += other.lost_to_capacity;
        self.lost_to_order += other.lost_to_order;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Time;
    use crate::workload::Prompt;

    #[test]
    fn too_much_content_is_given_up_and_not_half_counted() {
        let mut hits = PrefixHits::new(16, 1000);
        hits.most_pieces = 3;
        let request = |id| {
            let content = ContentId::numbered(id);
            let segment = Segment {
                content,
                offset: 0,
                tokens: 100,
            };
            let prompt = Prompt::of_segments([segment]);
            Request::new(RequestId(id), Time::ZERO, prompt, 1, 1)
        };
        assert_eq!(hits.losses(), None, "nothing was sent");
        for id in 0..3 {
            hits.sent(&request(id));
        }
        assert_eq!(hits.losses(), Some(PrefixLosses::default()));
        for id in 3..6 {
            hits.sent(&request(id));
            hits.on(RequestId(id), &Event::FirstToken);
        }
        assert_eq!(hits.losses(), None);
        assert!(hits.tree.is_empty());
    }

    #[test]
    fn one_of_several_servers_hears_of_its_own_requests_only() {
        let mut hits = PrefixHits::new(16, 1000);
        let request = |id| {
            let segment = Segment {
                content: ContentId::numbered(7),
                offset: 0,
                tokens: 100,
            };
            let prompt = Prompt::of_segments([segment]);
            Request::new(RequestId(id), Time::ZERO, prompt, 1, 1)
        };
        for id in [2, 5, 9] {
            hits.sent(&request(id));
        }
        for id in [5, 2, 9] {
            hits.on(RequestId(id), &Event::Rejected);
        }
        assert!(hits.classes.iter().all(|class| class.requests.is_empty()));
        assert_eq!(hits.losses(), Some(PrefixLosses::default()));
    }
}
