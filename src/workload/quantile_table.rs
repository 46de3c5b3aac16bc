//! Measured lengths as a table of quantiles, read from a CSV file with the columns `quantile,tokens`.

use std::path::Path;

use super::MOST_TOKENS;
use super::trace::{CsvTable, Lines, TraceError};

/// The inverse of a distribution function, with straight lines between the rows of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantileTable {
    /// Quantiles from 0 to 1, strictly increasing, with lengths that do not decrease [tokens].
    rows: Vec<(f64, f64)>,
}

impl QuantileTable {
    /// Reads the table at `path`: rows of rising `quantile` (from 0 to 1) and `tokens`.
    pub fn read(path: &Path) -> Result<Self, TraceError> {
        let mut table = CsvTable::new(Lines::open(path)?)?;
        let quantile_column = table.required("quantile", &[])?;
        let tokens_column = table.required("tokens", &[])?;
        let mut rows: Vec<(f64, f64)> = Vec::new();
        while table.next()? {
            let quantile = number_in(&table, quantile_column, 1.0)?;
            let tokens = number_in(&table, tokens_column, f64::from(MOST_TOKENS))?;
            if let Some(message) = misplaced(rows.last(), quantile, tokens) {
                return Err(table.error(quantile_column, message));
            }
            rows.push((quantile, tokens));
        }
        if rows.len() < 2 || rows.last().is_none_or(|&(quantile, _)| quantile < 1.0) {
            let message = "the table must go on to quantile 1; add a row with the longest length, e.g. 1,4096";
            return Err(table.file_error(message));
        }
        Ok(Self { rows })
    }

    /// The length at `quantile` in 0..=1 [tokens].
    pub fn at(&self, quantile: f64) -> f64 {
        let above = self.rows.partition_point(|row| row.0 <= quantile);
        let above = above.clamp(1, self.rows.len() - 1);
        let ((low, shorter), (high, longer)) = (self.rows[above - 1], self.rows[above]);
        shorter + (longer - shorter) * ((quantile - low) / (high - low))
    }
}

fn number_in(table: &CsvTable, column: usize, most: f64) -> Result<f64, TraceError> {
    let text = std::str::from_utf8(table.field(column)).unwrap_or("").trim();
    match text.parse::<f64>() {
        Ok(number) if (0.0..=most).contains(&number) => Ok(number),
        _ => Err(table.error(column, format!("must be a number from 0 to {most}; write e.g. 1"))),
    }
}

fn misplaced(last: Option<&(f64, f64)>, quantile: f64, tokens: f64) -> Option<&'static str> {
    match last {
        None if quantile > 0.0 => {
            Some("the table must start at quantile 0; add a row with the shortest length, e.g. 0,1")
        }
        Some(&(before, _)) if quantile <= before => {
            Some("quantiles must rise from row to row; sort the rows and drop doubles")
        }
        Some(&(_, before)) if tokens < before => {
            Some("has fewer tokens than the quantile before; a higher quantile cannot be shorter")
        }
        _ => None,
    }
}
