//! Aligned columns for lists.

use crate::report::table::aligned;

/// A header and rows, the first and the last column to the left, numbers to the right.
pub fn table<const COLUMNS: usize>(header: [&str; COLUMNS], rows: impl Iterator<Item = [String; COLUMNS]>) -> String {
    let header = header.map(str::to_owned).to_vec();
    let lines: Vec<Vec<String>> = [header].into_iter().chain(rows.map(|row| row.to_vec())).collect();
    let is_number: [bool; COLUMNS] = std::array::from_fn(|column| column > 0 && column + 1 < COLUMNS);
    aligned(&lines, &is_number)
}
