//! What a study varies: keys of a scenario, and the values they take.

use std::collections::HashSet;

use crate::config::reader::document::{Node, Value};
use crate::config::reader::flag::Flag;
use crate::config::reader::text::Texts;

/// One or more keys that change together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// The keys, each with the names of the tables around it.
    pub keys: Vec<String>,
    /// One after another, the values of all keys, written as in TOML.
    pub steps: Vec<Vec<String>>,
    /// What messages call the place where it was written.
    pub origin: String,
    /// The directory that paths among the values start from.
    pub base: std::path::PathBuf,
}

/// More values than anybody looks at.
const MOST_VALUES: usize = 100_000;

impl Axis {
    /// What `KEY=VALUES`, given to the flag `name`, says: values as in [`values`].
    pub fn of_flag(name: &str, text: &str) -> Result<Self, String> {
        let Some((key, list)) = text.split_once('=') else {
            return Err(
                "there is no `=`; write KEY=VALUE,VALUE such as batching.policy=none,static,continuous".to_owned(),
            );
        };
        let steps = values(list)?.into_iter().map(|value| vec![value]);
        Ok(Self {
            keys: vec![key.trim().to_owned()],
            steps: steps.collect(),
            origin: name.to_owned(),
            base: std::path::PathBuf::new(),
        })
    }

    /// What a step sets.
    pub fn flags(&self, step: usize) -> impl Iterator<Item = Flag> {
        let pairs = self.keys.iter().zip(&self.steps[step]);
        pairs.map(|(key, value)| Flag {
            name: self.origin.clone(),
            assignment: format!("{key}={value}"),
            base: self.base.clone(),
        })
    }
}

/// Keys of a scenario that were met so far.
#[derive(Default)]
pub struct KeysSeen(HashSet<String>);

impl KeysSeen {
    /// Adds a key; false if it was there already, in whatever spelling.
    pub fn add(&mut self, key: &str) -> bool {
        self.0.insert(Self::parts(key).join("."))
    }

    /// The names of the tables around a key and its own, the same in whatever spelling.
    pub fn parts(key: &str) -> Vec<String> {
        let parts = key.split('.').map(|part| part.trim().trim_matches(['"', '\'']));
        // As `same_key` compares.
        parts.map(|part| part.replace('-', "_")).collect()
    }
}

/// A value as it was written, but on one line and without comments, which would hide the rest of the line.
pub fn written(texts: &Texts, node: &Node) -> String {
    let place = node.place;
    let text = &texts.get(place.text).content[place.start..place.end];
    match &node.value {
        // The escapes of JSON are also TOML's, and leave no line break.
        Value::Text(content) if text.contains('\n') => serde_json::Value::from(content.as_str()).to_string(),
        _ => {
            let lines: Vec<&str> = text.lines().map(|line| uncommented(line).trim()).collect();
            lines.join(" ").trim().to_owned()
        }
    }
}

/// What stands before a comment.
fn uncommented(line: &str) -> &str {
    let (mut quote, mut is_escaped) = (None, false);
    for (at, character) in line.char_indices() {
        match (quote, character) {
            (None, '#') => return &line[..at],
            (None, '"' | '\'') => quote = Some(character),
            (Some('"'), '\\') if !is_escaped => {
                is_escaped = true;
                continue;
            }
            (Some(open), _) if open == character && !is_escaped => quote = None,
            _ => {}
        }
        is_escaped = false;
    }
    line
}

/// The first of these that is there twice.
pub fn value_twice(values: &[String]) -> Option<&String> {
    let mut before = HashSet::new();
    values.iter().find(|value| !before.insert(value.as_str()))
}

/// The values of a list `8,16,32` or of a range: `1..512` doubles (and ends with 512), `1..40+3` adds 3.
pub fn values(text: &str) -> Result<Vec<String>, String> {
    let text = text.trim();
    let found = match text.split_once("..") {
        Some((from, rest)) if from.trim().parse::<f64>().is_ok() => range(text, from, rest)?,
        _ => split(text),
    };
    if found.iter().any(String::is_empty) {
        return Err(format!(
            "{text:?} has an empty value; write a list such as 8,16,32, or a range such as 1..512"
        ));
    }
    match value_twice(&found) {
        Some(value) => Err(format!("`{value}` is there twice; keep one of the two")),
        None => Ok(found),
    }
}

fn range(text: &str, from: &str, rest: &str) -> Result<Vec<String>, String> {
    let (to, step) = match rest.split_once('+') {
        Some((to, step)) => (to, Some(step)),
        None => (rest, None),
    };
    let number = |part: &str| {
        let parsed = part.trim().parse::<f64>().ok();
        parsed.filter(|it| it.is_finite()).ok_or_else(|| {
            format!(
                "{:?} is not a number; write a range such as 1..512, which doubles, or 1..40+3, which adds 3",
                part.trim()
            )
        })
    };
    let (from, to) = (number(from)?, number(to)?);
    if from > to {
        return Err(format!("the range {text} is empty; write the smaller end first"));
    }
    match step.map(number).transpose()? {
        Some(step) if step <= 0.0 => Err(format!(
            "the range {text} adds {step}; write what is above 0, such as {from}..{to}+1"
        )),
        Some(step) => evenly(from, to, step),
        None if from <= 0.0 => Err(format!(
            "the range {text} doubles from {from} and never ends; begin above 0, or write {from}..{to}+1"
        )),
        None => Ok(doubling(from, to)),
    }
}

fn doubling(from: f64, to: f64) -> Vec<String> {
    let mut found = Vec::new();
    let mut value = from;
    while value < to {
        found.push(value.to_string());
        value *= 2.0;
    }
    found.push(to.to_string());
    found
}

/// From `from` to at most `to` by `step`, without what repeated addition would leave behind.
pub fn evenly(from: f64, to: f64, step: f64) -> Result<Vec<String>, String> {
    // A last value that rounding alone puts past the end is meant.
    let count = ((to - from) / step + 1e-9).floor() + 1.0;
    if count > MOST_VALUES as f64 {
        return Err(format!(
            "{count:.0} values are more than {MOST_VALUES}; write a larger step"
        ));
    }
    Ok((0..count as usize)
        .map(|number| tidy(from + step * number as f64))
        .collect())
}

/// `count` values between two ends, at equal distances or, if `log`, at equal ratios.
pub fn spaced(from: f64, to: f64, count: usize, log: bool) -> Vec<String> {
    let last = (count - 1).max(1) as f64;
    (0..count)
        .map(|number| {
            let part = number as f64 / last;
            match number {
                0 => tidy(from),
                _ if number + 1 == count => tidy(to),
                _ if log => tidy(from * (to / from).powf(part)),
                _ => tidy(from + (to - from) * part),
            }
        })
        .collect()
}

/// Twelve digits: what nobody wrote is not shown.
fn tidy(value: f64) -> String {
    let rounded: f64 = format!("{value:.11e}").parse().unwrap_or(value);
    rounded.to_string()
}

/// At commas that stand in no brackets and no quotes.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut depth, mut quote) = (0_u32, None);
    for character in text.chars() {
        match (quote, character) {
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (None, ',') if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("never empty").push(character);
    }
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_ranges_are_what_they_say() {
        for (text, expected) in [
            ("none, static", vec!["none", "static"]),
            ("1..8", vec!["1", "2", "4", "8"]),
            ("1..10", vec!["1", "2", "4", "8", "10"]),
            ("4..4", vec!["4"]),
            ("1..7+2", vec!["1", "3", "5", "7"]),
            ("1..8+3", vec!["1", "4", "7"]),
            ("0.1..0.5+0.1", vec!["0.1", "0.2", "0.3", "0.4", "0.5"]),
            ("0.5..2", vec!["0.5", "1", "2"]),
            (
                "{ dist = \"fixed\", value = 3 }, [1, 2],'a,b'",
                vec!["{ dist = \"fixed\", value = 3 }", "[1, 2]", "'a,b'"],
            ),
            ("a..b", vec!["a..b"]),
        ] {
            assert_eq!(values(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_list_and_no_range_says_what_to_write() {
        for (text, hint) in [
            ("", "8,16,32"),
            ("1,,2", "8,16,32"),
            ("8..1", "smaller end first"),
            ("0..8", "0..8+1"),
            ("1..x", "1..512"),
            ("1..8+0", "above 0"),
            ("1..8+x", "1..512"),
            ("1..1e9+1", "larger step"),
            ("2,2", "twice"),
        ] {
            let message = values(text).unwrap_err();
            assert!(message.contains(hint), "{text}: {message}");
        }
    }

    #[test]
    fn a_key_is_the_same_however_it_is_spelled() {
        for (keys, twice) in [
            (["a.max-num-seqs", "a.max_num_seqs"], true),
            (["a.b", " a . \"b\""], true),
            (["seed", "'seed'"], true),
            (["a.b", "a.c"], false),
            (["a.b", "a.b.c"], false),
        ] {
            let mut seen = KeysSeen::default();
            assert_eq!(keys.map(|key| seen.add(key)), [true, !twice], "{keys:?}");
        }
    }

    #[test]
    fn comments_end_lines_but_not_texts() {
        for (line, rest) in [
            ("[1, # one", "[1, "),
            ("\"a # b\", # c", "\"a # b\", "),
            (r#""a \" # b" # c"#, r#""a \" # b" "#),
            (r"'a \' # b", r"'a \' "),
            ("no comment", "no comment"),
        ] {
            assert_eq!(uncommented(line), rest);
        }
    }

    #[test]
    fn spaced_values_keep_their_ends() {
        assert_eq!(spaced(1.0, 1_000.0, 4, true), ["1", "10", "100", "1000"]);
        assert_eq!(spaced(0.0, 1.0, 5, false), ["0", "0.25", "0.5", "0.75", "1"]);
        assert_eq!(spaced(3.0, 9.0, 1, false), ["3"]);
    }
}
