//! The names of a benchmark's summary, of all versions: where each number goes, and what it counts in.

use super::metric::canonical;
use super::units::statistic;

/// Where a number of a summary goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SummaryName {
    /// Our name of it.
    pub name: &'static str,
    /// What the file's name says of its unit.
    pub unit: NamedUnit,
}

/// What a number counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedUnit {
    /// `_ms` at the end of the name.
    Milliseconds,
    /// A latency without a unit in its name, which is InferenceX's way to write seconds.
    Seconds,
    /// A count or a rate.
    Plain,
}

impl NamedUnit {
    /// How many of it a second has.
    pub const fn in_a_second(self) -> f64 {
        match self {
            Self::Milliseconds => 1_000.0,
            Self::Seconds | Self::Plain => 1.0,
        }
    }
}

/// Where the number under `key` goes; `None` of what is not compared.
pub fn summary_name(key: &str) -> Option<SummaryName> {
    let of_run = match key {
        "completed" => Some("requests.finished"),
        "request_throughput" => Some("throughput.requests_per_s"),
        "output_throughput" => Some("throughput.output_tokens_per_s"),
        "input_throughput" => Some("throughput.input_tokens_per_s"),
        _ => None,
    };
    if let Some(name) = of_run {
        return Some(SummaryName {
            name,
            unit: NamedUnit::Plain,
        });
    }
    let (rest, unit) = match key.strip_suffix("_ms") {
        Some(rest) => (rest, NamedUnit::Milliseconds),
        None => (key, NamedUnit::Seconds),
    };
    let (first, latency) = rest.split_once('_')?;
    let latency = match latency {
        "ttft" | "tpot" | "itl" => latency,
        "e2el" | "e2e_latency" => "e2e",
        _ => return None,
    };
    let name = canonical(&format!("{latency}.{}", statistic(first)?))?;
    Some(SummaryName { name, unit })
}

/// Whether only SGLang's benchmark writes this key.
pub fn is_of_sglang(key: &str) -> bool {
    key.ends_with("_e2e_latency_ms")
        || matches!(
            key,
            "total_output_tokens_retokenized"
                | "output_throughput_retokenized"
                | "sharegpt_output_len"
                | "accept_length"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_versions_are_known() {
        for (key, name, unit) in [
            ("mean_ttft_ms", "ttft.mean", NamedUnit::Milliseconds),
            ("median_e2el_ms", "e2e.p50", NamedUnit::Milliseconds),
            ("p99.9_itl_ms", "itl.p999", NamedUnit::Milliseconds),
            ("mean_e2e_latency_ms", "e2e.mean", NamedUnit::Milliseconds),
            ("max_itl_ms", "itl.max", NamedUnit::Milliseconds),
            ("p99_tpot", "tpot.p99", NamedUnit::Seconds),
            ("completed", "requests.finished", NamedUnit::Plain),
        ] {
            assert_eq!(summary_name(key), Some(SummaryName { name, unit }), "{key}");
        }
        for key in ["std_ttft_ms", "p25_ttft_ms", "median_intvty", "duration", "mean_ttft_s"] {
            assert_eq!(summary_name(key), None, "{key}");
        }
    }
}
