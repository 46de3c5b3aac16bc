//! `validate`: holds predictions against measurements.

use std::path::PathBuf;

use super::common::{missing_in_file, refuse_pools, warn_all, workers};
use super::problem::Problem;
use super::run_report;
use crate::config::{Diagnostic, Experiment, Flag, Manifest, Measured};
use crate::metrics::Summary;
use crate::report::figure::Drawn;
use crate::report::figure::accuracy;
use crate::report::{ErrorLimit, ValidatedExperiment, ValidationReport};
use crate::study::{
    Base, Comparison, Control, Input, OpenWorkload, Outcome, Prediction, TakenLoad, Task, run_each, unlike_after,
    unlike_before,
};

/// How far are predictions from what was measured?
#[derive(Clone, Debug, Default)]
pub struct ValidateQuestion {
    /// The experiments: scenarios with what was measured of them.
    pub manifest: PathBuf,
    /// What to set of every scenario.
    pub changes: Vec<Flag>,
    /// Pool this many runs of each experiment; `None` for as many as the manifest says.
    pub seeds: Option<u32>,
    /// The most that mean absolute errors may be.
    pub limits: Vec<ErrorLimit>,
}

/// A validation whose manifest is read.
pub struct ReadyValidate<'a> {
    question: &'a ValidateQuestion,
    /// The experiments to be predicted, with what was measured of each.
    pub manifest: Manifest,
}

/// What came of it.
pub struct ValidateAnswer {
    /// The numbers of the experiments that ran to their end.
    pub report: ValidationReport,
    /// What a reader must know.
    pub warnings: Vec<String>,
    /// Whether whoever asked stopped it before all experiments had run.
    pub is_interrupted: bool,
}

/// What messages call the file of an experiment.
const MEASURED_FILE: &str = "the measured file";

/// An experiment that is ready to run.
struct Planned<'a> {
    name: String,
    input: Input,
    runs: u32,
    measured: &'a Measured,
    /// What of the scenario comes from what was measured.
    taken: Option<String>,
}

/// An experiment while its runs come in.
#[derive(Default)]
struct Done {
    outcome: Outcome,
    runs: Vec<Summary>,
}

impl ValidateQuestion {
    /// Reads the manifest.
    pub fn ready(&self) -> Result<ReadyValidate<'_>, Problem> {
        let manifest = Manifest::load(&self.manifest)?;
        for limit in &self.limits {
            let is_measured = |experiment: &Experiment| experiment.measured.values.contains_key(limit.metric);
            if !manifest.experiments.iter().any(is_measured) {
                let message = format!("--fail-above: {} was not measured in any experiment", limit.metric);
                return Err(Diagnostic::new(message).help("name a metric that was").into());
            }
        }
        Ok(ReadyValidate {
            question: self,
            manifest,
        })
    }

    /// Simulates all experiments.
    pub fn answer(&self, control: &Control) -> Result<ValidateAnswer, Problem> {
        self.ready()?.answer(control, |_| Ok(()))
    }
}

impl ReadyValidate<'_> {
    /// Simulates all experiments, once `accept` has nothing against their scenarios.
    pub fn answer(
        &self,
        control: &Control,
        accept: impl FnOnce(&[&Input]) -> Result<(), Problem>,
    ) -> Result<ValidateAnswer, Problem> {
        let experiments = self.manifest.experiments.iter();
        let planned = experiments.map(|experiment| self.question.planned(experiment));
        let plan: Vec<Planned> = planned.collect::<Result<_, _>>()?;
        accept(&plan.iter().map(|it| &it.input).collect::<Vec<_>>())?;
        let mut warnings: Vec<String> = plan.iter().flat_map(warnings_before).collect();
        warn_all(control, &warnings);
        control.audience.begin("requests", requests_expected(&plan));
        let done = simulate(&plan, control)?;
        control.audience.end();
        let (report, more) = report(&plan, done, self.question.limits.clone());
        warn_all(control, &more);
        warnings.extend(more);
        Ok(ValidateAnswer {
            is_interrupted: report.experiments.len() < plan.len(),
            report,
            warnings,
        })
    }
}

impl ValidateQuestion {
    fn planned<'a>(&self, experiment: &'a Experiment) -> Result<Planned<'a>, Problem> {
        let mut layers = experiment.layers();
        layers.flags.extend_from_slice(&self.changes);
        let about = |problem: Problem| problem.about(&experiment.title());
        let base = Base::new(layers, Some(experiment.overrides.clone()));
        let open = OpenWorkload::of(&base).map_err(|problem| about(problem.into()))?;
        let sent = experiment.measured.sent();
        let taken = sent.map_or_else(TakenLoad::default, |sent| open.taken_from(&sent, MEASURED_FILE));
        let scenario = base.scenario(&taken.flags);
        let scenario =
            scenario.map_err(|problem| about(missing_in_file(problem.into(), &open, &taken, MEASURED_FILE)))?;
        let name = experiment.name.clone();
        let input = Input {
            // Objectives are about what is served, not about what is predicted of it.
            slos: Vec::new(),
            classes: Vec::new(),
            scenario,
        }
        .as_measured();
        let runs = self.seeds.unwrap_or(experiment.seeds);
        refuse_pools(&input, "validate predicts what was measured of one deployment").map_err(about)?;
        Ok(Planned {
            name: name.unwrap_or_else(|| input.scenario.name.clone()),
            // More of the same would tell no more.
            runs: if input.is_always_the_same() { 1 } else { runs },
            input,
            measured: &experiment.measured,
            taken: told(experiment, &taken),
        })
    }
}

impl ValidateAnswer {
    /// The errors of the predictions as a table of text.
    pub fn to_text(&self) -> String {
        self.report.to_text()
    }

    /// One JSON object.
    pub fn to_json(&self) -> String {
        self.report.to_json()
    }

    /// The figure: predicted against measured latencies.
    pub fn drawings(&self) -> Vec<Drawn> {
        let experiments = self.report.experiments.iter();
        let comparisons: Vec<&Comparison> = experiments.map(|it| &it.comparison).collect();
        vec![(&accuracy::FIGURE, accuracy::draw(&comparisons))]
    }

    /// Whether a limit is missed.
    pub fn misses_an_objective(&self) -> bool {
        self.report.misses_a_limit()
    }
}

/// What of an experiment's scenario comes from what was measured; `None` of nothing.
fn told(experiment: &Experiment, taken: &TakenLoad) -> Option<String> {
    let sent = experiment.measured_load.join("; ");
    let sent = (!sent.is_empty()).then(|| format!("sent as {MEASURED_FILE} says: {sent}"));
    let all: Vec<String> = sent.into_iter().chain(taken.told(MEASURED_FILE)).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// What can be said before the runs.
fn warnings_before(experiment: &Planned) -> Vec<String> {
    let mut warnings = experiment.input.scenario.all_warnings();
    let unfinished = experiment.measured.unfinished;
    if unfinished > 0 {
        warnings.push(format!(
            "{unfinished} measured requests did not finish; measured latencies are those of the others"
        ));
    }
    warnings.extend(experiment.measured.notes.iter().cloned());
    warnings.extend(unlike_warning(&unlike_before(
        &experiment.input.scenario,
        experiment.measured,
    )));
    let named = warnings.into_iter();
    named.map(|warning| format!("{}: {warning}", experiment.name)).collect()
}

/// That the errors are not those of the predictions alone, if so.
fn unlike_warning(unlike: &[String]) -> Option<String> {
    (!unlike.is_empty()).then(|| {
        format!(
            "the scenario is not what was measured: {}; mend the scenario (the result of a benchmark says \
             requests and arrivals by load = \"measured\", and lengths where the scenario leaves them out, but not \
             the model)",
            unlike.join("; ")
        )
    })
}

/// Requests of all runs, if that can be known before.
fn requests_expected(plan: &[Planned]) -> Option<u64> {
    let requests = plan.iter().map(|experiment| {
        let requests = experiment.input.requests_expected()?;
        Some(requests.saturating_mul(experiment.runs.into()))
    });
    requests.reduce(|sum, one| Some(sum?.saturating_add(one?))).flatten()
}

/// Makes all runs of all experiments.
fn simulate(plan: &[Planned], control: &Control) -> Result<Vec<Done>, Problem> {
    let mut tasks: Vec<Task> = Vec::new();
    let mut owners = Vec::new();
    for (owner, experiment) in plan.iter().enumerate() {
        for seed in experiment.input.seeds(experiment.runs) {
            tasks.push((&experiment.input, seed));
            owners.push(owner);
        }
    }
    let mut done: Vec<Done> = plan.iter().map(|_| Done::default()).collect();
    run_each(&tasks, &workers(control)?, control, |task, run| {
        let done = &mut done[owners[task]];
        done.runs.push(Summary::of(&run.recording));
        done.outcome.add(run);
    })
    .map_err(|(task, error)| Problem::from(error).about(&plan[owners[task]].name))?;
    Ok(done)
}

/// The experiments that ran to their end, and what the user should know about these runs.
fn report(plan: &[Planned], done: Vec<Done>, limits: Vec<ErrorLimit>) -> (ValidationReport, Vec<String>) {
    let mut experiments = Vec::new();
    let mut warnings = Vec::new();
    for (experiment, done) in plan.iter().zip(done) {
        if done.outcome.is_interrupted || done.outcome.runs < experiment.runs {
            continue;
        }
        let outcome = done.outcome.pooled();
        let Some(pooled) = outcome.summary else {
            continue;
        };
        let run = run_report::of(&experiment.input, &outcome);
        let said = run.warnings().into_iter().chain(outcome.replayed.warnings());
        let said = said.chain(unlike_warning(&unlike_after(
            &pooled,
            experiment.runs,
            experiment.measured,
        )));
        warnings.extend(said.map(|warning| format!("{}: {warning}", experiment.name)));
        let prediction = Prediction {
            pooled,
            runs: done.runs,
            kv_blocks: experiment.input.scenario.deployment.blocks_of_memory(),
        };
        let measured = &experiment.measured.values;
        experiments.push(ValidatedExperiment {
            comparison: Comparison::new(experiment.name.clone(), measured, &prediction),
            taken: experiment.taken.clone(),
            bounds: experiment.measured.bounds.clone(),
            scenario_hash: run.scenario_hash,
            seed: run.seed,
            replications: experiment.runs,
            unfinished: experiment.measured.unfinished,
            fidelity: run.fidelity.unwrap_or_default(),
        });
    }
    let report = ValidationReport { experiments, limits };
    (report, warnings)
}
