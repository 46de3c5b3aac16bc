//! An error message that shows the place, the line and what to write instead.

use std::fmt;
use std::ops::Range;

use super::printable::{is_unprintable, on_one_line, printable};

/// The longest stretch of a source line that a message shows [characters].
const LONGEST_EXCERPT: usize = 120;

/// What is wrong with an input, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where it is wrong: the source line with that part.
    pub snippet: Option<Box<Snippet>>,
    /// What to write instead; one entry a line.
    pub help: Vec<String>,
}

/// A source line with the part that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// The file's path, or the flag.
    pub name: String,
    /// The line's number, from 1.
    pub line: usize,
    /// The column, from 1 [characters].
    pub column: usize,
    /// The line, cut around the place if it is long.
    excerpt: String,
    /// Characters of the excerpt before the place.
    before: usize,
    /// Characters that are underlined.
    underlined: usize,
}

impl Diagnostic {
    /// A message without a place.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            snippet: None,
            help: Vec::new(),
        }
    }

    /// Says where the input is wrong.
    #[must_use]
    pub fn at(mut self, snippet: Snippet) -> Self {
        self.snippet = Some(Box::new(snippet));
        self
    }

    /// Says what it is about, before the message.
    #[must_use]
    pub fn about(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

impl Snippet {
    /// Cuts the line around `place`, a range of bytes, out of `content`.
    pub fn cut(name: &str, content: &str, place: Range<usize>) -> Self {
        let start = floor_to_character(content, place.start);
        let line_start = content[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = content[..line_start].matches('\n').count() + 1;
        let place = start - line_start..place.end.saturating_sub(line_start);
        Self::of_line(name, line, &content[line_start..], place)
    }

    /// Cuts around `place`, a range of bytes, out of the first line of `content`, which is number `line` of its file.
    pub fn of_line(name: &str, line: usize, content: &str, place: Range<usize>) -> Self {
        let start = floor_to_character(content, place.start);
        let line_end = content[start..].find('\n').map_or(content.len(), |at| start + at);
        let end = floor_to_character(content, place.end).clamp(start, line_end);
        let before = content[..start].chars().count();
        let skipped = before.saturating_sub(LONGEST_EXCERPT / 2);
        let excerpt: String = content[..line_end]
            .trim_end_matches('\r')
            .chars()
            .skip(skipped)
            .take(LONGEST_EXCERPT)
            .map(as_wide)
            .collect();
        let shown = before - skipped;
        let room = excerpt.chars().count().saturating_sub(shown).max(1);
        Self {
            name: name.to_owned(),
            line,
            column: before + 1,
            excerpt,
            before: shown,
            underlined: content[start..end].chars().count().clamp(1, room),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A message may have a sum or a list below its sentence.
        formatter.write_str(&printable(&self.message))?;
        let mut margin = 0;
        if let Some(snippet) = &self.snippet {
            margin = snippet.line.to_string().len();
            write!(formatter, "\n{snippet}")?;
        }
        for help in &self.help {
            write!(formatter, "\n{:margin$} = help: {}", "", on_one_line(help))?;
        }
        Ok(())
    }
}

impl fmt::Display for Snippet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let margin = self.line.to_string().len();
        let (before, underline) = (" ".repeat(self.before), "^".repeat(self.underlined));
        writeln!(
            formatter,
            "{:margin$}--> {}:{}:{}",
            "",
            on_one_line(&self.name),
            self.line,
            self.column
        )?;
        writeln!(formatter, "{:margin$} |", "")?;
        writeln!(formatter, "{} | {}", self.line, self.excerpt)?;
        write!(formatter, "{:margin$} | {before}{underline}", "")
    }
}

impl std::error::Error for Diagnostic {}

/// What must not be shown, and tabs, which have no fixed width, become spaces: the line below points at its columns.
fn as_wide(character: char) -> char {
    if is_unprintable(character) { ' ' } else { character }
}

fn floor_to_character(content: &str, byte: usize) -> usize {
    let mut byte = byte.min(content.len());
    while !content.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

/// ``; did you mean `x`?`` if one of `allowed` looks like `written`.
pub fn did_you_mean<'a>(written: &str, allowed: impl IntoIterator<Item = &'a str>) -> Option<String> {
    allowed
        .into_iter()
        .map(|name| (strsim::jaro_winkler(written, name), name))
        .filter(|&(likeness, _)| likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_points_at_its_place() {
        let content = "seed = 1\nname = 7\n";
        let diagnostic = Diagnostic::new("`name` must be text")
            .at(Snippet::cut("a.toml", content, 16..17))
            .help("write name = \"7\"");
        assert_eq!(
            diagnostic.to_string(),
            "`name` must be text\n --> a.toml:2:8\n  |\n2 | name = 7\n  |        ^\n  = help: write name = \"7\""
        );
    }

    #[test]
    fn any_place_in_any_text_can_be_shown() {
        for content in ["", "\n", "é\n\u{1b}[2Jx", "a\r\nb", &"long ".repeat(100)] {
            for start in 0..content.len() + 2 {
                for end in [start, start + 1, start + 300] {
                    let shown = Snippet::cut("x", content, start..end).to_string();
                    assert_eq!(shown.lines().count(), 4, "{shown}");
                    assert!(!shown.contains('\u{1b}'));
                }
            }
        }
    }

    #[test]
    fn near_misses_are_recognised() {
        assert_eq!(
            did_you_mean("polcy", ["policy", "profile"]),
            Some("did you mean `policy`?".to_owned())
        );
        assert_eq!(did_you_mean("zzz", ["policy", "profile"]), None);
    }
}
