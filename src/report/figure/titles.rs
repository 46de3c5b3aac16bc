//! Titles and axes that several figures share.

use crate::config::unit_of_key;
use crate::metrics::Metric;
use crate::report::draw::chart::{ChartAxis, Unit};

/// What a latency is called above its panel.
pub(super) fn title(metric: Metric) -> &'static str {
    match metric {
        Metric::Ttft => "time to first token",
        Metric::Tpot => "time per output token",
        Metric::Itl => "inter-token latency",
        Metric::E2e => "end-to-end latency",
        Metric::QueueWait => "queue wait",
        Metric::Path => "time along the path",
        Metric::PathTtft => "time to first token along the path",
    }
}

/// What stands beside an axis of a key that a sweep varies: the key, and what its numbers count.
pub(super) fn title_of_key(key: &str) -> String {
    unit_of_key(key).map_or_else(|| key.to_owned(), |unit| format!("{key} [{unit}]"))
}

/// The horizontal axis over such numbers: logarithmic where they are spread by more than a factor of twenty.
pub(super) fn axis_over(title: &str, numbers: impl Iterator<Item = f64>) -> ChartAxis {
    let (least, most) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), number| {
        (least.min(number), most.max(number))
    });
    if least > 0.0 && most > 20.0 * least {
        ChartAxis::logarithmic(title, Unit::Plain)
    } else {
        ChartAxis::linear(title, Unit::Plain)
    }
}
