//! Which share of requests takes longer than so long: the tail, on an axis on which it can be seen.

use super::kind::{Draws, Figure, Recordings};
use super::titles::title;
use crate::metrics::{Metric, Recording, Slo};
use crate::report::draw::chart::{Chart, ChartAxis, Drawing, Mark, Panel, Point, Series, Shape, Unit};
use crate::units::PICOS_PER_SECOND;

/// Shares of requests, or of gaps between tokens, that are longer, against latencies.
pub const FIGURE: Figure = Figure {
    name: "tail",
    question: "Which share of requests takes longer than that?",
    needs: "runs",
    draws: Draws::Recordings(drawing),
};

/// Points of a curve: one a hundredth until the first tenth is served, and then so many for each tenth part that is
/// left, down to one of a hundred thousand.
const FIRST_POINTS: usize = 10;
const POINTS_A_DECADE: usize = 20;
const POINTS: usize = FIRST_POINTS + 5 * POINTS_A_DECADE;

/// Quantiles that are named, and the share that lies beyond.
const NAMED: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.1),
    ("p99", 0.01),
    ("p99.9", 0.001),
    ("p99.99", 0.0001),
];

/// Latencies of runs, each with its name.
pub fn drawing(note: &str, runs: &Recordings) -> Option<Drawing> {
    let metrics = [Metric::Ttft, Metric::Tpot, Metric::Itl, Metric::E2e];
    Some(Drawing {
        question: FIGURE.question.to_owned(),
        note: note.to_owned(),
        panels: metrics.map(|metric| panel(metric, runs)).into(),
    })
}

fn panel(metric: Metric, runs: &Recordings) -> Panel {
    let series: Vec<Series> = runs
        .iter()
        .map(|(name, recording)| Series {
            name: (*name).to_owned(),
            shape: Shape::Line,
            points: points(metric, recording),
        })
        .collect();
    let least = series.iter().filter_map(|series| series.points.last());
    let least = least.map(|point| point.y).fold(1.0, f64::min);
    let mut marks: Vec<Mark> = NAMED
        .into_iter()
        .filter(|(_, beyond)| *beyond >= least)
        .map(|(name, beyond)| Mark {
            is_vertical: false,
            at: beyond,
            name: name.to_owned(),
        })
        .collect();
    if let [(_, first), ..] = runs {
        marks.extend(limits(metric, first.slos()));
    }
    let what = if metric == Metric::Itl {
        "share of gaps that are longer"
    } else {
        "share of requests that take longer"
    };
    Panel::Chart(Chart {
        title: title(metric).to_owned(),
        x: ChartAxis::logarithmic(title(metric), Unit::Seconds),
        y: ChartAxis::logarithmic(what, Unit::Share),
        series,
        marks,
    })
}

/// What objectives ask of a latency.
fn limits(metric: Metric, slos: &[Slo]) -> impl Iterator<Item = Mark> {
    let limits = slos.iter().filter_map(Slo::as_latency);
    limits.filter(move |slo| slo.metric == metric).map(|slo| Mark {
        is_vertical: true,
        at: slo.limit.seconds(),
        name: format!("SLO on {}", slo.statistic.name()),
    })
}

fn points(metric: Metric, recording: &Recording) -> Vec<Point> {
    let picos = recording.latency(metric);
    let samples = picos.count() as f64;
    let beyond: [f64; POINTS] = std::array::from_fn(|at| match at.checked_sub(FIRST_POINTS) {
        None => 1.0 - at as f64 / 100.0,
        Some(at) => 10_f64.powf(-(at as f64 + 1.0) / POINTS_A_DECADE as f64),
    });
    let Some(quantiles) = picos.quantiles(beyond.map(|beyond| 1.0 - beyond)) else {
        return Vec::new();
    };
    // As in tables: ten samples at least lie beyond what is shown.
    let known = beyond
        .into_iter()
        .zip(quantiles)
        .filter(|(beyond, _)| beyond * samples >= 10.0 - 1e-6);
    known
        .map(|(beyond, picos)| Point::at(picos / PICOS_PER_SECOND as f64, beyond))
        .collect()
}
