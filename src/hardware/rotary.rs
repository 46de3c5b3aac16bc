//! The tables of cosines and sines for rotary embeddings, which every GPU holds whole, whatever `max_model_len`.

use super::Reach;

/// The tables of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotaryTables {
    /// Rows of the table of layers that see the whole context: a row for each position, more where positions are
    /// stretched. At most 2^34.
    pub rows: u64,
    /// Bytes of a value: 2, or 4 where the kernel wants fp32.
    pub value_bytes: u64,
    /// Rows of a table that layers with a window have of their own, in 16 bits (Gemma 3 and 4); 0 if they share one.
    pub windowed_rows: u64,
}

impl RotaryTables {
    /// The size of them all in a model whose layers reach so far and rotate so many values of a head [bytes].
    pub fn bytes(&self, layers: impl Iterator<Item = (Reach, u64)>) -> u64 {
        let (mut full, mut windowed) = (0, 0);
        for (reach, width) in layers {
            let widest = if self.windowed_rows > 0 && reach.window().is_some() {
                &mut windowed
            } else {
                &mut full
            };
            *widest = width.max(*widest);
        }
        self.value_bytes * full * self.rows + 2 * windowed * self.windowed_rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gemma-3-27B: 131,072 positions stretched eightfold for layers that see all, and as they are for the others.
    #[test]
    fn layers_with_a_window_may_have_a_table_of_their_own() {
        let layers = [(Reach::Sliding(1024), 128), (Reach::Full, 128)];
        let gemma = RotaryTables {
            rows: 8 << 17,
            value_bytes: 2,
            windowed_rows: 1 << 17,
        };
        assert_eq!(gemma.bytes(layers.into_iter()), (256 + 32) << 20);
        let one = RotaryTables {
            windowed_rows: 0,
            ..gemma
        };
        assert_eq!(one.bytes(layers.into_iter()), 256 << 20);
    }
}
