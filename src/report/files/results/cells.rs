//! Lines of CSV and of JSON Lines, cell by cell.

use std::borrow::Cow;

use serde_json::{Map, Value};

pub(super) fn number_text(number: Option<f64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

/// A line of CSV; what a spreadsheet would take for a formula gets an apostrophe before it, which [`csv_cells`] takes
/// away.
pub(super) fn csv_line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(cells.map(as_text).map(Cow::into_owned))
        .expect("memory takes everything");
    let bytes = writer.into_inner().expect("memory takes everything");
    String::from_utf8(bytes).expect("cells are text")
}

pub(super) fn csv_cells(line: &str) -> Result<Vec<String>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .buffer_capacity(line.len().max(1))
        .from_reader(line.as_bytes());
    match reader.records().next() {
        Some(Ok(record)) => Ok(record.iter().map(|cell| written(cell).to_owned()).collect()),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("it is empty".to_owned()),
    }
}

/// The mark of a cell of text in spreadsheets.
const TEXT_MARK: char = '\'';

/// Whether a spreadsheet would calculate the cell (<https://owasp.org/www-community/attacks/CSV_Injection>), apart from
/// marks before it. Numbers are none, so that they stay numbers.
fn is_formula(cell: &str) -> bool {
    let is_number = |cell: &str| cell.parse::<f64>().is_ok_and(f64::is_finite);
    let bare = cell.trim_start_matches(TEXT_MARK);
    bare.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number(cell)
}

/// The cell as a spreadsheet shows it as it is.
fn as_text(cell: &str) -> Cow<'_, str> {
    if is_formula(cell) {
        return Cow::Owned(format!("{TEXT_MARK}{cell}"));
    }
    Cow::Borrowed(cell)
}

/// What was written as a cell.
fn written(cell: &str) -> &str {
    let without = cell.strip_prefix(TEXT_MARK);
    without.filter(|_| is_formula(cell)).unwrap_or(cell)
}

pub(super) fn object(line: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(line) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("it is not a JSON object".to_owned()),
        Err(error) => Err(format!("it is not JSON: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_numbers_stay_numbers() {
        for (cell, in_file) in [
            ("=1+2", "'=1+2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            ("-inf", "'-inf"),
            ("\t=1", "'\t=1"),
            ("-5", "-5"),
            ("+2.5e-3", "+2.5e-3"),
            ("plain", "plain"),
            ("'quoted'", "'quoted'"),
            ("''=1", "'''=1"),
            ("'-5", "''-5"),
            ("", ""),
        ] {
            assert_eq!(as_text(cell), in_file);
            assert_eq!(csv_cells(&csv_line([cell, "x"].into_iter())).unwrap(), [cell, "x"]);
        }
    }

    #[test]
    fn any_cell_is_read_as_it_was_written() {
        let letters = ['\'', '=', '-', '5', 'a', '@', '\t'];
        let mut cells = vec![String::new()];
        for length in 0..4 {
            let longest: Vec<String> = cells.iter().filter(|cell| cell.len() == length).cloned().collect();
            cells.extend(
                longest
                    .iter()
                    .flat_map(|cell| letters.map(|letter| format!("{cell}{letter}"))),
            );
        }
        for cell in &cells {
            let line = csv_line([cell.as_str(), "x"].into_iter());
            let bare = line.trim_start_matches('"');
            let is_number = cell.parse::<f64>().is_ok();
            assert!(is_number || !bare.starts_with(['=', '-', '@', '\t']), "{line}");
            assert_eq!(csv_cells(&line).unwrap(), [cell.as_str(), "x"], "{line}");
        }
    }
}
