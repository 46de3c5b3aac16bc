//! Whether requests inside the server repeat what others inside it are producing.
//!
//! While nobody does, nobody can look for the blocks that outputs fill, so it does not matter when these get their
//! names: a request names them all when it lets go of them. A turn of a conversation that waits for the answer before
//! it never meets it inside the server.

use rustc_hash::FxHashMap;

use crate::workload::{ContentId, Prompt, Request};

/// Contents of the requests inside the server, as far as they are outputs.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// How many requests produce a content that others can name.
    produced: FxHashMap<ContentId, u32>,
    /// How many segments of prompts hold it.
    held: FxHashMap<ContentId, u32>,
    /// How often two requests have an output in common that at least one of them produces.
    pairs: u32,
    /// Requests whose outputs have names like other content, which prompts are not searched for.
    unsearched: u32,
}

impl Repeats {
    /// Whether there are any.
    pub(super) const fn any(&self) -> bool {
        self.pairs > 0 || self.unsearched > 0
    }

    /// How many tokens a prompt has, at most `most`, before the first output that a request inside the server produces
    /// for others.
    pub(super) fn tokens_before_outputs(&self, prompt: &Prompt, most: u32) -> u32 {
        let mut tokens = 0;
        for segment in prompt.segments().unwrap_or_default() {
            if tokens >= most || self.produced.contains_key(&segment.content) {
                break;
            }
            tokens += segment.tokens;
        }
        tokens.min(most)
    }

    /// A request comes into the server.
    pub(super) fn enter(&mut self, request: &Request) {
        self.pairs += self.pairs_with(request);
        for content in held_outputs(request) {
            *self.held.entry(content).or_default() += 1;
        }
        if request.output_is_shared {
            let content = request.output_name.content;
            *self.produced.entry(content).or_default() += 1;
            self.unsearched += u32::from(content.producer().is_none());
        }
    }

    /// A request leaves the server.
    pub(super) fn leave(&mut self, request: &Request) {
        for content in held_outputs(request) {
            remove_one(&mut self.held, content);
        }
        if request.output_is_shared {
            let content = request.output_name.content;
            remove_one(&mut self.produced, content);
            self.unsearched -= u32::from(content.producer().is_none());
        }
        self.pairs -= self.pairs_with(request);
    }

    /// The pairs that a request makes with those inside, of which it is none.
    fn pairs_with(&self, request: &Request) -> u32 {
        let count = |counts: &FxHashMap<_, u32>, content| counts.get(&content).copied().unwrap_or(0);
        let mut pairs = held_outputs(request)
            .map(|content| count(&self.produced, content))
            .sum();
        if request.output_is_shared {
            let content = request.output_name.content;
            pairs += count(&self.produced, content) + count(&self.held, content);
        }
        pairs
    }
}

/// The outputs that a prompt repeats.
fn held_outputs(request: &Request) -> impl Iterator<Item = ContentId> {
    let segments = request.prompt.segments().unwrap_or_default().iter();
    let contents = segments.map(|segment| segment.content);
    contents.filter(|content| content.producer().is_some())
}

fn remove_one(counts: &mut FxHashMap<ContentId, u32>, content: ContentId) {
    let count = counts.get_mut(&content).expect("it was counted when it came");
    *count -= 1;
    if *count == 0 {
        counts.remove(&content);
    }
}
