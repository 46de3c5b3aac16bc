//! Sums of squares of picoseconds, which do not fit into 128 bits: the square of one day alone has 113.

/// An unsigned integer of 256 bits with the three operations a variance needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Wide {
    high: u128,
    low: u128,
}

impl Wide {
    /// `left * right`, exact.
    pub(super) const fn product(left: u128, right: u128) -> Self {
        const MASK: u128 = u64::MAX as u128;
        let (left_high, left_low) = (left >> 64, left & MASK);
        let (right_high, right_low) = (right >> 64, right & MASK);
        let bottom = left_low * right_low;
        let middle = left_high * right_low + (bottom >> 64);
        let (middle, carry) = middle.overflowing_add(left_low * right_high);
        Self {
            high: left_high * right_high + (middle >> 64) + ((carry as u128) << 64),
            low: middle << 64 | (bottom & MASK),
        }
    }

    /// Adds a number of 256 bits.
    #[inline]
    pub(super) const fn add(&mut self, other: Self) {
        let (low, carry) = self.low.overflowing_add(other.low);
        self.low = low;
        self.high += other.high + carry as u128;
    }

    /// Adds a number of 128 bits.
    #[inline]
    pub(super) const fn add_narrow(&mut self, other: u128) {
        let (low, carry) = self.low.overflowing_add(other);
        self.low = low;
        self.high += carry as u128;
    }

    /// `self * factor`, which must fit.
    pub(super) const fn times(self, factor: u64) -> Self {
        let mut product = Self::product(self.low, factor as u128);
        product.high += self.high * factor as u128;
        product
    }

    /// `self - other`, which must not be negative.
    pub(super) const fn minus(self, other: Self) -> Self {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        Self {
            high: self.high - other.high - borrow as u128,
            low,
        }
    }

    /// The nearest float, within rounding.
    pub(super) fn to_f64(self) -> f64 {
        const TWO_TO_128: f64 = 2.0 * (1_u128 << 127) as f64;
        self.high as f64 * TWO_TO_128 + self.low as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_exact_beyond_128_bits() {
        let all = u128::MAX;
        // (2^128 - 1)^2 = 2^256 - 2^129 + 1.
        let square = Wide::product(all, all);
        assert_eq!((square.high, square.low), (all - 1, 1));
        let shifted = Wide::product(1 << 100, 1 << 100);
        assert_eq!((shifted.high, shifted.low), (1 << 72, 0));
        assert_eq!(Wide::product(7, 6).low, 42);
    }

    #[test]
    fn minus_undoes_add_and_times_repeats_it() {
        let term = Wide::product(u128::MAX, 12_345);
        let mut sum = Wide::default();
        for _ in 0..9 {
            sum.add(term);
        }
        assert_eq!(sum, term.times(9));
        let mut more = sum;
        more.add_narrow(u128::MAX);
        assert_eq!(
            more.minus(sum),
            Wide {
                high: 0,
                low: u128::MAX
            }
        );
    }
}
