//! Least squares for a handful of coefficients, by the method of Levenberg and Marquardt (SIAM Journal on Applied
//! Mathematics 11, 1963) with derivatives from differences: the functions that are fitted are whole simulations.

/// A coefficient to be fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficient {
    /// Where the search starts.
    pub start: f64,
    /// A change that makes a visible difference: derivatives are taken over it.
    pub step: f64,
    /// The least it may be.
    pub least: f64,
    /// The most it may be.
    pub most: f64,
}

/// What a fit has found.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The fitted coefficients, in the order in which they were given.
    pub values: Vec<f64>,
    /// Their standard errors, taking the residuals' scatter for independent noise; infinite for one that changes
    /// nothing, and for all of them without more residuals than coefficients.
    pub standard_errors: Vec<f64>,
    /// Their standard errors if the residuals' noise has a variance of 1; infinite for one that changes nothing.
    pub unit_errors: Vec<f64>,
    /// How alike the effects of two coefficients are: the correlation of their errors, row by row.
    pub correlations: Vec<Vec<f64>>,
    /// The sum of the squared residuals.
    pub cost: f64,
}

/// Stops when a round improves the sum by less than this share.
const ENOUGH: f64 = 1e-4;
/// How often the damping is raised before a round gives up.
const TRIES: usize = 8;

/// The coefficients that make the sum of the squared `residuals` least, from which at most `rounds` rounds away.
pub fn least_squares<F>(coefficients: &[Coefficient], rounds: usize, mut residuals: F) -> Fit
where
    F: FnMut(&[f64]) -> Vec<f64>,
{
    let mut values: Vec<f64> = coefficients.iter().map(|one| one.start).collect();
    let mut at = residuals(&values);
    let mut damping = 1e-2;
    for _ in 0..rounds {
        let jacobian = jacobian(coefficients, &values, &at, &mut residuals);
        let (normal, gradient) = normal_equations(&jacobian, &at);
        let before = cost(&at);
        for _ in 0..TRIES {
            let moved = step(&normal, &gradient, damping);
            let trial: Vec<f64> = (values.iter().zip(&moved).zip(coefficients))
                .map(|((value, change), one)| (value + change).clamp(one.least, one.most))
                .collect();
            let there = residuals(&trial);
            if cost(&there) < before {
                (values, at) = (trial, there);
                damping *= 0.3;
                break;
            }
            damping *= 5.0;
        }
        if cost(&at) > before * (1.0 - ENOUGH) {
            break;
        }
    }
    let jacobian = jacobian(coefficients, &values, &at, &mut residuals);
    let (unit_errors, correlations) = uncertainty(&jacobian);
    let freedom = at.len().saturating_sub(values.len()) as f64;
    let noise = if freedom > 0.0 {
        (cost(&at) / freedom).sqrt()
    } else {
        f64::INFINITY
    };
    Fit {
        values,
        standard_errors: (unit_errors.iter())
            .map(|error| if error.is_finite() { error * noise } else { *error })
            .collect(),
        unit_errors,
        correlations,
        cost: cost(&at),
    }
}

fn cost(residuals: &[f64]) -> f64 {
    residuals.iter().map(|one| one * one).sum()
}

/// One row a coefficient: how all residuals change with it.
fn jacobian<F>(coefficients: &[Coefficient], values: &[f64], at: &[f64], residuals: &mut F) -> Vec<Vec<f64>>
where
    F: FnMut(&[f64]) -> Vec<f64>,
{
    let column = |(place, one): (usize, &Coefficient)| {
        let mut moved = values.to_vec();
        // Inward at the upper end.
        let change = if values[place] + one.step > one.most {
            -one.step
        } else {
            one.step
        };
        moved[place] += change;
        let there = residuals(&moved);
        let slopes = there.iter().zip(at).map(|(there, here)| (there - here) / change);
        slopes.collect()
    };
    coefficients.iter().enumerate().map(column).collect()
}

/// `J^T J` and `J^T r`.
fn normal_equations(jacobian: &[Vec<f64>], at: &[f64]) -> (Vec<Vec<f64>>, Vec<f64>) {
    let gradient = jacobian.iter().map(|one| dot(one, at)).collect();
    (normal_matrix(jacobian), gradient)
}

fn normal_matrix(jacobian: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let row = |one: &Vec<f64>| jacobian.iter().map(|other| dot(one, other)).collect();
    jacobian.iter().map(row).collect()
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

/// The step that the damped normal equations ask for; nothing along coefficients that change nothing.
fn step(normal: &[Vec<f64>], gradient: &[f64], damping: f64) -> Vec<f64> {
    let mut damped = normal.to_vec();
    for (place, row) in damped.iter_mut().enumerate() {
        row[place] *= 1.0 + damping;
    }
    let downhill: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
    solve(damped, downhill)
}

/// Solves a symmetric system by Gauss and Jordan's elimination; unknowns without an equation are 0.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let size = right.len();
    let largest = matrix.iter().flatten().fold(0.0, |most: f64, one| most.max(one.abs()));
    let nothing = largest * 1e-14;
    for pivot in 0..size {
        let best = (pivot..size)
            .max_by(|&a, &b| matrix[a][pivot].abs().total_cmp(&matrix[b][pivot].abs()))
            .expect("the pivot's own row");
        matrix.swap(pivot, best);
        right.swap(pivot, best);
        if matrix[pivot][pivot].abs() <= nothing {
            continue;
        }
        let above = matrix[pivot].clone();
        for row in (0..size).filter(|&row| row != pivot) {
            let share = matrix[row][pivot] / above[pivot];
            for (value, above) in matrix[row].iter_mut().zip(&above).skip(pivot) {
                *value -= share * above;
            }
            right[row] -= share * right[pivot];
        }
    }
    let unknown = |place: usize| {
        let diagonal = matrix[place][place];
        if diagonal.abs() <= nothing {
            0.0
        } else {
            right[place] / diagonal
        }
    };
    (0..size).map(unknown).collect()
}

/// Standard errors for noise with a variance of 1, and correlations, from `(J^T J)^-1`.
fn uncertainty(jacobian: &[Vec<f64>]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let size = jacobian.len();
    let normal = normal_matrix(jacobian);
    let unit = |place: usize| (0..size).map(|row| f64::from(u8::from(row == place))).collect();
    let inverse: Vec<Vec<f64>> = (0..size).map(|place| solve(normal.clone(), unit(place))).collect();
    let errors: Vec<f64> = (0..size)
        .map(|place| match inverse[place][place] {
            known if known > 0.0 => known.sqrt(),
            _ => f64::INFINITY,
        })
        .collect();
    let correlation = |one: usize, other: usize| {
        let scale = inverse[one][one] * inverse[other][other];
        if scale > 0.0 {
            inverse[one][other] / scale.sqrt()
        } else {
            0.0
        }
    };
    let correlations = (0..size)
        .map(|one| (0..size).map(|other| correlation(one, other)).collect())
        .collect();
    (errors, correlations)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(start: f64) -> Coefficient {
        Coefficient {
            start,
            step: 1e-3,
            least: f64::NEG_INFINITY,
            most: f64::INFINITY,
        }
    }

    #[test]
    fn a_line_is_found_with_the_errors_on_paper() {
        // y = 1 + 2 x at x = 0..4, with residuals 0.1 (1, -1, 0, -1, 1): orthogonal to 1 and to x.
        let off = [1.0, -1.0, 0.0, -1.0, 1.0];
        let fit = least_squares(&[free(0.0), free(0.0)], 50, |line| {
            (0..5)
                .map(|x| {
                    let x = f64::from(x);
                    1.0 + 2.0 * x + 0.1 * off[x as usize] - line[0] - line[1] * x
                })
                .collect()
        });
        let close = |one: f64, other: f64| assert!((one - other).abs() < 1e-4, "{one} {other}");
        close(fit.values[0], 1.0);
        close(fit.values[1], 2.0);
        // s^2 = 0.04 / 3; J^T J = [[5, 10], [10, 30]], its inverse [[0.6, -0.2], [-0.2, 0.1]].
        close(fit.standard_errors[0], (0.04_f64 / 3.0 * 0.6).sqrt());
        close(fit.standard_errors[1], (0.04_f64 / 3.0 * 0.1).sqrt());
        close(fit.correlations[0][1], -0.2 / 0.06_f64.sqrt());
    }

    #[test]
    fn a_curve_is_found_from_afar() {
        let fit = least_squares(&[free(1.0), free(0.1)], 100, |x| {
            (0..20)
                .map(|t| {
                    let t = f64::from(t) / 4.0;
                    3.0 * (0.7 * t).exp() - x[0] * (x[1] * t).exp()
                })
                .collect()
        });
        assert!(
            (fit.values[0] - 3.0).abs() < 1e-3 && (fit.values[1] - 0.7).abs() < 1e-3,
            "{fit:?}"
        );
    }

    #[test]
    fn bounds_hold_and_what_changes_nothing_is_not_known() {
        let bounded = Coefficient {
            least: 0.0,
            most: 1.0,
            ..free(0.5)
        };
        let fit = least_squares(&[bounded, free(7.0)], 50, |x| vec![x[0] - 3.0, x[0] - 3.1, x[0] - 2.9]);
        assert!((fit.values[0] - 1.0).abs() < 1e-12);
        assert!((fit.values[1] - 7.0).abs() < 1e-12);
        assert!(fit.standard_errors[1].is_infinite());
    }
}
