//! How many of several, each by itself.

/// The probability that at least `least` of `count` are well, if each is with probability `share`, whatever the others
/// are.
pub fn at_least_of(least: u32, count: u32, share: f64) -> f64 {
    if least == 0 || share >= 1.0 {
        return f64::from(u8::from(least <= count));
    }
    if least > count || share <= 0.0 {
        return 0.0;
    }
    // From all of them downwards, in logarithms so that no power vanishes.
    let (well, ill) = (share.ln(), (-share).ln_1p());
    let mut log_ways = 0.0;
    let mut sum = 0.0;
    for missing in 0..=count - least {
        sum += f64::exp(log_ways + f64::from(count - missing) * well + f64::from(missing) * ill);
        log_ways += f64::ln(f64::from(count - missing) / f64::from(missing + 1));
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chances_are_those_by_hand() {
        assert!((at_least_of(1, 2, 0.9) - 0.99).abs() < 1e-12);
        assert!((at_least_of(2, 2, 0.9) - 0.81).abs() < 1e-12);
        assert!((at_least_of(2, 3, 0.9) - 0.972).abs() < 1e-12);
        assert_eq!((at_least_of(0, 2, 0.0), at_least_of(3, 2, 1.0)), (1.0, 0.0));
        assert_eq!((at_least_of(1, 2, 0.0), at_least_of(2, 2, 1.0)), (0.0, 1.0));
        assert!((at_least_of(9_990, 10_000, 0.9999) - 1.0).abs() < 1e-6);
        assert!(at_least_of(10_000, 10_000, 0.5) >= 0.0);
    }
}
