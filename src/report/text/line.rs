//! The lines of meters in words.

use crate::metrics::{Line, Phrase};
use crate::report::text::numbers::{duration, or_unknown, percent};
use crate::stats::rounded;

/// What a line says.
pub(in crate::report) fn in_words(line: &Line) -> String {
    let parts = line.parts.iter().map(|part| part.iter().map(word).collect::<String>());
    parts.collect::<Vec<_>>().join(" · ")
}

fn word(word: &Phrase) -> String {
    match *word {
        Phrase::Text(text) => text.to_owned(),
        Phrase::Share(share) => or_unknown(share, percent),
        Phrase::Number(number) => or_unknown(number, rounded),
        Phrase::Time(seconds) => or_unknown(seconds, duration),
        Phrase::Count(count) => or_unknown(count, |count| count.to_string()),
    }
}
