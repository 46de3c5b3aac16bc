//! Synthetic requests as a workload describes them: distributions of arrivals, lengths, and what prompts share.

use super::MOST_TOKENS;
use super::arrivals::Arrivals;
use super::invalid::Invalid;
use super::lengths::Lengths;
use super::priorities::Priorities;
use super::prompt_pool::PromptPool;
use super::session::Session;
use super::shared_prefix::SharedPrefix;
use crate::units::{Span, Time};

/// More would be drawn for seconds before the first arrives [requests].
const MOST_SPANNED: u64 = 100_000_000;

/// A workload described by distributions.
#[derive(Clone, Debug, PartialEq)]
pub struct Synthetic {
    /// When requests arrive; with sessions, when these start.
    pub arrivals: Arrivals,
    /// Whether the times of all arrivals are multiplied so that the last of `requests` comes exactly at their number
    /// divided by their rate; chance decides it by default.
    pub exact_span: bool,
    /// How long prompts are; with a shared prefix, what comes after it; in a session, what each turn adds.
    pub prompt: Lengths,
    /// How many tokens requests produce; none at all ([`Lengths::are_none`]) if they ask for what their prompts come
    /// to, embeddings or scores.
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
            exact_span: false,
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

    /// Whether its requests ask for no token.
    pub const fn is_prompt_only(&self) -> bool {
        self.output.are_none()
    }

    /// How many requests arrive at the start and wait together, if all do; `None` if they come one after the other.
    pub fn requests_at_once(&self) -> Option<u64> {
        let all_arrive = matches!(self.arrivals, Arrivals::AtOnce) && self.session.is_none();
        self.requests.filter(|_| all_arrive)
    }

    /// Checks every setting. Keys are those of a scenario's `workload` table.
    pub fn validate(&self) -> Result<(), Invalid> {
        self.arrivals.validate().map_err(|invalid| invalid.inside("arrivals"))?;
        self.prompt.validate().map_err(|invalid| invalid.inside("prompt"))?;
        self.validate_output()?;
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
        self.validate_end()?;
        self.validate_span()
    }

    /// Requests are answered with tokens, or with what their prompts come to: all of them alike.
    fn validate_output(&self) -> Result<(), Invalid> {
        if !self.is_prompt_only() {
            return self.output.validate().map_err(|invalid| invalid.inside("output"));
        }
        if self.max_tokens.is_some() {
            let message = "has no effect beside output = 0, as no token is produced; remove it";
            return Err(Invalid::new("max_tokens", message));
        }
        if self.session.is_some() {
            let message = "and output = 0 exclude each other, as a turn repeats the answers before it; remove it, or \
                           write prompt_pool for prompts that are sent again";
            return Err(Invalid::new("session", message));
        }
        Ok(())
    }

    /// All arrivals are drawn before the first, to know how long they would take by chance.
    fn validate_span(&self) -> Result<(), Invalid> {
        let is_known = self.duration.is_none() && self.session.is_none();
        let requests = self.requests.unwrap_or(u64::MAX);
        if !self.exact_span || is_known && requests <= MOST_SPANNED {
            return Ok(());
        }
        let message = format!(
            "must be \"random\" beside duration or session, and without requests (at most {MOST_SPANNED}): how many \
             arrivals span the time is then not known; write span = \"random\""
        );
        Err(Invalid::new("arrivals.span", message))
    }

    /// How many arrivals have an exact span, if they have.
    pub(super) fn spanned(&self) -> Option<u64> {
        self.requests.filter(|_| self.exact_span)
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
}

/// The output of a request that would like to produce `wanted` tokens, and the most it allows.
pub(super) fn cut_output(wanted: u32, max_tokens: Option<u32>) -> (u32, u32) {
    let max_tokens = max_tokens.unwrap_or(wanted);
    (wanted.min(max_tokens), max_tokens)
}
