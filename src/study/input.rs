//! A scenario with its objectives, and what a study changes of it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::config::{
    Bound, Custom, Diagnostic, Flag, Layers, NoScenario, Objective, Overrides, Scenario, ScenarioText, WarmUp, Workload,
};
use crate::metrics::{ClassToRecord, Metric, RequestGroup, Slo, asks_for_anything};
use crate::path::RequestPath;

/// A scenario with its objectives.
#[derive(Clone, Debug)]
pub struct Input {
    /// The scenario: deployment, workload and what else a run takes.
    pub scenario: Scenario,
    /// What was asked for, of all requests.
    pub slos: Vec<Slo>,
    /// The classes of traffic that are told apart, with what was asked for each; none if there are none.
    pub classes: Vec<ClassToRecord>,
}

/// What all variations of a scenario have in common: its text, which is read and parsed when the first of them is asked
/// for, and never again.
#[derive(Clone, Debug, Default)]
pub struct Base {
    /// The file, and what flags lay over it for all of them.
    layers: Layers,
    /// What another file lays over the scenario's, before any flags.
    overrides: Option<Overrides>,
    read: Arc<OnceLock<Result<ScenarioText, Diagnostic>>>,
}

impl Base {
    /// Variations of a scenario, over which another file may lay keys of its own before any flags.
    pub fn new(layers: Layers, overrides: Option<Overrides>) -> Self {
        Self {
            layers,
            overrides,
            read: Arc::default(),
        }
    }

    /// Variations of the scenario in a file; `-` is stdin.
    pub fn from_file(path: impl Into<PathBuf>) -> Self {
        let layers = Layers {
            file: Some(path.into()),
            ..Layers::default()
        };
        Self::new(layers, None)
    }

    /// Variations of a scenario that stands in no file.
    pub fn from_toml(text: &str) -> Self {
        Self {
            read: Arc::new(OnceLock::from(ScenarioText::from_toml(text))),
            ..Self::new(Layers::default(), None)
        }
    }

    /// Variations of the scenario with these changes over everything else.
    #[must_use]
    pub fn changed(&self, changes: &[Flag]) -> Self {
        let text = self.text().and_then(|text| text.changed(changes));
        Self {
            layers: self.layers.clone(),
            overrides: self.overrides.clone(),
            read: Arc::new(OnceLock::from(text)),
        }
    }

    /// Variations of the scenario with code in the place of a router or of an arrival process.
    #[must_use]
    pub fn customized(&self, change: impl FnOnce(Custom) -> Custom) -> Self {
        Self {
            layers: self.layers.clone(),
            overrides: self.overrides.clone(),
            read: Arc::new(OnceLock::from(self.text().map(|text| text.customized(change)))),
        }
    }

    /// The same, of which no files are read any more but those that were: for changes by those who may not read this
    /// machine's files.
    #[must_use]
    pub fn closed(&self) -> Self {
        Self {
            layers: self.layers.clone(),
            overrides: self.overrides.clone(),
            read: Arc::new(OnceLock::from(self.text().map(ScenarioText::closed))),
        }
    }

    /// All that is written, as one text of TOML, flags included.
    pub fn to_toml(&self) -> Result<String, Diagnostic> {
        Ok(self.text()?.to_toml())
    }

    /// All that is written, as values of JSON.
    pub fn to_json(&self) -> Result<serde_json::Value, Diagnostic> {
        let values = self.text()?.values();
        serde_json::to_value(values).map_err(|error| Diagnostic::new(error.to_string()))
    }

    /// The scenario as it is.
    pub fn load(&self) -> Result<Input, NoScenario> {
        self.with(&[])
    }

    /// The scenario with these changes over everything else.
    pub fn with(&self, changes: &[Flag]) -> Result<Input, NoScenario> {
        let scenario = Scenario::resolve(self.text()?, changes)?;
        let slos = objectives(&scenario.objectives)?;
        refuse_without_path(&scenario, &slos)?;
        let classes = classes(&scenario)?;
        Ok(Input {
            scenario,
            slos,
            classes,
        })
    }

    /// The scenario with these changes over everything else, without a look at its objectives.
    pub fn scenario(&self, changes: &[Flag]) -> Result<Scenario, NoScenario> {
        Scenario::resolve(self.text()?, changes)
    }

    fn text(&self) -> Result<&ScenarioText, Diagnostic> {
        let read = || ScenarioText::read(&self.layers, self.overrides.as_ref());
        self.read.get_or_init(read).as_ref().map_err(Clone::clone)
    }

    /// The scenario's file; `None` for the embedded demo.
    pub fn file(&self) -> Option<&Path> {
        self.layers.file.as_deref()
    }
}

impl Input {
    /// The scenario as one that is held against measurements of whole runs, unless it says what is left out of its own.
    #[must_use]
    pub fn as_measured(mut self) -> Self {
        if self.scenario.operation.warm_up == WarmUp::Usual {
            self.scenario.operation.warm_up = WarmUp::Kept;
        }
        self
    }

    /// The scenario with all steps so many times as long, unless it gives their times.
    #[must_use]
    pub fn with_steps_times(mut self, factor: f64) -> Self {
        for deployment in self.scenario.deployments_mut() {
            deployment.stretch_steps(factor);
        }
        self
    }

    /// Whether every seed gives the same run.
    pub fn is_always_the_same(&self) -> bool {
        let is_given = |workload: &Workload| matches!(workload, Workload::Trace(replay) if !replay.jitter_ties);
        let mut deployments = self.scenario.deployments().into_iter();
        !deployments.any(|(deployment, _)| deployment.server.policy.draws_at_random())
            && self.scenario.traffic.workloads().all(is_given)
    }

    /// Whether anything is asked for, of all requests or of those of a class.
    pub fn has_objectives(&self) -> bool {
        asks_for_anything(&self.slos, &self.classes)
    }

    /// Refuses a group of requests that its runs cannot have.
    pub fn check_group(&self, group: &RequestGroup) -> Result<(), Diagnostic> {
        let traffic = &self.scenario.traffic;
        match group {
            RequestGroup::Class(name) => {
                let names: Vec<&str> = self.classes.iter().map(|class| class.name.as_str()).collect();
                let help = match names[..] {
                    _ if names.contains(&name.as_str()) => return Ok(()),
                    [] => "the scenario has no [[class]]; leave `classes.` and the name out for all requests".into(),
                    _ => format!("its classes are {}", names.join(", ")),
                };
                Err(Diagnostic::new(format!("no class of traffic is called `{name}`")).help(help))
            }
            RequestGroup::Priority(priority) => match traffic.priorities() {
                Some(known) if priority.is_some_and(|priority| !known.contains(&priority)) => {
                    let known: Vec<String> = known.iter().map(i32::to_string).collect();
                    let help = format!("its priorities are {}", known.join(", "));
                    Err(Diagnostic::new("no request has this priority").help(help))
                }
                _ => Ok(()),
            },
            RequestGroup::Turn(_) if traffic.may_have_turns() => Ok(()),
            RequestGroup::Turn(_) => {
                let help = "write session = { turns = 4, think = \"20s\" } in [workload], or leave `turns.` and the \
                            number out for all requests";
                Err(Diagnostic::new("no workload has sessions").help(help))
            }
        }
    }

    /// The files that its runs read, each with what it is.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, PathBuf)> + '_ {
        let traces = self.scenario.traffic.workloads().filter_map(|workload| match workload {
            Workload::Trace(replay) => Some(("the trace", replay.path.clone())),
            Workload::Synthetic(_) => None,
        });
        let named = self.scenario.files.iter();
        traces.chain(named.map(|file| ("a file that the scenario names", file.clone())))
    }

    /// How many requests a run has, if that can be known before.
    pub fn requests_expected(&self) -> Option<u64> {
        let traffic = &self.scenario.traffic;
        let of_class = |workload: &Workload| match workload {
            Workload::Synthetic(workload) => workload.requests,
            Workload::Trace(replay) => replay.limit,
        };
        let of_each = traffic.workloads().map(of_class).sum::<Option<u64>>();
        let requests = traffic.requests.into_iter().chain(of_each).min()?;
        let calls = self.scenario.path.as_ref().map_or(1, RequestPath::calls);
        Some(requests.saturating_mul(calls.into()))
    }

    /// The seeds of so many runs: they follow one another, so that variations with the same number of runs meet the
    /// same chance. One if every seed gives the same run, as more of the same would tell no more.
    pub fn seeds(&self, runs: u32) -> impl Iterator<Item = u64> + use<> {
        let first = self.scenario.seed;
        let runs = if self.is_always_the_same() { 1 } else { runs };
        (0..u64::from(runs)).map(move |run| first + run)
    }
}

/// A limit on the time along a path means nothing where requests take none.
fn refuse_without_path(scenario: &Scenario, slos: &[Slo]) -> Result<(), Diagnostic> {
    let Some(slo) = slos
        .iter()
        .find(|slo| is_of_path(slo))
        .filter(|_| scenario.path.is_none())
    else {
        return Ok(());
    };
    let error = Diagnostic::new(format!("{slo} is asked of the path of requests, and they take none"));
    let objectives = scenario.objectives.iter();
    let places = objectives.filter(|objective| objective.name.trim().starts_with("path"));
    let error = places.fold(error, |error, objective| error.at(objective.snippet.clone()));
    Err(error
        .help("write [[path.stage]] for each stage between clients and the model, which is the one called \"llm\"")
        .help("or ask it of the servers alone: \"e2e.p99\", \"ttft.p99\""))
}

fn is_of_path(slo: &Slo) -> bool {
    slo.as_latency().is_some_and(|slo| slo.metric.is_of_path())
}

/// The classes that have names.
fn classes(scenario: &Scenario) -> Result<Vec<ClassToRecord>, NoScenario> {
    let mut classes = Vec::new();
    for class in &scenario.traffic.classes {
        let Some(name) = &class.name else { continue };
        let slos = objectives(&class.objectives)?;
        let is_of_gaps = |slo: &Slo| slo.as_latency().is_some_and(|slo| slo.metric == Metric::Itl);
        if let Some(place) = slos.iter().position(is_of_gaps) {
            let message = format!(
                "{} is not known of a class: servers tell gaps of all their requests together",
                slos[place]
            );
            return Err(Diagnostic::new(message)
                .at(class.objectives[place].snippet.clone())
                .help("write it in [slo], of all requests, or \"tpot.p99\", each request's mean gap, for the class")
                .into());
        }
        if let Some(place) = slos.iter().position(is_of_path) {
            let message = format!("{} is not known of a class: all requests take one path", slos[place]);
            return Err(Diagnostic::new(message)
                .at(class.objectives[place].snippet.clone())
                .help("write it in [slo], of all requests")
                .into());
        }
        classes.push(ClassToRecord {
            name: name.clone(),
            slos,
            max_outstanding: class.max_outstanding,
        });
    }
    Ok(classes)
}

/// Objectives in the words of those who measure; of two on the same statistic, the later one stands.
fn objectives(objectives: &[Objective]) -> Result<Vec<Slo>, NoScenario> {
    let mut slos: Vec<Slo> = Vec::new();
    for objective in objectives {
        let name = &objective.name;
        let slo = match objective.bound {
            Bound::Time(limit) => Slo::latency(name, limit),
            Bound::Share(share) => Slo::share(name, share),
            Bound::Number(number) => Slo::rate(name, number),
        };
        let slo = slo.map_err(|error| {
            Diagnostic::new(error.to_string())
                .at(objective.snippet.clone())
                .help("write a latency, a dot and a statistic with their limit: \"ttft.p99\" = \"2s\"")
                .help("or what is served with its bound: \"success\" = \"99.9%\", \"output_tokens_per_s\" = \"1000\"")
        })?;
        let same = |other: &&mut Slo| other.bounds_the_same(&slo);
        match slos.iter_mut().find(same) {
            Some(earlier) => *earlier = slo,
            None => slos.push(slo),
        }
    }
    Ok(slos)
}
