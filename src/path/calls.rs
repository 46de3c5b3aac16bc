//! What a request sends to the model, once or again and again: each further call repeats the prompt of the one before,
//! the answer to it and what tools found since.

use crate::stats::streams::{hash_bytes, mix};
use crate::units::{Span, Time};
use crate::workload::{ContentId, OutputName, Prompt, Request, RequestId, Segment};

/// The calls of a request, as far as they were made.
#[derive(Clone, Debug)]
pub(super) struct Calls {
    /// How many.
    pub(super) made: u32,
    /// When the latest was sent.
    pub(super) sent: Time,
    /// What tools have found since, for the next prompt [tokens].
    pub(super) found: u32,
    /// The prompt of the latest and the answer to it; empty if there is but one call.
    said: Vec<Segment>,
}

/// What all calls of a path have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallRules {
    /// How many there are.
    pub(super) calls: u32,
    /// The most tokens that a prompt and its output may have together.
    pub(super) max_model_len: u32,
}

/// A request makes no more calls than this. They are told apart by 16 bits of the names of their outputs, from the top:
/// from the bottom a fleet tells attempts apart there.
pub const MOST_CALLS: u32 = 10_000;

impl Calls {
    pub(super) const fn of(request: &Request) -> Self {
        Self {
            made: 0,
            sent: request.arrival,
            found: 0,
            said: Vec::new(),
        }
    }

    /// The next call of `request`, which is sent `now` under the number `id`.
    pub(super) fn next(&mut self, request: &Request, id: RequestId, now: Time, rules: CallRules) -> Request {
        self.made += 1;
        self.sent = now;
        let mut call = request.clone();
        call.id = id;
        call.arrival = now;
        if rules.calls == 1 {
            call.prompt = with_number(request, id);
            return call;
        }
        if self.made == 1 {
            self.said = named(request);
        } else {
            call.client_wait = Span::ZERO;
            self.hear(request, rules);
        }
        call.prompt = Prompt::of_segments(&self.said[..]);
        if self.made < rules.calls {
            call.output_name = output_name(request, self.made);
            call.output_is_shared = true;
        }
        call
    }

    /// The answer to the latest call, and what was found since, become part of the prompt, as far as there is room.
    fn hear(&mut self, request: &Request, rules: CallRules) {
        let answered = output_name(request, self.made - 1);
        self.said.push(Segment {
            content: answered.content,
            offset: answered.offset,
            tokens: request.output_tokens,
        });
        self.said.push(Segment {
            content: ContentId::numbered(mix(answered.content.0 ^ hash_bytes(b"found by tools"))),
            offset: 0,
            tokens: std::mem::take(&mut self.found),
        });
        let mut room = rules.max_model_len.saturating_sub(request.max_tokens).max(1);
        for segment in &mut self.said {
            segment.tokens = segment.tokens.min(room);
            room -= segment.tokens;
        }
        self.said.retain(|segment| segment.tokens > 0);
    }
}

/// The prompt as that of the request with this number: what no other request shares is known by it.
fn with_number(request: &Request, id: RequestId) -> Prompt {
    let own = ContentId::unique_prompt_of(request.id);
    let Some(segments) = request.prompt.segments() else {
        return request.prompt.clone();
    };
    if segments.iter().all(|segment| segment.content != own) {
        return request.prompt.clone();
    }
    let content = ContentId::unique_prompt_of(id);
    Prompt::of_segments(renamed(segments, own, content))
}

/// The prompt with a name for what no other request shares, so that further calls can find it.
fn named(request: &Request) -> Vec<Segment> {
    let own = ContentId::unique_prompt_of(request.id);
    let whole = [Segment {
        content: own,
        offset: 0,
        tokens: request.prompt.tokens(),
    }];
    let segments = request.prompt.segments().unwrap_or(&whole);
    renamed(segments, own, ContentId::numbered(mix(own.0)))
}

fn renamed(segments: &[Segment], from: ContentId, to: ContentId) -> Vec<Segment> {
    let segments = segments.iter().map(|segment| Segment {
        content: if segment.content == from { to } else { segment.content },
        ..*segment
    });
    segments.collect()
}

/// What the answer to a call is called, which is not the last; the first call is number 1.
fn output_name(request: &Request, call: u32) -> OutputName {
    let from_top = u64::from(u16::MAX) - u64::from(call);
    OutputName {
        content: ContentId::output_of(RequestId(request.id.0 | from_top << RequestId::NUMBER_BITS)),
        offset: 0,
    }
}
