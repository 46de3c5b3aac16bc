//! What a study simulated, how, and how to do it again: the part that all its reports have in common.

use crate::config::on_one_line;
use crate::report::page::{Block, Section};

/// What a study simulated.
#[derive(Clone, Debug, Default)]
pub struct StudySetting {
    /// The name of the scenario or the study.
    pub name: String,
    /// Model, GPU, engine and policy in a line.
    pub server: String,
    /// The engine with its release; of several variations the first one's.
    pub engine: String,
    /// How many requests, from where, how often: in a line.
    pub runs: String,
    /// Names the scenario's content.
    pub scenario_hash: String,
    /// The seed of the first run; the others count up from it.
    pub seed: u64,
    /// What the scenario was changed to, and what the numbers rest on.
    pub assumptions: Vec<String>,
    /// The command that gives the same again.
    pub command: String,
    /// The scenario as it was resolved, a `key = value` a line.
    pub scenario: String,
}

impl StudySetting {
    /// One line for a screen.
    pub fn line(&self) -> String {
        let parts = [&self.server, &self.name, &self.runs].map(String::as_str);
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        on_one_line(&parts.collect::<Vec<_>>().join(" · ")).into_owned()
    }

    /// The part of a page that says what was assumed and how to do it again.
    pub fn section(&self) -> Section {
        let mut assumptions = vec![self.server.clone(), self.runs.clone()];
        assumptions.extend(self.assumptions.iter().cloned());
        Section {
            heading: "What was assumed, and how to do it again".to_owned(),
            blocks: vec![
                Block::List(assumptions),
                Block::Verbatim(self.command.clone()),
                Block::Text(format!(
                    "Scenario {} (seed {}), every setting as it was used:",
                    self.scenario_hash, self.seed
                )),
                Block::Verbatim(self.scenario.clone()),
            ],
        }
    }
}
