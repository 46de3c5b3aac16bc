//! The classes of traffic over time: whose requests wait, and whose take long.

use super::events::marked;
use super::kind::{Draws, Figure, Timelines};
use super::part_lines::{answers, waiting};
use crate::report::draw::chart::Drawing;

/// What the figure answers.
pub const FIGURE: Figure = Figure {
    name: "classes",
    question: "Whose requests wait, and whose take long?",
    needs: "runs of several classes of traffic",
    draws: Draws::Timelines(drawing),
};

/// More lines could not be told apart; the classes named first are shown.
const MOST_LINES: usize = 8;

/// Requests waiting and how long they took that were answered, a line a class; of a single run of several classes.
pub fn drawing(note: &str, runs: &Timelines) -> Option<Drawing> {
    let [(_, run)] = runs else { return None };
    if run.classes.len() < 2 {
        return None;
    }
    let shown = &run.classes[..run.classes.len().min(MOST_LINES)];
    let lines = || shown.iter().map(|(name, rows)| (name.clone(), rows.as_slice()));
    Some(marked(
        &FIGURE,
        note,
        vec![
            waiting("requests waiting", run, lines()),
            answers("how long they took that were answered, in the mean", run, lines()),
        ],
        runs,
    ))
}
