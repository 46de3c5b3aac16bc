//! Records that are rows of a CSV table.

use std::borrow::Cow;

use super::error::TraceError;
use super::lines::Lines;
use super::records::{FieldNames, Records};
use super::table::CsvTable;

/// The rows of a table, and the columns in which the fields stand.
pub struct TableRecords {
    table: CsvTable,
    columns: Vec<Option<usize>>,
    fields: Vec<FieldNames>,
}

/// What writers of tables leave where there is nothing.
const NOTHING: [&[u8]; 6] = [b"", b"null", b"NULL", b"None", b"nan", b"NaN"];

impl TableRecords {
    /// The table whose header is the first of `lines`. The first `needed` fields must have a column.
    pub fn new(lines: Lines, fields: Vec<FieldNames>, needed: usize) -> Result<Self, TraceError> {
        let table = CsvTable::new(lines)?;
        let columns: Vec<Option<usize>> = fields.iter().map(|field| table.best(|name| field.rank(name))).collect();
        for (field, column) in fields.iter().zip(&columns).take(needed) {
            if column.is_none() {
                return Err(table.lacks(field.shown));
            }
        }
        // Two columns of one name would leave to chance which of them counts.
        for column in columns.iter().flatten() {
            table.required(&table.header()[*column], &[])?;
        }
        Ok(Self { table, columns, fields })
    }
}

impl Records for TableRecords {
    fn next(&mut self) -> Result<bool, TraceError> {
        self.table.next()
    }

    fn text(&self, field: usize) -> Option<Cow<'_, [u8]>> {
        let text = self.table.field(self.columns[field]?).trim_ascii();
        (!NOTHING.contains(&text)).then_some(Cow::Borrowed(text))
    }

    fn name(&self, field: usize) -> String {
        match self.columns[field] {
            Some(column) => self.table.header()[column].clone(),
            None => self.fields[field].shown.to_owned(),
        }
    }

    fn error(&self, field: usize, message: &str) -> TraceError {
        self.columns[field].map_or_else(
            || self.table.lacks(self.fields[field].shown),
            |column| self.table.error(column, message),
        )
    }

    fn column(&self, field: usize) -> u32 {
        self.columns[field].map_or(0, |column| column as u32 + 1)
    }

    fn line(&self) -> u64 {
        self.table.line()
    }

    fn number(&self) -> u64 {
        self.table.record_number()
    }
}
