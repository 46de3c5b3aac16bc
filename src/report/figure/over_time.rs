//! The state of servers over time: who waits, who runs, how full the KV cache is.

use super::kind::{Draws, Figure, Timelines};
use crate::metrics::TimelineRow;
use crate::report::draw::chart::{Chart, ChartAxis, Drawing, Panel, Point, Series, Shape, Unit};

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

/// Requests waiting over time: the most since the point before, so that no burst between two points is lost.
pub fn queue(note: &str, runs: &Timelines) -> Drawing {
    Drawing {
        question: QUEUE.question.to_owned(),
        note: note.to_owned(),
        panels: vec![panel("", "requests waiting", Unit::Plain, runs, |row| {
            row.waiting_max.into()
        })],
    }
}

/// Requests running and KV usage over time.
pub fn memory(note: &str, runs: &Timelines) -> Drawing {
    Drawing {
        question: MEMORY.question.to_owned(),
        note: note.to_owned(),
        panels: vec![
            panel("requests running", "requests", Unit::Plain, runs, |row| {
                row.running.into()
            }),
            panel("KV cache in use", "of all blocks", Unit::Share, runs, |row| {
                row.kv_usage
            }),
        ],
    }
}

fn panel(title: &str, y: &str, unit: Unit, runs: &Timelines, of: impl Fn(&TimelineRow) -> f64) -> Panel {
    let series = runs.iter().map(|(name, rows)| Series {
        name: (*name).to_owned(),
        shape: Shape::Steps,
        points: rows.iter().map(|row| Point::at(row.at.seconds(), of(row))).collect(),
    });
    Panel::Chart(Chart {
        title: title.to_owned(),
        x: ChartAxis::linear("time", Unit::Seconds),
        y: ChartAxis::linear(y, unit),
        series: series.collect(),
        marks: Vec::new(),
    })
}
