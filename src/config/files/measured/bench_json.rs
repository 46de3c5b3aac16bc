//! The result of `vllm bench serve`: with `--save-detailed` one entry a request, else its summary alone.
//!
//! Source of the format: `vllm/benchmarks/serve.py`. What is not about latencies, tokens and throughput is not read.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::benchmark_load::BenchmarkLoad;
use super::metric::{canonical, is_latency};
use super::result::{FORMATS_HELP, Measured, MeasuredRequest, Values, error_at};
use super::tally::Tally;
use crate::config::files::wording;
use crate::config::reader::diagnostic::Diagnostic;
use crate::units::{Span, Time};

const ROUNDING: Span = Span::from_micros(1);

/// Reads the one object of the file.
pub fn read(name: &str, content: &str) -> Result<Measured, Diagnostic> {
    let raw: Raw = serde_json::from_str(content).map_err(|error| unreadable(name, content, &error))?;
    raw.measured().map_err(|problem| problem.of(name))
}

/// Reads several results: a list, as vLLM's sweep of benchmarks sums them up, or one after the other, as
/// `--append-result` leaves them.
pub fn read_all(name: &str, content: &str) -> Result<Vec<Measured>, Diagnostic> {
    let all: Result<Vec<Raw>, _> = if content.trim_start().starts_with('[') {
        serde_json::from_str(content)
    } else {
        serde_json::Deserializer::from_str(content).into_iter().collect()
    };
    let all = all.map_err(|error| unreadable(name, content, &error))?;
    if all.is_empty() {
        return Err(Diagnostic::new(format!("{name} is an empty list")).help(FORMATS_HELP));
    }
    let are_several = all.len() > 1;
    let numbered = all.into_iter().enumerate();
    let read = numbered.map(|(place, raw)| {
        let name = if are_several {
            format!("{name}: result {}", place + 1)
        } else {
            name.to_owned()
        };
        raw.measured().map_err(|problem| problem.of(&name))
    });
    read.collect()
}

/// What the object may hold.
#[derive(Default)]
struct Raw {
    input_lens: Option<Vec<u32>>,
    output_lens: Option<Vec<u32>>,
    ttfts_s: Option<Vec<f64>>,
    itls_s: Option<Vec<Vec<f64>>>,
    latencies_s: Option<Vec<f64>>,
    start_times_s: Option<Vec<f64>>,
    errors: Option<Vec<Option<String>>>,
    failed: Option<u64>,
    /// Numbers of the whole run that go over as they are.
    summary: Vec<(String, &'static str, f64)>,
    duration_s: Option<f64>,
    total_input_tokens: Option<u64>,
    load: BenchmarkLoad,
}

/// A rate, which is written as "inf" where there is no limit.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Rate {
    Number(f64),
    Word(String),
}

impl Rate {
    /// What is no number is refused as one that is not above 0.
    fn per_s(self) -> f64 {
        match self {
            Self::Number(number) => number,
            Self::Word(word) => word.trim().parse().unwrap_or(f64::NAN),
        }
    }
}

struct Problem {
    message: String,
    help: &'static str,
}

impl Problem {
    fn of(self, name: &str) -> Diagnostic {
        Diagnostic::new(format!("{name}: {}", self.message)).help(self.help)
    }
}

/// Where a number of the whole run goes, and what it is divided by.
fn summary_name(key: &str) -> Option<(&'static str, f64)> {
    let of_run = match key {
        "completed" => Some("requests.finished"),
        "request_throughput" => Some("throughput.requests_per_s"),
        "output_throughput" => Some("throughput.output_tokens_per_s"),
        _ => None,
    };
    if let Some(name) = of_run {
        return Some((name, 1.0));
    }
    let (statistic, latency) = key.strip_suffix("_ms")?.split_once('_')?;
    let statistic = match statistic {
        "median" => "p50",
        "p99.9" => "p999",
        other => other,
    };
    let latency = if latency == "e2el" { "e2e" } else { latency };
    Some((canonical(&format!("{latency}.{statistic}"))?, 1_000.0))
}

impl Raw {
    fn measured(self) -> Result<Measured, Problem> {
        let mut measured = match self.requests()? {
            Some(tally) => tally.measured(self.duration_s.unwrap_or(0.0)),
            None => Measured {
                unfinished: self.failed.unwrap_or(0),
                ..Measured::default()
            },
        };
        measured.load = Some(self.load()?);
        let has_requests = measured.requests.is_some();
        for (name, value) in self.summary()? {
            // Requests tell more about latencies than their summary does, and how far each number may be trusted.
            if !has_requests || !is_latency(name) {
                measured.values.insert(name, value);
            }
        }
        if !measured.values.keys().any(|name| is_latency(name)) {
            return Err(Problem {
                message: "there are no latencies of any finished request".to_owned(),
                help: "give the result of `vllm bench serve --save-result`, with mean_ttft_ms and the like, or with \
                       --save-detailed too",
            });
        }
        Ok(measured)
    }

    fn load(&self) -> Result<BenchmarkLoad, Problem> {
        for (key, value) in [
            ("request_rate", self.load.rate_per_s),
            ("burstiness", self.load.burstiness),
        ] {
            if value.is_some_and(|it| it.is_nan() || it <= 0.0) {
                return Err(Problem {
                    message: format!("{key} is not above 0"),
                    help: "write the number that the benchmark was run with, \"inf\" for no limit, or null",
                });
            }
        }
        Ok(self.load.clone())
    }

    fn summary(&self) -> Result<Values, Problem> {
        let mut values = Values::new();
        for (key, name, value) in &self.summary {
            let (key, name, value) = (key, *name, *value);
            if value < 0.0 {
                return Err(Problem {
                    message: format!("{key} is negative"),
                    help: "write a number from 0, or null",
                });
            }
            if is_latency(name) {
                span(key, value)?;
            }
            // Nothing measured is written as 0 there.
            if value > 0.0 {
                values.insert(name, value);
            }
        }
        if let (Some(tokens), Some(duration_s)) = (self.total_input_tokens, self.duration_s)
            && span("duration", duration_s)? > Span::ZERO
        {
            values.insert("throughput.input_tokens_per_s", tokens as f64 / duration_s);
        }
        Ok(values)
    }

    /// The requests one by one; `None` if the file does not have them.
    fn requests(&self) -> Result<Option<Tally>, Problem> {
        let (Some(inputs), Some(outputs), Some(ttfts)) = (&self.input_lens, &self.output_lens, &self.ttfts_s) else {
            return Ok(None);
        };
        if self.itls_s.is_none() && self.latencies_s.is_none() {
            return Ok(None);
        }
        self.check_lengths(ttfts.len())?;
        let starts = self.starts();
        let mut tally = Tally::default();
        for (index, &ttft_s) in ttfts.iter().enumerate() {
            if self.has_failed(index) {
                tally.fail();
                continue;
            }
            let ttft = span_in("ttfts", index, ttft_s)?;
            let mut gaps_s = 0.0;
            if let Some(itls) = &self.itls_s {
                for &gap_s in &itls[index] {
                    tally.gap(span_in("itls", index, gap_s)?);
                    gaps_s += gap_s;
                }
            }
            let e2e = match &self.latencies_s {
                Some(latencies) => span_in("latencies", index, latencies[index])?,
                None => span_in("itls", index, ttft_s + gaps_s)?,
            };
            // Clients work out the two apart, so the last digits may differ.
            if e2e + ROUNDING < ttft {
                return Err(Problem {
                    message: format!("latencies[{index}] is shorter than ttfts[{index}]"),
                    help: "both count from when the request was sent",
                });
            }
            tally.finish(MeasuredRequest {
                arrival: starts.as_ref().and_then(|starts| starts[index]),
                ttft,
                e2e: e2e.max(ttft),
                input_tokens: inputs[index],
                output_tokens: outputs[index],
            });
        }
        Ok(Some(tally))
    }

    fn check_lengths(&self, requests: usize) -> Result<(), Problem> {
        fn length<T>(list: Option<&Vec<T>>) -> Option<usize> {
            list.map(Vec::len)
        }
        let lists = [
            ("input_lens", length(self.input_lens.as_ref())),
            ("output_lens", length(self.output_lens.as_ref())),
            ("itls", length(self.itls_s.as_ref())),
            ("latencies", length(self.latencies_s.as_ref())),
            ("start_times", length(self.start_times_s.as_ref())),
            ("errors", length(self.errors.as_ref())),
        ];
        for (list, length) in lists {
            if length.is_some_and(|length| length != requests) {
                let length = length.unwrap_or(0);
                return Err(Problem {
                    message: format!("{list} has {length} entries, and ttfts has {requests}"),
                    help: "each list has one entry a request, failed ones included",
                });
            }
        }
        Ok(())
    }

    fn has_failed(&self, index: usize) -> bool {
        let has_error = self
            .errors
            .as_ref()
            .is_some_and(|errors| errors[index].as_ref().is_some_and(|error| !error.is_empty()));
        let has_no_output = self.output_lens.as_ref().is_some_and(|lengths| lengths[index] == 0);
        has_error || has_no_output
    }

    /// When requests were sent, after the first.
    fn starts(&self) -> Option<Vec<Option<Time>>> {
        let starts = self.start_times_s.as_ref()?;
        let first = starts.iter().copied().fold(f64::INFINITY, f64::min);
        let after = |start: &f64| Span::from_seconds(start - first).map(|span| Time::ZERO + span);
        Some(starts.iter().map(after).collect())
    }
}

fn span_in(list: &str, index: usize, seconds: f64) -> Result<Span, Problem> {
    span(&format!("{list}[{index}]"), seconds)
}

fn span(key: &str, seconds: f64) -> Result<Span, Problem> {
    Span::from_seconds(seconds).ok_or_else(|| Problem {
        message: format!("{key} stands for {seconds} s"),
        help: "write a length of time from 0 up to 200 days",
    })
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawVisitor)
    }
}

/// Passes over what is not needed without keeping it: the generated texts can be most of the file.
struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("one object, the result of `vllm bench serve`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut raw = Raw::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "input_lens" => raw.input_lens = map.next_value()?,
                "output_lens" => raw.output_lens = map.next_value()?,
                "ttfts" => raw.ttfts_s = map.next_value()?,
                "itls" => raw.itls_s = map.next_value()?,
                "latencies" => raw.latencies_s = map.next_value()?,
                "start_times" => raw.start_times_s = map.next_value()?,
                "errors" => raw.errors = map.next_value()?,
                "failed" => raw.failed = map.next_value()?,
                "duration" => raw.duration_s = map.next_value()?,
                "model_id" => raw.load.model = map.next_value()?,
                "num_prompts" => raw.load.requests = map.next_value()?,
                "request_rate" => raw.load.rate_per_s = map.next_value::<Option<Rate>>()?.map(Rate::per_s),
                "burstiness" => raw.load.burstiness = map.next_value()?,
                "max_concurrency" => raw.load.max_concurrency = map.next_value()?,
                "tensor_parallel_size" | "tensor_parallel" | "tp" => {
                    raw.load.tensor_parallel = noted(&map.next_value()?).parse().ok();
                }
                "gpu" | "gpu_type" | "gpu_name" => {
                    raw.load.gpu = Some(noted(&map.next_value()?)).filter(|name| !name.is_empty());
                }
                "total_input_tokens" => raw.total_input_tokens = map.next_value()?,
                _ => match summary_name(&key) {
                    Some((name, divisor)) => {
                        if let Some(value) = map.next_value::<Option<f64>>()? {
                            raw.summary.push((key, name, value / divisor));
                        }
                    }
                    None => {
                        map.next_value::<IgnoredAny>()?;
                    }
                },
            }
        }
        Ok(raw)
    }
}

/// What somebody has noted, which nothing depends on: as a text, or empty if it is neither text nor number.
fn noted(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.trim().to_owned(),
        serde_json::Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

fn unreadable(name: &str, content: &str, error: &serde_json::Error) -> Diagnostic {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = text.strip_suffix(&place).unwrap_or(&text);
    let line_start: usize = content
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    let at = line_start + error.column().saturating_sub(1);
    let help = if message == "trailing characters" {
        "of a file with several results, keep one"
    } else {
        "one JSON object, as `vllm bench serve --save-result` writes it; where it has NaN, write null"
    };
    error_at(name, content, at..at + 1, wording::plain(message, "an object")).help(help)
}
