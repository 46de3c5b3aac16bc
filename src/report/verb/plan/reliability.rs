//! Reliability: what happens when something fails, against what is promised.

use serde::Serialize;

use super::part::PlanPart;
use super::report::PlanReport;
use super::section::PlanSection;
use crate::report::text::numbers::{duration, or_unknown, percent};
use crate::report::text::table::{Cell, Column, Table};
use crate::stats::rounded;
use crate::study::{AssumedFailures, Failures, MeasuredFailures, OneDown};

#[derive(Serialize)]
pub(super) struct ReliabilityDocument<'a> {
    sla: f64,
    sla_from_defaults: bool,
    /// How long nobody may be served in a month of 30 days [s].
    allowed_s_per_month: f64,
    answered_share: Option<f64>,
    measured: Option<MeasuredDocument>,
    assumed: Option<AssumedDocument>,
    one_down: PlanPart<OneDownDocument>,
    /// The share of answers for which something stood in; `None` without a path.
    degraded_share: Option<f64>,
    /// What stands in for each stage of the path, or by rule without a path.
    fallbacks: Vec<FallbackDocument<'a>>,
    fallbacks_from_defaults: bool,
}

#[derive(Serialize)]
struct FallbackDocument<'a> {
    component: &'a str,
    fallback: Option<&'a str>,
    refused: Option<u64>,
    degraded: Option<u64>,
    failed: Option<u64>,
}

/// What usually stands in for what is down.
const BY_RULE: [(&str, &str); 5] = [
    (
        "retrieval",
        "an answer without it, marked as without the newest documents",
    ),
    ("model busy", "an answer from a cache, marked as stale"),
    (
        "primary API",
        "a secondary one, with backoff and jitter where the primary limits the rate",
    ),
    (
        "inference too slow",
        "shorter answers (max_tokens), long prompts refused",
    ),
    ("everything", "503 with Retry-After"),
];

fn fallbacks(failures: &Failures) -> Vec<FallbackDocument<'_>> {
    if failures.fallbacks.is_empty() {
        let by_rule = BY_RULE.iter().map(|(component, fallback)| FallbackDocument {
            component,
            fallback: Some(fallback),
            refused: None,
            degraded: None,
            failed: None,
        });
        return by_rule.collect();
    }
    let stages = failures.fallbacks.iter().map(|it| FallbackDocument {
        component: &it.stage,
        fallback: it.fallback.as_deref(),
        refused: Some(it.refused),
        degraded: Some(it.degraded),
        failed: Some(it.failed),
    });
    stages.collect()
}

fn fallback_table(failures: &Failures) -> Table {
    let rows = fallbacks(failures).into_iter().map(|it| {
        let count = |count: Option<u64>| Cell::number(count.map(|count| count as f64), rounded);
        vec![
            Cell::words(it.component),
            Cell::words(it.fallback.unwrap_or("nothing: the request fails")),
            count(it.refused),
            count(it.degraded),
            count(it.failed),
        ]
    });
    Table {
        caption: if failures.fallbacks.is_empty() {
            "By rule, as the scenario has no path:".to_owned()
        } else {
            String::new()
        },
        columns: vec![
            Column::words("if it is down"),
            Column::words("what stands in"),
            Column::numbers("refused"),
            Column::numbers("degraded"),
            Column::numbers("failed"),
        ],
        rows: rows.collect(),
    }
}

#[derive(Serialize)]
struct MeasuredDocument {
    faults: u64,
    unrecovered: u64,
    time_to_recover_s: Option<f64>,
    availability: Option<f64>,
    outage_s_per_fault: Option<f64>,
    faults_allowed_per_month: Option<f64>,
}

#[derive(Serialize)]
struct AssumedDocument {
    gpu_hours_between_failures: f64,
    repair_s: f64,
    faults_per_month: f64,
    availability: Option<f64>,
}

#[derive(Serialize)]
struct OneDownDocument {
    servers_left: u32,
    slo_met: Option<bool>,
    success: Option<f64>,
    ttft_p99_s: Option<f64>,
    e2e_p99_s: Option<f64>,
}

impl OneDownDocument {
    fn of(one_down: &OneDown) -> Self {
        let summary = one_down.summary.as_ref();
        Self {
            servers_left: one_down.servers,
            slo_met: match summary {
                Some(summary) => summary.is_met,
                None => Some(false),
            },
            success: one_down.answered_share,
            ttft_p99_s: summary.and_then(|summary| summary.latency.ttft.p99),
            e2e_p99_s: summary.and_then(|summary| summary.latency.e2e.p99),
        }
    }
}

pub(super) fn document(failures: &Failures) -> ReliabilityDocument<'_> {
    ReliabilityDocument {
        sla: failures.promise.sla,
        sla_from_defaults: !failures.promise.is_written,
        allowed_s_per_month: failures.allowed_s_per_month(),
        answered_share: failures.answered_share,
        measured: failures.measured.as_ref().map(|measured| MeasuredDocument {
            faults: measured.faults,
            unrecovered: measured.unrecovered,
            time_to_recover_s: measured.time_to_recover_s,
            availability: measured.availability,
            outage_s_per_fault: measured.outage_s_per_fault,
            faults_allowed_per_month: failures.faults_allowed_per_month(),
        }),
        assumed: failures.assumed.map(|assumed| AssumedDocument {
            gpu_hours_between_failures: assumed.gpu_hours_between,
            repair_s: assumed.repair_s,
            faults_per_month: assumed.faults_per_month,
            availability: assumed.availability,
        }),
        one_down: PlanPart::of(&failures.one_down, OneDownDocument::of),
        degraded_share: failures.degraded_share,
        fallbacks: fallbacks(failures),
        fallbacks_from_defaults: failures.fallbacks.is_empty(),
    }
}

pub(super) fn section(report: &PlanReport) -> PlanSection {
    let failures = &report.production.failures;
    let usual = if failures.promise.is_written {
        ""
    } else {
        ", by default"
    };
    let mut lines = vec![format!(
        "promised: {}{usual}, which leaves {} minutes a month of 30 days",
        percent(failures.promise.sla),
        rounded(failures.allowed_s_per_month() / 60.0)
    )];
    if let Some(measured) = &failures.measured {
        lines.extend(measured_in_words(failures, measured));
    }
    if let Some(assumed) = &failures.assumed {
        lines.push(assumed_in_words(assumed));
    }
    lines.push(match &failures.one_down {
        Ok(one_down) => one_down_in_words(one_down),
        Err(why) => format!("with one server less: not known: {why}"),
    });
    let timed_out = &report.production.own.summary.requests;
    if timed_out.timed_out > 0 {
        lines.push(format!(
            "{} of {} requests of your own traffic were given up by their clients: cap their answers \
             (admission.max_tokens), refuse the longest prompts (admission.max_prompt), or add servers",
            timed_out.timed_out, timed_out.arrived
        ));
    }
    lines.extend(failures.degraded_share.map(|share| {
        format!(
            "{} of the answers are degraded: something stood in for a stage of their path",
            percent(share)
        )
    }));
    PlanSection {
        tables: vec![fallback_table(failures)],
        ..PlanSection::saying("6 Reliability: what if something fails?", lines)
    }
}

fn measured_in_words(failures: &Failures, measured: &MeasuredFailures) -> Vec<String> {
    let mut lines = vec![format!(
        "of your own {} failures: {} of the requests are answered; {}",
        measured.faults,
        or_unknown(measured.availability, percent),
        match (measured.time_to_recover_s, measured.unrecovered) {
            (Some(longest), _) => format!("clients feel one for {} at most", duration(longest)),
            (None, unrecovered) => format!("{unrecovered} are not recovered from before the run ends"),
        }
    )];
    match (measured.outage_s_per_fault, failures.faults_allowed_per_month()) {
        (Some(outage), Some(allowed)) => lines.push(format!(
            "each costs as many answers as {} without any: {} of them a month are what is promised",
            duration(outage),
            rounded(allowed)
        )),
        (Some(_), None) => lines.push("they cost no answers".to_owned()),
        (None, _) => {}
    }
    lines
}

fn assumed_in_words(assumed: &AssumedFailures) -> String {
    let enough = assumed.availability.map_or_else(
        || "how many servers are enough is not known".to_owned(),
        |share| format!("servers are enough {} of the time", precise_percent(share)),
    );
    format!(
        "of hardware alone, a failure of a GPU every {} hours (Llama 3's training) and {} until a server is back: {} \
         failures a month; {enough}. Software fails more often: write a [[fleet.fault]]",
        rounded(assumed.gpu_hours_between),
        duration(assumed.repair_s),
        rounded(assumed.faults_per_month)
    )
}

/// With as many nines as it has.
fn precise_percent(share: f64) -> String {
    let missing = 1.0 - share;
    if missing <= 0.0 {
        return "100 %".to_owned();
    }
    let digits = ((-missing.log10()).ceil().clamp(2.0, 14.0) - 2.0) as usize;
    format!("{:.digits$} %", 100.0 * share)
}

fn one_down_in_words(one_down: &OneDown) -> String {
    let Some(summary) = &one_down.summary else {
        return "with the only server down nobody is served: answer 503 with Retry-After, or keep a second one"
            .to_owned();
    };
    let met = match summary.is_met {
        Some(true) => "the SLOs are still met",
        Some(false) => "the SLOs are missed",
        None => "too few samples say whether the SLOs are met",
    };
    let latency = &summary.latency;
    let first = if latency.have_tokens() {
        format!("first token p99 {}, ", or_unknown(latency.ttft.p99, duration))
    } else {
        String::new()
    };
    format!(
        "with {} left {met}: {} answered, {first}whole answer p99 {}",
        one_down.servers,
        or_unknown(one_down.answered_share, percent),
        or_unknown(latency.e2e.p99, duration)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nines_are_not_rounded_away() {
        for (share, text) in [
            (0.9, "90 %"),
            (0.99, "99 %"),
            (0.999, "99.9 %"),
            (0.99995, "99.995 %"),
            (1.0, "100 %"),
            (0.5, "50 %"),
        ] {
            assert_eq!(precise_percent(share), text);
        }
    }
}
