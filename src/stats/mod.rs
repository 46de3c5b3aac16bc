//! Random streams (and, as they come, quantiles and intervals).

pub mod streams;
