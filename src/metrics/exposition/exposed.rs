//! What was scraped of a run, by metric.

use super::families::{FamilyKind, Label, MetricFamily, ROUTER_QUEUE, UP, WAITING, WANTED};
use super::instrument::Instrument;
use super::scraped_rows::ScrapedRows;
use crate::units::{Span, Time};

/// Everything that was scraped, at the same instants of all series.
#[derive(Clone, Debug)]
pub struct ExposedRun {
    interval: Span,
    /// By metric, each with its series together.
    families: Vec<ExposedFamily>,
    rows: Vec<ScrapedRows>,
}

/// All series of one metric.
#[derive(Clone, Debug)]
pub struct ExposedFamily {
    /// The metric.
    pub family: MetricFamily,
    /// Its series, in the order of servers and of labels.
    pub series: Vec<ExposedSeries>,
}

/// One series; all the buckets of a histogram together.
#[derive(Clone, Debug)]
pub struct ExposedSeries {
    /// What tells it apart.
    pub labels: Vec<Label>,
    /// The boundaries of a histogram, without the last one, which is infinite.
    pub boundaries: Option<Vec<f64>>,
    /// Where its numbers are.
    place: PlaceInRows,
}

#[derive(Clone, Debug)]
enum PlaceInRows {
    /// In these rows, from this column on.
    Columns { rows: usize, first: usize, width: usize },
    /// It was worked out.
    Own(Vec<f64>),
}

impl ExposedRun {
    pub(super) const fn new(interval: Span) -> Self {
        Self {
            interval,
            families: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Adds what one of those who are scraped said; `labels` are of all of its series, before their own.
    pub(super) fn add(&mut self, instruments: &[&Instrument], labels: &[Label], rows: ScrapedRows) {
        let mut first = 0;
        for instrument in instruments {
            let own = instrument.labels.iter();
            let series = ExposedSeries {
                labels: labels.iter().chain(own).cloned().collect(),
                boundaries: instrument.boundaries().map(<[f64]>::to_vec),
                place: PlaceInRows::Columns {
                    rows: self.rows.len(),
                    first,
                    width: instrument.width(),
                },
            };
            first += instrument.width();
            let same = |family: &&mut ExposedFamily| family.family == *instrument.family;
            match self.families.iter_mut().find(same) {
                Some(family) => family.series.push(series),
                None => self.families.push(ExposedFamily {
                    family: *instrument.family,
                    series: vec![series],
                }),
            }
        }
        self.rows.push(rows);
    }

    /// All have been added: what waits and is in no server is at the router, if there is one; what no autoscaler wants
    /// is not shown, and nobody notes of a snapshot whether it could be scraped.
    pub(super) fn finish(&mut self, has_router: bool, is_scaled: bool) {
        let waiting_in_all = |at: usize| -> f64 {
            let in_servers: f64 = self.sum_of(WAITING.name, at);
            (self.sum_of(ROUTER_QUEUE.name, at) - in_servers).max(0.0)
        };
        let at_router = (0..self.len()).map(waiting_in_all).collect();
        let is_series = self.interval > Span::ZERO;
        self.families.retain(|one| match one.family.name {
            name if name == ROUTER_QUEUE.name => has_router,
            name if name == WANTED.name => is_scaled,
            name if name == UP.name => is_series,
            _ => true,
        });
        if let Some(family) = self.families.iter_mut().find(|one| one.family == ROUTER_QUEUE) {
            family.series[0].place = PlaceInRows::Own(at_router);
        }
    }

    fn sum_of(&self, name: &str, at: usize) -> f64 {
        let series = self.family(name).into_iter().flat_map(|family| &family.series);
        series.map(|series| self.numbers(series, at)[0]).sum()
    }

    /// All metrics, each with its series.
    pub fn families(&self) -> &[ExposedFamily] {
        &self.families
    }

    /// The metric of this name, if it is there.
    pub fn family(&self, name: &str) -> Option<&ExposedFamily> {
        self.families.iter().find(|family| family.family.name == name)
    }

    /// How many instants there are.
    pub fn len(&self) -> usize {
        self.rows.iter().map(|rows| rows.len() as usize).min().unwrap_or(0)
    }

    /// Whether nothing was scraped.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much time lies between two instants; nothing if only the end was looked at.
    pub const fn interval(&self) -> Span {
        self.interval
    }

    /// When an instant was.
    pub fn at(&self, instant: usize) -> Time {
        Time::from_picos(self.interval.picos().saturating_mul(instant as u64))
    }

    /// What a series was at an instant: a number; of a histogram how many values there were up to each boundary, how
    /// many in all, and their sum.
    pub fn numbers<'a>(&'a self, series: &'a ExposedSeries, instant: usize) -> &'a [f64] {
        match &series.place {
            PlaceInRows::Columns { rows, first, width } => &self.rows[*rows].row(instant)[*first..][..*width],
            PlaceInRows::Own(numbers) => &numbers[instant..=instant],
        }
    }
}

impl MetricFamily {
    /// What its samples are called: those of counters have another name. Of a histogram the name before `_bucket`.
    pub fn sample_name(&self) -> String {
        match self.kind {
            FamilyKind::Counter => format!("{}_total", self.name),
            FamilyKind::Gauge | FamilyKind::Histogram => self.name.to_owned(),
        }
    }
}
