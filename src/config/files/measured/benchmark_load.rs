//! What a benchmark sent, as its result says, and the same as keys of a scenario.

use std::fmt::Write;

use super::noted_settings::NotedSetting;
use crate::config::reader::diagnostic::Diagnostic;

/// What a benchmark was told to send; what the file does not say is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BenchmarkLoad {
    /// The model that was asked for.
    pub model: Option<String>,
    /// How many requests.
    pub requests: Option<u64>,
    /// How many a second; infinite if all were due at once.
    pub rate_per_s: Option<f64>,
    /// How even gaps are: the shape of their Gamma distribution, 1 for Poisson, infinite for gaps that are all alike.
    pub burstiness: Option<f64>,
    /// How many were outstanding at most.
    pub max_concurrency: Option<u32>,
    /// The GPUs that share the model, as somebody noted with `--metadata`.
    pub tensor_parallel: Option<u32>,
    /// The GPU, as somebody noted there.
    pub gpu: Option<String>,
    /// Settings of the server, as columns of a sweep or somebody's notes say them.
    pub settings: Vec<(NotedSetting, f64)>,
    /// How long prompts were.
    pub input_tokens: Option<MeasuredLength>,
    /// How long answers were.
    pub output_tokens: Option<MeasuredLength>,
    /// Whether the last of N requests was sent at N / rate, as `vllm bench serve` does it.
    pub is_exact_span: bool,
}

/// Lengths of many requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasuredLength {
    /// Their mean [tokens].
    pub mean: f64,
    /// Their standard deviation in parts of the mean; `None` if the file does not say.
    pub cv: Option<f64>,
    /// The longest of them [tokens]; `None` if the file does not say.
    pub max: Option<f64>,
}

/// Lengths that vary by less are as good as equal.
const LEAST_CV: f64 = 0.01;
/// No file means lengths that vary by more.
const MOST_CV: f64 = 10.0;

impl MeasuredLength {
    /// Those with this mean and, if it is known, standard deviation [tokens]; `None` of no tokens.
    pub fn of(mean: Option<f64>, deviation: Option<f64>) -> Option<Self> {
        let mean = mean.filter(|mean| (0.5..=1e9).contains(mean))?;
        let cv = deviation.map(|deviation| deviation / mean);
        Some(Self {
            mean,
            cv: cv.filter(|cv| (0.0..=MOST_CV).contains(cv)),
            max: None,
        })
    }

    /// Those of each of some requests.
    pub fn of_each(lengths: impl Iterator<Item = u32> + Clone) -> Option<Self> {
        let count = lengths.clone().count() as f64;
        let mean = lengths.clone().map(f64::from).sum::<f64>() / count;
        let squares: f64 = lengths.clone().map(|length| (f64::from(length) - mean).powi(2)).sum();
        let longest = lengths.max().map(f64::from);
        Some(Self::of(Some(mean), Some((squares / count).sqrt()))?.up_to(longest))
    }

    /// The same, of which the longest is known.
    #[must_use]
    pub fn up_to(self, longest: Option<f64>) -> Self {
        let max = longest.filter(|longest| (self.mean..=1e9).contains(longest));
        Self { max, ..self }
    }

    /// A distribution with that mean, as a scenario writes it.
    fn to_toml(self) -> String {
        match self.cv.filter(|cv| *cv >= LEAST_CV) {
            Some(cv) => {
                let max = self
                    .max
                    .map_or_else(String::new, |max| format!(", max = {:.0}", max.round()));
                format!("{{ dist = \"gamma\", mean = {:?}, cv = {cv:?}{max} }}", self.mean)
            }
            None => format!("{{ dist = \"fixed\", value = {:.0} }}", self.mean.round().max(1.0)),
        }
    }
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

    /// The key of a scenario that sends as often, with its value in TOML. Requests that were all due at once and of
    /// which only so many were outstanding are a closed loop without pauses. What the file does not say is named in the
    /// error. A span that ends at an exact time needs to know how many requests there are.
    pub fn arrivals(&self, knows_requests: bool) -> Result<(&'static str, String), &'static str> {
        let rate = self.rate_per_s.ok_or("request_rate")?;
        let burstiness = self.burstiness.unwrap_or(1.0);
        let span = if self.is_exact_span && knows_requests {
            ", span = \"exact\""
        } else {
            ""
        };
        let arrivals = match (rate.is_finite(), self.max_concurrency) {
            (false, Some(clients)) => format!("{{ process = \"closed\", concurrency = {clients} }}"),
            (false, None) => "{ process = \"at_once\" }".to_owned(),
            (true, _) if burstiness.total_cmp(&1.0).is_eq() => {
                format!("{{ process = \"poisson\", rate = {rate:?}{span} }}")
            }
            (true, _) if burstiness.is_infinite() => format!("{{ process = \"constant\", rate = {rate:?} }}"),
            (true, _) => {
                let cv = self.cv();
                format!("{{ process = \"gamma\", rate = {rate:?}, cv = {cv:?}{span} }}")
            }
        };
        Ok(("workload.arrivals", arrivals))
    }

    /// The key of a scenario that lets only so many be outstanding beside a rate, if that could ever hold one back.
    pub fn outstanding(&self) -> Option<(&'static str, String)> {
        let most = self
            .max_concurrency
            .filter(|_| self.rate_per_s.is_some_and(f64::is_finite))?;
        Some(("client.max_outstanding", most.to_string()))
    }

    /// The keys of a scenario that sends the same requests at the same times, each with its value in TOML. What the
    /// file does not say is named in the error.
    pub fn keys(&self) -> Result<Vec<(&'static str, String)>, &'static str> {
        let requests = self.requests.ok_or("num_prompts")?;
        let mut keys = vec![("workload.requests", requests.to_string()), self.arrivals(true)?];
        keys.extend(self.outstanding());
        Ok(keys)
    }

    /// The keys of a scenario with prompts and answers as long, as far as the file says it.
    pub fn lengths(&self) -> Vec<(&'static str, String)> {
        let both = [
            ("workload.prompt", self.input_tokens),
            ("workload.output", self.output_tokens),
        ];
        let known = both
            .into_iter()
            .filter_map(|(key, length)| Some((key, length?.to_toml())));
        known.collect()
    }

    /// The same requests at the same times as TOML.
    pub fn to_toml(&self) -> Result<String, Diagnostic> {
        let keys = self.keys().map_err(|missing| {
            let message = format!("load = \"measured\": the measured file does not say `{missing}`");
            Diagnostic::new(message).help(
                "give the JSON of `vllm bench serve --save-result` or another result that says it, or leave `load` out \
                 and describe it in [workload]",
            )
        })?;
        let mut text = String::new();
        for (key, value) in keys {
            writeln!(text, "{key} = {value}").expect("a string takes everything");
        }
        Ok(text)
    }
}
