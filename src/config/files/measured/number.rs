//! Numbers as tools write them in JSON: as such, as texts, as null, or as `NaN` where there is none.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A number, or `None` where the file says that there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LooseNumber(pub Option<f64>);

/// What stands for no number.
const NONE: [&str; 6] = ["", "nan", "null", "none", "n/a", "-"];

/// The number that a text is, or that there is none; `None` if it is something else.
pub fn number_in(text: &str) -> Option<LooseNumber> {
    let text = text.trim();
    if NONE.iter().any(|none| text.eq_ignore_ascii_case(none)) {
        return Some(LooseNumber(None));
    }
    let number: f64 = text.parse().ok()?;
    Some(LooseNumber((!number.is_nan()).then_some(number)))
}

impl<'de> Deserialize<'de> for LooseNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = LooseNumber;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<LooseNumber, E> {
        Ok(LooseNumber((!value.is_nan()).then_some(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<LooseNumber, E> {
        Ok(LooseNumber(Some(value as f64)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<LooseNumber, E> {
        Ok(LooseNumber(Some(value as f64)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<LooseNumber, E> {
        let found = number_in(value);
        found.ok_or_else(|| E::invalid_type(serde::de::Unexpected::Str(value), &self))
    }

    fn visit_unit<E: Error>(self) -> Result<LooseNumber, E> {
        Ok(LooseNumber(None))
    }
}

/// JSON in the place of what Python writes for numbers that are none: `NaN`, `Infinity` and `-Infinity` become texts of
/// the same length, so that places in messages stay where they are.
pub fn without_bare_words(content: &str) -> Cow<'_, str> {
    const WORDS: [(&[u8], &[u8]); 3] = [
        (b"NaN", b"\"\" "),
        (b"-Infinity", b"\"-inf\"   "),
        (b"Infinity", b"\"inf\"   "),
    ];
    let bytes = content.as_bytes();
    if memchr::memmem::find(bytes, b"NaN").is_none() && memchr::memmem::find(bytes, b"Infinity").is_none() {
        return Cow::Borrowed(content);
    }
    let mut changed = Vec::with_capacity(bytes.len());
    let (mut is_text, mut at) = (false, 0);
    while at < bytes.len() {
        let word = WORDS.iter().find(|(word, _)| !is_text && bytes[at..].starts_with(word));
        if let Some((word, instead)) = word {
            changed.extend_from_slice(instead);
            at += word.len();
            continue;
        }
        changed.push(bytes[at]);
        match bytes[at] {
            b'"' => is_text = !is_text,
            // What is escaped ends no text.
            b'\\' if is_text && at + 1 < bytes.len() => {
                at += 1;
                changed.push(bytes[at]);
            }
            _ => {}
        }
        at += 1;
    }
    // Words of ASCII are replaced by others: what was UTF-8 still is.
    String::from_utf8(changed).map_or(Cow::Borrowed(content), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_words_become_texts_of_their_length() {
        let python = r#"{"a": NaN, "NaN \" NaN": -Infinity, "b": [Infinity]}"#;
        let json = without_bare_words(python);
        assert_eq!(json.len(), python.len());
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["NaN \" NaN"], "-inf");
        assert_eq!(value["b"][0], "inf");
        assert!(matches!(without_bare_words("{\"a\": 1}"), Cow::Borrowed(_)));
    }

    #[test]
    fn numbers_are_read_in_every_form() {
        for (text, number) in [
            ("3", Some(3.0)),
            ("-0.5", Some(-0.5)),
            ("\"550\"", Some(550.0)),
            ("\" inf \"", Some(f64::INFINITY)),
            ("null", None),
            ("\"NaN\"", None),
            ("\"\"", None),
        ] {
            assert_eq!(serde_json::from_str::<LooseNumber>(text).unwrap().0, number, "{text}");
        }
        for text in ["\"fast\"", "true", "[1]", "{}"] {
            assert!(serde_json::from_str::<LooseNumber>(text).is_err(), "{text}");
        }
    }
}
