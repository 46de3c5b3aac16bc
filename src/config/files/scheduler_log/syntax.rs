//! What is wrong with the JSON of an experiment, in words that name the place, the key and what to write.

use std::path::Path;

/// Words of the JSON reader and what they mean to someone who writes JSON.
const IN_JSON: [(&str, &str); 7] = [
    ("u32", "a whole number from 0 to 4294967295"),
    ("u64", "a whole number from 0 to 18446744073709551615"),
    ("i32", "a whole number from -2147483648 to 2147483647"),
    ("f64", "a number"),
    ("a boolean", "true or false"),
    ("a sequence", "a list, [ ... ]"),
    ("a tuple of size 2", "[start, length]"),
];

/// A message with the place and the key.
pub fn explain(path: &Path, text: &str, error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let message = error.to_string();
    let place = format!(" at line {line} column {column}");
    let message = message.strip_suffix(&place).unwrap_or(&message);
    let place = format!("{}:{line}:{}", path.display(), column.max(1));
    let Some((what, wanted)) = message.split_once(", expected ") else {
        let remedy = if message.starts_with("missing") {
            "write it"
        } else {
            "write one JSON object with config, timing, requests and actions"
        };
        return format!("{place}: {message}; {remedy}");
    };
    let known = IN_JSON.iter().find(|(word, _)| *word == wanted);
    let wanted = known.map_or(wanted, |(_, meaning)| meaning);
    match key_before(text, line, column) {
        Some(key) if what.starts_with("invalid") => {
            format!("{place}: {key}: {what}; write {wanted}")
        }
        _ => format!("{place}: {what}; write {wanted}"),
    }
}

/// The last key that is written before the place.
fn key_before(text: &str, line: usize, column: usize) -> Option<&str> {
    let lines = text.split_inclusive('\n').take(line.saturating_sub(1));
    let start: usize = lines.map(str::len).sum();
    let end = text.floor_char_boundary((start + column).min(text.len()));
    let mut before = &text[..end];
    loop {
        let (head, _) = before.rsplit_once(':')?;
        if let Some(key) = head.trim_end().strip_suffix('"') {
            return key.rsplit('"').next();
        }
        before = head;
    }
}
