//! A chart in its place.

use super::axes::{Above, Below, Beside};
use super::labels::{self, Obstacles};
use super::scale::Scale;
use super::series::{self, Bars, DrawnSeries, Plot};
use super::sizes::{Heights, LABEL_SIZE, Sides, no_data};
use super::sketch::{Anchor, Colour, Dashes, GREY, Rect, Role, Sketch, Spot};
use super::style::Styles;
use super::text;
use crate::report::draw::chart::{Chart, ChartAxis, Mark, Series, Shape};

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

/// A name above the plot.
struct NameAbove {
    /// In which line, from below.
    line: usize,
    /// Where its mark is, as a share of the axis.
    share: f64,
    /// Where its middle is, from the plot's left end [px].
    place: f64,
    name: String,
}

/// A chart, with everything in it measured.
pub struct ChartPanel<'a> {
    chart: &'a Chart,
    x: Scale,
    y: Scale,
    bars: Option<Bars>,
    above: Above,
    beside: Beside,
    below: Below,
    names_above: Vec<NameAbove>,
    /// Names right of the plot: place of the mark and of the name from its upper end, name.
    names_beside: Vec<(f64, f64, String)>,
    /// From the panel's left side [px].
    plot_left: f64,
    plot_width: f64,
    pub heights: Heights,
}

impl<'a> ChartPanel<'a> {
    /// The panel of a chart, its plot with at least so much room at its sides.
    pub fn new(chart: &'a Chart, (width, height): (f64, f64), least: Sides) -> Self {
        let (x, y, bars) = scales(chart);
        let beside = Beside::new(&chart.y, &y, height);
        let names_beside = names_beside(chart, &y, height, NAMES_SHARE * width);
        let widths = names_beside
            .iter()
            .map(|(.., name)| text::width(name, LABEL_SIZE) + 8.0);
        let names_width = widths.fold(least.right.max(LEAST_RIGHT), f64::max);
        let plot_left = beside.width.max(least.left);
        let plot_width = width - plot_left - names_width;
        let overhang = Below::new(&chart.x, &x, plot_width).overhang(plot_width);
        let plot_width = plot_width - (overhang - names_width).max(0.0);
        let below = Below::new(&chart.x, &x, plot_width);
        let above = Above::new(&chart.title, &chart.y.title, width);
        let names_above = names_above(chart, &x, plot_width, width - plot_left);
        let lines = names_above.iter().map(|it| it.line + 1).max();
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

    /// The room at the sides of its plot, in a panel of this width.
    pub fn sides(&self, width: f64) -> Sides {
        Sides {
            left: self.plot_left,
            right: width - self.plot_left - self.plot_width,
        }
    }

    /// Where its plot is when it is drawn from a place on, its axes so far below.
    pub fn plot(&self, (left, top): Spot, above: f64) -> Rect {
        let height = self.heights.between_axes;
        Rect::new(left + self.plot_left, top + above, self.plot_width, height)
    }

    /// Draws it from a place on, its axes so far below.
    pub fn draw(&self, sketch: &mut Sketch, (left, top): Spot, above: f64, styles: &Styles) {
        let rect = self.plot((left, top), above);
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
        if is_empty(self.chart, &self.x, &self.y) {
            sketch.line(axes.to_vec(), GREY, 1.0);
            self.below.draw_title(sketch, &rect);
            return no_data(sketch, &rect);
        }
        self.beside.draw(sketch, &rect, true);
        let has_grid = self.chart.x.names.is_empty();
        self.below.draw(sketch, &rect, has_grid);
        let mut obstacles = Obstacles::within(rect);
        if can_stretch(self.chart) {
            sketch.group(Role::Stretched(rect), |sketch| {
                self.draw_inside(sketch, &plot, &mut obstacles, styles);
            });
        } else {
            self.draw_inside(sketch, &plot, &mut obstacles, styles);
        }
        self.draw_names(sketch, &rect);
        sketch.line(axes.to_vec(), GREY, 1.0);
        let labels = self.chart.series.iter().flat_map(|series| {
            let number = styles.number(series);
            let labelled = series.points.iter().filter(|it| !it.label.is_empty());
            labelled.filter_map(move |point| Some((number, plot.place(point)?, point.label.as_str())))
        });
        labels::draw(sketch, &mut obstacles, labels);
    }

    /// Marks and series.
    fn draw_inside(&self, sketch: &mut Sketch, plot: &Plot, obstacles: &mut Obstacles, styles: &Styles) {
        self.draw_marks(sketch, plot, obstacles);
        for (number, series) in self.chart.series.iter().enumerate() {
            let style = styles.style(series);
            let drawn = DrawnSeries {
                chart: self.chart,
                number,
                bars: self.bars,
            };
            sketch.group(Role::Series(styles.number(series)), |sketch| {
                series::draw(sketch, drawn, &style, plot, obstacles);
            });
        }
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
            obstacles.add_line(&ends);
            sketch.dashed(ends.to_vec(), MARK_COLOUR, 1.2, MARK_DASHES);
        }
    }

    /// Names of marks, around the plot.
    fn draw_names(&self, sketch: &mut Sketch, rect: &Rect) {
        for name in &self.names_above {
            let at = (rect.left + name.place, rect.top - 5.0 - name.line as f64 * NAME_LINE);
            sketch.group(Role::PlaceName(name.share), |sketch| {
                sketch.words(&name.name, at, Anchor::Middle, LABEL_SIZE, MARK_COLOUR);
            });
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

/// Whether none of its points can be seen.
pub fn is_empty(chart: &Chart, x: &Scale, y: &Scale) -> bool {
    let mut points = chart.series.iter().flat_map(|series| &series.points);
    points.all(|point| x.share(point.x).is_none() || y.share(point.y).is_none())
}

/// Whether it looks the same when a part of it is shown as wide as all: lines do, marks and words do not.
pub fn can_stretch(chart: &Chart) -> bool {
    let is_line = |series: &Series| matches!(series.shape, Shape::Line | Shape::Steps | Shape::Guide);
    let has_labels = |series: &Series| series.points.iter().any(|point| !point.label.is_empty());
    let all_are_lines = chart.series.iter().all(|it| is_line(it) && !has_labels(it));
    chart.x.names.is_empty() && all_are_lines
}

fn x_scale(chart: &Chart) -> Scale {
    let values = || {
        let points = chart.series.iter().flat_map(|series| &series.points);
        let of_points = points.filter(|point| point.y.is_finite()).map(|point| point.x);
        of_points.chain(places_of_marks(chart, true))
    };
    let has_bars = chart.series.iter().any(|series| series.shape.is_bar());
    let finite = || values().filter(|value| value.is_finite());
    let (least, most) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), it| {
        (least.min(it), most.max(it))
    });
    let from_zero = !has_bars && least >= 0.0 && least <= NEAR_ZERO * most;
    Scale::around(&chart.x, values(), from_zero).extended(room_for_labels(chart))
}

fn y_scale(chart: &Chart) -> Scale {
    let series = chart.series.iter().enumerate();
    let points = series.flat_map(|(number, series)| series.points.iter().map(move |point| (number, point)));
    let shown = points.filter(|(_, point)| can_stand(&chart.x, point.x));
    let values = shown.flat_map(|(number, point)| {
        let ends = point.interval.map(|it| [it.low, it.high]);
        std::iter::once(chart.base(number, point) + point.y).chain(ends.into_iter().flatten())
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

/// Each name above its mark, as low as there is room, from the plot's left end, beside which numbers stand, to the
/// panel's right end [px].
fn names_above(chart: &Chart, x: &Scale, width: f64, last: f64) -> Vec<NameAbove> {
    let mut ends = [f64::NEG_INFINITY; MOST_NAME_LINES];
    let mut placed = Vec::new();
    for (share, mark) in marks_on(chart, x, true) {
        let name = text::fitted(&mark.name, LABEL_SIZE, width / 2.0);
        if name.is_empty() {
            continue;
        }
        let half = text::width(&name, LABEL_SIZE) / 2.0;
        let centre = (share * width).clamp(half, (last - half).max(half));
        let free = ends.iter().position(|end| *end + 10.0 <= centre - half);
        if let Some(line) = free {
            ends[line] = centre + half;
            placed.push(NameAbove {
                line,
                share,
                place: centre,
                name,
            });
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
