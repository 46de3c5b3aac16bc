//! The state over time as CSV rows.

use std::io;

use crate::metrics::TimelineRow;
use crate::units::Span;

/// What rows say, each with what stands before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimelineColumns {
    /// Who waits and runs, and how full the KV cache is.
    OfServer,
    /// For how many requests clients wait, how long they did, and how many servers there are.
    OfFleet,
    /// How many servers an autoscaler wants.
    OfScaledFleet,
}

/// Writes rows as they come. Errors are kept and returned at the end, because the observer that makes the rows cannot
/// fail.
pub struct TimelineCsv<Output: io::Write> {
    writer: csv::Writer<Output>,
    columns: TimelineColumns,
    result: Result<(), csv::Error>,
}

impl<Output: io::Write> TimelineCsv<Output> {
    /// Starts with the header; of a fleet with more columns.
    pub fn new(output: Output, columns: TimelineColumns) -> Self {
        let mut writer = csv::Writer::from_writer(output);
        let mut names = vec!["t_s", "waiting", "running", "kv_usage", "waiting_max", "running_max"];
        if columns >= TimelineColumns::OfFleet {
            names.extend(["outstanding", "ready", "provisioned"]);
        }
        if columns == TimelineColumns::OfScaledFleet {
            names.push("wanted");
        }
        if columns >= TimelineColumns::OfFleet {
            names.extend(["e2e_mean_s", "e2e_max_s"]);
        }
        let result = writer.write_record(names);
        Self {
            writer,
            columns,
            result,
        }
    }

    /// Writes what is left, and gives the output back; or else the first error of all.
    pub fn finish(self) -> io::Result<Output> {
        self.result?;
        self.writer.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

/// Adds rows: times in seconds, how long requests took and the usage to six decimals.
impl<Output: io::Write> Extend<TimelineRow> for TimelineCsv<Output> {
    fn extend<Rows: IntoIterator<Item = TimelineRow>>(&mut self, rows: Rows) {
        for row in rows {
            if self.result.is_ok() {
                let mut cells = vec![
                    row.at.seconds().to_string(),
                    row.waiting.to_string(),
                    row.running.to_string(),
                    format!("{:.6}", row.kv_usage),
                    row.waiting_max.to_string(),
                    row.running_max.to_string(),
                ];
                if self.columns >= TimelineColumns::OfFleet {
                    let counts = [row.outstanding, row.ready, row.provisioned];
                    cells.extend(counts.map(|count| count.to_string()));
                }
                if self.columns == TimelineColumns::OfScaledFleet {
                    // Before the first look nothing is known to be wanted.
                    cells.push(row.wanted.map_or(String::new(), |wanted| wanted.to_string()));
                }
                if self.columns >= TimelineColumns::OfFleet {
                    let took = row.answered.map(|took| [took.mean, took.max]);
                    let seconds = |took: Span| format!("{:.6}", took.seconds());
                    cells.extend(took.map_or([String::new(), String::new()], |took| took.map(seconds)));
                }
                self.result = self.writer.write_record(cells);
            }
        }
    }
}
