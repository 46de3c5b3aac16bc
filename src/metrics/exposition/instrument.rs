//! One metric with its labels, as it is at the moment.

use super::bucket_counts::BucketCounts;
use super::families::{Label, MetricFamily};
use crate::units::{PICOS_PER_SECOND, Span};

/// A number, or a histogram.
#[derive(Clone, Debug)]
pub(super) struct Instrument {
    pub(super) family: &'static MetricFamily,
    pub(super) labels: Vec<Label>,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Number(f64),
    Buckets(BucketCounts),
}

impl Instrument {
    /// A gauge or a counter.
    pub(super) const fn number(family: &'static MetricFamily) -> Self {
        Self {
            family,
            labels: Vec::new(),
            value: Value::Number(0.0),
        }
    }

    /// A histogram of times.
    pub(super) fn times(family: &'static MetricFamily, boundaries: &[f64]) -> Self {
        Self::buckets(family, BucketCounts::new(boundaries, PICOS_PER_SECOND))
    }

    /// A histogram of counts.
    pub(super) fn counts(family: &'static MetricFamily, boundaries: &[f64]) -> Self {
        Self::buckets(family, BucketCounts::new(boundaries, 1))
    }

    const fn buckets(family: &'static MetricFamily, counts: BucketCounts) -> Self {
        Self {
            family,
            labels: Vec::new(),
            value: Value::Buckets(counts),
        }
    }

    /// The same, told apart from others of its name.
    pub(super) fn with(mut self, label: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((label, value.into()));
        self
    }

    pub(super) fn set(&mut self, number: f64) {
        self.value = Value::Number(number);
    }

    pub(super) fn add(&mut self, more: u64) {
        if let Value::Number(number) = &mut self.value {
            *number += more as f64;
        }
    }

    pub(super) fn observe_time(&mut self, time: Span) {
        self.observe(time.picos(), 1);
    }

    pub(super) fn observe(&mut self, value: u64, times: u64) {
        self.histogram().observe(value, times);
    }

    pub(super) fn histogram(&mut self) -> &mut BucketCounts {
        match &mut self.value {
            Value::Buckets(counts) => counts,
            Value::Number(_) => unreachable!("{} is no histogram", self.family.name),
        }
    }

    /// The boundaries of a histogram.
    pub(super) fn boundaries(&self) -> Option<&[f64]> {
        match &self.value {
            Value::Buckets(counts) => Some(counts.boundaries()),
            Value::Number(_) => None,
        }
    }

    /// How many numbers [`Instrument::write`] writes.
    pub(super) const fn width(&self) -> usize {
        match &self.value {
            Value::Buckets(counts) => counts.width(),
            Value::Number(_) => 1,
        }
    }

    pub(super) fn write(&self, row: &mut Vec<f64>) {
        match &self.value {
            Value::Buckets(counts) => counts.write(row),
            Value::Number(number) => row.push(*number),
        }
    }
}
