//! The values of a JSON file: one, a list of them, or one after the other.

use serde::de::DeserializeOwned;

use super::result::error_at;
use crate::config::files::wording;
use crate::config::reader::diagnostic::Diagnostic;

/// All values, with lists of them opened.
pub fn all<T: DeserializeOwned>(name: &str, content: &str) -> Result<Vec<T>, Diagnostic> {
    let found: Result<Vec<T>, _> = if content.trim_start().starts_with('[') {
        serde_json::from_str(content)
    } else {
        serde_json::Deserializer::from_str(content).into_iter().collect()
    };
    found.map_err(|error| unreadable(name, content, &error))
}

/// Hands over one value after the other, so that they need not be in memory together; numbers count from 0.
pub fn each<T: DeserializeOwned>(
    name: &str,
    content: &str,
    mut take: impl FnMut(usize, T) -> Result<(), Diagnostic>,
) -> Result<(), Diagnostic> {
    if content.trim_start().starts_with('[') {
        let values = all(name, content)?;
        return values
            .into_iter()
            .enumerate()
            .try_for_each(|(at, value)| take(at, value));
    }
    let values = serde_json::Deserializer::from_str(content).into_iter();
    for (at, value) in values.enumerate() {
        take(at, value.map_err(|error| unreadable(name, content, &error))?)?;
    }
    Ok(())
}

fn unreadable(name: &str, content: &str, error: &serde_json::Error) -> Diagnostic {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = text.strip_suffix(&place).unwrap_or(&text);
    // Several values in a row are read by a reader that counts bytes, and has no lines for them.
    let line_start: usize = content
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    let at = line_start + error.column().saturating_sub(1);
    let help = if error.is_eof() {
        "the file is cut short: copy it again, or let the benchmark write it to its end"
    } else {
        "write JSON as the tool writes it: one object, a list of them, or one a line"
    };
    error_at(name, content, at..at + 1, wording::plain(message, "an object")).help(help)
}
