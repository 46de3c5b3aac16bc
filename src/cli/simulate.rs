//! Runs a scenario once.

use super::bounds::Bounds;
use super::failure::Failure;
use super::interrupt;
use super::progress::Progress;
use super::watched_source::WatchedSource;
use crate::config::Workload;
use crate::engine::{Engine, Observer};
use crate::fleet::{self, ReplayError};
use crate::metrics::{Listeners, Recording};
use crate::study::{self, Input};
use crate::workload::Source;
use crate::workload::trace::{self, Skipped};

/// What came of a run.
pub struct Run {
    /// What was heard.
    pub recording: Recording,
    /// Rows that were left out of a trace.
    pub skipped: Skipped,
    /// Share of a trace's requests that arrive together with the one before.
    pub tied_share: f64,
    /// Whether the user stopped it.
    pub interrupted: bool,
}

/// Runs the scenario with one seed; `also` hears everything too. Whatever grows with the run stays within `bounds`.
pub fn simulate(
    input: &Input,
    seed: u64,
    progress: &Progress,
    also: &mut [&mut dyn Observer],
    bounds: &Bounds,
) -> Result<Run, Failure> {
    let scenario = &input.scenario;
    let mut engine = study::engine(scenario, seed);
    let mut recorder = study::recorder(scenario, &input.slos);
    let mut run = |source: &mut dyn Source| {
        if also.is_empty() {
            return replay(&mut engine, source, &mut recorder);
        }
        let mut all = Listeners(vec![&mut recorder]);
        all.0.extend(also.iter_mut().map(|one| &mut **one as &mut dyn Observer));
        replay(&mut engine, source, &mut all)
    };
    let (mut skipped, mut tied_share) = (Skipped::default(), 0.0);
    let interrupted = match &scenario.workload {
        Workload::Synthetic(workload) => {
            let mut source = WatchedSource::new(workload.source(seed), progress, bounds);
            run(&mut source)?
        }
        Workload::Trace(workload) => {
            let opened = trace::open_seeded(workload, seed).map_err(|error| Failure::Input(error.to_string()))?;
            let mut source = WatchedSource::new(opened, progress, bounds);
            let interrupted = run(&mut source)?;
            skipped = source.source.skipped();
            tied_share = source.source.tied_share();
            interrupted
        }
    };
    Ok(Run {
        recording: recorder.finish(),
        skipped,
        tied_share,
        interrupted,
    })
}

/// Whether the user stopped the run, if nothing else did.
pub fn replay(
    engine: &mut impl Engine,
    source: &mut dyn Source,
    observer: &mut impl Observer,
) -> Result<bool, Failure> {
    match fleet::replay(engine, source, observer) {
        Ok(()) => Ok(false),
        Err(ReplayError::Workload(_)) if interrupt::happened() => Ok(true),
        Err(error) => Err(Failure::Input(error.to_string())),
    }
}
