//! Latency and throughput against load, with the places that matter.

use super::kind::{Draws, Figure};
use super::titles::{axis_over, title};
use crate::metrics::{LatencySummary, Metric, Slo, Summary};
use crate::report::draw::chart::{Chart, ChartAxis, Drawing, Mark, Panel, Point, Series, Shape, Unit};
use crate::report::verb::curve::CurveReport;
use crate::stats::Interval;
use crate::study::{CurvePoint, LoadKind};

/// What it answers when the load is a number of clients.
pub const LATENCY_VS_CONCURRENCY: Figure = Figure {
    name: "latency-vs-concurrency",
    question: "How many requests at once before latency gives way?",
    needs: "a curve over concurrency",
    draws: Draws::Curve(drawing),
};

/// What it answers when the load is a rate.
pub const LATENCY_VS_RATE: Figure = Figure {
    name: "latency-vs-rate",
    question: "How many requests per second before latency gives way?",
    needs: "a curve over rate",
    draws: Draws::Curve(drawing),
};

/// The figure of a load of this kind.
pub const fn figure(kind: LoadKind) -> &'static Figure {
    match kind {
        LoadKind::Rate | LoadKind::SessionRate | LoadKind::ProfileTimes { .. } => &LATENCY_VS_RATE,
        LoadKind::Concurrency | LoadKind::Users => &LATENCY_VS_CONCURRENCY,
    }
}

/// Latencies at three quantiles in a panel each, and throughput.
pub fn drawing(report: &CurveReport) -> Drawing {
    let curve = &report.curve;
    let figure = figure(curve.kind);
    let loads = curve.points.iter().map(|point| point.load);
    let x = axis_over(curve.kind.title(), loads);
    let marks = marks(report, &curve.points);
    let latencies = [Metric::Ttft, Metric::Tpot, Metric::E2e].map(|metric| {
        Panel::Chart(Chart {
            title: title(metric).to_owned(),
            x: x.clone(),
            y: ChartAxis::logarithmic("", Unit::Seconds),
            series: quantiles(metric, &curve.points)
                .into_iter()
                .chain(measured(report, metric))
                .collect(),
            marks: with_limits(report, metric, &marks),
        })
    });
    let throughput = Panel::Chart(Chart {
        title: "throughput".to_owned(),
        x,
        y: ChartAxis::linear("output tokens per second", Unit::Plain),
        series: [Series {
            name: "output tokens per second".to_owned(),
            shape: Shape::Curve,
            points: points(&curve.points, |summary| {
                Some((summary.throughput.output_tokens_per_s?, None))
            }),
        }]
        .into_iter()
        .chain(measured_series(report, "throughput.output_tokens_per_s", "measured"))
        .collect(),
        marks,
    });
    Drawing {
        question: figure.question.to_owned(),
        note: report.setting.line(),
        panels: latencies.into_iter().chain([throughput]).collect(),
    }
}

/// The quantiles that were measured of a latency; in the place of a median that was not, the mean.
fn measured(report: &CurveReport, metric: Metric) -> Vec<Series> {
    let of = |statistic: &str| {
        let name = format!("{}.{statistic}", metric.name());
        measured_series(report, &name, &format!("{statistic} measured"))
    };
    let middle = of("p50").or_else(|| of("mean"));
    middle.into_iter().chain(of("p95")).chain(of("p99")).collect()
}

/// A number of what was measured at each load; `None` if nobody has it.
fn measured_series(report: &CurveReport, metric: &str, name: &str) -> Option<Series> {
    let points = report.measured.iter().filter_map(|point| {
        let value = point.values.get(metric)?;
        Some(Point::at(point.place(report.curve.kind)?, *value))
    });
    let points: Vec<Point> = points.collect();
    (!points.is_empty()).then(|| Series {
        name: name.to_owned(),
        shape: Shape::Points,
        points,
    })
}

/// Places of the curve that lie on it.
fn marks(report: &CurveReport, points: &[CurvePoint]) -> Vec<Mark> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Vec::new();
    };
    let mark = |at, name: &str| Mark {
        is_vertical: true,
        at,
        name: name.to_owned(),
    };
    let places = report.places().into_iter().filter_map(|place| {
        let at = place.load.filter(|at| (first.load..=last.load).contains(at))?;
        Some(mark(at, place.name))
    });
    // Where all loads meet the objectives there is no edge.
    let edge = report.slo_met_up_to().filter(|at| *at < last.load);
    places.chain(edge.map(|at| mark(at, "SLO met"))).collect()
}

/// The places, and the limits that objectives set on this latency.
fn with_limits(report: &CurveReport, metric: Metric, places: &[Mark]) -> Vec<Mark> {
    let mut marks = places.to_vec();
    let limits = report.slos.iter().filter_map(Slo::as_latency);
    let limits = limits.filter(|slo| slo.metric == metric);
    marks.extend(limits.map(|slo| Mark {
        is_vertical: false,
        at: slo.limit.seconds(),
        name: format!("SLO on {}", slo.statistic.name()),
    }));
    marks
}

fn quantiles(metric: Metric, at: &[CurvePoint]) -> Vec<Series> {
    type Read = fn(&LatencySummary) -> Option<(f64, Option<Interval>)>;
    let reads: [(&str, Read); 3] = [
        ("p50", |it| Some((it.p50?, it.ci95.and_then(|ci| ci.p50)))),
        ("p95", |it| Some((it.p95?, None))),
        ("p99", |it| Some((it.p99?, it.ci95.and_then(|ci| ci.p99)))),
    ];
    let series = reads.map(|(name, read)| Series {
        name: name.to_owned(),
        shape: Shape::Curve,
        points: points(at, |summary| read(summary.latency.of(metric))),
    });
    series.into_iter().collect()
}

fn points(at: &[CurvePoint], read: impl Fn(&Summary) -> Option<(f64, Option<Interval>)>) -> Vec<Point> {
    at.iter()
        .filter_map(|point| {
            let (y, interval) = read(&point.summary)?;
            Some(Point {
                interval,
                ..Point::at(point.load, y)
            })
        })
        .collect()
}
