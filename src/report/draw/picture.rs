//! Drawings as pictures, the same in SVG and in PNG.

use super::chart::Drawing;
use super::{layout, paint};

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
