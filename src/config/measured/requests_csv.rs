//! Rows of requests in CSV: `arrival_s`, `first_token_s`, `finished_s`, `input_tokens`, `output_tokens`, with
//! `scheduled_s` and `outcome` if they were recorded. Times count from any zero that all rows share.

use csv::{Reader, ReaderBuilder, StringRecord};

use super::result::{FORMATS_HELP, Measured, MeasuredRequest, error_at};
use super::tally::Tally;
use crate::config::diagnostic::Diagnostic;
use crate::config::step_table::named_twice;
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

/// Reads all rows.
pub fn read(name: &str, content: &str) -> Result<Measured, Diagnostic> {
    let mut rows = ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(content.as_bytes());
    let columns = Columns::find(name, content, &mut rows)?;
    let mut histories = Vec::new();
    for row in rows.records() {
        let row = row.map_err(|error| unreadable(name, content, &error))?;
        let row = Row {
            name,
            content,
            cells: &row,
        };
        histories.push(columns.read(&row)?);
    }
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
    fn find(name: &str, content: &str, rows: &mut Reader<&[u8]>) -> Result<Self, Diagnostic> {
        let header = rows.headers().map_err(|error| unreadable(name, content, &error))?;
        if let Some(twice) = named_twice(header) {
            let message = format!("{name}: the first line names the column `{twice}` twice");
            return Err(Diagnostic::new(message).help("drop one of the two"));
        }
        let place = |column: &str| header.iter().position(|cell| cell == column);
        let mut required = [0; 5];
        for (at, column) in required.iter_mut().zip(REQUIRED) {
            *at = place(column).ok_or_else(|| {
                let start = content.len() - content.trim_start().len();
                let line = content[start..].lines().next().unwrap_or_default();
                error_at(
                    name,
                    content,
                    start..start + line.len(),
                    format!("there is no column `{column}`"),
                )
                .help(format!(
                    "the first line names the columns; {} are needed, scheduled_s and outcome read if they are there",
                    REQUIRED.join(", ")
                ))
                .help(FORMATS_HELP)
            })?;
        }
        Ok(Self {
            required,
            scheduled: place("scheduled_s"),
            outcome: place("outcome"),
        })
    }

    fn read(&self, row: &Row<'_>) -> Result<History, Diagnostic> {
        let [arrival, first_token, finished, input, output] = self.required;
        let arrival_s = row.seconds(arrival, "arrival_s")?;
        let outcome = self.outcome.map(|at| &row.cells[at]);
        let has_ended = match outcome {
            Some(outcome) => outcome == FINISHED,
            None => !row.cells[finished].is_empty(),
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
        let first_token_s = row.later(first_token, "first_token_s", arrival_s, "arrival_s")?;
        history.served = Some(Served {
            first_token_s,
            finished_s: row.later(finished, "finished_s", first_token_s, "first_token_s")?,
            input_tokens: row.tokens(input, "input_tokens", 0)?,
            output_tokens: row.tokens(output, "output_tokens", 1)?,
        });
        if let Some(scheduled) = self.scheduled.filter(|&at| !row.cells[at].is_empty()) {
            history.scheduled_s = Some(row.later(scheduled, "scheduled_s", arrival_s, "arrival_s")?);
        }
        Ok(history)
    }
}

/// A row and the file around it.
struct Row<'a> {
    name: &'a str,
    content: &'a str,
    cells: &'a StringRecord,
}

impl Row<'_> {
    fn seconds(&self, at: usize, column: &str) -> Result<f64, Diagnostic> {
        let cell = &self.cells[at];
        cell.parse::<f64>()
            .ok()
            .filter(|seconds| seconds.is_finite())
            .ok_or_else(|| {
                self.error(at, format!("`{column}` must be a number, not {cell:?}"))
                    .help("write seconds, such as 12.5")
            })
    }

    /// A time that is not before `earlier`, and less than 200 days after it.
    fn later(&self, at: usize, column: &str, earlier: f64, of: &str) -> Result<f64, Diagnostic> {
        let seconds = self.seconds(at, column)?;
        if seconds < earlier {
            let message = format!("`{column}` is {seconds}, before `{of}`, which is {earlier}");
            return Err(self
                .error(at, message)
                .help("write seconds from the same zero in all columns"));
        }
        if Span::from_seconds(seconds - earlier).is_none() {
            let message = format!("`{column}` is {seconds}, more than 200 days after `{of}`");
            return Err(self.error(at, message).help("write seconds, not milliseconds"));
        }
        Ok(seconds)
    }

    fn tokens(&self, at: usize, column: &str, least: u32) -> Result<u32, Diagnostic> {
        let cell = &self.cells[at];
        let tokens = cell.parse::<u32>().ok().filter(|&it| it >= least);
        tokens.ok_or_else(|| {
            let most = u32::MAX;
            let message = format!("`{column}` must be a whole number from {least} to {most}, not {cell:?}");
            self.error(at, message)
        })
    }

    fn error(&self, at: usize, message: String) -> Diagnostic {
        let start = self.cells.position().map_or(0, |position| position.byte() as usize);
        let line = self.content.get(start..).unwrap_or_default();
        let skipped = line.len() - line.trim_start_matches(['\r', '\n']).len();
        // Where no cell is quoted or padded, the cells before and their commas lead to it.
        let before: usize = self.cells.iter().take(at).map(|cell| cell.len() + 1).sum();
        let (from, cell) = (start + skipped + before, &self.cells[at]);
        let is_there = self.content.get(from..).is_some_and(|rest| rest.starts_with(cell));
        let place = if is_there {
            from..from + cell.len()
        } else {
            start + skipped..start + skipped
        };
        error_at(self.name, self.content, place, message)
    }
}

fn unreadable(name: &str, content: &str, error: &csv::Error) -> Diagnostic {
    let message = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("the row has {len} cells, and the first line names {expected_len} columns")
        }
        _ => format!("this is not CSV: {error}"),
    };
    let start = error.position().map_or(0, |position| position.byte() as usize);
    let line = content.get(start..).unwrap_or_default();
    let start = start + line.len() - line.trim_start_matches(['\r', '\n']).len();
    error_at(name, content, start..start, message)
        .help("write one request a line, and as many cells as the first line has")
}
