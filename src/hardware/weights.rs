//! Parameters sorted by what quantisation does to them.

use std::ops::{Add, AddAssign, Mul};

use super::LinearKind;

/// A count of parameters of one GPU's share (of the whole model with one GPU).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    /// Matrices of attention.
    pub attention: u64,
    /// Matrices of layers that keep a state.
    pub state: u64,
    /// Matrices of feed-forward networks that are no experts.
    pub dense: u64,
    /// Matrices of the experts that every token passes through.
    pub shared_experts: u64,
    /// Matrices of all routed experts.
    pub experts: u64,
    /// Matrices of the routed experts that one token passes through.
    pub active_experts: u64,
    /// The head, where it is not the embedding's matrix.
    pub head: u64,
    /// What quantisation leaves alone: embeddings, norms, routers, biases.
    pub plain: u64,
    /// Biases of the experts that one token does not pass through (part of `plain`).
    pub idle_expert_biases: u64,
}

impl Weights {
    /// Matrices of linear layers outside the routed experts.
    pub const fn linear(&self) -> u64 {
        self.attention + self.state + self.dense + self.shared_experts
    }

    /// All parameters, in linear layers and outside them.
    pub const fn total(&self) -> u64 {
        self.linear() + self.experts + self.head + self.plain
    }

    /// Parameters that one token passes through.
    pub const fn active(&self) -> u64 {
        self.linear() + self.active_experts + self.head + self.plain - self.idle_expert_biases
    }

    /// Their size in memory, given the bits of a parameter of each kind of linear layer [bytes].
    pub fn bytes(&self, bits: impl Fn(LinearKind) -> f64) -> u64 {
        let experts = self.experts as f64 * bits(LinearKind::Experts);
        let matrices = self.linear_bits(&bits) + experts + self.head as f64 * bits(LinearKind::Head);
        2 * self.plain + (matrices / 8.0).ceil() as u64
    }

    /// Size of the linear layers outside the routed experts [bits].
    pub fn linear_bits(&self, bits: impl Fn(LinearKind) -> f64) -> f64 {
        self.attention as f64 * bits(LinearKind::Attention)
            + self.state as f64 * bits(LinearKind::State)
            + self.dense as f64 * bits(LinearKind::Dense)
            + self.shared_experts as f64 * bits(LinearKind::SharedExperts)
    }
}

impl Add for Weights {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            attention: self.attention + other.attention,
            state: self.state + other.state,
            head: self.head + other.head,
            dense: self.dense + other.dense,
            shared_experts: self.shared_experts + other.shared_experts,
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
            attention: self.attention * times,
            state: self.state * times,
            head: self.head * times,
            dense: self.dense * times,
            shared_experts: self.shared_experts * times,
            experts: self.experts * times,
            active_experts: self.active_experts * times,
            plain: self.plain * times,
            idle_expert_biases: self.idle_expert_biases * times,
        }
    }
}
