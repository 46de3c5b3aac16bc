//! Words beside points, where nothing else is.

use super::sizes::LABEL_SIZE;
use super::sketch::{Anchor, INK, Item, Rect, Role, Sketch, Spot, Words};
use super::style::MARK;
use super::text;

const LONGEST: f64 = 160.0;
/// Between a mark and its label [px].
const AWAY: f64 = 3.0;
/// So many labels can be read at all.
const MOST: usize = 60;
/// Lines are followed in steps of this length [px].
const STRIDE: f64 = 4.0;

/// What labels keep clear of.
pub struct Obstacles {
    plot: Rect,
    taken: Vec<Rect>,
}

impl Obstacles {
    pub fn within(plot: Rect) -> Self {
        Self {
            plot,
            taken: Vec::new(),
        }
    }

    pub fn add(&mut self, rect: Rect) {
        self.taken.push(rect);
    }

    pub fn add_line(&mut self, points: &[Spot]) {
        for pair in points.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            let strides = (length / STRIDE).ceil().max(1.0);
            for stride in 0..=strides as u32 {
                let share = f64::from(stride) / strides;
                let at = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
                self.add(Rect::around(at, 1.0));
            }
        }
    }
}

/// Draws each label beside its point, as part of the series with this number. One that finds no place is left out: it
/// would hide more than it says.
pub fn draw<'a>(sketch: &mut Sketch, obstacles: &mut Obstacles, labels: impl Iterator<Item = (usize, Spot, &'a str)>) {
    for (series, at, label) in labels.take(MOST) {
        let text = text::fitted(label, LABEL_SIZE, LONGEST);
        if text.is_empty() {
            continue;
        }
        let placed = places(at).map(|(at, anchor)| Words {
            text: text.clone(),
            at,
            anchor,
            size: LABEL_SIZE,
            colour: INK,
            is_upward: false,
        });
        let is_free = |words: &Words| {
            let rect = words.rect();
            let mut taken = obstacles.taken.iter();
            obstacles.plot.holds(&rect) && !taken.any(|other| other.meets(&rect))
        };
        if let Some(words) = placed.into_iter().find(is_free) {
            obstacles.add(words.rect());
            sketch.group(Role::Series(series), |sketch| sketch.items.push(Item::Words(words)));
        }
    }
}

/// Base lines around a point, the best first.
fn places((x, y): Spot) -> [(Spot, Anchor); 8] {
    let (aside, slant) = (MARK + AWAY, MARK + 1.0);
    let (above, level, below) = (y - MARK - AWAY, y + 0.36 * LABEL_SIZE, y + MARK + 0.95 * LABEL_SIZE);
    [
        ((x + aside, level), Anchor::Start),
        ((x, above), Anchor::Middle),
        ((x - aside, level), Anchor::End),
        ((x, below), Anchor::Middle),
        ((x + slant, above), Anchor::Start),
        ((x - slant, above), Anchor::End),
        ((x + slant, below), Anchor::Start),
        ((x - slant, below), Anchor::End),
    ]
}
