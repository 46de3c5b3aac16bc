//! Figures: one file each, from what a study found to a drawing. The title of a figure is the question it answers.

pub mod accuracy;
pub mod bars;
pub mod cdf;
pub mod heat_map;
mod key_axis;
pub mod lines;
pub mod load_curve;
pub mod over_time;
pub mod pareto;
pub mod prefix_hits;

/// What a figure is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Its name in files.
    pub name: &'static str,
    /// What it answers; its title.
    pub question: &'static str,
    /// What it is drawn from.
    pub needs: &'static str,
}

/// Every figure.
pub const FIGURES: [&Figure; 11] = [
    &load_curve::LATENCY_VS_CONCURRENCY,
    &load_curve::LATENCY_VS_RATE,
    &over_time::QUEUE,
    &over_time::MEMORY,
    &cdf::FIGURE,
    &bars::FIGURE,
    &lines::FIGURE,
    &heat_map::FIGURE,
    &pareto::FIGURE,
    &prefix_hits::FIGURE,
    &accuracy::FIGURE,
];
