//! Whether objectives are met by what was measured.

use super::client::Felt;
use super::measure::Measure;
use super::meters::Summary;
use super::metric::Statistic;
use super::slo::{LatencySlo, ServedNumber, ServedSlo, Slo, SloOutcome, SloResult};

impl Slo {
    /// Whether `summary` meets it. Requests that were refused, failed or given up count as ones that miss every limit
    /// on a latency.
    pub fn judge(&self, summary: &Summary) -> SloResult {
        match self {
            Self::Latency(slo) => slo.judge(summary),
            Self::Served(slo) => slo.judge(summary),
        }
    }

    /// The measure that it bounds.
    pub fn measure(&self) -> &'static Measure {
        match self {
            Self::Latency(slo) => Measure::of_latency(slo.metric, slo.statistic),
            Self::Served(slo) => slo.of.measure(),
        }
    }
}

impl ServedNumber {
    /// The number of a run that it is.
    pub fn measure(self) -> &'static Measure {
        let name = match self {
            Self::Success => "requests.success",
            Self::Errors => "requests.errors",
            Self::Requests => "throughput.requests_per_s",
            Self::Goodput => "throughput.goodput_per_s",
            Self::InputTokens => "throughput.input_tokens_per_s",
            Self::OutputTokens => "throughput.output_tokens_per_s",
        };
        Measure::named(name).expect("a measure has this name")
    }
}

impl LatencySlo {
    fn judge(&self, summary: &Summary) -> SloResult {
        let latency = summary.latency.of(self.metric);
        let felt = match summary.path.filter(|_| self.metric.is_of_path()) {
            Some(paths) => latency.of_all_paths(self.statistic, &paths),
            None => latency.of_whole_crowd(self.statistic, &summary.requests),
        };
        let ci95 = latency.ci95.and_then(|intervals| match self.statistic {
            Statistic::Mean => intervals.mean,
            Statistic::P50 => intervals.p50,
            Statistic::P99 => intervals.p99,
            _ => None,
        });
        let (got, outcome) = match felt {
            Felt::Unknown => (None, SloOutcome::Unknown),
            Felt::Never => (None, SloOutcome::Missed),
            Felt::After(got) if got <= self.limit.seconds() => (Some(got), SloOutcome::Met),
            Felt::After(got) => (Some(got), SloOutcome::Missed),
        };
        SloResult {
            slo: Slo::Latency(*self),
            got,
            ci95: ci95.filter(|_| felt != Felt::Never),
            outcome,
        }
    }
}

impl ServedSlo {
    fn judge(&self, summary: &Summary) -> SloResult {
        let got = self.of.measure().of(summary);
        let is_within = |got: f64| {
            if self.of.is_least() {
                got >= self.bound
            } else {
                got <= self.bound
            }
        };
        let outcome = match got {
            None => SloOutcome::Unknown,
            Some(got) if is_within(got) => SloOutcome::Met,
            Some(_) => SloOutcome::Missed,
        };
        SloResult {
            slo: Slo::Served(*self),
            got,
            ci95: None,
            outcome,
        }
    }
}
