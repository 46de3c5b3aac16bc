//! What a report for sharing says: one self-contained page.
//!
//! Its charts are data that `charts.js` draws with uPlot, which gives scales, legend and pointer, in the ranges,
//! colours and dashes that pictures have. All is inlined, and a policy in the page forbids fetching.

mod chart_json;
mod escape;
mod heat_table;
mod html;
mod page_json;
mod parts;

pub use parts::{Block, Page, Section, Tile, Tone};

/// What draws charts and sorts tables, for pages that get them as JSON ([`Page::to_json`]).
pub const SCRIPTS: &str = concat!(
    "// Charts are drawn by uPlot 1.6.32.\n/*\n",
    include_str!("uplot/LICENSE"),
    "*/\n",
    include_str!("uplot/uPlot.iife.min.js"),
    "\n",
    include_str!("numbers.js"),
    include_str!("charts.js"),
);
/// How pages look.
pub const STYLES: &str = concat!(include_str!("uplot/uPlot.min.css"), "\n", include_str!("page.css"));
