//! The queue of each server of a fleet over time: whether one has a queue while others have room.

use super::events::marked;
use super::kind::{Draws, Figure, Timelines};
use super::part_lines::{answers, over_time, waiting};
use crate::metrics::RunOverTime;
use crate::report::draw::chart::{Drawing, Panel, Point, Series, Shape, Unit};

/// What the figure answers.
pub const FIGURE: Figure = Figure {
    name: "servers",
    question: "Do all servers have their share of the queue?",
    needs: "runs of a fleet",
    draws: Draws::Timelines(drawing),
};

/// Of more servers than this only the longest, the middle and the shortest queue of each instant are drawn.
const MOST_LINES: usize = 6;

/// Requests waiting on servers over time: the most since the point before; of a single run of a few servers also how
/// long their requests took.
pub fn drawing(note: &str, runs: &Timelines) -> Option<Drawing> {
    let panels = match runs {
        [(_, run)] if (2..=MOST_LINES).contains(&run.servers.len()) => each(run),
        _ => vec![ranked_of_all(runs)?],
    };
    Some(marked(&FIGURE, note, panels, runs))
}

/// A line a server.
fn each(run: &RunOverTime) -> Vec<Panel> {
    let lines = || {
        let servers = run.servers.iter().enumerate();
        servers.map(|(number, rows)| (format!("server {number}"), rows.as_slice()))
    };
    vec![
        waiting("requests waiting on a server", run, lines()),
        answers("how long those took that it answered, in the mean", run, lines()),
    ]
}

/// Lines of ranks for each run of a fleet; `None` if there is no such run.
fn ranked_of_all(runs: &Timelines) -> Option<Panel> {
    let is_alone = runs.len() == 1;
    let fleets = runs.iter().filter(|(_, run)| run.servers.len() > 1);
    let series = fleets.flat_map(|(name, run)| {
        let named = move |(line, points)| Series {
            name: if is_alone { line } else { format!("{name}: {line}") },
            shape: Shape::Steps,
            points,
        };
        ranked(run, is_alone).into_iter().map(named)
    });
    let series: Vec<Series> = series.collect();
    (!series.is_empty()).then(|| over_time("", "requests waiting on a server", Unit::Plain, series))
}

type Line = (String, Vec<Point>);

/// The longest queue of each instant, and that of the middle server; of a single run also the shortest.
fn ranked(run: &RunOverTime, has_shortest: bool) -> Vec<Line> {
    let servers = run.servers.len();
    let mut ranks = vec![("longest", servers - 1), ("in the middle", servers / 2)];
    if has_shortest {
        ranks.push(("shortest", 0));
    }
    let mut lines: Vec<Line> = ranks.iter().map(|(name, _)| ((*name).to_owned(), Vec::new())).collect();
    for (instant, row) in run.rows.iter().enumerate() {
        let waiting = run.servers.iter().filter_map(|rows| Some(rows.get(instant)?.waiting));
        let mut waiting: Vec<u32> = waiting.collect();
        waiting.sort_unstable();
        for ((_, points), (_, rank)) in lines.iter_mut().zip(&ranks) {
            points.extend(waiting.get(*rank).map(|&it| Point::at(row.at.seconds(), it.into())));
        }
    }
    lines
}
