//! What a report for sharing says: one self-contained page.
//!
//! Its charts are the pictures of `draw`, as elements of the page, and work without a script; `charts.js` says what
//! stands under the pointer, takes series away and shows a part of the time. All is inlined, and a policy in the page
//! forbids fetching.

mod chart_json;
mod figure_html;
mod heat_table;
mod html;
mod page_json;
mod parts;

pub use parts::{Block, Page, Section, Tile, Tone};

/// What makes charts answer, for pages that get them as JSON ([`Page::to_json`]).
pub const SCRIPTS: &str = concat!(include_str!("numbers.js"), include_str!("charts.js"));
/// How pages look.
pub const STYLES: &str = include_str!("page.css");
