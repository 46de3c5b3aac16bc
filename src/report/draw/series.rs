//! The points of a series, in its shape.

use super::labels::Obstacles;
use super::scale::Scale;
use super::sketch::{Colour, INK, Rect, Sketch, Spot};
use super::style::{MARK, SeriesStyle};
use crate::report::draw::chart::{Chart, Point, Series, Shape};
use crate::stats::Interval;

/// Half of the short lines at the ends of an interval [px].
const CAP: f64 = 3.5;
/// How much of a colour there is in the band around a line.
const BAND: f64 = 0.2;
/// Of the room for a group of bars, this share is for bars.
const BARS: f64 = 0.8;
/// Wider bars are no easier to compare [px].
const WIDEST_BAR: f64 = 90.0;
/// The marks of more points would be one thick line, and their intervals a fence.
const MOST_MARKS: usize = 60;
/// Points of a line closer together than this are drawn as their range [px].
const COLUMN: f64 = 0.5;

/// Where the values of a chart stand.
#[derive(Clone, Copy)]
pub struct Plot<'a> {
    pub x: &'a Scale,
    pub y: &'a Scale,
    pub rect: Rect,
}

impl Plot<'_> {
    pub fn place(&self, point: &Point) -> Option<Spot> {
        let x = self.x.share(point.x)?;
        let y = self.y.share(point.y)?;
        Some((self.right_by(x), self.up_by(y)))
    }

    pub fn right_by(&self, share: f64) -> f64 {
        self.rect.left + share * self.rect.width()
    }

    pub fn up_by(&self, share: f64) -> f64 {
        self.rect.bottom - share * self.rect.height()
    }

    /// The ends of an interval, lower one first [px]; of one that ends beyond the axis, as far as that goes.
    fn ends(&self, point: &Point) -> Option<(f64, f64)> {
        let Interval { low, high } = point.interval?;
        let is_known = !low.is_nan() && !high.is_nan();
        is_known.then(|| {
            let end = |value| self.up_by(self.y.nearest_share(value));
            (end(low), end(high))
        })
    }
}

/// The room that bars of a chart have.
#[derive(Clone, Copy, Debug)]
pub struct Bars {
    /// How many stand beside one another.
    pub count: usize,
    /// From one group to the next, as a share of the axis.
    pub apart: f64,
}

impl Bars {
    /// `None` if the chart has no bars.
    pub fn of(chart: &Chart, x: &Scale) -> Option<Self> {
        let bars = || chart.series.iter().filter(|it| it.shape.is_bar());
        let beside = bars().filter(|it| it.shape == Shape::Bars).count();
        let has_stack = bars().any(|it| it.shape == Shape::Stack);
        let mut shares: Vec<f64> = bars()
            .flat_map(|series| &series.points)
            .filter_map(|point| x.share(point.x))
            .collect();
        shares.sort_by(f64::total_cmp);
        let gaps = shares.windows(2).map(|pair| pair[1] - pair[0]);
        let apart = gaps.filter(|gap| *gap > 1e-3).fold(0.3, f64::min);
        let names = chart.x.names.len();
        (bars().count() > 0).then(|| Self {
            count: beside + usize::from(has_stack),
            apart: if names > 0 { 1.0 / names as f64 } else { apart },
        })
    }

    /// As a share of the axis: what is to be left free at its ends.
    pub fn room(&self) -> f64 {
        0.6 * self.apart
    }

    /// The left and the right end of a bar in this place of its group.
    fn ends(&self, centre: f64, number: usize, plot: &Plot) -> (f64, f64) {
        let group = BARS * self.apart * plot.rect.width();
        let width = (group / self.count as f64).min(WIDEST_BAR);
        let left = centre - width * self.count as f64 / 2.0 + width * number as f64;
        (left, left + width)
    }
}

/// A series of a chart, and the room for bars if it has any.
#[derive(Clone, Copy)]
pub struct DrawnSeries<'a> {
    pub chart: &'a Chart,
    pub number: usize,
    pub bars: Option<Bars>,
}

/// Draws a series.
pub fn draw(sketch: &mut Sketch, drawn: DrawnSeries, style: &SeriesStyle, plot: &Plot, obstacles: &mut Obstacles) {
    let series = &drawn.chart.series[drawn.number];
    let places = || series.points.iter().map(|point| plot.place(point));
    let is_dense = series.shape == Shape::Curve && series.points.len() > MOST_MARKS;
    match series.shape {
        Shape::Bars | Shape::Stack => return draw_bars(sketch, drawn, style, plot, obstacles),
        Shape::Line => draw_bands(sketch, series, style, plot),
        Shape::Curve if is_dense => draw_bands(sketch, series, style, plot),
        _ => draw_intervals(sketch, series, style.colour, plot, obstacles),
    }
    if series.shape != Shape::Points {
        for run in runs(places()) {
            let run = match series.shape {
                Shape::Steps => steps(&run),
                _ => run,
            };
            if run.len() == 1 && (series.shape != Shape::Curve || is_dense) {
                let (x, y) = run[0];
                let half = 1.2 * style.width;
                sketch.line(vec![(x - half, y), (x + half, y)], style.colour, 2.0 * half);
                continue;
            }
            let run = thinned(run);
            obstacles.add_line(&run);
            sketch.dashed(run, style.colour, style.width, style.dashes);
        }
    }
    if matches!(series.shape, Shape::Curve | Shape::Points) && !is_dense {
        for place in places().flatten() {
            style.draw_mark(sketch, place);
            obstacles.add(Rect::around(place, MARK));
        }
    }
}

/// Stretches of places without gaps.
fn runs(places: impl Iterator<Item = Option<Spot>>) -> Vec<Vec<Spot>> {
    let mut runs = vec![Vec::new()];
    for place in places {
        match place {
            Some(place) => runs.last_mut().expect("there is one").push(place),
            None => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// Level from each place to the next, with corners only where the level changes.
fn steps(places: &[Spot]) -> Vec<Spot> {
    let mut path: Vec<Spot> = places.first().copied().into_iter().collect();
    for pair in places.windows(2) {
        let ((_, level), (x, y)) = (pair[0], pair[1]);
        if (level - y).abs() > 0.0 {
            path.extend([(x, level), (x, y)]);
        }
    }
    if places.len() > 1 {
        path.extend(places.last().copied());
    }
    path
}

/// Without points that would not show: of those in a column of half a pixel, the first, lowest, highest and last stay.
fn thinned(places: Vec<Spot>) -> Vec<Spot> {
    const MOST: usize = 4000;
    if places.len() <= MOST {
        return places;
    }
    let column = |place: &Spot| (place.0 / COLUMN).floor() as i64;
    let mut thin = Vec::new();
    for same in places.chunk_by(|left, right| column(left) == column(right)) {
        let by_height = |left: &&Spot, right: &&Spot| left.1.total_cmp(&right.1);
        let low = same.iter().min_by(by_height);
        let high = same.iter().max_by(by_height);
        thin.extend(same.first().into_iter().chain(low).chain(high).chain(same.last()));
    }
    thin
}

fn draw_bars(sketch: &mut Sketch, drawn: DrawnSeries, style: &SeriesStyle, plot: &Plot, obstacles: &mut Obstacles) {
    let DrawnSeries { chart, number, bars } = drawn;
    let Some(bars) = bars else { return };
    for point in &chart.series[number].points {
        let base = chart.base(number, point);
        let Some((x, y)) = plot.place(&Point::at(point.x, base + point.y)) else {
            continue;
        };
        let base = plot.up_by(plot.y.nearest_share(base));
        let (left, right) = bars.ends(x, chart.bar_place(number), plot);
        let bar = Rect {
            left: left.max(plot.rect.left),
            right: (right - 1.0).max(left + 0.5).min(plot.rect.right),
            top: y.min(base),
            bottom: y.max(base),
        };
        sketch.fill(&bar, style.colour);
        obstacles.add(bar);
        if let Some(ends) = plot.ends(point) {
            let x = f64::midpoint(bar.left, bar.right);
            draw_interval(sketch, x, ends, INK, obstacles);
        }
    }
}

fn draw_intervals(sketch: &mut Sketch, series: &Series, colour: Colour, plot: &Plot, obstacles: &mut Obstacles) {
    for point in &series.points {
        if let (Some((x, _)), Some(ends)) = (plot.place(point), plot.ends(point)) {
            draw_interval(sketch, x, ends, colour, obstacles);
        }
    }
}

fn draw_interval(sketch: &mut Sketch, x: f64, (low, high): (f64, f64), colour: Colour, obstacles: &mut Obstacles) {
    let cap = |y| [(x - CAP, y), (x + CAP, y)];
    let between = [(x, low), (x, high)];
    sketch.line([cap(low), between, cap(high)].concat(), colour, 1.2);
    obstacles.add(Rect {
        left: x - CAP,
        right: x + CAP,
        top: high.min(low),
        bottom: low.max(high),
    });
}

/// Where points stand close together, their intervals are one band.
fn draw_bands(sketch: &mut Sketch, series: &Series, style: &SeriesStyle, plot: &Plot) {
    let ends = |point: &Point| {
        let (x, _) = plot.place(point)?;
        let (low, high) = plot.ends(point)?;
        Some((x, low, high))
    };
    let all: Vec<Option<(f64, f64, f64)>> = series.points.iter().map(ends).collect();
    for run in all.split(Option::is_none) {
        let run = || run.iter().flatten();
        let lower = run().map(|(x, low, _)| (*x, *low));
        let upper = run().rev().map(|(x, _, high)| (*x, *high));
        let corners: Vec<Spot> = lower.chain(upper).collect();
        if corners.len() > 2 {
            sketch.area(corners, style.colour, BAND);
        }
    }
}
