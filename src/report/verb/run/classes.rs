//! The classes of traffic of a run: their objectives, and a row each of what their clients felt.

use crate::metrics::{ClassReport, Metric, SloResult, Statistic};
use crate::report::text::numbers::{milliseconds, percent};
use crate::report::text::table::{Cell, Column, Table};
use crate::report::verb::run::report::RunReport;
use crate::stats::rounded;

/// The latencies of a class that a row shows.
const SHOWN: [(Metric, Statistic); 6] = [
    (Metric::Ttft, Statistic::P50),
    (Metric::Ttft, Statistic::P99),
    (Metric::Tpot, Statistic::P50),
    (Metric::Tpot, Statistic::P99),
    (Metric::E2e, Statistic::P50),
    (Metric::E2e, Statistic::P99),
];

impl RunReport {
    /// How the objectives of all requests fared, and those of each class with its name.
    pub(in crate::report) fn all_slo_results(&self) -> Vec<(Option<&str>, SloResult)> {
        let of_all = self.slo_results().into_iter().map(|result| (None, result));
        let of_classes = self.classes.iter().flat_map(|class| {
            let results = class.slo_results().into_iter();
            results.map(|result| (Some(class.name.as_str()), result))
        });
        of_all.chain(of_classes).collect()
    }

    /// A row a class; `None` if there are no classes.
    pub(in crate::report) fn class_table(&self) -> Option<Table> {
        if self.classes.is_empty() {
            return None;
        }
        let mut columns = vec![Column::words("class (ms)")];
        let headings = SHOWN.map(|(metric, statistic)| format!("{}.{}", metric.name(), statistic.name()));
        columns.extend(headings.into_iter().map(Column::numbers));
        columns.extend(["req/s", "success"].map(Column::numbers));
        Some(Table {
            caption: String::new(),
            columns,
            rows: self.classes.iter().map(row).collect(),
        })
    }
}

fn row(class: &ClassReport) -> Vec<Cell> {
    let summary = &class.summary;
    let mut row = vec![Cell::words(&class.name)];
    row.extend(SHOWN.map(|(metric, statistic)| {
        let value = summary.latency.of(metric).statistic(statistic);
        Cell::number(value, |it| milliseconds(Some(it)))
    }));
    row.push(Cell::number(summary.throughput.requests_per_s, rounded));
    row.push(Cell::number(summary.requests.success, percent));
    row
}
