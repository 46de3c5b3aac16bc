//! The queue of each server of a fleet over time: whether one has a queue while others have room.

use super::kind::{Draws, Figure, Timelines};
use crate::metrics::RunOverTime;
use crate::report::draw::chart::{Chart, ChartAxis, Drawing, Panel, Point, Series, Shape, Unit};

/// What the figure answers.
pub const FIGURE: Figure = Figure {
    name: "servers",
    question: "Do all servers have their share of the queue?",
    needs: "runs of a fleet",
    draws: Draws::Timelines(drawing),
};

/// Of more servers than this only the longest, the middle and the shortest queue of each instant are drawn.
const MOST_LINES: usize = 6;

/// Requests waiting on servers over time: the most since the point before.
pub fn drawing(note: &str, runs: &Timelines) -> Option<Drawing> {
    let fleets = || runs.iter().filter(|(_, run)| run.server_queues.len() > 1);
    let is_alone = runs.len() == 1;
    let series = fleets().flat_map(|(name, run)| {
        let lines = if is_alone && run.server_queues.len() <= MOST_LINES {
            each(run)
        } else {
            ranked(run, is_alone)
        };
        let named = |(line, points)| Series {
            name: if is_alone { line } else { format!("{name}: {line}") },
            shape: Shape::Steps,
            points,
        };
        lines.into_iter().map(named).collect::<Vec<_>>()
    });
    let series: Vec<Series> = series.collect();
    (!series.is_empty()).then(|| Drawing {
        question: FIGURE.question.to_owned(),
        note: note.to_owned(),
        panels: vec![Panel::Chart(Chart {
            title: String::new(),
            x: ChartAxis::linear("time", Unit::Seconds),
            y: ChartAxis::linear("requests waiting on a server", Unit::Plain),
            series,
            marks: Vec::new(),
        })],
    })
}

type Line = (String, Vec<Point>);

/// A line a server.
fn each(run: &RunOverTime) -> Vec<Line> {
    let servers = run.server_queues.iter().enumerate();
    let lines = servers.map(|(number, waiting)| {
        let points = run.rows.iter().zip(waiting);
        let points = points.map(|(row, &waiting)| Point::at(row.at.seconds(), waiting.into()));
        (format!("server {number}"), points.collect())
    });
    lines.collect()
}

/// The longest queue of each instant, and that of the middle server; of a single run also the shortest.
fn ranked(run: &RunOverTime, has_shortest: bool) -> Vec<Line> {
    let servers = run.server_queues.len();
    let mut ranks = vec![("longest", servers - 1), ("in the middle", servers / 2)];
    if has_shortest {
        ranks.push(("shortest", 0));
    }
    let mut lines: Vec<Line> = ranks.iter().map(|(name, _)| ((*name).to_owned(), Vec::new())).collect();
    for (instant, row) in run.rows.iter().enumerate() {
        let waiting = run
            .server_queues
            .iter()
            .filter_map(|waiting| waiting.get(instant).copied());
        let mut waiting: Vec<u32> = waiting.collect();
        waiting.sort_unstable();
        for ((_, points), (_, rank)) in lines.iter_mut().zip(&ranks) {
            points.extend(waiting.get(*rank).map(|&it| Point::at(row.at.seconds(), it.into())));
        }
    }
    lines
}
