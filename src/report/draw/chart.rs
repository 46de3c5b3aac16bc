//! What a figure shows, however it is drawn: as SVG, as PNG, or in a page where values show under the pointer.

use crate::stats::Interval;

/// One question and its answer as one or more panels.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// What it answers; its title.
    pub question: String,
    /// One line below the title: what else is to be known. May be empty.
    pub note: String,
    /// Side by side, at most two in a row.
    pub panels: Vec<Panel>,
}

/// A part of a drawing with axes of its own.
#[derive(Clone, Debug, PartialEq)]
pub enum Panel {
    /// Curves, points or bars.
    Chart(Chart),
    /// Cells that are coloured by their value.
    HeatMap(HeatMap),
}

/// Curves, points or bars over a pair of axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What it shows; may be empty if the drawing has one panel only.
    pub title: String,
    /// The axis below, from the left.
    pub x: ChartAxis,
    /// The axis at the side, from below.
    pub y: ChartAxis,
    /// What is drawn, later ones above earlier ones; told apart by colour and by shape.
    pub series: Vec<Series>,
    /// Places that are worth naming.
    pub marks: Vec<Mark>,
}

/// One of the two axes of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartAxis {
    /// What it counts, its unit in it unless `unit` shows it at every number: "concurrent requests".
    pub title: String,
    /// How its numbers are written.
    pub unit: Unit,
    /// Whether it is logarithmic; values that are not positive are left out then.
    pub is_logarithmic: bool,
    /// Names at 0, 1, 2, ... that stand in the place of numbers; empty for an axis of numbers.
    pub names: Vec<String>,
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Numbers without a unit: 1500 as "1.5k".
    Plain,
    /// Seconds: 0.02 as "20 ms".
    Seconds,
    /// A share of one: 0.25 as "25 %".
    Share,
}

/// A set of points that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// How it is drawn.
    pub shape: Shape,
    /// Its points; of curves in the order of x. Lines break at points that are no numbers.
    pub points: Vec<Point>,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A line without marks, for many points.
    Line,
    /// A line with a mark at each point.
    Curve,
    /// Level from one point to the next, for what changes at instants.
    Steps,
    /// Marks that no line connects.
    Points,
    /// A bar from zero to each point, beside those of other series at the same x.
    Bars,
    /// A bar upon those of the series before that have one at the same x: parts of a whole.
    Stack,
    /// A thin grey line without marks, for what the others are compared with.
    Guide,
}

/// One value of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Its place on the horizontal axis.
    pub x: f64,
    /// Its place on the vertical axis.
    pub y: f64,
    /// Where the true value lies with 95 % confidence, if that is known.
    pub interval: Option<Interval>,
    /// Said beside the point, and under the pointer. Mostly empty.
    pub label: String,
}

/// A dashed line across the chart, with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Whether it is vertical, at a place of the horizontal axis; otherwise horizontal, at a place of the vertical one.
    pub is_vertical: bool,
    /// Its place on that axis.
    pub at: f64,
    /// What is to be seen there.
    pub name: String,
}

/// Which values are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Good {
    /// Low ones, such as those of a latency.
    Low,
    /// High ones, such as those of a throughput.
    High,
}

/// Cells coloured by their value, over two axes of names.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// What the colour means.
    pub title: String,
    /// How the values are written.
    pub unit: Unit,
    /// Which values are good, and bright: high ones are bright if nobody says.
    pub good: Option<Good>,
    /// Title and names of the horizontal axis, from the left.
    pub x: ChartAxis,
    /// Title and names of the vertical axis, from the bottom.
    pub y: ChartAxis,
    /// Values, a row for each name of `y`, in it one for each name of `x`; `None` where there is none.
    pub rows: Vec<Vec<Option<f64>>>,
}

impl Chart {
    /// Where the bar of a point of a series begins: upon those that it is stacked on.
    pub fn base(&self, series: usize, point: &Point) -> f64 {
        if self.series[series].shape != Shape::Stack {
            return 0.0;
        }
        let below = self.series[..series].iter().filter(|it| it.shape == Shape::Stack);
        let points = below.flat_map(|it| &it.points);
        let stands_there = |it: &&Point| it.x.total_cmp(&point.x).is_eq() && it.y.is_finite();
        points.filter(stands_there).map(|it| it.y).sum()
    }

    /// In which place of its group a bar of a series stands: those that are stacked share one.
    pub fn bar_place(&self, series: usize) -> usize {
        let is_stacked = self.series[series].shape == Shape::Stack;
        let before = if is_stacked { self.series.len() } else { series };
        let bars = self.series[..before].iter().filter(|it| it.shape == Shape::Bars);
        bars.count()
    }
}

impl Shape {
    /// Whether its points are bars.
    pub const fn is_bar(self) -> bool {
        matches!(self, Self::Bars | Self::Stack)
    }
}

impl ChartAxis {
    /// A linear axis of numbers.
    pub fn linear(title: impl Into<String>, unit: Unit) -> Self {
        Self {
            title: title.into(),
            unit,
            is_logarithmic: false,
            names: Vec::new(),
        }
    }

    /// A logarithmic axis of numbers.
    pub fn logarithmic(title: impl Into<String>, unit: Unit) -> Self {
        Self {
            is_logarithmic: true,
            ..Self::linear(title, unit)
        }
    }

    /// An axis of names.
    pub fn named(title: impl Into<String>, names: Vec<String>) -> Self {
        Self {
            names,
            ..Self::linear(title, Unit::Plain)
        }
    }
}

impl Point {
    /// A value without interval and label.
    pub const fn at(x: f64, y: f64) -> Self {
        Self {
            x,
            y,
            interval: None,
            label: String::new(),
        }
    }
}
