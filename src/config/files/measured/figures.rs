//! The numbers of a summary, as they are collected from a file.

use super::metric::{canonical, is_latency};
use super::result::Values;
use crate::config::reader::diagnostic::Diagnostic;
use crate::units::Span;

/// Collects the numbers of one result.
pub struct Figures<'a> {
    /// What messages call the result.
    name: &'a str,
    /// What was found so far.
    pub values: Values,
}

impl<'a> Figures<'a> {
    /// Those of a result that messages call `name`.
    pub fn of(name: &'a str) -> Self {
        Self {
            name,
            values: Values::new(),
        }
    }

    /// A latency `metric` in `seconds`, which the file calls `key`; statistics that are not compared are passed over.
    pub fn latency(&mut self, key: &str, metric: &str, statistic: &str, seconds: f64) -> Result<(), Diagnostic> {
        let Some(name) = canonical(&format!("{metric}.{statistic}")) else {
            return Ok(());
        };
        self.number(key, name, seconds)
    }

    /// A number called `name`, which the file calls `key`.
    pub fn number(&mut self, key: &str, name: &'static str, value: f64) -> Result<(), Diagnostic> {
        let called = self.name;
        if value < 0.0 {
            let message = format!("{called}: {key} is negative");
            return Err(Diagnostic::new(message).help("write a number from 0, or null"));
        }
        if is_latency(name) && Span::from_seconds(value).is_none() || !value.is_finite() {
            let message = format!("{called}: {key} stands for {value} s");
            return Err(Diagnostic::new(message).help("write a length of time from 0 up to 200 days"));
        }
        // Nothing measured is written as 0.
        if value > 0.0 {
            self.values.insert(name, value);
        }
        Ok(())
    }

    /// A number that may not be there.
    pub fn optional(&mut self, key: &str, name: &'static str, value: Option<f64>) -> Result<(), Diagnostic> {
        value.map_or(Ok(()), |value| self.number(key, name, value))
    }

    /// The mean time between tokens, of means over all requests of latencies and of the answers' length [tokens]: the
    /// sums of both are over the same gaps.
    pub fn gap_from_means(&mut self, mean_output: Option<f64>) {
        let of = |name: &str| self.values.get(name).copied();
        if let (Some(e2e), Some(ttft), Some(tokens)) = (of("e2e.mean"), of("ttft.mean"), mean_output)
            && tokens > 1.0
            && e2e > ttft
        {
            self.values.insert("itl.mean", (e2e - ttft) / (tokens - 1.0));
        }
    }
}
