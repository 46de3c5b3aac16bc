//! The latencies of requests and the statistics of them, by name.

/// A latency of a request. Definitions are those of `vllm bench serve`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Arrival to the first token.
    Ttft,
    /// Mean time a token after the first: (e2e - ttft) / (output tokens - 1).
    Tpot,
    /// Every gap between two tokens of a request, pooled.
    Itl,
    /// Arrival to the last token.
    E2e,
    /// Arrival to the first step that the request is part of.
    QueueWait,
}

/// What is asked of a metric's distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Statistic {
    Mean,
    P50,
    P90,
    P95,
    P99,
    P999,
    Max,
}

impl Metric {
    /// All metrics, in the order of reports.
    pub const ALL: [Self; 5] = [Self::Ttft, Self::Tpot, Self::Itl, Self::E2e, Self::QueueWait];

    /// Its name in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ttft => "ttft",
            Self::Tpot => "tpot",
            Self::Itl => "itl",
            Self::E2e => "e2e",
            Self::QueueWait => "queue_wait",
        }
    }
}

impl Statistic {
    /// All statistics, in the order of reports.
    pub const ALL: [Self; 7] = [
        Self::Mean,
        Self::P50,
        Self::P90,
        Self::P95,
        Self::P99,
        Self::P999,
        Self::Max,
    ];

    /// Its name in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::P999 => "p999",
            Self::Max => "max",
        }
    }
}
