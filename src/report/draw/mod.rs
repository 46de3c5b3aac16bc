//! Drawings, and their pictures.
//!
//! A drawing says what is shown (`chart`), however it is drawn: as SVG, as PNG, or in a page. `layout` gives everything
//! a place, as lines, areas and words (`sketch`); `paint` puts these onto plotters' backends, the only place where the
//! formats differ. Letters of pictures come with the program (`font/`): no system's fonts are asked for.

mod axes;
pub mod chart;
mod chart_panel;
mod heat_map_panel;
mod labels;
mod layout;
mod paint;
mod picture;
mod scale;
mod series;
mod sizes;
mod sketch;
mod style;
mod text;
mod unit;
mod viridis;

pub(super) use chart_panel::scales;
pub use picture::{to_png, to_svg};
pub(super) use style::Styles;
pub(super) use viridis::{Shades, colour};
