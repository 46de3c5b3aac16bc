//! Observability: what to watch, and what it looks like when all is well.

use serde::Serialize;

use super::part::PlanPart;
use super::report::PlanReport;
use super::section::PlanSection;
use crate::report::text::numbers::{duration, percent, price};
use crate::report::text::table::{Cell, Column, Table};
use crate::stats::rounded;
use crate::study::alerts::{AlertAnswer, Detection, RuleVerdict};

#[derive(Serialize)]
pub(super) struct ObservabilityDocument<'a> {
    /// What to watch, with what it is in the scenario's own run.
    watch: Vec<WatchedDocument>,
    /// Alert rules, each with how often it cries wolf and which failures it finds.
    alerts: PlanPart<&'a AlertAnswer>,
    dollars_per_user_day: Option<f64>,
}

#[derive(Serialize)]
struct WatchedDocument {
    /// As vLLM's `/metrics` names it.
    metric: &'static str,
    question: &'static str,
    usual: Option<f64>,
    highest: Option<f64>,
}

/// A metric that deserves a look.
struct Watched {
    metric: &'static str,
    question: &'static str,
    /// Usually, and in one moment of a hundred or for one request of a hundred.
    usual: Option<f64>,
    highest: Option<f64>,
    show: fn(f64) -> String,
}

/// What to watch first: what clients feel, then what it comes from.
fn watched(report: &PlanReport) -> Vec<Watched> {
    let mut all = felt_by_clients(report);
    all.extend(seen_at_servers(report));
    all
}

fn felt_by_clients(report: &PlanReport) -> Vec<Watched> {
    let latency = &report.production.own.summary.latency;
    if latency.have_tokens() {
        vec![
            Watched {
                metric: "vllm:time_to_first_token_seconds",
                question: "how long until an answer begins?",
                usual: latency.ttft.p50,
                highest: latency.ttft.p99,
                show: duration,
            },
            Watched {
                metric: "vllm:inter_token_latency_seconds",
                question: "how fast does it flow?",
                usual: latency.itl.p50,
                highest: latency.itl.p99,
                show: duration,
            },
        ]
    } else {
        vec![Watched {
            metric: "vllm:e2e_request_latency_seconds",
            question: "how long until the answer?",
            usual: latency.e2e.p50,
            highest: latency.e2e.p99,
            show: duration,
        }]
    }
}

fn seen_at_servers(report: &PlanReport) -> Vec<Watched> {
    let summary = &report.production.own.summary;
    let count = |count: Option<u64>| count.map(|count| count as f64);
    let requests = &summary.requests;
    vec![
        Watched {
            metric: "vllm:num_requests_waiting",
            question: "does a queue build up? the first to tell of trouble",
            usual: count(summary.queue.depth.p50),
            highest: count(summary.queue.depth.p99),
            show: rounded,
        },
        Watched {
            metric: "vllm:num_requests_running",
            question: "how large is the batch?",
            usual: count(summary.queue.running.p50),
            highest: count(summary.queue.running.p99),
            show: rounded,
        },
        Watched {
            metric: "vllm:kv_cache_usage_perc",
            question: "how full is the memory? queues and preemptions follow",
            usual: summary.kv.usage.mean,
            highest: summary.kv.usage.p99,
            show: percent,
        },
        Watched {
            metric: "vllm:prefix_cache_hits_total",
            question: "which part of the prompts is found in the cache?",
            usual: summary.kv.prefix_hit_ratio,
            highest: None,
            show: percent,
        },
        Watched {
            metric: "vllm:num_preemptions_total",
            question: "is work done twice?",
            usual: Some(requests.preemptions as f64),
            highest: Some(requests.preemptions as f64),
            show: rounded,
        },
        Watched {
            metric: "vllm:request_success_total",
            question: "how many are answered?",
            usual: requests.success,
            highest: requests.success,
            show: percent,
        },
    ]
}

pub(super) fn document(report: &PlanReport) -> ObservabilityDocument<'_> {
    let watch = watched(report).into_iter().map(|it| WatchedDocument {
        metric: it.metric,
        question: it.question,
        usual: it.usual,
        highest: it.highest,
    });
    ObservabilityDocument {
        watch: watch.collect(),
        alerts: PlanPart::of(&report.production.alerts, |alerts| alerts),
        dollars_per_user_day: report.dollars_per_user_day(),
    }
}

pub(super) fn section(report: &PlanReport) -> PlanSection {
    let rows = watched(report).into_iter().map(|it| {
        vec![
            Cell::words(it.metric),
            Cell::number(it.usual, it.show),
            Cell::number(it.highest, it.show),
            Cell::words(it.question),
        ]
    });
    let table = Table {
        caption: String::new(),
        columns: vec![
            Column::words("metric"),
            Column::numbers("usual"),
            Column::numbers("p99"),
            Column::words("what it tells"),
        ],
        rows: rows.collect(),
    };
    let mut lines =
        vec!["averages hide the tail: watch p99 and the queue, which grows before anybody complains".to_owned()];
    let (mut tables, mut details) = (vec![table], Vec::new());
    match &report.production.alerts {
        Ok(alerts) => {
            lines.extend(alerts.notes.iter().cloned());
            tables.push(alert_table(alerts));
            details.push(runbook(alerts));
        }
        Err(why) => lines.push(format!("alert rules: not known: {why}")),
    }
    lines.extend(
        report
            .dollars_per_user_day()
            .map(|dollars| format!("an active user costs {} a day", price(dollars))),
    );
    PlanSection {
        tables,
        details,
        ..PlanSection::saying("5 Observability: what to watch?", lines)
    }
}

fn alert_table(alerts: &AlertAnswer) -> Table {
    let rows = alerts.rules.iter().map(|worth| {
        let found: Vec<String> = worth.detection.iter().filter_map(found_in_words).collect();
        vec![
            Cell::words(worth.rule.name),
            Cell::number(worth.false_alarms.per_day, rounded),
            Cell::words(if found.is_empty() {
                "nothing".to_owned()
            } else {
                found.join(", ")
            }),
            Cell::words(match worth.verdict {
                RuleVerdict::Useful => "have it",
                RuleVerdict::TooManyFalseAlarms => "cries wolf too often",
                RuleVerdict::DetectsNothing => "found nothing that failed here",
            }),
        ]
    });
    Table {
        caption: format!(
            "Alerts, from {} healthy hours, on what was made to fail:",
            rounded(alerts.healthy_hours_for_thresholds)
        ),
        columns: vec![
            Column::words("alert"),
            Column::numbers("false a day"),
            Column::words("finds"),
            Column::words("verdict"),
        ],
        rows: rows.collect(),
    }
}

fn runbook(alerts: &AlertAnswer) -> Table {
    let rows = alerts.rules.iter().map(|worth| {
        let rule = &worth.rule;
        vec![
            Cell::words(rule.name),
            Cell::words(rule.condition.clone()),
            Cell::words(rule.summary),
            Cell::words(rule.runbook),
        ]
    });
    Table {
        caption: "What each alert means, and what to do:".to_owned(),
        columns: ["alert", "condition", "meaning", "what to do"]
            .map(Column::words)
            .to_vec(),
        rows: rows.collect(),
    }
}

fn found_in_words(detection: &Detection) -> Option<String> {
    let delay = detection.delay_s?;
    Some(format!("{} after {}", detection.failure, duration(delay)))
}
