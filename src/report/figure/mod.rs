//! Figures: one file each, from what a study found to a drawing. The title of a figure is the question it answers.

pub mod accuracy;
pub mod bars;
pub mod cdf;
pub mod heat_map;
mod key_axis;
pub mod lines;
pub mod load_curve;
pub mod over_time;
pub mod pareto;
pub mod prefix_hits;

use super::chart::{Axis, Unit};
use crate::metrics::Metric;

/// What a figure is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Its name in files.
    pub name: &'static str,
    /// What it answers; its title.
    pub question: &'static str,
    /// What it is drawn from.
    pub needs: &'static str,
}

/// Every figure.
pub const FIGURES: [&Figure; 11] = [
    &load_curve::LATENCY_VS_CONCURRENCY,
    &load_curve::LATENCY_VS_RATE,
    &over_time::QUEUE,
    &over_time::MEMORY,
    &cdf::FIGURE,
    &bars::FIGURE,
    &lines::FIGURE,
    &heat_map::FIGURE,
    &pareto::FIGURE,
    &prefix_hits::FIGURE,
    &accuracy::FIGURE,
];

/// What a latency is called above its panel.
fn title(metric: Metric) -> &'static str {
    match metric {
        Metric::Ttft => "time to first token",
        Metric::Tpot => "time per output token",
        Metric::Itl => "inter-token latency",
        Metric::E2e => "end-to-end latency",
        Metric::QueueWait => "queue wait",
    }
}

/// The horizontal axis over such numbers: logarithmic where they are spread by more than a factor of twenty.
fn axis_over(title: &str, numbers: impl Iterator<Item = f64>) -> Axis {
    let (least, most) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), number| {
        (least.min(number), most.max(number))
    });
    if least > 0.0 && most > 20.0 * least {
        Axis::logarithmic(title, Unit::Plain)
    } else {
        Axis::linear(title, Unit::Plain)
    }
}
