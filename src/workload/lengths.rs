//! How long prompts and outputs are.

use std::sync::Arc;

use super::MOST_TOKENS;
use super::invalid::{Invalid, check_positive, check_range};
use super::quantile_table::QuantileTable;

/// A distribution of lengths [tokens]. Draws are rounded, then clamped to `min..=max`.
#[derive(Clone, Debug, PartialEq)]
pub struct Lengths {
    /// What lengths are drawn from.
    pub distribution: LengthDistribution,
    /// The shortest length; at least 1.
    pub min: u32,
    /// The longest length; at most [`MOST_TOKENS`].
    pub max: u32,
}

/// What lengths are drawn from, before rounding and clamping [tokens].
#[derive(Clone, Debug, PartialEq)]
pub enum LengthDistribution {
    /// Always the same length.
    Fixed {
        /// How long all are.
        value: u32,
    },
    /// Every whole number in `min..=max` is equally likely.
    Uniform {
        /// The shortest length.
        min: u32,
        /// The longest length.
        max: u32,
    },
    /// The logarithm is normally distributed.
    LogNormal {
        /// Half of the lengths are below it.
        median: f64,
        /// Standard deviation of the natural logarithm.
        sigma: f64,
    },
    /// Lengths are gamma-distributed.
    Gamma {
        /// The mean of all lengths.
        mean: f64,
        /// Coefficient of variation: standard deviation divided by mean.
        cv: f64,
    },
    /// Lengths are exponentially distributed.
    Exponential {
        /// The mean of all lengths.
        mean: f64,
    },
    /// Length `k` in `1..=max` has a probability proportional to `k^-exponent`.
    Zipf {
        /// How fast the probability falls.
        exponent: f64,
        /// The longest length.
        max: u32,
    },
    /// Longer than `x` with probability `(min/x)^shape`.
    Pareto {
        /// The shortest length.
        min: f64,
        /// How fast the tail falls; the mean is finite only above 1.
        shape: f64,
    },
    /// One of several distributions, chosen with a probability proportional to its weight.
    Mixture {
        /// The distributions that are mixed.
        parts: Vec<MixturePart>,
    },
    /// The quantiles of measured lengths, with straight lines between them.
    Quantiles(Arc<QuantileTable>),
}

/// One part of a mixture.
#[derive(Clone, Debug, PartialEq)]
pub struct MixturePart {
    /// Its share, relative to the other parts' weights.
    pub weight: f64,
    /// The distribution of its lengths.
    pub lengths: Lengths,
}

/// How deep mixtures of mixtures may go.
const MOST_MIXTURE_LEVELS: u32 = 8;

impl Lengths {
    /// Lengths without further limits.
    pub const fn new(distribution: LengthDistribution) -> Self {
        Self {
            distribution,
            min: 1,
            max: MOST_TOKENS,
        }
    }

    /// Lengths that are always `value` tokens.
    pub const fn fixed(value: u32) -> Self {
        Self::new(LengthDistribution::Fixed { value })
    }

    /// Whether there is nothing at all: of outputs, that requests ask for no token. They count as one all the same
    /// where a server gives the answer.
    pub const fn are_none(&self) -> bool {
        matches!(self.distribution, LengthDistribution::Fixed { value: 0 }) && self.min <= 1
    }

    /// Checks every setting. Keys are those of a scenario's `prompt` or `output` table.
    pub fn validate(&self) -> Result<(), Invalid> {
        self.validate_level(MOST_MIXTURE_LEVELS)
    }

    fn validate_level(&self, levels_left: u32) -> Result<(), Invalid> {
        check_tokens("min", self.min)?;
        check_tokens("max", self.max)?;
        check_order(self.min, self.max)?;
        self.distribution.validate(levels_left)
    }
}

impl LengthDistribution {
    fn validate(&self, levels_left: u32) -> Result<(), Invalid> {
        let most = f64::from(MOST_TOKENS);
        match *self {
            Self::Fixed { value } => check_tokens("value", value),
            Self::Uniform { min, max } => {
                check_tokens("min", min)?;
                check_tokens("max", max)?;
                check_order(min, max)
            }
            Self::LogNormal { median, sigma } => {
                check_positive("median", median, most, "tokens, e.g. median = 512")?;
                check_range("sigma", sigma, 0.0, 20.0, "e.g. sigma = 0.8")
            }
            Self::Gamma { mean, cv } => {
                check_positive("mean", mean, most, "tokens, e.g. mean = 512")?;
                check_range("cv", cv, 0.001, 1000.0, "e.g. cv = 1.2")
            }
            Self::Exponential { mean } => check_positive("mean", mean, most, "tokens, e.g. mean = 512"),
            Self::Zipf { exponent, max } => {
                check_tokens("max", max)?;
                check_range("exponent", exponent, 0.0, 100.0, "e.g. exponent = 1.1")
            }
            Self::Pareto { min, shape } => {
                check_positive("min", min, most, "tokens, e.g. min = 16")?;
                check_range("shape", shape, 0.01, 1000.0, "e.g. shape = 1.5")
            }
            Self::Mixture { ref parts } => check_parts(parts, levels_left),
            Self::Quantiles(_) => Ok(()),
        }
    }
}

fn check_tokens(key: &str, tokens: u32) -> Result<(), Invalid> {
    let example = format!("tokens, e.g. {key} = 512");
    check_range(key, f64::from(tokens), 1.0, f64::from(MOST_TOKENS), &example)
}

fn check_order(min: u32, max: u32) -> Result<(), Invalid> {
    if min <= max {
        return Ok(());
    }
    let message = format!("is {max}, less than min = {min}; raise max or lower min");
    Err(Invalid::new("max", message))
}

fn check_parts(parts: &[MixturePart], levels_left: u32) -> Result<(), Invalid> {
    const EXAMPLE: &str = "write e.g. parts = [{ weight = 0.7, dist = \"fixed\", value = 100 }, \
                           { weight = 0.3, dist = \"fixed\", value = 900 }]";
    if levels_left == 0 {
        let message = format!("mix mixtures more than {MOST_MIXTURE_LEVELS} levels deep; list the parts in one");
        return Err(Invalid::new("parts", message));
    }
    for (index, part) in parts.iter().enumerate() {
        let at = format!("parts[{index}]");
        check_range("weight", part.weight, 0.0, 1e9, "e.g. weight = 0.5")
            .and_then(|()| part.lengths.validate_level(levels_left - 1))
            .map_err(|invalid| invalid.inside(&at))?;
    }
    if parts.iter().any(|part| part.weight > 0.0) {
        return Ok(());
    }
    let message = format!("need at least one part with a weight above 0; {EXAMPLE}");
    Err(Invalid::new("parts", message))
}

#[cfg(test)]
mod tests {
    use super::LengthDistribution::{Exponential, Fixed, Gamma, LogNormal, Mixture, Pareto, Uniform, Zipf};
    use super::*;

    fn key_of(lengths: &Lengths) -> String {
        lengths.validate().expect_err("must be refused").key
    }

    #[test]
    fn bad_settings_are_named() {
        let key = |distribution| key_of(&Lengths::new(distribution));
        assert_eq!(key(Fixed { value: 0 }), "value");
        assert_eq!(key(Fixed { value: u32::MAX }), "value");
        assert_eq!(key(Uniform { min: 0, max: 5 }), "min");
        assert_eq!(key(Uniform { min: 6, max: 5 }), "max");
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(
                key(LogNormal {
                    median: bad,
                    sigma: 1.0
                }),
                "median"
            );
            assert_eq!(key(Gamma { mean: bad, cv: 1.0 }), "mean");
            assert_eq!(key(Gamma { mean: 1.0, cv: bad }), "cv");
            assert_eq!(key(Exponential { mean: bad }), "mean");
            assert_eq!(key(Pareto { min: bad, shape: 1.0 }), "min");
            assert_eq!(key(Pareto { min: 1.0, shape: bad }), "shape");
        }
        assert_eq!(
            key(LogNormal {
                median: 1.0,
                sigma: -0.1
            }),
            "sigma"
        );
        assert_eq!(
            key(Zipf {
                exponent: f64::NAN,
                max: 9
            }),
            "exponent"
        );
        assert_eq!(key(Zipf { exponent: 1.0, max: 0 }), "max");
        assert_eq!(key(Mixture { parts: vec![] }), "parts");
        let mut clamped = Lengths::fixed(5);
        clamped.min = 10;
        clamped.max = 9;
        assert_eq!(key_of(&clamped), "max");
    }

    #[test]
    fn a_bad_part_of_a_mixture_is_named() {
        let part = |weight, value| MixturePart {
            weight,
            lengths: Lengths::fixed(value),
        };
        let mixture = |parts| Lengths::new(Mixture { parts });
        assert_eq!(key_of(&mixture(vec![part(1.0, 1), part(-1.0, 1)])), "parts[1].weight");
        assert_eq!(key_of(&mixture(vec![part(1.0, 0)])), "parts[0].value");
        assert_eq!(key_of(&mixture(vec![part(0.0, 1)])), "parts");
        let mut nested = mixture(vec![part(1.0, 1)]);
        for _ in 0..20 {
            nested = mixture(vec![MixturePart {
                weight: 1.0,
                lengths: nested,
            }]);
        }
        assert!(key_of(&nested).ends_with("parts"));
    }
}
