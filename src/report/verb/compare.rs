//! Variations side by side, as a screen, JSON or a page: who serves most, and by how much, with intervals.

use std::fmt::Write;

use serde::Serialize;

use crate::config::on_one_line;
use crate::metrics::{ClassToRecord, Slo, SloOutcome, Summary};
use crate::report::draw::chart::Drawing;
use crate::report::page::{Block, Page, Section, Tone};
use crate::report::text::document::{Tool, pretty};
use crate::report::text::numbers;
use crate::report::text::table::{Cell, Column, Table};
use crate::report::text::verdict::{UNSTEADY, VerdictColumns};
use crate::report::text::why::what_binds;
use crate::report::verb::also_differs::{self, DifferingDocument};
use crate::report::verb::breakdown_document::BreakdownDocument;
use crate::report::verb::capacity::capacity_cell;
use crate::report::verb::group_table;
use crate::report::verb::study_setting::StudySetting;
use crate::stats::{Interval, rounded};
use crate::study::{
    Better, Capacity, Contender, Contest, Difference, Differing, LoadKind, RequestGroup, RunMeasure, asks_for_anything,
    is_shown_met, is_steady, judged,
};

/// A contest and what it was made of.
pub struct CompareReport {
    /// What was simulated, of the first contender.
    pub setting: StudySetting,
    /// What was compared, and what came of it.
    pub contest: Contest,
    /// What differs between the contenders besides what was varied.
    pub also_differs: Vec<Differing>,
    /// Why capacities are not known, if they were asked for.
    pub no_capacity: Option<String>,
    /// Figures for a page.
    pub drawings: Vec<Drawing>,
    /// Whether nobody stopped it before its end.
    pub is_complete: bool,
}

const SCHEMA: &str = "tailcast/compare/v1";

/// The interval of a ratio, wider by how far it may be off besides, relative.
fn with_error(ratio: f64, chance: Option<Interval>, error: Option<f64>) -> Option<Interval> {
    let Some(error) = error else { return chance };
    let besides = |end: f64| (end / ratio).ln().hypot((1.0 + error).ln()).exp();
    let chance = chance.unwrap_or(Interval::at(ratio));
    Some(Interval {
        low: ratio / besides(chance.low),
        high: ratio * besides(chance.high),
    })
}
/// From this ratio of capacities on the loads are given instead of it.
const FAR_APART: f64 = 50.0;
/// What stands above the settings that differ though nobody varied them.
const ALSO_DIFFERS: &str = "Also differs:";
/// What is compared besides what objectives are about.
const ALWAYS: [&str; 3] = ["e2e.p99", "throughput.output_tokens_per_s", "queue.depth.mean"];
/// The same of requests without tokens.
const ALWAYS_WITHOUT_TOKENS: [&str; 3] = ["e2e.p99", "throughput.requests_per_s", "queue.depth.mean"];
/// What is compared if somebody asks what runs cost.
const PRICES: [&str; 2] = ["cost.per_million_tokens", "cost.per_month"];
/// What is compared if there are no objectives.
const WITHOUT_SLO: [&str; 2] = ["ttft.p99", "tpot.p99"];

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: Tool,
    seed: u64,
    /// Whether nobody stopped it before all capacities were found.
    complete: bool,
    verdict: Option<String>,
    baseline: &'a str,
    variations: Vec<VariationDocument<'a>>,
    /// Settings that differ between the variations besides what was varied.
    also_differs: Vec<DifferingDocument<'a>>,
}

#[derive(Serialize)]
struct VariationDocument<'a> {
    name: &'a str,
    scenario_hash: String,
    engine: String,
    runs: usize,
    slo_met: Option<bool>,
    /// Whether its queue does not grow to the end.
    steady: bool,
    capacity: Option<f64>,
    capacity_ci95: Option<Interval>,
    #[serde(flatten)]
    numbers: Summary,
    #[serde(flatten)]
    breakdown: BreakdownDocument<'a>,
    differences: Vec<DifferenceDocument>,
}

#[derive(Serialize)]
struct DifferenceDocument {
    metric: String,
    mean: Option<f64>,
    ci95: Option<Interval>,
}

impl CompareReport {
    fn names(&self) -> Vec<&str> {
        self.contest.contenders.iter().map(|it| it.name.as_str()).collect()
    }

    /// The objectives, which are those of the first contender.
    fn slos(&self) -> &[Slo] {
        &self.contest.contenders[0].input.slos
    }

    /// The classes of traffic with their objectives, which are those of the first contender.
    fn classes(&self) -> &[ClassToRecord] {
        &self.contest.contenders[0].input.classes
    }

    /// What is compared: first what the objectives are about.
    pub fn measures(&self) -> Vec<RunMeasure> {
        let of_all = self.slos().iter().map(|slo| RunMeasure::of_slo(slo, None));
        let of_classes = self.classes().iter().flat_map(|class| {
            let group = RequestGroup::Class(class.name.clone());
            class.slos.iter().map(move |slo| RunMeasure::of_slo(slo, Some(&group)))
        });
        let mut measures: Vec<RunMeasure> = of_all.chain(of_classes).flatten().collect();
        let has_tokens = |it: &Contender| !it.input.scenario.traffic.is_prompt_only();
        let has_tokens = self.contest.contenders.iter().any(has_tokens);
        let always = if has_tokens { &ALWAYS } else { &ALWAYS_WITHOUT_TOKENS };
        let others = if measures.is_empty() && has_tokens {
            &WITHOUT_SLO[..]
        } else {
            &[]
        };
        let has_cost = self
            .contest
            .contenders
            .iter()
            .any(|it| it.pooled.summary.cost.is_some());
        let prices = if has_cost { &PRICES[..] } else { &[] };
        for name in others.iter().chain(always).chain(prices) {
            let measure = RunMeasure::named(name).expect("a measure has this name");
            if !measures.iter().any(|other| other.name == measure.name) {
                measures.push(measure);
            }
        }
        measures
    }

    /// The contenders, the best first: by their capacity, else by whether they meet the objectives and by the first
    /// measure.
    pub fn ranked(&self) -> Vec<&Contender> {
        let mut ranked: Vec<&Contender> = self.contest.contenders.iter().collect();
        let measures = self.measures();
        let first = &measures[0];
        let value = |it: &Contender| first.of(&it.pooled).unwrap_or(f64::INFINITY);
        ranked.sort_by(|a, b| {
            let capacity = |it: &Contender| it.capacity.as_ref().map_or(0.0, Capacity::mean);
            // Whoever does not serve its clients is no better for the latencies of the rest.
            let misses = |it: &Contender| {
                (
                    it.pooled.summary.is_met == Some(false),
                    !is_steady(&it.pooled.summary),
                    it.pooled.summary.is_met != Some(true),
                )
            };
            capacity(b)
                .total_cmp(&capacity(a))
                .then(misses(a).cmp(&misses(b)))
                .then(value(a).total_cmp(&value(b)))
        });
        ranked
    }

    /// Whether some variation was shown to be good enough: by its capacity if that was asked for, else at its own load.
    pub fn is_any_shown_met(&self) -> bool {
        self.contest.contenders.iter().any(|it| match &it.capacity {
            Some(capacity) => !capacity.is_none(),
            None => is_shown_met(&it.input.slos, &it.pooled.summary),
        })
    }

    /// The result in a sentence.
    pub fn verdict(&self) -> String {
        let ranked = self.ranked();
        let (Some(best), Some(next)) = (ranked.first(), ranked.get(1)) else {
            return "There is nothing to compare with".to_owned();
        };
        match (&best.capacity, &next.capacity) {
            (Some(mine), Some(theirs)) => self.verdict_on_capacity((best, mine), (next, theirs)),
            _ => self.verdict_on_latency(best),
        }
    }

    fn verdict_on_capacity(
        &self,
        (best, mine): (&Contender, &Capacity),
        (next, theirs): (&Contender, &Capacity),
    ) -> String {
        let slos = numbers::slos(self.slos(), self.classes()).join(" and ");
        let load = match self.contest.kind {
            LoadKind::Rate | LoadKind::SessionRate | LoadKind::ProfileTimes { .. } => "the rate of",
            LoadKind::Concurrency => "as many clients as",
            LoadKind::Users => "as many users as",
        };
        if mine.is_none() {
            return format!("None of them meets {slos} at any load");
        }
        let at = self.contest.kind.with_unit(mine.mean());
        let others = self.contest.contenders.iter();
        let never: Vec<&str> = others
            .filter(|it| it.capacity.as_ref().is_some_and(Capacity::is_none))
            .map(|it| it.name.as_str())
            .collect();
        let never = if never.is_empty() {
            String::new()
        } else {
            format!("; {} at no load", never.join(" and "))
        };
        let Some((times, interval)) = mine.times(theirs) else {
            return format!("{} meets {slos} up to {at}{never}", best.name);
        };
        let error = Contest::error_of_ratio(best, next);
        let interval = with_error(times, interval, error);
        let may_be_chance = interval.is_some_and(|it| it.low <= 1.0);
        let interval = interval.map_or_else(String::new, |it| {
            format!(" [{}, {}]", rounded(it.low), rounded(it.high))
        });
        if times < 1.005 {
            return format!(
                "{} and {} carry the same under {slos}: {at}{never}",
                best.name, next.name
            );
        }
        if times > FAR_APART {
            // Such a ratio says more about the objective than about servers.
            return format!(
                "{} meets {slos} up to {at}; {}, the next, only up to {}{never}",
                best.name,
                next.name,
                self.contest.kind.with_unit(theirs.mean())
            );
        }
        let chance = match (may_be_chance, error) {
            (false, _) => "",
            (true, None) => ", which may be chance,",
            (true, Some(_)) => ", which may be chance or the model's error: that cannot be told,",
        };
        let more = if mine.is_at_least() { " or more" } else { "" };
        format!(
            "{} serves {}x{interval}{chance} {load} {} under {slos}: {at}{more}{never}",
            best.name,
            rounded(times),
            next.name
        )
    }

    fn verdict_on_latency(&self, best: &Contender) -> String {
        let measures = self.measures();
        let measure = &measures[0];
        if let Some(why) = self.why_none_is_good(best) {
            return why;
        }
        let Some(value) = measure.of(&best.pooled) else {
            return format!("There are too few requests to compare {}", measure.name);
        };
        let value = numbers::with_unit(measure.quantity, value);
        let baseline = &self.contest.contenders[0];
        if best.name == baseline.name {
            return format!("{} has the lowest {}: {value}", best.name, measure.name);
        }
        let difference = self.contest.difference(best, measure);
        let less = difference.map_or_else(String::new, |it| {
            format!(", {} against {}", signed(measure, it), baseline.name)
        });
        format!("{} has the lowest {}: {value}{less}", best.name, measure.name)
    }

    /// Why even the best variation is none to choose, if so.
    fn why_none_is_good(&self, best: &Contender) -> Option<String> {
        if best.pooled.summary.is_met == Some(false) {
            let missed = judged(self.slos(), &best.pooled.summary).into_iter();
            let missed = missed.filter(|result| result.outcome == SloOutcome::Missed);
            let of_class = numbers::missed_of_class(&best.pooled.summary, self.classes());
            let of_class = of_class.map(|(class, missed)| format!("{} of {class}", numbers::slo(&missed.slo)));
            let missed = missed.map(|result| numbers::slo(&result.slo));
            let missed: Vec<String> = missed.chain(of_class).collect();
            return Some(if missed.is_empty() {
                format!(
                    "None of them has a steady state: the queue of {}, the best of them, grows to the end",
                    best.name
                )
            } else {
                format!(
                    "None of them is good enough: {}, the best of them, misses {}",
                    best.name,
                    missed.join(" and ")
                )
            });
        }
        let all_grow = !is_steady(&best.pooled.summary);
        all_grow.then(|| "None of them has a steady state: every queue grows to the end".to_owned())
    }

    /// What the table cannot say of variations that have no steady state.
    fn note_on_steadiness(&self) -> Option<String> {
        let contenders = self.contest.contenders.iter();
        let unsteady: Vec<&str> = contenders
            .filter(|it| !is_steady(&it.pooled.summary))
            .map(|it| it.name.as_str())
            .collect();
        (!unsteady.is_empty()).then(|| {
            format!(
                "{UNSTEADY} of {}: latencies and queue depths depend on the length of the run, so that there are no \
                 differences of them",
                unsteady.join(", ")
            )
        })
    }

    /// The screen, a line break at its end.
    pub fn to_text(&self) -> String {
        let mut text = format!("Verdict   {}\n{}\n", on_one_line(&self.verdict()), self.setting.line());
        if let Some(why) = &self.no_capacity {
            let _ = writeln!(text, "Capacity  not found: {}", on_one_line(why));
        }
        if let Some(note) = self.note_on_steadiness() {
            let _ = writeln!(text, "Beware    {note}");
        }
        let runs = self.contest.contenders[0].runs.len();
        if (2..5).contains(&runs) {
            let _ = writeln!(
                text,
                "Seeds     {runs} are few: intervals are wide; --seeds 8 or more narrows them"
            );
        }
        let _ = write!(text, "\n{}", self.table().to_text());
        if let Some(classes) = self.class_table() {
            let _ = write!(text, "\n{}", classes.to_text());
        }
        if self.contest.contenders.len() > 1 {
            let table = self.difference_table();
            let _ = write!(text, "\n{}\n{}", on_one_line(&table.caption), table.to_text());
        }
        if !self.also_differs.is_empty() {
            let lines = also_differs::lines(&self.also_differs, &self.names());
            let _ = write!(text, "\n{ALSO_DIFFERS}\n  {}\n", lines.join("\n  "));
        }
        text
    }

    /// All its tables: the numbers, those of classes, and differences.
    pub fn tables(&self) -> Vec<Table> {
        let differences = (self.contest.contenders.len() > 1).then(|| self.difference_table());
        [Some(self.table()), self.class_table(), differences]
            .into_iter()
            .flatten()
            .collect()
    }

    /// A row a contender: its numbers.
    pub fn table(&self) -> Table {
        let measures = self.measures();
        let has_capacity = self.contest.contenders.iter().any(|it| it.capacity.is_some());
        let has_slos = asks_for_anything(self.slos(), self.classes());
        let verdicts = VerdictColumns::of(has_slos, self.contest.contenders.iter().map(|it| &it.pooled.summary));
        let mut columns = vec![Column::words("variation")];
        columns.extend(verdicts.headings());
        if has_capacity {
            columns.push(Column::numbers(format!("capacity ({})", self.contest.kind.unit())));
        }
        columns.push(Column::words("what binds"));
        columns.extend(measures.iter().map(|it| Column::numbers(it.short_name())));
        let rows = self.ranked().into_iter().map(|contender| {
            let mut row = vec![Cell::words(contender.name.clone())];
            row.extend(verdicts.cells(&contender.pooled.summary));
            if has_capacity {
                row.push(match &contender.capacity {
                    None => Cell::words("-"),
                    Some(capacity) if capacity.is_none() => Cell::words("none"),
                    Some(capacity) => capacity_cell(capacity),
                });
            }
            row.push(Cell::words(what_binds(&contender.pooled.summary.constraint)));
            row.extend(measures.iter().map(|measure| {
                let value = measure.of(&contender.pooled);
                Cell::number(value, |it| numbers::with_unit(measure.quantity, it))
            }));
            row
        });
        Table {
            caption: String::new(),
            columns,
            rows: rows.collect(),
        }
    }

    /// A row a class of each contender; `None` if there are no classes.
    fn class_table(&self) -> Option<Table> {
        let ranked = self.ranked().into_iter();
        let results = ranked.map(|it| (Some(Cell::words(it.name.clone())), &it.pooled.breakdown));
        group_table::of_classes(Some(Column::words("variation")), results)
    }

    /// A row a contender: how much more of each measure it has than the first one.
    pub fn difference_table(&self) -> Table {
        let measures = self.measures();
        let mut columns = vec![Column::words("variation")];
        columns.extend(measures.iter().map(|it| Column::numbers(it.short_name())));
        let (baseline, others) = self.contest.contenders.split_first().expect("there is one");
        let rows = others.iter().map(|contender| {
            let cells = measures.iter().map(|measure| {
                let difference = self.contest.difference(contender, measure);
                Cell::number(difference.map(|it| it.mean), |_| {
                    difference.map_or_else(String::new, |it| signed(measure, it))
                })
            });
            [Cell::words(contender.name.clone())].into_iter().chain(cells).collect()
        });
        let has_ranges = self.contest.contenders.iter().any(|it| it.shifted.is_some());
        let model = if has_ranges {
            ", which what steps may be off is in"
        } else {
            ""
        };
        let how = match (self.contest.is_of_one_workload, baseline.runs.len()) {
            (true, 1) => " on the same recorded requests",
            (true, _) => ", seed by seed, mean over the seeds with its 95 % interval",
            (false, 1) => ", whose requests are others",
            (false, _) => ", whose requests are others, mean over the seeds with its 95 % interval",
        };
        Table {
            caption: format!("Difference from {}{how}{model}:", baseline.name),
            columns,
            rows: rows.collect(),
        }
    }

    /// One JSON object, a line break at its end.
    pub fn to_json(&self) -> String {
        let measures = self.measures();
        let variations = self.contest.contenders.iter().map(|contender| VariationDocument {
            name: &contender.name,
            scenario_hash: contender.input.scenario.hash(),
            engine: contender.input.scenario.engine(),
            runs: contender.runs.len(),
            slo_met: contender.pooled.summary.is_met,
            steady: is_steady(&contender.pooled.summary),
            capacity: contender.capacity.as_ref().map(Capacity::mean),
            capacity_ci95: contender.capacity.as_ref().and_then(Capacity::interval),
            numbers: contender.pooled.summary,
            breakdown: BreakdownDocument::of(
                &contender.pooled.breakdown,
                contender.input.scenario.operation.fleet.is_some(),
            ),
            differences: measures
                .iter()
                .map(|measure| {
                    let difference = self.contest.difference(contender, measure);
                    DifferenceDocument {
                        metric: measure.name.clone(),
                        mean: difference.map(|it| it.mean),
                        ci95: difference.and_then(|it| it.interval),
                    }
                })
                .collect(),
        });
        let document = Document {
            schema: SCHEMA,
            tool: Tool::THIS,
            seed: self.setting.seed,
            complete: self.is_complete,
            verdict: self.is_complete.then(|| self.verdict()),
            baseline: &self.contest.contenders[0].name,
            variations: variations.collect(),
            also_differs: also_differs::documents(&self.also_differs, &self.names()),
        };
        pretty(&document)
    }

    /// The report for sharing.
    pub fn to_page(&self) -> Page {
        let note = self.note_on_steadiness().into_iter().map(Block::Text);
        let mut blocks: Vec<Block> = note.chain([Block::Table(self.table())]).collect();
        blocks.extend(self.class_table().map(Block::Table));
        if self.contest.contenders.len() > 1 {
            let table = self.difference_table();
            blocks.push(Block::Table(table));
        }
        if !self.also_differs.is_empty() {
            blocks.push(Block::Text(ALSO_DIFFERS.to_owned()));
            blocks.push(Block::List(also_differs::lines(&self.also_differs, &self.names())));
        }
        blocks.extend(self.drawings.iter().cloned().map(Block::Drawing));
        Page {
            title: format!("{}: side by side", self.setting.name),
            verdict: format!("{}.", self.verdict()),
            tone: Tone::Plain,
            sections: vec![
                Section {
                    heading: "What was found".to_owned(),
                    blocks,
                },
                self.setting.section(),
            ],
        }
    }
}

/// A difference with its sign; whether it may as well be nothing shows in the interval.
fn signed(measure: &RunMeasure, difference: Difference) -> String {
    let Difference { mean, interval } = difference;
    let scale = |value: f64| numbers::with_unit(measure.quantity, value);
    let sign = if mean > 0.0 { "+" } else { "" };
    let judged = interval.filter(|it| it.low <= 0.0 && it.high >= 0.0);
    let unsure = if judged.is_some() && measure.better != Better::Neither {
        " (chance?)"
    } else {
        ""
    };
    match interval {
        Some(it) => format!("{sign}{} [{}, {}]{unsure}", scale(mean), scale(it.low), scale(it.high)),
        None => format!("{sign}{}", scale(mean)),
    }
}
