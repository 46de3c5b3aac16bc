//! The points of results: runs that differ in their seed only, together.

use super::Results;
use crate::stats::Interval;
use crate::stats::confidence_interval_95;
use crate::study::{Better, Measure, short};

/// A point of the sweep: the values of its keys, and each measure over its seeds.
pub struct PointNumbers {
    /// The values of the keys.
    pub values: Vec<String>,
    /// For each measure its values, one a seed; `None` if a run does not have it.
    pub numbers: Vec<Option<Vec<f64>>>,
}

impl PointNumbers {
    /// A measure over the seeds: its mean, with the interval of that if there are several; `None` if a run does not have it.
    pub fn mean(&self, measure: usize) -> Option<(f64, Option<Interval>)> {
        let values = self.numbers[measure].as_deref()?;
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        Some((mean, confidence_interval_95(values)))
    }

    /// The last part of each key with its value.
    pub fn label(&self, keys: &[String]) -> String {
        let pairs = keys.iter().zip(&self.values);
        let words: Vec<String> = pairs
            .map(|(key, value)| format!("{}={value}", short(key)))
            .collect();
        words.join(", ")
    }
}

impl Results {
    /// The points, in their order.
    pub fn points(&self) -> Vec<PointNumbers> {
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by_key(|row| row.run);
        let mut points: Vec<PointNumbers> = Vec::new();
        for rows in rows.chunk_by(|a, b| a.point == b.point) {
            let numbers = (0..self.heading.measures.len())
                .map(|at| rows.iter().map(|row| row.numbers[at]).collect());
            points.push(PointNumbers {
                values: rows[0].values.clone(),
                numbers: numbers.collect(),
            });
        }
        points
    }

    /// The place of a measure among those that were kept.
    pub fn place_of(&self, name: &str) -> Option<usize> {
        self.heading.measures.iter().position(|it| it.name == name)
    }

    /// The point with the best value of a measure, in words, and that value; `None` if it has no better or worse, or no value.
    pub fn best(&self, measure: &Measure) -> Option<(String, f64)> {
        let at = self.place_of(measure.name)?;
        let points = self.points();
        let values = points
            .iter()
            .filter_map(|point| Some((point, point.mean(at)?.0)));
        let (point, value) = match measure.better {
            Better::Neither => return None,
            Better::Lower => values.min_by(|a, b| a.1.total_cmp(&b.1)),
            Better::Higher => values.max_by(|a, b| a.1.total_cmp(&b.1)),
        }?;
        Some((point.label(&self.heading.keys), value))
    }
}
