//! Least squares of logarithms with a robust loss, by the simplex method of Nelder and Mead (The Computer Journal 7,
//! 1965).

/// Relative errors well above this count linearly instead of by their square (the "soft L1" loss).
const OUTLIER: f64 = 0.1;
const ROUNDS: usize = 600;

/// The mean loss of predictions over what was measured, each a pair (predicted, measured).
pub fn loss(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (predicted, measured) in pairs {
        let error = (predicted / measured).ln() / OUTLIER;
        sum += 2.0 * ((1.0 + error * error).sqrt() - 1.0);
        count += 1.0;
    }
    if count > 0.0 { sum / count } else { 0.0 }
}

/// The median of the absolute relative errors.
pub fn median_error(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let mut errors: Vec<f64> = pairs
        .map(|(predicted, measured)| (predicted / measured - 1.0).abs())
        .collect();
    errors.sort_by(f64::total_cmp);
    errors.get(errors.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Where `objective` is least, starting from `start`, each number kept within its bounds.
pub fn minimise<const N: usize>(
    start: [f64; N],
    bounds: [(f64, f64); N],
    objective: impl Fn(&[f64; N]) -> f64,
) -> [f64; N] {
    let at = |mut point: [f64; N]| {
        for (value, (least, most)) in point.iter_mut().zip(bounds) {
            *value = value.clamp(least, most);
        }
        (objective(&point), point)
    };
    let mut simplex = vec![at(start)];
    for axis in 0..N {
        let mut corner = start;
        corner[axis] += 0.2 * (bounds[axis].1 - bounds[axis].0).min(corner[axis].max(0.1));
        if corner[axis] > bounds[axis].1 {
            corner[axis] = start[axis] * 0.8;
        }
        simplex.push(at(corner));
    }
    for _ in 0..ROUNDS {
        simplex.sort_by(|a, b| a.0.total_cmp(&b.0));
        let worst = simplex[N];
        let middle: [f64; N] =
            std::array::from_fn(|axis| simplex[..N].iter().map(|one| one.1[axis]).sum::<f64>() / N as f64);
        let along = |reach: f64| {
            at(std::array::from_fn(|axis| {
                middle[axis] + reach * (worst.1[axis] - middle[axis])
            }))
        };
        let reflected = along(-1.0);
        simplex[N] = if reflected.0 < simplex[0].0 {
            let further = along(-2.0);
            if further.0 < reflected.0 { further } else { reflected }
        } else if reflected.0 < simplex[N - 1].0 {
            reflected
        } else {
            along(if reflected.0 < worst.0 { -0.5 } else { 0.5 })
        };
        if simplex[N].0 >= worst.0 {
            let best = simplex[0].1;
            for one in &mut simplex[1..] {
                *one = at(std::array::from_fn(|axis| f64::midpoint(one.1[axis], best[axis])));
            }
        }
    }
    simplex.sort_by(|a, b| a.0.total_cmp(&b.0));
    simplex[0].1
}
