//! All points of a study: every value of every axis with every value of the others.

use crate::config::Flag;
use crate::config::axis::Axis;

/// More points than anybody looks at.
pub const MOST_POINTS: usize = 1_000_000;

/// The points of a study, numbered from 0; the last axis changes fastest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    axes: Vec<Axis>,
    points: usize,
}

impl Plan {
    /// The grid over `axes`, each with at least one value; `None` if it has more than [`MOST_POINTS`] points. Without
    /// axes it has one point.
    pub fn new(axes: Vec<Axis>) -> Option<Self> {
        let mut sizes = axes.iter().map(|axis| axis.steps.len());
        let product = sizes.try_fold(1, usize::checked_mul);
        let points = product.filter(|&points| points <= MOST_POINTS)?;
        Some(Self { axes, points })
    }

    /// The axes of the grid, of which the last changes fastest.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// How many points.
    pub fn points(&self) -> usize {
        self.points
    }

    /// The keys that vary, in the order of the axes.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.axes.iter().flat_map(|axis| &axis.keys).map(String::as_str)
    }

    /// What a point sets.
    pub fn flags(&self, point: usize) -> Vec<Flag> {
        let steps = self.steps(point);
        let axes = self.axes.iter().zip(steps);
        axes.flat_map(|(axis, step)| axis.flags(step)).collect()
    }

    /// The values of all keys at a point, without quotes around them.
    pub fn values(&self, point: usize) -> Vec<&str> {
        let steps = self.steps(point);
        let axes = self.axes.iter().zip(steps);
        axes.flat_map(|(axis, step)| &axis.steps[step])
            .map(|value| unquoted(value))
            .collect()
    }

    /// A point in words: the last parts of its keys with their values.
    pub fn label(&self, point: usize) -> String {
        label(self.keys().zip(self.values(point)))
    }

    /// For each axis, which of its steps a point has.
    fn steps(&self, point: usize) -> Vec<usize> {
        let mut rest = point;
        let mut steps: Vec<usize> = self
            .axes
            .iter()
            .rev()
            .map(|axis| {
                let step = rest % axis.steps.len();
                rest /= axis.steps.len();
                step
            })
            .collect();
        steps.reverse();
        steps
    }
}

/// The last part of a key that is not a number: `workload.prompt.parts.1.weight` is a `weight`.
pub fn short(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key).trim_matches('"')
}

/// Keys with their values, in words: the last part of each key.
pub fn label<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let words: Vec<String> = pairs.map(|(key, value)| format!("{}={value}", short(key))).collect();
    words.join(", ")
}

fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        let inner = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner {
            return inner;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_axis_changes_fastest_and_zipped_keys_change_together() {
        let axis = |keys: &[&str], steps: &[&[&str]]| Axis {
            keys: keys.iter().map(ToString::to_string).collect(),
            steps: steps
                .iter()
                .map(|row| row.iter().map(ToString::to_string).collect())
                .collect(),
            origin: "--vary".to_owned(),
            base: std::path::PathBuf::new(),
        };
        let plan = Plan::new(vec![
            axis(
                &["server.gpu", "server.tensor_parallel"],
                &[&["\"l40s\"", "2"], &["\"h200\"", "1"]],
            ),
            axis(&["workload.arrivals.rate"], &[&["1"], &["2"], &["4"]]),
        ])
        .unwrap();
        let labels: Vec<String> = (0..plan.points()).map(|point| plan.label(point)).collect();
        assert_eq!(
            labels,
            [
                "gpu=l40s, tensor_parallel=2, rate=1",
                "gpu=l40s, tensor_parallel=2, rate=2",
                "gpu=l40s, tensor_parallel=2, rate=4",
                "gpu=h200, tensor_parallel=1, rate=1",
                "gpu=h200, tensor_parallel=1, rate=2",
                "gpu=h200, tensor_parallel=1, rate=4",
            ]
        );
        assert_eq!(plan.flags(4)[0].assignment, "server.gpu=\"h200\"");
        assert_eq!(Plan::new(Vec::new()).unwrap().points(), 1);
    }
}
