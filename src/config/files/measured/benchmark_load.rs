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
    /// The GPUs that share the model, as somebody noted with `--metadata`.
    pub tensor_parallel: Option<u32>,
    /// The GPU, as somebody noted there.
    pub gpu: Option<String>,
}

impl BenchmarkLoad {
    /// The coefficient of variation of the gaps between requests.
    pub fn cv(&self) -> f64 {
        1.0 / self.burstiness.unwrap_or(1.0).sqrt()
    }

    /// What people call the load, as far as the file says it: `16 clients`, `2.5 a second`.
    pub fn label(&self) -> Option<String> {
        match (self.rate_per_s?, self.max_concurrency) {
            (rate, Some(1)) if rate.is_infinite() => Some("1 client".to_owned()),
            (rate, Some(clients)) if rate.is_infinite() => Some(format!("{clients} clients")),
            (rate, None) if rate.is_infinite() => Some("all at once".to_owned()),
            (rate, _) => Some(format!("{rate} a second")),
        }
    }

    /// The keys of a scenario that sends the same, each with its value in TOML. Requests that were all due at once and
    /// of which only so many were outstanding are a closed loop without pauses. What the file does not say is named in
    /// the error.
    pub fn keys(&self) -> Result<Vec<(&'static str, String)>, &'static str> {
        let requests = self.requests.ok_or("num_prompts")?;
        let rate = self.rate_per_s.ok_or("request_rate")?;
        let is_poisson = self.burstiness.is_none_or(|it| it.total_cmp(&1.0).is_eq());
        let arrivals = match (rate.is_finite(), self.max_concurrency) {
            (false, Some(clients)) => format!("{{ process = \"closed\", concurrency = {clients} }}"),
            (false, None) => "{ process = \"at_once\" }".to_owned(),
            (true, _) if is_poisson => format!("{{ process = \"poisson\", rate = {rate:?}, span = \"exact\" }}"),
            (true, _) => {
                let cv = self.cv();
                format!("{{ process = \"gamma\", rate = {rate:?}, cv = {cv:?}, span = \"exact\" }}")
            }
        };
        let mut keys = vec![
            ("workload.requests", requests.to_string()),
            ("workload.arrivals", arrivals),
        ];
        if let (true, Some(most)) = (rate.is_finite(), self.max_concurrency) {
            keys.push(("client.max_outstanding", most.to_string()));
        }
        Ok(keys)
    }

    /// The same as TOML.
    pub fn to_toml(&self) -> Result<String, Diagnostic> {
        let keys =
            self.keys().map_err(|missing| {
                Diagnostic::new(format!("load = \"measured\": the measured file does not say `{missing}`")).help(
                "give the JSON of `vllm bench serve --save-result`, or leave `load` out and describe it in [workload]",
            )
            })?;
        let mut text = String::new();
        for (key, value) in keys {
            writeln!(text, "{key} = {value}").expect("a string takes everything");
        }
        Ok(text)
    }
}
