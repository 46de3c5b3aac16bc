//! What came of a question.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tailcast::answer::{
    CalibrateAnswer, CapacityAnswer, CompareAnswer, Control, CurveAnswer, Drawn, PlanAnswer, Problem, RunAnswer, Style,
    ValidateAnswer,
};
use tailcast::config::{DURATION_HELP, Diagnostic, did_you_mean, duration, printable};
use tailcast::report::draw::{to_png, to_svg};

use crate::asking::ask;
use crate::table::Table;
use crate::tables;

/// The answer of a verb.
#[expect(clippy::large_enum_variant, reason = "there is one a question")]
pub enum Found {
    /// Of `run`.
    Run(RunAnswer),
    /// Of `compare`.
    Compare(CompareAnswer),
    /// Of `curve`.
    Curve(CurveAnswer),
    /// Of `capacity`.
    Capacity(CapacityAnswer),
    /// Of `plan`.
    Plan(PlanAnswer),
    /// Of `calibrate`.
    Calibrate(CalibrateAnswer),
    /// Of `validate`.
    Validate(ValidateAnswer),
}

/// What came of a question: JSON, text, page, figures and warnings, each made when it is asked for.
#[pyclass(frozen, module = "tailcast._native")]
pub struct Answer(Mutex<Found>);

impl Answer {
    /// An answer that is to be looked at.
    pub fn new(found: Found) -> Self {
        Self(Mutex::new(found))
    }

    fn look<T: Send>(
        &self,
        py: Python<'_>,
        at: impl FnOnce(&mut Found, &Control) -> Result<T, Problem> + Send,
    ) -> PyResult<T> {
        // The lock is only ever waited for without the interpreter.
        ask(py, None, |control| {
            at(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), control)
        })
    }

    fn look_at_run<T: Send>(
        &self,
        py: Python<'_>,
        at: impl FnOnce(&RunAnswer, &Control) -> Result<T, Problem> + Send,
    ) -> PyResult<T> {
        self.look(py, |found, control| match found {
            Found::Run(answer) => at(answer, control),
            _ => Err(Problem::of_machine("only a run has this")),
        })
    }
}

#[pymethods]
impl Answer {
    /// One JSON object, as `--format json` prints it.
    fn json(&self, py: Python<'_>) -> PyResult<String> {
        self.look(py, |found, _| Ok(found.json()))
    }

    /// What the command prints.
    fn text(&self, py: Python<'_>) -> PyResult<String> {
        self.look(py, |found, _| Ok(printable(&found.text()).into_owned()))
    }

    /// What a reader must know.
    fn warnings(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.look(py, |found, _| Ok(found.warnings().to_vec()))
    }

    /// Whether everything that was asked for was shown to hold; `None` where nothing is judged.
    fn is_met(&self, py: Python<'_>) -> PyResult<Option<bool>> {
        self.look(py, |found, _| Ok(found.is_met()))
    }

    /// The report as one page (HTML); `None` of what has none.
    fn page(&self, py: Python<'_>) -> PyResult<Option<String>> {
        self.look(py, |found, _| found.page())
    }

    /// The kinds of figures that there are of it.
    fn figures(&self, py: Python<'_>) -> PyResult<Vec<&'static str>> {
        self.look(py, |found, _| {
            let drawn = found.drawings()?;
            Ok(drawn.iter().map(|(figure, _)| figure.name).collect())
        })
    }

    /// The figure of a kind, or the first, as SVG or PNG.
    #[pyo3(signature = (kind, is_png))]
    fn figure<'py>(&self, py: Python<'py>, kind: Option<&str>, is_png: bool) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.look(py, |found, _| {
            let drawn = found.drawings()?;
            let drawing = match kind {
                Some(kind) => drawn.iter().find(|(figure, _)| figure.name == kind),
                None => drawn.first(),
            };
            let Some((_, drawing)) = drawing else {
                return Err(no_figure(kind, &drawn));
            };
            Ok(if is_png {
                to_png(drawing)
            } else {
                to_svg(drawing).into_bytes()
            })
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Of a run, a table with a row a request.
    fn requests(&self, py: Python<'_>) -> PyResult<Table> {
        self.look_at_run(py, |run, control| {
            let log = run.requests(control)?;
            Ok(tables::of_requests(&log, &run.class_names()))
        })
    }

    /// Of a run, a table with its state every `interval`.
    fn timeline(&self, py: Python<'_>, interval: &str) -> PyResult<Table> {
        self.look_at_run(py, |run, control| {
            let interval = duration(interval)
                .map_err(|problem| Diagnostic::new(format!("interval: {problem}")).help(DURATION_HELP))?;
            let rows = run.timeline(interval, control)?;
            Ok(tables::of_timeline(&rows, run.timeline_columns()))
        })
    }

    /// What `--explain` prints of a run.
    fn explanation(&self, py: Python<'_>) -> PyResult<String> {
        self.look_at_run(py, |run, _| Ok(printable(&run.explanation()).into_owned()))
    }

    /// Another form of the answer: `csv` of a curve, `toml` of a calibration, `kubernetes`, `dashboard` and `alerts` of
    /// a plan.
    fn file(&self, py: Python<'_>, kind: &str) -> PyResult<String> {
        self.look(py, |found, _| match (kind, found) {
            ("csv", Found::Curve(answer)) => Ok(answer.to_csv()),
            ("toml", Found::Calibrate(answer)) => Ok(answer.to_file()),
            ("kubernetes", Found::Plan(answer)) => {
                let refused = |why| Diagnostic::new(why).into();
                answer.to_kubernetes().map_err(refused)
            }
            ("dashboard", Found::Plan(answer)) => Ok(answer.to_dashboard()),
            ("alerts", Found::Plan(answer)) => answer.to_alert_rules(),
            _ => Err(Problem::of_machine(format!("there is no {kind} of this answer"))),
        })
    }
}

impl Found {
    fn json(&self) -> String {
        match self {
            Self::Run(answer) => answer.to_json(),
            Self::Compare(answer) => answer.to_json(),
            Self::Curve(answer) => answer.to_json(),
            Self::Capacity(answer) => answer.to_json(),
            Self::Plan(answer) => answer.to_json(),
            Self::Calibrate(answer) => answer.to_json(),
            Self::Validate(answer) => answer.to_json(),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Run(answer) => answer.to_text(Style::default()),
            Self::Compare(answer) => answer.to_text(),
            Self::Curve(answer) => answer.to_text(),
            Self::Capacity(answer) => answer.to_text(),
            Self::Plan(answer) => answer.to_text(),
            Self::Calibrate(answer) => answer.to_text(),
            Self::Validate(answer) => answer.to_text(),
        }
    }

    fn warnings(&self) -> &[String] {
        match self {
            Self::Run(answer) => &answer.warnings,
            Self::Compare(answer) => &answer.warnings,
            Self::Curve(answer) => &answer.warnings,
            Self::Capacity(answer) => &answer.warnings,
            Self::Plan(answer) => &answer.warnings,
            Self::Calibrate(answer) => &answer.warnings,
            Self::Validate(answer) => &answer.warnings,
        }
    }

    fn is_met(&self) -> Option<bool> {
        match self {
            Self::Run(answer) => Some(answer.is_shown_met()),
            Self::Compare(answer) => Some(answer.is_any_shown_met()),
            Self::Curve(answer) => Some(answer.is_shown_met_anywhere()),
            Self::Capacity(answer) => Some(!answer.misses_an_objective()),
            Self::Plan(answer) => Some(answer.is_shown_met()),
            Self::Calibrate(_) => None,
            Self::Validate(answer) => Some(!answer.misses_an_objective()),
        }
    }

    fn drawings(&self) -> Result<Vec<Drawn>, Problem> {
        match self {
            Self::Run(answer) => answer.drawings(),
            Self::Compare(answer) => answer.drawings(),
            Self::Curve(answer) => Ok(answer.drawings()),
            Self::Validate(answer) => Ok(answer.drawings()),
            Self::Capacity(_) | Self::Plan(_) | Self::Calibrate(_) => Ok(Vec::new()),
        }
    }

    fn page(&mut self) -> Result<Option<String>, Problem> {
        let page = match self {
            Self::Run(answer) => answer.to_page(&answer.drawings()?),
            Self::Compare(answer) => {
                let drawn = answer.drawings()?;
                answer.to_page(&drawn)
            }
            Self::Curve(answer) => answer.to_page(),
            Self::Capacity(answer) => answer.to_page(),
            Self::Plan(answer) => answer.to_page(),
            Self::Calibrate(_) | Self::Validate(_) => return Ok(None),
        };
        Ok(Some(page.to_html()))
    }
}

/// What there is instead of the figure that was asked for.
fn no_figure(kind: Option<&str>, drawn: &[Drawn]) -> Problem {
    let names: Vec<&str> = drawn.iter().map(|(figure, _)| figure.name).collect();
    let Some(kind) = kind.filter(|_| !names.is_empty()) else {
        return Diagnostic::new("there is nothing to draw of this answer").into();
    };
    let mut error = Diagnostic::new(format!("there is no figure `{kind}` of this answer"));
    if let Some(near) = did_you_mean(kind, names.iter().copied()) {
        error = error.help(near);
    }
    error.help(format!("there are {}", names.join(", "))).into()
}
