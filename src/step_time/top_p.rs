//! What it takes to find the most probable tokens that make up a share of the probability (top-p).

use crate::hardware::Gpu;

/// How logits are sorted on a GPU: `PyTorch`'s `sort` of rows of 32-bit floats
/// (`aten/src/ATen/native/cuda/SortStable.cu`, `launch_stable_sort_kernel`), with what vLLM 0.15.1 does around it
/// (`apply_top_k_top_p`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sort {
    /// Rows that are sorted beside each other, one thread block each.
    multiprocessors: f64,
}

/// From so many rows on each is sorted by one thread block.
const SORTED_BY_ROW: f64 = 128.0;
/// Bytes a logit with fewer rows, which are sorted all at once: place and row are written (8); four passes of 8 bits
/// over key, place and row, each read and written (4 x 24), after one over the keys (4); then one by row (8 + 16); and
/// the order is applied (24).
const BYTES_AT_ONCE: f64 = 156.0;
/// Bytes a logit by row: four passes over keys (4), then over keys and places, read and written (24).
const BYTES_BY_ROW: f64 = 112.0;
/// Bytes a logit once it is sorted: softmax (8), cumulative sum (8), mask (13), and scatter (16) back to its place, in
/// fp32 with places of 64 bits.
const BYTES_AFTER: f64 = 45.0;

impl Sort {
    /// That of a GPU; of one whose chip is not known the thread blocks of an H100 run beside each other.
    pub fn on(gpu: &Gpu) -> Self {
        let multiprocessors = gpu.chip().map_or(132, |chip| chip.multiprocessors);
        Self {
            multiprocessors: multiprocessors.into(),
        }
    }

    /// The bytes that move for `rows` of `entries`: those that as many thread blocks as there are could move meanwhile.
    pub fn bytes(self, rows: f64, entries: f64) -> f64 {
        let sort = if rows < SORTED_BY_ROW {
            rows * BYTES_AT_ONCE
        } else {
            rows.max(self.multiprocessors) * BYTES_BY_ROW
        };
        entries * (sort + rows * BYTES_AFTER)
    }
}

/// How tokens are found without sorting.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TopPSearch {
    /// For each step [us].
    pub micros: f64,
    /// For each logit [us].
    pub micros_per_logit: f64,
}

impl TopPSearch {
    /// Triton's masks: 0.53 and 2.0 ms for 128 and 512 requests and a vocabulary of 131,072, by their authors
    /// (vLLM's pull request 40376).
    pub const TRITON: Self = Self {
        micros: 40.0,
        micros_per_logit: 2.9e-5,
    };
    /// `FlashInfer`'s rejection sampling: 0.14 and 0.37 ms, there.
    pub const FLASHINFER: Self = Self {
        micros: 63.0,
        micros_per_logit: 4.6e-6,
    };

    /// For so many logits [us].
    pub fn of(&self, logits: f64) -> f64 {
        self.micros + self.micros_per_logit * logits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_together_until_there_are_many() {
        let sort = Sort { multiprocessors: 200.0 };
        let close = |value: f64, expected: f64| assert!((value / expected - 1.0).abs() < 1e-9, "{value} {expected}");
        close(sort.bytes(1.0, 1000.0), 201e3);
        close(sort.bytes(127.0, 1000.0), 127.0 * 201e3);
        close(sort.bytes(128.0, 1000.0), 200.0 * 112e3 + 128.0 * 45e3);
        close(sort.bytes(400.0, 1000.0), 400.0 * 157e3);
    }

    #[test]
    fn searches_take_what_their_authors_measured() {
        let close = |search: TopPSearch, expected: [f64; 2]| {
            for (rows, millis) in [128.0, 512.0].into_iter().zip(expected) {
                assert!(
                    (search.of(rows * 131_072.0) / 1e3 - millis).abs() < 0.02,
                    "{search:?} {rows}"
                );
            }
        };
        close(TopPSearch::TRITON, [0.53, 2.0]);
        close(TopPSearch::FLASHINFER, [0.14, 0.37]);
    }
}
