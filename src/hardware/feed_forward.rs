//! One feed-forward layer: dense, or a router with experts.

use super::Weights;

/// What follows attention in a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedForward {
    /// One network for every token.
    Dense(DenseLayer),
    /// A mixture of experts.
    Experts(ExpertLayer),
    /// Nothing: layers of attention, or of a state, alone.
    Nothing,
}

/// A dense feed-forward network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenseLayer {
    /// Width between the projections.
    pub intermediate: u64,
    /// Whether a gate projection stands beside the up projection: three matrices instead of two.
    pub gated: bool,
    /// Whether the projections have biases.
    pub bias: bool,
}

/// A mixture of experts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an independent fact about a checkpoint"
)]
pub struct ExpertLayer {
    /// How many routed experts the layer has.
    pub experts: u64,
    /// Routed experts a token passes through.
    pub experts_per_token: u64,
    /// Width of a routed expert.
    pub intermediate: u64,
    /// Whether experts have a gate projection: three matrices instead of two.
    pub gated: bool,
    /// The width that tokens are projected to before the routed experts, and from after them, by two matrices that all
    /// share (Nemotron 3 Super); `None` if experts take the residual stream.
    pub latent: Option<u64>,
    /// Width of the experts that every token passes through, all together; 0 if there are none.
    pub shared_intermediate: u64,
    /// Whether a learned gate scales the shared expert (Qwen2-MoE).
    pub shared_gate: bool,
    /// Parameters of the router beside its matrix: biases, scales.
    pub router_parameters: u64,
    /// Whether the experts have biases (gpt-oss).
    pub expert_bias: bool,
}

impl ExpertLayer {
    /// As how many routed experts the shared ones can be computed with them; 0 if their widths do not divide.
    pub const fn shared_as_routed(&self) -> u64 {
        if self.latent.is_none() && self.shared_intermediate.is_multiple_of(self.intermediate) {
            self.shared_intermediate / self.intermediate
        } else {
            0
        }
    }
}

impl FeedForward {
    /// Parameters on one of `tensor_parallel` GPUs.
    pub fn weights(&self, hidden: u64, tensor_parallel: u64) -> Weights {
        match self {
            Self::Dense(dense) => dense.weights(hidden, tensor_parallel),
            Self::Experts(experts) => experts.weights(hidden, tensor_parallel),
            Self::Nothing => Weights::default(),
        }
    }
}

impl DenseLayer {
    /// Projections: up and down, and the gate if there is one.
    pub const fn matrices(&self) -> u64 {
        2 + self.gated as u64
    }

    fn weights(&self, hidden: u64, tensor_parallel: u64) -> Weights {
        let width = self.intermediate.div_ceil(tensor_parallel);
        Weights {
            dense: self.matrices() * hidden * width,
            plain: u64::from(self.bias) * ((self.matrices() - 1) * width + hidden),
            ..Weights::default()
        }
    }
}

impl ExpertLayer {
    /// Matrices of an expert: up and down, and the gate if there is one.
    pub const fn matrices(&self) -> u64 {
        2 + self.gated as u64
    }

    /// Width of what a routed expert takes and gives, in a model of such a width.
    pub fn outer_width(&self, hidden: u64) -> u64 {
        self.latent.unwrap_or(hidden)
    }

    /// Parameters of one routed expert's matrices on one of `tensor_parallel` GPUs.
    pub fn matrices_of_one(&self, hidden: u64, tensor_parallel: u64) -> u64 {
        self.matrices() * self.outer_width(hidden) * self.intermediate.div_ceil(tensor_parallel)
    }

    fn weights(&self, hidden: u64, tensor_parallel: u64) -> Weights {
        let one = self.matrices_of_one(hidden, tensor_parallel);
        let shared = self.matrices() * hidden * self.shared_intermediate.div_ceil(tensor_parallel);
        let between = self.latent.map_or(0, |width| 2 * hidden * width);
        let router = hidden * self.experts + self.router_parameters;
        let gate = u64::from(self.shared_gate) * hidden;
        let biases_of_one = u64::from(self.expert_bias) * (2 * self.intermediate.div_ceil(tensor_parallel) + hidden);
        Weights {
            shared_experts: shared + between,
            experts: self.experts * one,
            active_experts: self.experts_per_token * one,
            plain: router + gate + self.experts * biases_of_one,
            idle_expert_biases: (self.experts - self.experts_per_token) * biases_of_one,
            ..Weights::default()
        }
    }
}
