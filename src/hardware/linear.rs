//! Linear layers as far as quantisation tells them apart, and which of them a checkpoint leaves alone.

use super::WeightPrecision;
use super::precision::PLAIN_BITS;

/// Where in a layer a matrix stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinearKind {
    /// Projections of attention.
    Attention,
    /// Projections of layers that keep a state.
    State,
    /// A feed-forward network that is no expert.
    Dense,
    /// Experts that every token passes through.
    SharedExperts,
    /// Experts that a router chooses for each token.
    Experts,
    /// The head: most checkpoints leave it alone.
    Head,
    /// Routers and embeddings: no checkpoint of the formats known here quantises them.
    Plain,
}

/// Linear layers that the quantised checkpoints of a model leave in 16 bits; none by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unquantised {
    /// Projections of attention, and of layers that keep a state.
    pub attention: bool,
    /// Feed-forward networks that are no experts.
    pub dense: bool,
    /// Experts that every token passes through.
    pub shared_experts: bool,
}

impl Unquantised {
    /// What either leaves alone.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            attention: self.attention || other.attention,
            dense: self.dense || other.dense,
            shared_experts: self.shared_experts || other.shared_experts,
        }
    }

    /// Mean bits of a parameter of such a layer, in a model that has experts or not [bits].
    pub fn bits(self, kind: LinearKind, weights: WeightPrecision, has_experts: bool) -> f64 {
        let left_alone = match kind {
            LinearKind::Attention | LinearKind::State => self.attention,
            LinearKind::Dense => self.dense,
            LinearKind::SharedExperts => self.shared_experts,
            LinearKind::Experts => false,
            LinearKind::Head | LinearKind::Plain => true,
        };
        let only_experts = has_experts && weights == WeightPrecision::Mxfp4;
        if left_alone || (only_experts && kind != LinearKind::Experts) {
            PLAIN_BITS
        } else {
            weights.bits_per_parameter()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_alone_keeps_sixteen_bits() {
        let left = Unquantised {
            attention: true,
            ..Unquantised::default()
        };
        let bits = |kind| left.bits(kind, WeightPrecision::Int8, true).round() as u32;
        assert_eq!(bits(LinearKind::Attention), 16);
        assert_eq!(bits(LinearKind::SharedExperts), 8);
        assert_eq!(bits(LinearKind::Experts), 8);
        assert_eq!(bits(LinearKind::Plain), 16);
    }

    #[test]
    fn microscaling_quantises_experts_only_where_there_are_any() {
        let bits = |kind, has_experts| {
            let all = Unquantised::default();
            all.bits(kind, WeightPrecision::Mxfp4, has_experts)
        };
        assert!(bits(LinearKind::Attention, true) > 15.9);
        assert!(bits(LinearKind::Experts, true) < 4.3);
        assert!(bits(LinearKind::Attention, false) < 4.3);
    }
}
