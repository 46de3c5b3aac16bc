//! Problems as exceptions, which `tailcast/errors.py` declares.

use pyo3::prelude::*;
use tailcast::answer::{Blame, Problem};
use tailcast::config::{Diagnostic, printable};

/// The exception that says what the command line says.
pub fn raised(problem: &Problem) -> PyErr {
    let name = match problem.blame {
        Blame::Machine => "MachineError",
        Blame::Input => "ConfigError",
        Blame::Memory => "InfeasibleError",
        Blame::Stop => "Interrupted",
    };
    let message = printable(&problem.to_string()).into_owned();
    Python::attach(|py| {
        let made = py
            .import("tailcast.errors")
            .and_then(|errors| errors.getattr(name)?.call1((message,)));
        made.map_or_else(|error| error, PyErr::from_value)
    })
}

/// The exception for what is wrong with what was asked.
pub fn refused(message: impl Into<String>, help: impl Into<String>) -> PyErr {
    raised(&Diagnostic::new(message).help(help).into())
}
