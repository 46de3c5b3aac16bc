//! Throughput against latency over a sweep.

use super::bars::unit;
use super::kind::{Draws, Figure};
use crate::report::draw::chart::{Chart, ChartAxis, Drawing, Panel, Point, Series, Shape};
use crate::report::files::results::SweepPoints;

/// Throughput against latency, point by point.
pub const FIGURE: Figure = Figure {
    name: "pareto",
    question: "How much throughput costs how much latency?",
    needs: "a sweep that keeps a throughput and a latency",
    draws: Draws::Sweep(drawing),
};

/// More names beside their marks would hide one another.
const MOST_NAMES: usize = 12;
/// What is drawn upward, and what to the right: the first of each that was kept.
const THROUGHPUTS: [&str; 2] = ["throughput.output_tokens_per_s", "throughput.requests_per_s"];
const LATENCIES: [&str; 6] = ["e2e.p99", "ttft.p99", "tpot.p99", "e2e.mean", "ttft.mean", "tpot.mean"];

/// Every point of the sweep, and the line of those that no other beats in both. `None` if no throughput or no latency
/// was kept.
pub fn drawing(sweep: &SweepPoints, note: &str) -> Option<Drawing> {
    let throughput = THROUGHPUTS.iter().find_map(|name| sweep.place_of(name))?;
    let latency = LATENCIES.iter().find_map(|name| sweep.place_of(name))?;
    let mut all = points(sweep, throughput, latency);
    let best = not_beaten(&all);
    for point in &mut all {
        // Only the best are named.
        if best.len() > MOST_NAMES || !best.iter().any(|it| it.label == point.label) {
            point.label.clear();
        }
    }
    let measures = &sweep.heading.measures;
    let line = best.iter().map(|point| Point::at(point.x, point.y));
    let series = [
        ("not beaten in both", Shape::Curve, line.collect()),
        ("points of the sweep", Shape::Points, all),
    ];
    Some(Drawing {
        question: FIGURE.question.to_owned(),
        note: note.to_owned(),
        panels: vec![Panel::Chart(Chart {
            title: String::new(),
            x: ChartAxis::logarithmic(&measures[latency].name, unit(measures[latency].quantity)),
            y: ChartAxis::linear(&measures[throughput].name, unit(measures[throughput].quantity)),
            series: series
                .into_iter()
                .map(|(name, shape, points)| Series {
                    name: name.to_owned(),
                    shape,
                    points,
                })
                .collect(),
            marks: Vec::new(),
        })],
    })
}

/// The points, the shortest latency first.
fn points(sweep: &SweepPoints, throughput: usize, latency: usize) -> Vec<Point> {
    let mut points: Vec<Point> = sweep
        .points
        .iter()
        .filter_map(|point| {
            Some(Point {
                label: sweep.label(point),
                ..Point::at(point.mean(latency)?, point.mean(throughput)?)
            })
        })
        .collect();
    points.sort_by(|a, b| a.x.total_cmp(&b.x).then(b.y.total_cmp(&a.y)));
    points
}

/// Those with more throughput than any with a shorter latency.
fn not_beaten(points: &[Point]) -> Vec<Point> {
    let mut most = f64::NEG_INFINITY;
    let is_best = |point: &&Point| {
        let is_best = point.y > most;
        most = most.max(point.y);
        is_best
    };
    points.iter().filter(is_best).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_beaten_in_both_is_not_on_the_line() {
        let points: Vec<Point> = [(1.0, 5.0), (2.0, 4.0), (3.0, 9.0), (3.5, 9.0), (4.0, 10.0)]
            .map(|(x, y)| Point::at(x, y))
            .into();
        let best: Vec<f64> = not_beaten(&points).iter().map(|point| point.x).collect();
        assert_eq!(best, [1.0, 3.0, 4.0]);
    }
}
