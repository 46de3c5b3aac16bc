//! `capacity`: the highest load under the objectives, or the fewest servers for a rate.

use super::common::{dial, make_runs, refuse_seeds_of_a_trace, workers};
use super::problem::Problem;
use super::setting;
use crate::config::{Diagnostic, Workload};
use crate::report::capacity::{CapacityReport, Servers};
use crate::report::page::Page;
use crate::study::{
    Base, Capacity, CapacitySearch, Control, FormulaCheck, FormulaQuestion, Input, LoadDial, LoadKind, Simulate,
    Stopped, Tried, USUAL_START, Workers, fewest_servers, remedies, try_remedies,
};

/// What is the highest load that meets all objectives, and what would help?
#[derive(Clone, Debug)]
pub struct CapacityQuestion {
    /// The scenario, which has objectives.
    pub base: Base,
    /// What the capacity is in; `None` for what the scenario's own load is.
    pub of: Option<LoadKind>,
    /// Find the fewest servers for so many requests per second.
    pub rate: Option<f64>,
    /// Seeds to search with; `None` for as many as are usual.
    pub seeds: Option<u32>,
    /// Whether to try what would help.
    pub tries_changes: bool,
    /// Whether to hold the formula (memory - weights) / KV per user against the simulation.
    pub explains: bool,
}

impl Default for CapacityQuestion {
    fn default() -> Self {
        Self {
            base: Base::default(),
            of: None,
            rate: None,
            seeds: None,
            tries_changes: true,
            explains: false,
        }
    }
}

/// A search whose scenario is read.
pub struct ReadyCapacity<'a> {
    question: &'a CapacityQuestion,
    dial: LoadDial,
    seeds: u32,
    /// The scenario with its objectives.
    pub input: Input,
}

/// What came of it.
pub struct CapacityAnswer {
    /// The highest load under the objectives, and the runs behind it.
    pub report: CapacityReport,
    /// What a reader must know.
    pub warnings: Vec<String>,
}

const USUAL_SEEDS: u32 = 4;

impl CapacityQuestion {
    /// Reads the scenario.
    pub fn ready(&self) -> Result<ReadyCapacity<'_>, Problem> {
        let input = self.base.load()?;
        if input.slos.is_empty() {
            let message = "there is no objective that a capacity could be found under";
            return Err(Diagnostic::new(message)
                .help("write --slo 'ttft.p99<2s', or \"ttft.p99\" = \"2s\" below [slo] in the scenario")
                .into());
        }
        let kind = match (self.rate, self.of) {
            (Some(_), _) => LoadKind::Rate,
            (_, of) => of.unwrap_or_else(|| LoadKind::of(&input)),
        };
        let dial = dial(kind, &input)?;
        let usual = if input.is_always_the_same() { 1 } else { USUAL_SEEDS };
        refuse_seeds_of_a_trace(&input, self.seeds.unwrap_or(1))?;
        Ok(ReadyCapacity {
            question: self,
            dial,
            seeds: self.seeds.unwrap_or(usual),
            input,
        })
    }

    /// Reads the scenario and searches for its highest load.
    pub fn answer(&self, control: &Control) -> Result<CapacityAnswer, Problem> {
        self.ready()?.answer(control)
    }
}

impl ReadyCapacity<'_> {
    /// Searches for the highest load that meets all objectives.
    pub fn answer(self, control: &Control) -> Result<CapacityAnswer, Problem> {
        let (dial, warnings) = (&self.dial, self.input.scenario.all_warnings());
        let (report, warnings) = make_runs(control, warnings, dial.replaces().as_deref(), |runner| {
            let search = Search {
                question: self.question,
                dial,
                seeds: self.seeds,
                workers: &workers(control)?,
                simulate: &|input: &Input, seed| runner.run(input, seed),
                control,
            };
            search.report(self.input)
        })?;
        Ok(CapacityAnswer { report, warnings })
    }
}

/// What a search needs.
struct Search<'a> {
    question: &'a CapacityQuestion,
    dial: &'a LoadDial,
    seeds: u32,
    workers: &'a Workers,
    simulate: &'a Simulate<'a>,
    control: &'a Control,
}

impl Search<'_> {
    fn report(&self, input: Input) -> Result<CapacityReport, Problem> {
        let seeds: Vec<u64> = input.seeds(self.seeds).collect();
        let search = CapacitySearch {
            base: &self.question.base,
            dial: self.dial,
            changes: &[],
            seeds: &seeds,
            start: self.dial.load_of(&input).unwrap_or(USUAL_START),
        };
        let capacity = search.answer(self.workers, self.simulate)?;
        let servers = match self.question.rate {
            None => None,
            Some(rate) => Some(Servers {
                rate_per_s: rate,
                fewest: fewest_servers(&search, &capacity, rate, self.simulate)?,
            }),
        };
        let tried = self.try_changes(&input, &search, &capacity)?;
        let formula = self.explain(&input)?;
        let replaced = self.dial.replaces().into_iter().collect();
        Ok(CapacityReport {
            setting: setting::of(self.control, &input, seeds.len() as u32, replaced),
            is_of_trace: matches!(input.scenario.workload(), Workload::Trace(_)),
            gpus: input.scenario.gpus(),
            slos: input.slos,
            capacity,
            servers,
            tried,
            formula,
        })
    }

    /// The formula against the simulation, if it is asked for; what stands in its way takes nothing from the rest.
    fn explain(&self, input: &Input) -> Result<Option<FormulaCheck>, Problem> {
        if !self.question.explains {
            return Ok(None);
        }
        let question = FormulaQuestion {
            base: &self.question.base,
            input,
            workers: self.workers,
            simulate: self.simulate,
        };
        let why = match question.answer() {
            Ok(check) => return Ok(Some(check)),
            Err(Stopped::Interrupted) => return Err(Problem::interrupted()),
            Err(Stopped::Failed(why)) => why,
            Err(Stopped::Invalid(_, problem)) => problem.into(),
        };
        self.control.audience.tell(&why.about("--explain").to_string());
        Ok(None)
    }

    fn try_changes(&self, input: &Input, search: &CapacitySearch, capacity: &Capacity) -> Result<Vec<Tried>, Problem> {
        if !self.question.tries_changes || capacity.is_none() || capacity.is_at_least() {
            return Ok(Vec::new());
        }
        let tried = try_remedies(remedies(input), search, self.workers, self.simulate);
        tried.map_err(Problem::from)
    }
}

impl CapacityAnswer {
    /// The capacity and what limits it as text that fits one screen.
    pub fn to_text(&self) -> String {
        self.report.to_text()
    }

    /// One JSON object.
    pub fn to_json(&self) -> String {
        self.report.to_json()
    }

    /// The whole report as one page.
    pub fn to_page(&self) -> Page {
        self.report.to_page()
    }

    /// Whether no load meets the objectives, or no number of servers carries the rate.
    pub fn misses_an_objective(&self) -> bool {
        let no_servers = self.report.servers.is_some_and(|it| it.fewest.is_none());
        self.report.is_impossible() || no_servers
    }
}
