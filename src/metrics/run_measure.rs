//! The numbers of a run by name, those of groups of its requests included.

use super::breakdown::{Breakdown, RunResult};
use super::measure::{MEASURES, Measure};
use super::meters::Summary;
use super::named_number::{Better, Quantity};
use super::request_group::RequestGroup;
use super::slo::Slo;
use crate::stats::Interval;

/// A measure of all requests of a run, or of a group of them.
#[derive(Clone, Debug)]
pub struct RunMeasure {
    /// Its place in the JSON result of a run; `latency.` is left out of it.
    pub name: String,
    /// What it counts, which says how it is shown.
    pub quantity: Quantity,
    /// What is wanted of it.
    pub better: Better,
    /// Whose number it is; `None` of all requests.
    pub group: Option<RequestGroup>,
    measure: &'static Measure,
}

impl RunMeasure {
    /// A number of all requests.
    pub fn of_all(measure: &'static Measure) -> Self {
        Self {
            name: measure.name.to_owned(),
            quantity: measure.quantity,
            better: measure.better,
            group: None,
            measure,
        }
    }

    /// That number of a group; `None` if it is not told of one.
    pub fn of_group(group: &RequestGroup, measure: &'static Measure) -> Option<Self> {
        let (section, of) = group.place();
        group.has(measure).then(|| Self {
            name: format!("{section}.{of}.{}", measure.name),
            group: Some(group.clone()),
            ..Self::of_all(measure)
        })
    }

    /// The number that an objective bounds; `None` if it is not told of the group.
    pub fn of_slo(slo: &Slo, group: Option<&RequestGroup>) -> Option<Self> {
        match group {
            None => Some(Self::of_all(slo.measure())),
            Some(group) => Self::of_group(group, slo.measure()),
        }
    }

    /// Every number of a group, in the order of all measures.
    pub fn all_of_group(group: &RequestGroup) -> Vec<Self> {
        let of_group = MEASURES.iter().filter_map(|measure| Self::of_group(group, measure));
        of_group.collect()
    }

    /// The number of that name, whether a run has such a group or not: of all requests, such as `ttft.p99`, or of a
    /// group of them, such as `classes.chat.ttft.p99`.
    pub fn named(name: &str) -> Option<Self> {
        match group_and_rest(name) {
            None => Measure::named(name).map(Self::of_all),
            Some((group, rest)) => Self::of_group(&group, Measure::named(rest)?),
        }
    }

    /// Its name where its place in the JSON result goes without saying.
    pub fn short_name(&self) -> String {
        let name = self.measure.short_name();
        match &self.group {
            None => name.to_owned(),
            Some(group) => format!("{} {name}", group.in_words()),
        }
    }

    /// Whether it is an end of the range of a latency.
    pub fn is_of_range(&self) -> bool {
        self.measure.is_of_range()
    }

    /// Whether it goes on growing with a run whose queue does.
    pub fn grows_with_the_queue(&self) -> bool {
        self.measure.grows_with_the_queue()
    }

    /// The 95 % confidence interval of its mean over independent runs, within what it can be; `None` of fewer than two.
    pub fn interval_95(&self, values: &[f64]) -> Option<Interval> {
        self.measure.interval_95(values)
    }

    /// Its value in a run: `None` if it is not known, or if the run has no such group.
    pub fn of(&self, result: &RunResult) -> Option<f64> {
        self.of_parts(&result.summary, &result.breakdown)
    }

    /// Its value in a run of which these are the numbers of all requests, and of groups of them.
    pub fn of_parts(&self, all: &Summary, groups: &Breakdown) -> Option<f64> {
        match &self.group {
            None => self.measure.of(all),
            Some(group) => self.measure.of(groups.of_group(group)?),
        }
    }
}

/// The group that a name of a number is about, and the rest of the name; `None` if it is about all requests.
pub fn group_and_rest(name: &str) -> Option<(RequestGroup, &str)> {
    let (section, rest) = name.trim().split_once('.')?;
    let (group, rest) = rest.split_once('.')?;
    Some((RequestGroup::in_section(section, group)?, rest))
}
