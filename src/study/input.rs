//! A scenario with its objectives, and what a study changes of it.

use std::path::{Path, PathBuf};

use crate::config::{Diagnostic, Flag, Layers, Overrides, Problem, Scenario, Workload};
use crate::metrics::Slo;

/// A scenario with its objectives.
#[derive(Clone, Debug)]
pub struct Input {
    /// The scenario.
    pub scenario: Scenario,
    /// What was asked for.
    pub slos: Vec<Slo>,
}

/// What all variations of a scenario have in common.
#[derive(Clone, Debug, Default)]
pub struct Base {
    /// The file, and what flags lay over it for all of them.
    pub layers: Layers,
    /// What another file lays over the scenario's, before any flags.
    pub overrides: Option<Overrides>,
}

impl Base {
    /// The scenario as it is.
    pub fn load(&self) -> Result<Input, Problem> {
        self.with(&[])
    }

    /// The scenario with these changes over everything else.
    pub fn with(&self, changes: &[Flag]) -> Result<Input, Problem> {
        let mut layers = self.layers.clone();
        layers.flags.extend_from_slice(changes);
        let scenario = Scenario::load_changed(&layers, self.overrides.as_ref())?;
        let slos = objectives(&scenario)?;
        Ok(Input { scenario, slos })
    }

    /// The scenario's file; `None` for the embedded demo.
    pub fn file(&self) -> Option<&Path> {
        self.layers.file.as_deref()
    }
}

impl Input {
    /// Whether every seed gives the same run.
    pub fn is_always_the_same(&self) -> bool {
        let workload = &self.scenario.workload;
        !self.scenario.server.policy.draws_at_random()
            && matches!(workload, Workload::Trace(replay) if !replay.jitter_ties)
    }

    /// The files that its runs read, each with what it is.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, PathBuf)> {
        let trace = match &self.scenario.workload {
            Workload::Trace(replay) => Some(("the trace", replay.path.clone())),
            Workload::Synthetic(_) => None,
        };
        let named = self.scenario.files.iter();
        let named = named.map(|file| ("a file that the scenario names", file.clone()));
        trace.into_iter().chain(named)
    }

    /// How many requests a run has, if that can be known before.
    pub fn requests_expected(&self) -> Option<u64> {
        match &self.scenario.workload {
            Workload::Synthetic(workload) => workload.requests,
            Workload::Trace(replay) => replay.limit,
        }
    }

    /// The seeds of so many runs: they follow one another, so that variations with the same number of runs meet the
    /// same chance. One if every seed gives the same run, as more of the same would tell no more.
    pub fn seeds(&self, runs: u32) -> impl Iterator<Item = u64> + use<> {
        let first = self.scenario.seed;
        let runs = if self.is_always_the_same() { 1 } else { runs };
        (0..u64::from(runs)).map(move |run| first + run)
    }
}

/// The objectives in the words of those who measure; of two on the same statistic, the later one stands.
fn objectives(scenario: &Scenario) -> Result<Vec<Slo>, Problem> {
    let mut slos: Vec<Slo> = Vec::new();
    for objective in &scenario.objectives {
        let slo = Slo::named(&objective.name, objective.limit).map_err(|error| {
            Diagnostic::new(error.to_string())
                .at(objective.snippet.clone())
                .help("write a latency, a dot and a statistic with their limit: \"ttft.p99\" = \"2s\"")
        })?;
        let same = |other: &&mut Slo| (other.metric, other.statistic) == (slo.metric, slo.statistic);
        match slos.iter_mut().find(same) {
            Some(earlier) => *earlier = slo,
            None => slos.push(slo),
        }
    }
    Ok(slos)
}
