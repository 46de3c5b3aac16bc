//! The verbs: from arguments to a question of `tailcast::answer`, and its answer.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tailcast::answer::{
    CalibrateQuestion, CapacityQuestion, CompareQuestion, CurveQuestion, GpusQuestion, InitQuestion, LoadKind,
    MeasuredPoints, ModelsQuestion, PlanQuestion, Problem, RunQuestion, ServersFor, ValidateQuestion, coefficients,
    error_limit, loads,
};
use tailcast::config::{self, DURATION_HELP, Diagnostic, Flag, duration};
use tailcast::units::Span;

use crate::answer::{Answer, Found};
use crate::asking::ask;
use crate::failure::{raised, refused};
use crate::scenario::Base;
use crate::written;

/// As the command line allows.
const RUNS: RangeInclusive<u32> = 1..=100_000;
const COMPARED_RUNS: RangeInclusive<u32> = 2..=10_000;
const SEARCHED_RUNS: RangeInclusive<u32> = 1..=10_000;
const REFINEMENTS: RangeInclusive<u32> = 0..=10;
const JOBS: RangeInclusive<u32> = 1..=1024;

/// A whole number within its range.
pub fn within(name: &str, number: Option<i64>, range: &RangeInclusive<u32>) -> PyResult<Option<u32>> {
    let Some(number) = number else { return Ok(None) };
    match u32::try_from(number) {
        Ok(number) if range.contains(&number) => Ok(Some(number)),
        _ => {
            let (least, most) = (range.start(), range.end());
            Err(refused(
                format!("{name}={number}: it must be from {least} to {most}"),
                format!("write a whole number from {least} to {most}"),
            ))
        }
    }
}

/// The threads that a question may have.
pub fn threads(jobs: Option<i64>) -> PyResult<Option<u32>> {
    within("jobs", jobs, &JOBS)
}

/// Simulates a scenario.
#[pyfunction]
#[pyo3(signature = (base, seeds, range, jobs))]
pub fn run(py: Python<'_>, base: &Base, seeds: Option<i64>, range: bool, jobs: Option<i64>) -> PyResult<Answer> {
    let question = RunQuestion {
        seeds: within("seeds", seeds, &RUNS)?.unwrap_or(1),
        range,
        ..RunQuestion::of(base.0.clone())
    };
    let answer = ask(py, threads(jobs)?, |control| question.answer(control))?;
    Ok(Answer::new(Found::Run(answer)))
}

/// Scenarios side by side.
#[pyfunction]
#[pyo3(signature = (bases, names, vary, seeds, capacity, range, jobs))]
#[expect(clippy::too_many_arguments, reason = "those of the verb")]
pub fn compare(
    py: Python<'_>,
    bases: Vec<Bound<'_, Base>>,
    names: Vec<String>,
    vary: Vec<String>,
    seeds: Option<i64>,
    capacity: bool,
    range: bool,
    jobs: Option<i64>,
) -> PyResult<Answer> {
    let question = CompareQuestion {
        scenarios: bases.iter().map(|base| base.get().0.clone()).collect(),
        names,
        vary,
        seeds: within("seeds", seeds, &COMPARED_RUNS)?,
        finds_capacities: capacity,
        finds_ranges: range,
    };
    let answer = ask(py, threads(jobs)?, |control| {
        let answer = question.answer(control)?;
        let is_interrupted = answer.is_interrupted();
        whole(answer, is_interrupted)
    })?;
    Ok(Answer::new(Found::Compare(answer)))
}

/// Latency and throughput against the load.
#[pyfunction]
#[pyo3(signature = (base, concurrency, rate, measured, seeds, refine, range, jobs))]
#[expect(clippy::too_many_arguments, reason = "those of the verb")]
pub fn curve(
    py: Python<'_>,
    base: &Base,
    concurrency: Option<&str>,
    rate: Option<&str>,
    measured: Vec<PathBuf>,
    seeds: Option<i64>,
    refine: Option<i64>,
    range: bool,
    jobs: Option<i64>,
) -> PyResult<Answer> {
    let (kind, text) = match (concurrency, rate) {
        (Some(text), None) => (LoadKind::Concurrency, text),
        (None, Some(text)) => (LoadKind::Rate, text),
        _ => {
            return Err(refused(
                "a curve is over concurrency or over rate",
                "give one of the two, such as rate=[1, 2, 4]",
            ));
        }
    };
    let question = CurveQuestion {
        base: base.0.clone(),
        kind,
        loads: loads(kind, text).map_err(|error| raised(&error.into()))?,
        seeds: within("seeds", seeds, &RUNS)?.unwrap_or(1),
        refinements: within("refine", refine, &REFINEMENTS)?.unwrap_or(2),
        finds_ranges: range,
        measured: MeasuredPoints::read(&measured).map_err(|problem| raised(&problem))?,
    };
    let answer = ask(py, threads(jobs)?, |control| {
        let answer = question.answer(control)?;
        let is_interrupted = answer.is_interrupted();
        whole(answer, is_interrupted)
    })?;
    Ok(Answer::new(Found::Curve(answer)))
}

/// The load that servers are to carry.
fn servers_for(load: &Bound<'_, PyDict>) -> PyResult<Option<ServersFor>> {
    let number = |name: &str| load.get_item(name)?.map(|it| it.extract::<f64>()).transpose();
    let count = |name: &str| {
        let number = load.get_item(name)?.map(|it| it.extract::<i64>()).transpose()?;
        within(name, number, &(1..=u32::MAX))
    };
    let by_hour = load
        .get_item("by_hour")?
        .is_some_and(|it| it.is_truthy().unwrap_or(false));
    let (rate, concurrency, users) = (number("rate")?, count("concurrency")?, count("users")?);
    if [rate.is_some(), concurrency.is_some(), users.is_some()]
        .into_iter()
        .filter(|it| *it)
        .count()
        > 1
    {
        return Err(refused(
            "servers are found for one load",
            "give rate, concurrency or users",
        ));
    }
    let think = load.get_item("think")?.map(|it| it.extract::<String>()).transpose()?;
    let think = think.map(|text| span("think", &text)).transpose()?;
    if think.is_some() && users.is_none() {
        return Err(refused("think is about users", "give users=500 with think=\"20s\""));
    }
    if by_hour && rate.is_none() {
        return Err(refused("by_hour is about a rate", "give rate=8 with by_hour=True"));
    }
    Ok(match (rate, concurrency, users) {
        (Some(rate), ..) if by_hour => Some(ServersFor::RateByHour(rate)),
        (Some(rate), ..) => Some(ServersFor::Rate(rate)),
        (_, Some(concurrency), _) => Some(ServersFor::Concurrency(concurrency)),
        (.., Some(users)) => Some(ServersFor::Users { users, think }),
        _ => None,
    })
}

fn span(name: &str, text: &str) -> PyResult<Span> {
    duration(text).map_err(|problem| refused(format!("{name}: {problem}"), DURATION_HELP))
}

/// The highest load under the objectives, or the fewest servers.
#[pyfunction]
#[pyo3(signature = (base, of, load, seeds, changes, range, explain, jobs))]
#[expect(clippy::too_many_arguments, reason = "those of the verb")]
pub fn capacity(
    py: Python<'_>,
    base: &Base,
    of: Option<&str>,
    load: &Bound<'_, PyDict>,
    seeds: Option<i64>,
    changes: bool,
    range: bool,
    explain: bool,
    jobs: Option<i64>,
) -> PyResult<Answer> {
    let of = match of {
        None => None,
        Some("rate") => Some(LoadKind::Rate),
        Some("concurrency") => Some(LoadKind::Concurrency),
        Some(other) => {
            return Err(refused(
                format!("of={other:?} is no load"),
                "write \"rate\" or \"concurrency\"",
            ));
        }
    };
    let servers_for = servers_for(load)?;
    if of.is_some() && servers_for.is_some() {
        return Err(refused(
            "of is about one server's load",
            "leave of out beside rate, concurrency or users",
        ));
    }
    let question = CapacityQuestion {
        base: base.0.clone(),
        of,
        servers_for,
        seeds: within("seeds", seeds, &SEARCHED_RUNS)?,
        tries_changes: changes,
        finds_range: range,
        explains: explain,
    };
    let answer = ask(py, threads(jobs)?, |control| question.answer(control))?;
    Ok(Answer::new(Found::Capacity(answer)))
}

/// What production asks.
#[pyfunction]
#[pyo3(signature = (base, over, seeds, jobs))]
pub fn plan(py: Python<'_>, base: &Base, over: Vec<String>, seeds: Option<i64>, jobs: Option<i64>) -> PyResult<Answer> {
    let question = PlanQuestion {
        base: base.0.clone(),
        seeds: within("seeds", seeds, &SEARCHED_RUNS)?,
        over,
        today: None,
    };
    let answer = ask(py, threads(jobs)?, |control| question.answer(control))?;
    Ok(Answer::new(Found::Plan(answer)))
}

/// Fits coefficients to measurements.
#[pyfunction]
#[pyo3(signature = (base, data, names))]
pub fn calibrate(py: Python<'_>, base: &Base, data: Vec<PathBuf>, names: Option<Vec<String>>) -> PyResult<Answer> {
    if data.is_empty() {
        return Err(refused(
            "there is nothing to calibrate on",
            "name a file of what was measured",
        ));
    }
    let chosen = names.as_deref().map(coefficients).transpose();
    let question = CalibrateQuestion {
        base: base.0.clone(),
        data,
        coefficients: chosen.map_err(|error| raised(&error.into()))?,
    };
    let answer = ask(py, None, |control| question.answer(control))?;
    Ok(Answer::new(Found::Calibrate(answer)))
}

/// Predictions against measurements.
#[pyfunction]
#[pyo3(signature = (manifest, changes, seeds, fail_above, jobs))]
pub fn validate(
    py: Python<'_>,
    manifest: PathBuf,
    changes: &Bound<'_, PyDict>,
    seeds: Option<i64>,
    fail_above: Vec<String>,
    jobs: Option<i64>,
) -> PyResult<Answer> {
    let limits = fail_above.iter().map(|text| error_limit(text));
    let question = ValidateQuestion {
        manifest,
        changes: flags("set", changes)?,
        seeds: within("seeds", seeds, &RUNS)?,
        limits: limits
            .collect::<Result<_, _>>()
            .map_err(|error: Diagnostic| raised(&error.into()))?,
    };
    let answer = ask(py, threads(jobs)?, |control| {
        let answer = question.answer(control)?;
        let is_interrupted = answer.is_interrupted;
        whole(answer, is_interrupted)
    })?;
    Ok(Answer::new(Found::Validate(answer)))
}

/// An answer that nobody stopped: half of one is none in Python.
fn whole<T>(answer: T, is_interrupted: bool) -> Result<T, Problem> {
    if is_interrupted {
        Err(Problem::interrupted())
    } else {
        Ok(answer)
    }
}

/// What a dictionary of dotted keys sets.
pub fn flags(name: &str, changes: &Bound<'_, PyDict>) -> PyResult<Vec<Flag>> {
    let flags = changes.iter().map(|(key, value)| {
        let key: String = key.extract()?;
        let value = written::value(&key, &value)?;
        Ok(Flag::new(name, format!("{key}={value}")))
    });
    flags.collect()
}

/// The models of the catalogue, as a JSON array.
#[pyfunction]
pub fn models(py: Python<'_>, words: Vec<String>) -> PyResult<String> {
    ask(py, None, |_| Ok(ModelsQuestion { words }.answer()?.to_json()))
}

/// The GPUs of the catalogue, as a JSON array.
#[pyfunction]
pub fn gpus(py: Python<'_>, words: Vec<String>) -> PyResult<String> {
    ask(py, None, |_| Ok(GpusQuestion { words }.answer()?.to_json()))
}

/// The JSON Schema of a scenario.
#[pyfunction]
pub fn schema() -> String {
    config::schema().to_string()
}

/// A commented scenario to start from.
#[pyfunction]
pub fn init(py: Python<'_>, model: Option<String>, gpu: Option<String>) -> PyResult<String> {
    let usual = InitQuestion::default();
    let question = InitQuestion {
        model: model.unwrap_or(usual.model),
        gpu: gpu.unwrap_or(usual.gpu),
    };
    ask(py, None, |_| question.answer())
}
