//! Rows and columns, shown on a screen or in a page.

use std::fmt::Write;

/// A table with headings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What it shows; may be empty.
    pub caption: String,
    /// What stands above the columns.
    pub columns: Vec<Column>,
    /// Cells, as many in each row as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

/// What stands above a column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its text, units included.
    pub title: String,
    /// Whether its cells are numbers, which stand at the right.
    pub is_number: bool,
}

/// What stands in a place of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// What is shown of it.
    pub text: String,
    /// What to sort by, if it is a number.
    pub number: Option<f64>,
}

impl Column {
    /// A column of words.
    pub fn words(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            is_number: false,
        }
    }

    /// A column of numbers.
    pub fn numbers(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            is_number: true,
        }
    }
}

impl Cell {
    /// A cell of words, which sorts by them.
    pub fn words(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            number: None,
        }
    }

    /// A number as `text` shows it; `-` if it is unknown.
    pub fn number(number: Option<f64>, text: impl FnOnce(f64) -> String) -> Self {
        Self {
            text: number.map_or_else(|| "-".to_owned(), text),
            number,
        }
    }
}

impl Table {
    /// The table for a screen: headings, then a line a row; columns are two spaces apart.
    pub fn to_text(&self) -> String {
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| {
                let cells = self.rows.iter().map(|row| width(&row[column].text));
                let heading = width(&self.columns[column].title);
                cells.chain([heading]).max().unwrap_or(0)
            })
            .collect();
        let headings = self.columns.iter().map(|column| column.title.as_str());
        let mut text = self.line(&widths, headings);
        for row in &self.rows {
            text += &self.line(&widths, row.iter().map(|cell| cell.text.as_str()));
        }
        text
    }

    fn line<'a>(&self, widths: &[usize], cells: impl Iterator<Item = &'a str>) -> String {
        let mut line = String::new();
        for ((cell, column), &most) in cells.zip(&self.columns).zip(widths) {
            let room = most - width(cell);
            let _ = if column.is_number {
                write!(line, "{:room$}{cell}  ", "")
            } else {
                write!(line, "{cell}{:room$}  ", "")
            };
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_at_the_right_and_words_at_the_left() {
        let number = |value: f64| Cell::number(Some(value), |it| it.to_string());
        let table = Table {
            caption: String::new(),
            columns: vec![Column::words("policy"), Column::numbers("ms")],
            rows: vec![
                vec![Cell::words("none"), number(1500.0)],
                vec![Cell::words("continuous"), Cell::number(None, |it| it.to_string())],
            ],
        };
        assert_eq!(
            table.to_text(),
            "policy        ms\nnone        1500\ncontinuous     -\n"
        );
    }
}
