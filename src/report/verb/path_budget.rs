//! The path of requests as a table of its stages, and in words: who takes most of the time, and what to change first.

use crate::config::on_one_line;
use crate::metrics::{LatencySummary, PathReport, PathStageReport, StageKind, Summary};
use crate::report::text::numbers::{UNKNOWN, duration, milliseconds, or_unknown, percent};
use crate::report::text::table::{Cell, Column, Table};
use crate::study::USUAL_ERRORS;

/// A search that takes longer than this at its median goes through everything: an approximate index answers from
/// memory in some milliseconds at a recall of 95 % (Malkov and Yashunin, arXiv:1603.09320).
const SLOW_SEARCH_S: f64 = 0.1;
/// A gateway passes requests on in a few milliseconds; one that takes longer than this has a trouble of its own.
const SLOW_GATEWAY_S: f64 = 0.05;
/// Servers that work so much of the time hardly ever find nobody who waits.
const ALWAYS_BUSY: f64 = 0.99;

/// A row a stage of the path of these requests, and the whole.
pub fn table(path: &PathReport, summary: &Summary) -> Table {
    let mut columns = vec![Column::words("path (ms)")];
    let titles = [
        "mean",
        "p50",
        "p90",
        "p95",
        "p99",
        "of the mean",
        "waits",
        "busy",
        "refused",
    ];
    columns.extend(titles.map(Column::numbers));
    let mut rows: Vec<Vec<Cell>> = path.stages.iter().map(row).collect();
    let whole = [
        ("total", &summary.latency.path),
        ("first token", &summary.latency.path_ttft),
    ];
    rows.extend(whole.map(|(name, latency)| {
        let mut row = vec![Cell::words(name)];
        row.extend(quantiles(latency));
        row.extend((0..4).map(|_| Cell::words("")));
        row
    }));
    Table {
        caption: String::new(),
        columns,
        rows,
    }
}

/// What a reader of the path's numbers must know.
pub fn warnings(path: &PathReport) -> Vec<String> {
    // A queue that has an end refuses.
    let is_overrun = |stage: &&PathStageReport| stage.utilisation > Some(ALWAYS_BUSY) && stage.refused == Some(0);
    let mut warnings = Vec::new();
    for stage in path.stages.iter().filter(is_overrun) {
        warnings.push(format!(
            "the servers of the stage {} work {} of the time: if more come than they serve, waits there depend on the \
             length of the run",
            stage.name,
            or_unknown(stage.utilisation, percent)
        ));
    }
    if path.failed as f64 > USUAL_ERRORS * path.ended as f64 {
        warnings.push(format!(
            "{} of {} requests had no answer, as their paths failed; latencies of the path are those of the others, \
             while SLOs on it count every failed one as a miss",
            path.failed, path.ended
        ));
    }
    warnings
}

/// What the table does not say, each with its label.
pub fn facts(path: &PathReport, summary: &Summary) -> Vec<(&'static str, String)> {
    let whole = summary.path;
    let quantiles = format!(
        "{} of {} answered · the p99 of the stages add up to {}, while the p99 of the total is {}",
        path.ended - path.failed,
        path.ended,
        or_unknown(whole.and_then(|it| it.sum_of_p99_s), duration),
        or_unknown(summary.latency.path.p99, duration),
    );
    let mut facts = vec![("Path", quantiles), ("Budget", budget(path))];
    if path.degraded + path.failed > 0 {
        let share = whole.and_then(|it| it.degraded_share);
        facts.push(("Degraded", degraded(path, share, whole.and_then(|it| it.failed_share))));
    }
    facts
}

fn row(stage: &PathStageReport) -> Vec<Cell> {
    let indent = if stage.kind == StageKind::Part { "  " } else { "" };
    let aside = if stage.is_fallback { " (fallback)" } else { "" };
    let mut row = vec![Cell::words(format!("{indent}{}{aside}", stage.name))];
    row.extend(quantiles(&stage.latency));
    row.extend([
        Cell::number(stage.share_of_mean, percent),
        of_station(stage, stage.queue_wait_mean_s, |it| milliseconds(Some(it))),
        of_station(stage, stage.utilisation, percent),
        match stage.refused {
            Some(refused) => Cell::number(Some(refused as f64), |it| it.to_string()),
            None => Cell::words(""),
        },
    ]);
    row
}

/// What only stations have.
fn of_station(stage: &PathStageReport, value: Option<f64>, show: impl Fn(f64) -> String) -> Cell {
    if stage.kind == StageKind::Station {
        Cell::number(value, show)
    } else {
        Cell::words("")
    }
}

fn quantiles(latency: &LatencySummary) -> impl Iterator<Item = Cell> {
    let all = [latency.mean, latency.p50, latency.p90, latency.p95, latency.p99];
    all.into_iter().map(|it| Cell::number(it, |it| milliseconds(Some(it))))
}

/// Who takes most of the time, and what to change first.
pub fn budget(path: &PathReport) -> String {
    let mut most: Option<&PathStageReport> = None;
    // The model is told by its parts.
    for stage in path.stages.iter().filter(|stage| stage.kind != StageKind::Model) {
        if stage.share_of_mean > most.and_then(|most| most.share_of_mean) {
            most = Some(stage);
        }
    }
    let Some(most) = most else {
        return UNKNOWN.to_owned();
    };
    let share = or_unknown(most.share_of_mean, percent);
    let first = format!(
        "{} takes most, {share} of the mean: {}",
        on_one_line(&most.name),
        remedy(most)
    );
    let alarms = path.stages.iter().filter_map(alarm);
    [first].into_iter().chain(alarms).collect::<Vec<_>>().join(" · ")
}

/// What to change first where a stage takes most of the time.
fn remedy(stage: &PathStageReport) -> &'static str {
    let waits = stage.queue_wait_mean_s > stage.latency.mean.map(|mean| mean / 2.0);
    match (stage.kind, stage.name.as_str()) {
        (StageKind::Part, "llm.queue") => "requests wait for the model; add servers, or let in fewer",
        (StageKind::Part, "llm.prefill") => "prompts are read; shorten them, or keep what they share in a prefix cache",
        (StageKind::Part, _) => "answers are generated; shorten them, take a faster model or GPU, stream them",
        (StageKind::Station, _) if waits => "requests wait for each other there; add servers to it",
        _ => "make it faster, or run it beside other stages",
    }
}

/// What is too long whatever the other stages take.
fn alarm(stage: &PathStageReport) -> Option<String> {
    let median = stage.latency.p50.filter(|_| stage.kind != StageKind::Part)?;
    let is_called = |words: &[&str]| {
        let name = stage.name.to_lowercase();
        words.iter().any(|word| name.contains(word))
    };
    let name = on_one_line(&stage.name);
    let takes = duration(median);
    if is_called(&["retriev", "search", "index", "vector"]) && median > SLOW_SEARCH_S {
        return Some(format!(
            "{name} takes {takes}: above 100 ms it asks for an approximate index"
        ));
    }
    (is_called(&["gateway", "proxy", "balancer"]) && median > SLOW_GATEWAY_S)
        .then(|| format!("{name} takes {takes}: above 50 ms it is an incident of its own"))
}

/// What was answered by something else, and what was not answered.
fn degraded(path: &PathReport, degraded: Option<f64>, failed: Option<f64>) -> String {
    let mut parts = vec![format!("{} of all", or_unknown(degraded, percent))];
    let by = path.degraded_by.iter().filter(|(_, count)| *count > 0);
    parts.extend(by.map(|(name, count)| format!("{} {count}", on_one_line(name))));
    parts.push(format!("failed {}", or_unknown(failed, percent)));
    for stage in &path.stages {
        if let Some(count) = stage.failed.filter(|&count| count > 0) {
            parts.push(format!("{count} at {}", on_one_line(&stage.name)));
        }
    }
    parts.join(" · ")
}
