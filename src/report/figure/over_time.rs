//! The state of servers over time: who waits, who runs, how full the KV cache is.

use super::events::marked;
use super::kind::{Draws, Figure, Timelines};
use super::part_lines::{answer_times, over_time};
use crate::metrics::{AnswerTimes, RunOverTime, TimelineRow};
use crate::report::draw::chart::{Drawing, Panel, Point, Series, Shape, Unit};
use crate::units::Span;

/// What the queue's figure answers.
pub const QUEUE: Figure = Figure {
    name: "queue",
    question: "How many requests wait, and when?",
    needs: "runs",
    draws: Draws::Timelines(queue),
};

/// What the memory's figure answers.
pub const MEMORY: Figure = Figure {
    name: "memory",
    question: "How many requests run at once, and does their memory suffice?",
    needs: "runs",
    draws: Draws::Timelines(memory),
};

/// What the figure of failures answers.
pub const FAILURES: Figure = Figure {
    name: "failures",
    question: "What do failures do to clients, and for how long?",
    needs: "runs of a fleet in which servers were lost",
    draws: Draws::Timelines(failures),
};

/// What the figure of an autoscaler answers.
pub const SCALING: Figure = Figure {
    name: "scaling",
    question: "Do servers come when they are needed?",
    needs: "runs of a fleet with an autoscaler",
    draws: Draws::Timelines(scaling),
};

/// What the figure of latencies over time answers.
pub const LATENCY: Figure = Figure {
    name: "latency",
    question: "How long do requests take, and when?",
    needs: "runs",
    draws: Draws::Timelines(latencies),
};

/// Requests waiting over time: the most since the point before, so that no burst between two points is lost.
pub fn queue(note: &str, runs: &Timelines) -> Option<Drawing> {
    Some(marked(
        &QUEUE,
        note,
        vec![panel("", "requests waiting", Unit::Plain, runs, |row| {
            row.waiting_max.into()
        })],
        runs,
    ))
}

/// Requests running and KV usage over time: the most since the point before.
pub fn memory(note: &str, runs: &Timelines) -> Option<Drawing> {
    Some(marked(
        &MEMORY,
        note,
        vec![
            panel("requests running", "requests", Unit::Plain, runs, |row| {
                row.running_max.into()
            }),
            panel("KV cache in use", "of all blocks", Unit::Share, runs, |row| {
                row.kv_usage_max
            }),
        ],
        runs,
    ))
}

/// Requests outstanding, how long they took and servers ready over time, where a server was not.
pub fn failures(note: &str, runs: &Timelines) -> Option<Drawing> {
    let changes = |rows: &[TimelineRow]| rows.windows(2).any(|pair| pair[0].ready != pair[1].ready);
    let is_scaled = runs
        .iter()
        .any(|(_, run)| run.rows.iter().any(|row| row.wanted.is_some()));
    if is_scaled || !runs.iter().any(|(_, run)| changes(&run.rows)) {
        return None;
    }
    let outstanding = panel(
        "requests that have not ended, at servers or with clients",
        "requests",
        Unit::Plain,
        runs,
        |row| row.outstanding.into(),
    );
    let took = latency(
        "how long the requests took that were answered, in the mean",
        runs,
        |took| took.mean,
    );
    let ready = panel("servers that take requests", "servers", Unit::Plain, runs, |row| {
        row.ready.into()
    });
    Some(marked(&FAILURES, note, vec![outstanding, took, ready], runs))
}

/// Servers wanted, there and ready over time, and requests outstanding, where servers came and went by a rule.
pub fn scaling(note: &str, runs: &Timelines) -> Option<Drawing> {
    let mut series = Vec::new();
    for (name, RunOverTime { rows, .. }) in runs {
        let first_look = rows.iter().position(|row| row.wanted.is_some())?;
        let mut add = |what: &str, rows: &[TimelineRow], of: fn(&TimelineRow) -> f64| {
            let name = if name.is_empty() {
                what.to_owned()
            } else {
                format!("{name}: {what}")
            };
            series.push(steps(name, rows, of));
        };
        add("wanted", &rows[first_look..], |row| row.wanted.unwrap_or(0).into());
        add("ready", rows, |row| row.ready.into());
    }
    let servers = chart("servers", "servers", Unit::Plain, series);
    let outstanding = panel("requests that have not ended", "requests", Unit::Plain, runs, |row| {
        row.outstanding.into()
    });
    Some(Drawing {
        question: SCALING.question.to_owned(),
        note: note.to_owned(),
        panels: vec![servers, outstanding],
    })
}

/// How long the requests took that were answered, over time: in the mean, and the longest of all.
pub fn latencies(note: &str, runs: &Timelines) -> Option<Drawing> {
    if !runs
        .iter()
        .any(|(_, run)| run.rows.iter().any(|row| row.answered.is_some()))
    {
        return None;
    }
    Some(marked(
        &LATENCY,
        note,
        vec![
            latency("in the mean", runs, |took| took.mean),
            latency("the longest", runs, |took| took.max),
        ],
        runs,
    ))
}

/// How long the requests took that were answered, since the point before; where none were there is no point.
fn latency(title: &str, runs: &Timelines, of: fn(AnswerTimes) -> Span) -> Panel {
    let series = runs.iter().map(|(name, run)| {
        let instants = run.rows.iter().map(|row| (row.at, row.answered));
        answer_times((*name).to_owned(), instants, of)
    });
    chart(title, "end-to-end latency", Unit::Seconds, series.collect())
}

fn panel(title: &str, y: &str, unit: Unit, runs: &Timelines, of: impl Fn(&TimelineRow) -> f64) -> Panel {
    let series = runs.iter().map(|(name, run)| steps((*name).to_owned(), &run.rows, &of));
    chart(title, y, unit, series.collect())
}

fn steps(name: String, rows: &[TimelineRow], of: impl Fn(&TimelineRow) -> f64) -> Series {
    Series {
        name,
        shape: Shape::Steps,
        points: rows.iter().map(|row| Point::at(row.at.seconds(), of(row))).collect(),
    }
}

/// A run that goes on for so many times as long as the shortest is cut off there, so that the others can be seen.
const LONGEST_SHOWN: f64 = 3.0;

/// The curves up to where the longest of them leaves room for the shortest to be seen; what goes on says so.
fn comparable(mut series: Vec<Series>) -> Vec<Series> {
    let last = |series: &Series| series.points.last().map(|point| point.x);
    let shortest = series.iter().filter_map(last).fold(f64::INFINITY, f64::min);
    let end = LONGEST_SHOWN * shortest;
    for curve in &mut series {
        if let Some(until) = last(curve).filter(|last| *last > end) {
            curve.points.retain(|point| point.x <= end);
            curve.name = format!("{} (goes on to {})", curve.name, Unit::Seconds.write(until));
        }
    }
    series
}

fn chart(title: &str, y: &str, unit: Unit, series: Vec<Series>) -> Panel {
    over_time(title, y, unit, comparable(series))
}
