//! The latency budget: where the time of a request goes.

use serde::Serialize;

use super::report::PlanReport;
use super::section::PlanSection;
use crate::metrics::{LatencySummary, Slo, SloOutcome, SloResult};
use crate::report::text::numbers::{self, duration, milliseconds, percent};
use crate::report::text::table::{Cell, Column, Table};
use crate::report::verb::path_budget;
use crate::report::verb::path_document::PathDocument;
use crate::report::verb::slo_document::SloDocument;
use crate::stats::{Interval, rounded};
use crate::study::judged;

#[derive(Serialize)]
pub(super) struct LatencyBudgetDocument<'a> {
    /// Whether the scenario says what stands around the model; otherwise it is the server alone.
    has_path: bool,
    #[serde(flatten)]
    path: Option<PathDocument<'a>>,
    /// Shares of the mean of a whole answer.
    share_of_mean: Option<SharesDocument>,
    queue_wait: LatencySummary,
    ttft: LatencySummary,
    tpot: LatencySummary,
    e2e: LatencySummary,
    slo: Vec<SloDocument>,
    /// Whether nobody has asked for anything, so that these are usual ones.
    slo_from_defaults: bool,
}

/// Parts of one.
#[derive(Clone, Copy, Serialize)]
struct SharesDocument {
    queue: f64,
    prefill: f64,
    decode: f64,
}

/// What the mean answer spends its time on.
fn shares(report: &PlanReport) -> Option<SharesDocument> {
    let latency = &report.production.own.summary.latency;
    let (queue, first, whole) = (
        latency.queue_wait.mean?,
        latency.first_of_answer().1.mean?,
        latency.e2e.mean?,
    );
    (whole > 0.0).then(|| SharesDocument {
        queue: queue / whole,
        prefill: (first - queue) / whole,
        decode: (whole - first) / whole,
    })
}

pub(super) fn document(report: &PlanReport) -> LatencyBudgetDocument<'_> {
    let summary = &report.production.own.summary;
    let latency = &summary.latency;
    LatencyBudgetDocument {
        has_path: report.production.own.path.is_some(),
        path: report
            .production
            .own
            .path
            .as_ref()
            .map(|path| PathDocument::of(path, summary)),
        share_of_mean: shares(report),
        queue_wait: latency.queue_wait,
        ttft: latency.ttft,
        tpot: latency.tpot,
        e2e: latency.e2e,
        slo: judged(&report.slos, summary).iter().map(SloDocument::of).collect(),
        slo_from_defaults: report.slos_are_usual,
    }
}

pub(super) fn section(report: &PlanReport) -> PlanSection {
    let (mut lines, mut tables) = match &report.production.own.path {
        None => (of_server_alone(report), Vec::new()),
        Some(path) => {
            let summary = &report.production.own.summary;
            let mut lines: Vec<String> = path_budget::warnings(path);
            let facts = path_budget::facts(path, summary).into_iter();
            lines.extend(facts.map(|(label, text)| format!("{}: {text}", label.to_lowercase())));
            (lines, vec![path_budget::table(path, summary)])
        }
    };
    for result in judged(&report.slos, &report.production.own.summary) {
        lines.push(target_in_words(report, &result));
    }
    tables.push(table(report));
    PlanSection {
        tables,
        ..PlanSection::saying("2 Latency budget: where does the time go?", lines)
    }
}

fn of_server_alone(report: &PlanReport) -> Vec<String> {
    let mut lines =
        vec!["of the server alone: the scenario does not say what stands around it ([[path.stage]])".to_owned()];
    let Some(shares) = shares(report) else {
        return lines;
    };
    let parts = [
        (
            "queue",
            shares.queue,
            "more servers, or a scheduler that lets in more at once",
        ),
        (
            "prefill",
            shares.prefill,
            "shorter prompts, or a prefix cache that hits",
        ),
        (
            "decode",
            shares.decode,
            "shorter answers, faster memory, fewer bits, or drafts",
        ),
    ];
    let largest = parts
        .iter()
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .expect("there are three");
    let of_mean: Vec<String> = parts
        .iter()
        .map(|(name, share, _)| format!("{name} {}", percent(*share)))
        .collect();
    lines.push(format!("of the mean answer {}", of_mean.join(", ")));
    lines.push(format!("to change first: {}, by {}", largest.0, largest.2));
    lines
}

fn target_in_words(report: &PlanReport, result: &SloResult) -> String {
    let outcome = match result.outcome {
        SloOutcome::Met => "met",
        SloOutcome::Missed => "missed",
        SloOutcome::Unknown => "not known: too few samples",
    };
    let got = match (&result.slo, result.got) {
        (Slo::Latency(_), Some(got)) => format!(", got {}{}", duration(got), interval(result.ci95)),
        (Slo::Served(_), Some(got)) => format!(", got {}", rounded(got)),
        (_, None) => String::new(),
    };
    let usual = if report.slos_are_usual {
        " (by default: the scenario has no [slo])"
    } else {
        ""
    };
    format!("{}: {outcome}{got}{usual}", numbers::slo(&result.slo))
}

fn interval(interval: Option<Interval>) -> String {
    interval.map_or_else(String::new, |it| {
        format!(" [{}, {}]", duration(it.low), duration(it.high))
    })
}

fn table(report: &PlanReport) -> Table {
    let latency = &report.production.own.summary.latency;
    let row = |name: &str, latency: &LatencySummary| {
        let time = |seconds: Option<f64>| Cell::number(seconds, |it| milliseconds(Some(it)));
        vec![
            Cell::words(name),
            time(latency.mean),
            time(latency.p50),
            time(latency.p90),
            time(latency.p95),
            time(latency.p99),
        ]
    };
    let mut columns = vec![Column::words("ms")];
    columns.extend(["mean", "p50", "p90", "p95", "p99"].map(Column::numbers));
    Table {
        caption: String::new(),
        columns,
        rows: vec![
            row("queue", &latency.queue_wait),
            row("to the first token", &latency.ttft),
            row("between tokens", &latency.tpot),
            row("whole answer", &latency.e2e),
        ],
    }
}
