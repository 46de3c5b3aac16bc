//! Sweeps: every point of a study, a row a run.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tailcast::answer::{MergeQuestion, Problem, ReadySweep, Shard, StudySource, SweepQuestion};
use tailcast::config::{Diagnostic, Layers, printable};
use tailcast::report::results::{Form, Results, write_parquet};
use tailcast::report::write_atomically;

use crate::asking::ask;
use crate::failure::refused;
use crate::scenario::Base;
use crate::table::Table;
use crate::tables;
use crate::verbs::{flags, threads, within};

/// A study that is to be simulated.
#[pyclass(frozen, module = "tailcast._native")]
pub struct PlannedSweep {
    question: SweepQuestion,
    /// Once its parts are asked for: the scenario of every point is read for the first of them alone.
    ready: OnceLock<Result<ReadySweep, Problem>>,
}

#[pymethods]
impl PlannedSweep {
    /// The study in a file, with other values of keys; or a study without a scenario, and its scenario.
    #[new]
    #[pyo3(signature = (file, text, base, changes, seeds, range))]
    fn new(
        file: Option<PathBuf>,
        text: Option<String>,
        base: Option<Bound<'_, Base>>,
        changes: &Bound<'_, PyDict>,
        seeds: Option<i64>,
        range: bool,
    ) -> PyResult<Self> {
        let study = match (file, text, base) {
            (Some(path), None, None) => StudySource::File(path),
            (None, Some(study), Some(base)) => StudySource::Text {
                study,
                scenario: base.get().0.clone(),
            },
            _ => {
                return Err(refused(
                    "a sweep is of a study in a file, or of a scenario and axes",
                    "give one of the two",
                ));
            }
        };
        let question = SweepQuestion {
            study,
            changes: Layers {
                flags: flags("set", changes)?,
                ..Layers::default()
            },
            seeds: within("seeds", seeds, &(1..=100_000))?,
            finds_ranges: range,
            ..SweepQuestion::default()
        };
        Ok(Self {
            question,
            ready: OnceLock::new(),
        })
    }

    /// Makes its runs, or a part of them such as `2/7`, and writes their results. Gives how many they are, and the
    /// warnings.
    #[pyo3(signature = (out, shard, overwrite, jobs))]
    fn write(
        &self,
        py: Python<'_>,
        out: PathBuf,
        shard: Option<&str>,
        overwrite: bool,
        jobs: Option<i64>,
    ) -> PyResult<(usize, Vec<String>)> {
        let question = SweepQuestion {
            shard: part(shard)?,
            out,
            overwrites: overwrite,
            ..self.question.clone()
        };
        ask(py, threads(jobs)?, |control| {
            let ready = question.ready()?;
            let warnings = ready.sweep.warnings.clone();
            let written = ready.writes();
            let overwritten = ready
                .reads()
                .into_iter()
                .find(|(_, read)| written.iter().any(|(_, path)| path == read));
            if let Some((what, path)) = overwritten {
                let message = format!("out={}: it is {what}, which the sweep reads", path.display());
                return Err(Diagnostic::new(message).help("give another file").into());
            }
            let done = ready.answer(control)?;
            Ok((done.runs, warnings))
        })
    }

    /// The results of a part such as `2/7` as the text of a CSV file.
    #[pyo3(signature = (shard, jobs))]
    fn lines(&self, py: Python<'_>, shard: &str, jobs: Option<i64>) -> PyResult<String> {
        let part = part(Some(shard))?;
        ask(py, threads(jobs)?, |control| self.ready()?.lines(part, control))
    }

    /// The plan in words, then a line a point; how many runs it has, and its warnings.
    fn describe(&self, py: Python<'_>) -> PyResult<(String, usize, Vec<String>)> {
        ask(py, None, |_| {
            let ready = self.ready()?;
            let words = printable(&ready.describe()).into_owned();
            Ok((words, ready.sweep.runs(), ready.sweep.warnings.clone()))
        })
    }
}

impl PlannedSweep {
    fn ready(&self) -> Result<&ReadySweep, Problem> {
        let read = self.ready.get_or_init(|| self.question.ready());
        read.as_ref().map_err(Clone::clone)
    }
}

/// Which part of a sweep a text such as `2/7` says.
fn part(shard: Option<&str>) -> PyResult<Shard> {
    let part = shard.map(|text| {
        text.parse()
            .map_err(|problem: String| refused(format!("shard={text:?}"), problem))
    });
    Ok(part.transpose()?.unwrap_or_default())
}

/// Puts the results of all shards of a sweep together in one file; gives how many runs they are.
#[pyfunction]
pub fn merge(py: Python<'_>, shards: Vec<PathBuf>, out: PathBuf) -> PyResult<u64> {
    ask(py, None, |_| {
        let question = MergeQuestion {
            shards,
            out: Some(out.clone()),
        };
        let merged = question.answer()?;
        let written = write_atomically(&out, |file| file.write_all(merged.text.as_bytes()));
        written.map_err(|error| Problem::cannot_write(&out, &error))?;
        Ok(merged.runs)
    })
}

/// Results in CSV as a Parquet file.
#[pyfunction]
pub fn parquet(py: Python<'_>, lines: PathBuf, out: PathBuf) -> PyResult<()> {
    ask(py, None, |_| {
        let results = read(&lines)?;
        let mut bytes = Vec::new();
        let written = write_parquet(&results, &mut bytes);
        let written = written.and_then(|()| write_atomically(&out, |file| file.write_all(&bytes)));
        written.map_err(|error| Problem::cannot_write(&out, &error))
    })
}

/// A file of results (CSV or JSON Lines) as a table.
#[pyfunction]
pub fn results(py: Python<'_>, path: PathBuf) -> PyResult<Table> {
    ask(py, None, |_| Ok(tables::of_results(&read(&path)?)))
}

fn read(path: &Path) -> Result<Results, Problem> {
    let form = Form::of(path).map_err(Diagnostic::new)?;
    let text = fs::read_to_string(path)
        .map_err(|error| Diagnostic::new(format!("cannot read {}: {error}", path.display())))?;
    Ok(Results::of_text(form.of_lines(), &text)?)
}
