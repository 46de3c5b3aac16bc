//! What was decided and has not ended, as far as a scheduler of continuous batching has to know.

use super::seats::Seat;

/// Steps of one decision, as far as their tokens are still to come.
#[derive(Default)]
pub(super) struct DecidedSteps {
    pub(super) steps: u64,
    /// The first one's place in the decoders' clock.
    pub(super) clock: u64,
    /// Blocks in use during the first.
    pub(super) used_blocks: u32,
    /// Their slots without a token.
    pub(super) empty: u64,
    /// How many decoders get a token in each.
    pub(super) decoding: u32,
    /// Who gets a token apart from them, in the order of admission.
    pub(super) sampling: Vec<Seat>,
    /// Whose last token comes, in the order of admission.
    pub(super) ending: Vec<Seat>,
}
