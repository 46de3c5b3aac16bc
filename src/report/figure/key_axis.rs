//! The axis of a key that a sweep varies.

use rustc_hash::{FxHashMap, FxHashSet};

use super::titles::{axis_over, title_of_key};
use crate::report::draw::chart::{ChartAxis, Point};
use crate::report::files::results::{PointNumbers, SweepPoints};

/// The axis of a key, and where on it a value stands.
pub fn axis_of(points: &[PointNumbers], key: usize, name: &str) -> (ChartAxis, Vec<Option<f64>>) {
    let Some(numbers) = numbers_of(points, key) else {
        let names = names_of(points, key);
        let places_of: FxHashMap<&str, usize> = names.iter().map(String::as_str).zip(0..).collect();
        let place = |value: &String| places_of.get(value.as_str()).map(|&it| it as f64);
        let places = points.iter().map(|point| place(&point.values[key])).collect();
        return (ChartAxis::named(title_of_key(name), names), places);
    };
    let places = points.iter().map(|point| point.values[key].parse().ok()).collect();
    let axis = axis_over(&title_of_key(name), numbers.into_iter());
    (axis, places)
}

/// A measure at a place of the axis: its mean over the seeds, with the interval of that.
pub fn point_at(sweep: &SweepPoints, point: &PointNumbers, measure: usize, x: f64) -> Option<Point> {
    let (y, interval) = sweep.value(point, measure)?;
    Some(Point {
        interval,
        ..Point::at(x, y)
    })
}

/// The values of a key: numbers in ascending order, words in the order in which they come up.
pub fn sorted_names(points: &[PointNumbers], key: usize) -> Vec<String> {
    let mut names = names_of(points, key);
    if numbers_of(points, key).is_some() {
        let number = |name: &String| name.parse::<f64>().unwrap_or(0.0);
        names.sort_by(|a, b| number(a).total_cmp(&number(b)));
    }
    names
}

/// The numbers of a key's values, in ascending order; `None` if they are words.
fn numbers_of(points: &[PointNumbers], key: usize) -> Option<Vec<f64>> {
    let parsed = points.iter().map(|point| point.values[key].parse().ok());
    let mut numbers: Vec<f64> = parsed.collect::<Option<_>>()?;
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    Some(numbers)
}

/// The values of a key in the order in which they come up.
fn names_of(points: &[PointNumbers], key: usize) -> Vec<String> {
    let mut seen = FxHashSet::default();
    let values = points.iter().map(|point| &point.values[key]);
    values.filter(|value| seen.insert(*value)).cloned().collect()
}
