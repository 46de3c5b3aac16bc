//! The `[kernels]` tables of a GPU's TOML file: what its kernels reach, beside how that is known.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::figure::SourcedFigure;
use crate::hardware::{
    AllReduceKernels, AttentionKernels, ByRows, ExpertKernels, LatentKernels, LinearKernels, MeasuredKernels,
    MixedAttention, WeightKernel,
};

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKernels {
    linear: Option<RawLinear>,
    #[serde(default)]
    quantised_linear: BTreeMap<RawKernel, RawLinear>,
    attention: Option<RawAttention>,
    attention_fp8: Option<RawAttention>,
    latent: Option<RawLatent>,
    latent_fp8: Option<RawLatent>,
    experts: Option<RawExperts>,
    #[serde(default)]
    quantised_experts: BTreeMap<RawKernel, RawExperts>,
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
    full_outputs: f64,
    #[serde(default)]
    quantising: f64,
    by_rows: Option<[f64; ByRows::POINTS]>,
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
    head_us: f64,
    of_bandwidth: f64,
    #[serde(default)]
    key_bytes: f64,
    #[serde(default)]
    window_us: f64,
    #[serde(default)]
    window_head_us: f64,
    of_peak: f64,
    #[serde(default)]
    narrowness: f64,
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
struct RawLatent {
    start_us: f64,
    served_start_us: Option<f64>,
    request_us: f64,
    head_us: f64,
    of_bandwidth: f64,
    decode_of_peak: f64,
    of_peak: f64,
    pairs_per_query: f64,
    #[serde(default)]
    source: String,
    #[serde(default)]
    fitted: String,
    #[serde(default = "yes")]
    verified: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExperts {
    start_us: f64,
    alone_us: f64,
    of_bandwidth: f64,
    of_peak: f64,
    overlap: f64,
    #[serde(default)]
    moves: f64,
    by_rows: Option<[f64; ByRows::POINTS]>,
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

/// The name of a kernel for quantised weights.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct RawKernel(usize);

impl RawKernel {
    const fn kernel(self) -> WeightKernel {
        WeightKernel::ALL[self.0]
    }
}

impl TryFrom<String> for RawKernel {
    type Error = String;

    fn try_from(given: String) -> Result<Self, String> {
        let place = WeightKernel::ALL.iter().position(|one| one.name() == given);
        let quantised = place.filter(|&place| WeightKernel::ALL[place] != WeightKernel::Plain);
        quantised.map(Self).ok_or_else(|| {
            let known = WeightKernel::ALL[1..].iter().map(|one| one.name());
            format!(
                "no kernel '{given}'; there are {}",
                known.collect::<Vec<_>>().join(", ")
            )
        })
    }
}

impl RawLinear {
    fn resolve(&self) -> LinearKernels {
        LinearKernels {
            bandwidth: self.of_bandwidth,
            flops: self.of_peak,
            micros: self.start_us,
            overlap: self.overlap,
            sustained: self.sustained,
            full_outputs: self.full_outputs,
            quantising: self.quantising,
            by_rows: self.by_rows.map_or(ByRows::NONE, ByRows::new),
        }
    }
}

impl RawAttention {
    fn resolve(&self) -> AttentionKernels {
        AttentionKernels {
            micros: self.start_us,
            micros_per_head: self.head_us,
            bandwidth: self.of_bandwidth,
            key_bytes: self.key_bytes,
            window_micros: self.window_us,
            window_micros_per_head: self.window_head_us,
            flops: self.of_peak,
            narrowness: self.narrowness,
            pairs_per_query: self.pairs_per_query,
            mixed: self.mixed.as_ref().map(|mixed| MixedAttention {
                nanos_per_token: mixed.token_ns,
                thread_blocks: mixed.thread_blocks,
                repeated_reads: mixed.repeated_reads,
            }),
        }
    }
}

impl RawLatent {
    fn resolve(&self) -> LatentKernels {
        LatentKernels {
            micros: self.start_us,
            served_micros: self.served_start_us.unwrap_or(self.start_us),
            micros_per_request: self.request_us,
            micros_per_head: self.head_us,
            bandwidth: self.of_bandwidth,
            decode_flops: self.decode_of_peak,
            flops: self.of_peak,
            pairs_per_query: self.pairs_per_query,
        }
    }
}

impl RawExperts {
    fn resolve(&self) -> ExpertKernels {
        ExpertKernels {
            micros: self.start_us,
            alone_micros: self.alone_us,
            bandwidth: self.of_bandwidth,
            flops: self.of_peak,
            overlap: self.overlap,
            moves: self.moves,
            by_rows: self.by_rows.map_or(ByRows::NONE, ByRows::new),
        }
    }
}

impl RawKernels {
    pub fn resolve(&self) -> MeasuredKernels {
        let linear = self.quantised_linear.iter();
        let experts = self.quantised_experts.iter();
        MeasuredKernels {
            linear: self.linear.as_ref().map(RawLinear::resolve),
            quantised_linear: linear.map(|(name, raw)| (name.kernel(), raw.resolve())).collect(),
            attention: self.attention.as_ref().map(RawAttention::resolve),
            attention_fp8: self.attention_fp8.as_ref().map(RawAttention::resolve),
            latent: self.latent.as_ref().map(RawLatent::resolve),
            latent_fp8: self.latent_fp8.as_ref().map(RawLatent::resolve),
            experts: self.experts.as_ref().map(RawExperts::resolve),
            quantised_experts: experts.map(|(name, raw)| (name.kernel(), raw.resolve())).collect(),
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
        let mut all = Vec::new();
        for (format, one) in by_format(self.linear.as_ref(), &self.quantised_linear) {
            all.push(figure("products", format, one.of_bandwidth, "bandwidth", one.about()));
        }
        for (format, one) in [("bf16", &self.attention), ("fp8", &self.attention_fp8)] {
            all.extend(
                one.as_ref()
                    .map(|one| figure("attention", format, one.of_bandwidth, "bandwidth", one.about())),
            );
        }
        for (format, one) in [("bf16", &self.latent), ("fp8", &self.latent_fp8)] {
            all.extend(
                one.as_ref()
                    .map(|one| figure("latent attention", format, one.of_bandwidth, "bandwidth", one.about())),
            );
        }
        for (format, one) in by_format(self.experts.as_ref(), &self.quantised_experts) {
            all.push(figure("experts", format, one.of_bandwidth, "bandwidth", one.about()));
        }
        if let Some(one) = &self.all_reduce {
            all.push(figure("all-reduce", "bf16", one.of_link, "link", one.about()));
        }
        all
    }
}

/// Tables of an operator, each with the format it is of.
fn by_format<'a, Raw>(
    plain: Option<&'a Raw>,
    quantised: &'a BTreeMap<RawKernel, Raw>,
) -> impl Iterator<Item = (&'static str, &'a Raw)> {
    let quantised = quantised.iter().map(|(name, one)| (name.kernel().name(), one));
    plain.into_iter().map(|one| ("bf16", one)).chain(quantised)
}

macro_rules! with_sources {
    ($($raw:ty),+) => {$(
        impl $raw {
            /// Its source, what of it was fitted, and whether that was checked.
            fn about(&self) -> (&str, &str, bool) {
                (&self.source, &self.fitted, self.verified)
            }
        }
    )+};
}

with_sources!(RawLinear, RawAttention, RawLatent, RawExperts, RawAllReduce);

fn figure(
    name: &'static str,
    format: &str,
    reached: f64,
    what: &str,
    (source, fitted, verified): (&str, &str, bool),
) -> SourcedFigure {
    let in_format = if format == "bf16" {
        String::new()
    } else {
        format!("{format}: ")
    };
    SourcedFigure {
        name,
        value: format!("{in_format}{:.0} % of {what}", 100.0 * reached),
        source: if source.trim().is_empty() || fitted.trim().is_empty() {
            String::new()
        } else {
            format!("{source}; {fitted}")
        },
        verified,
    }
}
