//! The names of what is measured and predicted, as they stand in JSON results.

/// Every name, in the order of reports.
pub const METRICS: [&str; 45] = [
    "ttft.mean",
    "ttft.p50",
    "ttft.p90",
    "ttft.p95",
    "ttft.p99",
    "ttft.p999",
    "ttft.max",
    "tpot.mean",
    "tpot.p50",
    "tpot.p90",
    "tpot.p95",
    "tpot.p99",
    "tpot.p999",
    "tpot.max",
    "itl.mean",
    "itl.p50",
    "itl.p90",
    "itl.p95",
    "itl.p99",
    "itl.p999",
    "itl.max",
    "e2e.mean",
    "e2e.p50",
    "e2e.p90",
    "e2e.p95",
    "e2e.p99",
    "e2e.p999",
    "e2e.max",
    "queue_wait.mean",
    "queue_wait.p50",
    "queue_wait.p90",
    "queue_wait.p95",
    "queue_wait.p99",
    "queue_wait.p999",
    "queue_wait.max",
    "requests.finished",
    "requests.timed_out",
    "throughput.requests_per_s",
    "throughput.output_tokens_per_s",
    "throughput.input_tokens_per_s",
    "queue.depth.mean",
    "queue.depth.max",
    "queue.running.mean",
    "queue.running.max",
    "kv.blocks",
];

const LATENCIES: [&str; 5] = ["ttft", "tpot", "itl", "e2e", "queue_wait"];

/// The name as [`METRICS`] has it; `None` if there is no such metric.
pub fn canonical(name: &str) -> Option<&'static str> {
    METRICS.into_iter().find(|metric| *metric == name)
}

/// Whether a metric is a length of time.
pub fn is_latency(name: &str) -> bool {
    name.split_once('.')
        .is_some_and(|(metric, _)| LATENCIES.contains(&metric))
}
