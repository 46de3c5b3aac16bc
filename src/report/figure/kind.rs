//! What a figure says of itself.

use crate::metrics::{Recording, RunOverTime};
use crate::report::draw::chart::Drawing;
use crate::report::files::results::SweepPoints;
use crate::report::verb::compare::CompareReport;
use crate::report::verb::curve::CurveReport;
use crate::study::Comparison;

/// A kind of figure.
#[derive(Clone, Copy, Debug)]
pub struct Figure {
    /// Its name in files.
    pub name: &'static str,
    /// What it answers; its title.
    pub question: &'static str,
    /// What it is drawn from, in words.
    pub needs: &'static str,
    /// What it is drawn from, and who draws it.
    pub draws: Draws,
}

/// A figure and a drawing of it.
pub type Drawn = (&'static Figure, Drawing);

/// What was recorded of runs, each with its name.
pub type Recordings<'a> = [(&'a str, &'a Recording)];

/// The states of servers at regular instants, each with its run's name.
pub type Timelines<'a> = [(&'a str, RunOverTime)];

/// What a figure is drawn from, and the function that draws it; below most drawings stands a note.
#[derive(Clone, Copy, Debug)]
pub enum Draws {
    /// Curves of latency and throughput against load.
    Curve(fn(&CurveReport) -> Drawing),
    /// Variations side by side.
    Contest(fn(&CompareReport) -> Drawing),
    /// Runs as they went on, but for those of which there is nothing to be seen.
    Timelines(fn(&str, &Timelines) -> Option<Drawing>),
    /// Runs as a whole, but for those of which there is nothing to be seen.
    Recordings(fn(&str, &Recordings) -> Option<Drawing>),
    /// Results of sweeps, but for those that do not hold what it takes.
    Sweep(fn(&SweepPoints, &str) -> Option<Drawing>),
    /// Experiments that were both measured and predicted.
    Comparisons(fn(&[&Comparison]) -> Drawing),
}
