//! A tree as TOML text again.

use std::fmt::Write;

use super::document::{Node, Value};

/// The tree as values of TOML, without the places at which they were written.
pub fn values(node: &Node) -> toml::Value {
    match &node.value {
        Value::Text(text) => toml::Value::String(text.clone()),
        // What 64 bits do not hold no key takes.
        Value::Integer(number) => toml::Value::Integer(number.unwrap_or(i64::MAX)),
        Value::Float(number) => toml::Value::Float(*number),
        Value::Boolean(switch) => toml::Value::Boolean(*switch),
        // No key takes one.
        Value::Datetime => toml::Value::String(String::new()),
        Value::Array(items) => toml::Value::Array(items.iter().map(values).collect()),
        Value::Table(entries) => {
            let pairs = entries.iter().map(|entry| (entry.key.clone(), values(&entry.node)));
            toml::Value::Table(pairs.collect())
        }
    }
}

/// The text of a table: keys first, then a section a table, those in `order` before others; what stands deeper is
/// written in one line.
pub fn text(values: &toml::Value, order: &[&str]) -> String {
    let mut text = String::new();
    let Some(table) = values.as_table() else {
        return text;
    };
    let place = |key: &str| order.iter().position(|name| *name == key).unwrap_or(order.len());
    let mut keys: Vec<&String> = table.keys().collect();
    keys.sort_by_key(|key| (table[*key].is_table(), place(key)));
    for key in keys {
        match &table[key] {
            toml::Value::Table(section) => {
                let _ = writeln!(text, "\n[{}]", key_text(key));
                for (key, value) in section {
                    let _ = writeln!(text, "{} = {value}", key_text(key));
                }
            }
            value => {
                let _ = writeln!(text, "{} = {value}", key_text(key));
            }
        }
    }
    text
}

/// A key, in quotes if it needs them.
fn key_text(key: &str) -> String {
    let is_bare = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if !key.is_empty() && key.chars().all(is_bare) {
        return key.to_owned();
    }
    toml::Value::String(key.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::document;
    use super::super::text::{Text, Texts};
    use super::*;

    fn read(content: &str) -> toml::Value {
        let text = Text::of_flag("it", content.to_owned(), std::path::Path::new(""));
        values(&document::parse(&mut Texts::default(), text).unwrap())
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let content = "name = \"a \\\"b\\\" \\u0007\"\nseed = 7\n[slo]\n\"ttft.p99\" = \"2s\"\n\"\" = 1e300\n\
                       [a.b.c]\nd = [1, 2.5, { e = true }]\n[[class]]\nname = \"x\"\n[[class]]\nname = 'y'\n";
        let first = read(content);
        let written = text(&first, &["slo", "a"]);
        assert_eq!(read(&written), first, "{written}");
        assert!(
            written.find("[slo]").unwrap() < written.find("[a]").unwrap(),
            "{written}"
        );
    }
}
