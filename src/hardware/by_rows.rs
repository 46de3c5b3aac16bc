//! How far a kernel stays behind or ahead of its formula, by the number of rows it works on.

/// Factors on the time of a kernel at 1, 2, 4, ... 512 rows, between which they are interpolated by the logarithm of
/// rows; beyond the last they stay. Tiles are chosen by the number of rows, and small ones reach less.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ByRows([f64; Self::POINTS]);

impl ByRows {
    /// How many factors there are.
    pub const POINTS: usize = 10;
    /// The formula as it is.
    pub const NONE: Self = Self([1.0; Self::POINTS]);

    /// Such factors.
    pub const fn new(factors: [f64; Self::POINTS]) -> Self {
        Self(factors)
    }

    /// At so many rows.
    pub fn at(&self, rows: f64) -> f64 {
        let place = rows.max(1.0).log2();
        let below = (place as usize).min(Self::POINTS - 1);
        let above = (below + 1).min(Self::POINTS - 1);
        let share = (place - below as f64).min(1.0);
        self.0[below] + (self.0[above] - self.0[below]) * share
    }

    /// The least factor; NaN if one is not a number.
    pub fn least(&self) -> f64 {
        self.0.iter().copied().fold(
            f64::INFINITY,
            |least, one| if one < least || one.is_nan() { one } else { least },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_interpolated_between_powers_of_two_and_stay_beyond() {
        let mut factors = [1.0; ByRows::POINTS];
        factors[3] = 2.0;
        factors[9] = 0.5;
        let by_rows = ByRows::new(factors);
        let close = |rows: f64, expected: f64| assert!((by_rows.at(rows) - expected).abs() < 1e-12, "{rows}");
        close(0.0, 1.0);
        close(1.0, 1.0);
        close(8.0, 2.0);
        close(8.0 * std::f64::consts::SQRT_2, 1.5);
        close(512.0, 0.5);
        close(1e6, 0.5);
        assert!((by_rows.least() - 0.5).abs() < 1e-12);
    }
}
