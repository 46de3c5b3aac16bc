//! The flags that name files which a run writes while it goes on.

use std::path::PathBuf;

use crate::answer::{Problem, RunOutputs};
use crate::config::{self, DURATION_HELP, Diagnostic};
use crate::units::Span;

/// Flags that name files.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Files")]
pub struct OutputFlags {
    /// Write one CSV row a request
    #[arg(long, value_name = "FILE")]
    requests_out: Option<PathBuf>,
    /// Write queue depth and KV usage over time as CSV
    #[arg(long, value_name = "FILE")]
    timeline_out: Option<PathBuf>,
    /// Write steps, requests and queue depth as a trace for ui.perfetto.dev; compressed if FILE ends in .gz
    #[arg(long, value_name = "FILE")]
    perfetto: Option<PathBuf>,
    /// How much simulated time lies between two rows of the timeline
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
