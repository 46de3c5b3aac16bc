//! `run`: what the users of a server would see.

use std::time::{Duration, Instant};

use super::common::{refuse_fleet, refuse_seeds_of_a_trace, warn_all, warning_of_old_prices, workers};
use super::drawings;
use super::problem::Problem;
use super::run_files::RunFiles;
use super::run_outputs::RunOutputs;
use super::{explanation, run_report, setting};
use crate::config::{BenchmarkLoad, Flag};
use crate::report::figure::Drawn;
use crate::report::page::Page;
use crate::report::{RunReport, StudySetting, Style};
use crate::study::{self, Base, Control, Input, Outcome, add_range, check_range, is_shown_met, replicate};
use crate::units::Day;

/// What would the users of a server see?
#[derive(Clone, Debug)]
pub struct RunQuestion {
    /// The scenario to be simulated, and what is laid over it.
    pub base: Base,
    /// Runs, whose seeds follow one another.
    pub seeds: u32,
    /// Whether to simulate twice more, with all steps shorter and longer by what step times may be off.
    pub range: bool,
    /// Files to write while it goes on.
    pub outputs: RunOutputs,
    /// The day on which it is asked, which tells how old prices are; the clock's, if nobody says.
    pub today: Option<Day>,
}

impl Default for RunQuestion {
    fn default() -> Self {
        Self {
            base: Base::default(),
            seeds: 1,
            range: false,
            outputs: RunOutputs::default(),
            today: None,
        }
    }
}

/// A run whose scenario is read, and that can be made.
pub struct ReadyRun<'a> {
    question: &'a RunQuestion,
    started: Instant,
    /// The scenario with its objectives.
    pub input: Input,
}

/// What came of it.
pub struct RunAnswer {
    /// What users would see, with the memory and the objectives.
    pub report: RunReport,
    /// The scenario with its objectives.
    pub input: Input,
    /// Whether whoever asked stopped it: the numbers are those of what was simulated until then.
    pub is_interrupted: bool,
    /// What a reader must know.
    pub warnings: Vec<String>,
    outcome: Outcome,
    setting: StudySetting,
    wall: Duration,
}

impl RunQuestion {
    /// What would the users of this one see, with the scenario's own seed?
    pub fn of(base: Base) -> Self {
        Self {
            base,
            ..Self::default()
        }
    }

    /// The same, of all requests, whatever the scenario leaves out as warm-up: as benchmarks count.
    #[must_use]
    pub fn of_all_requests(mut self, flag: &str) -> Self {
        self.base = self.base.changed(&[Flag::new(flag, "workload.warm_up=\"none\"")]);
        self
    }

    /// Reads the scenario, and refuses whatever can be known to go wrong.
    pub fn ready(&self) -> Result<ReadyRun<'_>, Problem> {
        let started = Instant::now();
        let input = self.base.load()?;
        refuse_seeds_of_a_trace(&input, self.seeds)?;
        self.outputs.check_runs(self.seeds)?;
        self.outputs.check_interval()?;
        if self.outputs.perfetto.is_some() {
            refuse_fleet(&input, "--perfetto shows the steps of one server")?;
        }
        if self.range {
            check_range(&input)?;
        }
        let ready = ReadyRun {
            question: self,
            started,
            input,
        };
        self.outputs.check_requests(ready.requests_expected().unwrap_or(0))?;
        Ok(ready)
    }

    /// Reads the scenario and simulates it.
    pub fn answer(&self, control: &Control) -> Result<RunAnswer, Problem> {
        self.ready()?.answer(control)
    }
}

impl ReadyRun<'_> {
    /// Simulates the scenario with every seed that was asked for.
    pub fn answer(self, control: &Control) -> Result<RunAnswer, Problem> {
        let mut warnings = self.input.scenario.all_warnings();
        warn_all(control, &warnings);
        control.audience.begin("requests", self.requests_expected());
        let mut outcome = self.simulate(control)?;
        control.audience.end();
        if self.question.range && !outcome.is_interrupted {
            let workers = workers(control)?;
            add_range(&mut outcome, &self.input, self.question.seeds, &workers, control)?;
        }
        let mut more = outcome.replayed.warnings();
        let of_prices = warning_of_old_prices(&self.input.scenario, self.question.today);
        more.extend(of_prices.clone());
        let summary = outcome.summary.as_ref();
        more.extend(summary.and_then(|summary| run_report::slow_links(&self.input.scenario, summary)));
        warn_all(control, &more);
        warnings.extend(more);
        let mut answer = RunAnswer::of(self.input, outcome, control, self.started.elapsed(), warnings);
        answer.report.of_workload.extend(of_prices);
        Ok(answer)
    }

    fn simulate(&self, control: &Control) -> Result<Outcome, Problem> {
        let input = &self.input;
        if self.question.seeds > 1 {
            return Ok(replicate(input, self.question.seeds, &workers(control)?, control)?);
        }
        let scenario = &input.scenario;
        let mut files = RunFiles::open(&self.question.outputs, scenario)?;
        let bounds = files.bounds();
        let run = study::run(input, scenario.seed, files.listeners(), control, &bounds)?;
        if !run.replayed.is_stopped {
            let note = files.note();
            files.keep()?;
            if let Some(note) = note {
                control.audience.tell(&note);
            }
        }
        let mut outcome = Outcome::default();
        outcome.add(run);
        Ok(outcome.pooled())
    }

    fn requests_expected(&self) -> Option<u64> {
        let requests = self.input.requests_expected()?;
        Some(requests.saturating_mul(self.question.seeds.into()))
    }
}

impl RunAnswer {
    /// What came of a run of this scenario that took so long.
    pub(super) fn of(input: Input, outcome: Outcome, control: &Control, wall: Duration, warnings: Vec<String>) -> Self {
        let setting = setting::of(control, &input, outcome.runs, Vec::new());
        Self {
            report: run_report::of(&input, &outcome),
            is_interrupted: outcome.is_interrupted,
            warnings,
            outcome,
            setting,
            wall,
            input,
        }
    }

    /// One JSON object, with a line break at its end.
    pub fn to_json(&self) -> String {
        self.report.to_json()
    }

    /// The block that `vllm bench serve` prints.
    pub fn to_vllm_text(&self) -> String {
        self.report.to_vllm_text(&self.sent())
    }

    /// The JSON of `vllm bench serve --save-result`, with a line break at its end.
    pub fn to_vllm_json(&self) -> String {
        self.report.to_vllm_json(&self.sent())
    }

    /// What was sent, as a benchmark is told of it.
    fn sent(&self) -> BenchmarkLoad {
        let traffic = &self.input.scenario.traffic;
        let Some(workload) = traffic.only_workload() else {
            return BenchmarkLoad::default();
        };
        let (rate_per_s, burstiness) = workload.as_benchmarked();
        BenchmarkLoad {
            rate_per_s,
            burstiness,
            max_concurrency: workload.clients().or(traffic.max_outstanding),
            ..BenchmarkLoad::default()
        }
    }

    /// What users would see, as text that fits one screen.
    pub fn to_text(&self, style: Style) -> String {
        let mut report = self.report.clone();
        report.headline.wall = Some(self.wall);
        report.to_screen(style)
    }

    /// What the formula of users forgets, the arithmetic of the memory, and every setting with its origin.
    pub fn explanation(&self) -> String {
        explanation::of(&self.input, self.report.summary.mean_context_tokens())
    }

    /// The figures, for which the first run is simulated once more.
    pub fn drawings(&self) -> Result<Vec<Drawn>, Problem> {
        let Some(recording) = &self.outcome.recording else {
            return Ok(Vec::new());
        };
        // With several seeds the figures over time are those of the first.
        let duration = self.report.summary.throughput.duration_s / f64::from(self.outcome.runs.max(1));
        let run = (self.input.scenario.name.as_str(), &self.input, duration, recording);
        drawings::of_runs(&self.setting.line(), &[run])
    }

    /// The whole report as one page, with these drawings.
    pub fn to_page(&self, drawings: &[Drawn]) -> Page {
        let drawings = drawings.iter().map(|(_, drawing)| drawing.clone());
        self.report.to_page(&self.setting, drawings.collect())
    }

    /// Whether what is asked for was shown to be met.
    pub fn is_shown_met(&self) -> bool {
        is_shown_met(&self.report.slos, &self.report.summary)
    }
}
