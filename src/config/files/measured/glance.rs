//! What a file looks like before it is read: enough to tell which tool wrote it, or to say what was found.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The line above what a benchmark prints of a run.
pub const HEADING: &str = "Serving Benchmark Result";
/// Names that are kept of a file.
const MOST_NAMES: usize = 2_000;
/// Lines that are looked at to tell what a text is.
const FIRST_LINES: usize = 200;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileForm {
    /// Nothing but blanks.
    Empty,
    /// JSON: one value or several.
    Json,
    /// A table whose first line names the columns.
    Csv,
    /// What a benchmark prints at its end.
    Console,
    /// What a server answers at `/metrics`.
    Metrics,
    /// YAML.
    Yaml,
    /// Something else.
    Text,
}

/// A file at a glance.
#[derive(Debug)]
pub struct Glance {
    /// Its form.
    pub form: FileForm,
    /// Keys of its first JSON object (of a list: of the list's first), keys at the left of YAML, columns of a table,
    /// names of series.
    pub names: Vec<String>,
}

impl Glance {
    /// Looks at the content of a file.
    pub fn at(content: &str) -> Self {
        let start = content.trim_start();
        if start.is_empty() {
            return Self::of(FileForm::Empty, Vec::new());
        }
        if start.starts_with(['{', '[']) {
            return Self::of(FileForm::Json, keys_of_json(start));
        }
        if memchr::memmem::find(start.as_bytes(), HEADING.as_bytes()).is_some() {
            return Self::of(FileForm::Console, Vec::new());
        }
        if let Some(series) = series(start) {
            return Self::of(FileForm::Metrics, series);
        }
        if let Some(keys) = keys_of_yaml(start) {
            return Self::of(FileForm::Yaml, keys);
        }
        let first = start.lines().next().unwrap_or_default();
        let names = columns(first);
        let form = if names.len() > 1 { FileForm::Csv } else { FileForm::Text };
        Self::of(form, names)
    }

    fn of(form: FileForm, names: Vec<String>) -> Self {
        Self { form, names }
    }

    /// Whether it is of this form and has all of these names.
    pub fn is(&self, form: FileForm, names: &[&str]) -> bool {
        self.form == form && self.has_all(names)
    }

    /// Whether it is an object of JSON or YAML, or several.
    pub fn is_tree(&self) -> bool {
        matches!(self.form, FileForm::Json | FileForm::Yaml)
    }

    /// Whether it has all of these names.
    pub fn has_all(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.has(name))
    }

    /// Whether it has this name.
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|it| it == name)
    }

    /// Whether it has any of these names.
    pub fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.has(name))
    }
}

/// The cells of a line of CSV.
pub fn columns(line: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_reader(line.as_bytes());
    let record = reader.records().next().and_then(Result::ok).unwrap_or_default();
    record.iter().take(MOST_NAMES).map(str::to_owned).collect()
}

/// Names of series, if the text is of the form in which servers are asked for them.
fn series(content: &str) -> Option<Vec<String>> {
    let lines = content.lines().filter(|line| !line.trim().is_empty());
    let (mut names, mut is_declared) = (Vec::new(), false);
    for line in lines.take(FIRST_LINES) {
        let declared = ["# HELP ", "# TYPE "].iter().find_map(|mark| line.strip_prefix(mark));
        is_declared |= declared.is_some();
        let name = declared.unwrap_or(line).split([' ', '{']).next().unwrap_or_default();
        if !line.starts_with("# EOF") && !names.iter().any(|it| it == name) {
            names.push(name.to_owned());
        }
    }
    let is_vllm = names.first().is_some_and(|name| name.starts_with("vllm:"));
    (is_declared || is_vllm).then_some(names)
}

/// Keys at the left of a text in YAML.
fn keys_of_yaml(content: &str) -> Option<Vec<String>> {
    let is_key = |line: &str| {
        let (key, rest) = line.split_once(':')?;
        let is_name = !key.is_empty() && key.chars().all(|it| it.is_alphanumeric() || "_-\"'.".contains(it));
        let is_end = rest.is_empty() || rest.starts_with([' ', '\r']);
        (is_name && is_end).then(|| key.trim_matches(['"', '\'']).to_owned())
    };
    let mut lines = content.lines().filter(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with(['#', '%']) && line != "---"
    });
    let first = is_key(lines.next()?.trim_start_matches("- "))?;
    let more = lines.filter_map(is_key).take(MOST_NAMES);
    Some([first].into_iter().chain(more).collect())
}

/// Keys of the first object, as far as the text can be read.
fn keys_of_json(content: &str) -> Vec<String> {
    let keys = RefCell::new(Vec::new());
    let mut reader = serde_json::Deserializer::from_str(content);
    // A text that ends too early still has a start.
    let _ = FirstKeys { keys: &keys, level: 0 }.deserialize(&mut reader);
    keys.into_inner()
}

/// Notes the keys of the first object, and passes over the rest.
#[derive(Clone, Copy)]
struct FirstKeys<'a> {
    keys: &'a RefCell<Vec<String>>,
    /// How many lists are around it.
    level: u8,
}

impl<'de> DeserializeSeed<'de> for FirstKeys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FirstKeys<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object, or a list of them")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let mut keys = self.keys.borrow_mut();
            if keys.len() < MOST_NAMES {
                keys.push(key);
            }
            drop(keys);
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if self.level > 1 {
            return Err(A::Error::custom("lists in lists"));
        }
        let level = self.level + 1;
        items.next_element_seed(FirstKeys { level, ..self })?;
        // What follows is not looked at.
        Err(A::Error::custom("seen enough"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        for (content, form, name) in [
            (" \n", FileForm::Empty, ""),
            ("{\"a\": 1, \"b\": {\"c\": 2}}", FileForm::Json, "b"),
            ("[{\"a\": 1}, {\"z\": 1}]", FileForm::Json, "a"),
            ("{\"a\": 1}\n{\"b\": 1}\n", FileForm::Json, "a"),
            ("{\"a\": 1, \"b\": [1, 2", FileForm::Json, "b"),
            ("a,\"b,c\"\r\n1,2\r\n", FileForm::Csv, "b,c"),
            (
                "# HELP x_total Help.\n# TYPE x_total counter\nx_total 3\n",
                FileForm::Metrics,
                "x_total",
            ),
            (
                "vllm:num_requests_running{engine=\"0\"} 3\n",
                FileForm::Metrics,
                "vllm:num_requests_running",
            ),
            (
                "---\n# c\nversion: '0.1'\nscenario:\n  load: 1\n",
                FileForm::Yaml,
                "scenario",
            ),
            ("hello\nworld\n", FileForm::Text, "hello"),
        ] {
            let glance = Glance::at(content);
            assert_eq!(glance.form, form, "{content}");
            assert!(name.is_empty() || glance.has(name), "{glance:?}");
        }
    }
}
