//! Sizes that the parts of a drawing share.

use super::sketch::{Anchor, GREY, Rect, Sketch};

pub const PANEL_TITLE_SIZE: f64 = 15.0;
pub const AXIS_TITLE_SIZE: f64 = 13.0;
pub const LABEL_SIZE: f64 = 12.0;
/// From one line of words to the next, in sizes.
pub const LEADING: f64 = 1.35;

/// How much of its height a panel needs for what [px].
#[derive(Clone, Copy, Debug, Default)]
pub struct Heights {
    pub above: f64,
    pub between_axes: f64,
    pub below: f64,
}

/// Room left and right of a plot [px].
#[derive(Clone, Copy, Debug, Default)]
pub struct Sides {
    pub left: f64,
    pub right: f64,
}

/// Says so in the middle of a place where something else would stand.
pub fn no_data(sketch: &mut Sketch, rect: &Rect) {
    let (x, y) = rect.centre();
    sketch.words("no data", (x, y + 5.0), Anchor::Middle, 14.0, GREY);
}
