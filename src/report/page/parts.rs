//! What a report for sharing says: a verdict, and sections of text, tables and figures.

use crate::report::draw::chart::Drawing;
use crate::report::text::table::Table;

/// A report as one page.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// What was asked, in a line.
    pub title: String,
    /// The answer, in a sentence or a few.
    pub verdict: String,
    /// Whether the verdict is good news.
    pub tone: Tone,
    /// What it consists of, from above.
    pub sections: Vec<Section>,
}

/// How a verdict is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// What was asked for holds.
    Good,
    /// What was asked for does not hold.
    Bad,
    /// There is no judgement in it.
    Plain,
}

/// A part of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// What stands above it.
    pub heading: String,
    /// What stands in it, in this order.
    pub blocks: Vec<Block>,
}

/// A number that matters.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    /// What it is: "TTFT p99".
    pub label: String,
    /// The number with its unit.
    pub value: String,
}

/// What stands in a section.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// The few numbers that matter most, large and side by side.
    Tiles(Vec<Tile>),
    /// A paragraph of plain text.
    Text(String),
    /// Points of a list.
    List(Vec<String>),
    /// Text as it was written: a command, a scenario.
    Verbatim(String),
    /// A table whose columns sort.
    Table(Table),
    /// A figure that shows values under the pointer.
    Drawing(Drawing),
}
