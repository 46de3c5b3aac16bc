//! CSV with a header: records of named columns, with exact line numbers.

use std::ops::Range;

use super::cursor::Cursor;
use super::error::TraceError;
use super::fast_path::FastPath;
use super::lines::Lines;
use super::number::Complaint;
use super::row::Row;

/// A CSV file with a header, one record at a time.
pub struct CsvTable {
    lines: Lines,
    header: Vec<String>,
    /// The fields of a record with quotes, decoded; empty otherwise.
    decoded: Vec<u8>,
    /// Where each field lies in the current line, or in `decoded` if that is not empty.
    fields: Vec<Range<usize>>,
    /// The line on which the current record starts.
    line: u64,
    /// Records read, the current one included and the header not.
    records: u64,
}

const UNCLOSED: &str = "a quoted field that starts here never ends; double the quotes inside a quoted field";

impl CsvTable {
    /// A table whose header is read already.
    pub fn new(mut lines: Lines) -> Result<Self, TraceError> {
        lines.next()?;
        let line = lines.number();
        Ok(Self {
            header: split_fields(lines.line()),
            lines,
            decoded: Vec::new(),
            fields: Vec::new(),
            line,
            records: 0,
        })
    }

    /// The column `name`, also known under `aliases`.
    pub fn required(&self, name: &str, aliases: &[&str]) -> Result<usize, TraceError> {
        self.optional(name, aliases)?.ok_or_else(|| self.lacks(name))
    }

    /// There is no column `name`.
    pub fn lacks(&self, name: &str) -> TraceError {
        let message = format!(
            "the header has no column {name:?}; add it (found {})",
            self.header.join(",")
        );
        TraceError::of_line(self.lines.path(), self.line, message).fatal()
    }

    /// The names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The first of the columns to which `rank` gives the lowest number, if it gives any.
    pub fn best(&self, rank: impl Fn(&str) -> Option<usize>) -> Option<usize> {
        let ranked = self.header.iter().enumerate();
        let ranked = ranked.filter_map(|(column, name)| Some((rank(name)?, column)));
        ranked.min().map(|(_, column)| column)
    }

    /// The column `name`, also known under `aliases`, if there is one.
    pub fn optional(&self, name: &str, aliases: &[&str]) -> Result<Option<usize>, TraceError> {
        let mut found = None;
        for (column, header) in self.header.iter().enumerate() {
            if header != name && !aliases.contains(&header.as_str()) {
                continue;
            }
            if found.is_some() {
                let message = format!("the header names the column {name:?} twice; drop one");
                let error = TraceError::of_line(self.lines.path(), self.line, message);
                return Err(error.at(column as u64 + 1, header, header.as_bytes()).fatal());
            }
            found = Some(column);
        }
        Ok(found)
    }

    /// Reads the next record; false at the end of the file.
    pub fn next(&mut self) -> Result<bool, TraceError> {
        self.fields.clear();
        self.decoded.clear();
        if !self.lines.next()? {
            return Ok(false);
        }
        self.line = self.lines.number();
        self.records += 1;
        let record = self.lines.line();
        if record.contains(&b'"') {
            self.read_quoted()?;
        } else {
            let mut start = 0;
            for field in record.split(|&byte| byte == b',') {
                self.fields.push(start..start + field.len());
                start += field.len() + 1;
            }
        }
        Ok(true)
    }

    /// Reads the row that comes next if the fast path can; if not, [`CsvTable::next`] must. Its fields are not kept.
    #[inline]
    pub fn next_fast(
        &mut self,
        fast_path: &FastPath,
        row: &mut Row,
        arrival: impl Fn(&mut Cursor<'_>) -> Option<i128>,
    ) -> bool {
        let mut cursor = Cursor::new(self.lines.ahead());
        if fast_path.read(&mut cursor, row, arrival).is_none() {
            return false;
        }
        self.lines.skip_line(cursor.place());
        self.fields.clear();
        self.decoded.clear();
        self.line = self.lines.number();
        self.records += 1;
        (row.number, row.line) = (self.record_number(), self.line);
        true
    }

    /// Completes a record with quotes, which may go over several lines, and decodes it.
    fn read_quoted(&mut self) -> Result<(), TraceError> {
        const MOST_RECORD_BYTES: usize = 16 << 20;
        let mut record = self.lines.line().to_vec();
        // Quotes inside a quoted field are doubled, so an odd number means that the field goes on.
        let mut is_open = has_odd_quotes(&record);
        while is_open {
            record.push(b'\n');
            if record.len() > MOST_RECORD_BYTES || !self.lines.next_or_blank()? {
                return Err(TraceError::of_line(self.lines.path(), self.line, UNCLOSED).fatal());
            }
            record.extend_from_slice(self.lines.line());
            is_open ^= has_odd_quotes(self.lines.line());
        }
        let mut reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(&record[..]);
        let mut records = reader.byte_records();
        let (Some(Ok(record)), None) = (records.next(), records.next()) else {
            let message = "has a quote inside an unquoted field; quote the whole field and double the quotes inside";
            return Err(TraceError::of_line(self.lines.path(), self.line, message).fatal());
        };
        for field in &record {
            let start = self.decoded.len();
            self.decoded.extend_from_slice(field);
            self.fields.push(start..self.decoded.len());
        }
        // Marks the record as decoded even if all its fields are empty.
        self.decoded.push(b'\n');
        Ok(())
    }

    /// The current record's field in `column`, from 0; empty if the record is too short.
    pub fn field(&self, column: usize) -> &[u8] {
        let text = if self.decoded.is_empty() {
            self.lines.line()
        } else {
            &self.decoded
        };
        self.fields.get(column).map_or(&[], |range| &text[range.clone()])
    }

    /// The current record's field in `column`, read by `parse`.
    pub fn parsed<T>(&self, column: usize, parse: impl FnOnce(&[u8]) -> Result<T, Complaint>) -> Result<T, TraceError> {
        parse(self.field(column)).map_err(|complaint| self.error(column, complaint))
    }

    /// Something is wrong with the current record's field in `column`.
    pub fn error(&self, column: usize, message: impl Into<Box<str>>) -> TraceError {
        let message: Box<str> = if column >= self.fields.len() && self.records > 0 {
            let (fields, columns) = (self.fields.len(), self.header.len());
            format!("is missing: the row has {fields} fields, the header {columns}").into()
        } else {
            message.into()
        };
        let error = TraceError::of_line(self.lines.path(), self.line, message);
        error.at(column as u64 + 1, &self.header[column], self.field(column))
    }

    /// Something is wrong with the table as a whole.
    pub fn file_error(&self, message: &str) -> TraceError {
        TraceError::of_file(self.lines.path(), message)
    }

    /// The line on which the current record starts, from 1.
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// The current record's place among the records, from 0.
    pub const fn record_number(&self) -> u64 {
        self.records - 1
    }
}

fn has_odd_quotes(text: &[u8]) -> bool {
    text.iter().fold(false, |odd, &byte| odd ^ (byte == b'"'))
}

/// The fields of a line of CSV, spaces around them removed.
pub fn split_fields(line: &[u8]) -> Vec<String> {
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(::csv::Trim::All)
        .from_reader(line);
    let first = reader.byte_records().next();
    let record = first.and_then(Result::ok).unwrap_or_default();
    let fields = record.iter().map(|field| String::from_utf8_lossy(field).into_owned());
    fields.collect()
}
