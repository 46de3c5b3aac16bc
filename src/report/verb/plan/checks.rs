//! What has to hold before the traffic may come.

use serde::Serialize;

use super::report::PlanReport;
use crate::metrics::{SloOutcome, Summary};
use crate::report::text::numbers::{self, or_unknown, percent};
use crate::report::verb::run::outcome_in_words;
use crate::stats::counted;
use crate::study::{is_steady, judged};

/// Something that has to hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// What came of it.
    pub outcome: CheckOutcome,
    /// What was found, in words.
    pub finding: String,
    /// Whether the scenario asks for it; otherwise it is good to know.
    pub is_asked: bool,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// It holds.
    Holds,
    /// It does not hold.
    Fails,
    /// It cannot be told.
    Unknown,
}

impl CheckOutcome {
    const fn of(holds: Option<bool>) -> Self {
        match holds {
            Some(true) => Self::Holds,
            Some(false) => Self::Fails,
            None => Self::Unknown,
        }
    }

    /// Its name in tables.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::Unknown => "unknown",
        }
    }
}

/// All of them, in the order of their weight.
pub(super) fn checks(report: &PlanReport) -> Vec<Check> {
    let checks = [
        Some(objectives(report)),
        Some(servers(report)),
        one_failure(report),
        Some(promise(report)),
        budget(report),
    ];
    checks.into_iter().flatten().collect()
}

/// Whether the scenario's own traffic meets the objectives.
fn objectives(report: &PlanReport) -> Check {
    let summary = &report.production.own.summary;
    let missed = missed_in_words(report, summary);
    let (outcome, finding) = if !missed.is_empty() {
        (CheckOutcome::Fails, missed.join(", "))
    } else if !is_steady(summary) {
        (
            CheckOutcome::Fails,
            "the queue grows to the end of the run: there is no steady state".to_owned(),
        )
    } else {
        match summary.is_met {
            Some(true) => (CheckOutcome::Holds, "all SLOs are met".to_owned()),
            _ => (CheckOutcome::Unknown, "too few samples to judge the SLOs".to_owned()),
        }
    };
    Check {
        name: "slo",
        outcome,
        finding,
        is_asked: !report.slos_are_usual,
    }
}

fn missed_in_words(report: &PlanReport, summary: &Summary) -> Vec<String> {
    let results = judged(&report.slos, summary).into_iter();
    let missed = results.filter(|result| result.outcome == SloOutcome::Missed);
    let mut missed: Vec<String> = missed
        .map(|result| format!("{} is missed", numbers::slo(&result.slo)))
        .collect();
    let of_class = numbers::missed_of_class(summary, &report.classes);
    missed.extend(of_class.map(|(class, result)| format!("{class}: {} is missed", numbers::slo(&result.slo))));
    missed
}

/// Whether there are as many servers as the load takes.
fn servers(report: &PlanReport) -> Check {
    let found = report.production.servers.as_ref();
    let (holds, finding) = match found {
        Err(why) => (None, format!("how many servers are needed is not known: {why}")),
        Ok(found) => match (found.needed(), found.load_share()) {
            (Some(needed), _) => (
                Some(needed <= found.servers),
                if needed <= found.servers {
                    let carry = if needed == 1 { "carries" } else { "carry" };
                    format!("{needed} of {} {carry} the load", counted(found.servers, "server"))
                } else {
                    let are = if found.servers == 1 { "is" } else { "are" };
                    let needed = counted(needed, "server");
                    format!("the load takes {needed}, and there {are} {}", found.servers)
                },
            ),
            (None, Some(share)) if found.fewest.is_err() => (
                Some(share <= 1.0),
                format!("the load is {} of what the servers carry", percent(share)),
            ),
            (None, None) => (
                None,
                "how the own load compares with the capacity is not known".to_owned(),
            ),
            (None, Some(_)) => (Some(false), "no number of servers carries the load".to_owned()),
        },
    };
    Check {
        name: "servers",
        outcome: CheckOutcome::of(holds),
        finding,
        is_asked: false,
    }
}

/// Whether one server may fail.
fn one_failure(report: &PlanReport) -> Option<Check> {
    let one_down = report.production.failures.one_down.as_ref().ok()?;
    let (holds, finding) = match &one_down.summary {
        None => (Some(false), "one failure leaves nobody to serve".to_owned()),
        Some(summary) => {
            let said = match summary.is_met {
                Some(true) => "one server may fail",
                Some(false) => "one failure misses the SLOs",
                None => "whether one server may fail is not known: too few samples",
            };
            (summary.is_met, said.to_owned())
        }
    };
    Some(Check {
        name: "one_failure",
        outcome: CheckOutcome::of(holds),
        finding,
        is_asked: false,
    })
}

/// Whether as many requests are answered as is promised.
fn promise(report: &PlanReport) -> Check {
    let failures = &report.production.failures;
    let promised = failures.promise;
    let (answered, of_what) = match (failures.measured.is_some(), failures.answered_share) {
        (true, share) => (share, "answered in spite of the failures"),
        (false, share) => (share, "answered"),
    };
    let holds = answered.map(|share| share >= promised.sla);
    Check {
        name: "sla",
        outcome: CheckOutcome::of(holds),
        finding: format!(
            "{} {of_what}, {} promised",
            or_unknown(answered, percent),
            percent(promised.sla)
        ),
        is_asked: promised.is_written,
    }
}

/// Whether the money of a day lasts, if there is a budget.
fn budget(report: &PlanReport) -> Option<Check> {
    let per_day = numbers::price(report.budget_per_day?);
    let cost = report.production.cost.as_ref();
    let own = cost.map(|cost| cost.budget.as_ref().and_then(|budget| budget.own.as_ref()));
    let (holds, finding) = match own {
        None => (
            None,
            format!("whether {per_day} a day last is not known: no request was answered"),
        ),
        Some(None) => (
            None,
            format!("whether {per_day} a day last is not known: nor is what the GPUs cost"),
        ),
        Some(Some(own)) => {
            let lasts = own.spent_at_hour.is_none();
            let is = if lasts { "" } else { "is " };
            let outcome = outcome_in_words(own);
            (Some(lasts), format!("the budget of {per_day} a day {is}{outcome}"))
        }
    };
    Some(Check {
        name: "budget",
        outcome: CheckOutcome::of(holds),
        finding,
        is_asked: true,
    })
}
