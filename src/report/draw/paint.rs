//! A sketch onto a backend of plotters: the one place where SVG and PNG differ.

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform, IntoFont, RGBAColor, RGBColor, ShapeStyle, TextStyle};

use super::sketch::{Anchor, Colour, Item, Sketch, Spot, WHITE, Words};
use super::text;

/// Backends take whole pixels, so an SVG file counts in tenths of one.
const SVG_ZOOM: f64 = 10.0;
/// Pixels of the picture for one of the sketch, in both directions: as many as good screens have.
const PNG_ZOOM: u32 = 2;
/// Dots of which each pixel is the mean, in both directions; plotters smooths no slanted edges by itself.
const SMOOTHING: u32 = 2;

/// The family that SVG files ask a viewer for.
const FAMILY: &str = "sans-serif";

/// What plotters calls a font's size there, and how far below a place its words have their base line, in ems.
const SVG_SIZE: f64 = 1.24;
const SVG_BASE_LINE: f64 = 0.76;

/// How a backend differs from others.
#[derive(Clone, Copy)]
struct Habits {
    /// Its pixels for one of the sketch.
    zoom: f64,
    /// Whether it has dots alone: thick lines that are right at sharp corners and letters are up to us then.
    has_dots: bool,
}

const SVG: Habits = Habits {
    zoom: SVG_ZOOM,
    has_dots: false,
};

const BITMAP: Habits = Habits {
    zoom: (PNG_ZOOM * SMOOTHING) as f64,
    has_dots: true,
};

/// The text of an SVG file.
pub fn svg(sketch: &Sketch, (width, height): (u32, u32)) -> String {
    let mut svg = String::new();
    let fine = (width * SVG_ZOOM as u32, height * SVG_ZOOM as u32);
    paint(&mut SVGBackend::with_string(&mut svg, fine), sketch, SVG);
    let size = format!(r#"width="{}" height="{}""#, fine.0, fine.1);
    let shown = format!(r#"width="{width}" height="{height}" stroke-linejoin="round""#);
    svg.replacen(&size, &shown, 1)
}

/// The sketch as a PNG file.
pub fn png(sketch: &Sketch, (width, height): (u32, u32)) -> Vec<u8> {
    let dots = (width * PNG_ZOOM * SMOOTHING, height * PNG_ZOOM * SMOOTHING);
    let mut all_dots = vec![255; 3 * dots.0 as usize * dots.1 as usize];
    paint(&mut BitMapBackend::with_buffer(&mut all_dots, dots), sketch, BITMAP);
    let (width, height) = (width * PNG_ZOOM, height * PNG_ZOOM);
    let pixels = smoothed(&all_dots, width as usize);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder
        .write_header()
        .and_then(|mut writer| {
            writer.write_image_data(&pixels)?;
            writer.finish()
        })
        .expect("nothing can fail in writing to memory");
    file
}

/// A picture whose pixels are the means of squares of dots.
fn smoothed(dots: &[u8], width: usize) -> Vec<u8> {
    let by = SMOOTHING as usize;
    let row = 3 * width * by;
    let mut pixels = Vec::with_capacity(dots.len() / (by * by));
    for rows in dots.chunks_exact(row * by) {
        for x in 0..width {
            for channel in 0..3 {
                let square = (0..by * by).map(|dot| rows[dot / by * row + 3 * (x * by + dot % by) + channel]);
                let sum: u32 = square.map(u32::from).sum();
                pixels.push((sum / (by * by) as u32) as u8);
            }
        }
    }
    pixels
}

fn paint<B: DrawingBackend>(backend: &mut B, sketch: &Sketch, habits: Habits) {
    let mut painter = Painter { backend, habits };
    let (width, height) = painter.backend.get_size();
    let all = [(0, 0), (width.cast_signed(), height.cast_signed())];
    let is_done = painter
        .backend
        .draw_rect(all[0], all[1], &rgb(WHITE).filled(), true)
        .ok()
        .and_then(|()| sketch.items.iter().try_for_each(|item| painter.item(item)))
        .and_then(|()| painter.backend.present().ok());
    assert!(is_done.is_some(), "nothing can fail in memory");
}

/// `None` if the backend failed.
type Painted = Option<()>;

struct Painter<'a, B> {
    backend: &'a mut B,
    habits: Habits,
}

impl<B: DrawingBackend> Painter<'_, B> {
    fn item(&mut self, item: &Item) -> Painted {
        match item {
            Item::Line { points, colour, width } => self.line(points, *colour, *width),
            Item::Area {
                corners,
                colour,
                opacity,
            } => {
                let corners: Vec<_> = corners.iter().map(|corner| self.dot(*corner)).collect();
                let style = rgb(*colour).mix(*opacity).filled();
                self.backend.fill_polygon(corners, &style).ok()
            }
            Item::Circle {
                centre,
                radius,
                colour,
                line,
            } => self.circle(*centre, *radius, *colour, *line),
            Item::Words(words) => self.words(words),
        }
    }

    fn line(&mut self, points: &[Spot], colour: Colour, width: f64) -> Painted {
        let style = self.stroke(colour, width);
        if !self.habits.has_dots {
            let dots: Vec<_> = points.iter().map(|point| self.dot(*point)).collect();
            return self.backend.draw_path(dots, &style).ok();
        }
        for (index, ends) in points.windows(2).enumerate() {
            let (from, to) = (ends[0], ends[1]);
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            if length > 0.0 {
                let across = (
                    (to.1 - from.1) / length * width / 2.0,
                    (from.0 - to.0) / length * width / 2.0,
                );
                let corner = |at: Spot, side: f64| self.dot((at.0 + side * across.0, at.1 + side * across.1));
                let corners = [corner(from, 1.0), corner(to, 1.0), corner(to, -1.0), corner(from, -1.0)];
                self.backend.fill_polygon(corners, &rgb(colour).filled()).ok()?;
            }
            if index > 0 {
                self.circle(from, width / 2.0, colour, None)?;
            }
        }
        Some(())
    }

    fn circle(&mut self, centre: Spot, radius: f64, colour: Colour, line: Option<f64>) -> Painted {
        let style = match line {
            Some(width) => self.stroke(colour, width),
            None => rgb(colour).filled(),
        };
        let radius = (radius * self.habits.zoom).round().max(1.0) as u32;
        let centre = self.dot(centre);
        self.backend.draw_circle(centre, radius, &style, line.is_none()).ok()
    }

    fn words(&mut self, words: &Words) -> Painted {
        if self.habits.has_dots {
            return self.letters(words);
        }
        let horizontal = match words.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let font = (FAMILY, words.size * self.habits.zoom * SVG_SIZE).into_font();
        let font = if words.is_upward {
            font.transform(FontTransform::Rotate270)
        } else {
            font
        };
        let colour = rgb(words.colour);
        let style = TextStyle::from(font)
            .color(&colour)
            .pos(Pos::new(horizontal, VPos::Top));
        let (mut x, mut y) = words.at;
        if words.is_upward {
            x -= SVG_BASE_LINE * words.size;
        } else {
            y -= SVG_BASE_LINE * words.size;
        }
        let at = self.dot((x, y));
        self.backend.draw_text(&words.text, &style, at).ok()
    }

    /// Words dot by dot; what plotters draws has letters too close to one another.
    fn letters(&mut self, words: &Words) -> Painted {
        let zoom = self.habits.zoom;
        let before = match words.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => text::width(&words.text, words.size) / 2.0,
            Anchor::End => text::width(&words.text, words.size),
        };
        let (x, y) = words.at;
        let start = if words.is_upward {
            self.dot((x, y + before))
        } else {
            self.dot((x - before, y))
        };
        for letter in text::outlines(&words.text, words.size * zoom) {
            let bounds = letter.px_bounds();
            let (left, top) = (bounds.min.x as i32, bounds.min.y as i32);
            let mut dots = Vec::new();
            letter.draw(|x, y, ink| dots.push((left + x.cast_signed(), top + y.cast_signed(), ink)));
            for (along, down, ink) in dots {
                let dot = if words.is_upward {
                    (start.0 + down, start.1 - along)
                } else {
                    (start.0 + along, start.1 + down)
                };
                let colour = rgb(words.colour).mix(f64::from(ink).min(1.0));
                self.backend.draw_pixel(dot, colour.to_backend_color()).ok()?;
            }
        }
        Some(())
    }

    fn stroke(&self, colour: Colour, width: f64) -> ShapeStyle {
        ShapeStyle {
            color: rgba(colour),
            filled: false,
            stroke_width: (width * self.habits.zoom).round().max(1.0) as u32,
        }
    }

    fn dot(&self, (x, y): Spot) -> (i32, i32) {
        (
            (x * self.habits.zoom).round() as i32,
            (y * self.habits.zoom).round() as i32,
        )
    }
}

const fn rgb(Colour(red, green, blue): Colour) -> RGBColor {
    RGBColor(red, green, blue)
}

fn rgba(colour: Colour) -> RGBAColor {
    rgb(colour).to_rgba()
}
