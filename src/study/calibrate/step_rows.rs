//! A table of step times against the model of a step.

use super::coefficient::Fittable;
use super::comparison::{ComparedNumber, FittedData, MeasuredData, RUN_TO_RUN, Target};
use super::refusal::Refusal;
use crate::config::{MeasuredStep, Scenario};
use crate::stats::mean;
use crate::step_time::{Sampling, StepShape};
use crate::study::SimulationError;

/// Measured decode steps.
pub struct StepRows {
    rows: Vec<MeasuredStep>,
    targets: Vec<Target>,
    sorts_logits: bool,
}

/// Fewer cannot be told from chance.
const LEAST_ROWS: usize = 3;

impl StepRows {
    pub fn new(scenario: &Scenario, rows: &[MeasuredStep]) -> Result<Self, Refusal> {
        if rows.len() < LEAST_ROWS {
            return Err(Refusal::new(
                format!("{} steps are too few to fit anything to", rows.len()),
                "measure some batch sizes and contexts, such as 1, 8, 32 and 128 requests with 500 and 4000 tokens",
            ));
        }
        if let Some(drafts) = &scenario.deployment.drafts {
            return Err(Refusal::new(
                format!(
                    "a table of plain decode steps says nothing of steps with {} drafts",
                    drafts.rules.tokens
                ),
                "leave batching.speculative out, or calibrate on a benchmark",
            ));
        }
        let execution = &scenario.deployment.execution;
        let target = |row: &MeasuredStep| Target {
            latency: None,
            is_tail: false,
            measured: row.seconds,
            noise: RUN_TO_RUN,
        };
        Ok(Self {
            targets: rows.iter().map(target).collect(),
            rows: rows.to_vec(),
            sorts_logits: execution.sampling == Sampling::TopP
                && rows.iter().any(|row| row.batch < execution.sorts_below),
        })
    }
}

fn shape(row: &MeasuredStep) -> StepShape {
    StepShape {
        decoding: row.batch,
        context: (f64::from(row.batch) * row.context).round() as u64,
        sequences: row.batch,
        sampling: row.batch,
        ..StepShape::default()
    }
}

impl MeasuredData for StepRows {
    fn statistics(&self, scenario: &Scenario) -> Result<Vec<ComparedNumber>, SimulationError> {
        let simulated = self.simulate(scenario)?;
        let off = self.rows.iter().zip(&simulated);
        let off = off.map(|(row, simulated)| (simulated / row.seconds - 1.0).abs());
        let measured = mean(self.rows.iter().map(|row| row.seconds));
        Ok(vec![ComparedNumber {
            name: "step".to_owned(),
            measured: measured.unwrap_or(0.0),
            error: mean(off).unwrap_or(0.0),
        }])
    }
}

impl FittedData for StepRows {
    fn targets(&self) -> &[Target] {
        &self.targets
    }

    fn simulate(&self, scenario: &Scenario) -> Result<Vec<f64>, SimulationError> {
        let model = scenario.step_time();
        let seconds = |row| model.step(&shape(row)).seconds();
        Ok(self.rows.iter().map(seconds).collect())
    }

    fn is_blind_to(&self, coefficient: Fittable) -> Option<String> {
        if coefficient == Fittable::PromptScale {
            return Some("times of decode steps say nothing about prompts".to_owned());
        }
        coefficient
            .is_of_front_end()
            .then(|| "step times say nothing about the front end".to_owned())
    }

    fn amount(&self) -> String {
        format!("{} steps", self.rows.len())
    }

    fn method(&self) -> String {
        "each row with the price of that step".to_owned()
    }

    fn warnings(&self) -> Vec<String> {
        let warning = "the scenario's requests ask for top-p, so each step is taken to sort its logits; if those of \
                       the table did not, write workload.sampling = \"plain\" in the scenario";
        self.sorts_logits.then(|| warning.to_owned()).into_iter().collect()
    }
}
