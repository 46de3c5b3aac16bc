//! What was decided and has not ended.

use crate::engine::fast::seats::Seat;
use crate::workload::RequestId;

/// A request's part in a step.
#[derive(Clone, Copy)]
pub(super) struct SteppedPart {
    pub seat: Seat,
    /// Who was in the seat then.
    pub id: RequestId,
    pub tokens: u32,
    /// Draft tokens among them.
    pub drafts: u32,
    /// Whether these stand in for drafts that nobody has proposed.
    pub padded: bool,
    /// Whether it samples.
    pub samples: bool,
}

impl SteppedPart {
    /// A part with so many tokens, of which these are drafts.
    pub(super) const fn new((seat, id): (Seat, RequestId), (tokens, drafts): (u32, u32)) -> Self {
        Self {
            seat,
            id,
            tokens,
            drafts,
            padded: false,
            samples: false,
        }
    }
}

/// A step that was decided.
#[derive(Default)]
pub(super) struct DecidedStep {
    pub parts: Vec<SteppedPart>,
    /// Blocks in use during the step, and their slots without a token.
    pub used_blocks: u32,
    pub empty: u64,
}
