//! What clients and the gateway of a fleet do, beside routing.

use super::faults::Fault;
use super::retry::Retry;
use crate::units::Span;
use crate::workload::Request;

/// What clients do whose answers take long, or do not come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClientRules {
    /// Whether and how they try again.
    pub retry: Option<Retry>,
    /// When they send a second attempt beside the first, if no answer is complete by then: once a request.
    pub hedge_after: Option<Span>,
    /// Whether servers hear that nobody waits for an attempt any more, and stop working on it.
    pub cancel: bool,
}

impl ClientRules {
    /// Whether a request may be sent more than once.
    pub(super) const fn send_again(&self) -> bool {
        self.retry.is_some() || self.hedge_after.is_some()
    }
}

impl Default for ClientRules {
    /// They send each request once, and tell its server when they have given up.
    fn default() -> Self {
        Self {
            retry: None,
            hedge_after: None,
            cancel: true,
        }
    }
}

/// What is let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// How many attempts may wait on a server, or at the router where they wait there; others are refused.
    pub max_queue: Option<u32>,
    /// How long clients who were refused are asked to pause at least.
    pub retry_after: Option<Span>,
    /// The longest prompt that is let in; requests with longer ones are rejected [tokens].
    pub max_prompt: Option<u32>,
    /// The most output that a request may ask for: more is cut [tokens].
    pub max_tokens: Option<u32>,
}

impl Admission {
    /// What is let in of a request; `None` if it is rejected.
    pub(super) fn lets_in(&self, mut request: Request) -> Result<Request, Request> {
        if self.max_prompt.is_some_and(|most| request.prompt.tokens() > most) {
            return Err(request);
        }
        if let Some(most) = self.max_tokens.filter(|&most| most < request.max_tokens) {
            request.max_tokens = most;
            if most <= request.output_tokens {
                request.output_tokens = most;
                request.stops = false;
            }
        }
        Ok(request)
    }

    /// Whether another attempt is refused where so many wait.
    pub(super) fn refuses(&self, waiting: usize) -> bool {
        self.max_queue.is_some_and(|most| waiting >= most as usize)
    }
}

/// All that makes life hard for a fleet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hardships {
    /// What clients do.
    pub clients: ClientRules,
    /// What is let in.
    pub admission: Admission,
    /// What fails.
    pub faults: Vec<Fault>,
}

impl Hardships {
    /// Whether an attempt may come to nothing for other reasons than its client's patience.
    pub(super) fn may_lose(&self) -> bool {
        !self.faults.is_empty() || self.admission.max_queue.is_some() || self.clients.hedge_after.is_some()
    }
}
