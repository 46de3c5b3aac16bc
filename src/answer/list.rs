//! Aligned columns for lists.

/// A header and rows, the first column to the left, numbers to the right, the last one free.
pub fn table<const COLUMNS: usize>(header: [&str; COLUMNS], rows: impl Iterator<Item = [String; COLUMNS]>) -> String {
    let mut all = vec![header.map(str::to_owned)];
    all.extend(rows);
    let widths: [usize; COLUMNS] =
        std::array::from_fn(|column| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let mut text = String::new();
    for row in &all {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let cell = match column {
                0 => format!("{cell:<width$}"),
                _ if column + 1 == COLUMNS => format!("  {cell}"),
                _ => format!("  {cell:>width$}"),
            };
            line.push_str(&cell);
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}
