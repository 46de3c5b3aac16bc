//! Rules of thumb for memory beside what the simulation says.

use serde::Serialize;

use super::part::PlanPart;
use super::report::PlanReport;
use super::section::PlanSection;
use crate::report::text::numbers::bytes;
use crate::report::verb::formula;
use crate::stats::rounded;
use crate::study::{Calculator, PeakRule};

#[derive(Serialize)]
pub(super) struct CapacityRuleDocument {
    calculator: CalculatorDocument,
    /// The formula and each thing that it leaves out, simulated.
    formula: PlanPart<formula::Document>,
    rule: PlanPart<RuleDocument>,
    /// GPUs that the simulation says are needed for the own load.
    gpus_simulated: Option<u32>,
    gpus_simulated_with_one_down: Option<u32>,
}

#[derive(Serialize)]
struct CalculatorDocument {
    memory_bytes: f64,
    weights_bytes: f64,
    kv_bytes_per_user: f64,
    /// Which of these three stand in [capacity]; others are of the scenario.
    from_scenario: Vec<&'static str>,
    users: f64,
    /// The row that is missing: memory that the engine does not touch, keeps for its work and for libraries.
    forgotten_bytes: f64,
    users_with_all: f64,
}

#[derive(Serialize)]
struct RuleDocument {
    users: f64,
    users_are_simulated: bool,
    kv_bytes_per_user: f64,
    overhead: f64,
    redundancy: f64,
    bytes: f64,
    gpu_bytes: f64,
    gpus: f64,
    gpus_with_weights: f64,
}

impl CalculatorDocument {
    fn of(calculator: &Calculator) -> Self {
        let named = [
            ("memory", calculator.memory),
            ("weights", calculator.weights),
            ("kv_per_user", calculator.kv_per_user),
        ];
        let from_scenario = named.iter().filter(|(_, number)| !number.is_written);
        Self {
            memory_bytes: calculator.memory.bytes,
            weights_bytes: calculator.weights.bytes,
            kv_bytes_per_user: calculator.kv_per_user.bytes,
            from_scenario: from_scenario.map(|(name, _)| *name).collect(),
            users: calculator.users(),
            forgotten_bytes: calculator.forgotten_bytes,
            users_with_all: calculator.users_with_all(),
        }
    }
}

impl RuleDocument {
    fn of(rule: &PeakRule) -> Self {
        Self {
            users: rule.users,
            users_are_simulated: !rule.users_are_written,
            kv_bytes_per_user: rule.kv_bytes_per_user,
            overhead: rule.overhead,
            redundancy: rule.redundancy,
            bytes: rule.bytes(),
            gpu_bytes: rule.gpu_bytes,
            gpus: rule.gpus(),
            gpus_with_weights: rule.gpus_with_weights(),
        }
    }
}

pub(super) fn document(report: &PlanReport) -> CapacityRuleDocument {
    let production = &report.production;
    let needed = report.gpus_needed();
    CapacityRuleDocument {
        calculator: CalculatorDocument::of(&production.calculator),
        formula: PlanPart::of(&production.formula, formula::Document::of),
        rule: PlanPart::of(&production.rule, RuleDocument::of),
        gpus_simulated: needed,
        gpus_simulated_with_one_down: needed.map(|needed| needed + report.gpus_of_server),
    }
}

pub(super) fn section(report: &PlanReport) -> PlanSection {
    let production = &report.production;
    let calculator = &production.calculator;
    let mut lines = vec![
        format!(
            "(memory - weights) / KV per user = ({} - {}) / {} = {} users a GPU",
            bytes(calculator.memory.bytes),
            bytes(calculator.weights.bytes),
            bytes(calculator.kv_per_user.bytes),
            rounded(calculator.users())
        ),
        format!(
            "the row that it lacks: {} that the engine leaves to others, works with, and keeps for libraries; {} users \
             are left",
            bytes(calculator.forgotten_bytes),
            rounded(calculator.users_with_all())
        ),
    ];
    match &production.rule {
        Ok(rule) => lines.push(rule_in_words(report, rule)),
        Err(why) => lines.push(format!("peak x KV x overhead x redundancy: not known: {why}")),
    }
    let mut section = PlanSection::saying("Capacity rules beside the simulation", Vec::new());
    match &production.formula {
        Ok(check) => section.tables.push(formula::table(check)),
        Err(why) => lines.push(format!("what else the formula leaves out was not simulated: {why}")),
    }
    section.lines = lines;
    section
}

fn rule_in_words(report: &PlanReport, rule: &PeakRule) -> String {
    let seen = if rule.users_are_written {
        ""
    } else {
        " (the most that were served at once)"
    };
    let simulated = report.gpus_needed().map_or_else(
        || "how many the simulation needs is not known".to_owned(),
        |needed| {
            format!(
                "the simulation needs {needed}, {} if one server may fail",
                needed + report.gpus_of_server
            )
        },
    );
    format!(
        "peak x KV x overhead x redundancy = {}{seen} x {} x {} x {} = {}: {} of {} by the rule, {} beside their \
         weights; {simulated}",
        rounded(rule.users),
        bytes(rule.kv_bytes_per_user),
        rule.overhead,
        rule.redundancy,
        bytes(rule.bytes()),
        gpus(rule.gpus()),
        bytes(rule.gpu_bytes),
        gpus(rule.gpus_with_weights())
    )
}

/// So many GPUs.
pub(super) fn gpus(count: f64) -> String {
    if count.is_infinite() {
        return "no number of GPUs, as there is no room".to_owned();
    }
    let unit = if count < 1.5 { "GPU" } else { "GPUs" };
    format!("{} {unit}", rounded(count))
}
