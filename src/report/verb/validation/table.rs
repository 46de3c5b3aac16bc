//! Predictions beside measurements, as a table.

use std::fmt::Write;

use super::experiments::{ValidatedExperiment, ValidationReport};
use crate::config::{is_latency, on_one_line};
use crate::report::text::table::aligned;
use crate::study::{Compared, Comparison, MetricErrors, errors_of, metrics_of};

/// Tables are cut into pieces that are no wider [columns].
const WIDEST: usize = 110;
/// What stands for an unknown number.
const UNKNOWN: &str = "-";

impl ValidationReport {
    /// A table: of one experiment a row a metric, of several a row an experiment.
    pub fn to_text(&self) -> String {
        let comparisons = self.comparisons();
        let mut text = match &comparisons[..] {
            [one] => one_experiment(one),
            several => many_experiments(several),
        };
        for line in self.experiments.iter().flat_map(said) {
            let _ = writeln!(text, "{line}");
        }
        for limit in &self.limits {
            let errors = errors_of(&comparisons, limit.metric);
            let sign = if limit.is_met(&comparisons) { "✓" } else { "✗" };
            let _ = writeln!(
                text,
                "Limit  {sign} mean |error| of {} <= {} %   {}",
                limit.metric,
                percent_without_sign(Some(limit.limit)),
                match errors.mean_absolute {
                    Some(_) => format!("got {} %", percent_without_sign(errors.mean_absolute)),
                    None => "no error is known".to_owned(),
                }
            );
            let unknown = limit.without_error(&comparisons);
            if unknown > 0 && errors.mean_absolute.is_some() {
                let _ = writeln!(text, "         of {unknown} more that were measured no error is known");
            }
        }
        text
    }
}

/// What of its scenario was taken from what was measured, and which numbers were measured between bounds only.
fn said(experiment: &ValidatedExperiment) -> Vec<String> {
    let name = on_one_line(&experiment.comparison.name);
    let taken = experiment
        .taken
        .iter()
        .map(|taken| format!("{name}: {}", on_one_line(taken)));
    let between = experiment.bounds.iter().map(|(metric, (low, high))| {
        let shown = |seconds: f64| significant(seconds * 1_000.0);
        format!(
            "{name}: {metric} was measured to lie between {} and {} ms, a bucket of a histogram",
            shown(*low),
            shown(*high)
        )
    });
    taken.chain(between).collect()
}

fn one_experiment(comparison: &Comparison) -> String {
    let mut rows = vec![["", "measured", "predicted", "error"].map(str::to_owned).to_vec()];
    for compared in &comparison.metrics {
        let (unit, factor) = unit_of(compared.metric);
        let label = if unit.is_empty() {
            compared.metric.to_owned()
        } else {
            format!("{} ({unit})", compared.metric)
        };
        let shown = |value: f64| significant(value * factor);
        rows.push(vec![
            label,
            shown(compared.measured),
            compared.predicted.map_or_else(|| UNKNOWN.to_owned(), shown),
            compared
                .error()
                .map_or_else(|| UNKNOWN.to_owned(), |error| format!("{} %", percent(error))),
        ]);
    }
    format!(
        "{}\n{}",
        on_one_line(&comparison.name),
        aligned(&rows, &[false, true, true, true])
    )
}

/// How a table shows a metric.
fn unit_of(metric: &str) -> (&'static str, f64) {
    if is_latency(metric) { ("ms", 1_000.0) } else { ("", 1.0) }
}

/// A row of numbers under the summary's name.
type SummaryRow = (&'static str, fn(&MetricErrors<'_>) -> String);

const SUMMARY: [SummaryRow; 4] = [
    ("mean |error|", |it| percent_without_sign(it.mean_absolute)),
    ("median |error|", |it| percent_without_sign(it.median_absolute)),
    ("bias", |it| it.bias.map_or_else(|| UNKNOWN.to_owned(), percent)),
    ("n", |it| it.count.to_string()),
];

fn many_experiments(comparisons: &[Comparison]) -> String {
    let mut text = format!("{} experiments, predicted / measured - 1 [%]\n", comparisons.len());
    let names = comparisons.iter().map(|it| on_one_line(&it.name).chars().count());
    let labels = names.chain(SUMMARY.iter().map(|(name, _)| name.len()));
    let label = labels.max().unwrap_or(0);
    let mut rest = &metrics_of(comparisons)[..];
    while !rest.is_empty() {
        let mut width = label;
        let fitting = rest.iter().take_while(|metric| {
            width += column(metric);
            width <= WIDEST
        });
        let count = fitting.count().max(1);
        let (some, others) = rest.split_at(count);
        text.push('\n');
        text.push_str(&piece(comparisons, some));
        rest = others;
    }
    text
}

fn column(metric: &str) -> usize {
    2 + metric.len().max(7)
}

/// Some metrics of all experiments.
fn piece(comparisons: &[Comparison], metrics: &[&'static str]) -> String {
    let mut rows = Vec::new();
    let mut row = |name: &str, cell: &dyn Fn(&'static str) -> String| {
        let cells = metrics.iter().map(|metric| cell(metric));
        rows.push(
            [on_one_line(name).into_owned()]
                .into_iter()
                .chain(cells)
                .collect::<Vec<_>>(),
        );
    };
    row("", &|metric| metric.to_owned());
    for comparison in comparisons {
        let error = |metric| comparison.of(metric).and_then(Compared::error);
        row(&comparison.name, &|metric| {
            error(metric).map_or_else(|| UNKNOWN.to_owned(), percent)
        });
    }
    for (name, cell) in SUMMARY {
        row(name, &|metric| cell(&errors_of(comparisons, metric)));
    }
    let is_number: Vec<bool> = (0..=metrics.len()).map(|column| column > 0).collect();
    aligned(&rows, &is_number)
}

fn percent(fraction: f64) -> String {
    let percent = 100.0 * fraction;
    if percent.abs() < 0.05 {
        return "0.0".to_owned();
    }
    if percent.abs() < 1_000.0 {
        format!("{percent:+.1}")
    } else {
        format!("{percent:+.0}")
    }
}

fn percent_without_sign(fraction: Option<f64>) -> String {
    fraction.map_or_else(
        || UNKNOWN.to_owned(),
        |fraction| percent(fraction).trim_start_matches('+').to_owned(),
    )
}

/// Four digits, or all of a whole number.
fn significant(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e12 {
        return format!("{value:.0}");
    }
    let before_point = value.abs().max(1.0).log10().floor() as usize;
    format!("{value:.*}", 3_usize.saturating_sub(before_point))
}
