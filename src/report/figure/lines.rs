//! The numbers of a sweep along its first key.

use super::bars::unit;
use super::key_axis::{axis_of, point_at};
use super::kind::{Draws, Figure};
use crate::report::draw::chart::{Chart, ChartAxis, Drawing, Panel, Series, Shape, Unit};
use crate::report::files::results::{PointNumbers, SweepPoints};
use crate::study::{label, short};

/// Numbers over one key.
pub const FIGURE: Figure = Figure {
    name: "lines",
    question: "How do the numbers change along the axis?",
    needs: "a sweep over one key, and at most twelve combinations of the others",
    draws: Draws::Sweep(drawing),
};

/// The ratio of values from which on an axis is logarithmic.
const WIDE: f64 = 50.0;

/// More curves in a panel are a tangle.
const MOST_CURVES: usize = 12;
/// More bars beside one another are a wall.
const MOST_BARS: usize = 500;

/// Every measure over the first key, a series for each combination of the others. `None` if there is no key, or too
/// many combinations, or too many words on the axis.
pub(super) fn drawing(sweep: &SweepPoints, note: &str) -> Option<Drawing> {
    let keys = &sweep.heading.keys;
    let first = keys.first()?;
    if combinations(&sweep.points) > MOST_CURVES {
        return None;
    }
    let (x, places) = axis_of(&sweep.points, 0, first);
    if x.names.len() > MOST_BARS {
        return None;
    }
    let measures = sweep.heading.measures.iter().enumerate();
    let panels = measures.map(|(at, measure)| {
        let mut series: Vec<Series> = Vec::new();
        for (point, place) in sweep.points.iter().zip(&places) {
            let name = others(keys, &point.values);
            let found = place.and_then(|place| point_at(sweep, point, at, place));
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
                one.name.clone_from(&measure.name);
            }
        }
        Panel::Chart(Chart {
            title: measure.name.clone(),
            x: x.clone(),
            y: axis_of_values(&series, unit(measure.quantity)),
            series,
            marks: Vec::new(),
        })
    });
    Some(Drawing {
        question: format!("How do the numbers change with {}?", short(first)),
        note: note.to_owned(),
        panels: panels.collect(),
    })
}

/// How many combinations there are of the values of all keys but the first.
fn combinations(points: &[PointNumbers]) -> usize {
    let mut others: Vec<&[String]> = points
        .iter()
        .map(|point| point.values.get(1..).unwrap_or(&[]))
        .collect();
    others.sort_unstable();
    others.dedup();
    others.len()
}

/// Logarithmic where curves spread so far that the lower ones would lie on the axis.
fn axis_of_values(series: &[Series], unit: Unit) -> ChartAxis {
    let values = series.iter().flat_map(|one| &one.points);
    let (least, most) = values.fold((f64::INFINITY, 0.0_f64), |(least, most), point| {
        (least.min(point.y), most.max(point.y))
    });
    let has_bars = series.iter().any(|one| one.shape == Shape::Bars);
    if least > 0.0 && most > WIDE * least && !has_bars {
        ChartAxis::logarithmic("", unit)
    } else {
        ChartAxis::linear("", unit)
    }
}

/// What the keys after the first one are.
fn others(keys: &[String], values: &[String]) -> String {
    let pairs = keys.iter().map(String::as_str);
    let pairs = pairs.zip(values.iter().map(String::as_str));
    label(pairs.skip(1))
}
