//! The `[kernels]` tables of a GPU's TOML file: what its kernels reach, beside how that is known.

use serde::Deserialize;

use super::figure::SourcedFigure;
use crate::hardware::{
    AllReduceKernels, AttentionKernels, ExpertKernels, LinearKernels, MeasuredKernels, MixedAttention,
};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKernels {
    linear: Option<RawLinear>,
    attention: Option<RawAttention>,
    experts: Option<RawExperts>,
    all_reduce: Option<RawAllReduce>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLinear {
    of_bandwidth: f64,
    of_peak: f64,
    #[serde(default = "all")]
    sustained: f64,
    start_us: f64,
    overlap: f64,
    #[serde(default)]
    source: String,
    #[serde(default)]
    fitted: String,
    #[serde(default = "yes")]
    verified: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAttention {
    start_us: f64,
    request_us: f64,
    of_bandwidth: f64,
    of_peak: f64,
    pairs_per_query: f64,
    mixed: Option<RawMixed>,
    #[serde(default)]
    source: String,
    #[serde(default)]
    fitted: String,
    #[serde(default = "yes")]
    verified: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMixed {
    token_ns: f64,
    thread_blocks: f64,
    repeated_reads: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExperts {
    start_us: f64,
    of_bandwidth: f64,
    of_peak: f64,
    overlap: f64,
    evenness: f64,
    #[serde(default)]
    source: String,
    #[serde(default)]
    fitted: String,
    #[serde(default = "yes")]
    verified: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAllReduce {
    start_us: f64,
    doubling_us: f64,
    of_link: f64,
    of_link_of_many: f64,
    #[serde(default)]
    source: String,
    #[serde(default)]
    fitted: String,
    #[serde(default = "yes")]
    verified: bool,
}

/// Where nobody has seen a server stay below its benchmarks.
const fn all() -> f64 {
    1.0
}

const fn yes() -> bool {
    true
}

impl RawKernels {
    pub fn resolve(&self) -> MeasuredKernels {
        MeasuredKernels {
            linear: self.linear.as_ref().map(|raw| LinearKernels {
                bandwidth: raw.of_bandwidth,
                flops: raw.of_peak,
                micros: raw.start_us,
                overlap: raw.overlap,
                sustained: raw.sustained,
            }),
            attention: self.attention.as_ref().map(|raw| AttentionKernels {
                micros: raw.start_us,
                micros_per_request: raw.request_us,
                bandwidth: raw.of_bandwidth,
                flops: raw.of_peak,
                pairs_per_query: raw.pairs_per_query,
                mixed: raw.mixed.as_ref().map(|mixed| MixedAttention {
                    nanos_per_token: mixed.token_ns,
                    thread_blocks: mixed.thread_blocks,
                    repeated_reads: mixed.repeated_reads,
                }),
            }),
            experts: self.experts.as_ref().map(|raw| ExpertKernels {
                micros: raw.start_us,
                bandwidth: raw.of_bandwidth,
                flops: raw.of_peak,
                overlap: raw.overlap,
                evenness: raw.evenness,
            }),
            all_reduce: self.all_reduce.as_ref().map(|raw| AllReduceKernels {
                micros: raw.start_us,
                micros_per_doubling: raw.doubling_us,
                bandwidth: raw.of_link,
                bandwidth_of_many: raw.of_link_of_many,
            }),
        }
    }

    /// One entry for each table: how much of the datasheet its kernels reach.
    pub fn figures(&self) -> Vec<SourcedFigure> {
        let figure = |name, reached: f64, what, source: &str, fitted: &str, verified| SourcedFigure {
            name,
            value: format!("{:.0} % of {what}", 100.0 * reached),
            source: if source.trim().is_empty() || fitted.trim().is_empty() {
                String::new()
            } else {
                format!("{source}; {fitted}")
            },
            verified,
        };
        let mut all = Vec::new();
        if let Some(one) = &self.linear {
            let (source, fitted) = (&one.source, &one.fitted);
            let reached = one.of_bandwidth;
            all.push(figure("products", reached, "bandwidth", source, fitted, one.verified));
        }
        if let Some(one) = &self.attention {
            let (source, fitted) = (&one.source, &one.fitted);
            let reached = one.of_bandwidth;
            all.push(figure("attention", reached, "bandwidth", source, fitted, one.verified));
        }
        if let Some(one) = &self.experts {
            let (source, fitted) = (&one.source, &one.fitted);
            let reached = one.of_bandwidth;
            all.push(figure("experts", reached, "bandwidth", source, fitted, one.verified));
        }
        if let Some(one) = &self.all_reduce {
            let (source, fitted) = (&one.source, &one.fitted);
            all.push(figure("all-reduce", one.of_link, "link", source, fitted, one.verified));
        }
        all
    }
}
