//! A sketch as SVG, by plotters. What plotters has no words for is said around its elements: groups, and how they look.

use std::fmt::Write;
use std::hash::{Hash, Hasher};

use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontTransform, IntoFont, RGBColor, ShapeStyle, TextStyle};
use rustc_hash::FxHasher;

use super::sketch::{Anchor, Colour, Item, Rect, Role, Sketch, Spot, WHITE, Words};

/// The backend takes whole pixels, so pictures count in tenths of one.
pub const ZOOM: f64 = 10.0;
/// What can be stretched counts in hundredths: whoever looks at a tenth of it sees no stairs.
const FINE_ZOOM: f64 = 100.0;
/// Around what can be stretched there is room for half of a line's width [px].
const EDGE: f64 = 3.0;

/// The font that pictures ask a viewer for.
const FAMILY: &str = r#"font-family="sans-serif""#;

/// What plotters calls a font's size, and how far below a place its words have their base line, in ems.
const FONT_SIZE: f64 = 1.24;
const BASE_LINE: f64 = 0.76;

/// What becomes of items that can be stretched.
#[derive(Clone, Copy)]
enum Stretch<'a> {
    /// They stay where they are.
    Never,
    /// They are a picture of their own in the picture.
    Own,
    /// They are those of another picture once more.
    Same(&'a Stretched),
}

/// What can be stretched, in an element of a page.
pub struct Stretched {
    /// What the page calls it.
    id: String,
    rect: Rect,
    /// Left end, upper end, width and height in its own units, with the edge.
    view: [f64; 4],
}

/// The text of an SVG file.
pub fn file(sketch: &Sketch, size: (f64, f64)) -> String {
    let mut paper = Sketch::default();
    paper.fill(&Rect::new(0.0, 0.0, size.0, size.1), WHITE);
    let attributes = format!(
        r#"width="{}" height="{}" xmlns="http://www.w3.org/2000/svg" "#,
        size.0, size.1
    );
    let mut painter = Painter::new(Stretch::Never);
    painter.open(&attributes, size);
    painter.paint(&paper.items);
    painter.paint(&sketch.items);
    painter.text + "</svg>\n"
}

/// The sketch as an element of a page, and what can be stretched in it: that of a picture of the same chart, if that is
/// in the page already.
pub fn element(
    sketch: &Sketch,
    size: (f64, f64),
    class: &str,
    same: Option<&Stretched>,
) -> (String, Option<Stretched>) {
    let mut painter = Painter::new(same.map_or(Stretch::Own, Stretch::Same));
    painter.open(&format!("class=\"{class}\" "), size);
    painter.paint(&sketch.items);
    (painter.text + "</svg>", painter.stretched)
}

/// `None` if the backend failed.
type Painted = Option<()>;

struct Painter<'a> {
    text: String,
    /// Units for a pixel of the sketch, to the right and down.
    zoom: (f64, f64),
    /// Units for a pixel of the width of lines and the length of dashes.
    pen: f64,
    stretch: Stretch<'a>,
    stretched: Option<Stretched>,
}

impl<'a> Painter<'a> {
    fn new(stretch: Stretch<'a>) -> Self {
        Self {
            text: String::new(),
            zoom: (ZOOM, ZOOM),
            pen: ZOOM,
            stretch,
            stretched: None,
        }
    }

    fn open(&mut self, attributes: &str, (width, height): (f64, f64)) {
        let (wide, high) = (width * ZOOM, height * ZOOM);
        let _ = writeln!(
            self.text,
            r#"<svg {attributes}viewBox="0 0 {wide:.0} {high:.0}" fill="none" stroke-linejoin="round" {FAMILY}>"#
        );
    }

    fn paint(&mut self, items: &[Item]) {
        let is_group = |item: &Item| matches!(item, Item::Group { .. });
        for alike in items.chunk_by(|left, right| !is_group(left) && !is_group(right)) {
            if let [Item::Group { role, items }] = alike {
                self.group(*role, items);
            } else {
                let elements = self.elements(alike);
                self.text.push_str(&elements);
            }
        }
    }

    fn group(&mut self, role: Role, items: &[Item]) {
        let attribute = match role {
            Role::Stretched(rect) => {
                return match self.stretch {
                    Stretch::Never => self.paint(items),
                    Stretch::Own => self.stretchable(rect, items),
                    Stretch::Same(other) => self.stretchable_again(&rect, other),
                };
            }
            Role::Series(number) => format!(r#"data-series="{number}""#),
            Role::Ticks => r#"class="ticks""#.to_owned(),
            Role::PlaceName(at) => format!(r#"class="place" data-at="{at:.5}""#),
            Role::Dashed(dashes) => {
                let lengths = dashes.iter().map(|length| (length * self.pen).to_string());
                let lengths: Vec<String> = lengths.collect();
                format!(r#"stroke-dasharray="{}""#, lengths.join(" "))
            }
        };
        let _ = writeln!(self.text, "<g {attribute}>");
        self.paint(items);
        self.text.push_str("</g>\n");
    }

    /// A picture in the picture: whoever changes its view box sees a part of it, as wide as the whole was.
    fn stretchable(&mut self, rect: Rect, items: &[Item]) {
        let mut inside = Painter {
            zoom: (FINE_ZOOM, ZOOM),
            // Lines are as wide as on the screen, however far they are stretched.
            pen: 1.0,
            ..Painter::new(Stretch::Never)
        };
        inside.paint(items);
        let mut hasher = FxHasher::default();
        inside.text.hash(&mut hasher);
        let id = format!("plot-{:016x}", hasher.finish());
        let view = with_edge(&rect, inside.zoom, (EDGE, EDGE));
        self.open_stretchable(with_edge(&rect, self.zoom, (EDGE, EDGE)), view);
        let _ = write!(
            self.text,
            "<g class=\"inside\" id=\"{id}\">\n{}</g>\n</svg>\n",
            inside.text
        );
        self.stretched = Some(Stretched { id, rect, view });
    }

    /// The same picture in a picture of another size.
    fn stretchable_again(&mut self, rect: &Rect, other: &Stretched) {
        let edge = (
            EDGE * rect.width() / other.rect.width(),
            EDGE * rect.height() / other.rect.height(),
        );
        self.open_stretchable(with_edge(rect, self.zoom, edge), other.view);
        let _ = writeln!(self.text, "<use href=\"#{}\"/></svg>", other.id);
    }

    fn open_stretchable(&mut self, [x, y, width, height]: [f64; 4], view: [f64; 4]) {
        let view = view.map(|length| length.to_string()).join(" ");
        let place = format!(r#"x="{x}" y="{y}" width="{width}" height="{height}""#);
        let _ = writeln!(
            self.text,
            r#"<svg class="stretched" {place} viewBox="{view}" preserveAspectRatio="none">"#,
        );
    }

    /// What plotters makes of items that are no groups.
    fn elements(&self, items: &[Item]) -> String {
        let mut text = String::new();
        let mut backend = SVGBackend::with_string(&mut text, (1, 1));
        let is_done = items.iter().try_for_each(|item| self.item(&mut backend, item));
        let is_done = is_done.and_then(|()| backend.present().ok());
        drop(backend);
        assert!(is_done.is_some(), "nothing can fail in memory");
        // Each file of plotters is a picture by itself.
        let inside = text
            .split_once('\n')
            .and_then(|(_, rest)| rest.strip_suffix("</svg>\n"));
        tidied(inside.expect("a first and a last line"))
    }

    fn item(&self, backend: &mut SVGBackend, item: &Item) -> Painted {
        match item {
            Item::Line { points, colour, width } => {
                let dots: Vec<_> = points.iter().map(|point| self.dot(*point)).collect();
                backend.draw_path(dots, &self.stroke(*colour, *width)).ok()
            }
            Item::Area {
                corners,
                colour,
                opacity,
            } => {
                let corners: Vec<_> = corners.iter().map(|corner| self.dot(*corner)).collect();
                let style = rgb(*colour).mix(*opacity).filled();
                backend.fill_polygon(corners, &style).ok()
            }
            Item::Circle {
                centre,
                radius,
                colour,
                line,
            } => {
                let style = line.map_or(rgb(*colour).filled(), |width| self.stroke(*colour, width));
                let radius = (radius * ZOOM).round().max(1.0) as u32;
                backend
                    .draw_circle(self.dot(*centre), radius, &style, line.is_none())
                    .ok()
            }
            Item::Words(words) => self.words(backend, words),
            Item::Group { .. } => None,
        }
    }

    fn words(&self, backend: &mut SVGBackend, words: &Words) -> Painted {
        let horizontal = match words.anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let font = ("sans-serif", words.size * ZOOM * FONT_SIZE).into_font();
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
            x -= BASE_LINE * words.size;
        } else {
            y -= BASE_LINE * words.size;
        }
        backend.draw_text(&words.text, &style, self.dot((x, y))).ok()
    }

    fn stroke(&self, colour: Colour, width: f64) -> ShapeStyle {
        ShapeStyle {
            color: rgb(colour).to_rgba(),
            filled: false,
            stroke_width: (width * self.pen).round().max(1.0) as u32,
        }
    }

    fn dot(&self, (x, y): Spot) -> (i32, i32) {
        ((x * self.zoom.0).round() as i32, (y * self.zoom.1).round() as i32)
    }
}

/// A rectangle and an edge around it, in whole units: left end, upper end, width and height.
fn with_edge(rect: &Rect, zoom: (f64, f64), edge: (f64, f64)) -> [f64; 4] {
    [
        (rect.left - edge.0) * zoom.0,
        (rect.top - edge.1) * zoom.1,
        (rect.width() + 2.0 * edge.0) * zoom.0,
        (rect.height() + 2.0 * edge.1) * zoom.1,
    ]
    .map(f64::round)
}

/// Elements without what is said around them, or is usual. Words of users have no quotation marks: they are escaped.
fn tidied(elements: &str) -> String {
    const SIZE: &str = " font-size=\"";
    let usual = [r#"opacity="1""#, r#"fill="none""#, FAMILY];
    let without = |text: String, it: &str| text.replace(&format!(" {it}"), "");
    let short = usual.into_iter().fold(elements.to_owned(), without);
    let short = short.replace(" \"/>", "\"/>");
    let mut parts = short.split(SIZE);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (size, rest) = part.split_once('"').unwrap_or(("", part));
        let size = size.parse().unwrap_or(0.0_f64).round();
        let _ = write!(text, "{SIZE}{size}\"{rest}");
    }
    text
}

const fn rgb(Colour(red, green, blue): Colour) -> RGBColor {
    RGBColor(red, green, blue)
}
