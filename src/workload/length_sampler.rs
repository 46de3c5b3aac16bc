//! Draws the lengths of prompts and outputs.

use std::sync::Arc;

use rand::RngExt;
use rand_distr::{Distribution, Exp, Gamma, LogNormal, Pareto, Uniform, Zipf};

use super::lengths::{LengthDistribution, Lengths, MixturePart};
use super::portable::Portable;
use super::quantile_table::QuantileTable;
use crate::stats::streams::{Xoshiro256PlusPlus, stream};

/// Draws lengths of one distribution.
#[derive(Clone, Debug)]
pub struct LengthSampler {
    draws: Draws,
    /// The least that is drawn [tokens].
    min: f64,
    /// The most that is drawn [tokens].
    max: f64,
}

#[derive(Clone, Debug)]
enum Draws {
    Fixed(f64),
    Uniform(Uniform<u32>),
    LogNormal(LogNormal<Portable>),
    Gamma(Gamma<Portable>),
    Exponential(Exp<f64>),
    Zipf(Zipf<Portable>),
    Pareto(Pareto<Portable>),
    Mixture(Vec<CumulatedPart>),
    Quantiles(Arc<QuantileTable>),
}

#[derive(Clone, Debug)]
struct CumulatedPart {
    /// Chosen if a uniform draw in 0..1 lies below this and not below that of the part before.
    below: f64,
    sampler: LengthSampler,
}

impl Lengths {
    /// The generator of valid lengths.
    pub fn sampler(&self) -> LengthSampler {
        LengthSampler::new(self)
    }

    /// The mean after rounding and clamping [tokens]: exact for one length, otherwise the mean of 100,000 draws of a
    /// stream of its own.
    pub fn estimated_mean(&self) -> f64 {
        const DRAWS: u32 = 100_000;
        let sampler = self.sampler();
        if let LengthDistribution::Fixed { value } = self.distribution {
            return f64::from(value.clamp(self.min, self.max));
        }
        let mut random = stream(0, "estimated mean length");
        let sum: u64 = (0..DRAWS).map(|_| u64::from(sampler.draw(&mut random))).sum();
        sum as f64 / f64::from(DRAWS)
    }
}

impl LengthSampler {
    fn new(lengths: &Lengths) -> Self {
        Self {
            draws: Draws::new(&lengths.distribution),
            min: f64::from(lengths.min),
            max: f64::from(lengths.max),
        }
    }

    /// The next length [tokens].
    pub fn draw(&self, random: &mut Xoshiro256PlusPlus) -> u32 {
        let tokens = match &self.draws {
            Draws::Fixed(tokens) => *tokens,
            Draws::Uniform(draws) => f64::from(draws.sample(random)),
            Draws::LogNormal(draws) => draws.sample(random).0,
            Draws::Gamma(draws) => draws.sample(random).0,
            Draws::Exponential(draws) => draws.sample(random),
            Draws::Zipf(draws) => draws.sample(random).0,
            Draws::Pareto(draws) => draws.sample(random).0,
            Draws::Mixture(parts) => f64::from(draw_mixture(parts, random)),
            Draws::Quantiles(table) => table.at(random.random()),
        };
        // Rounded half up, with an addition and a cast that truncates rather than a call of `round`. Bounds are whole
        // numbers.
        (tokens.clamp(self.min, self.max) + 0.5) as u32
    }
}

impl Draws {
    fn new(distribution: &LengthDistribution) -> Self {
        const VALID: &str = "lengths are validated";
        match *distribution {
            LengthDistribution::Fixed { value } => Self::Fixed(f64::from(value)),
            LengthDistribution::Uniform { min, max } => Self::Uniform(Uniform::new_inclusive(min, max).expect(VALID)),
            LengthDistribution::LogNormal { median, sigma } => {
                Self::LogNormal(LogNormal::new(Portable(libm::log(median)), Portable(sigma)).expect(VALID))
            }
            LengthDistribution::Gamma { mean, cv } => {
                let shape = 1.0 / (cv * cv);
                // A mean next to nothing must not leave a scale of 0; either way its lengths are the shortest.
                let scale = (mean / shape).max(f64::MIN_POSITIVE);
                Self::Gamma(Gamma::new(Portable(shape), Portable(scale)).expect(VALID))
            }
            LengthDistribution::Exponential { mean } => Self::Exponential(Exp::new(1.0 / mean).expect(VALID)),
            LengthDistribution::Zipf { exponent, max } => {
                Self::Zipf(Zipf::new(Portable(f64::from(max)), Portable(exponent)).expect(VALID))
            }
            LengthDistribution::Pareto { min, shape } => {
                Self::Pareto(Pareto::new(Portable(min), Portable(shape)).expect(VALID))
            }
            LengthDistribution::Mixture { ref parts } => Self::Mixture(cumulate(parts)),
            LengthDistribution::Quantiles(ref table) => Self::Quantiles(Arc::clone(table)),
        }
    }
}

fn cumulate(parts: &[MixturePart]) -> Vec<CumulatedPart> {
    let total: f64 = parts.iter().map(|part| part.weight).sum();
    let mut sum = 0.0;
    let cumulated = parts.iter().filter(|part| part.weight > 0.0).map(|part| {
        sum += part.weight;
        CumulatedPart {
            below: sum / total,
            sampler: part.lengths.sampler(),
        }
    });
    cumulated.collect()
}

fn draw_mixture(parts: &[CumulatedPart], random: &mut Xoshiro256PlusPlus) -> u32 {
    let uniform: f64 = random.random();
    // Rounding may leave the last bound a little below 1.
    let chosen = parts.iter().find(|part| uniform < part.below);
    let chosen = chosen.or(parts.last()).expect("lengths are validated");
    chosen.sampler.draw(random)
}
