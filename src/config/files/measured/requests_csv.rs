//! Rows of requests in CSV: `arrival_s`, `first_token_s`, `finished_s`, `input_tokens`, `output_tokens`, with
//! `scheduled_s` and `outcome` if they were recorded. Times count from any zero that all rows share.

use super::glance::{FileForm, Glance};
use super::result::{FORMATS_HELP, Measured, MeasuredRequest};
use super::tally::Tally;
use crate::config::files::csv_table::{CsvRow, HeadedCsv};
use crate::config::reader::diagnostic::Diagnostic;
use crate::units::{Span, Time};

const REQUIRED: [&str; 5] = [
    "arrival_s",
    "first_token_s",
    "finished_s",
    "input_tokens",
    "output_tokens",
];

/// What stands in `outcome` of a request whose latencies count.
const FINISHED: &str = "finished";
const TIMED_OUT: &str = "timed_out";

/// Whether a file is meant as such rows, even if a column is missing.
pub fn is_rows(glance: &Glance) -> bool {
    glance.form == FileForm::Csv && glance.has_any(&["first_token_s", "finished_s"])
}

/// Reads all rows.
pub fn read(name: &str, content: &str) -> Result<Measured, Diagnostic> {
    let table = HeadedCsv::of(name, content)?;
    let columns = Columns::find(&table)?;
    let histories: Result<Vec<History>, Diagnostic> = table.map(|row| columns.read(&row?)).collect();
    let histories = histories?;
    sum_up(name, &histories)
}

/// One request; what has not happened to it is `None`.
struct History {
    arrival_s: f64,
    scheduled_s: Option<f64>,
    served: Option<Served>,
    timed_out: bool,
}

struct Served {
    first_token_s: f64,
    finished_s: f64,
    input_tokens: u32,
    output_tokens: u32,
}

fn sum_up(name: &str, histories: &[History]) -> Result<Measured, Diagnostic> {
    let arrivals = histories.iter().map(|it| it.arrival_s);
    let first = arrivals.fold(f64::INFINITY, f64::min);
    let mut last = first;
    let mut tally = Tally::default();
    let span = |seconds: f64| Span::from_seconds(seconds).expect("times are checked as they are read");
    for history in histories {
        let Some(served) = &history.served else {
            tally.fail();
            continue;
        };
        last = last.max(served.finished_s);
        if let Some(scheduled_s) = history.scheduled_s {
            tally.queue_wait(span(scheduled_s - history.arrival_s));
        }
        tally.finish(MeasuredRequest {
            arrival: Span::from_seconds(history.arrival_s - first).map(|after| Time::ZERO + after),
            ttft: span(served.first_token_s - history.arrival_s),
            e2e: span(served.finished_s - history.arrival_s),
            input_tokens: served.input_tokens,
            output_tokens: served.output_tokens,
        });
    }
    if tally.finished() == 0 {
        let rows = histories.len();
        let message = format!("{name}: none of its {rows} requests finished, so nothing was measured");
        return Err(Diagnostic::new(message).help(
            "a finished request has first_token_s and finished_s, and `finished` in the column outcome if there is one",
        ));
    }
    let mut measured = tally.measured(last - first);
    let timed_out = histories.iter().filter(|it| it.timed_out).count();
    measured.values.insert("requests.timed_out", timed_out as f64);
    Ok(measured)
}

/// Where each column stands.
struct Columns {
    required: [usize; 5],
    scheduled: Option<usize>,
    outcome: Option<usize>,
}

impl Columns {
    fn find(table: &HeadedCsv<'_>) -> Result<Self, Diagnostic> {
        let mut required = [0; 5];
        for (at, column) in required.iter_mut().zip(REQUIRED) {
            *at = table.column(column).ok_or_else(|| {
                table
                    .error_in_header(format!("there is no column `{column}`"))
                    .help(format!(
                        "the first line names the columns; {} are needed, scheduled_s and outcome read if they are \
                         there",
                        REQUIRED.join(", ")
                    ))
                    .help(FORMATS_HELP)
            })?;
        }
        Ok(Self {
            required,
            scheduled: table.column("scheduled_s"),
            outcome: table.column("outcome"),
        })
    }

    fn read(&self, row: &CsvRow<'_>) -> Result<History, Diagnostic> {
        let [arrival, first_token, finished, input, output] = self.required;
        let arrival_s = seconds(row, arrival, "arrival_s")?;
        let outcome = self.outcome.map(|at| row.cell(at));
        let has_ended = match outcome {
            Some(outcome) => outcome == FINISHED,
            None => !row.cell(finished).is_empty(),
        };
        let mut history = History {
            arrival_s,
            scheduled_s: None,
            served: None,
            timed_out: outcome == Some(TIMED_OUT),
        };
        if !has_ended {
            return Ok(history);
        }
        let first_token_s = later(row, first_token, "first_token_s", arrival_s, "arrival_s")?;
        history.served = Some(Served {
            first_token_s,
            finished_s: later(row, finished, "finished_s", first_token_s, "first_token_s")?,
            input_tokens: tokens(row, input, "input_tokens", 0)?,
            output_tokens: tokens(row, output, "output_tokens", 1)?,
        });
        if let Some(scheduled) = self.scheduled.filter(|&at| !row.cell(at).is_empty()) {
            history.scheduled_s = Some(later(row, scheduled, "scheduled_s", arrival_s, "arrival_s")?);
        }
        Ok(history)
    }
}

fn seconds(row: &CsvRow<'_>, at: usize, column: &str) -> Result<f64, Diagnostic> {
    let cell = row.cell(at);
    let seconds = cell.parse::<f64>().ok().filter(|seconds| seconds.is_finite());
    seconds.ok_or_else(|| {
        row.error(at, format!("`{column}` must be a number, not {cell:?}"))
            .help("write seconds, such as 12.5")
    })
}

/// A time that is not before `earlier`, and less than 200 days after it.
fn later(row: &CsvRow<'_>, at: usize, column: &str, earlier: f64, of: &str) -> Result<f64, Diagnostic> {
    let seconds = seconds(row, at, column)?;
    if seconds < earlier {
        let message = format!("`{column}` is {seconds}, before `{of}`, which is {earlier}");
        return Err(row
            .error(at, message)
            .help("write seconds from the same zero in all columns"));
    }
    if Span::from_seconds(seconds - earlier).is_none() {
        let message = format!("`{column}` is {seconds}, more than 200 days after `{of}`");
        return Err(row.error(at, message).help("write seconds, not milliseconds"));
    }
    Ok(seconds)
}

fn tokens(row: &CsvRow<'_>, at: usize, column: &str, least: u32) -> Result<u32, Diagnostic> {
    let cell = row.cell(at);
    let tokens = cell.parse::<u32>().ok().filter(|&it| it >= least);
    tokens.ok_or_else(|| {
        let most = u32::MAX;
        let message = format!("`{column}` must be a whole number from {least} to {most}, not {cell:?}");
        row.error(at, message)
    })
}
