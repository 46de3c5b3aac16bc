//! Quantiles of a latency over all clients: those who were served, and those who never were, whose wait has no end.

use crate::metrics::metric::Statistic;
use crate::stats::{Distribution, enough_samples};
use crate::units::PICOS_PER_SECOND;

/// A statistic of a latency over all clients.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::metrics) enum Felt {
    /// There are too few samples to tell.
    #[default]
    Unknown,
    /// So many seconds.
    After(f64),
    /// It has no end: so many clients were never served.
    Never,
}

/// Quantiles of a latency over all clients; p50, p90, p95, p99 and p999.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrowdQuantiles([Felt; 5]);

/// The quantiles in thousandths.
const PERMILLES: [u64; 5] = [500, 900, 950, 990, 999];

impl CrowdQuantiles {
    /// Those of a latency of which `picos` is known, where `lost` is the share of all requests that were never served:
    /// a quantile of all is a higher one of those who were.
    pub(in crate::metrics) fn of(picos: &Distribution, lost: f64) -> Self {
        Self(PERMILLES.map(|permille| {
            let level = permille as f64 / 1e3 / (1.0 - lost);
            // A p99 of a crowd of which 1 % was never served is its slowest served client.
            if level > 1.0 + 1e-12 {
                return Felt::Never;
            }
            let everyone = (picos.count() as f64 / (1.0 - lost)).round() as u64;
            let known = picos.quantiles([level.min(1.0)]);
            match known.filter(|_| enough_samples(permille, everyone)) {
                Some([quantile]) => Felt::After(quantile / PICOS_PER_SECOND as f64),
                None => Felt::Unknown,
            }
        }))
    }

    /// A quantile, if it is one of those.
    pub(in crate::metrics) const fn statistic(&self, statistic: Statistic) -> Option<Felt> {
        Some(match statistic {
            Statistic::P50 => self.0[0],
            Statistic::P90 => self.0[1],
            Statistic::P95 => self.0[2],
            Statistic::P99 => self.0[3],
            Statistic::P999 => self.0[4],
            Statistic::Mean | Statistic::Max => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_of_all_is_a_higher_one_of_the_served() {
        let mut picos = Distribution::default();
        (1..=9_900).for_each(|second| picos.record(second * PICOS_PER_SECOND, 1));
        let everyone = CrowdQuantiles::of(&picos, 0.01);
        let Some(Felt::After(median)) = everyone.statistic(Statistic::P50) else {
            panic!("half of all were served")
        };
        assert!((median - 5_000.0).abs() <= 5.0, "{median}");
        let Some(Felt::After(slowest)) = everyone.statistic(Statistic::P99) else {
            panic!("99 % of all were served")
        };
        assert!((slowest - 9_900.0).abs() <= 10.0, "{slowest}");
        assert_eq!(everyone.statistic(Statistic::P999), Some(Felt::Never));
        assert_eq!(
            CrowdQuantiles::of(&picos, 0.51).statistic(Statistic::P50),
            Some(Felt::Never)
        );
    }
}
