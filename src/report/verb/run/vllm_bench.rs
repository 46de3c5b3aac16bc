//! The result in the forms of `vllm bench serve`, so that whatever reads those reads it too: the block that is printed,
//! and the JSON of `--save-result` (`vllm/benchmarks/serve.py`). What a simulation has not is left out, such as the
//! date; what too few requests tell is `nan` there and null here, as is a load that such a benchmark cannot be told.

use std::fmt::Write;

use serde::Serialize;

use super::report::RunReport;
use crate::config::BenchmarkLoad;
use crate::metrics::{LatencySummary, Metric};
use crate::report::text::document::pretty;

/// Columns of the block.
const WIDTH: usize = 50;
const LABEL: usize = 40;

/// What is shown of each latency: its name in keys and in words, and the heading.
const LATENCIES: [(Metric, &str, &str, &str); 4] = [
    (Metric::Ttft, "ttft", "TTFT", "Time to First Token"),
    (Metric::Tpot, "tpot", "TPOT", "Time per Output Token (excl. 1st token)"),
    (Metric::Itl, "itl", "ITL", "Inter-token Latency"),
    (Metric::E2e, "e2el", "E2EL", "End-to-end Latency"),
];

/// The numbers of a run as such a benchmark counts them.
#[derive(Serialize)]
struct BenchResult<'a> {
    endpoint_type: &'static str,
    backend: &'static str,
    label: &'static str,
    model_id: &'a str,
    tokenizer_id: &'a str,
    num_prompts: u64,
    request_rate: Option<RequestRate>,
    burstiness: Option<f64>,
    max_concurrency: Option<u32>,
    // As columns of a sweep and `--metadata` have them: what divides by GPUs takes them from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    tensor_parallel_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_parallel_size: Option<u32>,
    duration: f64,
    completed: u64,
    failed: u64,
    total_input_tokens: Option<u64>,
    total_output_tokens: Option<u64>,
    request_throughput: Option<f64>,
    request_goodput: Option<f64>,
    output_throughput: Option<f64>,
    total_token_throughput: Option<f64>,
    /// From above, as there, where all count that were there at any time of a second: here those that waited and those
    /// that ran at most, each at its own time.
    max_concurrent_requests: Option<u64>,
    #[serde(flatten)]
    latencies: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum RequestRate {
    PerSecond(f64),
    Infinite(&'static str),
}

impl RunReport {
    /// The JSON of `vllm bench serve --save-result`, with a line break at the end.
    pub fn to_vllm_json(&self, sent: &BenchmarkLoad) -> String {
        pretty(&self.bench_result(sent))
    }

    /// The block that `vllm bench serve` prints.
    pub fn to_vllm_text(&self, sent: &BenchmarkLoad) -> String {
        let result = self.bench_result(sent);
        let mut text = format!("{:=^WIDTH$}\n", " Serving Benchmark Result ");
        let whole = |text: &mut String, label: &str, number: u64| {
            let _ = writeln!(text, "{label:<LABEL$} {number:<10}");
        };
        let decimal = |text: &mut String, label: &str, number: Option<f64>| {
            let number = number.map_or_else(|| "nan".to_owned(), |number| format!("{number:.2}"));
            let _ = writeln!(text, "{label:<LABEL$} {number:<10}");
        };
        whole(&mut text, "Successful requests:", result.completed);
        whole(&mut text, "Failed requests:", result.failed);
        if let Some(most) = result.max_concurrency {
            whole(&mut text, "Maximum request concurrency:", most.into());
        }
        if let Some(rate) = sent.rate_per_s.filter(|rate| rate.is_finite()) {
            decimal(&mut text, "Request rate configured (RPS):", Some(rate));
        }
        decimal(&mut text, "Benchmark duration (s):", Some(result.duration));
        whole(&mut text, "Total input tokens:", result.total_input_tokens.unwrap_or(0));
        whole(
            &mut text,
            "Total generated tokens:",
            result.total_output_tokens.unwrap_or(0),
        );
        decimal(&mut text, "Request throughput (req/s):", result.request_throughput);
        if result.request_goodput.is_some() {
            decimal(&mut text, "Request goodput (req/s):", result.request_goodput);
        }
        decimal(&mut text, "Output token throughput (tok/s):", result.output_throughput);
        decimal(
            &mut text,
            "Total token throughput (tok/s):",
            result.total_token_throughput,
        );
        for (metric, _, name, heading) in LATENCIES {
            let latency = self.summary.latency.of(metric);
            let _ = writeln!(text, "{heading:-^WIDTH$}");
            for (statistic, value) in [("Mean", latency.mean), ("Median", latency.p50), ("P99", latency.p99)] {
                decimal(&mut text, &format!("{statistic} {name} (ms):"), value.map(in_ms));
            }
        }
        let _ = writeln!(text, "{}", "=".repeat(WIDTH));
        // Python pads numbers at the right as well, and nobody sees that.
        text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
    }

    fn bench_result(&self, sent: &BenchmarkLoad) -> BenchResult<'_> {
        let (requests, throughput) = (&self.summary.requests, &self.summary.throughput);
        let queue = &self.summary.queue;
        let total = |per_s: Option<f64>| per_s.map(|per_s| (per_s * throughput.duration_s).round() as u64);
        let (input, output) = (throughput.input_tokens_per_s, throughput.output_tokens_per_s);
        let latencies = LATENCIES.iter().flat_map(|(metric, key, ..)| {
            let latency = self.summary.latency.of(*metric);
            statistics(latency).map(|(statistic, value)| (format!("{statistic}_{key}_ms"), value.map(in_ms).into()))
        });
        let are_alike = self.headline.pools.is_none();
        BenchResult {
            endpoint_type: "tailcast",
            backend: "tailcast",
            label: "simulated",
            model_id: &self.headline.model,
            tokenizer_id: &self.headline.model,
            num_prompts: requests.arrived,
            request_rate: sent.rate_per_s.map(|rate| {
                if rate.is_finite() {
                    RequestRate::PerSecond(rate)
                } else {
                    RequestRate::Infinite("inf")
                }
            }),
            burstiness: sent.burstiness,
            max_concurrency: sent.max_concurrency,
            tensor_parallel_size: are_alike.then_some(self.headline.tensor_parallel),
            data_parallel_size: self.fleet.as_ref().filter(|_| are_alike).map(|fleet| fleet.servers),
            duration: throughput.duration_s,
            completed: requests.finished,
            failed: requests.arrived - requests.finished,
            total_input_tokens: total(input),
            total_output_tokens: total(output),
            request_throughput: throughput.requests_per_s,
            request_goodput: throughput.goodput_per_s,
            output_throughput: output,
            total_token_throughput: input.zip(output).map(|(input, output)| input + output),
            max_concurrent_requests: queue
                .depth
                .max
                .zip(queue.running.max)
                .map(|(waiting, running)| waiting + running),
            latencies: latencies.collect(),
        }
    }
}

fn statistics(latency: &LatencySummary) -> [(&'static str, Option<f64>); 6] {
    [
        ("mean", latency.mean),
        ("median", latency.p50),
        ("std", latency.std),
        ("p90", latency.p90),
        ("p95", latency.p95),
        ("p99", latency.p99),
    ]
}

fn in_ms(seconds: f64) -> f64 {
    seconds * 1e3
}
