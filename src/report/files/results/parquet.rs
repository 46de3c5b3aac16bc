//! Results as one Parquet file: a column a heading, numbers as doubles.

use std::io::{self, Write};

use super::runs::Results;
use crate::report::files::rows::{ColumnKind, ParquetRows, RowCell};
use crate::study::RUN_COLUMNS;

/// Writes all results to `file`.
pub fn write_parquet(results: &Results, file: &mut (dyn Write + Send)) -> io::Result<()> {
    let (plan, numbers) = RUN_COLUMNS.split_first().expect("there are columns");
    let mut columns = vec![(*plan, ColumnKind::Text)];
    columns.extend(numbers.iter().map(|name| (*name, ColumnKind::Whole)));
    let kinds: Vec<ColumnKind> = (0..results.heading.keys.len())
        .map(|key| kind_of(results, key))
        .collect();
    columns.extend(
        results
            .heading
            .keys
            .iter()
            .map(String::as_str)
            .zip(kinds.iter().copied()),
    );
    let measures = results.heading.measures.iter();
    columns.extend(measures.map(|measure| (measure.name.as_str(), ColumnKind::Number)));
    let mut writer = ParquetRows::new(file, &columns)?;
    for row in &results.rows {
        let mut cells = vec![RowCell::Text(&row.plan)];
        cells.extend([row.runs, row.run, row.point, row.seed].map(|whole| RowCell::Whole(whole.cast_signed())));
        let values = row.values.iter().zip(&kinds);
        cells.extend(values.map(|(value, kind)| match kind {
            ColumnKind::Number => RowCell::known(value.parse().ok(), RowCell::Number),
            _ => RowCell::Text(value),
        }));
        cells.extend(
            row.numbers
                .iter()
                .map(|&number| RowCell::known(number, RowCell::Number)),
        );
        writer.write(&cells)?;
    }
    writer.finish()?;
    Ok(())
}

/// Numbers, if all values of the key are.
fn kind_of(results: &Results, key: usize) -> ColumnKind {
    let is_number = |value: &str| value.parse::<f64>().is_ok();
    if results.rows.iter().all(|row| is_number(&row.values[key])) {
        ColumnKind::Number
    } else {
        ColumnKind::Text
    }
}
