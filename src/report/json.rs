//! The result as one JSON object: SI units, a fixed order of keys, null for what is not known (never NaN).

use serde::Serialize;

use super::run_report::{Memory, RunReport};
use crate::metrics::{
    Binding, GpuSummary, KvSummary, LatencySummary, SloOutcome, Summary, TimeWeightedSummary,
};
use crate::stats::Interval;

/// The version of the form below: raised when a key changes its meaning.
const SCHEMA: &str = "tailcast/run/v1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: Tool,
    scenario_hash: &'a str,
    seed: u64,
    verdict: &'static str,
    requests: Requests,
    latency: Latencies,
    throughput: Throughput,
    queue: Queue,
    kv: Kv,
    gpu: Gpu,
    memory: MemoryBlock,
    replications: u32,
    fidelity: Option<&'a str>,
    slo: Vec<Slo>,
    constraint: Constraint,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Requests {
    arrived: u64,
    finished: u64,
    rejected: u64,
    timed_out: u64,
    cancelled: u64,
    failed: u64,
    running_at_end: u64,
    waiting_at_end: u64,
    preemptions: u64,
}

#[derive(Serialize)]
struct Latencies {
    ttft: Latency,
    tpot: Latency,
    itl: Latency,
    e2e: Latency,
    queue_wait: Latency,
}

#[derive(Serialize)]
struct Latency {
    count: u64,
    mean: Option<f64>,
    std: Option<f64>,
    min: Option<f64>,
    p50: Option<f64>,
    p90: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    p999: Option<f64>,
    max: Option<f64>,
    ci95: Option<Intervals>,
    quantile_precision: f64,
}

/// Each as `[low, high]`.
#[derive(Serialize)]
struct Intervals {
    mean: Option<[f64; 2]>,
    p50: Option<[f64; 2]>,
    p99: Option<[f64; 2]>,
}

#[derive(Serialize)]
#[allow(clippy::struct_field_names)] // The names are the contract's.
struct Throughput {
    duration_s: f64,
    requests_per_s: Option<f64>,
    input_tokens_per_s: Option<f64>,
    output_tokens_per_s: Option<f64>,
    goodput_per_s: Option<f64>,
}

#[derive(Serialize)]
struct Queue {
    depth: OverTime,
    running: OverTime,
}

#[derive(Serialize)]
struct OverTime {
    mean: Option<f64>,
    p50: Option<u64>,
    p90: Option<u64>,
    p99: Option<u64>,
    max: Option<u64>,
}

#[derive(Serialize)]
struct Kv {
    blocks: u32,
    block_tokens: u32,
    usage: Usage,
    prefix_hit_tokens: u64,
    prefix_query_tokens: u64,
    prefix_hit_ratio: Option<f64>,
}

#[derive(Serialize)]
struct Usage {
    mean: Option<f64>,
    p99: Option<f64>,
    max: Option<f64>,
}

#[derive(Serialize)]
struct Gpu {
    busy_fraction: Option<f64>,
    steps: u64,
    mean_batch: Option<f64>,
    model_flops_utilization: Option<f64>,
    memory_bandwidth_utilization: Option<f64>,
}

#[derive(Serialize)]
struct MemoryBlock {
    total_bytes: Option<u64>,
    weights_bytes: Option<u64>,
    activations_bytes: Option<u64>,
    overhead_bytes: Option<u64>,
    kv_bytes: Option<u64>,
    closed_form_users: Option<f64>,
}

#[derive(Serialize)]
struct Slo {
    metric: &'static str,
    statistic: &'static str,
    limit_s: f64,
    got_s: Option<f64>,
    met: Option<bool>,
}

#[derive(Serialize)]
struct Constraint {
    binding: &'static str,
    share_of_time: f64,
    first_at_s: Option<f64>,
}

impl RunReport {
    /// The result as a JSON object, indented, with a line break at the end.
    pub fn to_json(&self) -> String {
        let document = Document {
            schema: SCHEMA,
            tool: Tool {
                name: env!("CARGO_PKG_NAME"),
                version: env!("CARGO_PKG_VERSION"),
            },
            scenario_hash: &self.scenario_hash,
            seed: self.seed,
            verdict: self.verdict().name(),
            requests: requests(&self.summary),
            latency: latencies(&self.summary),
            throughput: throughput(&self.summary),
            queue: Queue {
                depth: over_time(&self.summary.queue.depth),
                running: over_time(&self.summary.queue.running),
            },
            kv: kv(&self.summary.kv),
            gpu: gpu(&self.summary.gpu),
            memory: memory(&self.memory),
            replications: self.headline.replications,
            fidelity: self.fidelity.as_deref(),
            slo: self.slo(),
            constraint: Constraint {
                binding: binding_name(self.summary.constraint.binding),
                share_of_time: self.summary.constraint.share_of_time,
                first_at_s: self.summary.constraint.first_at_s,
            },
            warnings: self.warnings(),
        };
        // serde_json writes a float that is not finite as null.
        let text = serde_json::to_string_pretty(&document)
            .expect("numbers and strings always have a JSON form");
        text + "\n"
    }

    fn slo(&self) -> Vec<Slo> {
        let results = self.slo_results().into_iter();
        results
            .map(|result| Slo {
                metric: result.slo.metric.name(),
                statistic: result.slo.statistic.name(),
                limit_s: result.slo.limit.seconds(),
                got_s: result.got_s,
                met: match result.outcome {
                    SloOutcome::Met => Some(true),
                    SloOutcome::Missed => Some(false),
                    SloOutcome::Unknown => None,
                },
            })
            .collect()
    }
}

const fn binding_name(binding: Binding) -> &'static str {
    match binding {
        Binding::KvCapacity => "kv_capacity",
        Binding::RequestSlots => "request_slots",
        Binding::TokenBudget => "token_budget",
        Binding::BatchUnderWay => "batch_under_way",
        Binding::Compute => "compute",
        Binding::Nothing => "nothing",
    }
}

const fn requests(summary: &Summary) -> Requests {
    let requests = &summary.requests;
    Requests {
        arrived: requests.arrived,
        finished: requests.finished,
        rejected: requests.rejected,
        timed_out: requests.timed_out,
        cancelled: requests.cancelled,
        failed: requests.failed,
        running_at_end: requests.running_at_end,
        waiting_at_end: requests.waiting_at_end,
        preemptions: requests.preemptions,
    }
}

fn latencies(summary: &Summary) -> Latencies {
    Latencies {
        ttft: latency(&summary.latency.ttft),
        tpot: latency(&summary.latency.tpot),
        itl: latency(&summary.latency.itl),
        e2e: latency(&summary.latency.e2e),
        queue_wait: latency(&summary.latency.queue_wait),
    }
}

fn latency(latency: &LatencySummary) -> Latency {
    let ends = |interval: Option<Interval>| interval.map(|interval| [interval.low, interval.high]);
    Latency {
        count: latency.count,
        mean: latency.mean,
        std: latency.std,
        min: latency.min,
        p50: latency.p50,
        p90: latency.p90,
        p95: latency.p95,
        p99: latency.p99,
        p999: latency.p999,
        max: latency.max,
        ci95: latency.ci95.map(|intervals| Intervals {
            mean: ends(intervals.mean),
            p50: ends(intervals.p50),
            p99: ends(intervals.p99),
        }),
        quantile_precision: latency.quantile_precision,
    }
}

const fn throughput(summary: &Summary) -> Throughput {
    let throughput = &summary.throughput;
    Throughput {
        duration_s: throughput.duration_s,
        requests_per_s: throughput.requests_per_s,
        input_tokens_per_s: throughput.input_tokens_per_s,
        output_tokens_per_s: throughput.output_tokens_per_s,
        goodput_per_s: throughput.goodput_per_s,
    }
}

const fn over_time(values: &TimeWeightedSummary) -> OverTime {
    OverTime {
        mean: values.mean,
        p50: values.p50,
        p90: values.p90,
        p99: values.p99,
        max: values.max,
    }
}

const fn kv(kv: &KvSummary) -> Kv {
    Kv {
        blocks: kv.blocks,
        block_tokens: kv.block_tokens,
        usage: Usage {
            mean: kv.usage.mean,
            p99: kv.usage.p99,
            max: kv.usage.max,
        },
        prefix_hit_tokens: kv.prefix_hit_tokens,
        prefix_query_tokens: kv.prefix_query_tokens,
        prefix_hit_ratio: kv.prefix_hit_ratio,
    }
}

const fn gpu(gpu: &GpuSummary) -> Gpu {
    Gpu {
        busy_fraction: gpu.busy_fraction,
        steps: gpu.steps,
        mean_batch: gpu.mean_batch,
        model_flops_utilization: gpu.model_flops_utilization,
        memory_bandwidth_utilization: gpu.memory_bandwidth_utilization,
    }
}

const fn memory(memory: &Memory) -> MemoryBlock {
    MemoryBlock {
        total_bytes: memory.total_bytes,
        weights_bytes: memory.weights_bytes,
        activations_bytes: memory.activations_bytes,
        overhead_bytes: memory.overhead_bytes,
        kv_bytes: memory.kv_bytes,
        closed_form_users: memory.closed_form_users,
    }
}
