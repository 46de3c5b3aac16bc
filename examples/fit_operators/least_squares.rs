//! Least squares of logarithms with a robust loss, by the damped steps of Levenberg and Marquardt (J. SIAM 11, 1963).

/// Relative errors well above this count linearly instead of by their square (the "soft L1" loss).
const OUTLIER: f64 = 0.1;
const ROUNDS: usize = 80;

/// A coefficient that is fitted: where the search starts, and between what it stays.
#[derive(Clone, Copy, Debug)]
pub struct Coefficient {
    pub start: f64,
    pub least: f64,
    pub most: f64,
}

/// A coefficient between bounds.
pub const fn coefficient(start: f64, least: f64, most: f64) -> Coefficient {
    Coefficient { start, least, most }
}

/// The mean loss of predictions over what was measured, each a pair (predicted, measured).
pub fn loss(pairs: &[(f64, f64)]) -> f64 {
    let sum: f64 = pairs.iter().map(|&pair| soft(residual(pair))).sum();
    sum / pairs.len().max(1) as f64
}

/// The median of the absolute relative errors.
pub fn median_error(pairs: &[(f64, f64)]) -> f64 {
    let mut errors: Vec<f64> = pairs
        .iter()
        .map(|(predicted, measured)| (predicted / measured - 1.0).abs())
        .collect();
    errors.sort_by(f64::total_cmp);
    errors.get(errors.len() / 2).copied().unwrap_or(f64::NAN)
}

fn residual((predicted, measured): (f64, f64)) -> f64 {
    (predicted.max(1e-3) / measured).ln()
}

fn soft(residual: f64) -> f64 {
    2.0 * ((residual / OUTLIER).hypot(1.0) - 1.0)
}

/// The coefficients with which `pairs` of predicted and measured times are nearest to each other. `drawn` says how far
/// coefficients are drawn to a value: they should stay there unless rows say otherwise.
pub fn fit(
    coefficients: &[Coefficient],
    pairs: impl Fn(&[f64]) -> Vec<(f64, f64)>,
    drawn: impl Fn(&[f64]) -> Vec<f64>,
) -> Vec<f64> {
    let residuals = |x: &[f64]| -> Vec<f64> {
        let pairs = pairs(x);
        let weight = (pairs.len() as f64).sqrt();
        let drawn = drawn(x).into_iter().map(|one| one * weight);
        pairs.iter().map(|&pair| residual(pair)).chain(drawn).collect()
    };
    let total = |all: &[f64]| all.iter().map(|&one| soft(one)).sum::<f64>();
    let mut x: Vec<f64> = coefficients.iter().map(|one| one.start).collect();
    let mut now = residuals(&x);
    let mut damping = 1e-2;
    for _ in 0..ROUNDS {
        let slopes = slopes(coefficients, &x, &now, &residuals);
        let mut is_better = false;
        while damping < 1e9 {
            let tried = step(coefficients, &x, &now, &slopes, damping);
            let next = residuals(&tried);
            if total(&next) < total(&now) {
                is_better = total(&next) < total(&now) * (1.0 - 1e-7);
                (x, now) = (tried, next);
                damping /= 4.0;
                break;
            }
            damping *= 4.0;
        }
        if !is_better {
            break;
        }
    }
    x
}

/// How each residual changes with each coefficient.
fn slopes(
    coefficients: &[Coefficient],
    x: &[f64],
    now: &[f64],
    residuals: &impl Fn(&[f64]) -> Vec<f64>,
) -> Vec<Vec<f64>> {
    let of_one = |(place, one): (usize, &Coefficient)| {
        if one.least >= one.most {
            return vec![0.0; now.len()];
        }
        let width = 1e-5 * (one.most - one.least).min(10.0 * x[place].abs().max(0.01));
        let width = if x[place] + width > one.most { -width } else { width };
        let mut moved = x.to_vec();
        moved[place] += width;
        residuals(&moved)
            .iter()
            .zip(now)
            .map(|(then, now)| (then - now) / width)
            .collect()
    };
    coefficients.iter().enumerate().map(of_one).collect()
}

/// One damped step, within the bounds; a coefficient that wants to leave its bounds stays.
fn step(coefficients: &[Coefficient], x: &[f64], now: &[f64], slopes: &[Vec<f64>], damping: f64) -> Vec<f64> {
    let weights: Vec<f64> = now.iter().map(|one| 1.0 / (one / OUTLIER).hypot(1.0)).collect();
    let product = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).zip(&weights).map(|((a, b), w)| a * b * w).sum() };
    let downhill: Vec<f64> = slopes.iter().map(|one| -product(one, now)).collect();
    let free: Vec<usize> = (0..x.len())
        .filter(|&place| {
            let one = coefficients[place];
            let at_least = x[place] <= one.least && downhill[place] < 0.0;
            let at_most = x[place] >= one.most && downhill[place] > 0.0;
            one.least < one.most && !at_least && !at_most
        })
        .collect();
    let mut matrix: Vec<Vec<f64>> = Vec::new();
    for &row in &free {
        let mut line: Vec<f64> = free
            .iter()
            .map(|&column| product(&slopes[row], &slopes[column]))
            .collect();
        let own = line[matrix.len()];
        line[matrix.len()] = own * (1.0 + damping) + 1e-12;
        line.push(downhill[row]);
        matrix.push(line);
    }
    let mut next = x.to_vec();
    for (&place, change) in free.iter().zip(solve(matrix)) {
        next[place] = (x[place] + change).clamp(coefficients[place].least, coefficients[place].most);
    }
    next
}

/// Solves linear equations, each with its right side last, by elimination.
fn solve(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let count = rows.len();
    for place in 0..count {
        let largest = (place..count)
            .max_by(|&a, &b| rows[a][place].abs().total_cmp(&rows[b][place].abs()))
            .unwrap_or(place);
        rows.swap(place, largest);
        let pivot = rows[place].clone();
        for (index, row) in rows.iter_mut().enumerate() {
            if index != place {
                let factor = row[place] / pivot[place];
                for (value, above) in row.iter_mut().zip(&pivot) {
                    *value -= factor * above;
                }
            }
        }
    }
    (0..count)
        .map(|place| rows[place][count] / rows[place][place])
        .collect()
}
