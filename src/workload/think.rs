//! How long users think between an answer and what they ask next.

use rand::RngExt;

use super::exponential::draw_exponential;
use crate::stats::streams::Xoshiro256PlusPlus;
use crate::units::Span;

/// How long a user thinks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Think {
    /// Always the same time.
    Fixed(Span),
    /// Times are exponentially distributed.
    Exponential {
        /// The mean of all times.
        mean: Span,
    },
}

impl Think {
    /// No pause at all.
    pub const NONE: Self = Self::Fixed(Span::ZERO);

    /// The mean of all times.
    pub const fn mean(self) -> Span {
        match self {
            Self::Fixed(mean) | Self::Exponential { mean } => mean,
        }
    }

    /// Whether nobody ever thinks.
    pub fn is_none(self) -> bool {
        self.mean() == Span::ZERO
    }

    /// How long a user thinks once.
    pub(super) fn draw(self, random: &mut Xoshiro256PlusPlus) -> Span {
        match self {
            Self::Fixed(span) => span,
            Self::Exponential { mean } => {
                let picos = mean.picos() as f64 * draw_exponential(random);
                // A cast of what does not fit yields the longest span there is.
                Span::from_picos((picos + 0.5) as u64)
            }
        }
    }

    /// What is left of the pause of a user who is looked at in the middle of it, at an instant like any other: the
    /// residual life of renewal theory, whose density is the chance that a pause is longer, divided by the mean pause
    /// (Feller, *An Introduction to Probability Theory* II, XI.4). Of equal pauses it is uniform, of exponential ones
    /// it is a whole one, as these have no memory.
    pub(super) fn draw_rest(self, random: &mut Xoshiro256PlusPlus) -> Span {
        match self {
            Self::Fixed(Span::ZERO) => Span::ZERO,
            Self::Fixed(span) => Span::from_picos(random.random_range(0..span.picos())),
            Self::Exponential { .. } => self.draw(random),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::streams::stream;

    #[test]
    fn what_is_left_of_a_pause_is_half_of_equal_ones_and_a_whole_one_without_memory() {
        let mean = Span::from_seconds(30.0).unwrap();
        for (think, expected_s, longest_s) in [
            (Think::Fixed(mean), 15.0, 30.0),
            (Think::Exponential { mean }, 30.0, f64::INFINITY),
        ] {
            let mut random = stream(1, "think");
            let rests: Vec<f64> = (0..10_000).map(|_| think.draw_rest(&mut random).seconds()).collect();
            let mean_s = rests.iter().sum::<f64>() / 10_000.0;
            assert!((mean_s / expected_s - 1.0).abs() < 0.03, "{think:?}: {mean_s}");
            assert!(rests.iter().all(|&rest| rest < longest_s), "{think:?}");
        }
        assert_eq!(Think::NONE.draw_rest(&mut stream(1, "think")), Span::ZERO);
    }
}
