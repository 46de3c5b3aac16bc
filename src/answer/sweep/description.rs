//! A sweep in words, before it is made.

use std::fmt::Write;

use super::shard::Shard;
use crate::config::{StudyFile, on_one_line};
use crate::report::table::{Cell, Column, Table};
use crate::study::{Sweep, short};

/// The plan in words, then a line a point.
pub fn describe(file: &StudyFile, sweep: &Sweep, part: Shard) -> String {
    let (points, seeds, runs) = (sweep.plan.points(), sweep.seeds, sweep.runs());
    let mut text = format!("Plan      {points} points x {seeds} seeds = {runs} runs");
    if part.is_part() {
        let _ = write!(text, ", {} of them in this shard", part.runs(runs).len());
    }
    if let Some(requests) = sweep.requests {
        let _ = write!(text, ", {requests} requests in all");
    }
    let scenario = file
        .scenario
        .as_ref()
        .map_or_else(|| "the embedded demo".to_owned(), |path| path.display().to_string());
    let name = file.name.as_deref().map_or(String::new(), |name| format!("{name} · "));
    let names: Vec<&str> = sweep.measures.iter().map(|measure| measure.name.as_str()).collect();
    let _ = write!(
        text,
        " · {}\nScenario  {}\nKeeps     {}\n\n",
        sweep.fingerprint,
        on_one_line(&(name + &scenario)),
        names.join(", ")
    );
    let keys = sweep.plan.keys().map(|key| Column::numbers(short(key)));
    let mut columns = vec![Column::numbers("runs"), Column::numbers("point")];
    columns.extend(keys);
    let rows = (0..points).map(|point| {
        let (first, last) = (point * seeds as usize, (point + 1) * seeds as usize - 1);
        let runs = if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        };
        let values = sweep.plan.values(point).into_iter().map(Cell::words);
        [Cell::words(runs), Cell::words(point.to_string())]
            .into_iter()
            .chain(values)
            .collect()
    });
    let table = Table {
        caption: String::new(),
        columns,
        rows: rows.collect(),
    };
    text + &table.to_text()
}
