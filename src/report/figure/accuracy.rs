//! Predicted against measured latencies: a panel a latency, both axes logarithmic.

use plotters::backend::{DrawingBackend, SVGBackend};
use plotters::chart::ChartBuilder;
use plotters::coord::Shift;
use plotters::coord::combinators::{BindKeyPoints, IntoLogRange};
use plotters::element::Text;
use plotters::prelude::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::series::{DashedLineSeries, LineSeries};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{BLACK, Color, IntoFont, RGBColor, TextStyle, WHITE};

use super::Figure;
use super::marker::MARKERS;
use crate::metrics::{Metric, Statistic};
use crate::study::Comparison;

/// What it answers.
pub const FIGURE: Figure = Figure {
    name: "accuracy",
    question: "How far are predictions from measurements?",
};

/// Sides of a panel [px].
const PANEL: u32 = 340;
/// Room above the panels, for the title [px].
const TOP: u32 = 64;
/// Room below, for the legend [px].
const BOTTOM: u32 = 40;
const MARGIN: i32 = 16;
/// Between the names in the legend [px].
const LEGEND_STEP: i32 = 76;
const GREY: RGBColor = RGBColor(90, 90, 90);
const PALE: RGBColor = RGBColor(225, 225, 225);
/// The dashed lines: this share more and less than measured.
const BAND: f64 = 0.1;
/// Axes span at least this factor.
const LEAST_SPAN: f64 = 8.0;
/// More labels beside one another would touch.
const MOST_LABELS: f64 = 4.5;

type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// The latencies of one metric [s].
struct Panel {
    metric: Metric,
    points: Vec<Point>,
}

struct Point {
    /// Its place in the list of all statistics.
    statistic: usize,
    measured: f64,
    predicted: f64,
}

/// The figure, as the text of an SVG file.
pub fn draw(comparisons: &[&Comparison]) -> String {
    let panels: Vec<Panel> = Metric::ALL
        .into_iter()
        .map(|metric| Panel::new(metric, comparisons))
        .filter(|panel| !panel.points.is_empty())
        .collect();
    let columns = match panels.len() {
        0..=3 => panels.len().max(2),
        4 => 2,
        _ => 3,
    };
    let rows = panels.len().div_ceil(columns).max(1);
    let size = (PANEL * columns as u32, TOP + PANEL * rows as u32 + BOTTOM);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        draw_all(&root, &panels, comparisons.len(), (rows, columns))
            .expect("nothing can fail in writing to a string");
    }
    svg
}

impl Panel {
    /// What was both measured and predicted, and can stand on a logarithmic axis.
    fn new(metric: Metric, comparisons: &[&Comparison]) -> Self {
        let mut points = Vec::new();
        for (statistic, name) in Statistic::ALL.map(Statistic::name).into_iter().enumerate() {
            let name = format!("{}.{name}", metric.name());
            for compared in comparisons.iter().filter_map(|it| it.of(&name)) {
                if let Some(predicted) = compared.predicted.filter(|it| *it > 0.0)
                    && compared.measured > 0.0
                {
                    points.push(Point {
                        statistic,
                        measured: compared.measured,
                        predicted,
                    });
                }
            }
        }
        Self { metric, points }
    }

    /// The ends of both axes: around all points, with some room.
    fn range(&self) -> (f64, f64) {
        let values = self
            .points
            .iter()
            .flat_map(|point| [point.measured, point.predicted]);
        let (least, most) = values.fold((f64::INFINITY, 0.0_f64), |(least, most), value| {
            (least.min(value), most.max(value))
        });
        let room = (LEAST_SPAN / (most / least)).sqrt().max(1.3);
        (least / room, most * room)
    }
}

fn draw_all<B: DrawingBackend>(
    root: &DrawingArea<B, Shift>,
    panels: &[Panel],
    experiments: usize,
    (rows, columns): (usize, usize),
) -> Drawn<B> {
    root.fill(&WHITE)?;
    let noun = if experiments == 1 {
        "experiment"
    } else {
        "experiments"
    };
    let below = if panels.is_empty() {
        "No latency was both measured and predicted.".to_owned()
    } else {
        format!("{experiments} {noun}; on the line they are equal, dashed: 10 % more or less")
    };
    root.draw(&Text::new(FIGURE.question, (MARGIN, 12), text(22)))?;
    root.draw(&Text::new(below, (MARGIN, 40), text(15)))?;
    let (_, without_title) = root.split_vertically(TOP);
    let (middle, _) = without_title.split_vertically(PANEL * rows as u32);
    for (panel, area) in panels.iter().zip(middle.split_evenly((rows, columns))) {
        draw_panel(root, &area, panel)?;
    }
    let below_panels = TOP + PANEL * rows as u32 + BOTTOM / 2;
    draw_legend(root, panels, below_panels.cast_signed())
}

fn draw_panel<B: DrawingBackend>(
    root: &DrawingArea<B, Shift>,
    area: &DrawingArea<B, Shift>,
    panel: &Panel,
) -> Drawn<B> {
    let (least, most) = panel.range();
    let axis = || {
        (least..most)
            .log_scale()
            .with_key_points(ticks(least, most))
    };
    let mut chart = ChartBuilder::on(area)
        .caption(title(panel.metric), text(17))
        .margin(8)
        .margin_right(20)
        .x_label_area_size(48)
        .y_label_area_size(78)
        .build_cartesian_2d(axis(), axis())?;
    chart
        .configure_mesh()
        .bold_line_style(PALE)
        .axis_style(GREY)
        .x_desc("measured")
        .y_desc("predicted")
        .label_style(text(14))
        .axis_desc_style(text(15))
        .x_label_formatter(&|seconds| duration(*seconds))
        .y_label_formatter(&|seconds| duration(*seconds))
        .draw()?;
    chart.draw_series(LineSeries::new([(least, least), (most, most)], GREY))?;
    let above = [(least, least * (1.0 + BAND)), (most / (1.0 + BAND), most)];
    let below = [(least / (1.0 - BAND), least), (most, most * (1.0 - BAND))];
    for line in [above, below] {
        chart.draw_series(DashedLineSeries::new(line, 5, 4, GREY.stroke_width(1)))?;
    }
    for point in &panel.points {
        let place = chart.backend_coord(&(point.measured, point.predicted));
        MARKERS[point.statistic].draw(root, place)?;
    }
    Ok(())
}

/// The marks of the statistics that any panel has.
fn draw_legend<B: DrawingBackend>(
    root: &DrawingArea<B, Shift>,
    panels: &[Panel],
    y: i32,
) -> Drawn<B> {
    let mut x = MARGIN + 8;
    for (index, statistic) in Statistic::ALL.into_iter().enumerate() {
        let mut points = panels.iter().flat_map(|panel| &panel.points);
        if !points.any(|point| point.statistic == index) {
            continue;
        }
        MARKERS[index].draw(root, (x, y))?;
        let style = text(15).pos(Pos::new(HPos::Left, VPos::Center));
        root.draw(&Text::new(name(statistic), (x + 12, y), style))?;
        x += LEGEND_STEP;
    }
    Ok(())
}

fn text(size: i32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&BLACK)
}

fn title(metric: Metric) -> &'static str {
    match metric {
        Metric::Ttft => "time to first token",
        Metric::Tpot => "time per output token",
        Metric::Itl => "inter-token latency",
        Metric::E2e => "end-to-end latency",
        Metric::QueueWait => "queue wait",
    }
}

fn name(statistic: Statistic) -> &'static str {
    match statistic {
        Statistic::P50 => "median",
        Statistic::P999 => "p99.9",
        Statistic::Max => "largest",
        other => other.name(),
    }
}

/// Round numbers between two lengths of time [s], as many as there is room for.
fn ticks(least: f64, most: f64) -> Vec<f64> {
    // Steps within a decade, and the least factor between two of them.
    let finer = [(&[1.0, 2.0, 5.0][..], 2.0), (&[1.0, 3.0], 3.0)];
    let fits = |factor: f64| (most / least).log(factor) <= MOST_LABELS;
    let steps = finer.into_iter().find(|(_, factor)| fits(*factor));
    let steps = steps.map_or(&[1.0][..], |(steps, _)| steps);
    let decades = least.log10().floor() as i32..=most.log10().ceil() as i32;
    let apart = if fits(10.0) { 1 } else { 2 };
    decades
        .step_by(apart)
        .flat_map(|decade| steps.iter().map(move |step| step * 10_f64.powi(decade)))
        .filter(|tick| (least..=most).contains(tick))
        .collect()
}

/// Short: "20 ms".
fn duration(seconds: f64) -> String {
    for (unit, length) in [("s", 1.0), ("ms", 1e-3)] {
        if seconds >= 0.999 * length {
            return format!("{} {unit}", rounded(seconds / length));
        }
    }
    format!("{} µs", rounded(seconds / 1e-6))
}

/// Without the last digits, which a power of ten may leave.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
