//! A study in TOML: a scenario, the keys that vary, seeds, and the numbers to keep.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::axis::{self, Axis, KeysSeen};
use crate::config::reader::diagnostic::{Diagnostic, Snippet};
use crate::config::reader::document::{self, Node, Value};
use crate::config::reader::fields::Fields;
use crate::config::reader::key::Key;
use crate::config::reader::layers::{self, Overrides};
use crate::config::reader::reading::Reading;
use crate::config::reader::text::Text;

/// More replications than anybody waits for.
const MOST_SEEDS: u32 = 100_000;
/// More numbers than there are names for.
const MOST_METRICS: usize = 1000;
/// More values of an axis than anybody looks at.
const MOST_STEPS: u32 = 100_000;
const EXAMPLE: &str =
    "write scenario = \"my.toml\" and, below [[axis]], key = \"workload.arrivals.rate\" and values = [1, 2, 4]";
const VALUES: &str = "write values = [1, 2, 4], values = \"1..64\" (doubles), or from, to and steps";
const SET: &str = "set";

/// What a study file says. Whether its keys are those of a scenario is found when scenarios are read.
#[derive(Debug)]
pub struct StudyFile {
    /// What it is called; `None` for the scenario's name.
    pub name: Option<String>,
    /// The scenario file; `None` for the embedded demo.
    pub scenario: Option<PathBuf>,
    /// What it sets for all runs.
    pub overrides: Option<Overrides>,
    /// What varies, the first one slowest; at least one.
    pub axes: Vec<Axis>,
    /// Runs at each point; their seeds follow one another.
    pub seeds: u32,
    /// Numbers to keep, each with its place; empty for the usual ones.
    pub metrics: Vec<(String, Snippet)>,
}

impl StudyFile {
    /// Reads a study.
    pub fn load(path: &Path) -> Result<Self, Diagnostic> {
        Self::read(&layers::text_like_a_scenario(path, EXAMPLE)?)
    }

    /// Reads a study that stands in no file.
    pub fn from_toml(text: &str) -> Result<Self, Diagnostic> {
        Self::read(&Arc::new(Text::of_file("the study", text.to_owned(), Path::new(""))))
    }

    fn read(text: &Arc<Text>) -> Result<Self, Diagnostic> {
        let mut reading = Reading::default();
        let root = document::parse(&mut reading.texts, Arc::clone(text))?;
        let fields = Fields::of(&reading, String::new(), &root)?;
        let name = fields.key("name")?.text()?.unnoted();
        let scenario = read_scenario(&fields)?;
        let seeds = fields.key("seeds")?.count(1..=MOST_SEEDS)?;
        let seeds = seeds.unnoted().unwrap_or(1);
        let metrics = read_metrics(fields.key("metrics")?)?;
        let set = fields.optional_section(SET)?;
        let list = fields.key("axis")?;
        fields.finish_as("a study")?;
        Ok(Self {
            name,
            scenario,
            axes: read_axes(&fields, list, &text.base)?,
            overrides: set.map(|set| Overrides::new(text, set.entries())),
            seeds,
            metrics,
        })
    }
}

fn read_scenario(fields: &Fields<'_>) -> Result<Option<PathBuf>, Diagnostic> {
    let scenario = fields.key("scenario")?.path()?.unnoted();
    match scenario {
        Some(path) if !path.is_file() => {
            let message = format!("{} is not a file", path.display());
            Err(fields
                .error("scenario", message)
                .help("write the path of a scenario file, from the study's own directory"))
        }
        found => Ok(found),
    }
}

fn read_metrics(key: Key<'_>) -> Result<Vec<(String, Snippet)>, Diagnostic> {
    let reading = key.reading;
    let Some(items) = key.list()? else {
        return Ok(Vec::new());
    };
    if items.len() > MOST_METRICS {
        let message = format!("`metrics` has {} entries; at most {MOST_METRICS} are kept", items.len());
        return Err(reading.error(items[0].owner, message).help("name those that matter"));
    }
    let mut metrics: Vec<(String, Snippet)> = Vec::new();
    for item in items {
        let node = item.node.expect("an entry of a list has a value");
        let name = item.text()?.unnoted().expect("an entry of a list has a value");
        let snippet = reading.texts.snippet(node.place);
        if metrics.iter().any(|(other, _)| *other == name) {
            let message = format!("`{name}` is there twice");
            return Err(Diagnostic::new(message).at(snippet).help("keep one of the two"));
        }
        metrics.push((name, snippet));
    }
    Ok(metrics)
}

fn read_axes(fields: &Fields<'_>, list: Key<'_>, base: &Path) -> Result<Vec<Axis>, Diagnostic> {
    if let Some(node) = list.node
        && !matches!(&node.value, Value::Array(items) if !items.is_empty())
    {
        let message = "`axis` must be a list of tables";
        return Err(fields.reading().error(node.place, message).help(EXAMPLE));
    }
    let Some(items) = list.list()? else {
        return Err(fields.error("axis", "nothing varies").help(EXAMPLE));
    };
    let mut axes: Vec<Axis> = Vec::new();
    let mut seen = KeysSeen::default();
    for item in items {
        let table = item.table()?.expect("an entry of a list has a value");
        let read = read_axis(&table, base)?;
        if let Some(key) = read.keys.iter().find(|key| !seen.add(key)) {
            let message = format!("`{key}` varies twice");
            return Err(fields
                .reading()
                .error(table.place(), message)
                .help("keep one of the two"));
        }
        axes.push(read);
    }
    Ok(axes)
}

fn read_axis(table: &Fields<'_>, base: &Path) -> Result<Axis, Diagnostic> {
    let key = table.key("key")?.text()?.unnoted();
    let keys = read_keys(table)?;
    let axis = |keys, steps| Axis {
        keys,
        steps,
        origin: table.reading().texts.line_of(table.place()),
        base: base.to_owned(),
    };
    match (key, keys) {
        (Some(_), Some(_)) => Err(table
            .error("keys", "`key` and `keys` exclude each other")
            .help("write key for one, keys for those that change together")),
        (None, None) => Err(table
            .error("key", "what varies is missing")
            .help("write key = \"workload.arrivals.rate\", a key of the scenario")),
        (Some(key), None) => {
            let steps = read_values(table)?.into_iter();
            Ok(axis(vec![key], steps.map(|value| vec![value]).collect()))
        }
        (None, Some(keys)) => {
            let steps = read_rows(table, keys.len())?;
            Ok(axis(keys, steps))
        }
    }
}

fn read_keys(table: &Fields<'_>) -> Result<Option<Vec<String>>, Diagnostic> {
    let Some(items) = table.key("keys")?.list()? else {
        return Ok(None);
    };
    let keys: Result<Vec<String>, Diagnostic> = items
        .into_iter()
        .map(|item| Ok(item.text()?.unnoted().expect("an entry has a value")))
        .collect();
    let keys = keys?;
    if keys.is_empty() {
        return Err(table
            .error("keys", "`keys` is empty")
            .help("write keys = [\"server.gpu\", \"server.tensor_parallel\"]"));
    }
    Ok(Some(keys))
}

/// The values of one key: a list, a range in a text, or both ends and a step or a number of steps.
fn read_values(table: &Fields<'_>) -> Result<Vec<String>, Diagnostic> {
    let values = table.key("values")?;
    let ends = (
        table.key("from")?.number(-1e15..=1e15)?.unnoted(),
        table.key("to")?.number(-1e15..=1e15)?.unnoted(),
    );
    let step = table.key("step")?.positive(1e15)?.unnoted();
    let steps = table.key("steps")?.count(1..=MOST_STEPS)?.unnoted();
    let scale = table.key("scale")?.choice(&[("linear", false), ("log", true)])?;
    let log = scale.unnoted().is_some_and(|scale| scale.value);
    table.finish_as("an axis")?;
    let wrong = |key: &str, message: String, help: &str| table.error(key, message).help(help);
    let found = match (values.node, ends) {
        (Some(node), (None, None)) => return listed(table, node),
        (Some(_), _) => {
            let message = "`values` and `from` exclude each other".to_owned();
            return Err(wrong("values", message, "keep one of the two"));
        }
        (None, (Some(from), Some(to))) => {
            if from > to {
                let message = format!("the range from {from} to {to} is empty");
                return Err(wrong("from", message, "write the smaller end as from"));
            }
            if log && from <= 0.0 {
                let message = format!("a logarithmic range cannot begin at {from}");
                return Err(wrong("from", message, "write from above 0, or scale = \"linear\""));
            }
            match (step, steps) {
                (Some(step), None) if !log => {
                    axis::evenly(from, to, step).map_err(|message| wrong("step", message, "or fewer by steps = 10"))?
                }
                (None, Some(steps)) => axis::spaced(from, to, steps as usize, log),
                _ => {
                    let message = "a range needs a step, or a number of steps".to_owned();
                    let help = "write steps = 8, or step = 0.5 (not beside scale = \"log\")";
                    return Err(wrong("from", message, help));
                }
            }
        }
        (None, _) => return Err(table.error("values", "the values are missing").help(VALUES)),
    };
    Ok(found)
}

fn listed(table: &Fields<'_>, node: &Node) -> Result<Vec<String>, Diagnostic> {
    let reading = table.reading();
    let found = match &node.value {
        Value::Text(range) => axis::values(range).map_err(|message| reading.error(node.place, message).help(VALUES))?,
        Value::Array(items) => {
            let written = items.iter().map(|item| axis::written(&reading.texts, item));
            written.collect()
        }
        other => {
            let message = format!("`values` must be a list, not {}", other.describe());
            return Err(reading.error(node.place, message).help(VALUES));
        }
    };
    if found.is_empty() {
        return Err(reading.error(node.place, "`values` is empty").help(VALUES));
    }
    if let Some(value) = axis::value_twice(&found) {
        let message = format!("`values` has {value} twice");
        return Err(reading.error(node.place, message).help("keep one of the two"));
    }
    Ok(found)
}

/// The values of several keys: a list of lists.
fn read_rows(table: &Fields<'_>, width: usize) -> Result<Vec<Vec<String>>, Diagnostic> {
    const HELP: &str = "write values = [[\"l40s\", 2], [\"h100-sxm\", 1]], in each a value for every key";
    let reading = table.reading();
    let Some(items) = table.key("values")?.list()? else {
        return Err(table.error("values", "the values are missing").help(HELP));
    };
    table.finish_as("an axis of several keys")?;
    if items.is_empty() {
        return Err(table.error("values", "`values` is empty").help(HELP));
    }
    items
        .into_iter()
        .map(|item| {
            let node = item.node.expect("an entry of a list has a value");
            match &node.value {
                Value::Array(row) if row.len() == width => {
                    let written = row.iter().map(|value| axis::written(&reading.texts, value));
                    Ok(written.collect())
                }
                Value::Array(row) => {
                    let message = format!("{} values for {width} keys", row.len());
                    Err(reading.error(node.place, message).help(HELP))
                }
                other => {
                    let message = format!("a list of values is needed, not {}", other.describe());
                    Err(reading.error(node.place, message).help(HELP))
                }
            }
        })
        .collect()
}
