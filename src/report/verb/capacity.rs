//! The load that a server carries under its objectives, what binds, what would help, and how far the formula is off.

use std::fmt::Write;

use serde::Serialize;

use crate::config::on_one_line;
use crate::metrics::{Binding, ClassToRecord, Metric, Slo, SloOutcome, SloResult, Summary};
use crate::report::page::{Block, Page, Section, Tone};
use crate::report::text::document::{Tool, pretty};
use crate::report::text::numbers::{self, duration, or_unknown, percent};
use crate::report::text::table::{Cell, Column, Table};
use crate::report::text::why::why;
use crate::report::verb::formula;
use crate::report::verb::servers::{Servers, ServersDocument};
use crate::report::verb::study_setting::StudySetting;
use crate::stats::{Interval, rounded};
use crate::study::{Bracket, Capacity, CapacityRange, FormulaCheck, LoadKind, PRECISION, Tried, USUAL_ERRORS, judged};

/// A capacity and all around it.
pub struct CapacityReport {
    /// What was simulated, and how often.
    pub setting: StudySetting,
    /// What is asked of all requests.
    pub slos: Vec<Slo>,
    /// The classes of traffic, with what is asked of each.
    pub classes: Vec<ClassToRecord>,
    /// Whether the requests are those of a trace, which has one length.
    pub is_of_trace: bool,
    /// GPUs of a server.
    pub gpus: u32,
    /// The scenario's own load, if it is of the capacity's kind.
    pub own_load: Option<f64>,
    /// The largest load that the server bears.
    pub capacity: Capacity,
    /// The capacity if step times are off, where it is known by how much they may be.
    pub range: Option<CapacityRange>,
    /// How many servers a load needs, if that was asked.
    pub servers: Option<Servers>,
    /// What would help, if it was tried.
    pub tried: Vec<Tried>,
    /// The formula against the simulation, if it was asked for.
    pub formula: Option<FormulaCheck>,
}

const SCHEMA: &str = "tailcast/capacity/v1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: Tool,
    scenario_hash: &'a str,
    seed: u64,
    engine: &'a str,
    runs: u32,
    /// A search that was stopped has no result.
    complete: bool,
    of: &'static str,
    slo: Vec<String>,
    capacity: Option<f64>,
    ci95: Option<Interval>,
    /// From the least to the most that it is with all steps shorter and longer by what they may be off.
    model_range: Option<Interval>,
    /// How far they may be off, relative, for that range.
    step_time_error: Option<f64>,
    is_at_least: bool,
    seeds: Vec<SeedDocument>,
    /// How many times as long as the scenario's own the longest runs were.
    length: u32,
    /// How many times the answer of runs a quarter as long it is, or one over that; `None` if there were none.
    moved: Option<f64>,
    /// The scenario's own load, in the capacity's unit.
    own_load: Option<f64>,
    /// That as a part of the capacity.
    own_load_share: Option<f64>,
    servers: Option<ServersDocument<'a>>,
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
            format!(" [{}, {}]", rounded(it.low), rounded(it.high))
        });
        format!(
            "{}{interval} meet {slos}{never}",
            self.capacity.kind.with_unit(self.capacity.mean())
        )
    }

    fn slos_in_words(&self) -> String {
        numbers::slos(&self.slos, &self.classes).join(" and ")
    }

    fn slos_by_name(&self) -> Vec<String> {
        let of_classes = self.classes.iter().flat_map(|class| {
            let names = class.slos.iter();
            names.map(|slo| format!("{}: {slo}", class.name))
        });
        self.slos.iter().map(ToString::to_string).chain(of_classes).collect()
    }

    /// What a load just above the capacity misses, and why.
    fn missed_in_words(&self) -> String {
        let Some((bracket, summary)) = self.capacity.first_missed() else {
            return "nothing".to_owned();
        };
        let held_back = match summary.constraint.binding {
            Binding::Nothing => "no limit is hit, the steps themselves take too long".to_owned(),
            _ => why(&summary.constraint),
        };
        format!(
            "{} at {}; {held_back}",
            self.misses(summary).join(", "),
            self.capacity.kind.with_unit(bracket.missed)
        )
    }

    /// What a run misses of what was asked for.
    fn misses(&self, summary: &Summary) -> Vec<String> {
        let results = judged(&self.slos, summary).into_iter();
        let results = results.filter(|result| result.outcome == SloOutcome::Missed);
        let mut misses: Vec<String> = results.map(|result| missed_by(&result)).collect();
        let of_class = numbers::missed_of_class(summary, &self.classes);
        misses.extend(of_class.map(|(class, missed)| format!("of {class}: {}", missed_by(&missed))));
        if summary.saturation.is_some_and(|it| it.queue_grows) {
            misses.push("the queue grows without end".to_owned());
        }
        let requests = &summary.requests;
        for (count, how) in [
            (requests.rejected, "rejected as too long (server.max_model_len)"),
            (requests.timed_out, "given up by their clients"),
        ] {
            if count as f64 > USUAL_ERRORS * requests.arrived as f64 {
                let share = percent(count as f64 / requests.arrived as f64);
                misses.push(format!("{share} of the requests are {how}"));
            }
        }
        misses
    }

    /// What was found, in lines with a label.
    fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("Capacity", self.verdict())];
        let mut line = |label, content: Option<String>| lines.extend(content.map(|content| (label, content)));
        line("Servers", self.servers_in_words());
        line("By hour", self.servers.as_ref().and_then(Servers::hours_in_words));
        line("If off", self.range_in_words());
        line("Own load", self.own_load_in_words());
        if !self.is_impossible() {
            line("Binds", Some(self.missed_in_words()));
            line("At it", Some(self.at_capacity_in_words()));
            line("Found", Some(self.search_in_words()));
        }
        line("Try", (!self.tried.is_empty()).then(|| self.advice()));
        lines
    }

    /// The screen, a line break at its end.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.setting.line());
        for (label, content) in self.lines() {
            let _ = writeln!(text, "{label:<10}{}", on_one_line(&content));
        }
        for table in self.tables_of_numbers() {
            let _ = write!(text, "\n{}", table.to_text());
        }
        if let Some(check) = &self.formula {
            let _ = write!(text, "\n{}", formula::to_text(check));
        }
        text
    }

    /// What was tried, and the servers of each hour.
    fn tables_of_numbers(&self) -> Vec<Table> {
        let tried = (!self.tried.is_empty()).then(|| self.tried_table());
        let by_hour = self.servers.as_ref().filter(|it| !it.by_hour.is_empty());
        tried.into_iter().chain(by_hour.map(Servers::hours_table)).collect()
    }

    /// All its tables: what was found, in words, and the numbers behind it.
    pub fn tables(&self) -> Vec<Table> {
        let rows = self.lines().into_iter();
        let rows = rows.map(|(label, content)| vec![Cell::words(label), Cell::words(content)]);
        let found = Table {
            caption: self.setting.line(),
            columns: vec![Column::words("what"), Column::words("found")],
            rows: rows.collect(),
        };
        let formula = self.formula.as_ref().map(formula::table);
        let numbers = self.tables_of_numbers().into_iter();
        [found].into_iter().chain(numbers).chain(formula).collect()
    }

    fn servers_in_words(&self) -> Option<String> {
        let servers = self.servers.as_ref()?;
        let misses = |summary: &Summary| match &self.misses(summary)[..] {
            [] => "too few samples to tell".to_owned(),
            misses => misses.join(" and "),
        };
        Some(servers.in_words(self.capacity.kind, self.gpus, misses))
    }

    /// What part of the capacity the scenario's own load is.
    fn own_load_share(&self) -> Option<f64> {
        let own = self.own_load.filter(|_| !self.is_impossible())?;
        Some(own / self.capacity.mean())
    }

    fn own_load_in_words(&self) -> Option<String> {
        let (load, share) = (self.own_load?, self.own_load_share()?);
        let at_most = if self.capacity.is_at_least() { "at most " } else { "" };
        Some(format!(
            "{}: {at_most}{} of it",
            self.capacity.kind.with_unit(load),
            percent(share)
        ))
    }

    fn range_in_words(&self) -> Option<String> {
        let range = self.range.as_ref()?;
        let ends = range.ends(&self.capacity);
        Some(format!(
            "step times off by ±{:.0} %: [{}, {}{}] {}",
            100.0 * range.error,
            rounded(ends.low),
            rounded(ends.high),
            if range.is_at_least() { " or more" } else { "" },
            self.capacity.kind.unit()
        ))
    }

    fn at_capacity_in_words(&self) -> String {
        let Some((bracket, summary)) = self.capacity.first_met() else {
            return "-".to_owned();
        };
        format!(
            "TTFT p99 {} · TPOT p99 {} · E2E p99 {} · {} waiting and {} running on average · KV peak {} · a step \
             runs {} of the time (seed {}, at {})",
            or_unknown(summary.latency.ttft.p99, duration),
            or_unknown(summary.latency.tpot.p99, duration),
            or_unknown(summary.latency.e2e.p99, duration),
            or_unknown(summary.queue.depth.mean, rounded),
            or_unknown(summary.queue.running.mean, rounded),
            or_unknown(summary.kv.usage.max, percent),
            or_unknown(summary.gpu.busy_fraction, percent),
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
        let how = format!(
            "by bisection to {:.0} % with the same random numbers at every load: {} runs, {chance}",
            100.0 * (PRECISION - 1.0),
            self.capacity.runs()
        );
        match self.length_in_words() {
            Some(length) => format!("{how}; {length}"),
            None => how,
        }
    }

    /// Whether the runs were long enough, as far as that can be told.
    fn length_in_words(&self) -> Option<String> {
        if self.is_of_trace {
            return self.one_pass_in_words();
        }
        if matches!(self.capacity.kind, LoadKind::ProfileTimes { .. }) {
            return Some("each run is the whole profile, or the scenario's part of it, once".to_owned());
        }
        let (length, moved) = (self.capacity.length(), self.capacity.moved());
        let Some(moved) = moved else {
            return Some("whether longer runs would find less was not tried, as they would be too long".to_owned());
        };
        let percent = 100.0 * (moved - 1.0);
        Some(if self.capacity.is_settled() {
            format!("runs up to {length} times as long as the scenario's, until that moved it by {percent:.1} %")
        } else {
            format!(
                "runs up to {length} times as long as the scenario's, the last of which moved it by {percent:.1} % \
                 still: longer ones may find another"
            )
        })
    }

    /// What one pass over a trace cannot tell: a queue that grows too slowly to outlast the tightest limit on it.
    fn one_pass_in_words(&self) -> Option<String> {
        let (_, summary) = self.capacity.first_met()?;
        let pass_s = summary.throughput.duration_s;
        let of_classes = self.classes.iter().flat_map(|class| &class.slos);
        let grows_until = self.slos.iter().chain(of_classes).filter_map(Slo::as_latency);
        let grows_until = grows_until.filter(|slo| slo.metric != Metric::Tpot && slo.metric != Metric::Itl);
        let limit_s = grows_until.map(|slo| slo.limit.seconds()).reduce(f64::min)?;
        let pass = format!("one pass over the trace lasts {} at that load", duration(pass_s));
        Some(if limit_s < pass_s {
            format!(
                "{pass}, and cannot tell an overload of less than {}",
                percent(limit_s / pass_s)
            )
        } else {
            format!("{pass}, too short to tell whether that load could go on")
        })
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
            engine: &self.setting.engine,
            runs: self.capacity.runs(),
            complete: true,
            of: self.capacity.kind.name(),
            slo: self.slos_by_name(),
            capacity: (!self.is_impossible()).then(|| self.capacity.mean()),
            ci95: self.capacity.interval(),
            model_range: self.range.as_ref().map(|range| range.ends(&self.capacity)),
            step_time_error: self.range.as_ref().map(|range| range.error),
            is_at_least: self.capacity.is_at_least(),
            seeds: self.capacity.brackets.iter().map(SeedDocument::of).collect(),
            length: self.capacity.length(),
            moved: self.capacity.moved(),
            own_load: self.own_load,
            own_load_share: self.own_load_share(),
            servers: self
                .servers
                .as_ref()
                .map(|it| ServersDocument::of(it, self.capacity.kind)),
            gpus: self.servers.as_ref().and_then(|it| it.gpus(self.gpus)),
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
        findings.extend(self.range_in_words());
        findings.extend(
            self.own_load_in_words()
                .map(|own| format!("the scenario's own load: {own}")),
        );
        if !self.is_impossible() {
            findings.push(format!("what binds: {}", self.missed_in_words()));
            findings.push(format!("at capacity: {}", self.at_capacity_in_words()));
            findings.push(self.search_in_words());
        }
        let mut sections = vec![Section {
            heading: "What was found".to_owned(),
            blocks: vec![Block::List(findings)],
        }];
        if let Some(servers) = self.servers.as_ref().filter(|it| !it.by_hour.is_empty()) {
            let words = servers.hours_in_words().map(Block::Text);
            sections.push(Section {
                heading: "The fewest servers of each hour".to_owned(),
                blocks: words.into_iter().chain([Block::Table(servers.hours_table())]).collect(),
            });
        }
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
        Some(it) => format!("{} [{}, {}]{more}", rounded(mean), rounded(it.low), rounded(it.high)),
        None => format!("{}{more}", rounded(mean)),
    })
}

/// A missed objective in words: what the number is instead.
fn missed_by(result: &SloResult) -> String {
    let name = match result.slo {
        Slo::Latency(slo) => format!("{} {}", slo.metric.name(), slo.statistic.name()),
        Slo::Served(slo) => slo.of.name().to_owned(),
    };
    let quantity = result.slo.measure().quantity;
    match result.got {
        Some(got) => format!("{name} is {}", numbers::with_unit(quantity, got)),
        None => format!("{name} has no end"),
    }
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
