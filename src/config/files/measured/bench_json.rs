//! The results of `vllm bench serve`, of SGLang's `bench_serving` and of what is made from them: InferenceX's tables
//! and vLLM's sweeps. With details there is one entry a request, else the summary alone.
//!
//! Sources of the format: `vllm/benchmarks/serve.py` and its forerunner `benchmarks/benchmark_serving.py`,
//! `sglang/bench_serving.py`, InferenceX's `utils/process_result.py`. What is not about latencies, tokens, throughput
//! and load is not read.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::bench_names::{NamedUnit, is_of_sglang, summary_name};
use super::bench_requests::{Lists, of_requests};
use super::benchmark_load::{BenchmarkLoad, MeasuredLength};
use super::chunks::several_at_once;
use super::figures::Figures;
use super::glance::{FileForm, Glance};
use super::json_tree::JsonTree;
use super::json_values;
use super::metric::is_latency;
use super::noted_settings::NotedSetting;
use super::number::LooseNumber;
use super::result::{Measured, MeasuredRequest, Values};
use crate::config::files::csv_table::HeadedCsv;
use crate::config::reader::diagnostic::Diagnostic;

const SGLANG: &str = "SGLang bench_serving";
const INFERENCEX: &str = "InferenceX";

/// Mean gaps that are so many times the time a token are gaps between several tokens at once.
const SEVERAL_AT_ONCE: f64 = 1.8;
/// The same where the number of tokens says how many gaps there should be.
const MORE_THAN_ONE: f64 = 1.15;

/// Whether a file has the keys of such a result.
pub fn is_result(glance: &Glance) -> bool {
    glance.form == FileForm::Json && is_bench(glance)
}

/// Whether a file has such keys as columns.
pub fn is_table(glance: &Glance) -> bool {
    glance.form == FileForm::Csv && is_bench(glance)
}

fn is_bench(glance: &Glance) -> bool {
    let has_summary = glance
        .names
        .iter()
        .any(|name| summary_name(name).is_some_and(|it| is_latency(it.name)));
    let has_lists = glance.has("ttfts") && glance.has_any(&["output_lens", "itls"]);
    let has_counts = glance.has("completed") && glance.has_any(&["duration", "num_prompts", "request_throughput"]);
    has_summary || has_lists || has_counts
}

/// Reads all results of a file: one, a list of them, or one after the other, as `--append-result` leaves them.
pub fn read(name: &str, content: &str) -> Result<Vec<Measured>, Diagnostic> {
    let all: Vec<Raw> = json_values::all(name, content)?;
    named(name, all)
}

/// Reads the same as a table, a row a result.
pub fn read_table(name: &str, content: &str) -> Result<Vec<Measured>, Diagnostic> {
    let table = HeadedCsv::of(name, content)?;
    let columns: Vec<String> = table.columns().map(str::to_owned).collect();
    let mut all = Vec::new();
    for row in table {
        let row = row?;
        let cells = columns.iter().enumerate();
        let cells = cells.filter(|(at, _)| !row.cell(*at).is_empty());
        let cells = cells.map(|(at, column)| (column.clone(), serde_json::Value::from(row.cell(at))));
        let object = serde_json::Value::Object(cells.collect());
        let raw: Raw = serde_json::from_value(object).map_err(|error| row.error(0, error.to_string()))?;
        all.push(raw);
    }
    named(name, all)
}

/// Reads objects with the same keys.
pub fn of_objects(name: &str, objects: Vec<serde_json::Value>) -> Result<Vec<Measured>, Diagnostic> {
    let read = |object| serde_json::from_value(object).map_err(|error| Diagnostic::new(format!("{name}: {error}")));
    named(name, objects.into_iter().map(read).collect::<Result<_, _>>()?)
}

fn named(name: &str, all: Vec<Raw>) -> Result<Vec<Measured>, Diagnostic> {
    let are_several = all.len() > 1;
    let numbered = all.into_iter().enumerate();
    let read = numbered.map(|(place, raw)| {
        if !are_several {
            return raw.measured(name);
        }
        raw.measured(&format!("{name}: result {}", place + 1))
    });
    read.collect()
}

/// What the object may hold.
#[derive(Default)]
struct Raw {
    lists: Lists,
    failed: Option<u64>,
    completed: Option<f64>,
    /// Numbers of the whole run with their keys.
    summary: Vec<(String, f64)>,
    duration_s: Option<f64>,
    total_input_tokens: Option<f64>,
    total_output_tokens: Option<f64>,
    /// Nominal lengths of prompts and answers.
    nominal: [Option<f64>; 2],
    /// The slots of an InferenceX table, which all requests go through.
    slots: Option<u32>,
    is_of_sglang: bool,
    is_ramp: bool,
    load: BenchmarkLoad,
}

impl Raw {
    /// Whose numbers they are, if not vLLM's.
    fn tool(&self) -> &'static str {
        match (self.is_of_sglang, self.is_in_seconds()) {
            (true, _) => SGLANG,
            (false, true) => INFERENCEX,
            (false, false) => "",
        }
    }

    /// Whether it only has names without a unit, which are InferenceX's for seconds.
    fn is_in_seconds(&self) -> bool {
        let units = || {
            self.summary
                .iter()
                .filter_map(|(key, _)| summary_name(key))
                .map(|it| it.unit)
        };
        units().any(|unit| unit == NamedUnit::Seconds) && !units().any(|unit| unit == NamedUnit::Milliseconds)
    }

    fn measured(self, name: &str) -> Result<Measured, Diagnostic> {
        let of_requests = of_requests(&self.lists).map_err(|problem| problem.of(name))?;
        let unfinished = self.failures();
        let mut measured = match of_requests {
            Some(found) => {
                let mut measured = found.tally.measured(self.duration_s.unwrap_or(0.0));
                measured.notes.extend(found.note);
                measured.values.extend(found.mean_gap.map(|gap| ("itl.mean", gap)));
                measured
            }
            None => Measured {
                unfinished,
                ..Measured::default()
            },
        };
        let has_requests = measured.requests.is_some();
        for (name, value) in self.summary(name, &mut measured.notes, has_requests)? {
            // Requests tell more about latencies than their summary does, and how far each number may be trusted.
            if !has_requests || !is_latency(name) {
                measured.values.insert(name, value);
            }
        }
        measured.unfinished = measured.unfinished.max(unfinished);
        if let Some(error) = self.lists.first_error() {
            measured.notes.push(format!("the first failure says: {error}"));
        }
        measured.tool = self.tool();
        let requests = measured.requests.take();
        measured.load = Some(self.load(name, requests.as_deref().unwrap_or(&[]), &mut measured.notes)?);
        measured.requests = requests;
        Ok(measured)
    }

    /// Requests that did not finish; older releases only say how many were sent and how many came back.
    fn failures(&self) -> u64 {
        let missing = || {
            let (sent, completed) = (self.load.requests?, self.completed?);
            Some(sent.saturating_sub(completed as u64))
        };
        self.failed.or_else(missing).unwrap_or(0)
    }

    fn load(
        &self,
        name: &str,
        requests: &[MeasuredRequest],
        notes: &mut Vec<String>,
    ) -> Result<BenchmarkLoad, Diagnostic> {
        let mut load = self.load.clone();
        for (key, value) in [("request_rate", load.rate_per_s), ("burstiness", load.burstiness)] {
            if value.is_some_and(|it| it.is_nan() || it <= 0.0) {
                let message = format!("{name}: {key} is not above 0");
                return Err(Diagnostic::new(message)
                    .help("write the number that the benchmark was run with, \"inf\" for no limit, or null"));
            }
        }
        if let (None, Some(slots)) = (load.rate_per_s, self.slots) {
            load.rate_per_s = Some(f64::INFINITY);
            load.max_concurrency = Some(slots);
        }
        if self.is_ramp {
            load.rate_per_s = None;
            notes.push("its rate was ramped up, so that no one load was sent".to_owned());
        }
        let count = self.completed.filter(|count| *count > 0.0);
        let sent = || Some(self.completed? as u64 + self.failures()).filter(|sent| *sent > 0);
        load.requests = load.requests.or_else(sent);
        let per_request = |total: Option<f64>| Some(total? / count?);
        load.input_tokens = MeasuredLength::of_each(requests.iter().map(|it| it.input_tokens))
            .or_else(|| MeasuredLength::of(per_request(self.total_input_tokens).or(self.nominal[0]), None));
        load.output_tokens = MeasuredLength::of_each(requests.iter().map(|it| it.output_tokens))
            .or_else(|| MeasuredLength::of(per_request(self.total_output_tokens).or(self.nominal[1]), None));
        load.is_exact_span = !self.is_of_sglang;
        Ok(load)
    }

    fn summary(&self, name: &str, notes: &mut Vec<String>, has_requests: bool) -> Result<Values, Diagnostic> {
        let mut figures = Figures::of(name);
        let unit = if self.is_in_seconds() {
            NamedUnit::Seconds
        } else {
            NamedUnit::Milliseconds
        };
        for (key, value) in &self.summary {
            let Some(found) = summary_name(key) else { continue };
            if found.unit == NamedUnit::Plain {
                figures.number(key, found.name, *value)?;
            } else if found.unit == unit {
                figures.number(key, found.name, value / unit.in_a_second())?;
                self.refuse_longer_than_run(name, key, *value, unit)?;
            }
        }
        if let (Some(tokens), Some(duration_s)) = (self.total_input_tokens, self.duration_s) {
            if !duration_s.is_finite() || duration_s < 0.0 {
                let message = format!("{name}: duration stands for {duration_s} s");
                return Err(Diagnostic::new(message).help("write a length of time in seconds from 0, or null"));
            }
            if duration_s > 0.0 {
                figures.number(
                    "total_input_tokens",
                    "throughput.input_tokens_per_s",
                    tokens / duration_s,
                )?;
            }
        }
        // Whoever has no answer writes 0 for all.
        if self.completed.is_some_and(|count| count <= 0.0) {
            figures.values.clear();
        }
        if !has_requests {
            notes.extend(self.correct_gaps(&mut figures.values));
        }
        Ok(figures.values)
    }

    /// No request takes longer than the run: if it does, the name's unit is not the number's.
    fn refuse_longer_than_run(&self, name: &str, key: &str, value: f64, unit: NamedUnit) -> Result<(), Diagnostic> {
        let longest = self.duration_s.filter(|it| *it > 0.0 && unit == NamedUnit::Seconds);
        let Some(duration_s) = longest.filter(|duration_s| value > *duration_s * MORE_THAN_ONE) else {
            return Ok(());
        };
        let message = format!(
            "{name}: {key} would be {value} seconds, longer than the whole run, whose duration is {duration_s} s"
        );
        Err(Diagnostic::new(message).help(format!(
            "names without a unit are seconds, as InferenceX writes them; write {key}_ms for milliseconds"
        )))
    }

    /// Where several tokens came at once, gaps between what came are not gaps between tokens. What those are is told
    /// from the number of tokens, as far as the mean goes.
    fn correct_gaps(&self, values: &mut Values) -> Option<String> {
        if self.is_of_sglang {
            // It shares a gap out over the tokens that came after it.
            return None;
        }
        let gap = *values.get("itl.mean")?;
        let of = |name: &str| values.get(name).copied();
        let by_tokens = || {
            let gaps = self.total_output_tokens? - self.completed?;
            let mean = (of("e2e.mean")? - of("ttft.mean")?) * self.completed? / gaps;
            (gaps > 0.0 && mean > 0.0).then_some(mean)
        };
        let (true_mean, limit) = match by_tokens() {
            Some(mean) => (mean, MORE_THAN_ONE),
            None => (of("tpot.mean")?, SEVERAL_AT_ONCE),
        };
        if gap < limit * true_mean {
            return None;
        }
        values.retain(|name, _| !name.starts_with("itl."));
        values.insert("itl.mean", true_mean);
        Some(several_at_once(gap / true_mean))
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawVisitor)
    }
}

/// Passes over what is not needed without keeping it: the generated texts can be most of the file.
struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("one object, the result of a benchmark")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut raw = Raw::default();
        while let Some(key) = map.next_key::<String>()? {
            raw.is_of_sglang |= is_of_sglang(&key);
            if raw.lists.take(&key, &mut map)? || raw.take_load(&key, &mut map)? {
                continue;
            }
            let number = |map: &mut A| Ok(map.next_value::<LooseNumber>()?.0);
            match key.as_str() {
                "failed" => raw.failed = number(&mut map)?.map(|it| it as u64),
                "duration" => raw.duration_s = number(&mut map)?,
                "total_input_tokens" => raw.total_input_tokens = number(&mut map)?,
                "total_output_tokens" => raw.total_output_tokens = number(&mut map)?,
                "isl" => raw.nominal[0] = number(&mut map)?,
                "osl" => raw.nominal[1] = number(&mut map)?,
                _ if summary_name(&key).is_some() => {
                    if let Some(value) = number(&mut map)? {
                        if key == "completed" {
                            raw.completed = Some(value);
                        }
                        raw.summary.push((key, value));
                    }
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(raw)
    }
}

impl Raw {
    /// Takes what is about the load, if this key is.
    fn take_load<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        let load = &mut self.load;
        let mut count =
            || -> Result<Option<u64>, A::Error> { Ok(map.next_value::<LooseNumber>()?.0.map(|it| it as u64)) };
        let count_of_few = |count: Option<u64>| count.filter(|it| *it > 0).and_then(|it| u32::try_from(it).ok());
        match key {
            "num_prompts" => load.requests = count()?,
            "max_concurrency" => load.max_concurrency = count_of_few(count()?),
            "conc" => self.slots = count_of_few(count()?),
            "burstiness" => load.burstiness = map.next_value::<LooseNumber>()?.0,
            "request_rate" => {
                let rate: JsonTree = map.next_value()?;
                // SGLang says so where requests were sent at the times of a trace, which has no one rate.
                let is_known = !rate.is_nothing() && rate.text() != Some("trace");
                // What is no number is refused as one that is not above 0.
                load.rate_per_s = is_known.then(|| rate.number().unwrap_or(f64::NAN));
            }
            "ramp_up_strategy" => self.is_ramp = map.next_value::<JsonTree>()?.text().is_some(),
            "model_id" | "model" => {
                let named = map.next_value::<JsonTree>()?;
                load.model = named.text().map(str::to_owned).or(load.model.take());
            }
            "tensor_parallel_size" | "tensor-parallel-size" | "tensor_parallel" | "tp" => {
                load.tensor_parallel = map
                    .next_value::<JsonTree>()?
                    .count()
                    .and_then(|it| u32::try_from(it).ok());
            }
            "gpu" | "gpu_type" | "gpu_name" | "hw" => {
                load.gpu = noted(&map.next_value()?).or(load.gpu.take());
            }
            _ => {
                let Some(setting) = NotedSetting::named(key) else {
                    return Ok(false);
                };
                let value = setting.value(&map.next_value()?);
                load.settings.extend(value.map(|value| (setting, value)));
            }
        }
        Ok(true)
    }
}

/// What somebody has noted, which nothing depends on, as a text.
fn noted(value: &JsonTree) -> Option<String> {
    match value {
        JsonTree::Number(number) => Some(number.to_string()),
        other => other.text().map(str::to_owned),
    }
}
