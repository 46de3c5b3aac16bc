//! Arrival processes: when requests come.

use rand_distr::{Distribution, Gamma, Weibull};

use super::custom_arrivals::CustomArrivals;
use super::exponential::draw_exponential;
use super::invalid::{Invalid, check_positive, check_range};
use super::portable::Portable;
use super::think::Think;
use crate::stats::streams::Xoshiro256PlusPlus;
use crate::units::{PICOS_PER_SECOND, Span};

/// When requests arrive. A rate is always the mean rate [requests/s].
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// Independent, exponentially distributed gaps.
    Poisson {
        /// Mean rate [requests/s].
        rate_per_s: f64,
    },
    /// Gamma-distributed gaps: burstier than Poisson if `cv > 1`, more regular if less.
    Gamma {
        /// Mean rate [requests/s].
        rate_per_s: f64,
        /// Coefficient of variation of the gaps: standard deviation divided by mean.
        cv: f64,
    },
    /// Weibull-distributed gaps: burstier than Poisson if `shape < 1`, more regular if more.
    Weibull {
        /// Mean rate [requests/s].
        rate_per_s: f64,
        /// Shape parameter of the Weibull distribution.
        shape: f64,
    },
    /// Equal gaps, the first request at time 0.
    Constant {
        /// Rate at which requests arrive [requests/s].
        rate_per_s: f64,
    },
    /// All requests at time 0.
    AtOnce,
    /// A Poisson process whose rate changes from stage to stage. Arrivals end with the last stage.
    Stages(Vec<Stage>),
    /// Gaps that somebody else makes.
    Custom {
        /// Mean rate that they are asked to have [requests/s].
        rate_per_s: f64,
        /// Who makes them.
        process: CustomArrivals,
    },
    /// A fixed number of clients; each sends its next request after a pause once its last one has ended.
    Closed {
        /// How many clients, and so the most requests in the system.
        concurrency: u32,
        /// How long a client waits between the end of a request and its next.
        think: Think,
        /// When clients send their first requests.
        start: ClosedStart,
    },
}

/// When the clients of a closed loop send their first requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClosedStart {
    /// Each after what is left of a pause that had begun before time 0, so that they are as little in step with each
    /// other as they would be after a long time; at time 0 if they do not pause.
    #[default]
    Spread,
    /// All at time 0.
    Together,
}

/// A stretch of time with its own rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// Mean rate [requests/s]; 0 for a pause.
    pub rate_per_s: f64,
    /// How long the stage lasts.
    pub duration: Span,
}

/// More than one request a nanosecond is a typing error.
const MOST_RATE_PER_S: f64 = 1e9;
/// The most clients of a closed loop.
pub(super) const MOST_CLIENTS: u32 = 1_000_000;
const RATE_EXAMPLE: &str = "requests per second, e.g. rate = 8.0";

impl Arrivals {
    /// Checks every setting. Keys are those of a scenario's `arrivals` table.
    pub fn validate(&self) -> Result<(), Invalid> {
        match *self {
            Self::Poisson { rate_per_s } | Self::Constant { rate_per_s } | Self::Custom { rate_per_s, .. } => {
                check_rate(rate_per_s)
            }
            Self::Gamma { rate_per_s, cv } => {
                check_rate(rate_per_s)?;
                check_range("cv", cv, 0.001, 1000.0, "e.g. cv = 2.0 (1.0 is Poisson)")
            }
            Self::Weibull { rate_per_s, shape } => {
                check_rate(rate_per_s)?;
                check_range("shape", shape, 0.05, 1000.0, "e.g. shape = 0.7 (1.0 is Poisson)")
            }
            Self::AtOnce => Ok(()),
            Self::Stages(ref stages) => check_stages(stages),
            Self::Closed { concurrency, .. } => {
                let (least, most) = (1.0, f64::from(MOST_CLIENTS));
                let example = "the number of clients, e.g. concurrency = 32";
                check_range("concurrency", f64::from(concurrency), least, most, example)
            }
        }
    }

    /// Whether arrivals depend on when earlier requests finish.
    pub const fn is_closed_loop(&self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// The same arrivals at so many times the rate; those that have none stay as they are.
    #[must_use]
    pub fn at_times_the_rate(&self, times: f64) -> Self {
        let mut faster = self.clone();
        match &mut faster {
            Self::Poisson { rate_per_s }
            | Self::Gamma { rate_per_s, .. }
            | Self::Weibull { rate_per_s, .. }
            | Self::Constant { rate_per_s }
            | Self::Custom { rate_per_s, .. } => *rate_per_s *= times,
            Self::Stages(stages) => stages.iter_mut().for_each(|stage| stage.rate_per_s *= times),
            Self::AtOnce | Self::Closed { .. } => {}
        }
        faster
    }

    /// Whether a client sends its next request as soon as the one before has ended.
    pub fn is_closed_loop_without_think(&self) -> bool {
        matches!(self, Self::Closed { think, .. } if think.is_none())
    }

    /// Whether gaps between arrivals are independent and of one distribution.
    pub const fn is_renewal(&self) -> bool {
        matches!(
            self,
            Self::Poisson { .. } | Self::Gamma { .. } | Self::Weibull { .. } | Self::Constant { .. }
        )
    }

    /// Whether they have the same rate throughout, or the same clients, so that a server comes to a steady state.
    pub const fn is_stationary(&self) -> bool {
        match self {
            Self::Poisson { .. }
            | Self::Gamma { .. }
            | Self::Weibull { .. }
            | Self::Constant { .. }
            | Self::Closed { .. } => true,
            Self::AtOnce | Self::Stages(_) | Self::Custom { .. } => false,
        }
    }

    /// The mean rate over the whole process [requests/s]; `None` if it depends on the server or is not a rate.
    pub fn mean_rate_per_s(&self) -> Option<f64> {
        match self {
            Self::Poisson { rate_per_s }
            | Self::Gamma { rate_per_s, .. }
            | Self::Weibull { rate_per_s, .. }
            | Self::Constant { rate_per_s }
            | Self::Custom { rate_per_s, .. } => Some(*rate_per_s),
            Self::AtOnce | Self::Closed { .. } => None,
            Self::Stages(stages) => {
                let seconds: f64 = stages.iter().map(|stage| stage.duration.seconds()).sum();
                let requests: f64 = stages
                    .iter()
                    .map(|stage| stage.rate_per_s * stage.duration.seconds())
                    .sum();
                Some(requests / seconds)
            }
        }
    }
}

fn check_rate(rate_per_s: f64) -> Result<(), Invalid> {
    check_positive("rate", rate_per_s, MOST_RATE_PER_S, RATE_EXAMPLE)
}

fn check_stages(stages: &[Stage]) -> Result<(), Invalid> {
    const EXAMPLE: &str = "e.g. stages = [{ rate = 2.0, duration = \"60s\" }]";
    for (index, stage) in stages.iter().enumerate() {
        let at = format!("stages[{index}]");
        check_range("rate", stage.rate_per_s, 0.0, MOST_RATE_PER_S, RATE_EXAMPLE)
            .map_err(|invalid| invalid.inside(&at))?;
        if stage.duration == Span::ZERO {
            let message = "must be longer than 0; write e.g. duration = \"60s\"";
            return Err(Invalid::new("duration", message).inside(&at));
        }
    }
    // Summed in floating point because the sum of valid spans may overflow a span.
    let seconds: f64 = stages.iter().map(|stage| stage.duration.seconds()).sum();
    if Span::from_seconds(seconds).is_none() {
        let message = "last longer than 200 days together; write shorter durations";
        return Err(Invalid::new("stages", message));
    }
    if stages.iter().any(|stage| stage.rate_per_s > 0.0) {
        return Ok(());
    }
    let message = format!("need at least one stage with a rate above 0; write {EXAMPLE}");
    Err(Invalid::new("stages", message))
}

/// Draws the gaps of a renewal process, in picoseconds.
pub(super) enum Gaps {
    /// Gaps are `mean * Exp(1)`.
    Exponential {
        mean_picos: f64,
    },
    Gamma(Gamma<Portable>),
    Weibull(Weibull<Portable>),
    Constant {
        picos: f64,
    },
}

impl Gaps {
    /// The gaps of a valid process; `None` if it is not a renewal process.
    pub fn new(arrivals: &Arrivals) -> Option<Self> {
        let picos = |rate_per_s: f64| PICOS_PER_SECOND as f64 / rate_per_s;
        match *arrivals {
            Arrivals::Poisson { rate_per_s } => Some(Self::Exponential {
                mean_picos: picos(rate_per_s),
            }),
            Arrivals::Gamma { rate_per_s, cv } => {
                let shape = 1.0 / (cv * cv);
                let gaps = Gamma::new(Portable(shape), Portable(picos(rate_per_s) / shape));
                Some(Self::Gamma(gaps.expect("arrivals are validated")))
            }
            Arrivals::Weibull { rate_per_s, shape } => {
                // The mean of a Weibull distribution is scale * gamma(1 + 1/shape).
                let scale = picos(rate_per_s) / libm::tgamma(1.0 + 1.0 / shape);
                let gaps = Weibull::new(Portable(scale), Portable(shape));
                Some(Self::Weibull(gaps.expect("arrivals are validated")))
            }
            Arrivals::Constant { rate_per_s } => Some(Self::Constant {
                picos: picos(rate_per_s),
            }),
            Arrivals::AtOnce | Arrivals::Stages(_) | Arrivals::Custom { .. } | Arrivals::Closed { .. } => None,
        }
    }

    /// The next gap [ps].
    pub fn draw(&self, random: &mut Xoshiro256PlusPlus) -> f64 {
        match self {
            Self::Exponential { mean_picos } => mean_picos * draw_exponential(random),
            Self::Gamma(gaps) => gaps.sample(random).0,
            Self::Weibull(gaps) => gaps.sample(random).0,
            Self::Constant { picos } => *picos,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(arrivals: &Arrivals) -> String {
        arrivals.validate().expect_err("must be refused").key
    }

    #[test]
    fn a_rate_must_be_positive_and_finite() {
        for rate_per_s in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, 1e10] {
            assert_eq!(key_of(&Arrivals::Poisson { rate_per_s }), "rate");
            assert_eq!(key_of(&Arrivals::Constant { rate_per_s }), "rate");
            assert_eq!(key_of(&Arrivals::Gamma { rate_per_s, cv: 1.0 }), "rate");
        }
        let message = Arrivals::Poisson { rate_per_s: -3.0 }.validate();
        let message = message.unwrap_err().to_string();
        assert_eq!(
            message,
            "rate: must be greater than 0 and at most 1000000000, not -3; \
             write requests per second, e.g. rate = 8.0"
        );
    }

    #[test]
    fn shapes_must_be_in_range() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let gamma = Arrivals::Gamma {
                rate_per_s: 1.0,
                cv: bad,
            };
            let weibull = Arrivals::Weibull {
                rate_per_s: 1.0,
                shape: bad,
            };
            assert_eq!(key_of(&gamma), "cv");
            assert_eq!(key_of(&weibull), "shape");
        }
    }

    #[test]
    fn stages_name_the_bad_one() {
        let stage = |rate_per_s, seconds| Stage {
            rate_per_s,
            duration: Span::from_seconds(seconds).unwrap(),
        };
        let stages = |list: &[Stage]| Arrivals::Stages(list.to_vec());
        assert_eq!(key_of(&stages(&[])), "stages");
        assert_eq!(key_of(&stages(&[stage(0.0, 1.0)])), "stages");
        assert_eq!(key_of(&stages(&[stage(1.0, 1.0), stage(-1.0, 1.0)])), "stages[1].rate");
        assert_eq!(key_of(&stages(&[stage(1.0, 0.0)])), "stages[0].duration");
        assert_eq!(key_of(&stages(&[stage(1.0, 1e7), stage(1.0, 1e7)])), "stages");
        let valid = stages(&[stage(2.0, 10.0), stage(0.0, 10.0)]);
        assert_eq!(valid.validate(), Ok(()));
        assert_eq!(valid.mean_rate_per_s(), Some(1.0));
    }
}
