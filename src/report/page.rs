//! What a report for sharing says: one self-contained page.
//!
//! Its charts are data that `page.js` draws with uPlot, which gives scales, legend and pointer, in the ranges, colours
//! and dashes that pictures have. All is inlined, and a policy in the page forbids fetching.

mod chart_json;
mod heat_table;
mod html;

use super::chart::Drawing;
use super::table::Table;

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
