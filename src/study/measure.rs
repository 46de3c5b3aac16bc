//! The numbers of a run by name, for whoever compares, tabulates or draws them.

use std::sync::LazyLock;

use crate::metrics::{Metric, Statistic, Summary};

/// What a number of a run is called, and what it means.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// Its name: a latency, a dot and a statistic, or its place in the JSON result of a run.
    pub name: &'static str,
    /// What it counts.
    pub quantity: Quantity,
    /// What is wanted of it.
    pub better: Better,
    read: Read,
}

/// What a number counts, which says how it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Seconds.
    Time,
    /// A number in each second.
    Rate,
    /// A part of one.
    Share,
    /// A number.
    Count,
}

/// Which of two values is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The lower one.
    Lower,
    /// The higher one.
    Higher,
    /// Neither.
    Neither,
}

#[derive(Clone, Copy, Debug)]
enum Read {
    Latency(Metric, Statistic),
    Other(fn(&Summary) -> Option<f64>),
}

impl Measure {
    /// The measure of that name; latencies may have `latency.` before it, as in JSON.
    pub fn named(name: &str) -> Option<&'static Self> {
        let name = name.trim();
        let name = name.strip_prefix("latency.").unwrap_or(name);
        MEASURES.iter().find(|measure| measure.name == name)
    }

    /// The measure that an objective on a latency limits.
    pub fn of_latency(metric: Metric, statistic: Statistic) -> &'static Self {
        let is_it = |measure: &&Self| matches!(measure.read, Read::Latency(m, s) if (m, s) == (metric, statistic));
        MEASURES.iter().find(is_it).expect("every latency has all statistics")
    }

    /// Names that end alike: `goodput_per_s` for `throughput.goodput_per_s`.
    pub fn ending_with(name: &str) -> Option<&'static str> {
        let end = format!(".{}", name.trim());
        let found = MEASURES.iter().find(|measure| measure.name.ends_with(&end));
        found.map(|measure| measure.name)
    }

    /// Its name where its place in the JSON result goes without saying.
    pub fn short_name(&self) -> &'static str {
        self.name.strip_prefix("throughput.").unwrap_or(self.name)
    }

    /// Its value in a run: `None` if it is not known, or not finite.
    pub fn of(&self, summary: &Summary) -> Option<f64> {
        let value = match self.read {
            Read::Latency(metric, statistic) => summary.latency.of(metric).statistic(statistic),
            Read::Other(read) => read(summary),
        };
        value.filter(|value| value.is_finite())
    }
}

/// Every measure: latencies, then the rest in the order of the JSON result.
pub static MEASURES: LazyLock<Vec<Measure>> = LazyLock::new(|| {
    let latencies = Metric::ALL.into_iter().flat_map(|metric| {
        Statistic::ALL.into_iter().map(move |statistic| Measure {
            name: latency_name(metric, statistic),
            quantity: Quantity::Time,
            better: Better::Lower,
            read: Read::Latency(metric, statistic),
        })
    });
    let others = OTHERS.iter().map(|&(name, quantity, better, read)| Measure {
        name,
        quantity,
        better,
        read: Read::Other(read),
    });
    latencies.chain(others).collect()
});

/// Names live as long as the program: there are 35.
fn latency_name(metric: Metric, statistic: Statistic) -> &'static str {
    format!("{}.{}", metric.name(), statistic.name()).leak()
}

type Other = (&'static str, Quantity, Better, fn(&Summary) -> Option<f64>);

const OTHERS: [Other; 38] = {
    use Better::{Higher, Lower, Neither};
    use Quantity::{Count, Rate, Share, Time};
    [
        ("requests.arrived", Count, Neither, |it| {
            number(Some(it.requests.arrived))
        }),
        ("requests.finished", Count, Higher, |it| {
            number(Some(it.requests.finished))
        }),
        ("requests.rejected", Count, Lower, |it| {
            number(Some(it.requests.rejected))
        }),
        ("requests.timed_out", Count, Lower, |it| {
            number(Some(it.requests.timed_out))
        }),
        ("requests.preemptions", Count, Lower, |it| {
            number(Some(it.requests.preemptions))
        }),
        ("throughput.duration_s", Time, Neither, |it| {
            Some(it.throughput.duration_s)
        }),
        ("throughput.requests_per_s", Rate, Higher, |it| {
            it.throughput.requests_per_s
        }),
        ("throughput.input_tokens_per_s", Rate, Higher, |it| {
            it.throughput.input_tokens_per_s
        }),
        ("throughput.output_tokens_per_s", Rate, Higher, |it| {
            it.throughput.output_tokens_per_s
        }),
        ("throughput.goodput_per_s", Rate, Higher, |it| {
            it.throughput.goodput_per_s
        }),
        ("queue.depth.mean", Count, Lower, |it| it.queue.depth.mean),
        ("queue.depth.p50", Count, Lower, |it| number(it.queue.depth.p50)),
        ("queue.depth.p90", Count, Lower, |it| number(it.queue.depth.p90)),
        ("queue.depth.p99", Count, Lower, |it| number(it.queue.depth.p99)),
        ("queue.depth.max", Count, Lower, |it| number(it.queue.depth.max)),
        ("queue.running.mean", Count, Neither, |it| it.queue.running.mean),
        ("queue.running.p50", Count, Neither, |it| number(it.queue.running.p50)),
        ("queue.running.p90", Count, Neither, |it| number(it.queue.running.p90)),
        ("queue.running.p99", Count, Neither, |it| number(it.queue.running.p99)),
        ("queue.running.max", Count, Neither, |it| number(it.queue.running.max)),
        ("kv.blocks", Count, Neither, |it| Some(it.kv.blocks.into())),
        ("kv.usage.mean", Share, Neither, |it| it.kv.usage.mean),
        ("kv.usage.p99", Share, Neither, |it| it.kv.usage.p99),
        ("kv.usage.max", Share, Neither, |it| it.kv.usage.max),
        ("kv.prefix_hit_ratio", Share, Higher, |it| it.kv.prefix_hit_ratio),
        ("kv.prefix_ideal_hit_ratio", Share, Neither, |it| {
            it.kv.prefix_ideal_hit_ratio
        }),
        ("kv.recomputed_tokens", Count, Lower, |it| {
            number(Some(it.kv.recomputed_tokens))
        }),
        ("kv.fragmentation.mean", Share, Lower, |it| it.kv.fragmentation.mean),
        ("gpu.busy_fraction", Share, Neither, |it| it.gpu.busy_fraction),
        ("gpu.steps", Count, Neither, |it| number(Some(it.gpu.steps))),
        ("gpu.mean_batch", Count, Neither, |it| it.gpu.mean_batch),
        ("gpu.model_flops_utilization", Share, Higher, |it| {
            it.gpu.model_flops_utilization
        }),
        ("gpu.memory_bandwidth_utilization", Share, Neither, |it| {
            it.gpu.memory_bandwidth_utilization
        }),
        ("speculative.acceptance_rate", Share, Higher, |it| {
            it.speculative?.acceptance_rate
        }),
        ("speculative.mean_acceptance_length", Count, Higher, |it| {
            it.speculative?.mean_acceptance_length
        }),
        ("requests.cancelled", Count, Lower, |it| {
            number(Some(it.requests.cancelled))
        }),
        ("requests.running_at_end", Count, Lower, |it| {
            number(Some(it.requests.running_at_end))
        }),
        ("requests.waiting_at_end", Count, Lower, |it| {
            number(Some(it.requests.waiting_at_end))
        }),
    ]
};

fn number(count: Option<u64>) -> Option<f64> {
    count.map(|count| count as f64)
}
