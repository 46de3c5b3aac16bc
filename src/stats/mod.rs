//! Distributions, time-weighted step functions, confidence intervals and random streams.

mod binomial;
mod distribution;
mod erlang;
mod histogram;
mod least_squares;
mod mean;
mod ranked;
mod rounded;
pub mod streams;
mod student_t;
mod time_weighted;
mod wide;

pub use binomial::at_least_of;
pub use distribution::{Distribution, enough_samples};
pub use erlang::{erlang_c, erlang_wait_quantile_s};
pub use histogram::RELATIVE_PRECISION;
pub use least_squares::{Coefficient, Fit, least_squares};
pub use mean::mean;
pub use rounded::{counted, rounded, unrounded};
pub use student_t::{
    Interval, confidence_interval_95, confidence_interval_95_about, confidence_interval_95_above_zero,
    confidence_interval_95_of_shares, t_quantile_975,
};
pub use time_weighted::TimeWeighted;
