//! The files that a run is asked to write, and what would make them too large.

use std::path::{Path, PathBuf};

use crate::config::Diagnostic;
use crate::report::{MOST_SPANS, MOST_TRACE_EVENTS, USUALLY_TRACED_REQUESTS, WallClock};
use crate::study::MOST_REQUESTS;
use crate::units::Span;

/// Files that are written while a run goes on.
#[derive(Clone, Debug, Default)]
pub struct RunOutputs {
    /// A row a request, as CSV, or as Parquet if its name ends in `.parquet`.
    pub requests: Option<PathBuf>,
    /// Queue depth and KV usage over time, as CSV or as Parquet.
    pub timeline: Option<PathBuf>,
    /// Simulated time between two rows of the timeline; `None` for a second.
    pub timeline_interval: Option<Span>,
    /// Steps, requests and queue depth as a trace for ui.perfetto.dev; compressed if its name ends in `.gz`.
    pub perfetto: Option<PathBuf>,
    /// How many requests the trace shows, the first ones; `None` for 100,000.
    pub perfetto_requests: Option<u64>,
    /// What a Prometheus would scrape over time, as OpenMetrics with timestamps.
    pub openmetrics: Option<PathBuf>,
    /// What a Prometheus would scrape at the end.
    pub metrics: Option<PathBuf>,
    /// The way of each request as spans of OpenTelemetry.
    pub spans: Option<PathBuf>,
    /// What happens to each request, a JSON object a line.
    pub logs: Option<PathBuf>,
    /// When the run starts, in files that have dates.
    pub clock: WallClock,
}

/// Rows closer than this say nothing more: steps take milliseconds.
const SHORTEST_INTERVAL: Span = Span::from_micros(100);

/// A Prometheus keeps milliseconds, which seconds since 1970 as a float may miss by one.
const SHORTEST_SCRAPE: Span = Span::from_micros(10_000);

/// Rows of a timeline are so far apart if nobody says how far.
const USUAL_INTERVAL: Span = Span::from_micros(1_000_000);

/// A request that is served is at least its start, a phase, its end and a change of a counter.
const MOST_TRACED_REQUESTS: u64 = MOST_TRACE_EVENTS / 4;

/// A request that is answered is four spans behind no router, and five behind one.
const MOST_SPANNED_REQUESTS: u64 = MOST_SPANS / 4;

/// With steps and the other phases it is some eleven events in a server that batches a hundred.
const LIKELY_TO_BE_TRACED: u64 = 400_000;

impl RunOutputs {
    /// All files, each with the flag that asks for it.
    pub fn all(&self) -> [(&'static str, Option<&Path>); 7] {
        [
            ("--requests-out", self.requests.as_deref()),
            ("--timeline-out", self.timeline.as_deref()),
            ("--perfetto", self.perfetto.as_deref()),
            ("--openmetrics-out", self.openmetrics.as_deref()),
            ("--metrics-out", self.metrics.as_deref()),
            ("--spans-out", self.spans.as_deref()),
            ("--logs-out", self.logs.as_deref()),
        ]
    }

    /// Refuses files that are asked for of several runs.
    pub fn check_runs(&self, runs: u32) -> Result<(), Diagnostic> {
        let asked = self.all().into_iter().filter(|(_, path)| path.is_some());
        let flags: Vec<&str> = asked.map(|(flag, _)| flag).collect();
        if runs == 1 || flags.is_empty() {
            return Ok(());
        }
        let describe = if flags.len() == 1 { "describes" } else { "describe" };
        let message = format!("{} {describe} one run, not several", flags.join(", "));
        Err(Diagnostic::new(message).help("leave --seeds out, or name one run with --seed"))
    }

    /// Refuses files that so many requests would make too large, or rows that are too close.
    pub fn check_requests(&self, requests: u64) -> Result<(), Diagnostic> {
        let refuse = |flag: &str, why: &str, most: u64| {
            let message = format!("{flag}: {requests} requests are too many {why}");
            let help = format!("ask for {most} at most, or leave {flag} out");
            Err(Diagnostic::new(message).help(help))
        };
        if self.requests.is_some() && requests > MOST_REQUESTS {
            return refuse("--requests-out", "to keep in memory", MOST_REQUESTS);
        }
        if self.perfetto.is_some() && requests.min(self.traced_requests()) > MOST_TRACED_REQUESTS {
            let message = format!("--perfetto: {requests} requests are too many for a viewer");
            let help = format!("write --perfetto-requests {LIKELY_TO_BE_TRACED} at most, or leave --perfetto out");
            return Err(Diagnostic::new(message).help(help));
        }
        if self.spans.is_some() && requests > MOST_SPANNED_REQUESTS {
            return refuse("--spans-out", "for one file of spans", MOST_SPANS / 5);
        }
        Ok(())
    }

    /// How many requests a trace for Perfetto shows.
    pub fn traced_requests(&self) -> u64 {
        self.perfetto_requests.unwrap_or(USUALLY_TRACED_REQUESTS)
    }

    /// Refuses rows that are closer than what reads them can tell apart.
    pub fn check_interval(&self) -> Result<(), Diagnostic> {
        if self.openmetrics.is_none() || self.interval() >= SHORTEST_SCRAPE {
            return Ok(());
        }
        let message = "--openmetrics-out: --timeline-interval is too short, as a Prometheus keeps milliseconds";
        Err(Diagnostic::new(message).help("write 10ms or more; Prometheus scrapes every 15 s or 60 s as a rule"))
    }

    /// Whether an interval is long enough.
    pub fn allows_interval(interval: Span) -> bool {
        interval >= SHORTEST_INTERVAL
    }

    /// Simulated time between two rows of the timeline.
    pub fn interval(&self) -> Span {
        self.timeline_interval.unwrap_or(USUAL_INTERVAL).max(SHORTEST_INTERVAL)
    }
}
