//! What a benchmark sent, as its result says, and the same as keys of a scenario.

use std::fmt::Write;

use crate::config::reader::diagnostic::Diagnostic;

/// What `vllm bench serve` was told to send; what the file does not say is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BenchmarkLoad {
    /// The model that was asked for.
    pub model: Option<String>,
    /// How many requests.
    pub requests: Option<u64>,
    /// How many a second; infinite if all were due at once.
    pub rate_per_s: Option<f64>,
    /// How even gaps are: the shape of their Gamma distribution, 1 for Poisson.
    pub burstiness: Option<f64>,
    /// How many were outstanding at most.
    pub max_concurrency: Option<u32>,
}

impl BenchmarkLoad {
    /// The coefficient of variation of the gaps between requests.
    pub fn cv(&self) -> f64 {
        1.0 / self.burstiness.unwrap_or(1.0).sqrt()
    }

    /// The keys of a scenario that sends the same, as TOML. Requests that were all due at once and of which only so
    /// many were outstanding are a closed loop without pauses.
    pub fn to_toml(&self) -> Result<String, Diagnostic> {
        let missing = |key: &str| {
            Diagnostic::new(format!("load = \"measured\": the measured file does not say `{key}`")).help(
                "give the JSON of `vllm bench serve --save-result`, or leave `load` out and describe it in [workload]",
            )
        };
        let requests = self.requests.ok_or_else(|| missing("num_prompts"))?;
        let rate = self.rate_per_s.ok_or_else(|| missing("request_rate"))?;
        let is_poisson = self.burstiness.is_none_or(|it| it.total_cmp(&1.0).is_eq());
        let mut text = format!("[workload]\nrequests = {requests}\narrivals = ");
        let written = match (rate.is_finite(), self.max_concurrency) {
            (false, Some(clients)) => writeln!(text, "{{ process = \"closed\", concurrency = {clients} }}"),
            (false, None) => writeln!(text, "{{ process = \"at_once\" }}"),
            (true, _) if is_poisson => {
                writeln!(text, "{{ process = \"poisson\", rate = {rate:?}, span = \"exact\" }}")
            }
            (true, _) => {
                let cv = self.cv();
                writeln!(
                    text,
                    "{{ process = \"gamma\", rate = {rate:?}, cv = {cv:?}, span = \"exact\" }}"
                )
            }
        };
        written.expect("a string takes everything");
        if let (true, Some(most)) = (rate.is_finite(), self.max_concurrency) {
            writeln!(text, "[client]\nmax_outstanding = {most}").expect("a string takes everything");
        }
        Ok(text)
    }
}
