//! The Python package's door to tailcast: it asks `tailcast::answer`, and decides nothing itself.
//!
//! A question is asked on a thread of its own while the thread that asks lets go of the interpreter and looks for
//! signals ([`asking`]). Python values become TOML ([`written`]), problems exceptions ([`failure`]), tables Arrow
//! ([`table`]); a router or an arrival process may be Python code ([`code`]).

mod answer;
mod asking;
mod code;
mod failure;
mod scenario;
mod stub;
mod study;
mod table;
mod tables;
mod verbs;
mod written;

use pyo3::prelude::*;

/// What `tailcast/*.py` is made with.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::answer::Answer;
    #[pymodule_export]
    use super::code::{AskedRequest, Servers};
    #[pymodule_export]
    use super::scenario::Base;
    #[pymodule_export]
    use super::stub::changes;
    #[pymodule_export]
    use super::study::{PlannedSweep, merge, parquet, results};
    #[pymodule_export]
    use super::table::Table;
    #[pymodule_export]
    use super::verbs::{calibrate, capacity, compare, curve, gpus, init, models, plan, run, schema, validate};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init_module(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
