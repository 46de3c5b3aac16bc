//! Figures: one file each, from what a study found to a drawing. The title of a figure is the question it answers.

pub mod accuracy;

/// What a figure is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Its name in files.
    pub name: &'static str,
    /// What it answers; its title.
    pub question: &'static str,
}

/// Every figure.
pub const FIGURES: [&Figure; 1] = [&accuracy::FIGURE];
