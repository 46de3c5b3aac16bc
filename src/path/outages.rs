//! When nobody can start at a stage.

use crate::stats::streams::Xoshiro256PlusPlus;
use crate::stats::streams::stream;
use crate::units::{Span, Time};
use crate::workload::draw_exponential;

/// When a stage is down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StageOutages {
    /// Never.
    Never,
    /// Again and again, each time for so long; both are exponentially distributed.
    Random {
        /// The mean time that it is up.
        mtbf: Span,
        /// The mean time that it is down.
        repair: Span,
    },
    /// From each of these instants on for so long, in the order of time; none overlaps the one before.
    Planned(Vec<(Time, Span)>),
}

/// The outages of a stage in a run, as far as it has gone. Instants that are asked about never go back.
#[derive(Debug)]
pub(super) enum OutagesSoFar<'a> {
    Never,
    Random {
        mtbf: Span,
        repair: Span,
        random: Box<Xoshiro256PlusPlus>,
        next: (Time, Time),
    },
    Planned(&'a [(Time, Span)]),
}

impl<'a> OutagesSoFar<'a> {
    /// Those of the stage of this name.
    pub(super) fn of(outages: &'a StageOutages, name: &str, seed: u64) -> Self {
        match *outages {
            StageOutages::Never => Self::Never,
            StageOutages::Random { mtbf, repair } => {
                let mut random = Box::new(stream(seed, &format!("path outages {name}")));
                let next = outage_after(Time::ZERO, mtbf, repair, &mut random);
                Self::Random {
                    mtbf,
                    repair,
                    random,
                    next,
                }
            }
            StageOutages::Planned(ref planned) => Self::Planned(planned),
        }
    }

    /// When an outage ends that lasts at `now`; `None` if there is none.
    pub(super) fn down_until(&mut self, now: Time) -> Option<Time> {
        match self {
            Self::Never => None,
            Self::Random {
                mtbf,
                repair,
                random,
                next,
            } => {
                while next.1 <= now {
                    *next = outage_after(next.1, *mtbf, *repair, random);
                }
                (next.0 <= now).then_some(next.1)
            }
            Self::Planned(planned) => {
                while let [(from, lasts), rest @ ..] = planned {
                    let until = later(*from, *lasts);
                    if until > now {
                        return (*from <= now).then_some(until);
                    }
                    *planned = rest;
                }
                None
            }
        }
    }
}

fn outage_after(start: Time, mtbf: Span, repair: Span, random: &mut Xoshiro256PlusPlus) -> (Time, Time) {
    // At least a picosecond, so that looking for the next one ends.
    let mut lasting = |mean: Span| Span::from_picos((mean.picos() as f64 * draw_exponential(random) + 1.0) as u64);
    let from = later(start, lasting(mtbf));
    (from, later(from, lasting(repair)))
}

/// So much later; what lies beyond all that may be simulated stays there.
pub(super) const fn later(at: Time, span: Span) -> Time {
    Time::from_picos(at.picos().saturating_add(span.picos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planned_outages_last_from_their_start_to_their_end() {
        let [at, lasts] = [10, 5].map(Span::from_picos);
        let planned = StageOutages::Planned(vec![(Time::ZERO + at, lasts), (Time::from_picos(20), lasts)]);
        let mut outages = OutagesSoFar::of(&planned, "search", 1);
        let down: Vec<u64> = (0..30)
            .filter(|&now| outages.down_until(Time::from_picos(now)).is_some())
            .collect();
        let expected: Vec<u64> = (10..15).chain(20..25).collect();
        assert_eq!(down, expected);
    }

    #[test]
    fn random_outages_last_their_share_of_the_time() {
        let [mtbf, repair] = [90, 10].map(|seconds| Span::from_seconds(f64::from(seconds)).unwrap());
        let outages = StageOutages::Random { mtbf, repair };
        let mut outages = OutagesSoFar::of(&outages, "search", 7);
        let second = |second| Time::ZERO + Span::from_seconds(f64::from(second)).unwrap();
        let down = (0..1_000_000)
            .filter(|&now| outages.down_until(second(now)).is_some())
            .count();
        assert!((80_000..120_000).contains(&down), "{down}");
    }
}
