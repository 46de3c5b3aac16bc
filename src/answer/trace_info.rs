//! `trace info`: what a recorded workload holds.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::problem::Problem;
use crate::config::{Diagnostic, is_standard_input};
use crate::workload::trace::{
    self, FORMATS, FormatName, PrefixSharing, Replay, TokenSummary, TraceFile, TraceHints, TraceInfo,
};

/// What does a recorded workload hold?
#[derive(Clone, Debug, Default)]
pub struct TraceQuestion {
    /// The trace, compressed with gzip or not.
    pub file: PathBuf,
    /// Its format; `None` for what its first line says.
    pub format: Option<String>,
    /// What is said of it that the file does not say.
    pub hints: TraceHints,
    /// Whether to sort the rows by arrival.
    pub sort: bool,
    /// Whether to leave out rows that cannot be read.
    pub skip_bad_rows: bool,
}

/// What it holds.
pub struct TraceAnswer {
    /// What was found in the trace: its rate, lengths and sharing.
    pub info: TraceInfo,
}

impl TraceQuestion {
    /// The trace, opened, and how to read it.
    pub(super) fn replay(&self) -> Result<Replay, Problem> {
        Ok(Replay {
            file: opened(&self.file)?,
            format: named_format(self.format.as_deref())?,
            hints: self.hints.clone(),
            sort: self.sort,
            skip_bad_rows: self.skip_bad_rows,
            ..Replay::new(&self.file)
        })
    }

    /// Reads the whole trace and gathers what it holds.
    pub fn answer(&self) -> Result<TraceAnswer, Problem> {
        let info = trace::info(&self.replay()?);
        Ok(TraceAnswer {
            info: info.map_err(|error| Diagnostic::new(error.to_string()))?,
        })
    }
}

/// The format of this name.
fn named_format(name: Option<&str>) -> Result<Option<FormatName>, Problem> {
    let format = name.map(FormatName::parse).transpose();
    let format = format.map_err(|invalid| {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name()).collect();
        Diagnostic::new(format!("--trace-format: {}", invalid.message)).help(format!("allowed: {}", names.join(", ")))
    })?;
    Ok(format)
}

/// Stdin, if that is the file: it can be read once only.
fn opened(path: &Path) -> Result<Option<TraceFile>, Problem> {
    let opened = is_standard_input(path).then(|| TraceFile::open(path)).transpose();
    Ok(opened.map_err(|error| Diagnostic::new(format!("cannot read stdin: {error}")))?)
}

impl TraceAnswer {
    /// A fact a line.
    pub fn to_text(&self) -> String {
        as_text(&self.info)
    }

    /// One JSON object.
    pub fn to_json(&self) -> String {
        format!("{:#}\n", as_json(&self.info))
    }
}

fn as_text(info: &TraceInfo) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "{label:<12} {value}");
    };
    line("Format", info.format.to_owned());
    if info.has_arrivals {
        arrivals(info, &mut line);
    } else {
        line("Requests", info.requests.to_string());
        line(
            "Arrivals",
            "none recorded; send them by trace.rate or trace.concurrency".to_owned(),
        );
    }
    if info.has_lengths {
        line("Input", lengths(&info.input));
        line("Output", lengths(&info.output));
        line(
            "Correlation",
            format!("{} of input and output length", number(info.correlation)),
        );
    } else {
        line(
            "Lengths",
            "none recorded, and arrivals are drawn from windows; write workload.prompt and workload.output beside \
             the trace"
                .to_owned(),
        );
    }
    if let Some(chars) = info.chars_per_token {
        line(
            "Tokens",
            format!("estimated from texts: {chars} characters each (chars_per_token)"),
        );
    }
    if let Some(sharing) = &info.sharing {
        line("Sharing", shared(sharing, info.requests));
    }
    let skipped = &info.skipped;
    if skipped.bad_rows + skipped.failed_requests > 0 {
        line(
            "Left out",
            format!(
                "{} rows that cannot be read, {} requests that failed or got no answer",
                skipped.bad_rows, skipped.failed_requests
            ),
        );
    }
    if skipped.partly_hashed > 0 {
        line(
            "Beware",
            format!(
                "{} rows have fewer hash_ids than their prompts need; the rest is taken for content of their own",
                skipped.partly_hashed
            ),
        );
    }
    for error in &skipped.first {
        line("", error.to_string());
    }
    text
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
}

fn arrivals(info: &TraceInfo, line: &mut impl FnMut(&str, String)) {
    line(
        "Requests",
        format!(
            "{} in {:.1} s · {} req/s",
            info.requests,
            info.span.seconds(),
            number(info.rate_per_s)
        ),
    );
    let [one, ten, sixty] = info.dispersion.map(number);
    line(
        "Burstiness",
        format!(
            "CV of gaps {} · dispersion {one} (1 s), {ten} (10 s), {sixty} (60 s); 1 is Poisson",
            number(info.gap_cv)
        ),
    );
    line(
        "Ties",
        format!(
            "{:.1} % of requests arrive with the one before",
            100.0 * info.tied_share
        ),
    );
}

fn lengths(tokens: &TokenSummary) -> String {
    let mut text = format!(
        "mean {:.1} · p50 {:.0} · p95 {:.0} · p99 {:.0} · max {} tokens",
        tokens.mean, tokens.p50, tokens.p95, tokens.p99, tokens.max
    );
    if tokens.precision > 0.0 {
        let _ = write!(text, " (quantiles within {:.2} %)", 100.0 * tokens.precision);
    }
    text
}

fn shared(sharing: &PrefixSharing, requests: u64) -> String {
    let mut text = format!(
        "{:.1} % of prompt tokens are in the prefix of an earlier prompt (blocks of {})",
        100.0 * sharing.token_hit_ratio(),
        sharing.block_tokens
    );
    if sharing.requests < requests {
        let counted = sharing.requests;
        let _ = write!(
            text,
            "; of the first {counted} requests, as memory is kept for no more content"
        );
    }
    text
}

fn as_json(info: &TraceInfo) -> Value {
    let tokens = |tokens: &TokenSummary| {
        json!({
            "total": tokens.total,
            "mean": tokens.mean,
            "p50": tokens.p50,
            "p95": tokens.p95,
            "p99": tokens.p99,
            "max": tokens.max,
            "precision": tokens.precision,
        })
    };
    json!({
        "format": info.format,
        "requests": info.requests,
        "span_s": info.span.seconds(),
        "rate_per_s": info.rate_per_s,
        "gap_cv": info.gap_cv,
        "tied_share": info.tied_share,
        "dispersion": info.dispersion,
        "has_arrivals": info.has_arrivals,
        "has_lengths": info.has_lengths,
        "chars_per_token": info.chars_per_token,
        "input": info.has_lengths.then(|| tokens(&info.input)),
        "output": info.has_lengths.then(|| tokens(&info.output)),
        "correlation": info.correlation,
        "sharing": info.sharing.as_ref().map(|sharing| json!({
            "requests": sharing.requests,
            "block_tokens": sharing.block_tokens,
            "token_hit_ratio": sharing.token_hit_ratio(),
        })),
        "skipped": {
            "bad_rows": info.skipped.bad_rows,
            "failed_requests": info.skipped.failed_requests,
            "partly_hashed": info.skipped.partly_hashed,
        },
    })
}
