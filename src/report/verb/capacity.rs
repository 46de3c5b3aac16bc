//! The load that a server carries under its objectives, what binds, what would help, and how far the formula is off.

use std::fmt::Write;

use serde::Serialize;

use crate::config::on_one_line;
use crate::metrics::{Binding, Slo, SloOutcome, Summary};
use crate::report::page::{Block, Page, Section, Tone};
use crate::report::text::document::{Tool, pretty};
use crate::report::text::numbers::{self, duration, or_unknown, percent};
use crate::report::text::table::{Cell, Column, Table};
use crate::report::text::why::why;
use crate::report::verb::formula;
use crate::report::verb::study_setting::StudySetting;
use crate::stats::{Interval, rounded};
use crate::study::{Bracket, Capacity, FormulaCheck, MOST_REJECTED, PRECISION, Tried};

/// A capacity and all around it.
pub struct CapacityReport {
    /// What was simulated, and how often.
    pub setting: StudySetting,
    /// What was asked of latencies.
    pub slos: Vec<Slo>,
    /// GPUs of a server.
    pub gpus: u32,
    /// The largest load that the server bears.
    pub capacity: Capacity,
    /// How many servers a rate needs, if that was asked.
    pub servers: Option<Servers>,
    /// What would help, if it was tried.
    pub tried: Vec<Tried>,
    /// The formula against the simulation, if it was asked for.
    pub formula: Option<FormulaCheck>,
}

/// Servers for a rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Servers {
    /// The rate that they share [requests/s].
    pub rate_per_s: f64,
    /// The fewest; `None` if none are enough.
    pub fewest: Option<u32>,
}

const SCHEMA: &str = "tailcast/capacity/v1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: Tool,
    scenario_hash: &'a str,
    seed: u64,
    runs: u32,
    of: &'static str,
    slo: Vec<String>,
    capacity: Option<f64>,
    ci95: Option<Interval>,
    is_at_least: bool,
    seeds: Vec<SeedDocument>,
    servers: Option<Servers>,
    gpus: Option<u64>,
    binds: String,
    at_capacity: Option<Summary>,
    tried: Vec<TriedDocument<'a>>,
    formula: Option<formula::Document>,
}

#[derive(Serialize)]
struct SeedDocument {
    seed: u64,
    met: f64,
    missed: Option<f64>,
}

#[derive(Serialize)]
struct TriedDocument<'a> {
    change: &'a str,
    set: &'a [String],
    capacity: Option<f64>,
    times: Option<f64>,
    times_ci95: Option<Interval>,
    times_per_gpu: Option<f64>,
}

impl CapacityReport {
    /// Whether no load at all meets the objectives.
    pub fn is_impossible(&self) -> bool {
        self.capacity.is_none()
    }

    /// The answer in a sentence.
    pub fn verdict(&self) -> String {
        let slos = self.slos_in_words();
        if self.capacity.is_none() {
            let why = self.capacity.ended_because();
            let why = why.map_or_else(String::new, |why| {
                format!("; no lower load was tried: {}", first_line(&why.message))
            });
            return format!("No load meets {slos}: {}{why}", self.missed_in_words());
        }
        let brackets = &self.capacity.brackets;
        let never = brackets.iter().filter(|it| it.at_met.is_none()).count();
        let never = match never {
            0 => String::new(),
            never => format!("; {never} of {} seeds meet it at no load", brackets.len()),
        };
        if self.capacity.is_at_least() {
            let why = self.capacity.ended_because();
            let why = why.map_or_else(String::new, |why| format!(" ({})", first_line(&why.message)));
            let open = brackets.iter().filter(|it| it.missed.is_infinite()).count();
            let where_tried = if open < brackets.len() {
                format!(" with {open} of {} seeds", brackets.len())
            } else {
                String::new()
            };
            return format!(
                "{} and more meet {slos}: no higher load that was tried misses it{where_tried}{why}{never}",
                self.capacity.kind.with_unit(self.capacity.mean())
            );
        }
        let interval = self.capacity.interval().map_or_else(String::new, |it| {
            format!(" [{}, {}]", rounded(it.low.max(0.0)), rounded(it.high))
        });
        format!(
            "{}{interval} meet {slos}{never}",
            self.capacity.kind.with_unit(self.capacity.mean())
        )
    }

    fn slos_in_words(&self) -> String {
        let words: Vec<String> = self.slos.iter().map(numbers::slo).collect();
        words.join(" and ")
    }

    /// What a load just above the capacity misses, and why.
    fn missed_in_words(&self) -> String {
        let Some((bracket, summary)) = self.capacity.first_missed() else {
            return "nothing".to_owned();
        };
        let mut misses: Vec<String> = self
            .slos
            .iter()
            .map(|slo| slo.judge(summary))
            .filter(|result| result.outcome == SloOutcome::Missed)
            .map(|result| {
                let (metric, statistic) = (result.slo.metric.name(), result.slo.statistic.name());
                format!("{metric} {statistic} is {}", or_unknown(result.got_s, duration))
            })
            .collect();
        if summary.saturation.is_some_and(|it| it.queue_grows) {
            misses.push("the queue grows without end".to_owned());
        }
        let requests = &summary.requests;
        if requests.rejected as f64 > MOST_REJECTED * requests.arrived as f64 {
            let share = percent(requests.rejected as f64 / requests.arrived as f64);
            misses.push(format!(
                "{share} of the requests are rejected as too long (server.max_model_len)"
            ));
        }
        if misses.is_empty() {
            misses.push(format!("{} clients gave up", requests.timed_out));
        }
        let held_back = match summary.constraint.binding {
            Binding::Nothing => "no limit is hit, the steps themselves take too long".to_owned(),
            _ => why(&summary.constraint),
        };
        format!(
            "{} at {}; {held_back}",
            misses.join(", "),
            self.capacity.kind.with_unit(bracket.missed)
        )
    }

    /// The screen, a line break at its end.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.setting.line());
        let mut line = |label: &str, content: &str| {
            let _ = writeln!(text, "{label:<10}{}", on_one_line(content));
        };
        line("Capacity", &self.verdict());
        if let Some(servers) = self.servers_in_words() {
            line("Servers", &servers);
        }
        if !self.is_impossible() {
            line("Binds", &self.missed_in_words());
            line("At it", &self.at_capacity_in_words());
            line("Found", &self.search_in_words());
        }
        if !self.tried.is_empty() {
            line("Try", &self.advice());
            let _ = write!(text, "\n{}", self.tried_table().to_text());
        }
        if let Some(check) = &self.formula {
            let _ = write!(text, "\n{}", formula::to_text(check));
        }
        text
    }

    fn gpus_of(&self, servers: u32) -> u64 {
        u64::from(servers) * u64::from(self.gpus)
    }

    fn servers_in_words(&self) -> Option<String> {
        let servers = self.servers?;
        let kind = self.capacity.kind;
        let rate = kind.with_unit(servers.rate_per_s);
        Some(match servers.fewest {
            None => format!("no number that was tried is enough for {rate}"),
            Some(fewest) => {
                let share = kind.with_unit(servers.rate_per_s / f64::from(fewest));
                let gpus = self.gpus_of(fewest);
                let one_less = if fewest > 1 {
                    format!("; {} would miss it", fewest - 1)
                } else {
                    String::new()
                };
                format!(
                    "{fewest} servers for {rate} ({gpus} GPUs): {share} each, arriving in the same manner{one_less}"
                )
            }
        })
    }

    fn at_capacity_in_words(&self) -> String {
        let Some((bracket, summary)) = self.capacity.first_met() else {
            return "-".to_owned();
        };
        format!(
            "TTFT p99 {} · TPOT p99 {} · E2E p99 {} · {} waiting and {} running on average · KV peak {} (seed {}, at \
             {})",
            or_unknown(summary.latency.ttft.p99, duration),
            or_unknown(summary.latency.tpot.p99, duration),
            or_unknown(summary.latency.e2e.p99, duration),
            or_unknown(summary.queue.depth.mean, rounded),
            or_unknown(summary.queue.running.mean, rounded),
            or_unknown(summary.kv.usage.max, percent),
            bracket.seed,
            self.capacity.kind.with_unit(bracket.met)
        )
    }

    fn search_in_words(&self) -> String {
        let seeds = self.capacity.brackets.len();
        let chance = match seeds {
            1 => "one seed, so chance has no interval".to_owned(),
            2..=4 => format!("{seeds} seeds, which makes a wide 95 % interval"),
            seeds => format!("{seeds} seeds"),
        };
        format!(
            "by bisection to {:.0} % with the same random numbers at every load: {} runs, {chance}",
            100.0 * (PRECISION - 1.0),
            self.capacity.runs()
        )
    }

    /// The change that helps most, for each GPU.
    fn advice(&self) -> String {
        let gain = |tried: &&Tried| tried.gain_per_gpu(&self.capacity).unwrap_or(0.0);
        let best = self.tried.iter().max_by(|a, b| gain(a).total_cmp(&gain(b)));
        match best {
            Some(best) if gain(&best) > PRECISION => {
                format!(
                    "{} carries {} times as much for each GPU",
                    best.remedy.name,
                    rounded(gain(&best))
                )
            }
            _ => "none of these helps for each GPU; a second server carries twice as much".to_owned(),
        }
    }

    /// What was tried, the best for each GPU first.
    pub fn tried_table(&self) -> Table {
        let mut tried: Vec<&Tried> = self.tried.iter().collect();
        let gain = |tried: &Tried| tried.gain_per_gpu(&self.capacity).unwrap_or(0.0);
        tried.sort_by(|a, b| gain(b).total_cmp(&gain(a)));
        let unit = self.capacity.kind.unit();
        let rows = tried.into_iter().map(|tried| {
            let capacity = tried.capacity.as_ref();
            vec![
                Cell::words(tried.remedy.name.clone()),
                match capacity {
                    Err(why) => Cell::words(why.clone()),
                    Ok(capacity) if capacity.is_none() => Cell::words("none"),
                    Ok(capacity) => capacity_cell(capacity),
                },
                times_cell(tried.times(&self.capacity)),
                Cell::number(tried.gain_per_gpu(&self.capacity), |it| format!("{it:.2}×")),
                Cell::words(tried.remedy.changes.join(" ")),
            ]
        });
        Table {
            caption: String::new(),
            columns: vec![
                Column::words("change"),
                Column::numbers(unit),
                Column::numbers("times as much"),
                Column::numbers("for each GPU"),
                Column::words("--set"),
            ],
            rows: rows.collect(),
        }
    }

    /// One JSON object, a line break at its end.
    pub fn to_json(&self) -> String {
        let document = Document {
            schema: SCHEMA,
            tool: Tool::THIS,
            scenario_hash: &self.setting.scenario_hash,
            seed: self.setting.seed,
            runs: self.capacity.runs(),
            of: self.capacity.kind.name(),
            slo: self.slos.iter().map(ToString::to_string).collect(),
            capacity: (!self.is_impossible()).then(|| self.capacity.mean()),
            ci95: self.capacity.interval(),
            is_at_least: self.capacity.is_at_least(),
            seeds: self.capacity.brackets.iter().map(SeedDocument::of).collect(),
            servers: self.servers,
            gpus: self.servers.and_then(|it| it.fewest).map(|it| self.gpus_of(it)),
            binds: self.missed_in_words(),
            at_capacity: self.capacity.first_met().map(|(_, summary)| *summary),
            tried: self.tried.iter().map(|tried| self.tried_document(tried)).collect(),
            formula: self.formula.as_ref().map(formula::Document::of),
        };
        pretty(&document)
    }

    fn tried_document<'a>(&self, tried: &'a Tried) -> TriedDocument<'a> {
        let times = tried.times(&self.capacity);
        TriedDocument {
            change: &tried.remedy.name,
            set: &tried.remedy.changes,
            capacity: tried.capacity.as_ref().ok().map(Capacity::mean),
            times: times.map(|(mean, _)| mean),
            times_ci95: times.and_then(|(_, interval)| interval),
            times_per_gpu: tried.gain_per_gpu(&self.capacity),
        }
    }

    /// The report for sharing.
    pub fn to_page(&self) -> Page {
        let mut findings = Vec::new();
        if !self.is_impossible() {
            findings.push(format!("what binds: {}", self.missed_in_words()));
            findings.push(format!("at capacity: {}", self.at_capacity_in_words()));
            findings.push(self.search_in_words());
        }
        let mut sections = vec![Section {
            heading: "What was found".to_owned(),
            blocks: vec![Block::List(findings)],
        }];
        if !self.tried.is_empty() {
            sections.push(Section {
                heading: "What would help, tried by simulation".to_owned(),
                blocks: vec![Block::Text(self.advice()), Block::Table(self.tried_table())],
            });
        }
        if let Some(check) = &self.formula {
            sections.push(formula::section(check));
        }
        sections.push(self.setting.section());
        Page {
            title: format!("{}: capacity under the SLOs", self.setting.name),
            verdict: match self.servers_in_words() {
                Some(servers) => format!("{servers}. One server: {}", self.verdict()),
                None => self.verdict(),
            },
            tone: if self.is_impossible() { Tone::Bad } else { Tone::Good },
            sections,
        }
    }
}

fn times_cell(times: Option<(f64, Option<Interval>)>) -> Cell {
    let mean = times.map(|(mean, _)| mean);
    Cell::number(mean, |mean| match times.and_then(|(_, interval)| interval) {
        Some(it) => format!("{mean:.2}× [{:.2}, {:.2}]", it.low, it.high),
        None => format!("{mean:.2}×"),
    })
}

/// A capacity for a table; more may be possible if no load missed the objectives.
pub(in crate::report) fn capacity_cell(capacity: &Capacity) -> Cell {
    let more = if capacity.is_at_least() { " or more" } else { "" };
    Cell::number(Some(capacity.mean()), |mean| match capacity.interval() {
        Some(it) => format!(
            "{} [{}, {}]{more}",
            rounded(mean),
            rounded(it.low.max(0.0)),
            rounded(it.high)
        ),
        None => format!("{}{more}", rounded(mean)),
    })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("")
}

impl SeedDocument {
    fn of(bracket: &Bracket) -> Self {
        Self {
            seed: bracket.seed,
            met: bracket.met,
            missed: Some(bracket.missed).filter(|it| it.is_finite()),
        }
    }
}
