//! Groups of requests in rows: what the clients of each felt.

use crate::metrics::{Breakdown, Metric, Statistic, Summary};
use crate::report::text::numbers::{milliseconds, percent};
use crate::report::text::table::{Cell, Column, Table};
use crate::stats::rounded;

/// The latencies of a group that a row shows.
const SHOWN: [Metric; 3] = [Metric::Ttft, Metric::Tpot, Metric::E2e];
/// Of a class, which has requests enough for its tail as a rule.
const OF_CLASSES: [Statistic; 2] = [Statistic::P50, Statistic::P99];
/// Of priorities and turns, some of which few requests have: a hundred are enough for these.
const OF_NUMBERS: [Statistic; 2] = [Statistic::P50, Statistic::P90];

/// A row a class of each result, behind the cells that tell results apart, which `before` heads; `None` if there are no
/// classes.
pub fn of_classes<'a>(
    before: Option<Column>,
    results: impl IntoIterator<Item = (Option<Cell>, &'a Breakdown)>,
) -> Option<Table> {
    let results = results.into_iter();
    let rows = results.flat_map(|(result, breakdown)| {
        let classes = breakdown.classes.iter();
        classes.map(move |class| {
            let name = [Cell::words(&class.class.name)];
            result
                .clone()
                .into_iter()
                .chain(name)
                .chain(cells(&class.summary, OF_CLASSES))
                .collect()
        })
    });
    let rows: Vec<Vec<Cell>> = rows.collect();
    let columns = before
        .into_iter()
        .chain([Column::words("class (ms)")])
        .chain(columns(OF_CLASSES));
    (!rows.is_empty()).then(|| Table {
        caption: String::new(),
        columns: columns.collect(),
        rows,
    })
}

/// A row a priority of a result, and a row a turn of its sessions, as far as it tells them apart.
pub fn of_numbers(breakdown: &Breakdown) -> impl Iterator<Item = Table> {
    let tables = [
        ("priority (ms)", &breakdown.priorities),
        ("turn (ms)", &breakdown.turns),
    ];
    let tables = tables.into_iter().filter(|(_, groups)| !groups.is_empty());
    tables.map(|(title, groups)| {
        let rows = groups.iter().map(|it| {
            let name = [Cell::words(it.group.in_words())].into_iter();
            let summary = &it.summary;
            let more = [
                Cell::number(Some(summary.requests.arrived as f64), |it| it.to_string()),
                Cell::number(summary.kv.prefix_hit_ratio, percent),
            ];
            name.chain(cells(summary, OF_NUMBERS)).chain(more).collect()
        });
        let more = ["requests", "prefix hits"].map(Column::numbers);
        let columns = [Column::words(title)]
            .into_iter()
            .chain(columns(OF_NUMBERS))
            .chain(more);
        Table {
            caption: String::new(),
            columns: columns.collect(),
            rows: rows.collect(),
        }
    })
}

fn columns(statistics: [Statistic; 2]) -> impl Iterator<Item = Column> {
    let latencies = shown(statistics).map(|(metric, statistic)| format!("{}.{}", metric.name(), statistic.name()));
    let others = ["req/s", "success"].map(str::to_owned);
    latencies.chain(others).map(Column::numbers)
}

fn cells(summary: &Summary, statistics: [Statistic; 2]) -> impl Iterator<Item = Cell> {
    let latencies = shown(statistics).map(|(metric, statistic)| {
        let value = summary.latency.of(metric).statistic(statistic);
        Cell::number(value, |it| milliseconds(Some(it)))
    });
    let others = [
        Cell::number(summary.throughput.requests_per_s, rounded),
        Cell::number(summary.requests.success, percent),
    ];
    latencies.chain(others)
}

fn shown(statistics: [Statistic; 2]) -> impl Iterator<Item = (Metric, Statistic)> {
    let of_metric = move |metric| statistics.map(|statistic| (metric, statistic));
    SHOWN.into_iter().flat_map(of_metric)
}
