//! Drawings, and their pictures.
//!
//! A drawing says what is shown (`chart`). `layout` gives everything a place, as lines, areas and words (`sketch`);
//! `paint` makes SVG of these, a file or an element of a page (`embedded`), and `png` renders such a file. Letters of
//! PNG files come with the program (`font/`): no system's fonts are asked for.

mod axes;
pub mod chart;
mod chart_panel;
mod embedded;
mod heat_map_panel;
mod labels;
mod layout;
mod paint;
mod picture;
mod png;
mod scale;
mod series;
mod sizes;
mod sketch;
mod style;
mod text;
mod unit;
mod viridis;

pub(super) use embedded::{EmbeddedChart, embedded, legend};
pub use picture::{Lettering, lettering, to_png, to_svg};
pub(super) use sketch::WHITE;
pub(super) use style::Styles;
pub(super) use viridis::Shades;
