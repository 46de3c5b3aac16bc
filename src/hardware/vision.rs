//! The part of a model that turns images into embeddings. A server loads it whether or not images come.

use super::BadFigure;

/// A vision tower with its projector to the language model, always kept in 16 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisionTower {
    /// Parameters, the projector's included.
    pub parameters: u64,
    /// Width of its residual stream.
    pub hidden_size: u64,
    /// Width of its feed-forward layers between the projections.
    pub intermediate: u64,
    /// Patches of the largest image.
    pub patches_per_image: u64,
    /// Tokens of the language model that the largest image becomes.
    pub tokens_per_image: u64,
}

/// More than any tower for years to come; keeps sums far from overflow.
const MOST: u64 = 1 << 40;

impl VisionTower {
    /// Checks the figures.
    pub(super) fn check(&self) -> Result<(), BadFigure> {
        let figures = [
            ("the parameters of vision_config", self.parameters),
            ("vision_config.hidden_size", self.hidden_size),
            ("vision_config.intermediate_size", self.intermediate),
            ("the patches of an image", self.patches_per_image),
            ("the tokens of an image", self.tokens_per_image),
        ];
        for (field, value) in figures {
            if !(1..=MOST).contains(&value) {
                let expected = format!("a whole number from 1 to {MOST}");
                return Err(BadFigure::new(field, value, expected));
            }
        }
        Ok(())
    }

    /// Its weights on one of `gpus`, which divide its heads and widths as they do the language model's (vLLM's
    /// `mm_encoder_tp_mode` "weights", the default) [bytes].
    pub const fn weights_bytes(&self, gpus: u64) -> u64 {
        2 * self.parameters.div_ceil(gpus)
    }

    /// The most tokens that images become in one step of at most `max_num_batched_tokens`: as many of the largest image
    /// as fit, but at least one (vLLM, `compute_mm_encoder_budget`).
    pub fn tokens_at_once(&self, max_num_batched_tokens: u64) -> u64 {
        let images = (max_num_batched_tokens / self.tokens_per_image).max(1);
        images * self.tokens_per_image
    }

    /// What a layer holds at its widest while so many image tokens are in the making, on one of `gpus`, 16 bits a
    /// value: residual and normed stream with queries, keys, values and result, or with both sides of the activation
    /// [bytes].
    pub fn activations_bytes(&self, image_tokens: u64, gpus: u64) -> f64 {
        let patches = image_tokens as f64 / self.tokens_per_image as f64;
        let patches = patches * self.patches_per_image as f64;
        let attention = 4 * self.hidden_size.div_ceil(gpus);
        let feed_forward = 2 * self.intermediate.div_ceil(gpus);
        let values = 2 * self.hidden_size + attention.max(feed_forward);
        patches * 2.0 * values as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOWER: VisionTower = VisionTower {
        parameters: 1001,
        hidden_size: 10,
        intermediate: 50,
        patches_per_image: 40,
        tokens_per_image: 10,
    };

    #[test]
    fn one_image_is_always_in_the_budget() {
        assert_eq!(TOWER.tokens_at_once(4), 10);
        assert_eq!(TOWER.tokens_at_once(39), 30);
    }

    #[test]
    fn weights_take_two_bytes_and_are_divided() {
        assert_eq!(TOWER.weights_bytes(1), 2002);
        assert_eq!(TOWER.weights_bytes(2), 1002);
    }

    #[test]
    fn activations_are_those_of_the_widest_part() {
        // 30 tokens are 120 patches; a patch holds 2 x 10 values and 2 x 50 of the feed-forward layer, 2 bytes each.
        let alone = TOWER.activations_bytes(30, 1);
        assert_eq!(alone.round() as u64, 120 * 2 * (20 + 100));
        let narrow = VisionTower {
            intermediate: 10,
            ..TOWER
        };
        let attention = narrow.activations_bytes(30, 2);
        assert_eq!(attention.round() as u64, 120 * 2 * (20 + 20));
    }
}
