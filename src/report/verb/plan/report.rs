//! A plan, however it is shown.

use super::checks::{Check, CheckOutcome, checks};
use super::section::PlanSection;
use super::{capacity_rule, concurrency, decisions, latency_budget, observability, reliability, storage};
use crate::config::on_one_line;
use crate::metrics::{ClassToRecord, Slo};
use crate::report::page::{Page, Tone};
use crate::report::verb::study_setting::StudySetting;
use crate::study::Production;

/// Everything that a plan shows.
pub struct PlanReport {
    /// What was simulated, and how often.
    pub setting: StudySetting,
    /// What is asked of all requests.
    pub slos: Vec<Slo>,
    /// Whether nobody has asked for anything, so that these are usual ones.
    pub slos_are_usual: bool,
    /// The classes of traffic, with what is asked of each.
    pub classes: Vec<ClassToRecord>,
    /// GPUs of a server.
    pub gpus_of_server: u32,
    /// Whether there are several servers, or one that may fail.
    pub is_fleet: bool,
    /// How requests share steps.
    pub policy: &'static str,
    /// Whether somebody waits for each answer, rather than for all of them.
    pub people_wait: bool,
    /// All answers.
    pub production: Production,
}

impl PlanReport {
    /// Everything that has to hold before the traffic may come.
    pub fn checks(&self) -> Vec<Check> {
        checks(self)
    }

    /// Whether everything that was asked for was shown to hold.
    pub fn is_shown_met(&self) -> bool {
        self.checks()
            .iter()
            .all(|check| !check.is_asked || check.outcome == CheckOutcome::Holds)
    }

    /// The answer in a sentence.
    pub fn verdict(&self) -> String {
        let checks = self.checks();
        let of = |outcome| checks.iter().filter(move |check| check.outcome == outcome);
        let said = |outcome| {
            of(outcome)
                .map(|check| check.finding.clone())
                .collect::<Vec<_>>()
                .join("; ")
        };
        if of(CheckOutcome::Fails).next().is_some() {
            format!("not ready: {}", said(CheckOutcome::Fails))
        } else if of(CheckOutcome::Unknown).next().is_some() {
            format!(
                "nothing speaks against it, but not all is known: {}",
                said(CheckOutcome::Unknown)
            )
        } else {
            format!("ready: {}", said(CheckOutcome::Holds))
        }
    }

    /// Its name in JSON.
    pub(super) fn verdict_name(&self) -> &'static str {
        let checks = self.checks();
        let any = |outcome| checks.iter().any(|check| check.outcome == outcome);
        match (any(CheckOutcome::Fails), any(CheckOutcome::Unknown)) {
            (true, _) => "not_ready",
            (false, true) => "unknown",
            (false, false) => "ready",
        }
    }

    /// GPUs of the fewest servers that carry the own load.
    pub(super) fn gpus_needed(&self) -> Option<u32> {
        let needed = self.production.servers.as_ref().ok()?.needed()?;
        Some(needed * self.gpus_of_server)
    }

    fn sections(&self) -> Vec<PlanSection> {
        vec![
            concurrency::section(self),
            latency_budget::section(self),
            storage::section(self),
            observability::section(self),
            reliability::section(self),
            capacity_rule::section(self),
            decisions::section(self),
        ]
    }

    /// The plan for a screen, a line break at its end.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{:<10}{}\n{}\n",
            "Verdict",
            on_one_line(&self.verdict()),
            self.setting.line()
        );
        for section in self.sections() {
            text.push('\n');
            text.push_str(&section.to_text());
        }
        text
    }

    /// The plan for sharing.
    pub fn to_page(&self) -> Page {
        let sections = self.sections().into_iter().map(PlanSection::into_section);
        Page {
            title: format!("{}: a plan for production", self.setting.name),
            verdict: format!("{}.", self.verdict()),
            tone: match self.verdict_name() {
                "ready" => Tone::Good,
                "not_ready" => Tone::Bad,
                _ => Tone::Plain,
            },
            sections: sections.chain([self.setting.section()]).collect(),
        }
    }
}
