//! A sweep: every point of a plan with several seeds, and the numbers of each run.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::model_range::{error_of_run, set_ranges, steps_times};
use super::plan::Plan;
use super::stopped::{Simulate, Stopped};
use super::{Base, Input, Next, Workers};
use crate::config::{Diagnostic, Fingerprint, IdleKey, warnings_of_idle_keys};
use crate::metrics::{MEASURES, Measure, RunMeasure, RunResult};

/// The numbers that are kept if nobody says which.
pub const USUAL_MEASURES: [&str; 18] = [
    "requests.finished",
    "requests.preemptions",
    "ttft.mean",
    "ttft.p50",
    "ttft.p99",
    "tpot.mean",
    "tpot.p99",
    "e2e.mean",
    "e2e.p99",
    "throughput.requests_per_s",
    "throughput.output_tokens_per_s",
    "queue.depth.mean",
    "queue.depth.max",
    "kv.usage.max",
    "kv.prefix_hit_ratio",
    "gpu.busy_fraction",
    "requests.success",
    "queue.grows",
];

/// All runs of a sweep, numbered from 0: run `n` is point `n / seeds` with seed number `n % seeds`.
pub struct Sweep {
    /// What all points have in common.
    pub base: Base,
    /// The grid of points that the runs cover.
    pub plan: Plan,
    /// Runs at each point.
    pub seeds: u32,
    /// Numbers to keep.
    pub measures: Vec<RunMeasure>,
    /// Whether each run is simulated with all steps shorter and longer too: if a number is kept that tells.
    pub finds_ranges: bool,
    /// Names the plan: the same for the same runs and numbers, whatever the files are called. 16 hexadecimal digits.
    pub fingerprint: String,
    /// The files that the points read, each with what it is.
    pub files: BTreeSet<(&'static str, PathBuf)>,
    /// Requests that all runs have together, if that is known.
    pub requests: Option<u64>,
    /// Whether every seed gives the same run at every point.
    pub is_always_the_same: bool,
    /// What the user should know about the points, each thing once.
    pub warnings: Vec<String>,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunNumbers {
    /// Its number in the sweep.
    pub run: usize,
    /// Number of its point in the plan, counted from 0.
    pub point: usize,
    /// The seed that the run was simulated with.
    pub seed: u64,
    /// The values of the measures.
    pub numbers: Vec<Option<f64>>,
}

impl Sweep {
    /// Reads the scenario of every point, several at a time, so that whatever is wrong with one is known before the
    /// first run.
    pub fn new(
        base: Base,
        plan: Plan,
        seeds: u32,
        measures: Vec<RunMeasure>,
        workers: &Workers,
    ) -> Result<Self, Stopped> {
        if let Some(key) = plan.keys().find(|key| is_a_column(key)) {
            let message = format!("`{key}` cannot be an axis: results have a column of that name");
            let help = "seeds = 4 runs each point with four seeds";
            return Err(Stopped::Failed(Diagnostic::new(message).help(help)));
        }
        let mut sweep = Self {
            base,
            plan,
            seeds,
            finds_ranges: measures.iter().any(RunMeasure::is_of_range),
            measures,
            fingerprint: String::new(),
            files: BTreeSet::new(),
            requests: Some(0),
            is_always_the_same: true,
            warnings: Vec::new(),
        };
        // Another version may give other numbers.
        let mut fingerprint = Fingerprint::EMPTY;
        let mut line = |text: &str| fingerprint.add(format!("{text}\n").as_bytes());
        line(env!("CARGO_PKG_VERSION"));
        line(&seeds.to_string());
        sweep.measures.iter().for_each(|measure| line(&measure.name));
        sweep.plan.keys().for_each(&mut line);
        let mut notes = Notes::default();
        let read = workers.in_order(
            sweep.plan.points(),
            |point| sweep.read(point),
            |_, read| {
                line(&read.line);
                notes.take(read);
                Next::GoOn
            },
        );
        read.map_err(|(_, stopped)| stopped)?;
        let requests = notes.requests.map(|requests| requests.saturating_mul(seeds.into()));
        sweep.requests = requests;
        sweep.is_always_the_same = !notes.has_chance;
        sweep.files = notes.files;
        sweep.warnings = notes.warnings;
        sweep.warnings.extend(warnings_of_idle_keys(&notes.idle_keys));
        sweep.fingerprint = fingerprint.to_string();
        Ok(sweep)
    }

    /// Reads the scenario of a point.
    fn read(&self, point: usize) -> Result<PointRead, Stopped> {
        let input = self.input(point)?;
        self.check_groups(point, &input)?;
        let values = self.plan.values(point).join("\t");
        Ok(PointRead {
            line: format!("{}\t{}\t{values}", input.scenario.hash(), input.scenario.seed),
            requests: input.requests_expected(),
            has_chance: !input.is_always_the_same(),
            files: input.files().collect(),
            idle_keys: input.scenario.idle_keys,
            warnings: input.scenario.warnings,
        })
    }

    /// Refuses numbers of groups of requests that a point cannot have.
    fn check_groups(&self, point: usize, input: &Input) -> Result<(), Stopped> {
        for measure in &self.measures {
            let Some(group) = &measure.group else { continue };
            input.check_group(group).map_err(|problem| {
                let error = problem.about(&format!("`{}`", measure.name));
                Stopped::Invalid(self.plan.label(point), error.into())
            })?;
        }
        Ok(())
    }

    /// How many runs.
    pub fn runs(&self) -> usize {
        self.plan.points() * self.seeds as usize
    }

    /// The scenario of a point.
    pub fn input(&self, point: usize) -> Result<Input, Stopped> {
        let flags = self.plan.flags(point);
        let read = self.base.with(&flags);
        read.map_err(|problem| Stopped::Invalid(self.plan.label(point), problem))
    }

    /// Makes one run.
    pub fn run(&self, run: usize, simulate: &Simulate) -> Result<RunNumbers, Stopped> {
        let seeds = self.seeds as usize;
        let (point, replication) = (run / seeds, run % seeds);
        let input = self.input(point)?;
        let seed = input.scenario.seed + replication as u64;
        let mut result = RunResult::of(&simulate(&input, seed)?);
        let error = error_of_run(&input, &result.summary).filter(|_| self.finds_ranges);
        if let Some(error) = error {
            let summary_at = |times| {
                let recording = simulate(&input.clone().with_steps_times(times), seed)?;
                Ok::<_, Stopped>(RunResult::of(&recording).summary)
            };
            let [shorter, longer] = steps_times(error.tpot);
            let (fast, slow) = (summary_at(shorter)?, summary_at(longer)?);
            set_ranges(&mut result.summary, &error, [&fast, &slow]);
        }
        Ok(RunNumbers {
            run,
            point,
            seed,
            numbers: self.measures.iter().map(|it| it.of(&result)).collect(),
        })
    }
}

/// What is known of a point before its runs.
struct PointRead {
    /// What the fingerprint takes of it.
    line: String,
    requests: Option<u64>,
    has_chance: bool,
    files: Vec<(&'static str, PathBuf)>,
    idle_keys: Vec<IdleKey>,
    warnings: Vec<String>,
}

/// What is known of several points, each thing once.
struct Notes {
    requests: Option<u64>,
    has_chance: bool,
    files: BTreeSet<(&'static str, PathBuf)>,
    idle_keys: Vec<IdleKey>,
    warnings: Vec<String>,
}

impl Default for Notes {
    fn default() -> Self {
        Self {
            requests: Some(0),
            has_chance: false,
            files: BTreeSet::new(),
            idle_keys: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl Notes {
    fn take(&mut self, point: PointRead) {
        self.requests = self
            .requests
            .zip(point.requests)
            .map(|(sum, one)| sum.saturating_add(one));
        self.has_chance |= point.has_chance;
        self.files.extend(point.files);
        add_new(&mut self.idle_keys, point.idle_keys);
        add_new(&mut self.warnings, point.warnings);
    }
}

fn add_new<T: PartialEq>(known: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !known.contains(&one) {
            known.push(one);
        }
    }
}

/// The columns of results that tell runs apart.
pub const RUN_COLUMNS: [&str; 5] = ["plan", "runs", "run", "point", "seed"];

fn is_a_column(key: &str) -> bool {
    RUN_COLUMNS.contains(&key) || RunMeasure::named(key).is_some()
}

/// The numbers that are kept if nobody says which.
pub fn usual_measures() -> Vec<RunMeasure> {
    let is_usual = |measure: &&Measure| USUAL_MEASURES.contains(&measure.name);
    MEASURES.iter().filter(is_usual).map(RunMeasure::of_all).collect()
}
