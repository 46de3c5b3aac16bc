//! Rows and columns, shown on a screen or in a page.

use std::borrow::Cow;

use crate::config::on_one_line;

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
        let headings = self.columns.iter().map(|column| on_one_line(&column.title)).collect();
        let rows = self.rows.iter();
        let rows = rows.map(|row| row.iter().map(|cell| on_one_line(&cell.text)).collect());
        let lines: Vec<Vec<Cow<'_, str>>> = std::iter::once(headings).chain(rows).collect();
        let is_number: Vec<bool> = self.columns.iter().map(|column| column.is_number).collect();
        aligned(&lines, &is_number)
    }
}

/// Lines of cells, as many in each as columns are said to hold numbers or not: numbers stand at the right of their
/// columns, words at the left, and columns are two spaces apart however wide their widest cell is.
pub fn aligned<Text: AsRef<str>>(lines: &[Vec<Text>], is_number: &[bool]) -> String {
    let width = |cell: &Text| cell.as_ref().chars().count();
    let widest = |column: usize| lines.iter().map(|line| width(&line[column])).max().unwrap_or(0);
    let widths: Vec<usize> = (0..is_number.len()).map(widest).collect();
    let mut text = String::new();
    for line in lines {
        let start = text.len();
        for ((cell, &is_number), &most) in line.iter().zip(is_number).zip(&widths) {
            let room = " ".repeat(most - width(cell));
            let (before, after) = if is_number {
                (room.as_str(), "")
            } else {
                ("", room.as_str())
            };
            text += &[before, cell.as_ref(), after, "  "].concat();
        }
        text.truncate(start + text[start..].trim_end().len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    #[test]
    fn cells_never_collide_however_wide_they_are() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
        for _ in 0..300 {
            let (columns, rows) = (random.random_range(1..8), random.random_range(1..6));
            let is_number: Vec<bool> = (0..columns).map(|_| random.random()).collect();
            let cell = |random: &mut Xoshiro256PlusPlus| {
                let letter = if random.random() { "9" } else { "é" };
                letter.repeat(random.random_range(1..40))
            };
            let lines: Vec<Vec<String>> = (0..rows)
                .map(|_| (0..columns).map(|_| cell(&mut random)).collect())
                .collect();
            let text = aligned(&lines, &is_number);
            let read: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
            assert_eq!(read, lines, "{text}");
            // Each column begins or ends at the same place in every line.
            for (column, &is_number) in is_number.iter().enumerate() {
                let edges = text.lines().zip(&lines).map(|(line, cells)| {
                    let before: usize = cells[..column].iter().map(String::len).sum();
                    let skipped = line.char_indices().filter(|(_, letter)| *letter != ' ');
                    let letters: usize = cells[..column].iter().map(|cell| cell.chars().count()).sum();
                    let start = skipped.clone().nth(letters).expect("no cell is empty").0;
                    assert!(start >= before);
                    let start = line[..start].chars().count();
                    if is_number {
                        start + cells[column].chars().count()
                    } else {
                        start
                    }
                });
                let edges: Vec<usize> = edges.collect();
                assert!(edges.iter().all(|edge| *edge == edges[0]), "{text}");
            }
        }
    }

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
