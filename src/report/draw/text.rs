//! How wide words are, and what of them fits.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef};

use crate::config::on_one_line;

/// Nothing asks the system for fonts: pictures are the same everywhere, also where there are none.
pub const LETTERS: &[u8] = include_bytes!("font/DejaVuSans-subset.ttf");

static FONT: LazyLock<FontRef<'static>> =
    LazyLock::new(|| FontRef::try_from_slice(LETTERS).expect("the font is part of the program"));

/// What stands for the rest of words that are too long.
const REST: &str = "…";
/// No figure has room for more letters, and measuring them all takes time.
const MOST_LETTERS: usize = 400;

/// The width of words in a font of this size [px]. Viewers of SVG files have other fonts; few are wider.
pub fn width(text: &str, size: f64) -> f64 {
    let mut end = 0.0;
    let mut before = None;
    for letter in text.chars() {
        let id = FONT.glyph_id(letter);
        if let Some(before) = before {
            end += FONT.kern_unscaled(before, id);
        }
        end += FONT.h_advance_unscaled(id);
        before = Some(id);
    }
    f64::from(end) * size / em()
}

/// The font's own units in an em.
fn em() -> f64 {
    FONT.units_per_em().map_or(1000.0, f64::from)
}

/// On one line, with what must not be shown, and would break a file, written as its number.
pub fn clean(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    on_one_line(&words.join(" ")).into_owned()
}

/// As much of the words as there is room for [px].
pub fn fitted(text: &str, size: f64, room: f64) -> String {
    let text = clean(text);
    if text.len() <= MOST_LETTERS && width(&text, size) <= room {
        return text;
    }
    let letters: Vec<char> = text.chars().take(MOST_LETTERS).collect();
    let cut = |length: usize| -> String {
        let start: String = letters[..length].iter().collect();
        start.trim_end().to_owned() + REST
    };
    let lengths: Vec<usize> = (0..=letters.len()).collect();
    let fitting = lengths.partition_point(|&length| width(&cut(length), size) <= room);
    fitting.checked_sub(1).map(cut).unwrap_or_default()
}

/// The words in lines; what does not fit in so many lines is cut off.
pub fn wrapped(text: &str, size: f64, room: f64, most_lines: usize) -> Vec<String> {
    let text: String = clean(text).chars().take(MOST_LETTERS * most_lines).collect();
    let mut lines: Vec<String> = Vec::new();
    let mut words = text.split(' ').filter(|word| !word.is_empty()).peekable();
    while let Some(word) = words.next() {
        let mut line = word.to_owned();
        let is_last = lines.len() + 1 >= most_lines;
        while let Some(next) = words.peek() {
            let longer = format!("{line} {next}");
            if !is_last && width(&longer, size) > room {
                break;
            }
            // A word of a line that is too long already is cut off anyway.
            line = longer;
            words.next();
        }
        lines.push(fitted(&line, size, room));
        if is_last {
            break;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_to_their_room() {
        assert_eq!(fitted("short", 14.0, 200.0), "short");
        let cut = fitted(&"long ".repeat(1000), 14.0, 100.0);
        assert!(cut.ends_with('…') && width(&cut, 14.0) <= 100.0, "{cut}");
        assert!(width(&cut, 14.0) > 80.0, "{cut}");
        assert_eq!(fitted("anything", 14.0, 1.0), "");
        assert_eq!(
            fitted("two\nlines\u{0}\u{202e}", 14.0, 400.0),
            "two lines\\u0000\\u202e"
        );
    }

    #[test]
    fn words_wrap_and_the_last_line_is_cut() {
        let lines = wrapped("one two three four five", 10.0, 45.0, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].ends_with('…'), "{lines:?}");
        assert!(wrapped("", 10.0, 45.0, 2).is_empty());
    }
}
