//! The numbers of a run by name, for whoever compares, tabulates or draws them.

use std::fmt;
use std::sync::LazyLock;

use super::cost::cost_measures;
use super::meters::Summary;
use super::metric::{Metric, Statistic};
use super::named_number::{Better, NamedNumber, PlaceInList, Quantity, Read};
use crate::stats::{Interval, confidence_interval_95_above_zero, confidence_interval_95_of_shares};

/// What a number of a run is called, and what it means.
#[derive(Clone)]
pub struct Measure {
    /// Its name: a latency, a dot and a statistic, or its place in the JSON result of a run.
    pub name: &'static str,
    /// What it counts, which says how it is shown.
    pub quantity: Quantity,
    /// What is wanted of it.
    pub better: Better,
    read: Read<Summary>,
}

/// Every measure that a meter declares: latencies, then the rest in the order of the JSON result; the verdict, and what
/// a run costs.
pub static MEASURES: LazyLock<Vec<Measure>> = LazyLock::new(|| {
    let mut named_numbers = Summary::named_numbers();
    named_numbers.push(verdict());
    named_numbers.extend(cost_measures());
    named_numbers.sort_by_key(|reading| reading.place);
    let measures = named_numbers.into_iter().map(|reading| Measure {
        name: reading.name,
        quantity: reading.quantity,
        better: reading.better,
        read: reading.read,
    });
    measures.collect()
});

/// The verdict on a run as a number: 1 if its objectives are met, 0 if one is missed or its queue grows.
fn verdict() -> NamedNumber<Summary> {
    let is_met = |summary: &Summary| summary.is_met.map(u64::from);
    NamedNumber::count("slo.met", Better::Higher, is_met).at(PlaceInList::Last)
}

impl Measure {
    /// The measure of that name; latencies may be named by their place in JSON, `latency.` before it or `path.total.`.
    pub fn named(name: &str) -> Option<&'static Self> {
        let name = name.trim();
        let name = name.strip_prefix("latency.").unwrap_or(name);
        let of_path = [("path.total.", "path"), ("path.first_token.", "path_ttft")];
        let of_path = of_path.iter().find_map(|(place, metric)| {
            let statistic = name.strip_prefix(place)?;
            Some(format!("{metric}.{statistic}"))
        });
        let name = of_path.as_deref().unwrap_or(name);
        MEASURES.iter().find(|measure| measure.name == name)
    }

    /// The measure that an objective on a latency limits.
    pub fn of_latency(metric: Metric, statistic: Statistic) -> &'static Self {
        let name = format!("{}.{}", metric.name(), statistic.name());
        Self::named(&name).expect("every latency has all statistics")
    }

    /// Names that end alike: `goodput_per_s` for `throughput.goodput_per_s`.
    pub fn ending_with(name: &str) -> Option<&'static str> {
        let end = format!(".{}", name.trim());
        let found = MEASURES.iter().find(|measure| measure.name.ends_with(&end));
        found.map(|measure| measure.name)
    }

    /// Whether it goes on growing with a run whose queue does: how long clients wait, and how many wait. What a server
    /// does in each second does not.
    pub fn grows_with_the_queue(&self) -> bool {
        self.quantity == Quantity::Time || self.name.starts_with("queue.depth.")
    }

    /// Whether it is known only where requests take a path.
    pub fn is_of_path(&self) -> bool {
        self.name.starts_with("path.") || self.name.starts_with("path_ttft.")
    }

    /// Whether it is an end of the range of a latency, which is known only if somebody asks.
    pub fn is_of_range(&self) -> bool {
        self.name.contains(".model_range.")
    }

    /// Whether it is known only if somebody asks what a run costs.
    pub fn is_price(&self) -> bool {
        self.name.starts_with("cost.")
    }

    /// Whether it is known only where KV cache is kept in the memory of the CPU.
    pub fn is_of_offload(&self) -> bool {
        self.name.starts_with("kv_offload.")
    }

    /// Its name where its place in the JSON result goes without saying.
    pub fn short_name(&self) -> &'static str {
        self.name.strip_prefix("throughput.").unwrap_or(self.name)
    }

    /// The 95 % confidence interval of its mean over independent runs, within what it can be; `None` of fewer than two.
    pub fn interval_95(&self, values: &[f64]) -> Option<Interval> {
        match self.quantity {
            Quantity::Share => confidence_interval_95_of_shares(values),
            Quantity::Time | Quantity::Rate | Quantity::Count | Quantity::Price => {
                confidence_interval_95_above_zero(values)
            }
        }
    }

    /// Its value in a run: `None` if it is not known, or not finite.
    pub fn of(&self, summary: &Summary) -> Option<f64> {
        (self.read)(summary).filter(|value| value.is_finite())
    }
}

impl fmt::Debug for Measure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Measure({})", self.name)
    }
}
