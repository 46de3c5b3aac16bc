//! Sessions of several turns, as a workload describes them.

use super::invalid::Invalid;
use super::lengths::{LengthDistribution, Lengths};
use super::think::Think;

/// Requests that follow one another. The prompt of a turn is the prompt before, the answer to it, and a new message
/// with the length that the workload calls `prompt`. A turn that is rejected ends its session.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// How many turns there are; drawn once for each session, and at most 10,000.
    pub turns: Lengths,
    /// How long after the last token of an answer the next turn arrives.
    pub think: Think,
}

/// The prompts of a session take memory and time in proportion to the square of its turns.
pub(super) const MOST_TURNS: u32 = 10_000;

impl Session {
    /// Checks every setting. Keys are those of a scenario's `workload.session` table.
    pub fn validate(&self) -> Result<(), Invalid> {
        if let LengthDistribution::Fixed { value } = self.turns.distribution
            && (value == 0 || value > MOST_TURNS)
        {
            let message = format!("must be between 1 and {MOST_TURNS}, not {value}; write e.g. turns = 4");
            return Err(Invalid::new("turns", message));
        }
        self.turns.validate().map_err(|invalid| invalid.inside("turns"))
    }
}
