//! What one of those who are scraped said, again and again.

use super::instrument::Instrument;
use crate::units::{Span, Time};

/// A row of numbers for every multiple of an interval, up to the present.
#[derive(Clone, Debug)]
pub(super) struct ScrapedRows {
    /// `None` if only the end is looked at.
    interval: Option<Span>,
    most: u64,
    noted: u64,
    width: usize,
    values: Vec<f64>,
}

impl ScrapedRows {
    /// With a row every `interval`, so many at most.
    pub(super) fn new(interval: Option<Span>, most: u64, instruments: &[&Instrument]) -> Self {
        Self {
            interval,
            most,
            noted: 0,
            width: instruments.iter().map(|one| one.width()).sum(),
            values: Vec::new(),
        }
    }

    /// When the next row is due, if there is another one.
    pub(super) fn next(&self) -> Option<Time> {
        let interval = self.interval.filter(|_| self.noted < self.most)?;
        Some(Time::from_picos(self.noted.saturating_mul(interval.picos())))
    }

    /// When the next row is due, if that is before `now`.
    pub(super) fn due_before(&self, now: Time) -> Option<Time> {
        self.next().filter(|&at| at < now)
    }

    /// Notes the next row.
    pub(super) fn note(&mut self, instruments: &[&Instrument]) {
        for one in instruments {
            one.write(&mut self.values);
        }
        self.noted += 1;
    }

    /// How many rows there are.
    pub(super) const fn len(&self) -> u64 {
        self.noted
    }

    pub(super) fn row(&self, number: usize) -> &[f64] {
        &self.values[number * self.width..][..self.width]
    }
}
