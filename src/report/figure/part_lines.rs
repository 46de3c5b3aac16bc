//! Charts over time, and lines on them for each part of a run: a server, or a class of traffic.

use crate::metrics::{AnswerTimes, PartRow, RunOverTime};
use crate::report::draw::chart::{Chart, ChartAxis, Panel, Point, Series, Shape, Unit};
use crate::units::{Span, Time};

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
        let instants = run.rows.iter().zip(rows).map(|(row, part)| (row.at, part.answered));
        answer_times(name, instants, |took| took.mean)
    });
    over_time(title, "end-to-end latency", Unit::Seconds, series.collect())
}

/// Instants in a row at which nobody was answered, after which a line breaks off.
const SILENCE: usize = 8;

/// A line of how long requests took; it breaks off where for long none were answered.
pub fn answer_times(
    name: String,
    instants: impl Iterator<Item = (Time, Option<AnswerTimes>)>,
    of: fn(AnswerTimes) -> Span,
) -> Series {
    let mut points = Vec::new();
    let mut silent = 0;
    for (at, answered) in instants {
        let Some(took) = answered else {
            silent += 1;
            continue;
        };
        if silent >= SILENCE && !points.is_empty() {
            points.push(Point::at(at.seconds(), f64::NAN));
        }
        silent = 0;
        points.push(Point::at(at.seconds(), of(took).seconds()));
    }
    Series {
        name,
        shape: Shape::Line,
        points,
    }
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
