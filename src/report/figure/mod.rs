//! Figures: one file each, from what a study found to a drawing. The title of a figure is the question it answers.

pub mod accuracy;
pub mod bars;
pub mod cdf;
pub mod load_curve;
pub mod of_results;
pub mod over_time;

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
    &of_results::LINES,
    &of_results::HEAT_MAP,
    &of_results::PARETO,
    &of_results::PREFIX_HITS,
    &accuracy::FIGURE,
];
