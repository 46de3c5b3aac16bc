//! What proposes draft tokens on the same GPUs as the model that verifies them.

use super::{BadFigure, KvFootprint, KvPrecision, Model, WeightPrecision};

/// A draft model, or a head that goes on from the model's hidden states.
#[derive(Clone, Debug, PartialEq)]
pub struct Drafter {
    model: Model,
    weights: WeightPrecision,
    /// Whether embedding and head are those of the model that verifies.
    shares_ends: bool,
}

impl Drafter {
    /// A model of its own.
    pub const fn of_model(model: Model, weights: WeightPrecision) -> Self {
        Self {
            model,
            weights,
            shares_ends: false,
        }
    }

    /// A dense layer in 16 bits between embedding and head of `target`, as EAGLE has it (Li et al. 2024,
    /// arXiv:2401.15077): heads that people publish are dense for mixtures of experts too. How wide is not known before
    /// one is chosen; taken is what a token passes through in the model. Left out: the projections that join an
    /// embedding and hidden states, and the smaller vocabulary that EAGLE-3 may draft from.
    pub fn eagle(target: &Model) -> Self {
        Self {
            model: target.dense_layer_alone(),
            weights: WeightPrecision::Bf16,
            shares_ends: true,
        }
    }

    /// One more layer like the last of `target`, between its embedding and its head, trained and stored with it
    /// (DeepSeek-V3, arXiv:2412.19437, section 2.2). Left out: the projection that joins an embedding and a hidden
    /// state.
    pub fn mtp(target: &Model, weights: WeightPrecision) -> Self {
        Self {
            model: target.last_layer_alone(),
            weights,
            shares_ends: true,
        }
    }

    /// Whether it is a head on the model's hidden states, not a model of its own.
    pub const fn is_head(&self) -> bool {
        self.shares_ends
    }

    /// What a forward pass runs through, head included.
    pub const fn model(&self) -> &Model {
        &self.model
    }

    /// How its weights are stored.
    pub const fn weights(&self) -> WeightPrecision {
        self.weights
    }

    /// What its weights add on one of `tensor_parallel` GPUs [bytes].
    pub fn weights_bytes(&self, tensor_parallel: u32) -> u64 {
        if self.shares_ends {
            self.model.layer_weights_bytes(self.weights, tensor_parallel)
        } else {
            self.model.weights_bytes(self.weights, tensor_parallel)
        }
    }

    /// Its own keys and values on one of `tensor_parallel` GPUs: every token of a context has them beside the model's,
    /// in the same blocks.
    pub fn kv_footprint(&self, kv: KvPrecision, tensor_parallel: u32) -> KvFootprint {
        self.model.kv_footprint(kv, tensor_parallel)
    }

    /// Whether `tensor_parallel` GPUs can divide its heads.
    pub fn check_tensor_parallel(&self, tensor_parallel: u32) -> Result<(), BadFigure> {
        self.model.check_tensor_parallel(tensor_parallel)
    }
}
