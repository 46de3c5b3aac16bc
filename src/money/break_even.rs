//! From where on servers of one's own cost less than an API.

use super::SECONDS_PER_DAY;
use super::unit_prices::finite;

/// Where servers of one's own and an API cost the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakEven {
    /// Requests [1/s].
    pub requests_per_s: f64,
    /// Requests of a day.
    pub requests_per_day: f64,
    /// How much of what the servers can do that is; `None` if nobody knows what they can do. Above 1 the API is always
    /// the cheaper one.
    pub utilisation: Option<f64>,
    /// The lowest and the highest that it may be, as what the servers can do is known within bounds.
    pub utilisation_within: Option<[f64; 2]>,
}

/// What people say of a utilisation without any arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleOfThumb {
    /// Above a half: GPUs of one's own.
    Own,
    /// Below 30 %: an API.
    Api,
    /// Between the two the rule says nothing.
    Open,
}

/// How many requests a second cost as much at an API as the servers do [1/s]; `None` at an API that costs nothing.
pub fn break_even_requests_per_s(own_dollars_per_s: f64, api_dollars_per_request: f64) -> Option<f64> {
    finite(own_dollars_per_s / api_dollars_per_request)
}

impl BreakEven {
    /// Of servers that cost so much a second, whatever they do, and that can answer so many requests a second, perhaps
    /// known within bounds.
    pub fn of(
        own_dollars_per_s: f64,
        api_dollars_per_request: f64,
        capacity_per_s: Option<(f64, Option<[f64; 2]>)>,
    ) -> Option<Self> {
        let requests_per_s = break_even_requests_per_s(own_dollars_per_s, api_dollars_per_request)?;
        let of = |capacity: f64| finite(requests_per_s / capacity);
        Some(Self {
            requests_per_s,
            requests_per_day: requests_per_s * SECONDS_PER_DAY,
            utilisation: capacity_per_s.and_then(|(capacity, _)| of(capacity)),
            utilisation_within: capacity_per_s.and_then(|(_, within)| {
                let [low, high] = within?;
                Some([of(high)?, of(low)?])
            }),
        })
    }
}

impl RuleOfThumb {
    /// What it says of a utilisation.
    pub fn at(utilisation: f64) -> Self {
        if utilisation > 0.5 {
            Self::Own
        } else if utilisation < 0.3 {
            Self::Api
        } else {
            Self::Open
        }
    }

    /// Its name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Api => "api",
            Self::Open => "open",
        }
    }
}
