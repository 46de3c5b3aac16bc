//! Synthetic requests: arrivals and lengths drawn at random.

use super::arrivals::Arrivals;
use super::closed_loop::ClosedLoop;
use super::invalid::Invalid;
use super::length_sampler::LengthSampler;
use super::lengths::Lengths;
use super::open_loop::OpenLoop;
use super::trace::TraceError;
use super::{MOST_TOKENS, Prompt, Request, RequestId, Source};
use crate::stats::streams::{Xoshiro256PlusPlus, stream};
use crate::units::{Span, Time};

/// A workload described by distributions.
#[derive(Clone, Debug, PartialEq)]
pub struct Synthetic {
    /// When requests arrive.
    pub arrivals: Arrivals,
    /// How long prompts are.
    pub prompt: Lengths,
    /// How many tokens requests produce.
    pub output: Lengths,
    /// The most tokens each request allows; by default exactly as many as it produces. A longer output is cut.
    pub max_tokens: Option<u32>,
    /// How many requests arrive at most.
    pub requests: Option<u64>,
    /// Requests arrive before this time only.
    pub duration: Option<Span>,
}

impl Synthetic {
    /// Checks every setting. Keys are those of a scenario's `workload` table.
    pub fn validate(&self) -> Result<(), Invalid> {
        self.arrivals
            .validate()
            .map_err(|invalid| invalid.inside("arrivals"))?;
        self.prompt
            .validate()
            .map_err(|invalid| invalid.inside("prompt"))?;
        self.output
            .validate()
            .map_err(|invalid| invalid.inside("output"))?;
        if self
            .max_tokens
            .is_some_and(|most| most == 0 || most > MOST_TOKENS)
        {
            let message =
                format!("must be between 1 and {MOST_TOKENS}; write e.g. max_tokens = 1024");
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
            let message =
                "must be longer than 0 and at most 200 days; write e.g. duration = \"600s\"";
            return Err(Invalid::new("duration", message));
        }
        self.validate_end()
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

    /// The requests of a valid workload, drawn from the streams `arrivals`, `prompt` and `output` of `seed`.
    pub fn source(&self, seed: u64) -> SyntheticSource {
        let clients = match self.arrivals {
            Arrivals::Closed { concurrency, think } => {
                Clients::Closed(ClosedLoop::new(concurrency, think))
            }
            _ => Clients::Open {
                arrivals: OpenLoop::new(&self.arrivals, stream(seed, "arrivals")),
                announced: None,
            },
        };
        SyntheticSource {
            clients,
            prompt: Draws::new(&self.prompt, stream(seed, "prompt")),
            output: Draws::new(&self.output, stream(seed, "output")),
            max_tokens: self.max_tokens,
            requests: self.requests.unwrap_or(u64::MAX),
            end: self.duration.map(|duration| Time::ZERO + duration),
            taken: 0,
        }
    }
}

/// Draws synthetic requests one at a time.
pub struct SyntheticSource {
    clients: Clients,
    prompt: Draws,
    output: Draws,
    max_tokens: Option<u32>,
    /// How many there may be in all.
    requests: u64,
    /// None arrives at this time or later.
    end: Option<Time>,
    taken: u64,
}

enum Clients {
    Open {
        arrivals: OpenLoop,
        announced: Option<Time>,
    },
    Closed(ClosedLoop),
}

struct Draws {
    sampler: LengthSampler,
    random: Xoshiro256PlusPlus,
}

impl Draws {
    fn new(lengths: &Lengths, random: Xoshiro256PlusPlus) -> Self {
        Self {
            sampler: lengths.sampler(),
            random,
        }
    }

    fn draw(&mut self) -> u32 {
        self.sampler.draw(&mut self.random)
    }
}

impl Source for SyntheticSource {
    fn next_arrival(&mut self) -> Result<Option<Time>, TraceError> {
        if self.taken >= self.requests {
            return Ok(None);
        }
        match &mut self.clients {
            Clients::Closed(clients) => clients.next(self.end),
            Clients::Open {
                announced: Some(time),
                ..
            } => Ok(Some(*time)),
            Clients::Open {
                arrivals,
                announced,
            } => {
                *announced = arrivals.next(self.end)?;
                if announced.is_none() {
                    // Arrivals have ended for good: do not draw beyond the end again.
                    self.requests = self.taken;
                }
                Ok(*announced)
            }
        }
    }

    fn take(&mut self) -> Request {
        let id = RequestId(self.taken);
        self.taken += 1;
        let arrival = match &mut self.clients {
            Clients::Closed(clients) => clients.send(id),
            Clients::Open { announced, .. } => announced
                .take()
                .expect("an arrival must have been announced"),
        };
        let prompt = Prompt::unique(self.prompt.draw());
        let wanted_tokens = self.output.draw();
        let max_tokens = self.max_tokens.unwrap_or(wanted_tokens);
        let output_tokens = wanted_tokens.min(max_tokens);
        Request::new(id, arrival, prompt, output_tokens, max_tokens)
    }

    fn finished(&mut self, id: RequestId, at: Time) {
        if let Clients::Closed(clients) = &mut self.clients {
            clients.finished(id, at);
        }
    }

    fn is_closed_loop(&self) -> bool {
        matches!(self.clients, Clients::Closed(_))
    }
}
