//! The numbers of a sweep along its first key.

use super::Figure;
use super::bars::unit;
use super::key_axis::{axis_of, point_at};
use crate::report::chart::{Axis, Chart, Drawing, Panel, Series, Shape, Unit};
use crate::report::results::SweepPoints;
use crate::study::label;

/// Numbers over one key.
pub const FIGURE: Figure = Figure {
    name: "lines",
    question: "How do the numbers change along the axis?",
    needs: "a sweep over one key, and at most twelve combinations of the others",
};

/// The ratio of values from which on an axis is logarithmic.
const WIDE: f64 = 50.0;

/// Every measure over the first key, a series for each combination of the others.
pub fn drawing(sweep: &SweepPoints, note: &str, question: &str) -> Drawing {
    let keys = &sweep.heading.keys;
    let (x, places) = axis_of(&sweep.points, 0, keys.first().map_or("run", String::as_str));
    let measures = sweep.heading.measures.iter().enumerate();
    let panels = measures.map(|(at, measure)| {
        let mut series: Vec<Series> = Vec::new();
        for (point, place) in sweep.points.iter().zip(&places) {
            let name = others(keys, &point.values);
            let found = place.and_then(|place| point_at(point, at, place));
            let Some(point) = found else { continue };
            match series.iter_mut().find(|series| series.name == name) {
                Some(series) => series.points.push(point),
                None => series.push(Series {
                    name,
                    shape: if x.names.is_empty() { Shape::Curve } else { Shape::Bars },
                    points: vec![point],
                }),
            }
        }
        for one in &mut series {
            one.points.sort_by(|a, b| a.x.total_cmp(&b.x));
            if one.name.is_empty() {
                measure.name.clone_into(&mut one.name);
            }
        }
        Panel::Chart(Chart {
            title: measure.name.to_owned(),
            x: x.clone(),
            y: axis_of_values(&series, unit(measure)),
            series,
            marks: Vec::new(),
        })
    });
    Drawing {
        question: question.to_owned(),
        note: note.to_owned(),
        panels: panels.collect(),
    }
}

/// Logarithmic where curves spread so far that the lower ones would lie on the axis.
fn axis_of_values(series: &[Series], unit: Unit) -> Axis {
    let values = series.iter().flat_map(|one| &one.points);
    let (least, most) = values.fold((f64::INFINITY, 0.0_f64), |(least, most), point| {
        (least.min(point.y), most.max(point.y))
    });
    let has_bars = series.iter().any(|one| one.shape == Shape::Bars);
    if least > 0.0 && most > WIDE * least && !has_bars {
        Axis::logarithmic("", unit)
    } else {
        Axis::linear("", unit)
    }
}

/// What the keys after the first one are.
fn others(keys: &[String], values: &[String]) -> String {
    let pairs = keys.iter().map(String::as_str);
    let pairs = pairs.zip(values.iter().map(String::as_str));
    label(pairs.skip(1))
}
