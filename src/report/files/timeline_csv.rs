//! The state over time as CSV rows.

use std::io;

use crate::metrics::TimelineRow;

/// Writes rows as they come. Errors are kept and returned at the end, because the observer that makes the rows cannot
/// fail.
pub struct TimelineCsv<Output: io::Write> {
    writer: csv::Writer<Output>,
    /// Whether rows say how many servers are ready, and for how many requests clients wait.
    of_fleet: bool,
    result: Result<(), csv::Error>,
}

impl<Output: io::Write> TimelineCsv<Output> {
    /// Starts with the header; of a fleet with two columns more.
    pub fn new(output: Output, of_fleet: bool) -> Self {
        let mut writer = csv::Writer::from_writer(output);
        let mut columns = vec!["t_s", "waiting", "running", "kv_usage", "waiting_max", "running_max"];
        if of_fleet {
            columns.extend(["outstanding", "ready"]);
        }
        let result = writer.write_record(columns);
        Self {
            writer,
            of_fleet,
            result,
        }
    }

    /// Writes what is left, and gives the output back; or else the first error of all.
    pub fn finish(self) -> io::Result<Output> {
        self.result?;
        self.writer.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}

/// Adds rows: the time in seconds, the usage to six decimals.
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
                if self.of_fleet {
                    cells.extend([row.outstanding.to_string(), row.ready.to_string()]);
                }
                self.result = self.writer.write_record(cells);
            }
        }
    }
}
