//! Slots of the KV cache that are allocated but hold no token.
//!
//! A slot holds a token if it belongs to a token of a running request whose KV exists or is being computed by the step under way. The
//! others are the ends of requests' last blocks, what policies reserve in advance, and the rows of a static batch whose requests have ended.
//! The tokens are those of the step's batch and, where a running request sits a step out, what is known from earlier steps.
//!
//! Nothing is told where this cannot be known from outside of an engine: where blocks may be shared (they are used once, but hold tokens of
//! several requests), where a static batch answers together (when its rows end is told at its end only), with look-ahead and with drafts.
//! Time in which a request sits out right after a preemption, which takes an unknown number of tokens, is left out.

use super::kv_usage::BlocksOfRun;
use crate::engine::{Event, ServerSettings, StepRun};
use crate::policy::{PolicySettings, Response};

/// Slots and tokens of one server, or of several.
#[derive(Clone, Debug)]
pub(super) struct Fragmentation {
    block_tokens: u32,
    /// Whether steps hold padding and rows that have ended, so that their shape does not tell the tokens.
    padded: bool,
    is_known: bool,
    /// Tokens of the running requests whose KV exists; `None` after a preemption.
    resident: Option<u64>,
    /// Whether requests came in since the last step.
    admitted: bool,
    /// [token * ps]
    tokens: u128,
    /// [block * ps]
    blocks: u128,
    peak: Peak,
}

/// The most blocks in use, when that was first so, and the tokens in them then.
#[derive(Clone, Copy, Debug, Default)]
struct Peak {
    blocks: u64,
    tokens: Option<u64>,
}

/// The tokens in the first of some steps, and how many more each later one has.
#[derive(Clone, Copy, Debug)]
struct Tokens {
    first: u64,
    growth: u64,
}

impl Fragmentation {
    pub(super) fn new(server: &ServerSettings) -> Self {
        let policy = &server.policy;
        let is_known = match policy {
            PolicySettings::Static(settings) => settings.response == Response::RowEnd,
            PolicySettings::Continuous(settings) => {
                !settings.async_scheduling && settings.speculative.is_none()
            }
            _ => true,
        };
        Self {
            block_tokens: server.block_tokens,
            padded: matches!(policy, PolicySettings::Static(_)),
            is_known,
            resident: Some(0),
            admitted: false,
            tokens: 0,
            blocks: 0,
            peak: Peak::default(),
        }
    }

    /// From now on nothing is known.
    pub(super) const fn give_up(&mut self) {
        self.is_known = false;
    }

    #[inline]
    pub(super) fn on(&mut self, event: &Event) {
        if self.is_known {
            self.follow(event);
        }
    }

    fn follow(&mut self, event: &Event) {
        match event {
            // Blocks that may be shared are not looked at, so that who is new computes all its tokens.
            Event::Admitted { resumed, tokens } => {
                self.admitted = true;
                if *resumed {
                    self.resident = None; // It may have found some of its own blocks.
                } else if self.padded {
                    self.resident = self.resident.map(|all| all + u64::from(*tokens));
                }
            }
            Event::Preempted => self.resident = None,
            Event::Finished(request) => {
                let held = u64::from(request.input_tokens) + u64::from(request.output_tokens) - 1;
                self.resident = self.resident.map(|all| all.saturating_sub(held));
            }
            Event::Arrived { .. } | Event::Rejected | Event::FirstToken | Event::Token { .. } => {}
        }
    }

    /// Steps have ended in which `running` requests ran and used `blocks`.
    pub(super) fn ran(&mut self, run: &StepRun<'_>, running: u32, blocks: BlocksOfRun) {
        if !self.is_known {
            return;
        }
        let tokens = self.tokens_in(run, running);
        self.admitted = false;
        if blocks.last > self.peak.blocks {
            self.peak = Peak::of(run, blocks.last, tokens);
        }
        let Some(tokens) = tokens else {
            return;
        };
        self.resident = Some(tokens.at(run.steps - 1));
        self.tokens += tokens.integral(run);
        self.blocks += blocks.integral;
    }

    fn tokens_in(&self, run: &StepRun<'_>, running: u32) -> Option<Tokens> {
        let shape = &run.shape;
        if self.padded {
            // The first step of a batch computes its prompts, each later one a token of each row that has not ended.
            let growth = u64::from(running);
            let computed = if self.admitted { 0 } else { growth };
            return self.resident.map(|all| Tokens {
                first: all + computed,
                growth,
            });
        }
        let first = if shape.sequences == running {
            Some(shape.context + shape.prefill_context)
        } else {
            self.resident.map(|all| all + shape.tokens())
        };
        first.map(|first| Tokens {
            first,
            growth: shape.tokens(),
        })
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.is_known &= other.is_known;
        self.tokens += other.tokens;
        self.blocks += other.blocks;
        if other.peak.blocks > self.peak.blocks {
            self.peak = other.peak;
        }
    }

    /// Of all slots and all the time they were allocated, the share without a token.
    pub(super) fn mean(&self) -> Option<f64> {
        let slots = self.blocks as f64 * f64::from(self.block_tokens);
        (self.is_known && self.blocks > 0).then(|| 1.0 - self.tokens as f64 / slots)
    }

    /// The share of allocated slots without a token when the most blocks were in use.
    pub(super) fn at_peak(&self) -> Option<f64> {
        let tokens = self.peak.tokens.filter(|_| self.is_known)?;
        let slots = self.peak.blocks * u64::from(self.block_tokens);
        (slots > 0).then(|| 1.0 - tokens as f64 / slots as f64)
    }
}

impl Peak {
    /// The first of the steps that use as many blocks as the last.
    fn of(run: &StepRun<'_>, blocks: u64, tokens: Option<Tokens>) -> Self {
        let mut step = run.steps - 1;
        while step > 0 && run.kv.used_at(step - 1) == blocks {
            step -= 1;
        }
        Self {
            blocks,
            tokens: tokens.map(|tokens| tokens.at(step)),
        }
    }
}

impl Tokens {
    const fn at(self, step: u64) -> u64 {
        self.first + self.growth * step
    }

    /// Tokens times how long they were there [token * ps].
    fn integral(self, run: &StepRun<'_>) -> u128 {
        let mut integral = u128::from(self.first) * u128::from(run.takes.picos());
        if self.growth > 0 && run.steps > 1 {
            let (first, growth) = (run.ramp.first.picos(), run.ramp.growth.picos());
            let (linear, squares) = sums_below(run.steps);
            let each = u128::from(first) * linear + u128::from(growth) * squares;
            integral += u128::from(self.growth) * each;
        }
        integral
    }
}

/// The sums of j and of j^2 over all j below `count`, which is at least 1.
fn sums_below(count: u64) -> (u128, u128) {
    // A division of 128 bits costs more than all the rest.
    if count < 1 << 20 {
        let linear = count * (count - 1) / 2;
        return (linear.into(), (linear * (2 * count - 1) / 3).into());
    }
    let count = u128::from(count);
    let linear = count * (count - 1) / 2;
    (linear, linear * (2 * count - 1) / 3)
}
