//! Prefix-cache hits along the first key of a sweep, such as the size of the cache.

use super::key_axis::{axis_of, point_at};
use super::kind::{Draws, Figure};
use crate::report::draw::chart::{Chart, ChartAxis, Drawing, Panel, Point, Series, Shape, Unit};
use crate::report::files::results::SweepPoints;

/// Prefix-cache hits against the size of the cache.
pub const FIGURE: Figure = Figure {
    name: "prefix-hits",
    question: "How large must the KV cache be for its prefixes to be found?",
    needs: "a sweep that keeps kv.prefix_hit_ratio",
    draws: Draws::Sweep(drawing),
};

/// Prefix hits over the first key. `None` if they were not kept.
pub fn drawing(sweep: &SweepPoints, note: &str) -> Option<Drawing> {
    let kept = ["kv.prefix_hit_ratio", "kv.prefix_ideal_hit_ratio"];
    let places: Vec<usize> = kept.iter().filter_map(|name| sweep.place_of(name)).collect();
    sweep.place_of(kept[0])?;
    let keys = &sweep.heading.keys;
    let (x, at) = axis_of(&sweep.points, 0, keys.first().map_or("run", String::as_str));
    let series = places.into_iter().map(|measure| {
        let found = sweep.points.iter().zip(&at);
        let mut found: Vec<Point> = found
            .filter_map(|(point, place)| point_at(sweep, point, measure, (*place)?))
            .collect();
        found.sort_by(|a, b| a.x.total_cmp(&b.x));
        let name = if sweep.heading.measures[measure].name == kept[0] {
            "hits"
        } else {
            "in a cache without limit"
        };
        Series {
            name: name.to_owned(),
            shape: Shape::Curve,
            points: found,
        }
    });
    Some(Drawing {
        question: FIGURE.question.to_owned(),
        note: note.to_owned(),
        panels: vec![Panel::Chart(Chart {
            title: String::new(),
            x,
            y: ChartAxis::linear("prompt tokens found", Unit::Share),
            series: series.collect(),
            marks: Vec::new(),
        })],
    })
}
