//! A chart in its place.

use super::axes::{Above, Below, Beside};
use super::labels::{self, Obstacles};
use super::scale::Scale;
use super::series::{self, Bars, Plot};
use super::sizes::{Heights, LABEL_SIZE, no_data};
use super::sketch::{Anchor, Colour, Dashes, GREY, Rect, Sketch, Spot};
use super::style::Styles;
use super::text;
use crate::report::draw::chart::{Chart, ChartAxis, Mark, Shape};

const MARK_COLOUR: Colour = Colour(70, 70, 70);
const MARK_DASHES: Dashes = &[6.0, 4.0];
/// From one line of marks' names to the next [px].
const NAME_LINE: f64 = 15.0;
/// Names of vertical marks stand in as many lines above the plot; more than fit are left out.
const MOST_NAME_LINES: usize = 4;
/// Names of horizontal marks, right of the plot, get at most this share of the panel's width.
const NAMES_SHARE: f64 = 0.3;
/// Zero is on the horizontal axis if the least value is this share of the largest, or less.
const NEAR_ZERO: f64 = 0.3;
/// Right of the plot there is at least this much room [px].
const LEAST_RIGHT: f64 = 10.0;

/// A chart, with everything in it measured.
pub struct ChartPanel<'a> {
    chart: &'a Chart,
    x: Scale,
    y: Scale,
    bars: Option<Bars>,
    above: Above,
    beside: Beside,
    below: Below,
    /// Names above the plot: line from below, place from its left end, name.
    names_above: Vec<(usize, f64, String)>,
    /// Names right of the plot: place of the mark and of the name from its upper end, name.
    names_beside: Vec<(f64, f64, String)>,
    /// From the panel's left side [px].
    plot_left: f64,
    plot_width: f64,
    pub heights: Heights,
}

impl<'a> ChartPanel<'a> {
    pub fn new(chart: &'a Chart, width: f64, height: f64) -> Self {
        let (x, y, bars) = scales(chart);
        let beside = Beside::new(&chart.y, &y, height);
        let names_beside = names_beside(chart, &y, height, NAMES_SHARE * width);
        let widths = names_beside
            .iter()
            .map(|(.., name)| text::width(name, LABEL_SIZE) + 8.0);
        let names_width = widths.fold(LEAST_RIGHT, f64::max);
        let plot_left = beside.width;
        let plot_width = width - plot_left - names_width;
        let overhang = Below::new(&chart.x, &x, plot_width).overhang(plot_width);
        let plot_width = plot_width - (overhang - names_width).max(0.0);
        let below = Below::new(&chart.x, &x, plot_width);
        let above = Above::new(&chart.title, &chart.y.title, width);
        let names_above = names_above(chart, &x, plot_width, (-plot_left, width - plot_left));
        let lines = names_above.iter().map(|(line, ..)| line + 1).max();
        let heights = Heights {
            above: above.height + lines.unwrap_or(0) as f64 * NAME_LINE,
            between_axes: height,
            below: below.height,
        };
        Self {
            chart,
            x,
            y,
            bars,
            above,
            beside,
            below,
            names_above,
            names_beside,
            plot_left,
            plot_width,
            heights,
        }
    }

    /// Draws it from a place on, its axes so far below.
    pub fn draw(&self, sketch: &mut Sketch, (left, top): Spot, above: f64, styles: &Styles) {
        let rect = Rect::new(
            left + self.plot_left,
            top + above,
            self.plot_width,
            self.heights.between_axes,
        );
        let plot = Plot {
            x: &self.x,
            y: &self.y,
            rect,
        };
        self.above.draw(sketch, (left, top));
        let axes = [
            (rect.left, rect.top),
            (rect.left, rect.bottom),
            (rect.right, rect.bottom),
        ];
        if self.is_empty(&plot) {
            sketch.line(axes.to_vec(), GREY, 1.0);
            self.below.draw_title(sketch, &rect);
            return no_data(sketch, &rect);
        }
        self.beside.draw(sketch, &rect, true);
        let has_grid = self.chart.x.names.is_empty();
        self.below.draw(sketch, &rect, has_grid);
        let mut obstacles = Obstacles::within(rect);
        let mut labels = Vec::new();
        let mut bars_before = 0;
        self.draw_marks(sketch, &plot, &mut obstacles);
        for series in &self.chart.series {
            let style = styles.style(series);
            let bars = self.bars.map(|bars| (bars, bars_before));
            series::draw(sketch, series, &style, &plot, bars, &mut obstacles);
            if series.shape == Shape::Bars {
                bars_before += 1;
            }
            let labelled = series.points.iter().filter(|it| !it.label.is_empty());
            labels.extend(labelled.filter_map(|point| Some((plot.place(point)?, point.label.as_str()))));
        }
        sketch.line(axes.to_vec(), GREY, 1.0);
        labels::draw(sketch, &mut obstacles, &labels);
    }

    fn is_empty(&self, plot: &Plot) -> bool {
        let mut points = self.chart.series.iter().flat_map(|series| &series.points);
        points.all(|point| plot.place(point).is_none())
    }

    fn draw_marks(&self, sketch: &mut Sketch, plot: &Plot, obstacles: &mut Obstacles) {
        let rect = plot.rect;
        for mark in &self.chart.marks {
            let scale = if mark.is_vertical { plot.x } else { plot.y };
            let Some(share) = scale.share(mark.at) else {
                continue;
            };
            let ends = if mark.is_vertical {
                let x = plot.right_by(share);
                [(x, rect.top), (x, rect.bottom)]
            } else {
                let y = plot.up_by(share);
                [(rect.left, y), (rect.right, y)]
            };
            sketch.dashed(&ends, MARK_COLOUR, 1.2, MARK_DASHES);
            obstacles.add_line(&ends);
        }
        for (line, place, name) in &self.names_above {
            let y = rect.top - 5.0 - *line as f64 * NAME_LINE;
            let at = (rect.left + place, y);
            sketch.words(name, at, Anchor::Middle, LABEL_SIZE, MARK_COLOUR);
        }
        for (mark, name_at, name) in &self.names_beside {
            let (mark, name_at) = (rect.top + mark, rect.top + name_at);
            let leader = vec![(rect.right, mark), (rect.right + 6.0, name_at)];
            sketch.line(leader, MARK_COLOUR, 1.0);
            let at = (rect.right + 8.0, name_at + 0.36 * LABEL_SIZE);
            sketch.words(name, at, Anchor::Start, LABEL_SIZE, MARK_COLOUR);
        }
    }
}

/// The axes of a chart, and the room for its bars.
pub fn scales(chart: &Chart) -> (Scale, Scale, Option<Bars>) {
    let x = x_scale(chart);
    let bars = Bars::of(chart, &x);
    let x = bars.map_or(x, |bars| x.widened(bars.room()));
    // A wider axis has its bars closer together.
    let bars = Bars::of(chart, &x);
    (x, y_scale(chart), bars)
}

fn x_scale(chart: &Chart) -> Scale {
    let values = || {
        let points = chart.series.iter().flat_map(|series| &series.points);
        let of_points = points.filter(|point| point.y.is_finite()).map(|point| point.x);
        of_points.chain(places_of_marks(chart, true))
    };
    let has_bars = chart.series.iter().any(|series| series.shape == Shape::Bars);
    let finite = || values().filter(|value| value.is_finite());
    let (least, most) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), it| {
        (least.min(it), most.max(it))
    });
    let from_zero = !has_bars && least >= 0.0 && least <= NEAR_ZERO * most;
    Scale::around(&chart.x, values(), from_zero).extended(room_for_labels(chart))
}

fn y_scale(chart: &Chart) -> Scale {
    let points = chart.series.iter().flat_map(|series| &series.points);
    let shown = points.filter(|point| can_stand(&chart.x, point.x));
    let values = shown.flat_map(|point| {
        let ends = point.interval.map(|it| [it.low, it.high]);
        std::iter::once(point.y).chain(ends.into_iter().flatten())
    });
    Scale::around(&chart.y, values.chain(places_of_marks(chart, false)), true).extended(room_for_labels(chart))
}

/// Beyond the data, as a share of an axis.
fn room_for_labels(chart: &Chart) -> f64 {
    let mut points = chart.series.iter().flat_map(|series| &series.points);
    let has_labels = points.any(|point| !point.label.is_empty());
    if has_labels { 0.07 } else { 0.0 }
}

fn can_stand(axis: &ChartAxis, value: f64) -> bool {
    value.is_finite() && (!axis.is_logarithmic || value > 0.0)
}

fn places_of_marks(chart: &Chart, is_vertical: bool) -> impl Iterator<Item = f64> {
    let marks = chart.marks.iter();
    marks
        .filter(move |mark| mark.is_vertical == is_vertical)
        .map(|mark| mark.at)
}

/// Marks that are on the plot, in the order of their places.
fn marks_on<'a>(chart: &'a Chart, scale: &Scale, is_vertical: bool) -> Vec<(f64, &'a Mark)> {
    let marks = chart.marks.iter();
    let mut marks: Vec<(f64, &Mark)> = marks
        .filter(|mark| mark.is_vertical == is_vertical)
        .filter_map(|mark| Some((scale.share(mark.at)?, mark)))
        .collect();
    marks.sort_by(|left, right| left.0.total_cmp(&right.0));
    marks
}

/// Each name above its mark, as low as there is room, within the ends of the panel [px].
fn names_above(chart: &Chart, x: &Scale, width: f64, (first, last): (f64, f64)) -> Vec<(usize, f64, String)> {
    let mut ends = [f64::NEG_INFINITY; MOST_NAME_LINES];
    let mut placed = Vec::new();
    for (share, mark) in marks_on(chart, x, true) {
        let name = text::fitted(&mark.name, LABEL_SIZE, width / 2.0);
        if name.is_empty() {
            continue;
        }
        let half = text::width(&name, LABEL_SIZE) / 2.0;
        let centre = (share * width).clamp(first + half, (last - half).max(first + half));
        let free = ends.iter().position(|end| *end + 10.0 <= centre - half);
        if let Some(line) = free {
            ends[line] = centre + half;
            placed.push((line, centre, name));
        }
    }
    placed
}

/// Each name right of its mark, moved where another stands.
fn names_beside(chart: &Chart, y: &Scale, height: f64, room: f64) -> Vec<(f64, f64, String)> {
    let marks = marks_on(chart, y, false);
    let mut placed: Vec<(f64, f64, String)> = marks
        .into_iter()
        .rev()
        .map(|(share, mark)| {
            let at = (1.0 - share) * height;
            (at, at, text::fitted(&mark.name, LABEL_SIZE, room))
        })
        .filter(|(.., name)| !name.is_empty())
        .collect();
    placed.truncate((height / NAME_LINE) as usize);
    // Down as far as names above push, then up from the lower end.
    for index in 1..placed.len() {
        placed[index].1 = placed[index].1.max(placed[index - 1].1 + NAME_LINE);
    }
    let mut lowest = height;
    for (_, name_at, _) in placed.iter_mut().rev() {
        *name_at = name_at.min(lowest);
        lowest = *name_at - NAME_LINE;
    }
    placed
}
