//! Lengths that are drawn, of rows that only say when requests came.

use super::error::TraceError;
use super::row::{Row, Rows};
use crate::stats::streams::{Xoshiro256PlusPlus, stream};
use crate::workload::{LengthSampler, Lengths};

/// How long prompts and outputs are whose lengths nobody recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct DrawnLengths {
    /// Prompts.
    pub prompt: Lengths,
    /// Outputs.
    pub output: Lengths,
}

impl DrawnLengths {
    /// The rows with these lengths.
    pub(super) fn of(&self, rows: Box<dyn Rows>, seed: u64) -> Box<dyn Rows> {
        let draws = |lengths: &Lengths, name| (lengths.sampler(), stream(seed, name));
        Box::new(DrawnRows {
            rows,
            prompt: draws(&self.prompt, "prompts of a trace"),
            output: draws(&self.output, "outputs of a trace"),
        })
    }
}

struct DrawnRows {
    rows: Box<dyn Rows>,
    prompt: (LengthSampler, Xoshiro256PlusPlus),
    output: (LengthSampler, Xoshiro256PlusPlus),
}

impl Rows for DrawnRows {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        if !self.rows.next_row(row)? {
            return Ok(false);
        }
        let draw = |(sampler, random): &mut (LengthSampler, Xoshiro256PlusPlus)| sampler.draw(random).max(1);
        row.input_tokens = draw(&mut self.prompt);
        row.output_tokens = draw(&mut self.output);
        Ok(true)
    }

    fn arrival_field(&self) -> &'static str {
        self.rows.arrival_field()
    }

    fn failed(&self) -> u64 {
        self.rows.failed()
    }

    fn partly_hashed(&self) -> u64 {
        self.rows.partly_hashed()
    }
}
