//! Traces of BLIS, second form, in which a real server was observed: times in microseconds, as the columns say.
//!
//! Source: inference-sim's `docs/`, `TraceV2`. Of replays without times of chunks it is a trace only.

use super::glance::{FileForm, Glance};
use super::result::{Measured, MeasuredRequest};
use super::tally::Tally;
use crate::config::files::csv_table::HeadedCsv;
use crate::config::reader::diagnostic::Diagnostic;
use crate::units::{Span, Time};

const COLUMNS: [&str; 5] = [
    "send_time_us",
    "first_chunk_time_us",
    "last_chunk_time_us",
    "input_tokens",
    "output_tokens",
];

/// Whether a file has the columns of such a trace.
pub fn is_trace(glance: &Glance) -> bool {
    glance.is(FileForm::Csv, &COLUMNS)
}

/// Reads all rows.
pub fn read(name: &str, content: &str) -> Result<Vec<Measured>, Diagnostic> {
    /// Stamps of clocks that count from 1970 are below [µs].
    const MOST_MICROS: f64 = 1e18;
    let table = HeadedCsv::of(name, content)?;
    let at = COLUMNS.map(|column| table.column(column).unwrap_or(0));
    let status = table.column("status");
    let mut rows = Vec::new();
    let mut failed = 0_u64;
    for row in table {
        let row = row?;
        let is_ok = status.is_none_or(|status| matches!(row.cell(status), "" | "ok" | "completed"));
        if !is_ok {
            failed += 1;
            continue;
        }
        let time = |place: usize| row.number(at[place], COLUMNS[place], 0.0..=MOST_MICROS);
        let tokens = |place: usize| row.number(at[place], COLUMNS[place], 0.0..=1e9);
        let (sent, first, last) = (time(0)?, time(1)?, time(2)?);
        if first < sent || last < first {
            let message = "a request is sent before its first chunk comes, and that before the last".to_owned();
            return Err(row
                .error(at[1], message)
                .help("write microseconds from the same zero in all columns"));
        }
        rows.push((sent, first - sent, last - sent, tokens(3)? as u32, tokens(4)? as u32));
    }
    let start = rows.iter().map(|row| row.0).fold(f64::INFINITY, f64::min);
    let end = rows.iter().map(|row| row.0 + row.2).fold(0.0, f64::max);
    let mut tally = Tally::default();
    for (sent, ttft, e2e, input_tokens, output_tokens) in rows {
        let span = |micros: f64| {
            Span::from_seconds(micros * 1e-6).ok_or_else(|| {
                Diagnostic::new(format!("{name}: a request takes {micros} us, more than 200 days"))
                    .help("write microseconds in the columns that end in _us")
            })
        };
        tally.finish(MeasuredRequest {
            arrival: Some(Time::ZERO + span(sent - start)?),
            ttft: span(ttft)?,
            e2e: span(e2e)?,
            input_tokens,
            output_tokens,
        });
    }
    (0..failed).for_each(|_| tally.fail());
    let measured = tally.measured(((end - start) * 1e-6).max(0.0));
    Ok(vec![measured])
}
