//! What rows wait for.

use crate::units::Span;

/// What a row waits for.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    /// The number of an earlier row.
    pub row: u64,
    /// What of it.
    pub until: WaitUntil,
    /// How long after that.
    pub after: Span,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitUntil {
    /// It is sent.
    Sent,
    /// It has its last token.
    Finished,
}
