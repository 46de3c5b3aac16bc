//! What SGLang's scheduler decides for one step, and what it looked at.

use crate::workload::RequestId;

/// What one turn of the scheduler's loop decided.
#[derive(Clone, Debug, Default)]
pub struct SglangDecision {
    /// What kind of step it is; none if nothing runs.
    pub kind: Option<BatchKind>,
    /// Who computes, in order.
    pub rows: Vec<SglangRow>,
    /// Who lost its memory because decodes lacked some, in order.
    pub retracted: Vec<RequestId>,
    /// Who lost its memory to a better priority, in order.
    pub preempted: Vec<RequestId>,
    /// A prompt under way whose client had given up.
    pub aborted: Option<RequestId>,
    /// Tokens that were forgotten for want of room.
    pub evicted: u64,
    /// The queue in the order in which it was to be asked; none if nobody was to be asked, or if it is not told.
    pub queue_order: Option<Vec<RequestId>>,
    /// Who was asked, in order.
    pub tried: Vec<AskedRequest>,
}

/// What a step computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchKind {
    /// Prompts.
    Extend,
    /// Prompts, and the decodes beside them.
    Mixed,
    /// Decodes.
    Decode,
}

/// One request's part in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SglangRow {
    /// The request that computes.
    pub id: RequestId,
    /// How it came into the step.
    pub kind: RowKind,
    /// Tokens it computes.
    pub tokens: u32,
    /// Tokens whose KV existed before.
    pub before: u32,
    /// Whether more of its prompt is left after that.
    pub is_middle: bool,
    /// How often it had been taken out of the running ones.
    pub(crate) evictions: u32,
}

/// How much of a prompt comes into a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PromptPart {
    pub tokens: u32,
    /// Whether some of it is left for a later step.
    pub is_cut: bool,
}

/// How a request came into a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// Let in for the first time.
    New,
    /// Let in again.
    Resumed,
    /// A prompt goes on.
    Chunk,
    /// It goes on from token to token.
    Decode,
}

impl RowKind {
    /// Whether it was let in with this step.
    pub const fn is_let_in(self) -> bool {
        matches!(self, Self::New | Self::Resumed)
    }
}

/// What came of asking a request in (`AddReqResult`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddVerdict {
    /// The next one may be asked.
    Continue,
    /// There is no memory.
    NoToken,
    /// The step holds as many tokens as it may.
    Other,
}

/// A request that was asked in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AskedRequest {
    /// The request that was asked in.
    pub id: RequestId,
    /// What came of it.
    pub outcome: AskOutcome,
    /// Memory that the estimate has left afterwards [tokens].
    pub memory_left: f64,
    /// Prompt tokens that the step has left.
    pub input_left: i64,
    /// Tokens that the chunk has left, if prompts are cut.
    pub chunk_left: Option<i64>,
    /// What it found in the cache [tokens].
    pub hit: u32,
}

/// What happened to a request that was asked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskOutcome {
    /// The prompt under way goes on.
    GoesOn,
    /// It came in; the verdict is on the next one.
    Added(AddVerdict),
    /// It did not come in.
    Refused(AddVerdict),
}
