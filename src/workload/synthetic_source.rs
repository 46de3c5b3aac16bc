//! Draws the requests of a synthetic workload one at a time.

use super::custom_arrivals::MissedRate;
use super::length_sampler::LengthSampler;
use super::lengths::Lengths;
use super::priorities::Priorities;
use super::prompt_pool::{PooledPrompts, behind};
use super::sessions::Sessions;
use super::shared_prefix::Prefixes;
use super::starts::Starts;
use super::synthetic::{Synthetic, cut_output};
use super::trace::TraceError;
use super::{ClassId, ContentId, Prompt, Request, RequestId, Segment, Source};
use crate::stats::streams::{Xoshiro256PlusPlus, stream};
use crate::units::{Span, Time};

impl Synthetic {
    /// The requests of a valid workload, drawn from named streams of `seed`: `arrivals`, `prompt`, `output`, `priority`
    /// and those of what they share.
    pub fn source(&self, seed: u64) -> SyntheticSource {
        let prefixes = self.prefix.as_ref();
        let own = match (&self.session, self.prompt_pool) {
            (Some(session), _) => Own::Session(Box::new(Sessions::new(session, self, seed))),
            (None, Some(pool)) => Own::Pool(PooledPrompts::new(pool, &self.prompt, seed)),
            (None, None) => Own::Unique(Draws::new(&self.prompt, stream(seed, "prompt"))),
        };
        SyntheticSource {
            starts: Starts::new(&self.arrivals, (self.spanned(), self.duration), seed),
            prefixes: prefixes.map(|prefix| Prefixes::new(prefix, seed)),
            own,
            output: Draws::new(&self.output, stream(seed, "output")),
            max_tokens: self.max_tokens,
            is_prompt_only: self.is_prompt_only(),
            urgency: self.priority.clone().map(|levels| (levels, stream(seed, "priority"))),
            requests: self.requests.unwrap_or(u64::MAX),
            timeout: self.timeout,
            taken: 0,
            next_is_later_turn: false,
        }
    }
}

/// Draws synthetic requests one at a time.
pub struct SyntheticSource {
    starts: Starts,
    prefixes: Option<Prefixes>,
    own: Own,
    output: Draws,
    max_tokens: Option<u32>,
    is_prompt_only: bool,
    /// Priorities, and what those of requests outside of sessions are drawn from.
    urgency: Option<(Priorities, Xoshiro256PlusPlus)>,
    /// How many there may be in all.
    requests: u64,
    timeout: Option<Span>,
    taken: u64,
    /// Whether the arrival announced is not a start.
    next_is_later_turn: bool,
}

/// What a prompt holds besides a shared prefix.
enum Own {
    Unique(Draws),
    Pool(PooledPrompts),
    Session(Box<Sessions>),
}

/// Draws lengths, some in advance: side by side their exponentials overlap in the processor.
struct Draws {
    sampler: LengthSampler,
    random: Xoshiro256PlusPlus,
    drawn: [u32; DRAWN_AT_ONCE],
    /// How many of `drawn` have been used.
    used: usize,
}

const DRAWN_AT_ONCE: usize = 32;

impl Draws {
    fn new(lengths: &Lengths, random: Xoshiro256PlusPlus) -> Self {
        Self {
            sampler: lengths.sampler(),
            random,
            drawn: [0; DRAWN_AT_ONCE],
            used: DRAWN_AT_ONCE,
        }
    }

    #[inline]
    fn draw(&mut self) -> u32 {
        if self.used == DRAWN_AT_ONCE {
            for length in &mut self.drawn {
                *length = self.sampler.draw(&mut self.random);
            }
            self.used = 0;
        }
        self.used += 1;
        self.drawn[self.used - 1]
    }
}

impl SyntheticSource {
    /// The rate that somebody else's arrivals missed, if they did.
    pub fn missed_rate(&self) -> Option<MissedRate> {
        self.starts.missed_rate()
    }

    fn start(&mut self, id: RequestId) -> Request {
        let arrival = self.starts.start(id);
        let prompt = match (&mut self.own, &mut self.prefixes) {
            (Own::Session(sessions), prefixes) => {
                let prefix = prefixes.as_mut().map(Prefixes::pick);
                return sessions.start(id, arrival, prefix);
            }
            (Own::Pool(pool), prefixes) => pool.draw(prefixes.as_ref()),
            (Own::Unique(lengths), None) => Prompt::unique(lengths.draw()),
            (Own::Unique(lengths), Some(prefixes)) => behind(
                prefixes.pick(),
                Segment {
                    content: ContentId::unique_prompt_of(id),
                    offset: 0,
                    tokens: lengths.draw(),
                },
            ),
        };
        let (output_tokens, max_tokens) = cut_output(self.output.draw(), self.max_tokens);
        let mut request = Request::new(id, arrival, prompt, output_tokens, max_tokens);
        request.ignore_eos = self.max_tokens.is_none();
        request.is_prompt_only = self.is_prompt_only;
        if let Some((levels, random)) = &mut self.urgency {
            request.priority = levels.draw(random);
        }
        request
    }
}

impl Source for SyntheticSource {
    fn next_arrival(&mut self) -> Result<Option<Time>, TraceError> {
        if self.taken >= self.requests {
            return Ok(None);
        }
        let start = self.starts.next()?;
        let Own::Session(sessions) = &self.own else {
            return Ok(start);
        };
        let turn = sessions.next();
        // Between equals, the session that started earlier goes first.
        self.next_is_later_turn = turn.is_some_and(|turn| start.is_none_or(|start| turn <= start));
        Ok(if self.next_is_later_turn { turn } else { start })
    }

    fn take(&mut self) -> Request {
        let id = RequestId(self.taken);
        self.taken += 1;
        match &mut self.own {
            Own::Session(sessions) if self.next_is_later_turn => sessions.resume(id),
            _ => self.start(id),
        }
    }

    fn finished(&mut self, id: RequestId, at: Time) {
        let over = match &mut self.own {
            Own::Session(sessions) => sessions.finished(id, at),
            _ => Some(id),
        };
        if let Some(first) = over {
            self.starts.ended(first, at);
        }
    }

    fn rejected(&mut self, id: RequestId, at: Time) {
        let first = match &mut self.own {
            Own::Session(sessions) => sessions.rejected(id),
            _ => id,
        };
        self.starts.ended(first, at);
    }

    fn timeout(&self, _class: ClassId) -> Option<Span> {
        self.timeout
    }

    fn is_closed_loop(&self) -> bool {
        matches!(self.own, Own::Session(_)) || self.starts.is_closed_loop()
    }
}
