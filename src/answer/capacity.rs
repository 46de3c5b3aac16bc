//! `capacity`: the highest load under the objectives, or the fewest servers for a load.

use super::common::{dial, make_runs, refuse_fleet, refuse_pools, refuse_scaled, refuse_seeds_of_a_trace, workers};
use super::problem::Problem;
use super::setting;
use crate::config::{Diagnostic, Flag, Workload};
use crate::report::capacity::CapacityReport;
use crate::report::page::Page;
use crate::report::servers::Servers;
use crate::report::{Markup, typeset};
use crate::study::{
    AS_LONG_AS_IT_TAKES, Base, Capacity, CapacityRange, CapacitySearch, Control, FormulaCheck, FormulaQuestion,
    HourOfDay, HoursSearch, Input, LoadDial, LoadKind, ServersSearch, Simulate, Stopped, Tried, USUAL_START, Workers,
    capacity_range, remedies, try_remedies,
};
use crate::units::Span;

/// A load that servers are to carry together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ServersFor {
    /// So many requests per second, or sessions where the workload has them; the scenario's profile at such a mean rate
    /// where its arrivals come in stages.
    Rate(f64),
    /// The same, and those of each hour of the day of a profile.
    RateByHour(f64),
    /// So many requests at once: whoever sends them does not pause.
    Concurrency(u32),
    /// So many users, who think between an answer and their next request.
    Users {
        /// How many there are.
        users: u32,
        /// How long each thinks; `None` for as long as the scenario's clients do, or as it does within sessions.
        think: Option<Span>,
    },
}

/// What is the highest load that meets all objectives, and what would help?
#[derive(Clone, Debug)]
pub struct CapacityQuestion {
    /// The scenario, which has objectives.
    pub base: Base,
    /// What the capacity is in; `None` for what the scenario's own load is.
    pub of: Option<LoadKind>,
    /// Find the fewest servers for a load.
    pub servers_for: Option<ServersFor>,
    /// Seeds to search with; `None` for as many as are usual.
    pub seeds: Option<u32>,
    /// Whether to try what would help.
    pub tries_changes: bool,
    /// Whether to search with all steps shorter and longer too, by what step times may be off, where that is known.
    pub finds_range: bool,
    /// Whether to hold the formula (memory - weights) / KV per user against the simulation.
    pub explains: bool,
}

impl Default for CapacityQuestion {
    fn default() -> Self {
        Self {
            base: Base::default(),
            of: None,
            servers_for: None,
            seeds: None,
            tries_changes: true,
            finds_range: true,
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
/// Servers that are simulated together have so many times as much to do each as in the scenario's own run, at most.
const LONGEST_OF_SERVER: u32 = 4;

impl CapacityQuestion {
    /// Reads the scenario.
    pub fn ready(&self) -> Result<ReadyCapacity<'_>, Problem> {
        let input = self.base.load()?;
        if !input.has_objectives() {
            let message = "there is no objective that a capacity could be found under";
            return Err(Diagnostic::new(message)
                .help("write --slo 'ttft.p99<2s', or \"ttft.p99\" = \"2s\" below [slo] in the scenario")
                .into());
        }
        if self.servers_for.is_some() {
            refuse_scaled(&input)?;
            refuse_pools(&input, "the fewest servers are found of one kind")?;
        }
        if self.explains {
            refuse_fleet(&input, "--explain fills one server")?;
        }
        let dial = self.dial(&input)?;
        if self.is_by_hour() && dial.stages().is_none() {
            return Err(refuse_hours());
        }
        let usual = if input.is_always_the_same() { 1 } else { USUAL_SEEDS };
        refuse_seeds_of_a_trace(&input, self.seeds.unwrap_or(1))?;
        Ok(ReadyCapacity {
            question: self,
            dial,
            seeds: self.seeds.unwrap_or(usual),
            input,
        })
    }

    /// What sets the load that is asked about.
    fn dial(&self, input: &Input) -> Result<LoadDial, Problem> {
        let own = LoadKind::of(input);
        let is_profile = matches!(own, LoadKind::ProfileTimes { .. });
        // The rates of a profile are set all alike.
        let of_kind = |kind| {
            dial(
                if is_profile && kind == LoadKind::Rate {
                    own
                } else {
                    kind
                },
                input,
            )
        };
        let refused =
            |flag: &str| Diagnostic::new(format!("{flag}: no servers carry nothing")).help("ask for more than 0");
        let (found, flag) = match self.servers_for {
            None => return of_kind(self.of.unwrap_or(own)),
            Some(ServersFor::Rate(rate) | ServersFor::RateByHour(rate)) if rate > 0.0 => {
                return of_kind(LoadKind::Rate);
            }
            Some(ServersFor::Rate(_) | ServersFor::RateByHour(_)) => return Err(refused("--rate").into()),
            Some(ServersFor::Concurrency(0)) => return Err(refused("--concurrency").into()),
            Some(ServersFor::Users { users: 0, .. }) => return Err(refused("--users").into()),
            Some(ServersFor::Concurrency(_)) => (LoadDial::at_once(input), "--concurrency"),
            Some(ServersFor::Users { think, .. }) => (LoadDial::of_users(think, input), "--users"),
        };
        Ok(found.map_err(|problem| problem.about(flag))?)
    }

    const fn is_by_hour(&self) -> bool {
        matches!(self.servers_for, Some(ServersFor::RateByHour(_)))
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
        // The servers for a load are those of a fleet, and a capacity beside them is that of one of them.
        let asks_for_servers = self.question.servers_for.is_some();
        let is_fleet = input.scenario.operation.servers() > 1;
        let is_of_one = asks_for_servers && is_fleet;
        let of_one = ["fleet.servers=1", "fleet.fault=[]"].map(|set| Flag::new(self.dial.kind().flag(), set));
        let own_load = self.dial.load_of(&input);
        let start = own_load.unwrap_or(USUAL_START);
        let search = CapacitySearch {
            base: &self.question.base,
            dial: self.dial,
            changes: if is_of_one { &of_one } else { &[] },
            steps_times: 1.0,
            seeds: &seeds,
            longest: AS_LONG_AS_IT_TAKES,
            start: if is_of_one {
                start / f64::from(input.scenario.operation.servers())
            } else {
                start
            },
        };
        let capacity = search.answer(self.workers, self.simulate)?;
        let range = self.range(&input, &search, &capacity)?;
        let servers = self.servers(&search, &capacity, range.as_ref())?;
        let tried = self.try_changes(&input, &search, &capacity)?;
        let formula = self.explain(&input)?;
        let mut replaced: Vec<String> = self.dial.replaces().into_iter().collect();
        if self.question.tries_changes && !input.scenario.operation.pools().is_empty() {
            replaced.push("no changes were tried, as each pool says for itself what its servers are".to_owned());
        }
        Ok(CapacityReport {
            setting: setting::of(self.control, &input, seeds.len() as u32, replaced),
            is_of_trace: input
                .scenario
                .traffic
                .workloads()
                .any(|it| matches!(it, Workload::Trace(_))),
            gpus: if asks_for_servers {
                input.scenario.deployment.tensor_parallel
            } else {
                input.scenario.gpus()
            },
            own_load: own_load.filter(|_| !is_of_one),
            slos: input.slos,
            classes: input.classes,
            capacity,
            range,
            servers,
            tried,
            formula,
        })
    }

    /// The capacity with all steps shorter and longer, where it is asked for and known by how much.
    fn range(
        &self,
        input: &Input,
        search: &CapacitySearch,
        capacity: &Capacity,
    ) -> Result<Option<CapacityRange>, Problem> {
        // At its capacity a server has a queue now and then.
        let error = input.scenario.expected_error(true).map(|error| error.tpot);
        let error = error.filter(|&error| error < 1.0);
        match error {
            Some(error) if self.question.finds_range && !capacity.is_none() && !capacity.is_at_least() => {
                Ok(capacity_range(search, capacity, error, self.workers, self.simulate)?)
            }
            _ => Ok(None),
        }
    }

    /// The fewest servers for the load that is asked about, if one is.
    fn servers(
        &self,
        search: &CapacitySearch,
        capacity: &Capacity,
        range: Option<&CapacityRange>,
    ) -> Result<Option<Servers>, Problem> {
        let Some(asked) = self.question.servers_for else {
            return Ok(None);
        };
        let (load, rate_per_s) = match (asked, capacity.kind) {
            (ServersFor::Rate(rate) | ServersFor::RateByHour(rate), LoadKind::ProfileTimes { mean_per_s, .. }) => {
                (rate / mean_per_s, Some(rate))
            }
            (ServersFor::Rate(rate) | ServersFor::RateByHour(rate), _) => (rate, Some(rate)),
            (ServersFor::Concurrency(clients) | ServersFor::Users { users: clients, .. }, _) => (clients.into(), None),
        };
        let search = ServersSearch {
            of_one: search,
            load,
            longest: LONGEST_OF_SERVER,
            workers: self.workers,
            simulate: self.simulate,
        };
        let found = search.answer(capacity)?;
        let range = range.map(|range| range.fewest_servers(&search));
        Ok(Some(Servers {
            load,
            rate_per_s,
            think: self.dial.think(),
            fewest: found.fewest,
            by_hour: self.by_hour(&search)?,
            router: if found.is_behind_router { self.router()? } else { None },
            one_less: found.one_less,
            range: range.transpose()?.map(|range| range.with(found.fewest)),
        }))
    }

    /// The fewest servers for each hour, if they are asked for.
    fn by_hour(&self, search: &ServersSearch) -> Result<Vec<HourOfDay>, Problem> {
        let Some(stages) = self.dial.stages().filter(|_| self.question.is_by_hour()) else {
            return Ok(Vec::new());
        };
        let hours = HoursSearch { of_all: search, stages };
        Ok(hours.answer()?)
    }

    /// The router that several servers of the scenario would stand behind.
    fn router(&self) -> Result<Option<String>, Problem> {
        let several = self
            .question
            .base
            .with(&[Flag::new(self.dial.kind().flag(), "fleet.servers=2")])?;
        Ok(several
            .scenario
            .operation
            .fleet
            .map(|fleet| fleet.router.name().to_owned()))
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
            longest: AS_LONG_AS_IT_TAKES,
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
        let tried = try_remedies(remedies(input), search, capacity, self.workers, self.simulate);
        tried.map_err(Problem::from)
    }
}

fn refuse_hours() -> Problem {
    let message = "--by-hour: the rate of arrivals is not given by the hour";
    let help = "write arrivals = { process = \"diurnal\", rate = 8.0 } in [workload], or process = \"stages\" with \
                rates and durations";
    Diagnostic::new(message).help(help).into()
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

    /// Its tables for a document.
    pub fn to_markup(&self, markup: Markup) -> String {
        typeset(&self.report.tables(), markup)
    }

    /// The whole report as one page.
    pub fn to_page(&self) -> Page {
        self.report.to_page()
    }

    /// Whether no load meets the objectives, or no number of servers carries the rate.
    pub fn misses_an_objective(&self) -> bool {
        let no_servers = self.report.servers.as_ref().is_some_and(|it| it.fewest.is_none());
        self.report.is_impossible() || no_servers
    }
}
