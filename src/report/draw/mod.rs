//! Drawings as pictures, the same in SVG and in PNG.
//!
//! `layout` gives everything a place, as lines, areas and words (`sketch`); `paint` puts these onto plotters' backends,
//! the only place where the formats differ. Letters of pictures come with the program (`font/`): no system's fonts are
//! asked for.

mod axes;
mod chart_panel;
mod heat_map_panel;
mod labels;
mod layout;
mod paint;
mod scale;
mod series;
mod sketch;
mod style;
mod text;
mod viridis;

use super::chart::Drawing;

pub(super) use chart_panel::scales;
pub(super) use style::Styles;
pub(super) use viridis::{Shades, colour};

/// The drawing as the text of an SVG file.
pub fn to_svg(drawing: &Drawing) -> String {
    let (sketch, size) = layout::laid_out(drawing);
    paint::svg(&sketch, size)
}

/// The drawing as a PNG file.
pub fn to_png(drawing: &Drawing) -> Vec<u8> {
    let (sketch, size) = layout::laid_out(drawing);
    paint::png(&sketch, size)
}
