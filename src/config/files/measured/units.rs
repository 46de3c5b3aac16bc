//! Units of time as tools name them. A number whose unit nobody names has none: it is never told from how large it is.

/// How many seconds a unit has.
pub fn seconds_in(unit: &str) -> Option<f64> {
    let unit = unit.trim().to_ascii_lowercase();
    let unit = unit.split_once("/token").map_or(unit.as_str(), |(time, _)| time);
    Some(match unit {
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => 1e-3,
        "us" | "µs" | "μs" | "usec" | "microsecond" | "microseconds" => 1e-6,
        "ns" | "nsec" | "nanosecond" | "nanoseconds" => 1e-9,
        _ => return None,
    })
}

/// The name that our results have for a statistic.
pub fn statistic(name: &str) -> Option<&'static str> {
    Some(match name {
        "mean" | "avg" | "average" => "mean",
        "median" | "p50" | "p50.0" => "p50",
        "p90" | "p90.0" => "p90",
        "p95" | "p95.0" => "p95",
        "p99" | "p99.0" => "p99",
        "p99.9" | "p999" | "p99_9" | "p99p9" => "p999",
        "max" => "max",
        _ => return None,
    })
}
