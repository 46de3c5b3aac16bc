//! Prices of steps in which all requests decode, as straight lines over their contexts.

use super::{Ramp, saturation};
use crate::units::Span;

/// What steps of so many decoding requests and nobody else take, where that is a straight line over the sum of their
/// contexts from some sum on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecodeLine {
    /// At no context [ps].
    pub steady: u64,
    /// Per token of context [ps].
    pub per_context: u64,
    /// What a step takes at least; below that it is no line [ps].
    pub least: u64,
    /// What comes on top [ps].
    pub extra: u64,
}

/// Prices below this are added up and multiplied without a look at overflows: 18 minutes, for a step.
const SAFE: u64 = 1 << 50;
/// With less growth the longest ramp does not come to the longest step from any safe price on.
const SMALL_GROWTH: u64 = 1 << 22;

impl DecodeLine {
    /// The times of a run of steps of `decoding` requests and nobody else, with so much context together in the first;
    /// `None` where it is no line, or so long that sums might overflow.
    #[inline]
    pub fn ramp(&self, decoding: u32, context: u64) -> Option<Ramp> {
        let of_context = self.per_context.checked_mul(context)?;
        if self.steady >= SAFE || of_context >= SAFE || self.extra >= SAFE {
            return None;
        }
        let gpu = self.steady + of_context;
        if gpu < self.least {
            return None;
        }
        let growth = self.per_context.saturating_mul(decoding.into());
        let first = gpu + self.extra;
        if growth < SMALL_GROWTH {
            return Some(Ramp {
                first: Span::from_picos(first),
                growth: Span::from_picos(growth),
                len: saturation::LONGEST_RAMP,
            });
        }
        Some(saturation::ramp(first, growth, saturation::LONGEST_RAMP))
    }
}

/// The lines of a price list that were asked for so far.
#[derive(Debug, Default)]
pub struct DecodeLines {
    /// By the number of decoding requests.
    lines: Vec<AskedLine>,
}

#[derive(Clone, Copy, Debug)]
enum AskedLine {
    NotYet,
    Asked(Option<DecodeLine>),
}

/// Batches of more are not remembered.
const MOST: usize = 4096;

impl DecodeLines {
    /// The line for so many requests, which `ask` gives if nobody has asked before.
    #[inline]
    pub fn get(&mut self, decoding: u32, ask: impl FnOnce() -> Option<DecodeLine>) -> Option<DecodeLine> {
        match self.lines.get(decoding as usize) {
            Some(AskedLine::Asked(line)) => *line,
            _ => self.learn(decoding as usize, ask),
        }
    }

    #[cold]
    fn learn(&mut self, decoding: usize, ask: impl FnOnce() -> Option<DecodeLine>) -> Option<DecodeLine> {
        if decoding >= MOST {
            return None;
        }
        if self.lines.len() <= decoding {
            let len = (decoding + 1).next_power_of_two();
            self.lines.resize(len, AskedLine::NotYet);
        }
        let line = ask();
        self.lines[decoding] = AskedLine::Asked(line);
        line
    }
}
