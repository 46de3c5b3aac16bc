//! Synthetic requests: arrivals and lengths drawn at random.

use super::arrivals::Arrivals;
use super::invalid::Invalid;
use super::length_sampler::LengthSampler;
use super::lengths::Lengths;
use super::priorities::Priorities;
use super::prompt_pool::{PooledPrompts, PromptPool, behind};
use super::session::{Session, Sessions};
use super::shared_prefix::{Prefixes, SharedPrefix};
use super::starts::Starts;
use super::trace::TraceError;
use super::{ContentId, MOST_TOKENS, Prompt, Request, RequestId, Segment, Source};
use crate::stats::streams::{Xoshiro256PlusPlus, stream};
use crate::units::{Span, Time};

/// A workload described by distributions.
#[derive(Clone, Debug, PartialEq)]
pub struct Synthetic {
    /// When requests arrive; with sessions, when these start.
    pub arrivals: Arrivals,
    /// How long prompts are; with a shared prefix, what comes after it; in a session, what each turn adds.
    pub prompt: Lengths,
    /// How many tokens requests produce.
    pub output: Lengths,
    /// The most tokens each request allows; by default exactly as many as it produces. A longer output is cut.
    pub max_tokens: Option<u32>,
    /// System prompts that requests have in common.
    pub prefix: Option<SharedPrefix>,
    /// Whole prompts that are sent again and again; not in sessions.
    pub prompt_pool: Option<PromptPool>,
    /// Requests that follow one another; by default each stands for itself.
    pub session: Option<Session>,
    /// How urgent requests are; by default all equally, with priority 0.
    pub priority: Option<Priorities>,
    /// How many requests arrive at most, turns of sessions included.
    pub requests: Option<u64>,
    /// Requests arrive, and sessions start, before this time only.
    pub duration: Option<Span>,
    /// How long clients wait for the whole of an answer; by default for ever.
    pub timeout: Option<Span>,
}

impl Synthetic {
    /// Requests that share nothing, without an end.
    pub const fn new(arrivals: Arrivals, prompt: Lengths, output: Lengths) -> Self {
        Self {
            arrivals,
            prompt,
            output,
            max_tokens: None,
            prefix: None,
            prompt_pool: None,
            session: None,
            priority: None,
            requests: None,
            duration: None,
            timeout: None,
        }
    }

    /// Checks every setting. Keys are those of a scenario's `workload` table.
    pub fn validate(&self) -> Result<(), Invalid> {
        self.arrivals.validate().map_err(|invalid| invalid.inside("arrivals"))?;
        self.prompt.validate().map_err(|invalid| invalid.inside("prompt"))?;
        self.output.validate().map_err(|invalid| invalid.inside("output"))?;
        if self.max_tokens.is_some_and(|most| most == 0 || most > MOST_TOKENS) {
            let message = format!("must be between 1 and {MOST_TOKENS}; write e.g. max_tokens = 1024");
            return Err(Invalid::new("max_tokens", message));
        }
        if self.requests == Some(0) {
            return Err(Invalid::new(
                "requests",
                "must be at least 1; write e.g. requests = 10000",
            ));
        }
        let longest = Time::LIMIT - Time::ZERO;
        if self
            .duration
            .is_some_and(|duration| duration == Span::ZERO || duration > longest)
        {
            let message = "must be longer than 0 and at most 200 days; write e.g. duration = \"600s\"";
            return Err(Invalid::new("duration", message));
        }
        self.priority.as_ref().map_or(Ok(()), Priorities::validate)?;
        self.validate_sharing()?;
        self.validate_end()
    }

    fn validate_sharing(&self) -> Result<(), Invalid> {
        if let Some(prefix) = &self.prefix {
            prefix.validate().map_err(|invalid| invalid.inside("prefix"))?;
        }
        if let Some(session) = &self.session {
            session.validate().map_err(|invalid| invalid.inside("session"))?;
        }
        let Some(pool) = &self.prompt_pool else {
            return Ok(());
        };
        pool.validate().map_err(|invalid| invalid.inside("prompt_pool"))?;
        if self.session.is_some() {
            let message = "and session exclude each other, as a turn repeats its own session; remove one of the two";
            return Err(Invalid::new("prompt_pool", message));
        }
        if self.prefix.as_ref().is_some_and(|prefix| prefix.popularity != 0.0) {
            let message = "has no effect beside prompt_pool, whose prompts take the prefixes in turn; \
                           remove it, or write prompt_pool = { size = 100, order = \"draw\", popularity = 1.0 }";
            return Err(Invalid::new("prefix.popularity", message));
        }
        Ok(())
    }

    fn validate_end(&self) -> Result<(), Invalid> {
        let ends = match self.arrivals {
            Arrivals::Stages(_) => true,
            Arrivals::AtOnce => self.requests.is_some(),
            _ => self.requests.is_some() || self.duration.is_some(),
        };
        if ends {
            return Ok(());
        }
        let message = if self.arrivals == Arrivals::AtOnce {
            "is missing, and all arrive at once; write e.g. requests = 1000"
        } else {
            "is missing, and so is duration: the run would never end; write e.g. requests = 10000"
        };
        Err(Invalid::new("requests", message))
    }

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
            starts: Starts::new(&self.arrivals, self.duration, seed),
            prefixes: prefixes.map(|prefix| Prefixes::new(prefix, seed)),
            own,
            output: Draws::new(&self.output, stream(seed, "output")),
            max_tokens: self.max_tokens,
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

/// The output of a request that would like to produce `wanted` tokens, and the most it allows.
pub(super) fn cut_output(wanted: u32, max_tokens: Option<u32>) -> (u32, u32) {
    let max_tokens = max_tokens.unwrap_or(wanted);
    (wanted.min(max_tokens), max_tokens)
}

impl SyntheticSource {
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

    fn timeout(&self) -> Option<Span> {
        self.timeout
    }

    fn is_closed_loop(&self) -> bool {
        matches!(self.own, Own::Session(_)) || self.starts.is_closed_loop()
    }
}
