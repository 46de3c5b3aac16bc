//! What several questions have in common: threads, warnings, and what they refuse.

use super::problem::Problem;
use crate::config::Diagnostic;
use crate::study::{Control, Input, LoadDial, LoadKind, Workers};

/// Tells all warnings.
pub fn warn_all(control: &Control, warnings: &[String]) {
    for warning in warnings {
        control.audience.warn(warning);
    }
}

/// The threads that were asked for.
pub fn workers(control: &Control) -> Result<Workers, Problem> {
    let failed = |error| Problem::of_machine(format!("cannot start threads: {error}"));
    Workers::new(control.threads).map_err(failed)
}

/// How to set a load of this kind.
pub fn dial(kind: LoadKind, input: &Input) -> Result<LoadDial, Problem> {
    let dial = LoadDial::new(kind, input);
    Ok(dial.map_err(|problem| problem.about(kind.flag()))?)
}

/// Refuses several runs of what is always the same: they would be more of the same.
pub fn refuse_seeds_of_a_trace(input: &Input, seeds: u32) -> Result<(), Problem> {
    if seeds > 1 && input.is_always_the_same() {
        let message = "--seeds: a trace replays the same requests whatever the seed";
        return Err(Diagnostic::new(message).help("leave --seeds out").into());
    }
    Ok(())
}
