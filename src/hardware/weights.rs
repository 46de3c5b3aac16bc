//! Parameters sorted by what quantisation does to them.

use std::ops::{Add, AddAssign, Mul};

use super::WeightPrecision;

/// A count of parameters of one GPU's share (of the whole model with one GPU).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    /// Matrices of linear layers outside the routed experts.
    pub linear: u64,
    /// Matrices of all routed experts.
    pub experts: u64,
    /// Matrices of the routed experts that one token passes through.
    pub active_experts: u64,
    /// What quantisation leaves alone: embeddings, head, norms, routers, biases.
    pub plain: u64,
    /// Biases of the experts that one token does not pass through (part of `plain`).
    pub idle_expert_biases: u64,
}

impl Weights {
    /// All parameters.
    pub const fn total(&self) -> u64 {
        self.linear + self.experts + self.plain
    }

    /// Parameters that one token passes through.
    pub const fn active(&self) -> u64 {
        self.linear + self.active_experts + self.plain - self.idle_expert_biases
    }

    /// Their size in memory [bytes].
    pub fn bytes(&self, precision: WeightPrecision) -> u64 {
        let outside = precision.bits_outside_experts(self.experts > 0);
        let quantised =
            self.linear as f64 * outside + self.experts as f64 * precision.bits_per_parameter();
        2 * self.plain + (quantised / 8.0).ceil() as u64
    }
}

impl Add for Weights {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            linear: self.linear + other.linear,
            experts: self.experts + other.experts,
            active_experts: self.active_experts + other.active_experts,
            plain: self.plain + other.plain,
            idle_expert_biases: self.idle_expert_biases + other.idle_expert_biases,
        }
    }
}

impl AddAssign for Weights {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul<u64> for Weights {
    type Output = Self;
    fn mul(self, times: u64) -> Self {
        Self {
            linear: self.linear * times,
            experts: self.experts * times,
            active_experts: self.active_experts * times,
            plain: self.plain * times,
            idle_expert_biases: self.idle_expert_biases * times,
        }
    }
}
