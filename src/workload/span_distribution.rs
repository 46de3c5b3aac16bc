//! How long something takes each time: a service, a way through a network, a tool.

use rand::RngExt;
use rand_distr::{Distribution, Gamma, LogNormal};

use super::exponential::draw_exponential;
use super::portable::Portable;
use crate::stats::streams::Xoshiro256PlusPlus;
use crate::units::{Span, Time};

/// A distribution of lengths of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SpanDistribution {
    /// Always as long.
    Fixed(Span),
    /// Every length from `min` to `max` is as likely as any other.
    Uniform {
        /// The shortest.
        min: Span,
        /// The longest; at least `min`.
        max: Span,
    },
    /// An exponential distribution.
    Exponential {
        /// The mean of all.
        mean: Span,
    },
    /// The logarithm is normally distributed.
    LogNormal {
        /// Half of them are shorter; longer than nothing.
        median: Span,
        /// Standard deviation of the natural logarithm, from 0 to 20.
        sigma: f64,
    },
    /// A Gamma distribution.
    Gamma {
        /// The mean of all; longer than nothing.
        mean: Span,
        /// Coefficient of variation: standard deviation divided by mean; from 0.001 to 1000.
        cv: f64,
    },
}

impl SpanDistribution {
    /// The mean of all.
    pub fn mean(&self) -> Span {
        match *self {
            Self::Fixed(mean) | Self::Exponential { mean } | Self::Gamma { mean, .. } => mean,
            Self::Uniform { min, max } => Span::from_picos(min.picos() + (max.picos() - min.picos()) / 2),
            // exp(mu + sigma^2 / 2), of which the median is exp(mu).
            Self::LogNormal { median, sigma } => rounded(median.picos() as f64 * libm::exp(sigma * sigma / 2.0)),
        }
    }

    /// How long it takes once; 200 days at most.
    pub fn draw(&self, random: &mut Xoshiro256PlusPlus) -> Span {
        const VALID: &str = "distributions are validated";
        match *self {
            Self::Fixed(span) => span,
            Self::Uniform { min, max } => Span::from_picos(random.random_range(min.picos()..=max.picos())),
            Self::Exponential { mean } => rounded(mean.picos() as f64 * draw_exponential(random)),
            Self::LogNormal { median, sigma } => {
                let scale = LogNormal::new(Portable(0.0), Portable(sigma)).expect(VALID);
                rounded(median.picos() as f64 * scale.sample(random).0)
            }
            Self::Gamma { mean, cv } => {
                let shape = 1.0 / (cv * cv);
                let scale = (mean.picos() as f64 / shape).max(f64::MIN_POSITIVE);
                let draws = Gamma::new(Portable(shape), Portable(scale)).expect(VALID);
                rounded(draws.sample(random).0)
            }
        }
    }
}

/// To the nearest picosecond.
fn rounded(picos: f64) -> Span {
    // A cast of what does not fit yields the longest there is.
    Span::from_picos((picos + 0.5) as u64).min(Time::LIMIT - Time::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::streams::stream;

    #[test]
    fn draws_have_the_mean_that_is_said() {
        let span = |seconds| Span::from_seconds(seconds).unwrap();
        for distribution in [
            SpanDistribution::Fixed(span(0.2)),
            SpanDistribution::Uniform {
                min: span(0.1),
                max: span(0.5),
            },
            SpanDistribution::Exponential { mean: span(0.05) },
            SpanDistribution::LogNormal {
                median: span(0.02),
                sigma: 0.8,
            },
            SpanDistribution::Gamma {
                mean: span(0.03),
                cv: 0.5,
            },
        ] {
            let mut random = stream(3, "spans");
            let sum: f64 = (0..40_000).map(|_| distribution.draw(&mut random).seconds()).sum();
            let ratio = sum / 40_000.0 / distribution.mean().seconds();
            assert!((ratio - 1.0).abs() < 0.02, "{distribution:?}: {ratio}");
        }
    }
}
