//! A curve of latency and throughput against load, as a screen, JSON, CSV or a page.

use std::fmt::Write;

use serde::Serialize;

use crate::config::on_one_line;
use crate::metrics::{ClassToRecord, LatencySummary, Metric, Slo, Summary};
use crate::report::text::document::{Tool, pretty};
use crate::report::text::numbers::{self, milliseconds, percent};
use crate::report::text::table::{Cell, Column, Table};
use crate::report::text::verdict::VerdictColumns;
use crate::report::verb::breakdown_document::BreakdownDocument;
use crate::report::verb::group_table;
use crate::report::verb::measured_beside;
use crate::report::verb::study_setting::StudySetting;
use crate::stats::{Interval, rounded};
use crate::study::{
    Curve, CurvePoint, LoadKind, MEASURES, Measure, MeasuredPoint, RequestGroup, RunMeasure, asks_for_anything,
    is_shown_met, is_steady,
};

/// A curve and what it was made of.
pub struct CurveReport {
    /// What was simulated, and how often.
    pub setting: StudySetting,
    /// The curve; it has at least one point.
    pub curve: Curve,
    /// What is asked of all requests.
    pub slos: Vec<Slo>,
    /// The classes of traffic, with what is asked of each.
    pub classes: Vec<ClassToRecord>,
    /// Whether several servers share the load.
    pub is_of_fleet: bool,
    /// GPUs of all servers together.
    pub gpus: u32,
    /// Users by the formula (memory - weights) / KV per user with the mean context.
    pub formula_users: Option<f64>,
    /// What was measured, beside which the forecast is shown.
    pub measured: Vec<MeasuredPoint>,
    /// What of the scenario comes from there; `None` of nothing.
    pub taken: Option<String>,
}

/// A place on the curve that is worth a name.
pub struct CurvePlace {
    /// Its name, in a word or two.
    pub name: &'static str,
    /// Its load; `None` if the curve does not have it.
    pub load: Option<f64>,
    /// What the point means for the server.
    pub meaning: String,
}

const SCHEMA: &str = "tailcast/curve/v1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: Tool,
    scenario_hash: &'a str,
    seed: u64,
    engine: &'a str,
    runs: u32,
    load: &'static str,
    knee: Option<f64>,
    kv_full_from: Option<f64>,
    queue_from: Option<f64>,
    formula_users: Option<f64>,
    formula_load: Option<f64>,
    slo_met_up_to: Option<f64>,
    /// Whether all points are there.
    complete: bool,
    is_interrupted: bool,
    points: Vec<PointDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    measured: Vec<serde_json::Value>,
}

#[derive(Serialize)]
struct PointDocument<'a> {
    load: f64,
    #[serde(flatten)]
    summary: Summary,
    #[serde(flatten)]
    breakdown: BreakdownDocument<'a>,
    slo_met: Option<bool>,
    /// Whether its queue does not grow to the end.
    steady: bool,
}

impl CurveReport {
    /// The largest load of the curve up to which every objective is met at every load; `None` without objectives, or if
    /// the first load misses one already.
    pub fn slo_met_up_to(&self) -> Option<f64> {
        if !self.has_objectives() {
            return None;
        }
        let met = self
            .curve
            .points
            .iter()
            .take_while(|point| point.summary.is_met == Some(true));
        met.last().map(|point| point.load)
    }

    fn has_objectives(&self) -> bool {
        asks_for_anything(&self.slos, &self.classes)
    }

    /// Whether the objectives were shown to be met at any load.
    pub fn is_shown_met_anywhere(&self) -> bool {
        let mut points = self.curve.points.iter();
        points.any(|point| is_shown_met(&self.slos, &point.summary))
    }

    /// The places on the curve that are worth a name.
    pub fn places(&self) -> Vec<CurvePlace> {
        let curve = &self.curve;
        let unit = |load: f64| curve.kind.with_unit(load);
        let knee = curve.knee().map(|point| point.load);
        let full = curve.kv_full_from().map(|point| point.load);
        let queue = curve.queue_from().map(|point| point.load);
        let mut places = vec![
            CurvePlace {
                name: "knee",
                load: knee,
                meaning: knee.map_or_else(
                    || "not on this curve: throughput / E2E is largest at an end of it".to_owned(),
                    |load| {
                        format!(
                            "{}: throughput / E2E is largest; beyond it latency grows by more than throughput",
                            unit(load)
                        )
                    },
                ),
            },
            CurvePlace {
                name: "queue",
                load: queue,
                meaning: queue.map_or_else(
                    || "less than one request waits on average, everywhere".to_owned(),
                    |load| format!("from {} on, at least one request waits on average", unit(load)),
                ),
            },
            CurvePlace {
                name: "KV full",
                load: full,
                meaning: full.map_or_else(
                    || "the KV cache never fills up".to_owned(),
                    |load| format!("from {} on, the KV cache is full at times", unit(load)),
                ),
            },
        ];
        if let Some(users_at_once) = self.formula_users {
            let load = curve.load_with_users(users_at_once);
            let users = format!("(memory - weights) / KV per user = {} users", rounded(users_at_once));
            let meaning = match (curve.kind, load) {
                (LoadKind::Concurrency | LoadKind::Users, _) => users,
                (_, Some(load)) => {
                    format!("{users}, who are there at once at {}", unit(load))
                }
                (_, None) if curve.always_has_more_than(users_at_once) => {
                    format!("{users}, fewer than are there at once at the lowest load")
                }
                (_, None) => format!("{users}, more than are ever there at once on this curve"),
            };
            places.push(CurvePlace {
                name: "formula",
                load,
                meaning,
            });
        }
        places
    }

    /// The screen, a line break at its end.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.setting.line());
        for place in self.places() {
            let mut label = place.name.to_owned();
            label[..1].make_ascii_uppercase();
            let _ = writeln!(text, "{label:<10}{}", place.meaning);
        }
        let _ = write!(text, "{}\n{}", self.slo_line(), self.table().to_text());
        if let Some(measured) = self.measured_table() {
            let _ = write!(text, "\n{}\n{}", measured.caption, measured.to_text());
        }
        if let Some(taken) = &self.taken {
            let _ = writeln!(text, "{}", on_one_line(taken));
        }
        if let Some(ranges) = self.range_table() {
            let _ = write!(text, "\n{}\n{}", ranges.caption, ranges.to_text());
        }
        if let Some(classes) = self.class_table() {
            let _ = write!(text, "\n{}", classes.to_text());
        }
        text
    }

    /// All its tables: the points, what was measured beside them, what they may be, and those of classes.
    pub fn tables(&self) -> Vec<Table> {
        let others = [self.measured_table(), self.range_table(), self.class_table()];
        [self.table()].into_iter().chain(others.into_iter().flatten()).collect()
    }

    /// What was measured beside the forecast; `None` of nothing.
    pub(in crate::report) fn measured_table(&self) -> Option<Table> {
        measured_beside::table(&self.measured, &self.curve)
    }

    /// What latencies may be at each load, if somebody asked.
    pub(in crate::report) fn range_table(&self) -> Option<Table> {
        let points = self.curve.points.iter();
        let mut has_any = false;
        let rows = points.map(|point| {
            let latency = &point.summary.latency;
            let cells = [Metric::Ttft, Metric::Tpot, Metric::E2e].map(|metric| {
                let range = latency.of(metric).model_range;
                has_any |= range.is_some();
                let of = |range: Option<Interval>| {
                    Cell::words(range.map_or_else(String::new, |it| {
                        format!("{} to {}", numbers::duration(it.low), numbers::duration(it.high))
                    }))
                };
                [of(range.and_then(|it| it.mean)), of(range.and_then(|it| it.p99))]
            });
            let load = Cell::number(Some(point.load), rounded);
            [load].into_iter().chain(cells.into_iter().flatten()).collect()
        });
        let rows: Vec<Vec<Cell>> = rows.collect();
        let headings = ["TTFT mean", "p99", "TPOT mean", "p99", "E2E mean", "p99"];
        let columns = [Column::numbers(self.curve.kind.unit())].into_iter();
        has_any.then(|| Table {
            caption: "If steps are off by as much as expected, and with chance:".to_owned(),
            columns: columns.chain(headings.map(Column::words)).collect(),
            rows,
        })
    }

    pub(in crate::report) fn slo_line(&self) -> String {
        if !self.has_objectives() {
            return String::new();
        }
        let names = numbers::slos(&self.slos, &self.classes);
        let met = self.slo_met_up_to().map_or_else(
            || {
                let first = self.curve.points.first().and_then(|point| point.summary.is_met);
                match first {
                    None => "unknown: too few samples to judge it".to_owned(),
                    _ => "missed at the first load".to_owned(),
                }
            },
            |load| format!("met up to {}", self.curve.kind.with_unit(load)),
        );
        format!("{:<10}{met} ({})\n", "SLO", names.join(", "))
    }

    /// The points as a table.
    pub fn table(&self) -> Table {
        let load = self.curve.kind.unit();
        let headings = [
            "TTFT p50 (ms)",
            "p95",
            "p99",
            "TPOT p50",
            "p95",
            "p99",
            "E2E p50 (s)",
            "p95",
            "p99",
            "done/s",
            "tokens/s",
            "running",
            "waiting",
            "KV max",
        ];
        let mut columns = vec![Column::numbers(load)];
        columns.extend(headings.map(Column::numbers));
        let verdicts = VerdictColumns::of(
            self.has_objectives(),
            self.curve.points.iter().map(|point| &point.summary),
        );
        columns.extend(verdicts.headings());
        let rows = self.curve.points.iter().map(|point| {
            let numbers = Self::row(point).into_iter();
            numbers.chain(verdicts.cells(&point.summary)).collect()
        });
        Table {
            caption: String::new(),
            columns,
            rows: rows.collect(),
        }
    }

    /// A row a class at each load; `None` if there are no classes.
    pub(in crate::report) fn class_table(&self) -> Option<Table> {
        let points = self.curve.points.iter();
        let results = points.map(|point| (Some(Cell::number(Some(point.load), rounded)), &point.breakdown));
        group_table::of_classes(Some(Column::numbers(self.curve.kind.unit())), results)
    }

    fn row(point: &CurvePoint) -> Vec<Cell> {
        let summary = &point.summary;
        let mut row = vec![Cell::number(Some(point.load), rounded)];
        let quantiles = |latency: &LatencySummary| [latency.p50, latency.p95, latency.p99];
        for metric in [Metric::Ttft, Metric::Tpot] {
            let cells = quantiles(summary.latency.of(metric));
            row.extend(cells.map(|value| Cell::number(value, |it| milliseconds(Some(it)))));
        }
        row.extend(quantiles(&summary.latency.e2e).map(|value| Cell::number(value, rounded)));
        let throughput = &summary.throughput;
        row.push(Cell::number(throughput.requests_per_s, rounded));
        row.push(Cell::number(throughput.output_tokens_per_s, rounded));
        row.push(Cell::number(summary.queue.running.mean, rounded));
        row.push(Cell::number(summary.queue.depth.mean, rounded));
        row.push(Cell::number(summary.kv.usage.max, percent));
        row
    }

    /// One JSON object, a line break at its end.
    pub fn to_json(&self) -> String {
        let curve = &self.curve;
        let document = Document {
            schema: SCHEMA,
            tool: Tool::THIS,
            scenario_hash: &self.setting.scenario_hash,
            seed: self.setting.seed,
            engine: &self.setting.engine,
            runs: curve.runs,
            load: curve.kind.name(),
            knee: curve.knee().map(|point| point.load),
            kv_full_from: curve.kv_full_from().map(|point| point.load),
            queue_from: curve.queue_from().map(|point| point.load),
            formula_users: self.formula_users,
            formula_load: self.formula_users.and_then(|users| curve.load_with_users(users)),
            slo_met_up_to: self.slo_met_up_to(),
            complete: !curve.is_interrupted,
            is_interrupted: curve.is_interrupted,
            points: curve
                .points
                .iter()
                .map(|point| PointDocument {
                    load: point.load,
                    summary: point.summary,
                    breakdown: BreakdownDocument::of(&point.breakdown, self.is_of_fleet),
                    slo_met: point.summary.is_met,
                    steady: is_steady(&point.summary),
                })
                .collect(),
            taken: self.taken.as_deref(),
            measured: measured_beside::document(&self.measured, curve),
        };
        pretty(&document)
    }

    /// Every number by its name: of all requests, then of each class.
    fn measures(&self) -> Vec<RunMeasure> {
        let has_path = self.curve.points.iter().any(|point| point.summary.path.is_some());
        let has_cost = self.curve.points.iter().any(|point| point.summary.cost.is_some());
        let offloads = self.curve.points.iter().any(|point| point.summary.kv_offload.is_some());
        let is_known = |measure: &&Measure| {
            (has_path || !measure.is_of_path())
                && (has_cost || !measure.is_price())
                && (offloads || !measure.is_of_offload())
        };
        let of_all = MEASURES.iter().filter(is_known);
        let of_all = of_all.map(RunMeasure::of_all);
        let classes = self.classes.iter();
        let of_classes = classes.flat_map(|class| RunMeasure::all_of_group(&RequestGroup::Class(class.name.clone())));
        of_all.chain(of_classes).collect()
    }

    /// A line a point: the load, then every number by its name; unknown ones are empty.
    pub fn to_csv(&self) -> String {
        let load = self.curve.kind.name();
        let measures = self.measures();
        let names: Vec<&str> = measures.iter().map(|measure| measure.name.as_str()).collect();
        let mut text = format!("{load},{}\n", names.join(","));
        for point in &self.curve.points {
            let _ = write!(text, "{}", point.load);
            for measure in &measures {
                let value = measure.of_parts(&point.summary, &point.breakdown);
                let _ = write!(text, ",{}", value.map_or_else(String::new, |it| it.to_string()));
            }
            text.push('\n');
        }
        text
    }
}
