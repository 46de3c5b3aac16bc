//! The numbers of a sweep over its two keys.

use super::Figure;
use super::bars::unit;
use super::key_axis::sorted_names;
use crate::report::chart::{Axis, Drawing, HeatMap, Panel};
use crate::report::results::{PointNumbers, SweepPoints};
use crate::study::short;

/// A number over two keys.
pub const FIGURE: Figure = Figure {
    name: "heat-map",
    question: "How do the numbers lie over both axes?",
    needs: "a sweep over exactly two keys (those that change together count as several)",
};

/// Every measure over two keys.
pub fn drawing(sweep: &SweepPoints, note: &str) -> Drawing {
    let keys = &sweep.heading.keys;
    let (columns, rows) = (sorted_names(&sweep.points, 0), sorted_names(&sweep.points, 1));
    let measures = sweep.heading.measures.iter().enumerate();
    let panels = measures.map(|(at, measure)| {
        let cell = |row: &String, column: &String| {
            let is_here = |point: &&PointNumbers| point.values[0] == *column && point.values[1] == *row;
            let point = sweep.points.iter().find(is_here)?;
            point.mean(at).map(|(mean, _)| mean)
        };
        Panel::HeatMap(HeatMap {
            title: measure.name.to_owned(),
            unit: unit(measure),
            x: Axis::named(short(&keys[0]), columns.clone()),
            y: Axis::named(short(&keys[1]), rows.clone()),
            rows: rows
                .iter()
                .map(|row| columns.iter().map(|column| cell(row, column)).collect())
                .collect(),
        })
    });
    Drawing {
        question: FIGURE.question.to_owned(),
        note: note.to_owned(),
        panels: panels.collect(),
    }
}
