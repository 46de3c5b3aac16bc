//! The numbers of a sweep over its two keys.

use super::bars::unit;
use super::key_axis::sorted_names;
use super::kind::{Draws, Figure};
use crate::report::draw::chart::{ChartAxis, Drawing, HeatMap, Panel};
use crate::report::files::results::{PointNumbers, SweepPoints};
use crate::study::short;

/// A number over two keys.
pub const FIGURE: Figure = Figure {
    name: "heat-map",
    question: "How do the numbers lie over both axes?",
    needs: "a sweep over exactly two keys (those that change together count as several)",
    draws: Draws::Sweep(drawing),
};

/// Every measure over two keys. `None` if there are more or fewer keys.
pub fn drawing(sweep: &SweepPoints, note: &str) -> Option<Drawing> {
    let keys = &sweep.heading.keys;
    if keys.len() != 2 {
        return None;
    }
    let (columns, rows) = (sorted_names(&sweep.points, 0), sorted_names(&sweep.points, 1));
    let measures = sweep.heading.measures.iter().enumerate();
    let panels = measures.map(|(at, measure)| {
        let cell = |row: &String, column: &String| {
            let is_here = |point: &&PointNumbers| point.values[0] == *column && point.values[1] == *row;
            let point = sweep.points.iter().find(is_here)?;
            point.mean(at)
        };
        Panel::HeatMap(HeatMap {
            title: measure.name.clone(),
            unit: unit(measure.quantity),
            x: ChartAxis::named(short(&keys[0]), columns.clone()),
            y: ChartAxis::named(short(&keys[1]), rows.clone()),
            rows: rows
                .iter()
                .map(|row| columns.iter().map(|column| cell(row, column)).collect())
                .collect(),
        })
    });
    Some(Drawing {
        question: FIGURE.question.to_owned(),
        note: note.to_owned(),
        panels: panels.collect(),
    })
}
