//! Whether and when clients try again.

use rand::RngExt;

use crate::engine::Loss;
use crate::stats::streams::{Xoshiro256PlusPlus, stream};
use crate::units::Span;
use crate::workload::RequestId;

/// How clients try again after an attempt that came to nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// How often at most; more than 0.
    pub max: u32,
    /// The pause before the first time.
    pub backoff: Span,
    /// How many times longer each pause is than the one before; at least 1.
    pub factor: f64,
    /// The longest pause.
    pub longest: Span,
    /// The share of a pause that is left out at random, from 0 to 1.
    pub jitter: f64,
    /// How many retries there may be for each request that is sent, over all clients of a class; `None` if as many as
    /// they like.
    pub budget: Option<f64>,
}

/// What is saved of a budget at most, so that it still counts what was sent lately. There is as much at the start, as
/// few clients would have no retries at all otherwise.
const MOST_SAVED: f64 = 10.0;

/// Clients who try again, and what is left of the budget of each class.
pub(super) struct Retrying {
    classes: Vec<Budget>,
    random: Xoshiro256PlusPlus,
}

struct Budget {
    rules: Option<Retry>,
    saved: f64,
}

impl Retrying {
    /// Clients of classes with these rules.
    pub(super) fn new(rules: impl Iterator<Item = Option<Retry>>, seed: u64) -> Self {
        let saved = MOST_SAVED;
        Self {
            classes: rules.map(|rules| Budget { rules, saved }).collect(),
            random: stream(seed, "retries"),
        }
    }

    fn of(&mut self, request: RequestId) -> &mut Budget {
        let place = request.class().place_among(self.classes.len());
        &mut self.classes[place]
    }

    /// A request is sent for the first time.
    pub(super) fn sent(&mut self, request: RequestId) {
        let class = self.of(request);
        if let Some(budget) = class.rules.and_then(|rules| rules.budget) {
            class.saved = (class.saved + budget).min(MOST_SAVED);
        }
    }

    /// How long a client pauses which has sent its request so often, at least as long as it was asked to; `None` if it
    /// tries no more.
    pub(super) fn pause(&mut self, request: RequestId, attempts: u32, why: Loss, asked: Option<Span>) -> Option<Span> {
        let class = self.of(request);
        let rules = class.rules.filter(|rules| attempts <= rules.max)?;
        if rules.budget.is_some() {
            if class.saved < 1.0 {
                return None;
            }
            class.saved -= 1.0;
        }
        let longest = rules.longest.picos() as f64;
        let first = rules.backoff.picos() as f64;
        // Multiplied one by one, as powers are not the same on all machines.
        let grown = (1..attempts).fold(first, |pause, _| pause * rules.factor);
        let drawn = 1.0 - rules.jitter * self.random.random::<f64>();
        let pause = Span::from_picos((grown.min(longest) * drawn).round() as u64);
        let asked = asked.filter(|_| why == Loss::Refused);
        Some(pause.max(asked.unwrap_or_default()))
    }
}
