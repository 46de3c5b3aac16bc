//! All answers together.

use super::batching::{self, TriedPolicies};
use super::crowds::{self, Crowds};
use super::failure::{self, Failures};
use super::memory_rule::{Calculator, PeakRule};
use super::own_traffic::{self, OwnTraffic};
use super::question::{Answered, ProductionQuestion, answered};
use super::servers::{self, NeededServers};
use super::storage::StorageNeeds;
use crate::config::Flag;
use crate::study::alerts::{AlertAnswer, AlertQuestion};
use crate::study::{CostQuestion, CostReport, FormulaCheck, FormulaQuestion, Stopped};

/// All answers.
pub struct Production {
    /// What its own traffic sees.
    pub own: OwnTraffic,
    /// What so many at once see.
    pub crowds: Answered<Crowds>,
    /// What its servers carry, and how many its traffic needs.
    pub servers: Answered<NeededServers>,
    /// The formula (memory - weights) / KV per user beside the simulation.
    pub formula: Answered<FormulaCheck>,
    /// The formula in the user's own numbers.
    pub calculator: Calculator,
    /// The rule for memory with what is kept for failures.
    pub rule: Answered<PeakRule>,
    /// What it costs; `None` if no request was answered.
    pub cost: Option<CostReport>,
    /// What the documents take that answers are looked up in.
    pub storage: StorageNeeds,
    /// Alert rules, and what they are worth.
    pub alerts: Answered<AlertAnswer>,
    /// What happens when something fails.
    pub failures: Failures,
    /// The policies of batching side by side.
    pub batching: TriedPolicies,
}

/// Who wants to be surer of alerts watches longer; who plans wants to know in seconds.
const WATCHED_HOURS: f64 = 0.5;

impl ProductionQuestion<'_> {
    /// Asks everything. A part that cannot be asked says why; whoever stops one stops all.
    pub fn answer(&self) -> Result<Production, Stopped> {
        let own = own_traffic::simulate(self)?;
        let servers = answered(servers::find(self, &own))?;
        let formula = answered(self.formula())?;
        let calculator = Calculator::of(self.input, &own);
        Ok(Production {
            crowds: answered(crowds::simulate(self, &own))?,
            rule: PeakRule::of(self.input, &own, &calculator),
            cost: CostReport::of(&CostQuestion {
                scenario: &self.input.scenario,
                summary: &own.summary,
                fleet: own.fleet.as_ref(),
                best_rate_per_s: servers.as_ref().ok().and_then(NeededServers::best_rate_per_s),
            }),
            storage: StorageNeeds::of(self.input, &own),
            failures: failure::find(self, &own, servers.as_ref().ok())?,
            batching: batching::try_policies(self)?,
            alerts: answered(self.alerts())?,
            own,
            servers,
            formula,
            calculator,
        })
    }

    fn alerts(&self) -> Result<AlertAnswer, Stopped> {
        let question = AlertQuestion {
            base: self.base,
            seeds: 1,
            interval: AlertQuestion::USUAL_INTERVAL,
            hours: WATCHED_HOURS,
            workers: self.workers,
            control: self.control,
        };
        question.answer()
    }

    fn formula(&self) -> Result<FormulaCheck, Stopped> {
        if !self.input.scenario.operation.pools().is_empty() {
            return Err(Stopped::failed(
                "its servers come in pools, and the formula is one of servers that are alike",
            ));
        }
        // One server stands for each of them.
        let base = self.base.changed(&self.of_one_server());
        let input = base.load().map_err(|problem| Stopped::Failed(problem.into()))?;
        let question = FormulaQuestion {
            base: &base,
            input: &input,
            workers: self.workers,
            simulate: self.simulate,
            longest: 1,
        };
        question.answer()
    }

    /// What makes the scenario one of a single server to which nothing happens.
    fn of_one_server(&self) -> Vec<Flag> {
        let alone = ["fleet={}", "admission={}", "client={}"].map(|set| Flag::new("--set", set));
        let is_fleet = self.input.scenario.operation.fleet.is_some();
        if is_fleet { alone.to_vec() } else { Vec::new() }
    }
}
