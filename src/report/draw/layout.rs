//! Where the parts of a drawing stand: question, note, panels in rows, legend.

use super::chart_panel::ChartPanel;
use super::heat_map_panel::HeatMapPanel;
use super::sizes::{Heights, LABEL_SIZE, LEADING, Sides, no_data};
use super::sketch::{Anchor, GREY, INK, Rect, Sketch};
use super::style::Styles;
use super::text;
use crate::report::draw::chart::{Drawing, Panel, Series, Shape};

const QUESTION_SIZE: f64 = 19.0;
const NOTE_SIZE: f64 = 13.0;
/// Width of a panel that stands alone, and of one that has another beside it [px].
const ALONE: f64 = 648.0;
const BESIDE: f64 = 456.0;
/// Height between the axes, likewise [px].
const ALONE_HEIGHT: f64 = 300.0;
const BESIDE_HEIGHT: f64 = 250.0;
const MARGIN: f64 = 16.0;
/// How far panels stand apart [px].
const GAP: f64 = 24.0;
/// Of the legend: the sample before a name, from a name to the next sample, from a row to the next [px].
const SAMPLE: f64 = 30.0;
const SHORT_SAMPLE: f64 = 12.0;
const ENTRY_GAP: f64 = 22.0;
const ENTRY_HEIGHT: f64 = 19.0;
/// Longer names are cut [px].
const LONGEST_NAME: f64 = 300.0;

/// A panel whose size is known.
pub enum PlannedPanel<'a> {
    Chart(ChartPanel<'a>),
    HeatMap(HeatMapPanel<'a>),
}

/// A chart by itself.
pub struct LoneChart {
    pub sketch: Sketch,
    /// Width and height [px].
    pub size: (f64, f64),
    /// Where its plot is.
    pub plot: Rect,
}

/// The items of a drawing, and its width and height [px].
pub fn laid_out(drawing: &Drawing) -> (Sketch, (f64, f64)) {
    let mut sketch = Sketch::default();
    let is_alone = drawing.panels.len() < 2;
    let (columns, width) = if is_alone { (1, ALONE) } else { (2, BESIDE) };
    let all = columns as f64 * width + (columns - 1) as f64 * GAP;
    let mut y = MARGIN;
    for (words, size, colour, most) in [
        (&drawing.question, QUESTION_SIZE, INK, 3),
        (&drawing.note, NOTE_SIZE, GREY, 3),
    ] {
        for line in text::wrapped(words, size, all, most) {
            sketch.words(&line, (MARGIN, y + size), Anchor::Start, size, colour);
            y += LEADING * size;
        }
    }
    y += 14.0;
    let styles = Styles::of(drawing);
    let height = if is_alone { ALONE_HEIGHT } else { BESIDE_HEIGHT };
    for (panels, heights) in planned_rows(drawing, columns, width, height) {
        draw_row(&mut sketch, &panels, &styles, (y, width), heights.above);
        y += heights.above + heights.between_axes + heights.below + GAP;
    }
    if drawing.panels.is_empty() {
        no_data(&mut sketch, &Rect::new(MARGIN, y, all, 60.0));
        y += 60.0;
    }
    y = draw_legend(&mut sketch, drawing, &styles, y - 4.0, all);
    (sketch, (2.0 * MARGIN + all, (y + MARGIN - 6.0).ceil()))
}

/// Each chart of a drawing by itself, so wide and with axes so high [px]. Panels that will stand in a row have their
/// axes at one height. `None` in the place of a heat map.
pub fn laid_out_alone(drawing: &Drawing, columns: usize, width: f64, height: f64) -> Vec<Option<LoneChart>> {
    let styles = Styles::of(drawing);
    let rows = planned_rows(drawing, columns, width, height).into_iter();
    let charts = rows.flat_map(|(panels, heights)| {
        let styles = &styles;
        panels.into_iter().map(move |panel| {
            let PlannedPanel::Chart(chart) = panel else { return None };
            let mut sketch = Sketch::default();
            chart.draw(&mut sketch, (0.0, 0.0), heights.above, styles);
            Some(LoneChart {
                sketch,
                size: (width, (heights.above + heights.between_axes + heights.below).ceil()),
                plot: chart.plot((0.0, 0.0), heights.above),
            })
        })
    });
    charts.collect()
}

/// Draws panels beside one another, so far from above, their axes at one height.
fn draw_row(sketch: &mut Sketch, row: &[PlannedPanel], styles: &Styles, (top, width): (f64, f64), above: f64) {
    for (column, panel) in row.iter().enumerate() {
        let left = MARGIN + column as f64 * (width + GAP);
        match panel {
            PlannedPanel::Chart(chart) => chart.draw(sketch, (left, top), above, styles),
            PlannedPanel::HeatMap(map) => map.draw(sketch, (left, top), above),
        }
    }
}

type PlannedRow<'a> = (Vec<PlannedPanel<'a>>, Heights);

/// Panels in rows: those of a row have axes of one height, those of a column plots of one width. With each row goes
/// what all of it need.
fn planned_rows(drawing: &Drawing, columns: usize, width: f64, height: f64) -> Vec<PlannedRow<'_>> {
    let mut sides = vec![Sides::default(); columns];
    for (number, panel) in drawing.panels.iter().enumerate() {
        let own = match plan(panel, (width, height), Sides::default()) {
            PlannedPanel::Chart(chart) => chart.sides(width),
            PlannedPanel::HeatMap(map) => map.sides(width),
        };
        let all = &mut sides[number % columns];
        all.left = all.left.max(own.left);
        all.right = all.right.max(own.right);
    }
    let rows = drawing.panels.chunks(columns);
    rows.map(|row| planned_row(row, &sides, (width, height))).collect()
}

fn planned_row<'a>(row: &'a [Panel], sides: &[Sides], (width, height): (f64, f64)) -> PlannedRow<'a> {
    let planned = |height| -> Vec<PlannedPanel<'a>> {
        let panels = row.iter().zip(sides);
        panels
            .map(|(panel, sides)| plan(panel, (width, height), *sides))
            .collect()
    };
    let most = |panels: &[PlannedPanel]| {
        let heights = panels.iter().map(PlannedPanel::heights);
        heights.fold(Heights::default(), |most, it| Heights {
            above: most.above.max(it.above),
            between_axes: most.between_axes.max(it.between_axes),
            below: most.below.max(it.below),
        })
    };
    let panels = planned(most(&planned(height)).between_axes);
    let heights = most(&panels);
    (panels, heights)
}

fn plan(panel: &Panel, size: (f64, f64), sides: Sides) -> PlannedPanel<'_> {
    match panel {
        Panel::Chart(chart) => PlannedPanel::Chart(ChartPanel::new(chart, size, sides)),
        Panel::HeatMap(map) => PlannedPanel::HeatMap(HeatMapPanel::new(map, size, sides)),
    }
}

impl PlannedPanel<'_> {
    fn heights(&self) -> Heights {
        match self {
            Self::Chart(chart) => chart.heights,
            Self::HeatMap(map) => map.heights,
        }
    }
}

/// The series that a legend names: the same name is the same series in all panels.
pub fn legend<'a>(drawing: &'a Drawing, styles: &Styles) -> Vec<&'a Series> {
    let mut entries: Vec<&Series> = Vec::new();
    for panel in &drawing.panels {
        let Panel::Chart(chart) = panel else { continue };
        for series in &chart.series {
            let is_new = entries.iter().all(|it| styles.number(it) != styles.number(series));
            if !series.name.trim().is_empty() && is_new {
                entries.push(series);
            }
        }
    }
    entries
}

fn draw_legend(sketch: &mut Sketch, drawing: &Drawing, styles: &Styles, top: f64, width: f64) -> f64 {
    let entries = legend(drawing, styles);
    if entries.is_empty() {
        return top;
    }
    let names: Vec<String> = entries
        .iter()
        .map(|series| text::fitted(&series.name, LABEL_SIZE, LONGEST_NAME))
        .collect();
    let widths: Vec<f64> = names
        .iter()
        .map(|name| text::width(name, LABEL_SIZE) + ENTRY_GAP)
        .collect();
    let is_line = |series: &&Series| !series.shape.is_bar() && series.shape != Shape::Points;
    let has_lines = entries.iter().any(is_line);
    let sample = if has_lines { SAMPLE } else { SHORT_SAMPLE };
    let before = sample + 7.0;
    // In a row if there is room for all, else in columns.
    let all: f64 = widths.iter().map(|width| before + width).sum();
    let column = before + widths.iter().copied().fold(0.0, f64::max);
    let is_row = all <= width + ENTRY_GAP;
    let columns = if is_row {
        entries.len()
    } else {
        (((width + ENTRY_GAP) / column) as usize).max(1)
    };
    let mut x = MARGIN;
    for (index, (series, name)) in entries.iter().zip(&names).enumerate() {
        if index % columns == 0 {
            x = MARGIN;
        }
        let y = top + (index / columns) as f64 * ENTRY_HEIGHT + ENTRY_HEIGHT / 2.0;
        let place = Rect::new(x, y - ENTRY_HEIGHT / 2.0, sample, ENTRY_HEIGHT);
        let style = styles.style(series);
        style.draw_sample(sketch, series.shape, &place);
        let at = (x + before, y + 0.36 * LABEL_SIZE);
        sketch.words(name, at, Anchor::Start, LABEL_SIZE, INK);
        x += if is_row { before + widths[index] } else { column };
    }
    top + entries.len().div_ceil(columns) as f64 * ENTRY_HEIGHT
}
