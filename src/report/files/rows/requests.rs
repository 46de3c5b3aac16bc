//! One row a request.

use std::io;

use super::cell::{ColumnKind, RowCell};
use super::row_form::RowForm;
use super::row_writer::RowWriter;
use crate::metrics::RequestRow;
use crate::units::Time;

const COLUMNS: [(&str, ColumnKind); 13] = [
    ("id", ColumnKind::Whole),
    ("arrival_s", ColumnKind::Number),
    ("scheduled_s", ColumnKind::Number),
    ("first_token_s", ColumnKind::Number),
    ("finished_s", ColumnKind::Number),
    ("input_tokens", ColumnKind::Whole),
    ("output_tokens", ColumnKind::Whole),
    ("cached_tokens", ColumnKind::Whole),
    ("preemptions", ColumnKind::Whole),
    ("outcome", ColumnKind::Text),
    ("priority", ColumnKind::Whole),
    ("ttft_s", ColumnKind::Number),
    ("tpot_s", ColumnKind::Number),
];

/// Writes the rows in the order given; what is not known of a request is left empty. A column `class` with the names of
/// classes comes last, if there are any.
pub fn write_requests<'a, Output: io::Write + Send>(
    output: Output,
    form: RowForm,
    rows: impl IntoIterator<Item = &'a RequestRow>,
    classes: &[&str],
) -> io::Result<Output> {
    let mut columns = COLUMNS.to_vec();
    if !classes.is_empty() {
        columns.push(("class", ColumnKind::Text));
    }
    let mut writer = RowWriter::new(output, form, &columns)?;
    for row in rows {
        let class = classes.get(row.id.class().place()).copied();
        let cells = [
            RowCell::Whole(row.id.number().cast_signed()),
            RowCell::Exact(row.arrival),
            RowCell::known(row.scheduled, RowCell::Exact),
            RowCell::known(row.first_token, RowCell::Exact),
            RowCell::known(row.finished, RowCell::Exact),
            RowCell::known(row.input_tokens, RowCell::count),
            RowCell::known(row.output_tokens, RowCell::count),
            RowCell::known(row.cached_tokens, RowCell::count),
            RowCell::count(row.preemptions),
            RowCell::Text(row.outcome.name()),
            RowCell::known(row.priority, |priority| RowCell::Whole(priority.into())),
            RowCell::known(row.ttft(), |ttft| RowCell::Exact(Time::ZERO + ttft)),
            RowCell::known(row.tpot_s(), RowCell::Number),
            RowCell::known(class, RowCell::Text),
        ];
        writer.write(&cells[..columns.len()])?;
    }
    writer.finish()
}
