//! What was measured at a load, beside a curve's forecast of it.

use super::curve::{Curve, CurvePoint};
use super::load_kind::LoadKind;
use super::validation::Compared;
use crate::config::{BenchmarkLoad, METRICS, Values, is_latency};
use crate::metrics::Measure;

/// What was measured at a load.
#[derive(Clone, Debug)]
pub struct MeasuredPoint {
    /// The file that holds it, and which of its results it is, if there are several.
    pub origin: String,
    /// Who has measured it.
    pub tool: &'static str,
    /// What was sent.
    pub load: BenchmarkLoad,
    /// The numbers.
    pub values: Values,
}

/// Loads that differ by less are one.
const SAME_LOAD: f64 = 1e-6;

impl MeasuredPoint {
    /// What a curve counts that has this point on it; `None` of a load that is neither a rate nor a number of requests
    /// at once.
    pub fn kind(&self) -> Option<LoadKind> {
        match (self.load.rate_per_s?, self.load.max_concurrency) {
            (rate, _) if rate.is_finite() => Some(LoadKind::Rate),
            (_, Some(_)) => Some(LoadKind::Concurrency),
            (_, None) => None,
        }
    }

    /// Its place on a curve over loads of this kind.
    pub fn place(&self, kind: LoadKind) -> Option<f64> {
        if self.kind()?
            != if kind.counts_clients() {
                LoadKind::Concurrency
            } else {
                LoadKind::Rate
            }
        {
            return None;
        }
        if kind.counts_clients() {
            self.load.max_concurrency.map(f64::from)
        } else {
            self.load.rate_per_s
        }
    }

    /// The forecast at its load.
    pub fn forecast<'a>(&self, curve: &'a Curve) -> Option<&'a CurvePoint> {
        let load = self.place(curve.kind)?;
        curve
            .points
            .iter()
            .find(|point| (point.load / load - 1.0).abs() < SAME_LOAD)
    }

    /// Its latencies and throughput beside the forecast.
    pub fn compared(&self, curve: &Curve) -> Vec<Compared> {
        let forecast = self.forecast(curve);
        let is_shown = |name: &&str| is_latency(name) || name.starts_with("throughput.");
        let known = METRICS.into_iter().filter(is_shown);
        let compared = known.filter_map(|metric| {
            let predicted = || Measure::named(metric)?.of(&forecast?.summary);
            Some(Compared {
                metric,
                measured: *self.values.get(metric)?,
                predicted: predicted().filter(|it| it.is_finite()),
            })
        });
        compared.collect()
    }
}
