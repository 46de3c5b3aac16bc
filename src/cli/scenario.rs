//! The flags that every verb on a scenario has, and the scenario they amount to.

use std::path::Path;

use super::failure::Failure;
use super::server_flags::ServerFlags;
use crate::config::{Diagnostic, Flag, Layers, Scenario, Workload};
use crate::metrics::Slo;

/// Flags that change the scenario.
#[derive(Debug, clap::Args)]
pub struct ScenarioFlags {
    /// Set a key of the scenario, such as `batching.max_num_seqs=64`; may be given more than once
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// What all randomness grows from: the same seed gives the same results
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    seed: Option<String>,
    /// An objective, such as 'ttft.p99<2s'; may be given more than once
    #[arg(long, value_name = "OBJECTIVE")]
    slo: Vec<String>,
    /// Leave out rows of a trace that cannot be read, and say how many
    #[arg(long)]
    skip_bad_rows: bool,
    #[command(flatten)]
    server: ServerFlags,
}

/// A scenario with its objectives.
pub struct Input {
    /// The scenario.
    pub scenario: Scenario,
    /// What was asked for.
    pub slos: Vec<Slo>,
}

impl Input {
    /// Whether every seed gives the same run.
    pub fn is_always_the_same(&self) -> bool {
        let workload = &self.scenario.workload;
        !self.scenario.server.policy.draws_at_random()
            && matches!(workload, Workload::Trace(replay) if !replay.jitter_ties)
    }

    /// How many requests a run has, if that can be known before.
    pub fn requests_expected(&self) -> Option<u64> {
        match &self.scenario.workload {
            Workload::Synthetic(workload) => workload.requests,
            Workload::Trace(replay) => replay.limit,
        }
    }
}

impl ScenarioFlags {
    /// Reads the scenario; `None` stands for the embedded demo.
    pub fn load(&self, file: Option<&Path>) -> Result<Input, Failure> {
        let layers = Layers {
            file: file.map(Path::to_path_buf),
            flags: self.flags()?,
            skip_bad_rows: self.skip_bad_rows,
        };
        let scenario = Scenario::load(&layers).map_err(Failure::from)?;
        let slos = objectives(&scenario)?;
        Ok(Input { scenario, slos })
    }

    fn flags(&self) -> Result<Vec<Flag>, Failure> {
        let mut flags = self.server.flags();
        flags.extend(self.set.iter().map(|assignment| Flag {
            name: "--set",
            assignment: assignment.clone(),
        }));
        flags.extend(self.seed.iter().map(|seed| Flag {
            name: "--seed",
            assignment: format!("seed={seed}"),
        }));
        for objective in &self.slo {
            let Some((name, limit)) = objective.split_once('<') else {
                let message = format!("--slo {objective:?} has no `<`");
                return Err(Diagnostic::new(message)
                    .help("write --slo 'ttft.p99<2s'")
                    .into());
            };
            let limit = limit.strip_prefix('=').unwrap_or(limit);
            let name = name.trim().replace(['"', '\\', '\n'], "'");
            flags.push(Flag {
                name: "--slo",
                assignment: format!("slo.\"{name}\"={}", limit.trim()),
            });
        }
        Ok(flags)
    }
}

/// The objectives in the words of those who measure; of two on the same statistic, the later one stands.
fn objectives(scenario: &Scenario) -> Result<Vec<Slo>, Failure> {
    let mut slos: Vec<Slo> = Vec::new();
    for objective in &scenario.objectives {
        let slo = Slo::named(&objective.name, objective.limit).map_err(|error| {
            Diagnostic::new(error.to_string())
                .at(objective.snippet.clone())
                .help("write a latency, a dot and a statistic with their limit: \"ttft.p99\" = \"2s\"")
        })?;
        let same =
            |other: &&mut Slo| (other.metric, other.statistic) == (slo.metric, slo.statistic);
        match slos.iter_mut().find(same) {
            Some(earlier) => *earlier = slo,
            None => slos.push(slo),
        }
    }
    Ok(slos)
}
