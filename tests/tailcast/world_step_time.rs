//! Step times of random worlds.

use rand::{Rng, RngExt};
use tailcast::step_time::{DecodeLine, Ramp, StepShape, StepTime};
use tailcast::units::Span;

/// A step time whose decode steps grow with the context, up to a kink.
#[derive(Clone)]
pub struct WorldStepTime {
    base: u64,
    per_token: u64,
    per_sequence: u64,
    per_context: u64,
    per_pair: u64,
    /// Beyond this sum of contexts steps grow no more.
    kink: u64,
    launch: u64,
}

impl WorldStepTime {
    /// One of a world; of a coarse one so short that everything ties.
    pub fn random(coarse: bool, random: &mut impl Rng) -> Self {
        let mut up_to = |most: u64| random.random_range(0..=if coarse { most } else { most * 1_000_000 });
        Self {
            base: up_to(4),
            per_token: up_to(1),
            per_sequence: up_to(1),
            per_context: up_to(1),
            per_pair: up_to(1),
            kink: if up_to(9) % 2 == 0 { u64::MAX } else { up_to(200) % 500 },
            launch: up_to(3) / 2,
        }
    }

    /// Whether a step may take no time at all.
    pub const fn may_take_no_time(&self) -> bool {
        self.base + self.per_sequence + self.per_token == 0
    }
}

impl StepTime for WorldStepTime {
    fn step(&self, shape: &StepShape) -> Span {
        Span::from_picos(
            self.base
                + self.per_token * shape.tokens()
                + self.per_sequence * u64::from(shape.sequences)
                + self.per_context * shape.context.min(self.kink)
                + self.per_pair * shape.prefill_attention,
        )
    }

    fn launch(&self, shape: &StepShape) -> Span {
        Span::from_picos(self.launch * u64::from(shape.sequences))
    }

    fn ramp(&self, shape: &StepShape) -> Ramp {
        let rows = u64::from(shape.decoding);
        let (growth, len) = if shape.context < self.kink {
            (self.per_context * rows, ((self.kink - shape.context) / rows).max(1))
        } else {
            (0, u64::MAX)
        };
        Ramp {
            first: self.step(shape),
            growth: Span::from_picos(growth),
            len,
        }
    }

    fn decode_line(&self, decoding: u32) -> Option<DecodeLine> {
        (self.kink == u64::MAX).then(|| DecodeLine {
            steady: self.base + (self.per_token + self.per_sequence) * u64::from(decoding),
            per_context: self.per_context,
            ..DecodeLine::default()
        })
    }
}
