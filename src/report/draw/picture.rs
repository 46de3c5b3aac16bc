//! Drawings as pictures, the same in SVG and in PNG.

use super::chart::Drawing;
use super::sketch::{Item, Sketch};
use super::{embedded, layout, paint, png};

/// The drawing as the text of an SVG file.
pub fn to_svg(drawing: &Drawing) -> String {
    let (sketch, size) = layout::laid_out(drawing);
    paint::file(&sketch, size)
}

/// The drawing as a PNG file.
pub fn to_png(drawing: &Drawing) -> Vec<u8> {
    png::of_svg(&to_svg(drawing))
}

/// Where the words of a picture stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Lettering {
    /// Width and height of the picture [px].
    pub size: (f64, f64),
    /// Words in one line each, with what they cover: left end, upper end, right end, lower end [px].
    pub words: Vec<(String, [f64; 4])>,
}

/// Where words stand in a drawing's file, and in each of its charts as pages have them, so that whoever checks figures
/// can see that none is cut off or hides another.
pub fn lettering(drawing: &Drawing) -> Vec<Lettering> {
    let (sketch, size) = layout::laid_out(drawing);
    let alone = embedded::laid_out(drawing).into_iter().flatten();
    let alone = alone.map(|chart| of_sketch(&chart.sketch, chart.size));
    std::iter::once(of_sketch(&sketch, size)).chain(alone).collect()
}

fn of_sketch(sketch: &Sketch, size: (f64, f64)) -> Lettering {
    let mut words = Vec::new();
    add_words(&sketch.items, &mut words);
    Lettering { size, words }
}

fn add_words(items: &[Item], found: &mut Vec<(String, [f64; 4])>) {
    for item in items {
        match item {
            Item::Words(words) => {
                let rect = words.rect();
                found.push((words.text.clone(), [rect.left, rect.top, rect.right, rect.bottom]));
            }
            Item::Group { items, .. } => add_words(items, found),
            Item::Line { .. } | Item::Area { .. } | Item::Circle { .. } => {}
        }
    }
}
