//! Service-level objectives: "the 99th percentile of the time to the first token is at most 2 s", "at least 99.9 % of
//! the requests succeed".

use std::fmt;

use super::metric::{Metric, Statistic};
use crate::stats::{Interval, rounded};
use crate::units::Span;
use crate::workload::ClassId;

/// What is asked of a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slo {
    /// A latency is not to be longer.
    Latency(LatencySlo),
    /// What is served is not to be less, or what is not served is not to be more.
    Served(ServedSlo),
}

/// A limit that a statistic of a latency must not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencySlo {
    /// The latency that is limited.
    pub metric: Metric,
    /// The statistic of it that is limited.
    pub statistic: Statistic,
    /// The most it may be.
    pub limit: Span,
}

/// A bound on how much is served.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServedSlo {
    /// What is bounded.
    pub of: ServedNumber,
    /// The least it may be, or the most if less of it is better: a part of one, or a number per second.
    pub bound: f64,
}

/// What can be asked of how much is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedNumber {
    /// The share of all requests that are served to their end.
    Success,
    /// The share of all requests that are not: refused, failed, or given up by their clients.
    Errors,
    /// Requests that are finished in each second.
    Requests,
    /// Requests in each second that keep every limit on a latency of their own.
    Goodput,
    /// Tokens of the prompts of finished requests in each second.
    InputTokens,
    /// Tokens of the answers of finished requests in each second.
    OutputTokens,
}

/// How an SLO fared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SloResult {
    /// The SLO that was judged.
    pub slo: Slo,
    /// What was measured, in seconds, as a part of one or per second; `None` if there are too few samples to tell or,
    /// of a missed objective on a latency, if it has no end: too many requests were not served at all.
    pub got: Option<f64>,
    /// The 95 % confidence interval of what was measured; only with replications, and for mean, p50 and p99 of
    /// latencies.
    pub ci95: Option<Interval>,
    /// Met, missed or unknown.
    pub outcome: SloOutcome,
}

/// How an objective on the requests of one class of traffic fared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassResult {
    /// The class.
    pub class: ClassId,
    /// How its objective fared.
    pub result: SloResult,
}

/// Whether an SLO is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SloOutcome {
    /// What was measured is within the bound.
    Met,
    /// What was measured is beyond the bound.
    Missed,
    /// There are too few samples to tell.
    Unknown,
}

/// Text that is no SLO: what is wrong, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SloError(String);

impl Slo {
    /// The objective on a latency of that name, such as `ttft.p99` (or, as k6 writes it, `ttft.p(99)`), with its limit.
    pub fn latency(name: &str, limit: Span) -> Result<Self, SloError> {
        let Some((metric, statistic)) = name.trim().split_once('.') else {
            return Err(match ServedNumber::named(name) {
                Some(served) => SloError(format!("'{name}' is no time: write {}", served.example())),
                None => no_slo(name),
            });
        };
        Ok(Self::Latency(LatencySlo {
            metric: parse_metric(metric)?,
            statistic: parse_statistic(statistic)?,
            limit,
        }))
    }

    /// The objective on a share of all requests, such as `success`, with its bound as a part of one.
    pub fn share(name: &str, bound: f64) -> Result<Self, SloError> {
        let of = ServedNumber::named(name).ok_or_else(|| no_slo(name))?;
        if !of.is_share() {
            return Err(SloError(format!("'{name}' is no share: write {}", of.example())));
        }
        if !(0.0..=1.0).contains(&bound) {
            return Err(SloError(format!(
                "'{name}' is a share from 0 to 100 %: write {}",
                of.example()
            )));
        }
        Ok(Self::Served(ServedSlo { of, bound }))
    }

    /// The objective on a number per second, such as `output_tokens_per_s`, with its bound.
    pub fn rate(name: &str, bound: f64) -> Result<Self, SloError> {
        let of = ServedNumber::named(name).ok_or_else(|| no_slo(name))?;
        if of.is_share() {
            return Err(SloError(format!(
                "'{name}' is a share of all requests: write {}",
                of.example()
            )));
        }
        if !(bound.is_finite() && bound >= 0.0) {
            return Err(SloError(format!(
                "'{name}' is a number per second: write {}",
                of.example()
            )));
        }
        Ok(Self::Served(ServedSlo { of, bound }))
    }

    /// Whether the objective of that name is a least value, as of `success`, rather than a most; `None` if there is
    /// none.
    pub fn is_least(name: &str) -> Option<bool> {
        let served = ServedNumber::named(name).map(ServedNumber::is_least);
        served.or(Self::latency(name, Span::ZERO).is_ok().then_some(false))
    }

    /// Whether both bound the same number.
    pub fn bounds_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Latency(mine), Self::Latency(theirs)) => {
                (mine.metric, mine.statistic) == (theirs.metric, theirs.statistic)
            }
            (Self::Served(mine), Self::Served(theirs)) => mine.of == theirs.of,
            _ => false,
        }
    }

    /// The limit on a latency, if it is one.
    pub const fn as_latency(&self) -> Option<&LatencySlo> {
        match self {
            Self::Latency(slo) => Some(slo),
            Self::Served(_) => None,
        }
    }
}

impl ServedNumber {
    /// Everything that can be bounded.
    pub const ALL: [Self; 6] = [
        Self::Success,
        Self::Errors,
        Self::Requests,
        Self::Goodput,
        Self::InputTokens,
        Self::OutputTokens,
    ];

    /// Its name in `[slo]` and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Errors => "errors",
            Self::Requests => "requests_per_s",
            Self::Goodput => "goodput_per_s",
            Self::InputTokens => "input_tokens_per_s",
            Self::OutputTokens => "output_tokens_per_s",
        }
    }

    /// Whether it is a part of all requests; otherwise it is a number per second.
    pub const fn is_share(self) -> bool {
        matches!(self, Self::Success | Self::Errors)
    }

    /// Whether its bound is the least it may be, as more of it is better.
    pub const fn is_least(self) -> bool {
        !matches!(self, Self::Errors)
    }

    fn named(name: &str) -> Option<Self> {
        let name = name.trim();
        Self::ALL.into_iter().find(|served| served.name() == name)
    }

    /// An objective on it as `[slo]` has it.
    fn example(self) -> String {
        let bound = match self {
            Self::Success => "99.9%",
            Self::Errors => "1%",
            Self::Requests | Self::Goodput => "8",
            Self::InputTokens | Self::OutputTokens => "1000",
        };
        format!("\"{}\" = \"{bound}\"", self.name())
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency(slo) => {
                let (metric, statistic) = (slo.metric.name(), slo.statistic.name());
                write!(formatter, "{metric}.{statistic} <= {}", slo.limit)
            }
            Self::Served(slo) => {
                let sign = if slo.of.is_least() { ">=" } else { "<=" };
                let name = slo.of.name();
                if slo.of.is_share() {
                    write!(formatter, "{name} {sign} {}%", rounded(100.0 * slo.bound))
                } else {
                    write!(formatter, "{name} {sign} {}", rounded(slo.bound))
                }
            }
        }
    }
}

impl fmt::Display for SloError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for SloError {}

fn no_slo(name: &str) -> SloError {
    let served = ServedNumber::ALL.map(ServedNumber::name).join(", ");
    SloError(format!(
        "'{name}' is not an SLO: write a latency, a dot and a statistic, such as ttft.p99, or one of {served}"
    ))
}

fn parse_metric(text: &str) -> Result<Metric, SloError> {
    let found = Metric::every().find(|metric| metric.name() == text);
    found.or((text == "e2el").then_some(Metric::E2e)).ok_or_else(|| {
        let names: Vec<&str> = Metric::every().map(Metric::name).collect();
        let names = names.join(", ");
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
            let Slo::Latency(slo) = Slo::latency(name, Span::ZERO).unwrap() else {
                unreachable!("a latency is asked for");
            };
            assert_eq!((slo.metric, slo.statistic), (metric, statistic), "{name}");
        }
    }

    #[test]
    fn what_is_no_slo_says_what_to_write() {
        for (name, hint) in [
            ("ttft", "ttft.p99"),
            ("success", "\"success\" = \"99.9%\""),
            ("tttf.p99", "ttft, tpot, itl, e2e, queue_wait"),
            ("ttft.p98", "p95, p99, p999"),
        ] {
            let message = Slo::latency(name, Span::ZERO).unwrap_err().to_string();
            assert!(message.contains(hint), "{name}: {message}");
        }
    }

    #[test]
    fn more_is_better_of_what_is_served_and_less_of_what_is_not() {
        for (name, is_least) in [
            ("success", true),
            ("errors", false),
            ("output_tokens_per_s", true),
            ("ttft.p99", false),
        ] {
            assert_eq!(Slo::is_least(name), Some(is_least), "{name}");
        }
        assert_eq!(Slo::is_least("sucess"), None);
        assert_eq!(Slo::share("success", 0.999).unwrap().to_string(), "success >= 99.9%");
        assert_eq!(Slo::share("errors", 0.01).unwrap().to_string(), "errors <= 1%");
        assert_eq!(
            Slo::rate("requests_per_s", 8.0).unwrap().to_string(),
            "requests_per_s >= 8"
        );
        for wrong in [
            Slo::share("success", 1.5),
            Slo::share("output_tokens_per_s", 0.5),
            Slo::rate("success", 0.5),
            Slo::rate("requests_per_s", f64::NAN),
            Slo::share("sucess", 0.5),
        ] {
            assert!(wrong.is_err(), "{wrong:?}");
        }
    }
}
