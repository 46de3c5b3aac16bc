//! What tells the parts of a step's time from the sums over its batch.

use std::sync::Arc;

use crate::step_time::Roofline;
use crate::units::Span;

/// What it takes to tell the parts of steps from their sums.
#[derive(Clone, Debug)]
pub struct StepPrices {
    /// What the model's steps take on the GPU.
    pub gpu: Arc<Roofline>,
    /// CPU time of each step and of each request in it, where it stands before the step; `None` where it is beside it.
    pub cpu: Option<[Span; 2]>,
    /// Whether a drafter has passes in each step.
    pub has_drafts: bool,
}
