//! Step times of a server that is slower than it should be for a while.

use super::ramp::Ramp;
use super::saturation::LONGEST_STEP;
use super::{DecodeLines, StepShape, StepTime};
use crate::units::Span;

/// A model of the step time, and by how much steps take longer than it says.
pub struct Paced {
    model: Box<dyn StepTime>,
    /// 1.0 of a server that is as fast as it should be.
    factor: f64,
    lines: DecodeLines,
}

impl Paced {
    /// Steps take as long as the model says.
    pub fn new(model: Box<dyn StepTime>) -> Self {
        Self {
            model,
            factor: 1.0,
            lines: DecodeLines::default(),
        }
    }

    /// Steps take `factor` times as long as the model says from now on.
    pub const fn slow_down(&mut self, factor: f64) {
        self.factor = factor;
    }

    /// What [`StepTime::ramp`] gives, faster for steps in which all requests decode: their prices are kept.
    #[inline]
    pub fn run_of(&mut self, shape: &StepShape) -> Ramp {
        self.line_of(shape).unwrap_or_else(|| self.ramp(shape))
    }

    /// What [`StepTime::step`] gives, and the same faster for steps in which all requests decode.
    #[inline]
    pub fn step_of(&mut self, shape: &StepShape) -> Span {
        match self.line_of(shape) {
            Some(run) => run.first,
            None => self.step(shape),
        }
    }

    #[inline]
    fn line_of(&mut self, shape: &StepShape) -> Option<Ramp> {
        if !shape.is_decoding_alone() || self.is_slow() {
            return None;
        }
        let ask = || self.model.decode_line(shape.decoding);
        self.lines.get(shape.decoding, ask)?.ramp(shape.decoding, shape.context)
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
