//! What whoever plans production asks, answered from one scenario: how many at once, how long, on how many servers, with
//! which memory, beside which documents, and what happens when something fails.
//!
//! Each part is an answer of its own. What cannot be asked of a scenario is said in its place, and the rest stands.

mod batching;
mod crowds;
mod failure;
mod memory_rule;
mod own_traffic;
mod servers;
mod storage;

pub use batching::{PolicyTried, TriedPolicies};
pub use crowds::Crowds;
pub use failure::{AssumedFailures, DAYS_OF_MONTH, Failures, MeasuredFailures, OneDown};
pub use memory_rule::{Calculator, RuleOfThumb};
pub use own_traffic::OwnTraffic;
pub use servers::NeededServers;
pub use storage::{StorageNeeds, StoreOfSize};

use super::formula::{FormulaCheck, FormulaQuestion};
use super::stopped::{Simulate, Stopped};
use super::{Base, Input, Workers};
use crate::config::{Diagnostic, Flag};
use crate::engine::has_fast;

/// Runs are made longer by this factor, and the search that follows shows whether the answer moves.
const LENGTHENED_ONCE: u32 = 4;

/// What came of a part: its answer, or why there is none.
pub type Answered<T> = Result<T, String>;

/// A scenario whose plan for production is asked for.
pub struct ProductionQuestion<'a> {
    /// The scenario's text, with objectives, from which changed scenarios are made.
    pub base: &'a Base,
    /// As it is.
    pub input: &'a Input,
    /// Runs of its own traffic, and seeds that capacities are found with.
    pub seeds: u32,
    /// Threads that the runs are spread over.
    pub workers: &'a Workers,
    /// Makes one run of a scenario with a seed.
    pub simulate: &'a Simulate<'a>,
}

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
    pub rule: Answered<RuleOfThumb>,
    /// What the documents take that answers are looked up in.
    pub storage: StorageNeeds,
    /// What happens when something fails.
    pub failures: Failures,
    /// The policies of batching side by side.
    pub batching: TriedPolicies,
}

impl ProductionQuestion<'_> {
    /// Asks everything. A part that cannot be asked says why; whoever stops one stops all.
    pub fn answer(&self) -> Result<Production, Stopped> {
        let own = own_traffic::simulate(self)?;
        let servers = answered(servers::find(self))?;
        let formula = answered(self.formula())?;
        let calculator = Calculator::of(self.input, &own);
        Ok(Production {
            crowds: answered(crowds::simulate(self, &own))?,
            rule: RuleOfThumb::of(self.input, &own, &calculator),
            storage: StorageNeeds::of(self.input, &own),
            failures: failure::find(self, &own, servers.as_ref().ok())?,
            batching: batching::try_policies(self)?,
            own,
            servers,
            formula,
            calculator,
        })
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

    /// How many times as long as the scenario's own runs may become that search for capacities: who plans wants to know in
    /// seconds, and `capacity` finds it out as precisely as it takes. Engines without a shortcut take a hundred times as
    /// long for a request.
    fn longest(&self) -> u32 {
        let mut deployments = self.input.scenario.deployments().into_iter();
        let all_are_fast = deployments.all(|(deployment, _)| has_fast(&deployment.server.policy));
        if all_are_fast { LENGTHENED_ONCE } else { 1 }
    }

    /// What takes the failures out of the scenario, if it has some.
    fn unharmed(&self) -> Vec<Flag> {
        let fleet = self.input.scenario.operation.fleet.as_ref();
        let fails = fleet.is_some_and(|fleet| !fleet.hardships.faults.is_empty());
        let none = Flag::new("--set", "fleet.fault=[]");
        if fails { vec![none] } else { Vec::new() }
    }
}

/// An answer, or why there is none.
fn answered<T>(result: Result<T, Stopped>) -> Result<Answered<T>, Stopped> {
    match result {
        Ok(answer) => Ok(Ok(answer)),
        Err(Stopped::Interrupted) => Err(Stopped::Interrupted),
        Err(Stopped::Failed(why)) => Ok(Err(why.message)),
        Err(Stopped::Invalid(what, problem)) => {
            let why = Diagnostic::from(problem);
            Ok(Err(format!("{what}: {}", why.message)))
        }
    }
}
