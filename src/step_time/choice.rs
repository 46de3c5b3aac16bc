//! Which model of step times a scenario uses.

use super::kind::StepTimeKind;
use super::{Affine, affine, roofline};

/// Every kind of model of step times. A new one is a file, a line here and a choice below; the compiler names who has
/// to read it from a scenario and who builds it.
pub const STEP_TIMES: &[&StepTimeKind] = &[&affine::KIND, &roofline::KIND];

/// A model of step times, with what it takes besides the GPU and the model that it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepTimeChoice {
    /// Times that were given.
    Affine(Affine),
    /// Times from first principles.
    Roofline,
}

impl StepTimeChoice {
    /// What its kind says of itself.
    pub const fn kind(&self) -> &'static StepTimeKind {
        match self {
            Self::Affine(_) => &affine::KIND,
            Self::Roofline => &roofline::KIND,
        }
    }

    /// How long the largest step takes, cut at no limit [s]; `None` if it follows from the deployment.
    pub fn largest_step_s(&self, tokens: u64, requests: u32) -> Option<f64> {
        match self {
            Self::Affine(affine) => Some(affine.unlimited_s(tokens, requests)),
            Self::Roofline => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_of_a_listed_kind() {
        let choices = [StepTimeChoice::Affine(Affine::default()), StepTimeChoice::Roofline];
        assert_eq!(choices.map(|choice| choice.kind()), STEP_TIMES);
    }
}
