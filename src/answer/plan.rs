//! `plan`: what production asks, answered from one scenario.

use super::common::{make_runs, refuse_pools, refuse_scaled, refuse_seeds_of_a_trace, warning_of_old_prices, workers};
use super::over;
use super::problem::Problem;
use super::setting;
use crate::config::{Diagnostic, Flag, Workload};
use crate::metrics::Slo;
use crate::report::page::Page;
use crate::report::plan::PlanReport;
use crate::report::{Markup, typeset};
use crate::study::{
    Base, Control, Input, LoadToCarry, ProductionQuestion, ShoppingList, ShoppingQuestion, Stopped, answered,
};
use crate::units::Day;
use crate::workload::Arrivals;

/// What does this scenario need in production, what may go wrong, and what should be decided?
#[derive(Clone, Debug)]
pub struct PlanQuestion {
    /// The scenario.
    pub base: Base,
    /// Seeds to simulate with; `None` for as many as are usual.
    pub seeds: Option<u32>,
    /// Which other servers to try, such as `gpu=h100-sxm,l40s`, to find the cheapest fleet that meets the objectives at
    /// the busiest hour with one server down; none to ask nothing of it.
    pub over: Vec<String>,
    /// The day on which it is asked, which tells how old prices are; the clock's, if nobody says.
    pub today: Option<Day>,
}

/// A plan whose scenario is read.
pub struct ReadyPlan {
    base: Base,
    seeds: u32,
    slos_are_usual: bool,
    today: Option<Day>,
    list: Option<ShoppingList>,
    /// The scenario with its objectives.
    pub input: Input,
}

/// What came of it.
pub struct PlanAnswer {
    /// All answers.
    pub report: PlanReport,
    /// What a reader must know.
    pub warnings: Vec<String>,
}

const USUAL_SEEDS: u32 = 4;
/// What is asked of a scenario that asks for nothing: people turn away from what does not answer within two seconds
/// (the limit for interaction without a break of thought is one: R. B. Miller, Response time in man-computer
/// conversational transactions, 1968).
const USUAL_OBJECTIVE: &str = "slo={ \"ttft.p99\" = \"2s\" }";
/// The same of requests whose answers have no tokens.
const USUAL_WITHOUT_TOKENS: &str = "slo={ \"e2e.p99\" = \"2s\" }";

impl PlanQuestion {
    /// Reads the scenario.
    pub fn ready(&self) -> Result<ReadyPlan, Problem> {
        let written = self.base.load()?;
        let slos_are_usual = !written.has_objectives();
        let (base, input) = if slos_are_usual {
            let objective = if written.scenario.traffic.is_prompt_only() {
                USUAL_WITHOUT_TOKENS
            } else {
                USUAL_OBJECTIVE
            };
            let base = self.base.changed(&[Flag::new("the usual objective", objective)]);
            let input = base.load()?;
            (base, input)
        } else {
            (self.base.clone(), written)
        };
        refuse_seeds_of_a_trace(&input, self.seeds.unwrap_or(1))?;
        let usual = if input.is_always_the_same() { 1 } else { USUAL_SEEDS };
        let list = if self.over.is_empty() {
            None
        } else {
            refuse_scaled(&input)?;
            refuse_pools(&input, "--over buys servers of one kind")?;
            LoadToCarry::asked_of(&input).map_err(|why| why.about("--over"))?;
            Some(over::shopping_list(&base, &input, &self.over)?)
        };
        Ok(ReadyPlan {
            base,
            seeds: self.seeds.unwrap_or(usual),
            slos_are_usual,
            today: self.today,
            list,
            input,
        })
    }

    /// Reads the scenario and answers everything.
    pub fn answer(&self, control: &Control) -> Result<PlanAnswer, Problem> {
        self.ready()?.answer(control)
    }
}

impl ReadyPlan {
    /// Answers everything.
    pub fn answer(self, control: &Control) -> Result<PlanAnswer, Problem> {
        let mut warnings = self.input.scenario.all_warnings();
        warnings.extend(warning_of_old_prices(&self.input.scenario, self.today));
        let ((production, shopping), warnings) = make_runs(control, warnings, None, |runner| {
            let question = ProductionQuestion {
                base: &self.base,
                input: &self.input,
                seeds: self.seeds,
                workers: &workers(control)?,
                simulate: &|input: &Input, seed| runner.run(input, seed),
                control: &control.unheard(),
            };
            let production = question.answer()?;
            let buy = |list: &ShoppingList| -> Result<_, Stopped> {
                let shopping = ShoppingQuestion {
                    production: &question,
                    list,
                    requests_of_run: production.own.requests_of_run(),
                };
                answered(shopping.answer())
            };
            let shopping = self.list.as_ref().map(buy).transpose()?;
            Ok((production, shopping))
        })?;
        let scenario = &self.input.scenario;
        let report = PlanReport {
            setting: setting::of(control, &self.input, production.own.runs, Vec::new()),
            slos_are_usual: self.slos_are_usual,
            gpus_of_server: scenario.deployment.tensor_parallel,
            budget_per_day: scenario.budget.as_ref().map(|budget| budget.per_day_dollars),
            is_fleet: scenario.operation.fleet.is_some(),
            policy: scenario.deployment.server.policy.description().name,
            people_wait: people_wait(&self.input, self.slos_are_usual),
            slos: self.input.slos,
            classes: self.input.classes,
            production,
            shopping,
        };
        Ok(PlanAnswer { report, warnings })
    }
}

/// Whether somebody waits for each answer: latencies are asked for, or nothing is said and requests come one by one.
fn people_wait(input: &Input, slos_are_usual: bool) -> bool {
    let of_classes = input.classes.iter().flat_map(|class| &class.slos);
    let mut slos = input.slos.iter().chain(of_classes);
    if !slos_are_usual {
        return slos.any(|slo| matches!(slo, Slo::Latency(_)));
    }
    let comes_at_once = |workload: &Workload| match workload {
        Workload::Synthetic(workload) => matches!(workload.arrivals, Arrivals::AtOnce),
        Workload::Trace(_) => false,
    };
    !input.scenario.traffic.workloads().all(comes_at_once)
}

impl PlanAnswer {
    /// The plan as text.
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

    /// The plan as one page.
    pub fn to_page(&self) -> Page {
        self.report.to_page()
    }

    /// Kubernetes objects that run the cheapest fleet, as YAML; otherwise why there are none.
    pub fn to_kubernetes(&self) -> Result<String, String> {
        self.report.to_kubernetes()
    }

    /// A dashboard (JSON that Grafana imports) of the metrics that vLLM has.
    pub fn to_dashboard(&self) -> String {
        self.report.to_dashboard()
    }

    /// Alert rules (Prometheus YAML), with thresholds from simulated healthy hours.
    pub fn to_alert_rules(&self) -> Result<String, Problem> {
        let refused = |why: String| {
            Diagnostic::new(format!("--alerts: {why}"))
                .help("leave --alerts out")
                .into()
        };
        self.report.to_alert_rules().map_err(refused)
    }

    /// Whether everything that was asked for was shown to hold.
    pub fn is_shown_met(&self) -> bool {
        self.report.is_shown_met() && self.report.has_what_was_asked_for()
    }
}
