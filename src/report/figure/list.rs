//! The list of figures. A new one is a file and a line here: verbs offer the figures that draw what they found.

use super::kind::{Drawn, Draws, Figure, Recordings, Timelines};
use super::thinned::thinned_out;
use super::{
    accuracy, bars, class_times, heat_map, interactivity, limits, lines, load_curve, over_time, pareto, prefix_hits,
    server_queues, step_time, tail,
};
use crate::report::draw::chart::Drawing;
use crate::report::files::results::SweepPoints;
use crate::report::verb::compare::CompareReport;

/// Every figure. The first of its kind is drawn if none is named.
pub const FIGURES: &[&Figure] = &[
    &load_curve::LATENCY_VS_CONCURRENCY,
    &load_curve::LATENCY_VS_RATE,
    &interactivity::FIGURE,
    &over_time::QUEUE,
    &over_time::LATENCY,
    &limits::FIGURE,
    &over_time::MEMORY,
    &over_time::FAILURES,
    &server_queues::FIGURE,
    &class_times::FIGURE,
    &over_time::SCALING,
    &tail::FIGURE,
    &step_time::FIGURE,
    &bars::FIGURE,
    &lines::FIGURE,
    &heat_map::FIGURE,
    &pareto::FIGURE,
    &prefix_hits::FIGURE,
    &accuracy::FIGURE,
];

fn all(are_of: impl Fn(&Draws) -> bool) -> impl Iterator<Item = &'static Figure> {
    FIGURES.iter().copied().filter(move |figure| are_of(&figure.draws))
}

/// Figures of a single run.
pub fn of_run() -> Vec<&'static Figure> {
    let over_time = all(|draws| matches!(draws, Draws::Timelines(_)));
    let as_a_whole = all(|draws| matches!(draws, Draws::Recordings(_)));
    over_time.chain(as_a_whole).collect()
}

/// Figures of variations side by side, and of their runs.
pub fn of_contest() -> Vec<&'static Figure> {
    let side_by_side = all(|draws| matches!(draws, Draws::Contest(_)));
    let as_a_whole = all(|draws| matches!(draws, Draws::Recordings(_)));
    let over_time = all(|draws| matches!(draws, Draws::Timelines(_)));
    side_by_side.chain(as_a_whole).chain(over_time).collect()
}

/// Figures of the results of a sweep.
pub fn of_sweep() -> Vec<&'static Figure> {
    all(|draws| matches!(draws, Draws::Sweep(_))).collect()
}

/// Draws variations side by side.
pub fn drawn_of_contest(report: &CompareReport) -> Vec<Drawn> {
    drawn(|draws| match draws {
        Draws::Contest(draw) => Some(draw(report)),
        _ => None,
    })
}

/// Draws runs as a whole.
pub fn drawn_of_recordings(note: &str, runs: &Recordings) -> Vec<Drawn> {
    drawn(|draws| match draws {
        Draws::Recordings(draw) => draw(note, runs),
        _ => None,
    })
}

/// Draws runs as they went on.
pub fn drawn_of_timelines(note: &str, runs: &Timelines) -> Vec<Drawn> {
    drawn(|draws| match draws {
        Draws::Timelines(draw) => draw(note, runs),
        _ => None,
    })
}

/// Draws what the results of a sweep allow.
pub fn drawn_of_sweep(sweep: &SweepPoints, note: &str) -> Vec<Drawn> {
    drawn(|draws| match draws {
        Draws::Sweep(draw) => draw(sweep, note).map(thinned_out),
        _ => None,
    })
}

fn drawn(draw: impl Fn(&Draws) -> Option<Drawing>) -> Vec<Drawn> {
    let figures = FIGURES.iter().copied();
    let found = figures.filter_map(|figure| Some((figure, draw(&figure.draws)?)));
    found.collect()
}
