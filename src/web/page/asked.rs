//! What the page asks: a scenario, keys that are laid over it, and which numbers are wanted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Base, Control, CurveQuestion, LoadKind, MeasuredPoints, Problem, RunQuestion, ScenarioQuestion};
use crate::config::{Diagnostic, Flag};
use crate::report::chart::{Mark, Panel};
use crate::report::page::{Block, Page};

/// A scenario, and what is asked of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PageAsked {
    /// The text of a scenario; without it the one that is served.
    toml: Option<String>,
    /// Keys with their values, as `--set` would set them.
    set: BTreeMap<String, Value>,
    /// Keys for this answer only: the scenario that comes with it is without them.
    also: BTreeMap<String, Value>,
    /// The answer may take so long [ms]; what is there by then is the answer.
    limit_ms: Option<u64>,
    /// The loads of a curve.
    loads: Vec<f64>,
    /// What a load is.
    kind: AskedLoad,
    /// The load that the curve's figure points at.
    now: Option<f64>,
}

/// What a load is.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AskedLoad {
    #[default]
    Rate,
    Concurrency,
}

/// More than that are for the command line.
const MOST_REQUESTS: u64 = 100_000;
/// A curve has so many loads at most.
const MOST_LOADS: usize = 16;

impl PageAsked {
    /// The scenario that is asked about: that of the text, or else the one that is `served`.
    pub fn base(&self, served: &Base) -> Result<Base, Problem> {
        let own = self.toml.as_deref().map(|text| Base::from_toml(text).closed());
        laid_over(&own.unwrap_or_else(|| served.clone()), &self.set)
    }

    /// The scenario with the keys for this answer only.
    pub fn base_of_answer(&self, base: &Base) -> Result<Base, Problem> {
        laid_over(base, &self.also)
    }

    /// How long the answer may take, if that is said.
    pub fn limit(&self) -> Option<Duration> {
        self.limit_ms.map(Duration::from_millis)
    }

    /// The key that a message is about: of those that are laid over the scenario the one that it names, or else the
    /// last key in its first line.
    pub fn key_in(&self, message: &str) -> Option<String> {
        let is_named = |key: &&String| {
            let spelling = |text: &str| text.replace('"', "");
            spelling(message).contains(&spelling(key))
        };
        let longest = self
            .set
            .keys()
            .chain(self.also.keys())
            .filter(is_named)
            .max_by_key(|key| key.len());
        longest.cloned().or_else(|| {
            let quoted = message.lines().next()?.split('`').skip(1).step_by(2);
            quoted.filter(|name| name.contains('.')).last().map(str::to_owned)
        })
    }

    /// The curve that is asked for.
    fn curve(&self, base: Base) -> Result<CurveQuestion, Problem> {
        if !(1..=MOST_LOADS).contains(&self.loads.len()) {
            let message = format!("loads: {} of them; a curve has 1 to {MOST_LOADS}", self.loads.len());
            return Err(Diagnostic::new(message).help("write loads = [4, 8, 16]").into());
        }
        if let Some(wrong) = self.loads.iter().find(|load| !load.is_finite() || **load <= 0.0) {
            let message = format!("loads: {wrong} is no load");
            return Err(Diagnostic::new(message).help("write numbers above 0").into());
        }
        let (kind, mut loads) = match self.kind {
            AskedLoad::Rate => (LoadKind::Rate, self.loads.clone()),
            AskedLoad::Concurrency => (
                LoadKind::Concurrency,
                self.loads.iter().map(|load| load.round().max(1.0)).collect(),
            ),
        };
        loads.sort_by(f64::total_cmp);
        loads.dedup();
        Ok(CurveQuestion {
            base,
            kind,
            loads,
            seeds: 1,
            refinements: 0,
            finds_ranges: false,
            measured: MeasuredPoints::default(),
        })
    }
}

/// These keys over a scenario, as `--set` lays them over it.
fn laid_over(base: &Base, keys: &BTreeMap<String, Value>) -> Result<Base, Problem> {
    let mut flags = Vec::new();
    for (key, value) in keys {
        let value = toml::Value::try_from(value).map_err(|error| {
            let message = format!("{key}: {error}");
            Diagnostic::new(message).help("write a number, a text, true or false, a list or an object")
        })?;
        flags.push(Flag::new("--set", format!("{key}={value}")));
    }
    Ok(if flags.is_empty() {
        base.clone()
    } else {
        base.changed(&flags)
    })
}

/// What the users of a scenario would see: the report of `run`, the same as a page with its figures, and the scenario.
pub fn run(asked: &PageAsked, base: Base, control: &Control) -> Result<Value, Problem> {
    let started = Instant::now();
    let question = RunQuestion::of(asked.base_of_answer(&base)?);
    let scenario = ScenarioQuestion { base }.answer()?;
    let ready = question.ready()?;
    if let Some(requests) = ready
        .input
        .requests_expected()
        .filter(|requests| *requests > MOST_REQUESTS)
    {
        let message = format!("`workload.requests`: {requests} are more than the page simulates");
        let help = format!("write at most {MOST_REQUESTS}; `tailcast run` takes as many as you like");
        return Err(Diagnostic::new(message).help(help).into());
    }
    let answer = ready.answer(control)?;
    let simulated = started.elapsed();
    // What was cut short would be simulated to its end.
    let drawings = if answer.is_interrupted {
        Vec::new()
    } else {
        answer.drawings()?
    };
    let report: Value = serde_json::from_str(&answer.to_json()).expect("a report is JSON");
    let facts = answer.report.facts().into_iter();
    Ok(json!({
        "report": report,
        "page": answer.to_page(&drawings).to_json(),
        "facts": facts.collect::<Vec<_>>(),
        "warnings": answer.warnings,
        "scenario": scenario.to_json(),
        "simulated_ms": milliseconds(simulated),
        "wall_ms": milliseconds(started.elapsed()),
    }))
}

/// Latency and throughput at several loads: the report of `curve`, and the same as a page with its figure.
pub fn curve(asked: &PageAsked, base: &Base, control: &Control) -> Result<Value, Problem> {
    let started = Instant::now();
    let answer = asked.curve(asked.base_of_answer(base)?)?.answer(control)?;
    let report: Value = serde_json::from_str(&answer.to_json()).expect("a report is JSON");
    let mut page = answer.to_page();
    if let Some(now) = asked.now {
        point_at(&mut page, now);
    }
    Ok(json!({
        "report": report,
        "page": page.to_json(),
        "warnings": answer.warnings,
        "wall_ms": milliseconds(started.elapsed()),
    }))
}

/// Marks a load in all charts of a page.
fn point_at(page: &mut Page, load: f64) {
    let blocks = page.sections.iter_mut().flat_map(|section| &mut section.blocks);
    for block in blocks {
        let Block::Drawing(drawing) = block else { continue };
        for panel in &mut drawing.panels {
            let Panel::Chart(chart) = panel else { continue };
            chart.marks.push(Mark {
                is_vertical: true,
                at: load,
                name: "now".to_owned(),
            });
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e4).round() / 10.0
}
