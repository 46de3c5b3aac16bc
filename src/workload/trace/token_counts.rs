//! How long the prompts or the outputs of a trace are, in bounded memory.

use rustc_hash::FxHashMap;

/// A summary of lengths [tokens]. Quantiles lie on straight lines between order statistics, as in numpy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenSummary {
    /// The sum of all lengths.
    pub total: u64,
    /// The mean length.
    pub mean: f64,
    /// The median length.
    pub p50: f64,
    /// The length that 95 % do not exceed.
    pub p95: f64,
    /// The length that 99 % do not exceed.
    pub p99: f64,
    /// The longest of all.
    pub max: u32,
    /// How far quantiles may be from those of the lengths, relative to them: 0 unless there are more different lengths
    /// than any model's context makes.
    pub precision: f64,
}

/// Different lengths that are counted one by one. Once there are more, lengths from 1,024 on are rounded to 1/1024.
const MOST_LENGTHS: usize = 1 << 18;
const ROUNDED_BITS: u32 = 10;

/// Counts how often each length occurs.
#[derive(Default)]
pub(super) struct TokenCounts {
    /// Sorted before anybody iterates over it.
    counts: FxHashMap<u32, u64>,
    is_rounded: bool,
    total: u64,
    max: u32,
}

impl TokenCounts {
    pub(super) fn add(&mut self, tokens: u32) {
        self.total += u64::from(tokens);
        self.max = self.max.max(tokens);
        let kept = if self.is_rounded { rounded(tokens) } else { tokens };
        *self.counts.entry(kept).or_default() += 1;
        if !self.is_rounded && self.counts.len() > MOST_LENGTHS {
            self.is_rounded = true;
            for (tokens, count) in std::mem::take(&mut self.counts) {
                *self.counts.entry(rounded(tokens)).or_default() += count;
            }
        }
    }

    /// The summary of at least one length.
    pub(super) fn summary(self) -> TokenSummary {
        let mut counts: Vec<(u32, u64)> = self.counts.into_iter().collect();
        counts.sort_unstable();
        let count: u64 = counts.iter().map(|(_, count)| count).sum();
        let quantile = |quantile: f64| {
            let place = quantile * (count - 1) as f64;
            let below = place.floor() as u64;
            let [low, high] = [below, (below + 1).min(count - 1)].map(|rank| f64::from(at_rank(&counts, rank)));
            low + (high - low) * (place - below as f64)
        };
        TokenSummary {
            total: self.total,
            mean: self.total as f64 / count as f64,
            p50: quantile(0.5),
            p95: quantile(0.95),
            p99: quantile(0.99),
            max: self.max,
            precision: if self.is_rounded {
                0.5 / f64::from(1 << ROUNDED_BITS)
            } else {
                0.0
            },
        }
    }
}

/// The length with the rank, from 0; of one that is counted.
fn at_rank(counts: &[(u32, u64)], rank: u64) -> u32 {
    let mut before = 0;
    let found = counts.iter().find(|(_, count)| {
        before += count;
        rank < before
    });
    found.map_or(0, |(tokens, _)| *tokens)
}

/// The middle of all lengths that have their first 11 bits in common.
const fn rounded(tokens: u32) -> u32 {
    let bits = u32::BITS - tokens.leading_zeros();
    let shift = bits.saturating_sub(ROUNDED_BITS + 1);
    let low = tokens >> shift << shift;
    low + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary_of(lengths: impl IntoIterator<Item = u32>) -> TokenSummary {
        let mut counts = TokenCounts::default();
        lengths.into_iter().for_each(|tokens| counts.add(tokens));
        counts.summary()
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        let summary = summary_of([5, 1, 9, 1]);
        assert_eq!((summary.total, summary.mean, summary.max), (16, 4.0, 9));
        // numpy.quantile([1, 1, 5, 9], [0.5, 0.95, 0.99])
        assert_eq!((summary.p50, summary.precision), (3.0, 0.0));
        assert!((summary.p95 - 8.4).abs() < 1e-12 && (summary.p99 - 8.88).abs() < 1e-12);
        assert!((summary_of([7]).p99 - 7.0).abs() < 1e-12);
    }

    #[test]
    fn many_different_lengths_are_rounded_and_say_how_much() {
        const COUNT: u32 = 600_000;
        let of_rank = |rank: u32| 1 + rank * 1_500;
        let summary = summary_of((0..COUNT).map(of_rank));
        assert!(summary.precision > 0.0 && summary.precision <= 0.001);
        for (quantile, found) in [(0.5, summary.p50), (0.95, summary.p95), (0.99, summary.p99)] {
            let exact = f64::from(of_rank((quantile * f64::from(COUNT - 1)) as u32));
            assert!(
                (found / exact - 1.0).abs() <= summary.precision + 1e-5,
                "{quantile}: {found} of {exact}"
            );
        }
        assert_eq!(summary.max, of_rank(COUNT - 1));
        for tokens in (0..32).flat_map(|bit| [1 << bit, (1_u32 << bit) + 1, u32::MAX >> bit]) {
            let error = f64::from(rounded(tokens).abs_diff(tokens)) / f64::from(tokens);
            assert!(error <= summary.precision, "{tokens}");
        }
    }
}
