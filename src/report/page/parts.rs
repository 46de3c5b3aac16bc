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
    /// Its parts.
    pub sections: Vec<Section>,
}

/// How a verdict is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// What was asked for holds.
    Good,
    /// It does not.
    Bad,
    /// There is no judgement in it.
    Plain,
}

/// A part of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Its heading.
    pub heading: String,
    /// What stands in it, in this order.
    pub blocks: Vec<Block>,
}

/// What stands in a section.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A paragraph.
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
