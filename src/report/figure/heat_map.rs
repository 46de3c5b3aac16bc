//! The numbers of a sweep over its two keys.

use rustc_hash::FxHashMap;

use super::bars::unit;
use super::key_axis::sorted_names;
use super::kind::{Draws, Figure};
use super::thinned::{add_note, evenly};
use super::titles::title_of_key;
use crate::metrics::Better;
use crate::report::draw::chart::{ChartAxis, Drawing, Good, HeatMap, Panel};
use crate::report::files::results::SweepPoints;
use crate::study::short;

/// A number over two keys.
pub const FIGURE: Figure = Figure {
    name: "heat-map",
    question: "How do the numbers lie over both axes?",
    needs: "a sweep over exactly two keys (those that change together count as several)",
    draws: Draws::Sweep(drawing),
};

/// More rows or columns are too narrow to be told apart.
const MOST_VALUES: usize = 64;
/// More cells in all maps make a page that is slow to open; rows and columns enough to see a pattern there are, though.
const MOST_CELLS: usize = 20_000;
const LEAST_VALUES: usize = 16;

/// Every measure over two keys, of whose values no more are shown than can be told apart. `None` if there are more or
/// fewer keys.
pub fn drawing(sweep: &SweepPoints, note: &str) -> Option<Drawing> {
    let [x, y] = sweep.heading.keys.as_slice() else {
        return None;
    };
    let points = sweep.points.iter();
    let points: FxHashMap<[&str; 2], _> = points
        .map(|point| ([point.values[0].as_str(), point.values[1].as_str()], point))
        .collect();
    let all = [0, 1].map(|key| sorted_names(&sweep.points, key));
    let cells = MOST_CELLS / sweep.heading.measures.len().max(1);
    let most = cells.isqrt().clamp(LEAST_VALUES, MOST_VALUES);
    let shown = all.each_ref().map(|names| {
        let kept = evenly(names.len(), most);
        kept.map(|number| names[number].clone()).collect::<Vec<String>>()
    });
    let [columns, rows] = &shown;
    let measures = sweep.heading.measures.iter().enumerate();
    let panels = measures.map(|(at, measure)| {
        let cell = |row: &String, column: &String| points.get(&[column.as_str(), row.as_str()])?.mean(at);
        Panel::HeatMap(HeatMap {
            title: measure.name.clone(),
            unit: unit(measure.quantity),
            good: match measure.better {
                Better::Lower => Some(Good::Low),
                Better::Higher => Some(Good::High),
                Better::Neither => None,
            },
            x: ChartAxis::named(title_of_key(x), columns.clone()),
            y: ChartAxis::named(title_of_key(y), rows.clone()),
            rows: rows
                .iter()
                .map(|row| columns.iter().map(|column| cell(row, column)).collect())
                .collect(),
        })
    });
    let mut drawing = Drawing {
        question: FIGURE.question.to_owned(),
        note: note.to_owned(),
        panels: panels.collect(),
    };
    for ((names, shown), key) in all.iter().zip(&shown).zip([x, y]) {
        if shown.len() < names.len() {
            let words = format!("showing {} of {} values of {}", shown.len(), names.len(), short(key));
            add_note(&mut drawing, &words);
        }
    }
    Some(drawing)
}
