//! Flags that say how a recorded workload is to be read.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::answer::{Problem, TraceQuestion};
use crate::config::{self, Diagnostic};
use crate::units::Span;
use crate::workload::trace::{TextTokenizer, TimeUnit, TraceHints};

/// How a recorded workload is to be read.
#[derive(Debug, Args)]
pub struct RecordedFlags {
    /// The trace, compressed with gzip or not
    pub file: PathBuf,
    /// Its format; recognised by its first line if left out
    #[arg(long, value_name = "FORMAT")]
    pub trace_format: Option<String>,
    /// The unit of its times, where they are numbers; that of the format if left out
    #[arg(long, value_enum, value_name = "UNIT")]
    time_unit: Option<TimeUnitFlag>,
    /// How many tokens a hash id stands for; as many as in the format if left out
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..=1_000_000_000))]
    block_tokens: Option<u32>,
    /// How many characters make a token in the mean, where it holds texts; 4 if left out
    #[arg(long, value_name = "CHARS", value_parser = chars)]
    chars_per_token: Option<f64>,
    /// A tokenizer.json that counts the tokens of texts, in the place of --chars-per-token (builds with the feature
    /// tokenizer)
    #[arg(long, value_name = "FILE", conflicts_with = "chars_per_token")]
    tokenizer: Option<PathBuf>,
    /// Take all exchanges of conversations, with this pause between an answer and the next question, in the place of
    /// the first exchange alone
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    think: Option<Span>,
    /// Sort the rows by arrival
    #[arg(long)]
    pub sort: bool,
    /// Leave out rows that cannot be read, and say how many
    #[arg(long)]
    pub skip_bad_rows: bool,
}

/// The unit of times that are numbers.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum TimeUnitFlag {
    /// Seconds
    S,
    /// Milliseconds
    Ms,
    /// Microseconds
    Us,
    /// Nanoseconds
    Ns,
}

impl RecordedFlags {
    /// What they ask of the trace.
    pub fn question(&self) -> Result<TraceQuestion, Problem> {
        Ok(TraceQuestion {
            file: self.file.clone(),
            format: self.trace_format.clone(),
            hints: self.hints()?,
            sort: self.sort,
            skip_bad_rows: self.skip_bad_rows,
        })
    }

    /// What is said of the trace beside its file.
    fn hints(&self) -> Result<TraceHints, Problem> {
        Ok(TraceHints {
            time_unit: self.time_unit.map(|unit| match unit {
                TimeUnitFlag::S => TimeUnit::Seconds,
                TimeUnitFlag::Ms => TimeUnit::Milliseconds,
                TimeUnitFlag::Us => TimeUnit::Microseconds,
                TimeUnitFlag::Ns => TimeUnit::Nanoseconds,
            }),
            block_tokens: self.block_tokens,
            chars_per_token: self.chars_per_token,
            tokenizer: self.tokenizer.as_deref().map(tokenizer).transpose()?,
            think: self.think,
        })
    }
}

fn tokenizer(path: &Path) -> Result<TextTokenizer, Problem> {
    let refuse = |problem: String| Diagnostic::new(format!("--tokenizer: {problem}"));
    let json = std::fs::read(path).map_err(|error| refuse(format!("cannot read {}: {error}", path.display())))?;
    Ok(TextTokenizer::of_json(path, &json).map_err(refuse)?)
}

fn duration(text: &str) -> Result<Span, String> {
    config::duration(text).map_err(|problem| format!("{problem}; {}", config::DURATION_HELP))
}

fn chars(text: &str) -> Result<f64, String> {
    let chars = text.parse().ok().filter(|chars| (0.1..=100.0).contains(chars));
    chars.ok_or_else(|| "write a number from 0.1 to 100, e.g. 4".to_owned())
}
