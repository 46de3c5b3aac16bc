//! Charts over time, and lines on them for each part of a run: a server, or a class of traffic.

use crate::metrics::{PartRow, RunOverTime};
use crate::report::draw::chart::{Chart, ChartAxis, Panel, Point, Series, Shape, Unit};

/// How many requests of each part wait: the most since the point before.
pub fn waiting<'a>(title: &str, run: &RunOverTime, parts: impl Iterator<Item = (String, &'a [PartRow])>) -> Panel {
    let series = parts.map(|(name, rows)| {
        let points = run.rows.iter().zip(rows);
        let points = points.map(|(row, part)| Point::at(row.at.seconds(), part.waiting.into()));
        Series {
            name,
            shape: Shape::Steps,
            points: points.collect(),
        }
    });
    over_time(title, "requests", Unit::Plain, series.collect())
}

/// How long the requests of each part took that were answered since the point before, in the mean.
pub fn answers<'a>(title: &str, run: &RunOverTime, parts: impl Iterator<Item = (String, &'a [PartRow])>) -> Panel {
    let series = parts.map(|(name, rows)| {
        let answered = run
            .rows
            .iter()
            .zip(rows)
            .filter_map(|(row, part)| Some((row.at, part.answered?)));
        let points = answered.map(|(at, took)| Point::at(at.seconds(), took.mean.seconds()));
        Series {
            name,
            shape: Shape::Line,
            points: points.collect(),
        }
    });
    over_time(title, "end-to-end latency", Unit::Seconds, series.collect())
}

/// A chart over time.
pub fn over_time(title: &str, y: &str, unit: Unit, series: Vec<Series>) -> Panel {
    Panel::Chart(Chart {
        title: title.to_owned(),
        x: ChartAxis::linear("time", Unit::Seconds),
        y: ChartAxis::linear(y, unit),
        series,
        marks: Vec::new(),
    })
}
