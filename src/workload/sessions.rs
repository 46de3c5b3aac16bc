//! Sessions of several turns: each repeats all that was said before it, and comes a while after the answer to the last.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use super::content_names;
use super::length_sampler::LengthSampler;
use super::priorities::Priorities;
use super::session::{MOST_TURNS, Session};
use super::synthetic::{Synthetic, cut_output};
use super::think::Think;
use super::{ContentId, MOST_TOKENS, Prompt, Request, RequestId, Segment, SessionId};
use crate::stats::streams::{Xoshiro256PlusPlus, hash_bytes, mix, stream};
use crate::units::Time;

/// The sessions of a run. Each draws from streams of its own, so that what it says does not depend on the server.
pub(super) struct Sessions {
    turns: LengthSampler,
    prompt: LengthSampler,
    output: LengthSampler,
    think: Think,
    max_tokens: Option<u32>,
    priority: Option<Priorities>,
    seed: u64,
    started: u64,
    /// Those that wait for the answer to a request; never iterated over.
    answered: FxHashMap<RequestId, Talk>,
    /// Those whose user thinks, by their number; never iterated over.
    thinking: FxHashMap<u64, Talk>,
    /// When they send their next turn. Those due at the same time go in the order in which they started.
    due: BinaryHeap<Reverse<(Time, u64)>>,
}

/// A session between two turns.
struct Talk {
    /// Its place in the order of starts.
    number: u64,
    /// The request that the session began with.
    first: RequestId,
    turns_left: u32,
    /// The last one that was sent; 0 before the first.
    turn: u16,
    /// All that was said, answers included.
    said: Vec<Segment>,
    /// The length of all that was said [tokens].
    said_tokens: u32,
    /// Of all its turns.
    priority: i32,
    prompt: Xoshiro256PlusPlus,
    output: Xoshiro256PlusPlus,
    think: Xoshiro256PlusPlus,
}

impl Sessions {
    pub fn new(settings: &Session, workload: &Synthetic, seed: u64) -> Self {
        Self {
            turns: settings.turns.sampler(),
            prompt: workload.prompt.sampler(),
            output: workload.output.sampler(),
            think: settings.think,
            max_tokens: workload.max_tokens,
            priority: workload.priority.clone(),
            seed,
            started: 0,
            answered: FxHashMap::default(),
            thinking: FxHashMap::default(),
            due: BinaryHeap::new(),
        }
    }

    /// The first turn of a new session, which may begin with a system prompt.
    pub fn start(&mut self, id: RequestId, arrival: Time, prefix: Option<Segment>) -> Request {
        let number = self.started;
        self.started += 1;
        let seed = mix(self.seed ^ mix(number ^ hash_bytes(b"session")));
        let turns = self.turns.draw(&mut stream(seed, "turns"));
        let talk = Talk {
            number,
            first: id,
            turns_left: turns.min(MOST_TURNS),
            turn: 0,
            said: prefix.into_iter().collect(),
            said_tokens: prefix.map_or(0, |prefix| prefix.tokens),
            priority: self
                .priority
                .as_ref()
                .map_or(0, |levels| levels.draw(&mut stream(seed, "priority"))),
            prompt: stream(seed, "prompt"),
            output: stream(seed, "output"),
            think: stream(seed, "think"),
        };
        self.say(talk, id, arrival)
    }

    /// When the next turn of a session that has started arrives, as far as is known now.
    pub fn next(&self) -> Option<Time> {
        self.due.peek().map(|&Reverse((time, _))| time)
    }

    /// The turn that [`Sessions::next`] announced.
    pub fn resume(&mut self, id: RequestId) -> Request {
        let Reverse((arrival, number)) = self.due.pop().expect("a turn must be due");
        let talk = self.thinking.remove(&number);
        self.say(talk.expect("who is due thinks"), id, arrival)
    }

    fn say(&mut self, mut talk: Talk, id: RequestId, arrival: Time) -> Request {
        talk.turns_left -= 1;
        talk.turn = talk.turn.saturating_add(1);
        let is_last = talk.turns_left == 0;
        let room = MOST_TOKENS - talk.said_tokens;
        let message = Segment {
            // What nobody repeats need not be looked for.
            content: if is_last {
                ContentId::unique_prompt_of(id)
            } else {
                content_names::message_of(id)
            },
            offset: 0,
            tokens: self.prompt.draw(&mut talk.prompt).min(room),
        };
        talk.said.push(message);
        let prompt = Prompt::of_segments(&talk.said[..]);
        let (output_tokens, max_tokens) = cut_output(self.output.draw(&mut talk.output), self.max_tokens);
        let mut request = Request::new(id, arrival, prompt, output_tokens, max_tokens);
        request.ignore_eos = self.max_tokens.is_none();
        request.output_is_shared = !is_last;
        request.priority = talk.priority;
        request.session = SessionId(talk.first.0);
        request.turn = talk.turn;
        talk.said.push(Segment {
            content: request.output_name.content,
            offset: request.output_name.offset,
            tokens: output_tokens,
        });
        talk.said_tokens += message.tokens + output_tokens;
        self.answered.insert(id, talk);
        request
    }

    /// Request `id` has its answer. If that ends its session, the session's first request is returned.
    pub fn finished(&mut self, id: RequestId, at: Time) -> Option<RequestId> {
        let mut talk = self.remove(id);
        // What is longer than any prompt cannot be repeated.
        if talk.turns_left == 0 || talk.said_tokens >= MOST_TOKENS {
            return Some(talk.first);
        }
        let think = self.think.draw(&mut talk.think);
        // The sum of both may not fit 64 bits; what lies beyond the limit of simulated time is refused when it is due.
        let due = Time::from_picos(at.picos().saturating_add(think.picos()));
        self.due.push(Reverse((due, talk.number)));
        self.thinking.insert(talk.number, talk);
        None
    }

    /// Request `id` gets no answer, which ends its session, whose first request is returned.
    pub fn rejected(&mut self, id: RequestId) -> RequestId {
        self.remove(id).first
    }

    fn remove(&mut self, id: RequestId) -> Talk {
        let talk = self.answered.remove(&id);
        talk.expect("a request ends once, and only if it was sent")
    }
}
