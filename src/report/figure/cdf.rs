//! Which share of requests is served within which time.

use super::kind::{Draws, Figure, Recordings};
use super::titles::title;
use crate::metrics::{Metric, Recording};
use crate::report::draw::chart::{Chart, ChartAxis, Drawing, Panel, Point, Series, Shape, Unit};
use crate::units::PICOS_PER_SECOND;

/// Shares of requests against their latencies.
pub const FIGURE: Figure = Figure {
    name: "cdf",
    question: "Which share of requests is served within which time?",
    needs: "runs",
    draws: Draws::Recordings(drawing),
};

/// Points of a curve: every half percent, and finer beyond the 99th percentile.
const PARTS: [f64; 209] = {
    let mut parts = [0.0; 209];
    let mut at = 0;
    while at < 199 {
        parts[at] = (at as f64 + 1.0) / 200.0;
        at += 1;
    }
    while at < 209 {
        parts[at] = 0.995 + 0.0005 * (at as f64 - 198.0);
        at += 1;
    }
    parts
};

/// Time to first token and E2E latency of runs, each with its name.
pub fn drawing(note: &str, runs: &Recordings) -> Drawing {
    let panels = [Metric::Ttft, Metric::E2e].map(|metric| {
        let series = runs.iter().map(|(name, recording)| Series {
            name: (*name).to_owned(),
            shape: Shape::Line,
            points: points(metric, recording),
        });
        Panel::Chart(Chart {
            title: title(metric).to_owned(),
            x: ChartAxis::logarithmic(title(metric), Unit::Seconds),
            y: ChartAxis::linear("share of requests", Unit::Share),
            series: series.collect(),
            marks: Vec::new(),
        })
    });
    Drawing {
        question: FIGURE.question.to_owned(),
        note: note.to_owned(),
        panels: panels.into(),
    }
}

fn points(metric: Metric, recording: &Recording) -> Vec<Point> {
    let picos = recording.latency(metric);
    let samples = picos.count() as f64;
    let Some(quantiles) = picos.quantiles(PARTS) else {
        return Vec::new();
    };
    let known = PARTS.iter().zip(quantiles).filter(|(part, _)| {
        // As in tables: ten samples at least lie beyond what is shown.
        (1.0 - **part) * samples >= 10.0 - 1e-6 || **part <= 0.5
    });
    known
        .map(|(part, picos)| Point::at(picos / PICOS_PER_SECOND as f64, *part))
        .collect()
}
