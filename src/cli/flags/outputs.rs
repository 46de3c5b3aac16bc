//! The flags that name files which a run writes while it goes on.

use std::path::PathBuf;

use crate::answer::{Problem, RunOutputs};
use crate::config::{self, DURATION_HELP, Diagnostic};
use crate::report::{USUALLY_TRACED_REQUESTS, WallClock};
use crate::units::Span;
use crate::workload::trace::picos_since_1970;

/// Flags that name files.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Files")]
pub struct OutputFlags {
    /// Write one row a request, as CSV, or as Parquet if FILE ends in .parquet
    #[arg(long, value_name = "FILE")]
    requests_out: Option<PathBuf>,
    /// Write queue depth and KV usage over time, as CSV, or as Parquet if FILE ends in .parquet
    #[arg(long, value_name = "FILE")]
    timeline_out: Option<PathBuf>,
    /// Write steps, requests and queue depth as a trace for ui.perfetto.dev; compressed if FILE ends in .gz
    #[arg(long, value_name = "FILE")]
    perfetto: Option<PathBuf>,
    /// How many requests --perfetto shows: the first ones, with the steps until the last of them has left
    #[arg(
        long,
        value_name = "REQUESTS",
        default_value_t = USUALLY_TRACED_REQUESTS,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    perfetto_requests: u64,
    /// Write what a Prometheus would scrape over time, every --timeline-interval, under vLLM's names (OpenMetrics)
    #[arg(long, value_name = "FILE")]
    openmetrics_out: Option<PathBuf>,
    /// Write what a Prometheus would scrape at the end, under vLLM's names (Prometheus's text format)
    #[arg(long, value_name = "FILE")]
    metrics_out: Option<PathBuf>,
    /// Write the way of each request as spans of OpenTelemetry (OTLP/JSON)
    #[arg(long, value_name = "FILE")]
    spans_out: Option<PathBuf>,
    /// Write what happens to each request as structured logs, a JSON object a line
    #[arg(long, value_name = "FILE")]
    logs_out: Option<PathBuf>,
    /// When the run starts, in files that have dates
    #[arg(long, value_name = "DATE", default_value = "2026-01-01T00:00:00Z")]
    start_time: String,
    /// How much simulated time lies between two rows of the timeline, or two scrapes
    #[arg(long, value_name = "DURATION", default_value = "1s")]
    timeline_interval: String,
}

impl OutputFlags {
    /// The files that are asked for.
    pub fn outputs(&self) -> Result<RunOutputs, Problem> {
        Ok(RunOutputs {
            requests: self.requests_out.clone(),
            timeline: self.timeline_out.clone(),
            timeline_interval: Some(self.interval()?),
            perfetto: self.perfetto.clone(),
            perfetto_requests: Some(self.perfetto_requests),
            openmetrics: self.openmetrics_out.clone(),
            metrics: self.metrics_out.clone(),
            spans: self.spans_out.clone(),
            logs: self.logs_out.clone(),
            clock: self.clock()?,
        })
    }

    /// When the run starts.
    fn clock(&self) -> Result<WallClock, Problem> {
        let clock = picos_since_1970(&self.start_time).and_then(WallClock::starting);
        clock.ok_or_else(|| {
            let message = format!("--start-time {} is not a date from 1970 on", self.start_time);
            Diagnostic::new(message).help("write 2026-01-01T00:00:00Z").into()
        })
    }

    /// The time between two rows of the timeline.
    fn interval(&self) -> Result<Span, Problem> {
        let flag = "--timeline-interval";
        let interval = config::duration(&self.timeline_interval)
            .map_err(|problem| Diagnostic::new(format!("{flag}: {problem}")).help(DURATION_HELP))?;
        if !RunOutputs::allows_interval(interval) {
            let message = format!("{flag} {} is too short", self.timeline_interval);
            return Err(Diagnostic::new(message).help("write 100us or more").into());
        }
        Ok(interval)
    }
}
