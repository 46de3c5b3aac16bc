//! Whether a scenario is ready for production.

use super::checks::{Check, CheckOutcome, checks};
use super::report::PlanReport;

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
}
