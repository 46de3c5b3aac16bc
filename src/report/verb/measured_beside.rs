//! What was measured beside a curve's forecast: as a table, and in JSON.

use serde_json::{Map, Value, json};

use crate::config::is_latency;
use crate::report::text::numbers::milliseconds;
use crate::report::text::table::{Cell, Column, Table};
use crate::stats::rounded;
use crate::study::{Compared, Curve, MeasuredPoint};

/// The statistics of a latency that a table shows, the first ones that were measured.
const SHOWN: [&str; 12] = [
    "ttft.mean",
    "ttft.p50",
    "ttft.p99",
    "tpot.mean",
    "tpot.p50",
    "tpot.p99",
    "itl.mean",
    "e2e.mean",
    "e2e.p50",
    "e2e.p99",
    "throughput.requests_per_s",
    "throughput.output_tokens_per_s",
];

/// A row for each number of each point; `None` without points.
pub fn table(points: &[MeasuredPoint], curve: &Curve) -> Option<Table> {
    let mut rows = Vec::new();
    for point in points {
        let compared = point.compared(curve);
        for one in compared.iter().filter(|one| SHOWN.contains(&one.metric)) {
            let load = point.place(curve.kind);
            let mut row = vec![Cell::words(point.origin.clone()), Cell::number(load, rounded)];
            row.extend(cells(one));
            rows.push(row);
        }
    }
    let columns = vec![
        Column::words("measured"),
        Column::numbers(curve.kind.unit()),
        Column::words("number"),
        Column::numbers("measured"),
        Column::numbers("forecast"),
        Column::numbers("error (%)"),
    ];
    (!rows.is_empty()).then(|| Table {
        caption: "Measured, beside the forecast at the same load (forecast / measured - 1):".to_owned(),
        columns,
        rows,
    })
}

fn cells(one: &Compared) -> [Cell; 4] {
    let (name, show): (String, fn(f64) -> String) = if is_latency(one.metric) {
        (format!("{} (ms)", one.metric), |it| milliseconds(Some(it)))
    } else {
        (one.metric.to_owned(), rounded)
    };
    [
        Cell::words(name),
        Cell::number(Some(one.measured), show),
        Cell::number(one.predicted, show),
        Cell::number(one.error(), |error| format!("{:+.1}", 100.0 * error)),
    ]
}

/// Every number of every point.
pub fn document(points: &[MeasuredPoint], curve: &Curve) -> Vec<Value> {
    let of_point = |point: &MeasuredPoint| {
        let numbers = point.compared(curve).into_iter().map(|one| {
            let value = json!({ "measured": one.measured, "forecast": one.predicted, "error": one.error() });
            (one.metric.to_owned(), value)
        });
        json!({
            "file": point.origin,
            "tool": point.tool,
            "load": point.place(curve.kind),
            "metrics": numbers.collect::<Map<String, Value>>(),
        })
    };
    points.iter().map(of_point).collect()
}
