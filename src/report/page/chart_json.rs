//! What a chart's picture does not say: its numbers, as `charts.js` reads them.

use serde_json::{Value, json};

use crate::config::on_one_line;
use crate::report::draw::chart::{Chart, ChartAxis, Shape, Unit};
use crate::report::draw::{EmbeddedChart, Styles};

/// Digits of the numbers that are shown under the pointer, and some to spare.
const DIGITS: usize = 7;

/// The chart as text that may stand in a script element.
pub fn text(chart: &Chart, embedded: &EmbeddedChart, styles: &Styles) -> String {
    // A script element ends at "</script", whatever stands around it.
    value(chart, embedded, styles).to_string().replace('<', "\\u003c")
}

fn value(chart: &Chart, embedded: &EmbeddedChart, styles: &Styles) -> Value {
    let series = (0..chart.series.len()).map(|number| of_series(chart, number, styles));
    let series: Vec<Value> = series.collect();
    let plots = embedded.pictures.each_ref().map(|picture| picture.plot);
    json!({
        "x": axis(&chart.x, embedded.x_ends),
        "y": axis(&chart.y, embedded.y_ends),
        "series": series,
        "plots": plots,
        "zooms": embedded.can_stretch,
        "bars": embedded.bars.map(|(count, apart)| json!({ "count": count, "apart": apart })),
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

fn of_series(chart: &Chart, number: usize, styles: &Styles) -> Value {
    let series = &chart.series[number];
    let points = series.points.iter().map(|point| {
        let mut value = vec![short(point.x), short(point.y)];
        if point.interval.is_some() || !point.label.is_empty() {
            value.push(point.interval.map_or(Value::Null, |it| short(it.low)));
            value.push(point.interval.map_or(Value::Null, |it| short(it.high)));
        }
        if !point.label.is_empty() {
            value.push(json!(on_one_line(&point.label)));
        }
        value
    });
    json!({
        "name": on_one_line(&series.name),
        "number": styles.number(series),
        "guide": series.shape == Shape::Guide,
        "bar": series.shape.is_bar().then(|| chart.bar_place(number)),
        "bases": (series.shape == Shape::Stack).then(|| {
            let bases = series.points.iter().map(|point| short(chart.base(number, point)));
            bases.collect::<Vec<_>>()
        }),
        "points": points.collect::<Vec<_>>(),
    })
}

/// A number without digits that nobody sees.
fn short(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return json!(value as i64);
    }
    let rounded: Option<f64> = format!("{value:.*e}", DIGITS - 1).parse().ok();
    json!(rounded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_they_have_to_be() {
        assert_eq!(short(0.1 + 0.2).to_string(), "0.3");
        assert_eq!(short(0.123_456_789).to_string(), "0.1234568");
        assert_eq!(short(-3.0).to_string(), "-3");
        assert_eq!(short(f64::NAN), Value::Null);
        assert_eq!(short(f64::INFINITY), Value::Null);
    }
}
