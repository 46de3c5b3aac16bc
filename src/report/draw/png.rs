//! An SVG file as a PNG file.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::text;

/// Pixels of the picture for one of the SVG file, in both directions: as many as good screens have.
const ZOOM: f32 = 2.0;

/// The letters that come with the program, and nothing of the system's.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(text::LETTERS.to_vec());
    let family = fonts.faces().next().and_then(|face| face.families.first());
    let (family, _) = family.expect("the font is part of the program").clone();
    fonts.set_sans_serif_family(family);
    Arc::new(fonts)
});

/// The picture that a text of SVG by `paint` describes.
pub fn of_svg(svg: &str) -> Vec<u8> {
    let options = Options {
        fontdb: Arc::clone(&FONTS),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).expect("what was painted is SVG");
    let size = tree.size().to_int_size().scale_by(ZOOM);
    let size = size.expect("a picture has a size");
    let mut pixels = Pixmap::new(size.width(), size.height()).expect("a picture fits into memory");
    resvg::render(&tree, Transform::from_scale(ZOOM, ZOOM), &mut pixels.as_mut());
    pixels.encode_png().expect("nothing can fail in writing to memory")
}
