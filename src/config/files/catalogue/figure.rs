//! One figure of a GPU, as its file has it.

/// A figure as written, with its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcedFigure {
    /// What it is.
    pub name: &'static str,
    /// The value with its unit.
    pub value: String,
    /// Where it comes from.
    pub source: String,
    /// Whether somebody has compared it with that source.
    pub verified: bool,
}
