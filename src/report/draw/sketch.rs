//! What a drawing consists of once everything has its place: lines, areas and words, before any file format.

use super::text;

/// A place [px], from the upper left corner.
pub type Spot = (f64, f64);

/// Red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

pub const INK: Colour = Colour(30, 30, 30);
pub const GREY: Colour = Colour(90, 90, 90);
pub const PALE: Colour = Colour(225, 225, 225);
pub const BLACK: Colour = Colour(0, 0, 0);
pub const WHITE: Colour = Colour(255, 255, 255);

impl Colour {
    /// As in style sheets.
    pub fn to_css(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// Something that is painted.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Points that a stroke connects.
    Line {
        points: Vec<Spot>,
        colour: Colour,
        width: f64,
    },
    /// A polygon that is filled.
    Area {
        corners: Vec<Spot>,
        colour: Colour,
        opacity: f64,
    },
    /// A circle, filled unless it has a line of some width.
    Circle {
        centre: Spot,
        radius: f64,
        colour: Colour,
        line: Option<f64>,
    },
    /// Words in one line.
    Words(Words),
    /// Items that have something in common.
    Group { role: Role, items: Vec<Self> },
}

/// What items of a group have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// They show a series: its number among those of the drawing.
    Series(usize),
    /// Their lines are in strokes.
    Dashed(Dashes),
    /// They lie inside of the plot, and nothing is lost if they are stretched sideways.
    Stretched(Rect),
    /// They stand at the numbers of the horizontal axis: a line across the plot each, and what is written below.
    Ticks,
    /// The name of a place of the horizontal axis: how far along it is.
    PlaceName(f64),
}

/// Words in one line.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    pub text: String,
    /// Where the base line begins, ends, or has its middle, as `anchor` says.
    pub at: Spot,
    pub anchor: Anchor,
    /// The size of the font [px].
    pub size: f64,
    pub colour: Colour,
    /// Whether they are read from below.
    pub is_upward: bool,
}

/// Which part of words stands at their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// The least upright rectangle around something [px].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

/// Items, later ones above earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Sketch {
    pub items: Vec<Item>,
}

/// Strokes and gaps, in turn [px]. Without any the line is solid.
pub type Dashes = &'static [f64];

impl Rect {
    pub fn new(left: f64, top: f64, width: f64, height: f64) -> Self {
        Self {
            left,
            top,
            right: left + width,
            bottom: top + height,
        }
    }

    pub fn around(centre: Spot, half: f64) -> Self {
        Self::new(centre.0 - half, centre.1 - half, 2.0 * half, 2.0 * half)
    }

    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    pub fn height(&self) -> f64 {
        self.bottom - self.top
    }

    pub fn centre(&self) -> Spot {
        (
            f64::midpoint(self.left, self.right),
            f64::midpoint(self.top, self.bottom),
        )
    }

    pub fn meets(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    pub fn holds(&self, other: &Self) -> bool {
        self.left <= other.left && other.right <= self.right && self.top <= other.top && other.bottom <= self.bottom
    }
}

impl Words {
    /// Around what they cover.
    pub fn rect(&self) -> Rect {
        let width = text::width(&self.text, self.size);
        let before = match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => width / 2.0,
            Anchor::End => width,
        };
        let (x, y) = self.at;
        let (rise, drop) = (0.76 * self.size, 0.24 * self.size);
        if self.is_upward {
            Rect::new(x - rise, y + before - width, rise + drop, width)
        } else {
            Rect::new(x - before, y - rise, width, rise + drop)
        }
    }
}

impl Sketch {
    pub fn line(&mut self, points: Vec<Spot>, colour: Colour, width: f64) {
        self.items.push(Item::Line { points, colour, width });
    }

    /// A line in strokes.
    pub fn dashed(&mut self, points: Vec<Spot>, colour: Colour, width: f64, dashes: Dashes) {
        if dashes.is_empty() {
            return self.line(points, colour, width);
        }
        self.group(Role::Dashed(dashes), |sketch| sketch.line(points, colour, width));
    }

    /// What `draw` draws, as a group.
    pub fn group(&mut self, role: Role, draw: impl FnOnce(&mut Self)) {
        let mut inside = Self::default();
        draw(&mut inside);
        if !inside.items.is_empty() {
            let items = inside.items;
            self.items.push(Item::Group { role, items });
        }
    }

    pub fn area(&mut self, corners: Vec<Spot>, colour: Colour, opacity: f64) {
        self.items.push(Item::Area {
            corners,
            colour,
            opacity,
        });
    }

    pub fn fill(&mut self, rect: &Rect, colour: Colour) {
        let corners = vec![
            (rect.left, rect.top),
            (rect.right, rect.top),
            (rect.right, rect.bottom),
            (rect.left, rect.bottom),
        ];
        self.area(corners, colour, 1.0);
    }

    pub fn circle(&mut self, centre: Spot, radius: f64, colour: Colour, line: Option<f64>) {
        self.items.push(Item::Circle {
            centre,
            radius,
            colour,
            line,
        });
    }

    /// Words from left to right; those of several lines are given line by line.
    pub fn words(&mut self, text: &str, at: Spot, anchor: Anchor, size: f64, colour: Colour) {
        if text.is_empty() {
            return;
        }
        self.items.push(Item::Words(Words {
            text: text.to_owned(),
            at,
            anchor,
            size,
            colour,
            is_upward: false,
        }));
    }
}
