//! What a report for sharing says: one self-contained page.
//!
//! Its charts are data that `page.js` draws with uPlot, which gives scales, legend and pointer, in the ranges, colours
//! and dashes that pictures have. All is inlined, and a policy in the page forbids fetching.

mod chart_json;
mod escape;
mod heat_table;
mod html;
mod parts;

pub use parts::{Block, Page, Section, Tone};
