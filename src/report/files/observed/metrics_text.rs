//! Metrics as text: as OpenMetrics with timestamps, which loads into a Prometheus, and as a Prometheus scrapes them.
//!
//! The forms are those of OpenMetrics 1.0 (<https://prometheus.io/docs/specs/om/open_metrics_spec/>) and of
//! Prometheus's text format 0.0.4. Both want all samples of a metric together; the first one also all of a series, by
//! time. They differ in what a counter is called: the first names the metric without the `_total` of its samples.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::wall_clock::WallClock;
use crate::config::on_one_line;
use crate::metrics::{ExposedFamily, ExposedRun, ExposedSeries, FamilyKind, Label};

/// Writes all that was scraped of a run, with the times.
pub fn write_openmetrics(output: &mut impl Write, run: &ExposedRun, clock: WallClock) -> io::Result<()> {
    let times: Vec<String> = (0..run.len()).map(|instant| clock.seconds(run.at(instant))).collect();
    for family in run.families() {
        write_heading(output, family, family.family.name)?;
        for series in &family.series {
            let names = SampleNames::of(family, series);
            for (instant, time) in times.iter().enumerate() {
                names.write(output, run.numbers(series, instant), &format!(" {time}"))?;
            }
        }
    }
    writeln!(output, "# EOF")
}

/// Writes what was scraped at the end, without a time.
pub fn write_metrics_text(output: &mut impl Write, run: &ExposedRun) -> io::Result<()> {
    let Some(last) = run.len().checked_sub(1) else {
        return Ok(());
    };
    for family in run.families() {
        write_heading(output, family, &family.family.sample_name())?;
        for series in &family.series {
            SampleNames::of(family, series).write(output, run.numbers(series, last), "")?;
        }
    }
    Ok(())
}

fn write_heading(output: &mut impl Write, family: &ExposedFamily, name: &str) -> io::Result<()> {
    let kind = match family.family.kind {
        FamilyKind::Gauge => "gauge",
        FamilyKind::Counter => "counter",
        FamilyKind::Histogram => "histogram",
    };
    writeln!(output, "# HELP {name} {}", family.family.help)?;
    writeln!(output, "# TYPE {name} {kind}")
}

/// What stands before each number of a series.
struct SampleNames(Vec<String>);

impl SampleNames {
    fn of(family: &ExposedFamily, series: &ExposedSeries) -> Self {
        let name = family.family.sample_name();
        let Some(boundaries) = &series.boundaries else {
            return Self(vec![named(&name, &series.labels, None)]);
        };
        let infinite = "+Inf".to_owned();
        let shown = boundaries.iter().map(|&boundary| as_python_shows(boundary));
        let bucket = |boundary: String| named(&format!("{name}_bucket"), &series.labels, Some(&boundary));
        let mut names: Vec<String> = shown.chain([infinite]).map(bucket).collect();
        names.push(named(&format!("{name}_sum"), &series.labels, None));
        names.push(named(&format!("{name}_count"), &series.labels, None));
        Self(names)
    }

    fn write(&self, output: &mut impl Write, numbers: &[f64], after: &str) -> io::Result<()> {
        // The count of a histogram is that of its last bucket, before the sum.
        let count = numbers.len().checked_sub(2).map(|place| numbers[place]);
        for (name, number) in self.0.iter().zip(numbers.iter().chain(&count)) {
            writeln!(output, "{name} {number}{after}")?;
        }
        Ok(())
    }
}

fn named(name: &str, labels: &[Label], boundary: Option<&str>) -> String {
    let mut text = name.to_owned();
    let labels = labels.iter().map(|(label, value)| (*label, value.as_str()));
    for (place, (label, value)) in labels.chain(boundary.map(|it| ("le", it))).enumerate() {
        let before = if place == 0 { '{' } else { ',' };
        let _ = write!(text, "{before}{label}=\"{}\"", escaped(value));
    }
    if text.len() > name.len() {
        text.push('}');
    }
    text
}

/// The value of a label, in which nothing ends it, and nothing that a terminal would obey.
fn escaped(value: &str) -> String {
    on_one_line(value).replace('\\', "\\\\").replace('"', "\\\"")
}

/// A boundary as vLLM's exporter shows it, as series have to have the same labels (`floatToGoString` in Python's
/// `prometheus_client`): from a million on with an exponent.
fn as_python_shows(boundary: f64) -> String {
    if boundary < 1e6 {
        return format!("{boundary:?}");
    }
    let text = format!("{boundary:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => format!("{digits}e+{exponent:0>2}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_are_those_of_vllms_exporter() {
        let shown = [0.001, 0.25, 1.0, 2560.0, 500_000.0, 1e6, 2e6, 5e7].map(as_python_shows);
        let expected = ["0.001", "0.25", "1.0", "2560.0", "500000.0", "1e+06", "2e+06", "5e+07"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn no_value_ends_its_label() {
        let labels = [("class", "a\"b\\c\nd\u{1b}".to_owned())];
        let name = named("x", &labels, Some("1.0"));
        assert_eq!(name, r#"x{class="a\"b\\c\\u000ad\\u001b",le="1.0"}"#);
        assert_eq!(named("x", &[], None), "x");
    }
}
