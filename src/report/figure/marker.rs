//! Marks that differ in colour and in shape, so that neither is needed alone.

use plotters::backend::DrawingBackend;
use plotters::coord::Shift;
use plotters::element::{Circle, PathElement, Polygon};
use plotters::prelude::{DrawingArea, DrawingAreaErrorKind};
use plotters::style::{Color, RGBColor, ShapeStyle};

/// What stands for a statistic.
#[derive(Clone, Copy)]
pub struct Marker {
    colour: RGBColor,
    shape: Shape,
}

#[derive(Clone, Copy)]
enum Shape {
    /// Corners, clockwise, in units of the size.
    Filled(&'static [(f64, f64)]),
    /// Lines.
    Lines(&'static [[(f64, f64); 2]]),
    Disc,
    Ring,
}

/// Half of a mark's width [px].
const SIZE: f64 = 5.0;

const TRIANGLE: &[(f64, f64)] = &[(0.0, -1.1), (1.0, 0.8), (-1.0, 0.8)];
const SQUARE: &[(f64, f64)] = &[(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)];
const DIAMOND: &[(f64, f64)] = &[(0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)];
const CROSS: &[[(f64, f64); 2]] = &[[(-0.9, -0.9), (0.9, 0.9)], [(-0.9, 0.9), (0.9, -0.9)]];
const PLUS: &[[(f64, f64); 2]] = &[[(-1.1, 0.0), (1.1, 0.0)], [(0.0, -1.1), (0.0, 1.1)]];

/// One for each statistic, in their order. Colours are those of Okabe and Ito (2008), which people of all kinds of colour vision tell apart:
/// <https://jfly.uni-koeln.de/color/>.
pub const MARKERS: [Marker; 7] = [
    marker(0, 0, 0, Shape::Disc),
    marker(0, 114, 178, Shape::Filled(TRIANGLE)),
    marker(230, 159, 0, Shape::Filled(SQUARE)),
    marker(0, 158, 115, Shape::Filled(DIAMOND)),
    marker(213, 94, 0, Shape::Lines(CROSS)),
    marker(204, 121, 167, Shape::Lines(PLUS)),
    marker(86, 180, 233, Shape::Ring),
];

const fn marker(red: u8, green: u8, blue: u8, shape: Shape) -> Marker {
    Marker {
        colour: RGBColor(red, green, blue),
        shape,
    }
}

impl Marker {
    /// Draws it around a pixel.
    pub fn draw<B: DrawingBackend>(
        self,
        area: &DrawingArea<B, Shift>,
        centre: (i32, i32),
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let at = |&(x, y): &(f64, f64)| {
            (
                centre.0 + (SIZE * x).round() as i32,
                centre.1 + (SIZE * y).round() as i32,
            )
        };
        let lines = ShapeStyle {
            color: self.colour.to_rgba(),
            filled: false,
            stroke_width: 2,
        };
        let filled = self.colour.mix(0.8).filled();
        match self.shape {
            Shape::Filled(corners) => {
                let corners: Vec<(i32, i32)> = corners.iter().map(at).collect();
                area.draw(&Polygon::new(corners, filled))
            }
            Shape::Lines(strokes) => {
                for ends in strokes {
                    let ends: Vec<(i32, i32)> = ends.iter().map(at).collect();
                    area.draw(&PathElement::new(ends, lines))?;
                }
                Ok(())
            }
            Shape::Disc => area.draw(&Circle::new(centre, 0.8 * SIZE, filled)),
            Shape::Ring => area.draw(&Circle::new(centre, 0.9 * SIZE, lines)),
        }
    }
}
