//! What becomes of servers, as marks on figures over time.

use super::kind::{Figure, Timelines};
use crate::engine::ServerChange;
use crate::metrics::ChangeOfServer;
use crate::report::draw::chart::{Drawing, Mark, Panel};

/// More changes than this are not named: nobody could read the names.
const MOST_NAMES: usize = 6;
/// More lines than this would hide what they are drawn on.
const MOST_LINES: usize = 60;

/// A figure's drawing, with a mark at each failure of a server and at its end, if it shows a single run.
pub fn marked(figure: &Figure, note: &str, panels: Vec<Panel>, runs: &Timelines) -> Drawing {
    let mut drawing = Drawing {
        question: figure.question.to_owned(),
        note: note.to_owned(),
        panels,
    };
    if let [(_, run)] = runs {
        for panel in &mut drawing.panels {
            if let Panel::Chart(chart) = panel {
                chart.marks.extend(marks(&run.changes));
            }
        }
    }
    drawing
}

fn marks(changes: &[ChangeOfServer]) -> Vec<Mark> {
    let shown: Vec<(&ChangeOfServer, &str)> = changes
        .iter()
        .filter_map(|change| Some((change, words(change.change)?)))
        .collect();
    if shown.len() > MOST_LINES {
        return Vec::new();
    }
    let is_named = shown.len() <= MOST_NAMES;
    let mark = |(it, words): &(&ChangeOfServer, &str)| Mark {
        is_vertical: true,
        at: it.at.seconds(),
        name: if is_named {
            format!("server {} {words}", it.server.0)
        } else {
            String::new()
        },
    };
    shown.iter().map(mark).collect()
}

/// What is said behind the server's number; `None` of what is no failure, nor the end of one.
const fn words(change: ServerChange) -> Option<&'static str> {
    match change {
        ServerChange::Crashed => Some("crashes"),
        ServerChange::Reclaimed => Some("is reclaimed"),
        ServerChange::Gone => Some("is gone"),
        ServerChange::CutOff => Some("is cut off"),
        ServerChange::Reached => Some("is reached"),
        ServerChange::Slowed => Some("slows down"),
        ServerChange::AsFastAgain => Some("is as fast again"),
        ServerChange::OutOfMemory => Some("is out of memory"),
        ServerChange::Back => Some("is back"),
        ServerChange::BreakerClosed
        | ServerChange::FoundMissing
        | ServerChange::Warming
        | ServerChange::Warm
        | ServerChange::Starting
        | ServerChange::Started
        | ServerChange::Draining
        | ServerChange::Stopped => None,
    }
}
