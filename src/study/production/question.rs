//! Whose plan is asked for, and what its parts have in common.

use crate::config::{Diagnostic, Flag};
use crate::engine::leaps;
use crate::fleet::RouterChoice;
use crate::study::remedies::shares_prompts;
use crate::study::{Base, Control, Input, Simulate, Stopped, Workers};

/// Runs are made longer by this factor, and the search that follows shows whether the answer moves.
const LENGTHENED_ONCE: u32 = 4;
/// Requests of the runs of all seeds at one load of a search, at most, unless one run has more: who plans wants to know
/// in seconds, and `capacity` finds it out as precisely as it takes.
const REQUESTS_AT_A_LOAD: u64 = 300_000;
/// The same for engines that do not leap, which take up to a hundred times as long for a request.
const REQUESTS_AT_A_LOAD_SLOWLY: u64 = 6_000;

/// How many times as long a request takes to simulate whose prompt others share.
const TIMES_FOR_SHARED_PROMPTS: u64 = 10;

/// How much work a search for a capacity is worth.
pub(super) struct SearchEffort {
    /// Seeds to search with.
    pub seeds: u32,
    /// How many times as long as the scenario's own runs may become.
    pub longest: u32,
}

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
    /// Who may stop runs that are watched closely.
    pub control: &'a Control,
}

impl ProductionQuestion<'_> {
    /// How much work a search is worth if a run has so many requests.
    pub(super) fn effort(&self, requests_of_run: u64) -> SearchEffort {
        let deployments = self.input.scenario.deployments();
        let mut servers = deployments.iter().map(|(deployment, _)| &deployment.server);
        let all_leap = servers.clone().all(leaps);
        // Over groups of layers the fast engine takes shared prompts step by step.
        let over_groups = servers.any(|server| server.kv_groups.is_some());
        let mut workloads = self.input.scenario.traffic.workloads();
        let most = match (all_leap, workloads.any(shares_prompts)) {
            (true, false) => REQUESTS_AT_A_LOAD,
            (true, true) if !over_groups => REQUESTS_AT_A_LOAD / TIMES_FOR_SHARED_PROMPTS,
            _ => REQUESTS_AT_A_LOAD_SLOWLY,
        };
        let runs = most / requests_of_run.max(1);
        // Longer runs of fewer seeds say more than short ones, which may have too few samples.
        let longest = if runs >= u64::from(LENGTHENED_ONCE) {
            LENGTHENED_ONCE
        } else {
            1
        };
        let seeds = (runs / u64::from(longest)).clamp(1, self.seeds.into());
        SearchEffort {
            seeds: seeds as u32,
            longest,
        }
    }

    /// What makes the number of servers fixed where an autoscaler sets it, behind the same router.
    pub(super) fn fixed(&self, servers: u32) -> Vec<Flag> {
        let fleet = self.input.scenario.operation.fleet.as_ref();
        let Some(fleet) = fleet.filter(|fleet| fleet.autoscale.is_some()) else {
            return Vec::new();
        };
        let fleet = match &fleet.router {
            RouterChoice::Listed(router) => format!("fleet={{ router = \"{}\", servers = {servers} }}", router.name),
            // It takes the place of whatever stands there.
            RouterChoice::Custom(_) => format!("fleet={{ servers = {servers} }}"),
        };
        vec![Flag::new("--set", fleet)]
    }

    /// What takes the failures out of the scenario, if it has some.
    pub(super) fn unharmed(&self) -> Vec<Flag> {
        let none = Flag::new("--set", "fleet.fault=[]");
        if self.input.scenario.operation.has_faults() {
            vec![none]
        } else {
            Vec::new()
        }
    }
}

/// An answer, or why there is none.
pub fn answered<T>(result: Result<T, Stopped>) -> Result<Answered<T>, Stopped> {
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
