//! What clients and the gateway of a fleet do, beside routing.

use super::faults::Fault;
use super::retry::Retry;
use crate::units::Span;
use crate::workload::{Request, RequestId};

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

/// What holds for the requests of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClassRules {
    /// What their clients do.
    pub clients: ClientRules,
    /// Behind how many attempts of all classes one of theirs may wait on a server, or at the router where they wait
    /// there; others are refused.
    pub max_queue: Option<u32>,
}

impl ClassRules {
    /// Whether another attempt is refused where so many wait.
    pub(super) fn refuses(&self, waiting: usize) -> bool {
        self.max_queue.is_some_and(|most| waiting >= most as usize)
    }
}

/// What is let in of every class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// The status with which they are refused; `None` if nobody ever is.
    pub status: Option<u16>,
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
}

/// All that makes life hard for a fleet.
#[derive(Clone, Debug, PartialEq)]
pub struct Hardships {
    /// What holds for each class of requests, at least one; the last holds for all classes behind it too.
    pub classes: Vec<ClassRules>,
    /// What is let in.
    pub admission: Admission,
    /// What fails.
    pub faults: Vec<Fault>,
}

impl Default for Hardships {
    fn default() -> Self {
        Self {
            classes: vec![ClassRules::default()],
            admission: Admission::default(),
            faults: Vec::new(),
        }
    }
}

impl Hardships {
    /// What holds for a request, or for an attempt of it.
    pub(super) fn of(&self, id: RequestId) -> &ClassRules {
        &self.classes[id.class().place_among(self.classes.len())]
    }

    /// Whether and how the clients of each class try again.
    pub(super) fn retries(&self) -> impl Iterator<Item = Option<Retry>> {
        self.classes.iter().map(|class| class.clients.retry)
    }

    /// Whether nothing is hard.
    pub fn are_none(&self) -> bool {
        let are_usual = |class: &ClassRules| *class == ClassRules::default();
        self.classes.iter().all(are_usual) && self.admission == Admission::default() && self.faults.is_empty()
    }

    /// Whether an attempt may come to nothing for other reasons than its client's patience.
    pub(super) fn may_lose(&self) -> bool {
        let may = |class: &ClassRules| class.max_queue.is_some() || class.clients.hedge_after.is_some();
        !self.faults.is_empty() || self.classes.iter().any(may)
    }
}
