//! Recorded requests, written down in the formats of several tools.

mod columns;
mod decimal;
mod mooncake;
mod tailcast;
mod vllm_custom;

use std::io::{self, Write};

pub use columns::RecordedColumns;

use crate::workload::trace::Row;

/// A format in which recorded requests can be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedFormat {
    /// tailcast's own CSV, which keeps everything.
    Tailcast,
    /// JSON lines as Mooncake, Dynamo, `AIPerf` and guidellm read them.
    Mooncake,
    /// JSON lines for `vllm bench serve --dataset-name custom`.
    VllmCustom,
}

/// Writes rows one after the other, arrivals counted from the first of them.
pub struct RecordedWriter<W> {
    out: W,
    format: RecordedFormat,
    columns: RecordedColumns,
    /// Arrival of the first row [ps].
    first_picos: Option<i128>,
    blocks: mooncake::MooncakeBlocks,
}

impl<W: Write> RecordedWriter<W> {
    /// Starts a file of rows that have these columns.
    pub fn new(mut out: W, format: RecordedFormat, columns: RecordedColumns) -> io::Result<Self> {
        if format == RecordedFormat::Tailcast {
            tailcast::write_header(&mut out, columns)?;
        }
        Ok(Self {
            out,
            format,
            columns,
            first_picos: None,
            blocks: mooncake::MooncakeBlocks::default(),
        })
    }

    /// Writes the next row.
    pub fn write(&mut self, row: &Row) -> io::Result<()> {
        let first = *self.first_picos.get_or_insert(row.arrival_picos);
        let arrival = row.arrival_picos - first;
        match self.format {
            RecordedFormat::Tailcast => tailcast::write_row(&mut self.out, row, arrival, self.columns),
            RecordedFormat::Mooncake => mooncake::write_row(&mut self.out, row, arrival, &mut self.blocks),
            RecordedFormat::VllmCustom => vllm_custom::write_row(&mut self.out, row),
        }
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.out
    }
}

impl RecordedFormat {
    /// What the file says, in which units, and what of these rows it loses.
    pub fn in_words(self, columns: RecordedColumns) -> String {
        let (units, lost): (&str, &[(bool, &str)]) = match self {
            Self::Tailcast => ("arrival_s in seconds from the first request, lengths in tokens", &[]),
            Self::Mooncake => (
                "timestamp and delay in milliseconds from the first request, lengths in tokens, a hash id for every \
                 512 tokens of a prompt",
                &[
                    (columns.segments, "what prompts share in less than blocks of 512 tokens"),
                    (columns.priority, "priorities"),
                    (columns.max_tokens, "the most tokens that requests allow"),
                ],
            ),
            Self::VllmCustom => (
                "a prompt of one common English word a token, which tokenizers with other vocabularies count \
                 differently, and output_tokens",
                &[
                    (true, "arrivals (send them by --request-rate)"),
                    (columns.after, "who waits for whom"),
                    (columns.session, "sessions"),
                    (columns.priority, "priorities"),
                    (columns.max_tokens, "the most tokens that requests allow"),
                ],
            ),
        };
        let lost: Vec<&str> = lost
            .iter()
            .filter(|(is_there, _)| *is_there)
            .map(|(_, what)| *what)
            .collect();
        if lost.is_empty() {
            return format!("{units}; nothing is lost");
        }
        format!("{units}; lost: {}", lost.join(", "))
    }
}
