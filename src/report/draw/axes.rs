//! The frame of a panel: titles, grid, and what stands beside the axes.

use super::scale::{Scale, Tick};
use super::sizes::{AXIS_TITLE_SIZE, LABEL_SIZE, LEADING, PANEL_TITLE_SIZE};
use super::sketch::{Anchor, GREY, INK, Item, PALE, Rect, Role, Sketch, Spot, Words};
use super::text;
use crate::report::draw::chart::ChartAxis;

/// From an axis to what is written beside it [px].
const NEAR: f64 = 6.0;
/// Names beside the vertical axis, and upright names below the horizontal one, are cut to this [px].
const LONGEST_NAME: f64 = 130.0;
const LONGEST_UPRIGHT_NAME: f64 = 130.0;
/// Names below the horizontal axis wrap into as many lines.
const MOST_LINES: usize = 3;
/// Between names below the horizontal axis [px].
const APART: f64 = 8.0;
const LINE: f64 = 1.2 * LABEL_SIZE;

/// Length of what marks a number that is not written [px].
const MINOR: f64 = 3.0;

/// What stands beside the vertical axis.
pub struct Beside {
    pub ticks: Vec<Tick>,
    minor: Vec<f64>,
    /// Room for it [px].
    pub width: f64,
}

/// What stands below the horizontal axis.
pub struct Below {
    names: Names,
    minor: Vec<f64>,
    title: Vec<String>,
    /// Room for it [px].
    pub height: f64,
}

enum Names {
    /// Numbers or names, in lines, each at a share of the axis.
    Level(Vec<(f64, Vec<String>)>),
    /// Words that are read from below to above.
    Upright(Vec<(f64, Vec<String>)>),
}

impl Beside {
    pub fn new(axis: &ChartAxis, scale: &Scale, height: f64) -> Self {
        let ticks = if axis.names.is_empty() {
            scale.ticks(axis.unit, |ticks| {
                let apart = |pair: &[Tick]| (pair[1].share - pair[0].share) * height;
                ticks.len() >= 2 && ticks.windows(2).all(|pair| apart(pair) >= 2.2 * LABEL_SIZE)
            })
        } else {
            let skip = (LINE / (height / axis.names.len() as f64)).ceil().max(1.0) as usize;
            let names = names(axis, scale, skip);
            names
                .map(|(share, name)| Tick {
                    share,
                    label: text::fitted(name, LABEL_SIZE, LONGEST_NAME),
                })
                .collect()
        };
        let widths = ticks.iter().map(|it| text::width(&it.label, LABEL_SIZE));
        let width = NEAR + widths.fold(12.0, f64::max);
        let minor = scale.minor_ticks(axis.unit);
        Self { ticks, minor, width }
    }

    /// Draws lines across the plot, if wanted, and what is written beside them.
    pub fn draw(&self, sketch: &mut Sketch, plot: &Rect, has_grid: bool) {
        for tick in &self.ticks {
            let y = plot.bottom - tick.share * plot.height();
            if has_grid {
                sketch.line(vec![(plot.left, y), (plot.right, y)], PALE, 1.0);
            }
            let at = (plot.left - NEAR, y + 0.36 * LABEL_SIZE);
            sketch.words(&tick.label, at, Anchor::End, LABEL_SIZE, INK);
        }
        for share in &self.minor {
            let y = plot.bottom - share * plot.height();
            sketch.line(vec![(plot.left - MINOR, y), (plot.left, y)], GREY, 1.0);
        }
    }
}

impl Below {
    pub fn new(axis: &ChartAxis, scale: &Scale, width: f64) -> Self {
        let names = if axis.names.is_empty() {
            Names::Level(numbers(axis, scale, width))
        } else {
            named(axis, scale, width)
        };
        let height = match &names {
            Names::Level(all) => {
                let lines = all.iter().map(|(_, lines)| lines.len()).max().unwrap_or(0);
                lines as f64 * LINE
            }
            Names::Upright(all) => {
                let lines = all.iter().flat_map(|(_, lines)| lines);
                let widths = lines.map(|line| text::width(line, LABEL_SIZE));
                widths.fold(0.0, f64::max) + 2.0
            }
        };
        let title = text::wrapped(&axis.title, AXIS_TITLE_SIZE, width, 2);
        let height = NEAR + height + 4.0 + title.len() as f64 * LEADING * AXIS_TITLE_SIZE;
        let minor = scale.minor_ticks(axis.unit);
        Self {
            names,
            minor,
            title,
            height,
        }
    }

    /// How far what is written reaches beyond the right end of the axis [px].
    pub fn overhang(&self, width: f64) -> f64 {
        let Names::Level(all) = &self.names else {
            return 0.0;
        };
        let reach = |(share, lines): &(f64, Vec<String>)| {
            let widths = lines.iter().map(|line| text::width(line, LABEL_SIZE));
            share * width + widths.fold(0.0, f64::max) / 2.0 - width
        };
        all.iter().map(reach).fold(0.0, f64::max)
    }

    pub fn draw(&self, sketch: &mut Sketch, plot: &Rect, has_grid: bool) {
        let x = |share: f64| plot.left + share * plot.width();
        let top = plot.bottom + NEAR;
        match &self.names {
            Names::Level(all) => sketch.group(Role::Ticks, |sketch| {
                for (share, lines) in all {
                    if has_grid {
                        let ends = vec![(x(*share), plot.top), (x(*share), plot.bottom)];
                        sketch.line(ends, PALE, 1.0);
                    }
                    for (number, line) in lines.iter().enumerate() {
                        let y = top + 0.85 * LABEL_SIZE + number as f64 * LINE;
                        sketch.words(line, (x(*share), y), Anchor::Middle, LABEL_SIZE, INK);
                    }
                }
                for share in &self.minor {
                    let ends = vec![(x(*share), plot.bottom), (x(*share), plot.bottom + MINOR)];
                    sketch.line(ends, GREY, 1.0);
                }
            }),
            Names::Upright(all) => {
                for (share, lines) in all {
                    let first = x(*share) - (lines.len() as f64 - 1.0) / 2.0 * LINE;
                    for (number, line) in lines.iter().enumerate() {
                        let middle = first + number as f64 * LINE;
                        sketch.items.push(Item::Words(Words {
                            text: line.clone(),
                            at: (middle + 0.36 * LABEL_SIZE, top),
                            anchor: Anchor::End,
                            size: LABEL_SIZE,
                            colour: INK,
                            is_upward: true,
                        }));
                    }
                }
            }
        }
        self.draw_title(sketch, plot);
    }

    pub fn draw_title(&self, sketch: &mut Sketch, plot: &Rect) {
        let lines = self.title.len() as f64;
        let first = plot.bottom + self.height - (lines - 0.85) * LEADING * AXIS_TITLE_SIZE;
        for (number, line) in self.title.iter().enumerate() {
            let y = first + number as f64 * LEADING * AXIS_TITLE_SIZE;
            let at = (plot.centre().0, y - 0.15 * AXIS_TITLE_SIZE);
            sketch.words(line, at, Anchor::Middle, AXIS_TITLE_SIZE, GREY);
        }
    }
}

fn numbers(axis: &ChartAxis, scale: &Scale, width: f64) -> Vec<(f64, Vec<String>)> {
    let fits = |ticks: &[Tick]| {
        let half = |tick: &Tick| text::width(&tick.label, LABEL_SIZE) / 2.0;
        let apart = |pair: &[Tick]| (pair[1].share - pair[0].share) * width - half(&pair[0]) - half(&pair[1]);
        ticks.len() >= 2 && ticks.windows(2).all(|pair| apart(pair) >= 1.5 * APART)
    };
    let ticks = scale.ticks(axis.unit, fits).into_iter();
    ticks.map(|tick| (tick.share, vec![tick.label])).collect()
}

fn named(axis: &ChartAxis, scale: &Scale, width: f64) -> Names {
    let slot = width / axis.names.len() as f64;
    let wraps = |name: &str| {
        let lines = text::wrapped(name, LABEL_SIZE, slot - APART, MOST_LINES);
        let words: usize = lines.iter().map(|line| line.split(' ').count()).sum();
        let is_whole = lines.iter().all(|line| !line.is_empty() && !line.ends_with('…'));
        let all = text::clean(name);
        let is_whole = is_whole && words == all.split(' ').count();
        (is_whole || all.is_empty()).then_some(lines)
    };
    // Whether they fit is clear after the first that does not.
    let level: Option<Vec<(f64, Vec<String>)>> = names(axis, scale, 1)
        .map(|(share, name)| Some((share, wraps(name)?)))
        .collect();
    if let Some(level) = level {
        return Names::Level(level);
    }
    let skip = (LINE / slot).ceil().max(1.0) as usize;
    let lines = ((slot / LINE) as usize).clamp(1, MOST_LINES);
    let wrapped = |name: &str| text::wrapped(name, LABEL_SIZE, LONGEST_UPRIGHT_NAME, lines);
    let upright = names(axis, scale, skip);
    Names::Upright(upright.map(|(share, name)| (share, wrapped(name))).collect())
}

/// Every so manieth name with its place.
fn names<'a>(axis: &'a ChartAxis, scale: &'a Scale, skip: usize) -> impl Iterator<Item = (f64, &'a String)> {
    let all = axis.names.iter().enumerate().step_by(skip);
    all.filter_map(|(index, name)| Some((scale.share(index as f64)?, name)))
}

/// What stands above the plot: the panel's title, and what the vertical axis counts.
pub struct Above {
    title: Vec<String>,
    axis: Vec<String>,
    /// Room for it [px].
    pub height: f64,
}

impl Above {
    pub fn new(title: &str, axis: &str, width: f64) -> Self {
        let title = text::wrapped(title, PANEL_TITLE_SIZE, width, 2);
        let axis = text::wrapped(axis, AXIS_TITLE_SIZE, width, 2);
        let height =
            title.len() as f64 * LEADING * PANEL_TITLE_SIZE + axis.len() as f64 * LEADING * AXIS_TITLE_SIZE + 6.0;
        Self { title, axis, height }
    }

    /// Draws it from a place on.
    pub fn draw(&self, sketch: &mut Sketch, (left, top): Spot) {
        let mut y = top;
        for (lines, size, colour) in [
            (&self.title, PANEL_TITLE_SIZE, INK),
            (&self.axis, AXIS_TITLE_SIZE, GREY),
        ] {
            for line in lines {
                sketch.words(line, (left, y + size), Anchor::Start, size, colour);
                y += LEADING * size;
            }
        }
    }
}
