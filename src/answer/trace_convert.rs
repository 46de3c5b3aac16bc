//! `trace convert`: a recorded workload in the format of another tool.

use std::fmt::Write;
use std::path::PathBuf;

use super::problem::Problem;
use super::trace_info::TraceQuestion;
use crate::config::Diagnostic;
use crate::report::{AtomicFile, PackedFile, RecordedColumns, RecordedFormat, RecordedWriter};
use crate::workload::trace::{RecordedRows, Row, Skipped, TraceError};

/// A recorded workload, to be written down in another format.
#[derive(Clone, Debug)]
pub struct ConvertQuestion {
    /// The trace, and how to read it.
    pub trace: TraceQuestion,
    /// The format to write.
    pub to: RecordedFormat,
    /// The file to write; compressed if its name ends in `.gz`.
    pub out: PathBuf,
}

/// What was written down.
pub struct ConvertAnswer {
    /// Requests that were written.
    pub requests: u64,
    /// Their tokens of prompts and of outputs.
    pub tokens: [u64; 2],
    /// The format that was read.
    pub from: &'static str,
    /// What the file says, in which units, and what was lost.
    pub words: String,
    /// How many characters were taken for a token, if the trace holds texts.
    pub chars_per_token: Option<f64>,
    /// Rows that were left out.
    pub skipped: Skipped,
    file: AtomicFile,
}

impl ConvertQuestion {
    /// Reads the trace twice, as only the whole of it says what has to be written, and writes the file, which is there
    /// once it is kept.
    pub fn answer(&self) -> Result<ConvertAnswer, Problem> {
        let replay = self.trace.replay()?;
        let refused = |error: TraceError| Problem::from(Diagnostic::new(error.to_string()));
        let mut columns = RecordedColumns::default();
        let (mut requests, mut tokens) = (0, [0, 0]);
        let mut rows = RecordedRows::open(&replay).map_err(refused)?;
        let mut row = Row::default();
        while rows.next(&mut row).map_err(refused)? {
            columns.add(&row);
            requests += 1;
            tokens[0] += u64::from(row.input_tokens);
            tokens[1] += u64::from(row.output_tokens);
        }
        let format = rows.format();
        if self.to != RecordedFormat::VllmCustom && !format.has_arrivals() {
            let message = format!(
                "{} holds no arrivals: it is of the format {}",
                self.trace.file.display(),
                format.name()
            );
            let help = "write --to vllm-custom, which needs none, or replay it with trace.rate or trace.concurrency";
            return Err(Diagnostic::new(message).help(help).into());
        }
        let cannot_write = |error| Problem::cannot_write(&self.out, &error);
        let file = PackedFile::create(&self.out).map_err(cannot_write)?;
        let mut writer = RecordedWriter::new(file, self.to, columns).map_err(cannot_write)?;
        let mut rows = RecordedRows::open(&replay).map_err(refused)?;
        while rows.next(&mut row).map_err(refused)? {
            writer.write(&row).map_err(cannot_write)?;
        }
        Ok(ConvertAnswer {
            requests,
            tokens,
            from: format.name(),
            words: self.to.in_words(columns),
            chars_per_token: format
                .hears()
                .chars_per_token
                .then(|| self.trace.hints.chars_per_token()),
            skipped: rows.skipped(),
            file: writer.into_inner().finish().map_err(cannot_write)?,
        })
    }
}

impl ConvertAnswer {
    /// What was read and written, for people.
    pub fn to_text(&self) -> String {
        let [input, output] = self.tokens;
        let mut text = format!(
            "{} requests of {input} prompt and {output} output tokens, read as {}\n{}\n",
            self.requests, self.from, self.words
        );
        if let Some(chars) = self.chars_per_token {
            let _ = writeln!(
                text,
                "tokens are estimated: {chars} characters each (--chars-per-token)"
            );
        }
        let Skipped {
            bad_rows,
            failed_requests,
            ..
        } = self.skipped;
        if bad_rows + failed_requests > 0 {
            let _ = writeln!(
                text,
                "left out: {bad_rows} rows that cannot be read, {failed_requests} requests that failed or got no answer"
            );
        }
        text
    }

    /// The file is complete.
    pub fn keep(self) -> std::io::Result<()> {
        self.file.keep()
    }
}
