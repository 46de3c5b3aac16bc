//! Which trace to replay, and how.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::detect::FormatName;
use super::drawn_lengths::DrawnLengths;
use super::file::TraceFile;
use super::hints::TraceHints;
use crate::units::Span;
use crate::workload::arrivals::MOST_CLIENTS;
use crate::workload::{Invalid, MOST_TOKENS};

/// The most requests that a replay may keep outstanding.
pub const MOST_CONCURRENCY: u32 = MOST_CLIENTS;
/// How many times faster than recorded a replay may be.
pub const SPEEDUPS: RangeInclusive<f64> = 1e-6..=1e6;
/// How many times longer than recorded prompts and outputs may be.
pub const LENGTH_SCALES: RangeInclusive<f64> = 0.01..=100.0;
/// How many characters a token may have in the mean.
pub const CHARS_A_TOKEN: RangeInclusive<f64> = 0.1..=100.0;

/// Which trace to replay, and how.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a replay")]
pub struct Replay {
    /// The file, compressed with gzip or not.
    pub path: PathBuf,
    /// That file, if it is open already; otherwise it is opened for each replay.
    pub file: Option<TraceFile>,
    /// Its format; by default the one that recognises its first line.
    pub format: Option<FormatName>,
    /// What is said of it that the file does not say.
    pub hints: TraceHints,
    /// How long prompts and outputs are, if the format says only when requests came.
    pub lengths: Option<Box<DrawnLengths>>,
    /// How many times faster than recorded requests arrive; users do not think faster.
    pub speedup: f64,
    /// How many requests are outstanding at most, if that and not the recorded arrivals says when rows are sent: as
    /// many at time 0, then the next one whenever one ends, with an answer or without, in the order of the trace.
    pub concurrency: Option<u32>,
    /// Rows that arrived earlier than this after the first are left out. The first that is not arrives at time 0.
    pub start: Span,
    /// How many requests to replay at most.
    pub limit: Option<u64>,
    /// Whether rows that cannot be read are left out (and counted) instead of ending the run.
    pub skip_bad_rows: bool,
    /// Whether to read the whole trace into memory and sort it by arrival. Rows with the same arrival stay in the order
    /// of the file.
    pub sort: bool,
    /// Whether rows with the same arrival are spread evenly at random up to the next arrival, in their order: a clock
    /// that ticks slowly makes bursts where there were none.
    pub jitter_ties: bool,
    /// The most tokens each request allows, where its row does not say; by default exactly as many as it produces. A
    /// longer output is cut.
    pub max_tokens: Option<u32>,
    /// How many times longer than recorded prompts are: rounded, at least 1 and at most [`MOST_TOKENS`]. What prompts
    /// share scales with them.
    pub input_scale: f64,
    /// How many times longer than recorded outputs are, and what a row says of the most it allows.
    pub output_scale: f64,
    /// Whether only the prompts of rows are sent, which ask for no token, whatever output was recorded.
    pub prompts_only: bool,
    /// How long clients wait for the whole of an answer; by default for ever.
    pub timeout: Option<Span>,
}

impl Replay {
    /// The whole trace at `path`, as recorded.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            file: None,
            format: None,
            hints: TraceHints::default(),
            lengths: None,
            speedup: 1.0,
            concurrency: None,
            start: Span::ZERO,
            limit: None,
            skip_bad_rows: false,
            sort: false,
            jitter_ties: false,
            max_tokens: None,
            input_scale: 1.0,
            output_scale: 1.0,
            prompts_only: false,
            timeout: None,
        }
    }

    /// Checks every setting. Keys are those of a scenario's `trace` table.
    pub fn validate(&self) -> Result<(), Invalid> {
        if !SPEEDUPS.contains(&self.speedup) {
            let message = format!(
                "must be between 0.000001 and 1000000, not {}; write e.g. speedup = 2.0",
                self.speedup
            );
            return Err(Invalid::new("speedup", message));
        }
        self.check_concurrency()?;
        for (key, scale) in [("input_scale", self.input_scale), ("output_scale", self.output_scale)] {
            if !LENGTH_SCALES.contains(&scale) {
                let message = format!("must be between 0.01 and 100, not {scale}; write e.g. {key} = 2.0");
                return Err(Invalid::new(key, message));
            }
        }
        if self.hints.block_tokens == Some(0) {
            return Err(Invalid::new(
                "block_tokens",
                "must be at least 1; write e.g. block_tokens = 16",
            ));
        }
        if self
            .hints
            .chars_per_token
            .is_some_and(|chars| !CHARS_A_TOKEN.contains(&chars))
        {
            let message = "must be between 0.1 and 100; write e.g. chars_per_token = 4.0";
            return Err(Invalid::new("chars_per_token", message));
        }
        if self.limit == Some(0) {
            return Err(Invalid::new("limit", "must be at least 1; write e.g. limit = 1000"));
        }
        if self.max_tokens.is_some_and(|most| most == 0 || most > MOST_TOKENS) {
            let message = format!("must be between 1 and {MOST_TOKENS}; write e.g. max_tokens = 1024");
            return Err(Invalid::new("max_tokens", message));
        }
        Ok(())
    }

    fn check_concurrency(&self) -> Result<(), Invalid> {
        let Some(concurrency) = self.concurrency else {
            return Ok(());
        };
        if !(1..=MOST_CONCURRENCY).contains(&concurrency) {
            let message =
                format!("must be between 1 and {MOST_CONCURRENCY}, not {concurrency}; write e.g. concurrency = 64");
            return Err(Invalid::new("concurrency", message));
        }
        #[expect(clippy::float_cmp, reason = "1.0 means that nobody asked for a speedup")]
        let has_speedup = self.speedup != 1.0;
        if has_speedup || self.jitter_ties {
            let message = "uses no recorded arrivals; leave out speedup and jitter_ties";
            return Err(Invalid::new("concurrency", message));
        }
        Ok(())
    }
}
