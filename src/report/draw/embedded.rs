//! A drawing's charts as elements of a page.

use super::chart::{Chart, Drawing, Panel};
use super::chart_panel::{can_stretch, is_empty, scales};
use super::layout::{self, LoneChart};
use super::paint::Stretched;
use super::sketch::{Rect, Sketch};
use super::style::Styles;
use super::{paint, text};

/// Where there is room, and on a telephone: width, height between the axes [px], and how many may stand in a row.
const WIDE: (f64, f64, usize) = (620.0, 270.0, 2);
const NARROW: (f64, f64, usize) = (350.0, 220.0, 1);
/// Of what stands before a name in a legend [px].
const SAMPLE: (f64, f64) = (30.0, 14.0);

/// A chart as SVG elements, of which a page shows the one that there is room for.
pub struct EmbeddedChart {
    /// One for windows, one for telephones.
    pub pictures: [EmbeddedPicture; 2],
    /// The ends of the axes.
    pub x_ends: (f64, f64),
    pub y_ends: (f64, f64),
    /// How many bars stand beside one another, and from one group to the next, as a share of the axis.
    pub bars: Option<(usize, f64)>,
    /// Whether a part of it may be shown as wide as all.
    pub can_stretch: bool,
    /// Whether nothing is in it.
    pub is_empty: bool,
}

/// A chart as an SVG element.
pub struct EmbeddedPicture {
    pub svg: String,
    /// Left end, upper end, width and height of the plot, in the element's units.
    pub plot: [f64; 4],
}

/// A series in the legend of a page.
pub struct LegendEntry {
    /// The series' number: its elements have it as `data-series`.
    pub number: usize,
    pub name: String,
    /// What it looks like, as an SVG element.
    pub sample: String,
}

/// The charts of a drawing, `None` in the place of a heat map.
pub fn embedded(drawing: &Drawing) -> Vec<Option<EmbeddedChart>> {
    let pictures = at(drawing, WIDE).into_iter().zip(at(drawing, NARROW));
    let charts = drawing.panels.iter().zip(pictures).map(|(panel, pictures)| {
        let (Panel::Chart(chart), (Some(wide), Some(narrow))) = (panel, pictures) else {
            return None;
        };
        let (wide, stretched) = picture(&wide, "picture wide", None);
        let (narrow, _) = picture(&narrow, "picture narrow", stretched.as_ref());
        Some(with_pictures(chart, [wide, narrow]))
    });
    charts.collect()
}

/// The charts of a drawing as they are laid out for windows, then for telephones.
pub fn laid_out(drawing: &Drawing) -> Vec<Option<LoneChart>> {
    let mut charts = at(drawing, WIDE);
    charts.extend(at(drawing, NARROW));
    charts
}

fn at(drawing: &Drawing, (width, height, columns): (f64, f64, usize)) -> Vec<Option<LoneChart>> {
    layout::laid_out_alone(drawing, columns, width, height)
}

fn with_pictures(chart: &Chart, pictures: [EmbeddedPicture; 2]) -> EmbeddedChart {
    let (x, y, bars) = scales(chart);
    EmbeddedChart {
        pictures,
        x_ends: x.ends(),
        y_ends: y.ends(),
        bars: bars.map(|bars| (bars.count, bars.apart)),
        can_stretch: can_stretch(chart),
        is_empty: is_empty(chart, &x, &y),
    }
}

fn picture(chart: &LoneChart, class: &str, same: Option<&Stretched>) -> (EmbeddedPicture, Option<Stretched>) {
    let Rect { left, top, .. } = chart.plot;
    let plot = [left, top, chart.plot.width(), chart.plot.height()];
    let (svg, stretched) = paint::element(&chart.sketch, chart.size, class, same);
    let plot = plot.map(|length| (length * paint::ZOOM).round());
    (EmbeddedPicture { svg, plot }, stretched)
}

/// What the legend of a drawing names.
pub fn legend(drawing: &Drawing) -> Vec<LegendEntry> {
    let styles = Styles::of(drawing);
    let entries = layout::legend(drawing, &styles).into_iter().map(|series| {
        let mut sketch = Sketch::default();
        let rect = Rect::new(0.0, 0.0, SAMPLE.0, SAMPLE.1);
        styles.style(series).draw_sample(&mut sketch, series.shape, &rect);
        LegendEntry {
            number: styles.number(series),
            name: text::clean(&series.name),
            sample: paint::element(&sketch, SAMPLE, "sample", None).0,
        }
    });
    entries.collect()
}
