//! The decisions that outlive any framework, each answered from the simulation.

use serde::Serialize;

use super::capacity_rule::gpus;
use super::report::PlanReport;
use super::section::PlanSection;
use crate::metrics::Summary;
use crate::report::text::numbers::{bytes, duration, or_unknown, percent, price};
use crate::report::text::table::{Cell, Column, Table};
use crate::retrieval::{Placement, UpdateKind};
use crate::stats::{counted, rounded};
use crate::study::PolicyTried;
use crate::study::alerts::RuleVerdict;

/// A decision with its answer and the reason.
#[derive(Serialize)]
pub(super) struct PlanDecision {
    name: &'static str,
    question: &'static str,
    answer: String,
    because: String,
}

pub(super) fn decisions(report: &PlanReport) -> Vec<PlanDecision> {
    vec![
        metric(report),
        batching(report),
        cost_ceiling(report),
        storage(report),
        alerts(report),
        failure_modes(report),
        redundancy(report),
    ]
}

fn metric(report: &PlanReport) -> PlanDecision {
    let summary = &report.production.own.summary;
    let (answer, because) = if report.people_wait {
        let (what, latency) = summary.latency.first_of_answer();
        (
            "latency, at its 99th percentile",
            format!(
                "people wait for each answer: p99 of the {what} is {}, {} times the median",
                or_unknown(latency.p99, duration),
                or_unknown(ratio(latency.p99, latency.p50), rounded)
            ),
        )
    } else {
        let (served, unit) = throughput(summary);
        (
            "throughput",
            format!(
                "nobody waits for a single answer: {} {unit} a second",
                or_unknown(served, rounded)
            ),
        )
    };
    PlanDecision {
        name: "metric",
        question: "latency or throughput?",
        answer: answer.to_owned(),
        because,
    }
}

/// What a server gets done, and what it is counted in.
fn throughput(summary: &Summary) -> (Option<f64>, &'static str) {
    if summary.latency.have_tokens() {
        (summary.throughput.output_tokens_per_s, "output tokens")
    } else {
        (summary.throughput.requests_per_s, "requests")
    }
}

fn ratio(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    Some(one? / other?).filter(|ratio| ratio.is_finite())
}

fn batching(report: &PlanReport) -> PlanDecision {
    let rule = if !report.production.own.summary.latency.have_tokens() {
        BatchingRule {
            policy: "static",
            in_words: "static batches of 16 to 128",
        }
    } else if report.people_wait {
        BatchingRule {
            policy: "continuous",
            in_words: "continuous",
        }
    } else {
        BatchingRule {
            policy: "static",
            in_words: "static",
        }
    };
    let (answer, because) = match &report.production.batching {
        Err(why) => (report.policy.to_owned(), format!("the others were not tried: {why}")),
        Ok(tried) => best_policy(report, tried, &rule),
    };
    PlanDecision {
        name: "batching",
        question: "how to batch?",
        answer,
        because,
    }
}

/// What is said without a simulation: jobs are batched as wholes, people's requests come and go.
struct BatchingRule {
    policy: &'static str,
    in_words: &'static str,
}

/// The policy that is best for whoever waits, and what the rule of thumb says of it.
fn best_policy(report: &PlanReport, tried: &[PolicyTried], rule: &BatchingRule) -> (String, String) {
    let summary_of = |it: &PolicyTried| {
        let summary = &it.summary;
        let (served, _) = throughput(summary);
        let wait = summary
            .latency
            .e2e
            .p99
            .or(summary.latency.e2e.mean)
            .unwrap_or(f64::INFINITY);
        (summary.is_met == Some(true), served.unwrap_or(0.0), wait)
    };
    let better = |one: &&PolicyTried, other: &&PolicyTried| {
        let (one, other) = (summary_of(one), summary_of(other));
        if report.people_wait {
            one.0.cmp(&other.0).then(other.2.total_cmp(&one.2))
        } else {
            one.1.total_cmp(&other.1)
        }
    };
    let Some(best) = tried.iter().max_by(better) else {
        return (report.policy.to_owned(), "no other could be tried".to_owned());
    };
    if tried.iter().all(|it| it.summary.requests.finished == 0) {
        return (
            report.policy.to_owned(),
            "not known: no policy answered a request".to_owned(),
        );
    }
    let numbers: Vec<String> = tried
        .iter()
        .map(|it| {
            let (_, served, _) = summary_of(it);
            let e2e = &it.summary.latency.e2e;
            let wait = match (e2e.p99, e2e.mean) {
                (Some(p99), _) => format!("p99 {}", duration(p99)),
                (None, mean) => format!("mean {}", or_unknown(mean, duration)),
            };
            let unit = if it.summary.latency.have_tokens() {
                "tokens"
            } else {
                "requests"
            };
            format!("{} {wait}, {} {unit}/s", it.in_words(), rounded(served))
        })
        .collect();
    let in_words = rule.in_words;
    let verdict = if best.policy == rule.policy {
        format!("the rule of thumb ({in_words} here) is confirmed")
    } else {
        format!("the rule of thumb ({in_words} here) is contradicted")
    };
    (best.in_words(), format!("{verdict}: {}", numbers.join(" · ")))
}

fn cost_ceiling(report: &PlanReport) -> PlanDecision {
    let cost = report.production.cost.as_ref();
    let (answer, because) = match cost {
        None => ("not known".to_owned(), "no request was answered".to_owned()),
        Some(cost) => {
            let per_day = or_unknown(cost.numbers.per_day, price);
            let answer = match &cost.budget {
                Some(budget) => {
                    let beyond = budget.beyond;
                    format!("{} a day, beyond which requests are to {beyond}", price(budget.per_day))
                }
                None => format!("none is set ([budget] per_day): own GPUs cost {per_day} a day"),
            };
            let cheaper = cost.against_api.cheaper_with_people.map_or_else(
                || "what is cheaper is not known without a price of the GPU".to_owned(),
                |cheaper| format!("with people to run it, {cheaper} costs less"),
            );
            let because = format!(
                "{per_day} a day on own GPUs, {} through an API; {cheaper}",
                price(cost.numbers.api_per_day)
            );
            (answer, because)
        }
    };
    PlanDecision {
        name: "cost_ceiling",
        question: "what may it cost, and what beyond?",
        answer,
        because,
    }
}

fn storage(report: &PlanReport) -> PlanDecision {
    let storage = &report.production.storage;
    let needs = &storage.needs;
    let place = match (needs.placement, needs.shards) {
        (Placement::Memory, 1) => "in memory".to_owned(),
        (Placement::Memory, shards) => format!("in memory, sharded over {shards} machines"),
        (Placement::Disk, _) => "on disk".to_owned(),
    };
    let updates = match needs.updates.kind {
        UpdateKind::None => "no updates",
        UpdateKind::Incremental => "updated as changes come",
        UpdateKind::Rebuild => "built anew each day",
    };
    let usual = if storage.is_written {
        ""
    } else {
        " (by default: a million documents)"
    };
    PlanDecision {
        name: "storage",
        question: "where do documents lie, and how do they change?",
        answer: format!("{place}; {updates}{usual}"),
        because: format!(
            "an index of {}; one machine holds {} documents; {} of it changes in a day",
            bytes(needs.size.bytes),
            rounded(storage.fits_until),
            percent(needs.updates.share_per_day)
        ),
    }
}

fn alerts(report: &PlanReport) -> PlanDecision {
    let summary = &report.production.own.summary;
    let (what, latency) = summary.latency.first_of_answer();
    PlanDecision {
        name: "alerts",
        question: "which metrics deserve an alert?",
        answer: alerts_worth_having(report),
        because: format!(
            "when all is well {} wait at p99, the {what} takes {}, and {} of the KV cache is used",
            or_unknown(summary.queue.depth.p99.map(|it| it as f64), rounded),
            or_unknown(latency.p99, duration),
            or_unknown(summary.kv.usage.p99, percent)
        ),
    }
}

/// The rules that find failures and are quiet otherwise.
fn alerts_worth_having(report: &PlanReport) -> String {
    let rules = report
        .production
        .alerts
        .as_ref()
        .map_or(&[][..], |alerts| &alerts.rules);
    let useful = rules.iter().filter(|worth| worth.verdict == RuleVerdict::Useful);
    let names: Vec<&str> = useful.map(|worth| worth.rule.name).collect();
    match &names[..] {
        [] => "none that was tried finds what was made to fail; watch the queue and errors".to_owned(),
        names => names.join(", "),
    }
}

fn failure_modes(report: &PlanReport) -> PlanDecision {
    let failures = &report.production.failures;
    let (answer, because) = match &failures.one_down {
        Ok(one_down) => match &one_down.summary {
            None => (
                "refuse with 503 and Retry-After",
                "there is no second server that could take over".to_owned(),
            ),
            Some(summary) if summary.is_met == Some(true) => (
                "nothing: the others take over",
                format!("the {} that are left meet the SLOs", one_down.servers),
            ),
            Some(summary) => (
                "shed load: refuse what would wait too long (admission.max_queue), and cap answers",
                format!(
                    "the {} that are left answer {} in time for none of the SLOs to be sure",
                    one_down.servers,
                    or_unknown(summary.requests.success, percent)
                ),
            ),
        },
        Err(why) => ("see the failures of the scenario", why.clone()),
    };
    let stand_ins = failures
        .fallbacks
        .iter()
        .filter_map(|it| Some(format!("{}: {}", it.stage, it.fallback.as_ref()?)));
    let stand_ins: Vec<String> = stand_ins.collect();
    let alone = failures.fallbacks.iter().filter(|it| it.fallback.is_none());
    let alone: Vec<&str> = alone.map(|it| it.stage.as_str()).collect();
    let answer = match &stand_ins[..] {
        [] => answer.to_owned(),
        stand_ins => format!("{answer}; {}", stand_ins.join(", ")),
    };
    let because = match (&failures.fallbacks[..], &alone[..]) {
        ([], _) | (_, []) => because,
        (_, alone) => format!("{because}; nothing stands in for {}", alone.join(", ")),
    };
    PlanDecision {
        name: "failure_modes",
        question: "what does a failure degrade to?",
        answer,
        because,
    }
}

fn redundancy(report: &PlanReport) -> PlanDecision {
    let production = &report.production;
    let peak = production.own.summary.queue.running.max;
    let (answer, because) = match (report.gpus_needed(), &production.rule) {
        (Some(needed), Ok(rule)) => (
            format!(
                "{}: {needed}, and one server more",
                counted(needed + report.gpus_of_server, "GPU")
            ),
            format!(
                "at the peak {} are served at once, which is {} of KV; the rule of thumb says {}",
                or_unknown(peak.map(|it| it as f64), rounded),
                bytes(rule.users * rule.kv_bytes_per_user),
                gpus(rule.gpus())
            ),
        ),
        (None, Ok(rule)) => (
            format!("{} by the rule of thumb", gpus(rule.gpus())),
            "how many the simulation needs is not known".to_owned(),
        ),
        (_, Err(why)) => ("not known".to_owned(), why.clone()),
    };
    PlanDecision {
        name: "redundancy",
        question: "how much memory for the peak and a failure?",
        answer,
        because,
    }
}

pub(super) fn section(report: &PlanReport) -> PlanSection {
    let rows = decisions(report).into_iter().map(|it| {
        vec![
            Cell::words(it.question),
            Cell::words(it.answer),
            Cell::words(it.because),
        ]
    });
    let table = Table {
        caption: String::new(),
        columns: ["decision", "answer", "because"].map(Column::words).to_vec(),
        rows: rows.collect(),
    };
    PlanSection {
        tables: vec![table],
        ..PlanSection::saying("Decisions", Vec::new())
    }
}
