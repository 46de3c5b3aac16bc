//! How near runs come to the limits of their objectives, from which a capacity can be guessed.

use crate::metrics::{Slo, Summary, judged};

/// The strain of runs at several loads: the logarithm of the latency that is nearest to its limit, or furthest beyond
/// it, as a part of that limit. It is 0 at the capacity.
#[derive(Clone, Debug, Default)]
pub(super) struct Strains {
    /// Loads with their strains, the lowest load first.
    known: Vec<(f64, f64)>,
}

impl Strains {
    /// Keeps what a run at a load says, if it is met or missed for the sake of its latencies.
    pub(super) fn note(&mut self, load: f64, slos: &[Slo], summary: &Summary) {
        let is_met = summary.is_met == Some(true);
        let strain = strain(slos, summary).filter(|strain| strain.is_finite() && (*strain <= 0.0) == is_met);
        if let Some(strain) = strain {
            let place = self.known.partition_point(|(other, _)| *other < load);
            self.known.insert(place, (load, strain));
        }
    }

    /// The strain at a load that was tried.
    pub(super) fn at(&self, load: f64) -> Option<f64> {
        let found = self.known.iter().find(|(other, _)| other.total_cmp(&load).is_eq());
        found.map(|(_, strain)| *strain)
    }

    /// The load that has a strain, between two that were tried.
    pub(super) fn load_of(&self, strain: f64) -> Option<f64> {
        let mut pairs = self.known.windows(2);
        pairs.find_map(|pair| {
            let [(low, below), (high, above)] = [pair[0], pair[1]];
            (below <= strain && strain <= above).then(|| {
                let part = (strain - below) / (above - below).max(f64::MIN_POSITIVE);
                low * (high / low).powf(part)
            })
        })
    }
}

fn strain(slos: &[Slo], summary: &Summary) -> Option<f64> {
    let results = judged(slos, summary);
    let of_class = summary.of_classes.map(|it| it.result);
    let latencies = results.iter().chain(&of_class).filter_map(|result| {
        let limit = result.slo.as_latency()?.limit.seconds();
        Some(result.got.map_or(f64::INFINITY, |got| (got / limit).ln()))
    });
    latencies.reduce(f64::max)
}
