//! A chart as `charts.js` reads it.

use serde_json::{Value, json};

use crate::config::on_one_line;
use crate::report::draw::chart::{Chart, ChartAxis, Series, Shape, Unit};
use crate::report::draw::{Styles, scales};

/// The chart as text that may stand in a script element.
pub fn text(chart: &Chart, styles: &Styles) -> String {
    // A script element ends at "</script", whatever stands around it.
    value(chart, styles).to_string().replace('<', "\\u003c")
}

/// The chart as JSON.
pub fn value(chart: &Chart, styles: &Styles) -> Value {
    let (x, y, bars) = scales(chart);
    let mut bars_before = 0;
    let series: Vec<Value> = chart
        .series
        .iter()
        .map(|series| {
            let value = of_series(series, styles, bars_before);
            bars_before += usize::from(series.shape == Shape::Bars);
            value
        })
        .collect();
    let marks = chart
        .marks
        .iter()
        .map(|mark| json!({ "vertical": mark.is_vertical, "at": mark.at, "name": on_one_line(&mark.name) }));
    json!({
        "x": axis(&chart.x, x.ends()),
        "y": axis(&chart.y, y.ends()),
        "series": series,
        "marks": marks.collect::<Vec<_>>(),
        "bars": bars.map(|bars| json!({ "count": bars.count, "apart": bars.apart })),
    })
}

fn axis(axis: &ChartAxis, (low, high): (f64, f64)) -> Value {
    let unit = match axis.unit {
        Unit::Plain => "plain",
        Unit::Seconds => "seconds",
        Unit::Share => "share",
    };
    json!({
        "title": on_one_line(&axis.title),
        "unit": unit,
        "log": axis.is_logarithmic && axis.names.is_empty(),
        "names": axis.names.iter().map(|name| on_one_line(name)).collect::<Vec<_>>(),
        "low": low,
        "high": high,
    })
}

fn of_series(series: &Series, styles: &Styles, bars_before: usize) -> Value {
    let style = styles.style(series);
    let shape = match series.shape {
        Shape::Line => "line",
        Shape::Curve => "curve",
        Shape::Steps => "steps",
        Shape::Points => "points",
        Shape::Bars => "bars",
        Shape::Guide => "guide",
    };
    let points = series.points.iter().map(|point| {
        let mut value = vec![json!(point.x), json!(point.y)];
        if point.interval.is_some() || !point.label.is_empty() {
            value.push(json!(point.interval.map(|it| it.low)));
            value.push(json!(point.interval.map(|it| it.high)));
        }
        if !point.label.is_empty() {
            value.push(json!(on_one_line(&point.label)));
        }
        value
    });
    json!({
        "name": on_one_line(&series.name),
        "shape": shape,
        "guide": series.shape == Shape::Guide,
        "colour": style.colour.to_css(),
        "dashes": style.dashes,
        "mark": style.mark_name(),
        "bar": bars_before,
        "points": points.collect::<Vec<_>>(),
    })
}
