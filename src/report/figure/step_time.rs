//! What the time of steps is made of: bars whose parts stand upon one another.

use super::kind::{Draws, Figure, Recordings};
use crate::metrics::StepShares;
use crate::report::draw::chart::{Chart, ChartAxis, Drawing, Panel, Point, Series, Shape, Unit};

/// The parts of a step's time, run by run.
pub const FIGURE: Figure = Figure {
    name: "step-time",
    question: "What is a step's time made of?",
    needs: "runs whose steps are worked out from a model and a GPU",
    draws: Draws::Recordings(drawing),
};

/// A part, and how large it is.
type PartOfStep = (&'static str, fn(&StepShares) -> f64);

/// The parts, from below.
const PARTS: [PartOfStep; 8] = [
    ("weights", |it| it.weights),
    ("attention", |it| it.attention),
    ("experts", |it| it.experts),
    ("all-reduce", |it| it.all_reduce),
    ("head and sampler", |it| it.sampler),
    ("small kernels and launches", |it| it.other),
    ("drafts", |it| it.drafts),
    ("waiting for the CPU", |it| it.cpu),
];

/// Smaller parts are not seen.
const LEAST_SHOWN: f64 = 0.001;

/// A bar a run, a series for each part that any of them has. `None` if steps are given as they are.
pub fn drawing(note: &str, runs: &Recordings) -> Option<Drawing> {
    let shares = runs.iter().map(|(_, run)| run.step_shares());
    let shares: Vec<Option<StepShares>> = shares.collect();
    let parts = PARTS.iter().filter_map(|(name, of)| {
        let bars = shares.iter().enumerate();
        let points = bars.filter_map(|(place, shares)| Some(Point::at(place as f64, of(shares.as_ref()?))));
        let points: Vec<Point> = points.collect();
        let largest = points.iter().map(|point| point.y).fold(0.0, f64::max);
        let name = match points.as_slice() {
            [one] => format!("{name}, {}", Unit::Share.write(one.y)),
            _ => (*name).to_owned(),
        };
        (largest >= LEAST_SHOWN).then_some(Series {
            name,
            shape: Shape::Stack,
            points,
        })
    });
    let series: Vec<Series> = parts.collect();
    let names = runs.iter().map(|(name, _)| (*name).to_owned());
    (!series.is_empty()).then(|| Drawing {
        question: FIGURE.question.to_owned(),
        note: note.to_owned(),
        panels: vec![Panel::Chart(Chart {
            title: String::new(),
            x: ChartAxis::named("", names.collect()),
            y: ChartAxis::linear("of the time of steps", Unit::Share),
            series,
            marks: Vec::new(),
        })],
    })
}
