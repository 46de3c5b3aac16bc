//! What a GPU produces against how fast each user reads: the chart that inference benchmarks are compared by.

use super::kind::{Draws, Figure};
use crate::metrics::{LatencySummary, Metric};
use crate::report::draw::chart::{Chart, ChartAxis, Drawing, Panel, Point, Series, Shape, Unit};
use crate::report::verb::curve::CurveReport;
use crate::stats::rounded;

/// Tokens per second per GPU against tokens per second per user.
pub const FIGURE: Figure = Figure {
    name: "interactivity",
    question: "How much does a GPU produce while each user reads so fast?",
    needs: "a curve",
    draws: Draws::Curve(drawing),
};

/// A point a load, and those that were measured.
pub fn drawing(report: &CurveReport) -> Drawing {
    let gpus = f64::from(report.gpus.max(1));
    let kind = report.curve.kind;
    let simulated = report.curve.points.iter().filter_map(|point| {
        let per_user = 1.0 / per_token(point.summary.latency.of(Metric::Tpot))?;
        let per_gpu = point.summary.throughput.output_tokens_per_s? / gpus;
        Some(Point {
            label: rounded(point.load),
            ..Point::at(per_user, per_gpu)
        })
    });
    let measured = report.measured.iter().filter_map(|point| {
        let of = |name: &str| point.values.get(name).copied();
        let per_token = of("tpot.p50").or_else(|| of("tpot.mean"))?;
        let per_gpu = of("throughput.output_tokens_per_s")? / gpus;
        Some(Point {
            label: rounded(point.place(kind)?),
            ..Point::at(1.0 / per_token, per_gpu)
        })
    });
    let series = [
        ("simulated, by", Shape::Curve, simulated.collect::<Vec<_>>()),
        ("measured, by", Shape::Points, measured.collect()),
    ];
    let series = series.into_iter().filter(|(_, _, points)| !points.is_empty());
    Drawing {
        question: FIGURE.question.to_owned(),
        note: report.setting.line(),
        panels: vec![Panel::Chart(Chart {
            title: String::new(),
            x: ChartAxis::linear("output tokens per second per user (1 / TPOT, median)", Unit::Plain),
            y: ChartAxis::linear("output tokens per second per GPU", Unit::Plain),
            series: series
                .map(|(name, shape, points)| Series {
                    name: format!("{name} {}", kind.title()),
                    shape,
                    points,
                })
                .collect(),
            marks: Vec::new(),
        })],
    }
}

/// The median time per output token, or the mean of too few requests [s].
fn per_token(tpot: &LatencySummary) -> Option<f64> {
    tpot.p50.or(tpot.mean).filter(|seconds| *seconds > 0.0)
}
