//! Which limit of the servers keeps requests waiting, over time.

use super::events::marked;
use super::kind::{Draws, Figure, Timelines};
use super::part_lines::over_time;
use crate::metrics::{Binding, LIMITS, RunOverTime};
use crate::report::draw::chart::{Drawing, Point, Series, Shape, Unit};

/// What the figure answers.
pub const FIGURE: Figure = Figure {
    name: "limits",
    question: "What keeps requests waiting, and when?",
    needs: "runs",
    draws: Draws::Timelines(drawing),
};

/// The part of the time in which requests waited for each limit, since the point before; `None` if none ever did. Of
/// several runs only the limit that each waited for longest.
pub fn drawing(note: &str, runs: &Timelines) -> Option<Drawing> {
    let is_alone = runs.len() == 1;
    let mut series = Vec::new();
    for (name, run) in runs {
        let mut found = limits_of(run);
        if !is_alone {
            found.truncate(1);
        }
        series.extend(found.into_iter().map(|place| Series {
            name: if is_alone {
                words(LIMITS[place]).to_owned()
            } else {
                format!("{name}: {}", words(LIMITS[place]))
            },
            shape: Shape::Steps,
            points: points(run, place),
        }));
    }
    (!series.is_empty()).then(|| {
        marked(
            &FIGURE,
            note,
            vec![over_time("", "time in which requests wait for it", Unit::Share, series)],
            runs,
        )
    })
}

/// The places of the limits that requests waited for, the one that they waited for longest first.
fn limits_of(run: &RunOverTime) -> Vec<usize> {
    let sum = |place: usize| -> f64 { run.limits.iter().map(|waited| waited[place]).sum() };
    let mut found: Vec<(f64, usize)> = (0..LIMITS.len()).map(|place| (sum(place), place)).collect();
    found.retain(|(sum, _)| *sum > 0.0);
    found.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    found.into_iter().map(|(_, place)| place).collect()
}

fn points(run: &RunOverTime, place: usize) -> Vec<Point> {
    let instants = run.rows.iter().zip(&run.limits);
    let points = instants.map(|(row, waited)| Point::at(row.at.seconds(), waited[place]));
    points.collect()
}

const fn words(limit: Binding) -> &'static str {
    match limit {
        Binding::KvCapacity => "room in the KV cache",
        Binding::RequestSlots => "a free place among the running",
        Binding::TokenBudget => "tokens left in the step",
        Binding::BatchUnderWay => "the batch under way to end",
        Binding::Compute | Binding::Nothing => "nothing",
    }
}
