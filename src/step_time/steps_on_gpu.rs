//! Step times on the GPU where kernels take otherwise in steps with prompts than in others.

use super::{DecodeLine, Ramp, Roofline, StepShape, StepTime};
use crate::units::Span;

/// A price list for each kind of step. Which one holds follows from the members of the batch, so that a run of steps
/// with the same members has one: its times are a progression as before.
#[derive(Clone, Debug)]
pub struct StepsOnGpu {
    decoding: Roofline,
    /// `None`: the same as of other steps.
    prompts: Option<Roofline>,
}

impl StepsOnGpu {
    /// All steps have one price list.
    pub const fn alike(all: Roofline) -> Self {
        Self {
            decoding: all,
            prompts: None,
        }
    }

    /// Steps that hold a part of a prompt have another price list than those that do not.
    pub const fn by_kind(decoding: Roofline, prompts: Roofline) -> Self {
        Self {
            decoding,
            prompts: Some(prompts),
        }
    }

    /// The price list of steps without prompts.
    pub const fn without_prompts(&self) -> &Roofline {
        &self.decoding
    }

    /// The price list of steps with prompts.
    pub const fn with_prompts(&self) -> &Roofline {
        match &self.prompts {
            Some(prompts) => prompts,
            None => &self.decoding,
        }
    }

    /// The price list of such a step.
    #[inline]
    pub const fn of(&self, shape: &StepShape) -> &Roofline {
        match &self.prompts {
            Some(prompts) if shape.has_prompts() => prompts,
            _ => &self.decoding,
        }
    }

    /// The price lists of passes that are not the first of their step: what a step pays once, it does not pay again.
    #[must_use]
    pub fn within_a_step(self) -> Self {
        Self {
            decoding: self.decoding.within_a_step(),
            prompts: self.prompts.map(Roofline::within_a_step),
        }
    }

    /// The price list if there is but one, so that no step pays for the choice.
    pub fn single(self) -> Result<Roofline, Box<Self>> {
        match self.prompts {
            None => Ok(self.decoding),
            Some(_) => Err(Box::new(self)),
        }
    }
}

impl StepTime for StepsOnGpu {
    #[inline]
    fn step(&self, shape: &StepShape) -> Span {
        self.of(shape).step(shape)
    }

    fn ramp(&self, shape: &StepShape) -> Ramp {
        self.of(shape).ramp(shape)
    }

    fn decode_line(&self, decoding: u32) -> Option<DecodeLine> {
        self.decoding.decode_line(decoding)
    }
}
