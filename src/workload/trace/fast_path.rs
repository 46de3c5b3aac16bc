//! Rows as nearly all are: numbers where the format wants them, no quotes, no spaces. What is in any way different is
//! left to [`CsvTable::next`](super::table::CsvTable::next), which knows what it means or what is wrong with it.

use super::cursor::{Cursor, POWERS_OF_TEN};
use super::number::{FRACTION_DIGITS, MOST_SECONDS};
use super::row::Row;
use crate::units::PICOS_PER_SECOND;
use crate::workload::MOST_TOKENS;

/// What stands in each column, up to the last that matters.
pub struct FastPath {
    columns: Vec<Column>,
    arrival: usize,
}

#[derive(Clone, Copy)]
enum Column {
    Arrival,
    Input,
    Output,
    /// Something that is empty in most rows.
    Empty,
    /// Something that does not matter.
    Ignored,
}

impl FastPath {
    /// Rows with these columns, for which those of `empty` that exist are empty.
    pub fn new(arrival: usize, input: usize, output: usize, empty: &[Option<usize>]) -> Self {
        let mut columns = Vec::new();
        let mut set = |column: usize, content| {
            columns.resize(columns.len().max(column + 1), Column::Ignored);
            columns[column] = content;
        };
        for column in empty.iter().flatten() {
            set(*column, Column::Empty);
        }
        set(arrival, Column::Arrival);
        set(input, Column::Input);
        set(output, Column::Output);
        Self { columns, arrival }
    }

    /// Reads the row that comes next into `row`, all but its number and its line, and passes it together with its line
    /// end. `None` if it is no such row, or comes so late in the text that its end may be missing.
    #[inline]
    pub fn read(
        &self,
        cursor: &mut Cursor<'_>,
        row: &mut Row,
        arrival: impl Fn(&mut Cursor<'_>) -> Option<i128>,
    ) -> Option<()> {
        let (mut arrival_picos, mut input_tokens, mut output_tokens) = (0, 0, 0);
        for (number, column) in self.columns.iter().enumerate() {
            if number > 0 && !cursor.pass(b",") {
                return None;
            }
            match column {
                Column::Arrival => arrival_picos = arrival(cursor)?,
                Column::Input => input_tokens = tokens(cursor)?,
                Column::Output => output_tokens = tokens(cursor)?,
                Column::Empty => {}
                Column::Ignored => pass_field(cursor)?,
            }
        }
        pass_rest(cursor)?;
        *row = Row {
            arrival_picos,
            arrival_column: self.arrival as u32 + 1,
            input_tokens,
            output_tokens,
            ..Row::default()
        };
        Some(())
    }
}

/// A positive number of tokens.
#[inline]
fn tokens(cursor: &mut Cursor<'_>) -> Option<u32> {
    let (number, _) = cursor.digits()?;
    let tokens = u32::try_from(number).ok()?;
    (1..=MOST_TOKENS).contains(&tokens).then_some(tokens)
}

/// Seconds such as `12` or `12.5`, as picoseconds.
#[inline]
pub fn seconds(cursor: &mut Cursor<'_>) -> Option<i128> {
    let (seconds, _) = cursor.digits()?;
    let fraction_picos = fraction_picos(cursor)?;
    (seconds <= MOST_SECONDS).then(|| i128::from(seconds) * i128::from(PICOS_PER_SECOND) + i128::from(fraction_picos))
}

/// A point and 1 to 12 digits after it, or nothing, as picoseconds.
#[inline]
pub fn fraction_picos(cursor: &mut Cursor<'_>) -> Option<u64> {
    if !cursor.pass(b".") {
        return Some(0);
    }
    let (digits, len) = cursor.digits()?;
    let scale = POWERS_OF_TEN.get(FRACTION_DIGITS.checked_sub(len)?)?;
    Some(digits * scale)
}

/// Passes a field in which anything but quotes may stand.
#[inline]
fn pass_field(cursor: &mut Cursor<'_>) -> Option<()> {
    let end = cursor.pass_until([b',', b'"', b'\n'])?;
    (end == b',').then_some(())
}

/// Passes the rest of the line, in which anything but quotes may stand, and its end.
#[inline]
fn pass_rest(cursor: &mut Cursor<'_>) -> Option<()> {
    if cursor.pass(b"\n") || cursor.pass(b"\r\n") {
        return Some(());
    }
    let goes_on = cursor.pass(b",");
    let is_passed = goes_on && cursor.pass_until([b'\n', b'"'])? == b'\n' && cursor.pass(b"\n");
    is_passed.then_some(())
}
