//! Makes the runs of a study: counts them, heeds a stop, and remembers how their workload was read.

use std::sync::{Mutex, PoisonError};

use super::bounds::Bounds;
use super::control::Control;
use super::input::Input;
use super::sending::Replayed;
use super::simulate;
use super::stopped::Stopped;
use crate::metrics::Recording;

/// Makes the runs of a study, one for each scenario and seed.
pub struct Runner<'a> {
    control: &'a Control,
    /// Hears of no single request: a study counts runs.
    within_runs: Control,
    /// How the run that came in first read its workload.
    first: Mutex<Option<Replayed>>,
}

impl<'a> Runner<'a> {
    /// Counts runs for the audience of `control`.
    pub fn new(control: &'a Control) -> Self {
        Self {
            control,
            within_runs: control.unheard(),
            first: Mutex::new(None),
        }
    }

    /// Makes one run.
    pub fn run(&self, input: &Input, seed: u64) -> Result<Recording, Stopped> {
        let run = simulate::run(input, seed, Vec::new(), &self.within_runs, &Bounds::default())?;
        if run.replayed.is_stopped {
            return Err(Stopped::Interrupted);
        }
        self.control.audience.count(1);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(Replayed {
            // Depends on the load, and which run is first depends on the threads.
            idle_clients: None,
            ..run.replayed
        });
        drop(first);
        Ok(run.recording)
    }

    /// What the user should know about the workload: rows of a trace that were left out, stamps that tie. All runs read
    /// the same rows.
    pub fn warnings(self) -> Vec<String> {
        let first = self.first.into_inner().unwrap_or_else(PoisonError::into_inner);
        first.map_or_else(Vec::new, |replayed| replayed.warnings())
    }
}
