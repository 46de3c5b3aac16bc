//! A scenario, and what is laid over it.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tailcast::answer;
use tailcast::fleet::CustomRouter;
use tailcast::workload::CustomArrivals;

use crate::asking::ask;
use crate::code::{PythonArrivals, PythonRouters};
use crate::failure::raised;
use crate::verbs::flags;
use crate::written;

/// The text of a scenario that all variations have in common; it is never changed.
#[pyclass(frozen, module = "tailcast._native")]
pub struct Base(pub answer::Base);

#[pymethods]
impl Base {
    /// The embedded demo.
    #[staticmethod]
    fn demo() -> Self {
        Self(answer::Base::default())
    }

    /// The scenario in a file.
    #[staticmethod]
    fn from_file(path: PathBuf) -> Self {
        Self(answer::Base::from_file(path))
    }

    /// The scenario that a text is.
    #[staticmethod]
    fn from_toml(text: &str) -> Self {
        Self(answer::Base::from_toml(text))
    }

    /// The scenario that a dictionary of tables is.
    #[staticmethod]
    fn from_dict(scenario: &Bound<'_, PyDict>) -> PyResult<Self> {
        let table = written::table("", scenario)?;
        let text = toml::to_string(&table).map_err(|error| {
            let message = format!("the scenario cannot be written as TOML: {error}");
            raised(&tailcast::config::Diagnostic::new(message).into())
        })?;
        Ok(Self(answer::Base::from_toml(&text)))
    }

    /// The scenario with other values of dotted keys.
    fn changed(&self, changes: &Bound<'_, PyDict>) -> PyResult<Self> {
        Ok(Self(self.0.changed(&flags("with_", changes)?)))
    }

    /// The scenario with a router that `make(seed)` makes for each run: it is called with a request and the servers,
    /// and gives the number of a server, or None.
    fn with_router(&self, name: &str, make: Py<PyAny>) -> Self {
        let router = CustomRouter {
            name: name.into(),
            maker: Arc::new(PythonRouters {
                name: name.to_owned(),
                make,
            }),
        };
        Self(self.0.customized(|custom| custom.with_router(router)))
    }

    /// The scenario with arrivals, of a class or of the only one, before which `gaps(rate, seed)` gives the seconds.
    fn with_arrivals(&self, name: &str, gaps: Py<PyAny>, of: Option<String>) -> Self {
        let arrivals = CustomArrivals {
            name: name.into(),
            maker: Arc::new(PythonArrivals {
                name: name.to_owned(),
                gaps,
            }),
        };
        Self(self.0.customized(|custom| custom.with_arrivals(of, arrivals)))
    }

    /// Reads it, so that errors come now, and gives the warnings, its name, hash, seed and settings: of each its key,
    /// its value, where that comes from, and whether it is a default.
    fn read(&self, py: Python<'_>) -> PyResult<Reading> {
        ask(py, None, |_| {
            let scenario = self.0.load()?.scenario;
            let settings = scenario.settings.iter();
            Ok((
                scenario.all_warnings(),
                scenario.name.clone(),
                scenario.hash(),
                scenario.seed,
                settings
                    .map(|it| (it.key.clone(), it.value.clone(), it.origin.clone(), it.is_default))
                    .collect(),
            ))
        })
    }
}

/// Warnings, name, hash, seed, and settings with their origins.
type Reading = (Vec<String>, String, String, u64, Vec<(String, String, String, bool)>);
