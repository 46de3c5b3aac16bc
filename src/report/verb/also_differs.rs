//! What sets variations apart besides what was varied, in a few lines.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::study::Differing;

/// As many lines as are still read.
const MOST_LINES: usize = 10;
/// As many names as are still read.
const MOST_NAMES: usize = 3;

/// A setting with its value in each variation.
#[derive(Serialize)]
pub struct DifferingDocument<'a> {
    key: &'a str,
    /// By the variation's name; null where it does not have the setting.
    values: BTreeMap<&'a str, Option<&'a str>>,
}

/// All of them, for JSON.
pub fn documents<'a>(differing: &'a [Differing], names: &[&'a str]) -> Vec<DifferingDocument<'a>> {
    let document = |it: &'a Differing| DifferingDocument {
        key: &it.key,
        values: names
            .iter()
            .copied()
            .zip(it.values.iter().map(Option::as_deref))
            .collect(),
    };
    differing.iter().map(document).collect()
}

/// A line each, as far as they fit: `kv.blocks: 4096 (a), 8192 (b)`.
pub fn lines(differing: &[Differing], names: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = differing.iter().take(MOST_LINES).map(|it| line(it, names)).collect();
    if let Some(more @ 1..) = differing.len().checked_sub(MOST_LINES) {
        lines.push(format!("and {more} more: --format json has them all"));
    }
    lines
}

fn line(differing: &Differing, names: &[&str]) -> String {
    let mut by_value: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, value) in names.iter().zip(&differing.values) {
        let value = value.as_deref().unwrap_or("-");
        match by_value.iter_mut().find(|(other, _)| *other == value) {
            Some((_, names)) => names.push(name),
            None => by_value.push((value, vec![name])),
        }
    }
    if let [(value, _)] = by_value[..] {
        return format!("{}: {value}, with unlike content", differing.key);
    }
    let values = by_value
        .iter()
        .map(|(value, names)| format!("{value} ({})", few(names)));
    format!("{}: {}", differing.key, values.collect::<Vec<_>>().join(", "))
}

fn few(names: &[&str]) -> String {
    let shown = names[..names.len().min(MOST_NAMES)].join(", ");
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differing(key: &str, values: &[Option<&str>]) -> Differing {
        Differing {
            key: key.to_owned(),
            values: values.iter().map(|it| it.map(str::to_owned)).collect(),
        }
    }

    #[test]
    fn equal_values_stand_together_and_long_lists_are_counted() {
        let names = ["a", "b", "c", "d", "e"];
        let one = differing("kv.blocks", &[Some("7"), Some("8"), Some("7"), None, Some("7")]);
        assert_eq!(
            lines(std::slice::from_ref(&one), &names),
            ["kv.blocks: 7 (a, c, e), 8 (b), - (d)"]
        );
        let many = differing("x", &[Some("1"), Some("1"), Some("1"), Some("1"), Some("2")]);
        assert_eq!(lines(&[many], &names), ["x: 1 (a, b, c and 1 more), 2 (e)"]);
        let twelve = vec![one; 12];
        let shown = lines(&twelve, &names);
        assert_eq!(shown.len(), 11);
        assert_eq!(shown[10], "and 2 more: --format json has them all");
    }
}
