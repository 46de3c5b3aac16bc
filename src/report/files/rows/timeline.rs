//! The state over time, a row an instant.

use std::io;

use super::cell::{ColumnKind, RowCell};
use super::row_form::RowForm;
use super::row_writer::RowWriter;
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

impl TimelineColumns {
    fn names(self) -> Vec<(&'static str, ColumnKind)> {
        let mut names = vec![
            ("t_s", ColumnKind::Number),
            ("waiting", ColumnKind::Whole),
            ("running", ColumnKind::Whole),
            ("kv_usage", ColumnKind::Number),
            ("waiting_max", ColumnKind::Whole),
            ("running_max", ColumnKind::Whole),
        ];
        if self >= Self::OfFleet {
            names.extend(["outstanding", "ready", "provisioned"].map(|name| (name, ColumnKind::Whole)));
        }
        if self == Self::OfScaledFleet {
            names.push(("wanted", ColumnKind::Whole));
        }
        if self >= Self::OfFleet {
            names.extend(["e2e_mean_s", "e2e_max_s"].map(|name| (name, ColumnKind::Number)));
        }
        names
    }
}

/// Writes rows as they come. Errors are kept and returned at the end, because the observer that makes the rows cannot
/// fail.
pub struct TimelineRows<Output: io::Write + Send> {
    writer: io::Result<RowWriter<Output>>,
    columns: TimelineColumns,
}

impl<Output: io::Write + Send> TimelineRows<Output> {
    /// Starts the file; of a fleet with more columns.
    pub fn new(output: Output, form: RowForm, columns: TimelineColumns) -> Self {
        Self {
            writer: RowWriter::new(output, form, &columns.names()),
            columns,
        }
    }

    /// Writes what is left, and gives the output back; or else the first error of all.
    pub fn finish(self) -> io::Result<Output> {
        self.writer?.finish()
    }
}

/// Adds rows: times in seconds, how long requests took and the usage to six decimals.
impl<Output: io::Write + Send> Extend<TimelineRow> for TimelineRows<Output> {
    fn extend<Rows: IntoIterator<Item = TimelineRow>>(&mut self, rows: Rows) {
        for row in rows {
            let Ok(writer) = &mut self.writer else { return };
            let mut cells = vec![
                RowCell::Number(row.at.seconds()),
                RowCell::count(row.waiting),
                RowCell::count(row.running),
                RowCell::Rounded(row.kv_usage),
                RowCell::count(row.waiting_max),
                RowCell::count(row.running_max),
            ];
            if self.columns >= TimelineColumns::OfFleet {
                cells.extend([row.outstanding, row.ready, row.provisioned].map(RowCell::count));
            }
            if self.columns == TimelineColumns::OfScaledFleet {
                // Before the first look nothing is known to be wanted.
                cells.push(RowCell::known(row.wanted, RowCell::count));
            }
            if self.columns >= TimelineColumns::OfFleet {
                let seconds = |took: Span| RowCell::Rounded(took.seconds());
                cells.push(RowCell::known(row.answered, |took| seconds(took.mean)));
                cells.push(RowCell::known(row.answered, |took| seconds(took.max)));
            }
            if let Err(error) = writer.write(&cells) {
                self.writer = Err(error);
            }
        }
    }
}
