//! A list of experiments in TOML: scenarios, each with what was measured when it was served for real.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::measured::{BenchmarkLoad, METRICS, Measured, canonical, is_latency};
use crate::config::reader::diagnostic::{Diagnostic, did_you_mean};
use crate::config::reader::document::{self, Entry, Value, same_key};
use crate::config::reader::fields::Fields;
use crate::config::reader::key::Key;
use crate::config::reader::layers::{self, Layers, Overrides};
use crate::config::reader::quantity;
use crate::config::reader::read_once::Files;
use crate::config::reader::reading::Reading;
use crate::config::reader::text::{Text, Texts};
use crate::units::Span;

const LIST: &str = "experiment";
const LOAD: &str = "load";
const SET: &str = "set";
/// More replications than anybody waits for.
const MOST_SEEDS: u32 = 100_000;
/// What a manifest looks like.
const EXAMPLE: &str = "write [[experiment]] with scenario = \"served.toml\" and, below [experiment.measured], file = \
                       \"bench.json\" or values such as \"ttft.mean\" = \"28.4ms\"";

/// Experiments in the order of the file.
#[derive(Debug)]
pub struct Manifest {
    /// At least one.
    pub experiments: Vec<Experiment>,
    /// The manifest itself and every file that holds what was measured.
    pub files: Vec<PathBuf>,
}

/// A scenario, and what was measured of it.
#[derive(Debug)]
pub struct Experiment {
    /// What it is called; `None` for the scenario's own name.
    pub name: Option<String>,
    /// The scenario file.
    pub scenario: PathBuf,
    /// What is set of its keys: by what was measured, if the manifest says so, and over that by the manifest.
    pub overrides: Overrides,
    /// What of that is the load of what was measured, as a scenario would write it, a key each.
    pub measured_load: Vec<String>,
    /// What was read of files for any experiment of the manifest.
    files: Files,
    /// How many runs to pool; the seeds follow one another.
    pub seeds: u32,
    /// What was measured.
    pub measured: Measured,
    /// Where it was written, as `file:line`.
    pub origin: String,
}

impl Experiment {
    /// What messages call it.
    pub fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("experiment {name:?} ({})", self.origin),
            None => format!("experiment at {}", self.origin),
        }
    }

    /// The layers of its scenario below any flags.
    pub fn layers(&self) -> Layers {
        Layers {
            file: Some(self.scenario.clone()),
            files: self.files.clone(),
            ..Layers::default()
        }
    }
}

impl Manifest {
    /// Reads a manifest and the measurements it names; scenarios are not read yet.
    pub fn load(path: &Path) -> Result<Self, Diagnostic> {
        let text = layers::text_like_a_scenario(path, EXAMPLE)?;
        let mut reading = Reading::default();
        let root = document::parse(&mut reading.texts, text.clone())?;
        let fields = Fields::of(&reading, String::new(), &root)?;
        let list = fields.key(LIST)?;
        fields.finish_as("a manifest")?;
        if let Some(node) = list.node
            && !matches!(&node.value, Value::Array(items) if !items.is_empty())
        {
            let message = format!("`{LIST}` must be a list of tables");
            return Err(reading.error(node.place, message).help(EXAMPLE));
        }
        let Some(items) = list.list()? else {
            return Err(fields.error(LIST, "there is no experiment").help(EXAMPLE));
        };
        let mut experiments = Vec::new();
        for item in items {
            experiments.extend(read_experiment(item, &text)?);
        }
        let mut files = reading.take_files();
        files.push(path.to_owned());
        Ok(Self { experiments, files })
    }
}

/// Reads an entry of the list: as many experiments as its file holds results.
fn read_experiment(item: Key<'_>, text: &Arc<Text>) -> Result<Vec<Experiment>, Diagnostic> {
    let reading = item.reading;
    let Some(fields) = item.table()? else {
        unreachable!("an entry of a list has a value");
    };
    let name = fields.key("name")?.text()?.unnoted();
    let Some(scenario) = fields.key("scenario")?.path()?.unnoted() else {
        let message = format!("`{}.scenario` is missing", fields.path());
        return Err(reading
            .error(fields.place(), message)
            .help("write scenario = \"served.toml\", a file that `tailcast run` takes"));
    };
    if !scenario.is_file() {
        let message = format!("{} is not a file", scenario.display());
        return Err(fields
            .error("scenario", message)
            .help("write the path of a scenario file, from the manifest's own directory"));
    }
    // Whether these are keys of a scenario is found when it is read.
    let set = fields.optional_section(SET)?;
    let seeds = fields.key("seeds")?.count(1..=MOST_SEEDS)?;
    let seeds = seeds.unnoted().unwrap_or(1);
    let takes_load = read_load(&fields)?;
    let all = read_measured(&fields)?;
    fields.finish_as(&format!("`{}`", fields.path()))?;
    let are_several = all.len() > 1;
    let one = |(place, measured): (usize, Measured)| {
        let mut overrides = Overrides::new(text, set.as_ref().map_or(&[], Fields::entries));
        // Several results of one file are of several loads, unless somebody says that they are all the scenario's.
        let is_told = measured.load.as_ref().is_some_and(|load| load.keys().is_ok());
        let mut load = Vec::new();
        if takes_load.unwrap_or(are_several && is_told) {
            let said = measured
                .load
                .as_ref()
                .and_then(|load| load.keys().ok())
                .unwrap_or_default();
            load.extend(said.into_iter().map(|(key, value)| format!("{key} = {value}")));
            overrides = measured_load(&fields, &measured)?.below(overrides);
        }
        let name = if are_several {
            Some(numbered(name.as_deref(), place, &measured))
        } else {
            name.clone()
        };
        Ok(Experiment {
            name,
            scenario: scenario.clone(),
            overrides,
            measured_load: load,
            files: reading.files.clone(),
            seeds,
            measured,
            origin: reading.texts.line_of(fields.place()),
        })
    };
    all.into_iter().enumerate().map(one).collect()
}

/// What one of several results is called.
fn numbered(name: Option<&str>, place: usize, measured: &Measured) -> String {
    let load = measured.load.as_ref().and_then(BenchmarkLoad::label);
    let load = load.map_or_else(String::new, |load| format!(", {load}"));
    format!("{} ({}{load})", name.unwrap_or("result"), place + 1)
}

/// Whether the load is what the measured file says, and not the scenario's own; `None` if nobody says.
fn read_load(fields: &Fields<'_>) -> Result<Option<bool>, Diagnostic> {
    let choices = [("scenario", false), ("measured", true)];
    let load = fields.key(LOAD)?.choice(&choices)?;
    Ok(load.unnoted().map(|load| load.value))
}

/// The keys of a scenario that sends what was sent.
fn measured_load(fields: &Fields<'_>, measured: &Measured) -> Result<Overrides, Diagnostic> {
    let load = measured.load.clone().unwrap_or_default();
    let content = load.to_toml().map_err(|problem| {
        let error = fields.error(LOAD, problem.message);
        problem.help.into_iter().fold(error, Diagnostic::help)
    })?;
    let text = Arc::new(Text::of_file("the measured load", content, Path::new("")));
    let root = document::parse(&mut Texts::default(), Arc::clone(&text))?;
    let Value::Table(keys) = &root.value else {
        unreachable!("the root of a document is a table");
    };
    Ok(Overrides::new(&text, keys))
}

/// What a file holds, and over it what is written here.
fn read_measured(experiment: &Fields<'_>) -> Result<Vec<Measured>, Diagnostic> {
    let reading = experiment.reading();
    let Some(fields) = experiment.optional_section("measured")? else {
        let message = format!("`{}` has nothing measured", experiment.path());
        return Err(reading.error(experiment.place(), message).help(
            "write [experiment.measured] below it, with file = \"bench.json\" or values such as \"ttft.mean\" = \
                   \"28.4ms\"",
        ));
    };
    let mut all = read_files(&fields)?;
    let mut written = Vec::new();
    flatten("", fields.entries(), &mut written);
    written.sort_by_key(|(_, entry)| entry.place.start);
    let mut seen: Vec<&str> = Vec::new();
    for (name, entry) in written {
        if same_key(&name, "file") || same_key(&name, "before") {
            continue;
        }
        let Some(metric) = canonical(&name) else {
            return Err(unknown_metric(reading, &name, entry));
        };
        if seen.contains(&metric) {
            let message = format!("`{metric}` is written twice");
            return Err(reading.error(entry.place, message).help("keep one of the two"));
        }
        seen.push(metric);
        let value = read_value(reading, metric, entry)?;
        for measured in &mut all {
            measured.values.insert(metric, value);
            measured.bounds.remove(metric);
        }
    }
    if all.iter().all(|measured| measured.values.is_empty()) {
        let message = format!("`{}` is empty", fields.path());
        return Err(reading
            .error(fields.place(), message)
            .help("write file = \"bench.json\" or values such as \"ttft.mean\" = \"28.4ms\""));
    }
    Ok(all)
}

/// The results in the file, if one is named; of a server's counters what came after those of `before`.
fn read_files(fields: &Fields<'_>) -> Result<Vec<Measured>, Diagnostic> {
    let reading = fields.reading();
    let read = |key: &'static str| -> Result<Option<Vec<Measured>>, Diagnostic> {
        let Some(path) = fields.key(key)?.path()?.unnoted() else {
            return Ok(None);
        };
        reading.note_file(&path);
        Measured::read_all_among(&reading.files, &path).map(Some)
    };
    let (before, file) = (read("before")?, read("file")?);
    match (before, file) {
        (None, None) => Ok(vec![Measured::default()]),
        (None, Some(all)) => Ok(all),
        (Some(before), Some(after)) => {
            let mut looks: Vec<Measured> = before.into_iter().chain(after).collect();
            if looks.iter().any(|look| look.counters.is_none()) {
                let message = "`before` is only for what a server answers at /metrics";
                return Err(fields.error("before", message).help("leave `before` out"));
            }
            let itself: fn(&mut Measured) -> Option<&mut Measured> = |measured| Some(measured);
            Measured::join_counters(&mut looks, itself)?;
            Ok(looks)
        }
        (Some(_), None) => {
            let message = "`before` stands without `file`";
            Err(fields
                .error("before", message)
                .help("write in `file` what /metrics answered after the load"))
        }
    }
}

/// Names such as `queue.depth.mean`, which TOML nests if it is written without quotes.
fn flatten<'a>(before: &str, table: &'a [Entry], found: &mut Vec<(String, &'a Entry)>) {
    for entry in table {
        let name = if before.is_empty() {
            entry.key.clone()
        } else {
            format!("{before}.{}", entry.key)
        };
        match &entry.node.value {
            Value::Table(inner) if !inner.is_empty() => flatten(&name, inner, found),
            _ => found.push((name, entry)),
        }
    }
}

fn unknown_metric(reading: &Reading, name: &str, entry: &Entry) -> Diagnostic {
    let message = format!("nothing that is predicted is called `{name}`");
    let mut error = reading.error(entry.place, message);
    if let Some(hint) = did_you_mean(name, METRICS.into_iter().chain(["file", "before"])) {
        error = error.help(hint);
    }
    let counts: Vec<&str> = METRICS.into_iter().filter(|name| !is_latency(name)).collect();
    error.help(format!(
        "write ttft, tpot, itl, e2e or queue_wait, a dot, and mean, p50, p90, p95, p99, p999 or max; or one of {}",
        counts.join(", ")
    ))
}

fn read_value(reading: &Reading, metric: &str, entry: &Entry) -> Result<f64, Diagnostic> {
    let value = &entry.node.value;
    if !is_latency(metric) {
        let number = match *value {
            Value::Integer(Some(integer)) => Some(integer as f64),
            Value::Float(float) => Some(float),
            _ => None,
        };
        return number.filter(|it| it.is_finite() && *it >= 0.0).ok_or_else(|| {
            let message = format!("`{metric}` must be a number from 0, not {}", value.describe());
            reading.error(entry.node.place, message)
        });
    }
    let duration = match value {
        Value::Text(text) => quantity::duration(text),
        Value::Integer(Some(number)) => Err(quantity::without_unit(number)),
        Value::Float(number) => Err(quantity::float_without_unit(*number)),
        other => Err(format!("{} is not a duration", other.describe())),
    };
    duration.map(Span::seconds).map_err(|problem| {
        reading
            .error(entry.node.place, format!("`{metric}`: {problem}"))
            .help(quantity::DURATION_HELP)
    })
}
