//! Verdicts in tables: what a run was like, in a word or two.

use crate::metrics::Summary;
use crate::report::text::numbers::percent;
use crate::report::text::table::{Cell, Column};
use crate::study::is_steady;

/// The columns that say what a run is worth, for tables with a run a row.
pub struct VerdictColumns {
    has_slos: bool,
    any_is_unsteady: bool,
}

impl VerdictColumns {
    /// The columns for runs with objectives or without.
    pub fn of<'a>(has_slos: bool, mut summaries: impl Iterator<Item = &'a Summary>) -> Self {
        Self {
            has_slos,
            any_is_unsteady: summaries.any(|summary| !is_steady(summary)),
        }
    }

    /// Their headings. Whether there is a steady state is said where one run has none.
    pub fn headings(&self) -> Vec<Column> {
        let mut columns = Vec::new();
        if self.has_slos {
            columns.push(Column::words("SLO"));
        }
        columns.push(Column::numbers("success"));
        if self.any_is_unsteady {
            columns.push(Column::words("queue"));
        }
        columns
    }

    /// The cells of a run.
    pub fn cells(&self, summary: &Summary) -> Vec<Cell> {
        let mut cells = Vec::new();
        if self.has_slos {
            cells.push(Cell::words(match summary.is_met {
                Some(true) => "met",
                Some(false) => "missed",
                None => "unknown",
            }));
        }
        cells.push(Cell::number(summary.requests.success, percent));
        if self.any_is_unsteady {
            cells.push(Cell::words(if is_steady(summary) { "steady" } else { UNSTEADY }));
        }
        cells
    }
}

/// What is said of a run whose queue grows to its end: how long clients wait depends on how long it is.
pub const UNSTEADY: &str = "no steady state";
