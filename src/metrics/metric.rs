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
    /// Along the path of a request: from its client's sending it to the end of the answer, whatever lies between client
    /// and model. Only known where there is a path.
    Path,
    /// From its client's sending it to the first token that the client sees.
    PathTtft,
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
    /// Those of the requests that servers see, in the order of reports.
    pub const ALL: [Self; 5] = [Self::Ttft, Self::Tpot, Self::Itl, Self::E2e, Self::QueueWait];

    /// Those of paths.
    pub const OF_PATHS: [Self; 2] = [Self::Path, Self::PathTtft];

    /// All metrics: those of servers, then those of paths.
    pub fn every() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().chain(Self::OF_PATHS)
    }

    /// Whether it is known only where there is a path.
    pub const fn is_of_path(self) -> bool {
        matches!(self, Self::Path | Self::PathTtft)
    }

    /// Its name in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ttft => "ttft",
            Self::Tpot => "tpot",
            Self::Itl => "itl",
            Self::E2e => "e2e",
            Self::QueueWait => "queue_wait",
            Self::Path => "path",
            Self::PathTtft => "path_ttft",
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
