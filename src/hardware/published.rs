//! How a published checkpoint stores each kind of linear layer.

use super::{LinearKind, WeightPrecision};

/// The number formats of a quantised checkpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PublishedWeights {
    /// The format of most of its quantised parameters, which names the whole.
    pub main: WeightPrecision,
    /// Projections of attention.
    pub attention: StoredFormat,
    /// Projections of layers that keep a state.
    pub state: StoredFormat,
    /// Feed-forward networks that are no experts.
    pub dense: StoredFormat,
    /// Experts that every token passes through.
    pub shared_experts: StoredFormat,
    /// Experts that a router chooses.
    pub experts: StoredFormat,
    /// The head.
    pub head: StoredFormat,
}

/// How linear layers of one kind are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StoredFormat {
    /// The format of most of their parameters.
    pub precision: WeightPrecision,
    /// Mean bits of a parameter of them all, scales included, of at most 16 [bits].
    pub bits: f64,
}

impl StoredFormat {
    /// Sixteen bits.
    pub const PLAIN: Self = Self {
        precision: WeightPrecision::Bf16,
        bits: 16.0,
    };
}

impl PublishedWeights {
    /// The format of such layers.
    pub const fn of(&self, kind: LinearKind) -> StoredFormat {
        match kind {
            LinearKind::Attention => self.attention,
            LinearKind::State => self.state,
            LinearKind::Dense => self.dense,
            LinearKind::SharedExperts => self.shared_experts,
            LinearKind::Experts => self.experts,
            LinearKind::Head => self.head,
            LinearKind::Plain => StoredFormat::PLAIN,
        }
    }
}
