//! Predicted against measured latencies: a panel a latency, both axes logarithmic.

use super::kind::{Draws, Figure};
use super::titles::title;
use crate::metrics::{Metric, Statistic};
use crate::report::draw::chart::{Chart, ChartAxis, Drawing, Panel, Point, Series, Shape, Unit};
use crate::study::Comparison;

/// Predictions against measurements.
pub const FIGURE: Figure = Figure {
    name: "accuracy",
    question: "How far are predictions from measurements?",
    needs: "latencies that were both measured and predicted",
    draws: Draws::Comparisons(draw),
};

/// The dashed lines: this share more and less than measured.
const BAND: f64 = 0.1;
/// Axes span at least this factor.
const LEAST_SPAN: f64 = 8.0;

/// A panel for each latency that was both measured and predicted.
pub fn draw(comparisons: &[&Comparison]) -> Drawing {
    let panels: Vec<Panel> = Metric::ALL
        .into_iter()
        .filter_map(|metric| panel(metric, comparisons))
        .collect();
    let noun = if comparisons.len() == 1 {
        "experiment"
    } else {
        "experiments"
    };
    let note = if panels.is_empty() {
        "No latency was both measured and predicted.".to_owned()
    } else {
        format!("{} {noun}", comparisons.len())
    };
    Drawing {
        question: FIGURE.question.to_owned(),
        note,
        panels,
    }
}

/// The latencies of a metric; `None` if none was both measured and predicted, or can stand on a logarithmic axis.
fn panel(metric: Metric, comparisons: &[&Comparison]) -> Option<Panel> {
    let mut series = Vec::new();
    for statistic in Statistic::ALL {
        let name = format!("{}.{}", metric.name(), statistic.name());
        let compared = comparisons.iter().filter_map(|it| it.of(&name));
        let points: Vec<Point> = compared
            .filter(|it| it.measured > 0.0)
            .filter_map(|it| Some(Point::at(it.measured, it.predicted?)))
            .filter(|point| point.y > 0.0)
            .collect();
        if !points.is_empty() {
            series.push(Series {
                name: self::name(statistic).to_owned(),
                shape: Shape::Points,
                points,
            });
        }
    }
    let (least, most) = range(&series)?;
    let mut all = guides(least, most);
    all.append(&mut series);
    Some(Panel::Chart(Chart {
        title: title(metric).to_owned(),
        x: ChartAxis::logarithmic("measured", Unit::Seconds),
        y: ChartAxis::logarithmic("predicted", Unit::Seconds),
        series: all,
        marks: Vec::new(),
    }))
}

/// Around all points, with some room: both axes have these ends, because the lines of comparison have.
fn range(series: &[Series]) -> Option<(f64, f64)> {
    let points = series.iter().flat_map(|series| &series.points);
    let values = points.flat_map(|point| [point.x, point.y]);
    let (least, most) = values.fold((f64::INFINITY, 0.0_f64), |(least, most), value| {
        (least.min(value), most.max(value))
    });
    let room = (LEAST_SPAN / (most / least)).sqrt().max(1.0);
    (least <= most).then_some((least / room, most * room))
}

fn guides(least: f64, most: f64) -> Vec<Series> {
    let guide = |name: String, points: &[(f64, f64)]| Series {
        name,
        shape: Shape::Guide,
        points: points.iter().map(|(x, y)| Point::at(*x, *y)).collect(),
    };
    let gap = (f64::NAN, f64::NAN);
    let above = [(least, least * (1.0 + BAND)), (most / (1.0 + BAND), most)];
    let below = [(least / (1.0 - BAND), least), (most, most * (1.0 - BAND))];
    vec![
        guide("equal".to_owned(), &[(least, least), (most, most)]),
        guide(
            format!("{} % more or less", 100.0 * BAND),
            &[above[0], above[1], gap, below[0], below[1]],
        ),
    ]
}

fn name(statistic: Statistic) -> &'static str {
    match statistic {
        Statistic::P50 => "median",
        Statistic::P999 => "p99.9",
        Statistic::Max => "largest",
        other => other.name(),
    }
}
