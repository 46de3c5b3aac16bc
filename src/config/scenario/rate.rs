//! Rates of arrivals.

use crate::settings::{Kind, Setting};

/// More than one request a nanosecond is a slip of the pen [requests/s].
pub(super) const MOST_RATE_PER_S: f64 = 1e9;
/// The key `rate`.
pub(super) const RATE: Setting = Setting::new(
    "rate",
    Kind::Positive { max: MOST_RATE_PER_S },
    "The mean rate of arrivals",
)
.unit("requests/s")
.required("write rate = 8.0, in requests per second");
