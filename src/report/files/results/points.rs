//! The points of results: runs that differ in their seed only, together.

use super::heading::Heading;
use super::runs::Results;
use crate::stats::{Interval, mean};
use crate::study::{Better, RunMeasure, USUAL_ERRORS, label};

/// The measure that says whether a run has a steady state.
pub const GROWS: &str = "queue.grows";

/// The results of a sweep by points.
pub struct SweepPoints {
    /// What the points hold.
    pub heading: Heading,
    /// The points, in their order; at least one.
    pub points: Vec<PointNumbers>,
    /// The name of the plan that the runs belong to.
    pub plan: String,
    /// How many runs there are.
    pub runs: u64,
    /// How many runs the plan has.
    pub all_runs: u64,
}

/// A point of the sweep: the values of its keys, and each measure over its seeds.
pub struct PointNumbers {
    /// The values of the keys.
    pub values: Vec<String>,
    /// For each measure its values, one a seed; `None` if a run does not have it.
    numbers: Vec<Option<Vec<f64>>>,
}

impl PointNumbers {
    /// The mean of a measure over the seeds; `None` if a run does not have it.
    pub fn mean(&self, measure: usize) -> Option<f64> {
        mean(self.numbers[measure].as_deref()?.iter().copied())
    }
}

impl SweepPoints {
    /// Puts runs of a point together; `None` of no runs.
    pub fn of(results: Results) -> Option<Self> {
        let Results { heading, mut rows } = results;
        rows.sort_by_key(|row| row.run);
        let first = rows.first()?;
        let points = rows.chunk_by(|a, b| a.point == b.point).map(|rows| {
            let numbers = (0..heading.measures.len()).map(|at| rows.iter().map(|row| row.numbers[at]).collect());
            PointNumbers {
                values: rows[0].values.clone(),
                numbers: numbers.collect(),
            }
        });
        Some(Self {
            points: points.collect(),
            plan: first.plan.clone(),
            runs: rows.len() as u64,
            all_runs: first.runs,
            heading,
        })
    }

    /// The place of a measure among those that were kept.
    pub fn place_of(&self, name: &str) -> Option<usize> {
        self.heading.measures.iter().position(|it| it.name == name)
    }

    /// Whether any point has several runs.
    pub fn has_intervals(&self) -> bool {
        let mut numbers = self.points.iter().flat_map(|point| &point.numbers);
        numbers.any(|values| values.as_ref().is_some_and(|values| values.len() > 1))
    }

    /// A measure over the seeds of a point: its mean, with the interval of that if there are several; `None` if a run
    /// does not have it. What depends on the length of the runs, as they have no steady state, has no interval.
    pub fn value(&self, point: &PointNumbers, at: usize) -> Option<(f64, Option<Interval>)> {
        let mean = point.mean(at)?;
        let measure = &self.heading.measures[at];
        if measure.grows_with_the_queue() && !self.is_steady(point) {
            return Some((mean, None));
        }
        let values = point.numbers[at].as_deref()?;
        Some((mean, measure.interval_95(values)))
    }

    /// Whether the queue of no run grows to its end, as far as the results tell.
    pub fn is_steady(&self, point: &PointNumbers) -> bool {
        let grows = self.place_of(GROWS).and_then(|at| point.mean(at));
        grows.is_none_or(|share| share == 0.0)
    }

    /// Whether a point may be called the best: it has a steady state and serves its clients, as far as the results
    /// tell.
    fn may_be_best(&self, point: &PointNumbers) -> bool {
        let success = self.place_of("requests.success").and_then(|at| point.mean(at));
        self.is_steady(point) && success.is_none_or(|share| share >= 1.0 - USUAL_ERRORS)
    }

    /// A point in words.
    pub fn label(&self, point: &PointNumbers) -> String {
        let values = point.values.iter().map(String::as_str);
        label(self.heading.keys.iter().map(String::as_str).zip(values))
    }

    /// Which point has the best value of a measure, and that value, among those that have a steady state and serve
    /// their clients; `None` if there is none, or if the measure has no better or worse, or no value.
    pub fn best(&self, measure: &RunMeasure) -> Option<(usize, f64)> {
        let at = self.place_of(&measure.name)?;
        let points = self.points.iter().enumerate();
        let points = points.filter(|(_, point)| self.may_be_best(point));
        let values = points.filter_map(|(number, point)| Some((number, point.mean(at)?)));
        match measure.better {
            Better::Neither => None,
            Better::Lower => values.min_by(|a, b| a.1.total_cmp(&b.1)),
            Better::Higher => values.max_by(|a, b| a.1.total_cmp(&b.1)),
        }
    }
}
