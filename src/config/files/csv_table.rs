//! Tables in CSV whose first line names the columns: messages show the line and the cell.

use std::collections::HashSet;
use std::ops::{Range, RangeInclusive};

use csv::{Reader, ReaderBuilder, StringRecord};

use crate::config::reader::diagnostic::{Diagnostic, Snippet};

/// A table that is read row by row.
pub(in crate::config) struct HeadedCsv<'a> {
    file: CsvFile<'a>,
    reader: Reader<&'a [u8]>,
    header: StringRecord,
}

/// A row of a table: as many cells as the first line names columns, without the blanks around them.
pub(in crate::config) struct CsvRow<'a> {
    file: CsvFile<'a>,
    cells: StringRecord,
}

/// What messages show of a file.
#[derive(Clone, Copy)]
struct CsvFile<'a> {
    name: &'a str,
    content: &'a str,
}

impl<'a> HeadedCsv<'a> {
    /// The table in the content of a file that messages call `name`. A column that is named twice is refused, as nobody
    /// knows which of the two is meant.
    pub(in crate::config) fn of(name: &'a str, content: &'a str) -> Result<Self, Diagnostic> {
        // What some programs write at the start of a text.
        let content = content.trim_start_matches('\u{feff}');
        let file = CsvFile { name, content };
        let mut reader = ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(content.as_bytes());
        let header = reader.headers().map_err(|error| file.unreadable(&error))?.clone();
        let table = Self { file, reader, header };
        if let Some(twice) = table.named_twice() {
            let message = format!("the first line names the column `{twice}` twice");
            return Err(table.error_in_header(message).help("drop one of the two"));
        }
        Ok(table)
    }

    fn named_twice(&self) -> Option<&str> {
        let mut before = HashSet::new();
        let mut named = self.columns().filter(|name| !name.is_empty());
        named.find(|name| !before.insert(*name))
    }

    /// The names of its columns, in their order.
    pub(in crate::config) fn columns(&self) -> impl Iterator<Item = &str> {
        self.header.iter()
    }

    /// Where a column stands, if it is there.
    pub(in crate::config) fn column(&self, name: &str) -> Option<usize> {
        self.columns().position(|found| found == name)
    }

    /// An error about the first line.
    pub(in crate::config) fn error_in_header(&self, message: String) -> Diagnostic {
        let content = self.file.content;
        let start = content.len() - content.trim_start().len();
        let line = content[start..].lines().next().unwrap_or_default();
        self.file.error(start..start + line.len(), message)
    }
}

impl<'a> Iterator for HeadedCsv<'a> {
    type Item = Result<CsvRow<'a>, Diagnostic>;

    fn next(&mut self) -> Option<Self::Item> {
        let file = self.file;
        let mut cells = StringRecord::new();
        match self.reader.read_record(&mut cells) {
            Ok(is_there) => is_there.then_some(Ok(CsvRow { file, cells })),
            Err(error) => Some(Err(file.unreadable(&error))),
        }
    }
}

impl CsvRow<'_> {
    /// What stands in a column.
    pub(in crate::config) fn cell(&self, at: usize) -> &str {
        &self.cells[at]
    }

    /// The number in the column `name`.
    pub(in crate::config) fn number(
        &self,
        at: usize,
        name: &str,
        range: RangeInclusive<f64>,
    ) -> Result<f64, Diagnostic> {
        let cell = self.cell(at);
        let number = cell.parse::<f64>().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let (least, most) = range.into_inner();
            self.error(
                at,
                format!("`{name}` must be a number from {least} to {most}, not {cell:?}"),
            )
        })
    }

    /// An error about a cell.
    pub(in crate::config) fn error(&self, at: usize, message: String) -> Diagnostic {
        self.file.error(self.place(at), message)
    }

    /// The bytes of a cell in the content of its file, after a mark at its start; none of them at the start of the row
    /// where cells before it are quoted or padded.
    pub(in crate::config) fn place(&self, at: usize) -> Range<usize> {
        let content = self.file.content;
        let start = self.cells.position().map_or(0, |position| position.byte() as usize);
        let start = after_line_ends(content, start);
        // The cells before and their commas lead to it.
        let before: usize = self.cells.iter().take(at).map(|cell| cell.len() + 1).sum();
        let (from, cell) = (start + before, &self.cells[at]);
        if content.get(from..).is_some_and(|rest| rest.starts_with(cell)) {
            from..from + cell.len()
        } else {
            start..start
        }
    }
}

impl CsvFile<'_> {
    fn error(&self, place: Range<usize>, message: String) -> Diagnostic {
        Diagnostic::new(message).at(Snippet::cut(self.name, self.content, place))
    }

    fn unreadable(&self, error: &csv::Error) -> Diagnostic {
        let message = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                format!("the row has {len} cells, and the first line names {expected_len} columns")
            }
            _ => format!("this is not CSV: {error}"),
        };
        let start = error.position().map_or(0, |position| position.byte() as usize);
        let start = after_line_ends(self.content, start);
        self.error(start..start, message)
            .help("write as many cells in each line as the first line has")
    }
}

/// Where the next line starts that is not empty.
fn after_line_ends(content: &str, start: usize) -> usize {
    let line = content.get(start..).unwrap_or_default();
    start + line.len() - line.trim_start_matches(['\r', '\n']).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(content: &str) -> Result<Vec<CsvRow<'_>>, Diagnostic> {
        HeadedCsv::of("t.csv", content)?.collect()
    }

    #[test]
    fn cells_are_found_where_they_stand() {
        let content = "\u{feff}a,b\r\n\r\n1,22\r\n \"3\", 4\n";
        let rows = rows(content).unwrap();
        let bare = content.trim_start_matches('\u{feff}');
        assert_eq!(&bare[rows[0].place(1)], "22");
        assert_eq!(rows[1].cell(1), "4");
        // Behind a padded cell only the row is known.
        assert!(rows[1].error(1, String::new()).to_string().contains("t.csv:4:"));
    }

    #[test]
    fn what_is_no_table_is_told_with_its_line() {
        for (content, told) in [
            ("a,a\n", "names the column `a` twice"),
            ("a,b\n1\n", "the row has 1 cells, and the first line names 2 columns"),
        ] {
            let error = rows(content).err().expect("it is refused").to_string();
            assert!(error.contains(told) && error.contains("t.csv:"), "{error}");
        }
        let row = &rows("a\nx\n").unwrap()[0];
        let error = row.number(0, "a", 0.0..=5.0).unwrap_err().to_string();
        assert!(
            error.contains("from 0 to 5, not \"x\"") && error.contains("t.csv:2:1"),
            "{error}"
        );
    }
}
