//! Text of users as it may be shown: no character that moves a cursor, starts a command of the terminal, or hides and
//! reorders what stands beside it.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character must not be shown as it is: the control characters (C0, DEL, C1), the separators of lines and
/// paragraphs, and the marks, embeddings, overrides and isolates that turn the direction of what is written (Unicode
/// Standard Annex 9, table 4; CVE-2021-42574 is what they are good for), and the two that no XML file may hold, which
/// pictures are (XML 1.0, production 2).
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{fffe}'
                | '\u{ffff}'
        )
}

/// Text of several lines: what must not be shown is written as `\u202e`, which strings of JSON and TOML read as the
/// same character.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |character| character != '\n' && is_unprintable(character))
}

/// Text that has to stay on its line: a line break is written as `\u000a` too.
pub fn on_one_line(text: &str) -> Cow<'_, str> {
    escaped(text, is_unprintable)
}

fn escaped(text: &str, is_bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_bad) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_bad(character) {
            // All of them are in the Basic Multilingual Plane, where four digits say everything.
            let _ = write!(safe, "\\u{:04x}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_not_be_shown_is_written_as_its_number() {
        assert_eq!(printable("plain – café 日本\n"), "plain – café 日本\n");
        assert_eq!(
            printable("a\u{1b}[2Jb\u{7f}\u{9b}\r\t\0"),
            "a\\u001b[2Jb\\u007f\\u009b\\u000d\\u0009\\u0000"
        );
        assert_eq!(
            printable("\u{202e}\u{2066}\u{200f}\u{61c}\u{2028}"),
            "\\u202e\\u2066\\u200f\\u061c\\u2028"
        );
        assert_eq!(printable("\u{ffff}\u{fffd}"), "\\uffff\u{fffd}");
        assert_eq!(on_one_line("two\nlines"), "two\\u000alines");
    }

    #[test]
    fn json_reads_the_same_from_what_is_shown() {
        let all: String = (0..0x3000_u32).filter_map(char::from_u32).collect();
        let json = serde_json::to_string(&all).unwrap();
        let shown = printable(&json);
        assert!(!shown.contains(is_unprintable), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), all);
    }
}
