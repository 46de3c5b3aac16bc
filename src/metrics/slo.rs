//! Service-level objectives: "the 99th percentile of the time to the first token is at most 2 s".

use std::fmt;

use super::metric::{Metric, Statistic};
use crate::units::Span;

/// A limit that a statistic of a metric must not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slo {
    /// The latency that is limited.
    pub metric: Metric,
    /// The statistic of it that is limited.
    pub statistic: Statistic,
    /// The most it may be.
    pub limit: Span,
}

/// Text that is no SLO: what is wrong, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SloError(String);

impl Slo {
    /// The objective of that name, such as `ttft.p99` (or, as k6 writes it, `ttft.p(99)`), with its limit.
    pub fn named(name: &str, limit: Span) -> Result<Self, SloError> {
        let Some((metric, statistic)) = name.trim().split_once('.') else {
            return Err(SloError(format!(
                "'{name}' is not an SLO: write a latency, a dot and a statistic, such as ttft.p99"
            )));
        };
        Ok(Self {
            metric: parse_metric(metric)?,
            statistic: parse_statistic(statistic)?,
            limit,
        })
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (metric, statistic) = (self.metric.name(), self.statistic.name());
        write!(formatter, "{metric}.{statistic} <= {}", self.limit)
    }
}

impl fmt::Display for SloError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for SloError {}

fn parse_metric(text: &str) -> Result<Metric, SloError> {
    let found = Metric::ALL.into_iter().find(|metric| metric.name() == text);
    found.or((text == "e2el").then_some(Metric::E2e)).ok_or_else(|| {
        let names = Metric::ALL.map(Metric::name).join(", ");
        SloError(format!("'{text}' is not a latency: use one of {names}"))
    })
}

fn parse_statistic(text: &str) -> Result<Statistic, SloError> {
    // k6 writes p(99), and p(99.9) for what is p999 here.
    let inner = text.strip_prefix("p(").and_then(|rest| rest.strip_suffix(')'));
    let plain = inner.map_or_else(|| text.to_owned(), |percent| format!("p{percent}"));
    let found = Statistic::ALL.into_iter().find(|statistic| statistic.name() == plain);
    let other_name = match plain.as_str() {
        "avg" => Some(Statistic::Mean),
        "med" | "median" => Some(Statistic::P50),
        "p99.9" => Some(Statistic::P999),
        _ => None,
    };
    found.or(other_name).ok_or_else(|| {
        let names = Statistic::ALL.map(Statistic::name).join(", ");
        SloError(format!("'{text}' is not a statistic: use one of {names}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_however_they_are_written() {
        for (name, metric, statistic) in [
            ("ttft.p99", Metric::Ttft, Statistic::P99),
            (" ttft.p(99) ", Metric::Ttft, Statistic::P99),
            ("queue_wait.p(99.9)", Metric::QueueWait, Statistic::P999),
            ("e2el.avg", Metric::E2e, Statistic::Mean),
            ("itl.med", Metric::Itl, Statistic::P50),
        ] {
            let slo = Slo::named(name, Span::ZERO).unwrap();
            assert_eq!((slo.metric, slo.statistic), (metric, statistic), "{name}");
        }
    }

    #[test]
    fn what_is_no_slo_says_what_to_write() {
        for (name, hint) in [
            ("ttft", "ttft.p99"),
            ("tttf.p99", "ttft, tpot, itl, e2e, queue_wait"),
            ("ttft.p98", "p95, p99, p999"),
        ] {
            let message = Slo::named(name, Span::ZERO).unwrap_err().to_string();
            assert!(message.contains(hint), "{name}: {message}");
        }
    }
}
