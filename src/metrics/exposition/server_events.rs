//! What a server exposes of its requests.

use rustc_hash::FxHashMap;

use super::buckets::{self, BETWEEN_TOKENS_S, FIRST_TOKEN_S, PREEMPTIONS, REQUEST_S};
use super::families as of;
use super::instrument::Instrument;
use crate::engine::{End, Event, Finished};
use crate::metrics::population::Counts;
use crate::units::{Span, Time};
use crate::workload::RequestId;

/// The metrics of a server that change when something happens to a request.
#[derive(Clone)]
pub(super) struct ServerEvents {
    prefix_caching: bool,
    counts: Counts,
    inside: FxHashMap<RequestId, RequestInside>,
    waiting: Instrument,
    running: Instrument,
    preemptions: Instrument,
    prompt_tokens: Instrument,
    cached_tokens: Instrument,
    cache_queries: Instrument,
    cache_hits: Instrument,
    /// By the reason: a stop token, the length, or that nobody waits any more.
    ended: [Instrument; 3],
    first_token: Instrument,
    e2e: Instrument,
    queue_time: Instrument,
    prefill_time: Instrument,
    decode_time: Instrument,
    inference_time: Instrument,
    per_token: Instrument,
    of_prompt: Instrument,
    of_output: Instrument,
    of_preemptions: Instrument,
}

/// A request in the server.
#[derive(Clone, Copy, Debug)]
struct RequestInside {
    arrived: Time,
    input_tokens: u32,
    cached_tokens: u32,
    first_token: Option<Time>,
}

impl ServerEvents {
    pub(super) fn new(prefix_caching: bool, max_model_len: u32) -> Self {
        let number = Instrument::number;
        let phase = |family| Instrument::times(family, &REQUEST_S);
        let tokens = buckets::request_tokens(max_model_len);
        let ended = ["stop", "length", "abort"];
        Self {
            prefix_caching,
            counts: Counts::default(),
            inside: FxHashMap::default(),
            waiting: number(&of::WAITING),
            running: number(&of::RUNNING),
            preemptions: number(&of::PREEMPTED),
            prompt_tokens: number(&of::PROMPT_TOKENS),
            cached_tokens: number(&of::CACHED_TOKENS),
            cache_queries: number(&of::CACHE_QUERIES),
            cache_hits: number(&of::CACHE_HITS),
            ended: ended.map(|reason| number(&of::SUCCESS).with("finished_reason", reason)),
            first_token: Instrument::times(&of::FIRST_TOKEN, &FIRST_TOKEN_S),
            e2e: phase(&of::E2E),
            queue_time: phase(&of::QUEUE_TIME),
            prefill_time: phase(&of::PREFILL_TIME),
            decode_time: phase(&of::DECODE_TIME),
            inference_time: phase(&of::INFERENCE_TIME),
            per_token: Instrument::times(&of::PER_TOKEN, &BETWEEN_TOKENS_S),
            of_prompt: Instrument::counts(&of::OF_PROMPT, &tokens),
            of_output: Instrument::counts(&of::OF_OUTPUT, &tokens),
            of_preemptions: Instrument::counts(&of::OF_PREEMPTIONS, &PREEMPTIONS),
        }
    }

    pub(super) fn instruments(&self) -> [&Instrument; 20] {
        let [stopped, long, aborted] = &self.ended;
        [
            &self.running,
            &self.waiting,
            &self.preemptions,
            &self.prompt_tokens,
            &self.cached_tokens,
            &self.cache_queries,
            &self.cache_hits,
            stopped,
            long,
            aborted,
            &self.first_token,
            &self.per_token,
            &self.e2e,
            &self.queue_time,
            &self.prefill_time,
            &self.decode_time,
            &self.inference_time,
            &self.of_prompt,
            &self.of_output,
            &self.of_preemptions,
        ]
    }

    /// Whether any request runs.
    pub(super) const fn has_running(&self) -> bool {
        self.counts.running > 0
    }

    pub(super) fn hear(&mut self, at: Time, id: RequestId, event: &Event) {
        if matches!(event, Event::Rejected) {
            return; // It never comes to the engine.
        }
        self.counts.hear(event);
        self.waiting.set(self.counts.waiting.into());
        self.running.set(self.counts.running.into());
        match *event {
            Event::Arrived { input_tokens } => {
                let request = RequestInside {
                    arrived: at,
                    input_tokens,
                    cached_tokens: 0,
                    first_token: None,
                };
                self.inside.insert(id, request);
            }
            Event::Admitted { resumed: false, tokens } => self.look_up(id, tokens),
            Event::Preempted => self.preemptions.add(1),
            Event::FirstToken => self.first_token(at, id),
            Event::Finished(history) => self.finish(at, id, &history),
            Event::Aborted { .. } | Event::Lost { .. } => {
                self.inside.remove(&id);
                self.ended[2].add(1);
            }
            Event::Admitted { .. } | Event::Token { .. } | Event::SentAgain { .. } | Event::Rejected => {}
        }
    }

    /// It is scheduled for the first time, and has so many tokens to compute that are not in the cache.
    fn look_up(&mut self, id: RequestId, tokens: u32) {
        let Some(request) = self.inside.get_mut(&id).filter(|_| self.prefix_caching) else {
            return;
        };
        request.cached_tokens = request.input_tokens.saturating_sub(tokens);
        self.cache_queries.add(request.input_tokens.into());
        self.cache_hits.add(request.cached_tokens.into());
    }

    fn first_token(&mut self, at: Time, id: RequestId) {
        let Some(request) = self.inside.get_mut(&id).filter(|it| it.first_token.is_none()) else {
            return;
        };
        request.first_token = Some(at);
        self.first_token.observe_time(at - request.arrived);
        self.prompt_tokens.add(request.input_tokens.into());
        self.cached_tokens.add(request.cached_tokens.into());
    }

    fn finish(&mut self, at: Time, id: RequestId, history: &Finished) {
        // Of an answer that comes as a whole, all tokens come now.
        self.first_token(at, id);
        let Some(request) = self.inside.remove(&id) else {
            return;
        };
        let first_token = request.first_token.unwrap_or(at);
        let decode = at - first_token;
        // vLLM counts an answer of one token as one without time between tokens.
        let gaps = u64::from(history.output_tokens.saturating_sub(1));
        let per_token = Span::from_picos(decode.picos().checked_div(gaps).unwrap_or(0));
        let reason = match history.end {
            End::Stop => 0,
            End::Length => 1,
        };
        self.ended[reason].add(1);
        self.e2e.observe_time(at - request.arrived);
        self.queue_time.observe_time(history.scheduled - request.arrived);
        self.prefill_time.observe_time(first_token - history.scheduled);
        self.decode_time.observe_time(decode);
        self.inference_time.observe_time(at - history.scheduled);
        self.per_token.observe_time(per_token);
        self.of_prompt.observe(history.input_tokens.into(), 1);
        self.of_output.observe(history.output_tokens.into(), 1);
        self.of_preemptions.observe(history.preemptions.into(), 1);
    }
}
