//! A heat map in its place.

use super::axes::{Above, Below, Beside};
use super::scale::Scale;
use super::sizes::{Heights, LABEL_SIZE, Sides, no_data};
use super::sketch::{Anchor, Colour, GREY, INK, Rect, Sketch, Spot};
use super::text;
use super::viridis::Shades;
use crate::report::draw::chart::{ChartAxis, Good, HeatMap};

/// Height of a row, at least and at most [px].
const LEAST_ROW: f64 = 26.0;
const MOST_ROW: f64 = 56.0;
/// Values are written no smaller than this [px].
const LEAST_SIZE: f64 = 8.0;
/// Behind cells without a value.
const NOTHING: Colour = Colour(235, 235, 235);
/// Of the colour legend [px].
const STRIP: f64 = 12.0;
const STRIP_GAP: f64 = 14.0;
const SHADES: usize = 50;
/// Numbers beside the colour legend, at most.
const NUMBERS: usize = 5;

/// A heat map, with everything in it measured.
pub struct HeatMapPanel<'a> {
    map: &'a HeatMap,
    shades: Option<Shades>,
    above: Above,
    beside: Beside,
    below: Below,
    plot_left: f64,
    plot_width: f64,
    pub heights: Heights,
}

impl<'a> HeatMapPanel<'a> {
    /// The panel of a map, its cells with at least so much room at their sides.
    pub fn new(map: &'a HeatMap, (width, height): (f64, f64), least: Sides) -> Self {
        let (columns, rows) = size(map);
        let shades = Shades::of(map);
        let height = if shades.is_some() {
            height.clamp(LEAST_ROW * rows as f64, MOST_ROW * rows as f64)
        } else {
            height
        };
        // Axes of numbers have no cells; give them empty names instead.
        let x = with_names(&map.x, columns);
        let y = with_names(&map.y, rows);
        let (x_scale, y_scale) = (named(&x), named(&y));
        let beside = Beside::new(&y, &y_scale, height);
        let numbers = shades.map_or(0.0, |shades| {
            let widths = legend(&shades, map, height)
                .into_iter()
                .map(|(_, text)| text::width(&text, LABEL_SIZE));
            STRIP_GAP + STRIP + 5.0 + widths.fold(0.0, f64::max)
        });
        let plot_left = beside.width.max(least.left);
        let plot_width = width - plot_left - numbers.max(least.right);
        let below = Below::new(&x, &x_scale, plot_width);
        let above = Above::new(&titled(map), &map.y.title, width);
        let heights = Heights {
            above: above.height,
            between_axes: height,
            below: below.height,
        };
        Self {
            map,
            shades,
            above,
            beside,
            below,
            plot_left,
            plot_width,
            heights,
        }
    }

    /// The room at the sides of its cells, in a panel of this width.
    pub fn sides(&self, width: f64) -> Sides {
        Sides {
            left: self.plot_left,
            right: width - self.plot_left - self.plot_width,
        }
    }

    /// Draws it from a place on, its axes so far below.
    pub fn draw(&self, sketch: &mut Sketch, (left, top): Spot, above: f64) {
        let rect = Rect::new(
            left + self.plot_left,
            top + above,
            self.plot_width,
            self.heights.between_axes,
        );
        self.above.draw(sketch, (left, top));
        self.beside.draw(sketch, &rect, false);
        self.below.draw(sketch, &rect, false);
        let Some(shades) = self.shades else {
            let corners = [
                (rect.left, rect.top),
                (rect.left, rect.bottom),
                (rect.right, rect.bottom),
            ];
            sketch.line(corners.to_vec(), GREY, 1.0);
            return no_data(sketch, &rect);
        };
        self.draw_cells(sketch, &rect, &shades);
        self.draw_legend(sketch, &rect, &shades);
    }

    fn draw_cells(&self, sketch: &mut Sketch, rect: &Rect, shades: &Shades) {
        let (columns, rows) = size(self.map);
        let (width, height) = (rect.width() / columns as f64, rect.height() / rows as f64);
        let value = |row: usize, column: usize| -> Option<f64> {
            let value = *self.map.rows.get(row)?.get(column)?;
            value.filter(|value| value.is_finite())
        };
        let texts = self.map.rows.iter().flatten().flatten();
        let widest = texts
            .map(|value| text::width(&self.map.unit.write(*value), 1.0))
            .fold(0.1, f64::max);
        let font = ((width - 6.0) / widest).min(0.6 * height).min(13.0);
        for row in 0..rows {
            for column in 0..columns {
                let x = rect.left + column as f64 * width;
                let y = rect.bottom - (row + 1) as f64 * height;
                let cell = Rect::new(x + 0.5, y + 0.5, (width - 1.0).max(0.5), height - 1.0);
                let Some(value) = value(row, column) else {
                    sketch.fill(&cell, NOTHING);
                    continue;
                };
                let (colour, ink) = shades.colours(value);
                sketch.fill(&cell, colour);
                if font >= LEAST_SIZE {
                    let (x, y) = cell.centre();
                    let at = (x, y + 0.36 * font);
                    sketch.words(&self.map.unit.write(value), at, Anchor::Middle, font, ink);
                }
            }
        }
    }

    fn draw_legend(&self, sketch: &mut Sketch, rect: &Rect, shades: &Shades) {
        let left = rect.right + STRIP_GAP;
        let step = rect.height() / SHADES as f64;
        for shade in 0..SHADES {
            let y = rect.bottom - (shade + 1) as f64 * step;
            let share = (shade as f64 + 0.5) / SHADES as f64;
            // A hair higher than needed, so that no line shows between two.
            let strip = Rect::new(left, y, STRIP, step + 0.3);
            sketch.fill(&strip, shades.colour(share));
        }
        for (share, text) in legend(shades, self.map, rect.height()) {
            let y = rect.bottom - share * (rect.height() - LABEL_SIZE) - LABEL_SIZE / 2.0;
            let at = (left + STRIP + 5.0, y + 0.36 * LABEL_SIZE);
            sketch.words(&text, at, Anchor::Start, LABEL_SIZE, INK);
        }
    }
}

/// Numbers beside the colours, each at its share of the height [px].
fn legend(shades: &Shades, map: &HeatMap, height: f64) -> Vec<(f64, String)> {
    let count = ((height / (1.3 * LABEL_SIZE)) as usize).min(NUMBERS);
    if shades.least >= shades.most || count < 2 {
        return vec![(0.5, map.unit.write(shades.least))];
    }
    let mut numbers: Vec<(f64, String)> = (0..count)
        .map(|number| number as f64 / (count - 1) as f64)
        .map(|share| (share, map.unit.write(shades.value(share))))
        .collect();
    numbers.dedup_by(|left, right| left.1 == right.1);
    numbers
}

/// What the colours mean, and which are good.
fn titled(map: &HeatMap) -> String {
    match map.good {
        Some(Good::Low) => format!("{} (low is good)", map.title),
        Some(Good::High) => format!("{} (high is good)", map.title),
        None => map.title.clone(),
    }
}

/// Columns and rows: those that have names, and those that have values.
fn size(map: &HeatMap) -> (usize, usize) {
    let longest = map.rows.iter().map(Vec::len).max().unwrap_or(0);
    let columns = longest.max(map.x.names.len()).max(1);
    let rows = map.rows.len().max(map.y.names.len()).max(1);
    (columns, rows)
}

fn with_names(axis: &ChartAxis, count: usize) -> ChartAxis {
    let mut axis = axis.clone();
    axis.names.resize(count, String::new());
    axis
}

fn named(axis: &ChartAxis) -> Scale {
    Scale::around(axis, std::iter::empty(), false)
}
