//! Concurrency: one user, ten, a hundred and more at once, and what the servers carry.

use serde::Serialize;

use super::part::PlanPart;
use super::report::PlanReport;
use super::section::PlanSection;
use crate::metrics::LatencySummary;
use crate::report::draw::chart::Drawing;
use crate::report::figure::load_curve;
use crate::report::text::numbers::{duration, milliseconds, or_unknown, percent};
use crate::report::text::table::{Cell, Column, Table};
use crate::report::verb::curve::CurveReport;
use crate::stats::{Interval, counted, rounded};
use crate::study::{Crowds, CurvePoint, LoadKind, NeededServers};

#[derive(Serialize)]
pub(super) struct ConcurrencyDocument {
    crowds: PlanPart<CrowdsDocument>,
    servers: PlanPart<ServersNeededDocument>,
}

#[derive(Serialize)]
struct CrowdsDocument {
    /// What one user sees on idle servers.
    one_user: LevelDocument,
    levels: Vec<LevelDocument>,
    /// The largest crowd whose tokens come about as fast as those of one user.
    flat_until: f64,
    kv_full_from: Option<f64>,
    queue_from: Option<f64>,
    knee: Option<f64>,
    /// Users that memory holds by the formula.
    formula_users: Option<f64>,
    /// The most that run at once, whatever memory holds.
    most_running: f64,
    /// How many the scenario's own traffic has at once, on average.
    own_at_once: Option<f64>,
    /// How many times as long as one user the slowest in a hundred of the own traffic wait for a whole answer.
    one_user_misleads_times: Option<f64>,
}

#[derive(Serialize)]
struct LevelDocument {
    users: f64,
    ttft: QuantilesDocument,
    tpot: QuantilesDocument,
    e2e: QuantilesDocument,
    output_tokens_per_s: Option<f64>,
    waiting_mean: Option<f64>,
    kv_usage_max: Option<f64>,
}

/// [s].
#[derive(Serialize)]
struct QuantilesDocument {
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
}

#[derive(Serialize)]
struct ServersNeededDocument {
    /// What loads are in.
    of: &'static str,
    capacity: Option<f64>,
    capacity_ci95: Option<Interval>,
    is_at_least: bool,
    /// Whether the capacity is that of one server; else of all.
    of_one_server: bool,
    servers: u32,
    /// Whether the own load is the busiest rate of a profile, taken to last.
    own_load_is_peak: bool,
    own_load: Option<f64>,
    own_load_share: Option<f64>,
    fewest: PlanPart<Option<u32>>,
    fewest_with_one_down: Option<u32>,
}

impl QuantilesDocument {
    const fn of(latency: &LatencySummary) -> Self {
        Self {
            p50: latency.p50,
            p95: latency.p95,
            p99: latency.p99,
        }
    }
}

impl LevelDocument {
    fn of(point: &CurvePoint) -> Self {
        let summary = &point.summary;
        Self {
            users: point.load,
            ttft: QuantilesDocument::of(&summary.latency.ttft),
            tpot: QuantilesDocument::of(&summary.latency.tpot),
            e2e: QuantilesDocument::of(&summary.latency.e2e),
            output_tokens_per_s: summary.throughput.output_tokens_per_s,
            waiting_mean: summary.queue.depth.mean,
            kv_usage_max: summary.kv.usage.max,
        }
    }
}

pub(super) fn document(report: &PlanReport) -> ConcurrencyDocument {
    let production = &report.production;
    ConcurrencyDocument {
        crowds: PlanPart::of(&production.crowds, |crowds| {
            let load = |point: Option<&CurvePoint>| point.map(|point| point.load);
            CrowdsDocument {
                one_user: LevelDocument::of(crowds.one_user()),
                levels: crowds.curve.points.iter().map(LevelDocument::of).collect(),
                flat_until: crowds.flat_until().load,
                kv_full_from: load(crowds.curve.kv_full_from()),
                queue_from: load(crowds.curve.queue_from()),
                knee: load(crowds.curve.knee()),
                formula_users: crowds.memory_holds,
                most_running: crowds.most_running,
                own_at_once: crowds.own_at_once,
                one_user_misleads_times: crowds.misleads_times(&production.own),
            }
        }),
        servers: PlanPart::of(&production.servers, |found| ServersNeededDocument {
            of: found.capacity.kind.name(),
            capacity: (!found.capacity.is_none()).then(|| found.capacity.mean()),
            capacity_ci95: found.capacity.interval(),
            is_at_least: found.capacity.is_at_least(),
            of_one_server: found.is_of_one,
            servers: found.servers,
            own_load_is_peak: found.is_of_peak,
            own_load: found.own_load,
            own_load_share: found.load_share(),
            fewest: PlanPart::of(&found.fewest, |fewest| fewest.fewest),
            fewest_with_one_down: found.needed().map(|needed| needed + 1),
        }),
    }
}

pub(super) fn section(report: &PlanReport) -> PlanSection {
    const HEADING: &str = "1 Concurrency: how many at once?";
    let production = &report.production;
    let mut section = match &production.crowds {
        Ok(crowds) => {
            let mut section = PlanSection::saying(HEADING, crowds_in_words(report, crowds));
            section.tables.push(table(crowds));
            section.drawings.push(drawing(report, crowds));
            section
        }
        Err(why) => PlanSection::saying(HEADING, vec![format!("users at once: not known: {why}")]),
    };
    section.lines.extend(servers_in_words(&production.servers));
    section
}

fn crowds_in_words(report: &PlanReport, crowds: &Crowds) -> Vec<String> {
    let alone = &crowds.one_user().summary.latency;
    let seconds = |value| or_unknown(value, duration);
    let first = if alone.have_tokens() {
        format!("first token after {}, ", seconds(alone.ttft.p50))
    } else {
        String::new()
    };
    let mut lines = vec![format!(
        "one user on idle servers: {first}whole answer after {} (medians)",
        seconds(alone.e2e.p50)
    )];
    if let Some(times) = crowds.misleads_times(&report.production.own) {
        let at_once = crowds.own_at_once.map_or_else(String::new, |at_once| {
            format!(" with {} at once on average", rounded(at_once))
        });
        lines.push(format!(
            "that misleads {} times: of your own traffic{at_once}, one in a hundred waits {} and longer",
            rounded(times),
            seconds(report.production.own.summary.latency.e2e.p99)
        ));
    }
    let load = |point: Option<&CurvePoint>| {
        point.map_or_else(
            || "at no crowd that was tried".to_owned(),
            |point| format!("from {} at once", rounded(point.load)),
        )
    };
    lines.push(format!(
        "{} come as fast as for one up to {} at once; memory is full {}; requests queue {}",
        if alone.have_tokens() { "tokens" } else { "answers" },
        rounded(crowds.flat_until().load),
        load(crowds.curve.kv_full_from()),
        load(crowds.curve.queue_from())
    ));
    lines.extend(crowds.curve.of_never_reached());
    lines
}

fn servers_in_words(found: &Result<NeededServers, String>) -> Vec<String> {
    let found = match found {
        Ok(found) => found,
        Err(why) => return vec![format!("servers for your load: not known: {why}")],
    };
    let kind = found.capacity.kind;
    let who = if found.is_of_one {
        "one server carries"
    } else {
        "all servers carry"
    };
    let mut lines = Vec::new();
    if found.capacity.is_none() {
        lines.push("no load meets the SLOs".to_owned());
    } else {
        let interval = found.capacity.interval().map_or_else(String::new, |it| {
            format!(" [{}, {}]", rounded(it.low), rounded(it.high))
        });
        let more = if found.capacity.is_at_least() { " and more" } else { "" };
        lines.push(format!(
            "{who} {}{interval}{more} under the SLOs",
            kind.with_unit(found.capacity.mean())
        ));
    }
    let your = if found.is_of_peak { "your busiest" } else { "your" };
    match (found.own_load, &found.fewest) {
        (Some(load), Ok(fewest)) => lines.push(fewest.fewest.map_or_else(
            || {
                format!(
                    "no number of servers that was tried carries your {}",
                    kind.with_unit(load)
                )
            },
            |needed| {
                let are = if found.servers == 1 { "is" } else { "are" };
                format!(
                    "for {your} {} it takes {}, {} if one may be down; there {are} {}{}",
                    kind.with_unit(load),
                    counted(needed, "server"),
                    needed + 1,
                    found.servers,
                    found
                        .load_share()
                        .map_or_else(String::new, |share| loaded_in_words(kind, share))
                )
            },
        )),
        (Some(load), Err(why)) => lines.push(format!("{your} {}: {why}", kind.with_unit(load))),
        (None, _) => {}
    }
    lines
}

/// A loop's clients wait for their answers, so that half of the clients that a server carries ask for more than half of
/// the requests that it answers.
fn loaded_in_words(kind: LoadKind, share: f64) -> String {
    let share = percent(share);
    if kind.counts_clients() {
        format!(", with {share} of the clients that they carry (of requests/s it is more: clients wait less)")
    } else {
        format!(", loaded to {share} of what they carry")
    }
}

fn table(crowds: &Crowds) -> Table {
    let rows = crowds.curve.points.iter().map(|point| {
        let summary = &point.summary;
        let (ttft, e2e) = (&summary.latency.ttft, &summary.latency.e2e);
        let time = |seconds: Option<f64>| Cell::number(seconds, |it| milliseconds(Some(it)));
        vec![
            Cell::number(Some(point.load), rounded),
            time(ttft.p50),
            time(ttft.p95),
            time(ttft.p99),
            time(e2e.p50),
            time(e2e.p95),
            time(e2e.p99),
            Cell::number(summary.throughput.output_tokens_per_s, rounded),
            Cell::number(summary.queue.depth.mean, rounded),
            Cell::number(summary.kv.usage.max, percent),
        ]
    });
    let numbers = [
        "users", "TTFT p50", "p95", "p99", "E2E p50", "p95", "p99", "tokens/s", "waiting", "KV peak",
    ];
    Table {
        caption: "What so many at once see, times in ms:".to_owned(),
        columns: numbers.map(Column::numbers).to_vec(),
        rows: rows.collect(),
    }
}

fn drawing(report: &PlanReport, crowds: &Crowds) -> Drawing {
    load_curve::drawing(&CurveReport {
        setting: report.setting.clone(),
        curve: crowds.curve.clone(),
        slos: report.slos.clone(),
        classes: report.classes.clone(),
        is_of_fleet: report.is_fleet,
        gpus: 1, // What they produce each is not drawn here.
        formula_users: crowds.memory_holds,
        measured: Vec::new(),
        taken: None,
    })
}
