//! Step times of a server that is slower than it should be for a while.

use super::ramp::Ramp;
use super::saturation::LONGEST_STEP;
use super::{StepShape, StepTime};
use crate::units::Span;

/// A model of the step time, and by how much steps take longer than it says.
pub struct Paced {
    model: Box<dyn StepTime>,
    /// 1.0 of a server that is as fast as it should be.
    factor: f64,
}

impl Paced {
    /// Steps take as long as the model says.
    pub fn new(model: Box<dyn StepTime>) -> Self {
        Self { model, factor: 1.0 }
    }

    /// Steps take `factor` times as long as the model says from now on.
    pub const fn slow_down(&mut self, factor: f64) {
        self.factor = factor;
    }

    fn is_slow(&self) -> bool {
        self.factor > 1.0
    }

    #[cold]
    fn stretched(&self, span: Span) -> Span {
        let picos = (span.picos() as f64 * self.factor).round();
        // No step takes longer than any, however slow its server is.
        Span::from_picos(picos as u64).min(LONGEST_STEP.max(span))
    }
}

impl StepTime for Paced {
    #[inline]
    fn step(&self, shape: &StepShape) -> Span {
        let span = self.model.step(shape);
        if self.is_slow() { self.stretched(span) } else { span }
    }

    #[inline]
    fn launch(&self, shape: &StepShape) -> Span {
        self.model.launch(shape)
    }

    /// Of a slow server one step long, as rounded times grow by no equal amounts.
    #[inline]
    fn ramp(&self, shape: &StepShape) -> Ramp {
        if self.is_slow() {
            return Ramp::single(self.step(shape));
        }
        self.model.ramp(shape)
    }
}
