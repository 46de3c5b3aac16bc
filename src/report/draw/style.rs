//! What tells series apart: colour, mark and dashes, so that none of them is needed alone.

use std::collections::BTreeMap;

use super::sketch::{Colour, Dashes, GREY, Rect, Sketch, Spot};
use crate::report::draw::chart::{Drawing, Panel, Series, Shape};

/// Colours are those of Okabe and Ito (2008), which people of all kinds of colour vision tell apart, without yellow,
/// which is too pale for a line: <https://jfly.uni-koeln.de/color/>.
const COLOURS: [Colour; 7] = [
    Colour(0, 114, 178),
    Colour(213, 94, 0),
    Colour(0, 158, 115),
    Colour(204, 121, 167),
    Colour(230, 159, 0),
    Colour(86, 180, 233),
    Colour(0, 0, 0),
];

const DASHES: [Dashes; 4] = [&[], &[7.0, 4.0], &[2.0, 3.0], &[9.0, 3.0, 2.0, 3.0]];
/// Of lines that others are compared with.
const GUIDE_DASHES: [Dashes; 3] = [&[], &[5.0, 4.0], &[2.0, 3.0]];

/// Half of a mark's width [px].
pub const MARK: f64 = 4.5;

/// How a series looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesStyle {
    pub colour: Colour,
    pub dashes: Dashes,
    pub width: f64,
    mark: Mark,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mark {
    /// Corners, clockwise, in units of the size.
    Filled(&'static [Spot]),
    /// Strokes between pairs of places.
    Lines(&'static [[Spot; 2]]),
    Disc,
    Ring,
}

const TRIANGLE: &[Spot] = &[(0.0, -1.1), (1.0, 0.8), (-1.0, 0.8)];
const SQUARE: &[Spot] = &[(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)];
const DIAMOND: &[Spot] = &[(0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)];
const CROSS: &[[Spot; 2]] = &[[(-0.9, -0.9), (0.9, 0.9)], [(-0.9, 0.9), (0.9, -0.9)]];
const PLUS: &[[Spot; 2]] = &[[(-1.1, 0.0), (1.1, 0.0)], [(0.0, -1.1), (0.0, 1.1)]];

const MARKS: [Mark; 7] = [
    Mark::Disc,
    Mark::Filled(SQUARE),
    Mark::Filled(TRIANGLE),
    Mark::Filled(DIAMOND),
    Mark::Lines(CROSS),
    Mark::Ring,
    Mark::Lines(PLUS),
];

/// The styles of the series of a drawing: the same name looks the same in all panels.
pub struct Styles(BTreeMap<(bool, String), usize>);

impl Styles {
    pub fn of(drawing: &Drawing) -> Self {
        let mut numbers = BTreeMap::new();
        let mut next = [0; 2];
        let charts = drawing.panels.iter().filter_map(|panel| match panel {
            Panel::Chart(chart) => Some(chart),
            Panel::HeatMap(_) => None,
        });
        for series in charts.flat_map(|chart| &chart.series) {
            numbers.entry(key(series)).or_insert_with(|| {
                let next = &mut next[usize::from(is_guide(series))];
                *next += 1;
                *next - 1
            });
        }
        Self(numbers)
    }

    /// The number of a series, the same in all panels.
    pub fn number(&self, series: &Series) -> usize {
        let number = self.0.get(&key(series)).copied().unwrap_or(0);
        2 * number + usize::from(is_guide(series))
    }

    /// Of a series of the drawing.
    pub fn style(&self, series: &Series) -> SeriesStyle {
        let number = self.0.get(&key(series)).copied().unwrap_or(0);
        if is_guide(series) {
            return SeriesStyle {
                colour: GREY,
                dashes: GUIDE_DASHES[number % GUIDE_DASHES.len()],
                width: 1.0,
                mark: Mark::Disc,
            };
        }
        let round = number / COLOURS.len();
        let dashes = match series.shape {
            Shape::Line | Shape::Steps => number + round,
            _ => round,
        };
        SeriesStyle {
            colour: COLOURS[number % COLOURS.len()],
            dashes: DASHES[dashes % DASHES.len()],
            width: 2.0,
            mark: MARKS[(number + round) % MARKS.len()],
        }
    }
}

fn is_guide(series: &Series) -> bool {
    series.shape == Shape::Guide
}

fn key(series: &Series) -> (bool, String) {
    (is_guide(series), series.name.clone())
}

impl SeriesStyle {
    /// Its mark around a place.
    pub fn draw_mark(&self, sketch: &mut Sketch, centre: Spot) {
        let at = |&(x, y): &Spot| (centre.0 + MARK * x, centre.1 + MARK * y);
        match self.mark {
            Mark::Filled(corners) => {
                sketch.area(corners.iter().map(at).collect(), self.colour, 1.0);
            }
            Mark::Lines(strokes) => {
                for ends in strokes {
                    sketch.line(ends.iter().map(at).collect(), self.colour, 2.0);
                }
            }
            Mark::Disc => sketch.circle(centre, 0.85 * MARK, self.colour, None),
            Mark::Ring => sketch.circle(centre, 0.85 * MARK, self.colour, Some(2.0)),
        }
    }

    /// What stands before its name in the legend.
    pub fn draw_sample(&self, sketch: &mut Sketch, shape: Shape, rect: &Rect) {
        let (x, y) = rect.centre();
        if shape.is_bar() {
            sketch.fill(&Rect::around((x, y), 5.0), self.colour);
            return;
        }
        if !matches!(shape, Shape::Points) {
            let ends = vec![(rect.left, y), (rect.right, y)];
            sketch.dashed(ends, self.colour, self.width, self.dashes);
        }
        if matches!(shape, Shape::Curve | Shape::Points) {
            self.draw_mark(sketch, (x, y));
        }
    }
}
