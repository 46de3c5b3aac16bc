//! What would fit where something does not: changes in the order in which operators make them, each tried before it is
//! given.

use std::fmt;

use super::memory_budget::{GIB, divide};
use super::{CacheSizing, CudaGraphs, Gpu, KvPrecision, MemoryRequest, WeightPrecision, default_static_fraction};

/// Settings that together make it fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryAdvice(Vec<ChangedSetting>);

/// A setting and the value it would have.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ChangedSetting {
    /// Its table and key in scenarios, and its flag if it has one.
    key: &'static str,
    flag: Option<&'static str>,
    value: String,
    /// Whether scenarios have the value in quotation marks.
    is_text: bool,
}

/// A GPU that could be taken instead, with limits that are no smaller than those that a server would have on it.
#[derive(Clone, Copy, Debug)]
pub struct OtherGpu<'a> {
    /// The GPU.
    pub gpu: &'a Gpu,
    /// At least the most tokens in one step.
    pub max_num_batched_tokens: u32,
    /// At least the most requests in one step.
    pub max_num_seqs: u32,
    /// The largest graph that is captured on it [tokens].
    pub largest_graph: u64,
}

/// A context below this serves nobody [tokens].
const SHORTEST_USEFUL_LEN: u32 = 512;
/// Fewer requests at a time than this are no server [requests].
const FEWEST_USEFUL_REQUESTS: u32 = 8;
/// The most GPUs that share each layer in a server of today.
const MOST_TENSOR_PARALLEL: u32 = 64;
/// What CUDA graphs and warm-up want outside of the share that a server may use [GiB].
const OUTSIDE_GIB: f64 = 3.0;
/// No utilisation above this is advised.
const MOST_UTILIZATION: f64 = 0.97;
/// More pairs and more GPUs than these nobody reads.
const MOST_PAIRS: usize = 3;
const MOST_GPUS: usize = 3;

/// Values of one setting that could help, the mildest first, each with the server that has it.
type Candidates<'a> = Vec<(ChangedSetting, MemoryRequest<'a>)>;

/// Single changes to a server, and pairs of them if hardly any that leaves it on its GPUs is enough by itself.
pub(super) fn advise(request: &MemoryRequest) -> Vec<MemoryAdvice> {
    let changes = [
        fewer_requests,
        higher_utilization,
        shorter_context,
        fp8_cache,
        fp8_weights,
    ];
    let mut advice: Vec<MemoryAdvice> = changes.iter().filter_map(|change| single(change(request))).collect();
    if advice.len() < 2 {
        advice.extend(pairs(request));
    }
    advice.extend(single(more_gpus(request)));
    advice
}

/// GPUs on which the same server starts, as many as it has now, the smallest first.
pub(super) fn advise_gpus(request: &MemoryRequest, others: &[OtherGpu<'_>]) -> Vec<MemoryAdvice> {
    let mut others = others.to_vec();
    others.sort_by_key(|other| other.gpu.memory_bytes());
    let fitting = others.iter().filter(|other| {
        fits(&MemoryRequest {
            gpu: other.gpu,
            max_num_batched_tokens: other.max_num_batched_tokens,
            max_num_seqs: other.max_num_seqs,
            graphs: CudaGraphs::new(1 << 20, 0, other.max_num_batched_tokens, other.largest_graph),
            ..*request
        })
    });
    let named = fitting.map(|other| {
        let name = other.gpu.name();
        MemoryAdvice(vec![ChangedSetting::text("server.gpu", Some("--gpu"), name)])
    });
    named.take(MOST_GPUS).collect()
}

fn fits(request: &MemoryRequest) -> bool {
    divide(request).is_ok_and(|budget| budget.kv_pool.starts())
}

fn single(candidates: Candidates<'_>) -> Option<MemoryAdvice> {
    let found = candidates.into_iter().find(|(_, changed)| fits(changed));
    found.map(|(setting, _)| MemoryAdvice(vec![setting]))
}

/// Two changes together of which neither is enough by itself; the length of contexts last, as it takes up what the
/// other leaves.
fn pairs(request: &MemoryRequest) -> Vec<MemoryAdvice> {
    let changes = [
        fewer_requests,
        higher_utilization,
        fp8_cache,
        fp8_weights,
        shorter_context,
    ];
    let lacking = changes.iter().filter(|change| single(change(request)).is_none());
    let lacking: Vec<_> = lacking.collect();
    let mut found = Vec::new();
    for (place, first) in lacking.iter().enumerate() {
        for second in &lacking[place + 1..] {
            let mut both = first(request).into_iter().filter_map(|(one, changed)| {
                let other = second(&changed).into_iter().find(|(_, changed)| fits(changed));
                other.map(|(other, _)| MemoryAdvice(vec![one, other]))
            });
            found.extend(both.next());
        }
    }
    found.truncate(MOST_PAIRS);
    found
}

/// Powers of two below what it takes now. What SGLang keeps back does not depend on it.
fn fewer_requests<'a>(request: &MemoryRequest<'a>) -> Candidates<'a> {
    if request.start_up.sizing != CacheSizing::Profiled {
        return Vec::new();
    }
    let now = request.max_num_seqs;
    let powers = (3..31).rev().map(|power| 1 << power);
    let fewer = powers.filter(|&requests| requests < now && requests >= FEWEST_USEFUL_REQUESTS);
    let change = |max_num_seqs: u32| {
        let setting = ChangedSetting::number("batching.max_num_seqs", "--max-num-seqs", max_num_seqs);
        // Graphs become fewer too, which is left out: no more is promised than fits.
        let changed = MemoryRequest {
            max_num_seqs,
            ..*request
        };
        (setting, changed)
    };
    fewer.map(change).collect()
}

/// As much as leaves room for graphs and warm-up, in hundredths.
fn higher_utilization<'a>(request: &MemoryRequest<'a>) -> Candidates<'a> {
    if request.start_up.sizing != CacheSizing::Profiled {
        return Vec::new();
    }
    let total_gib = request.gpu.memory_bytes() as f64 / GIB;
    let most = (1.0 - OUTSIDE_GIB / total_gib).min(MOST_UTILIZATION);
    let hundredths = (1..=99).map(|hundredth| f64::from(hundredth) / 100.0);
    let higher = hundredths.filter(|&share| share > request.utilization && share <= most);
    let change = |utilization: f64| {
        let setting = ChangedSetting::number("server.gpu_memory_utilization", "--gpu-memory-utilization", utilization);
        let changed = MemoryRequest {
            utilization,
            ..*request
        };
        (setting, changed)
    };
    higher.map(change).collect()
}

/// The longest that fits.
fn shorter_context<'a>(request: &MemoryRequest<'a>) -> Candidates<'a> {
    let longest = divide(request).map_or(0, |budget| budget.kv_pool.longest());
    if longest < SHORTEST_USEFUL_LEN || longest >= request.max_model_len {
        return Vec::new();
    }
    let setting = ChangedSetting::number("server.max_model_len", "--max-model-len", longest);
    let changed = MemoryRequest {
        max_model_len: longest,
        ..*request
    };
    vec![(setting, changed)]
}

fn fp8_cache<'a>(request: &MemoryRequest<'a>) -> Candidates<'a> {
    if request.kv == KvPrecision::Fp8 {
        return Vec::new();
    }
    let setting = ChangedSetting::text("model.kv_cache", Some("--kv-cache-dtype"), "fp8");
    let changed = MemoryRequest {
        kv: KvPrecision::Fp8,
        ..*request
    };
    vec![(setting, changed)]
}

/// A checkpoint in fp8, as publishers have them of most models.
fn fp8_weights<'a>(request: &MemoryRequest<'a>) -> Candidates<'a> {
    if request.weights != WeightPrecision::Bf16 {
        return Vec::new();
    }
    let setting = ChangedSetting::text("model.weights", None, "fp8");
    let changed = MemoryRequest {
        weights: WeightPrecision::Fp8,
        ..*request
    };
    vec![(setting, changed)]
}

fn more_gpus<'a>(request: &MemoryRequest<'a>) -> Candidates<'a> {
    let next = (request.tensor_parallel + 1).next_power_of_two();
    let counts = std::iter::successors(Some(next), |gpus| Some(gpus * 2));
    let counts = counts.take_while(|&gpus| gpus <= MOST_TENSOR_PARALLEL);
    let divides = |&gpus: &u32| {
        let model = request.model.check_tensor_parallel(gpus).is_ok();
        let drafter = request.drafter;
        model && drafter.is_none_or(|drafter| drafter.check_tensor_parallel(gpus).is_ok())
    };
    let change = |tensor_parallel: u32| {
        let setting = ChangedSetting::number("server.tensor_parallel", "--tensor-parallel-size", tensor_parallel);
        let mut changed = MemoryRequest {
            tensor_parallel,
            ..*request
        };
        changed.start_up.sizing = sizing_with(request, tensor_parallel);
        (setting, changed)
    };
    counts.filter(divides).map(change).collect()
}

/// SGLang's default share falls with the number of GPUs. Whether it was written is not known here, so it is taken to
/// fall; of a share of three digits one may be lost.
fn sizing_with(request: &MemoryRequest<'_>, tensor_parallel: u32) -> CacheSizing {
    let CacheSizing::StaticFraction(share) = request.start_up.sizing else {
        return request.start_up.sizing;
    };
    let default = |gpus| default_static_fraction(request.gpu, request.model, gpus, None);
    let change = default(tensor_parallel) - default(request.tensor_parallel) - 0.001;
    CacheSizing::StaticFraction(share.min(share + change).max(0.0))
}

impl ChangedSetting {
    fn number(key: &'static str, flag: &'static str, value: impl fmt::Display) -> Self {
        Self {
            key,
            flag: Some(flag),
            value: value.to_string(),
            is_text: false,
        }
    }

    fn text(key: &'static str, flag: Option<&'static str>, value: &str) -> Self {
        Self {
            key,
            flag,
            value: value.to_owned(),
            is_text: true,
        }
    }

    /// As scenarios have it, without its table.
    fn in_words(&self) -> String {
        let key = self.key.rsplit('.').next().unwrap_or(self.key);
        let quote = if self.is_text { "\"" } else { "" };
        format!("{key} = {quote}{}{quote}", self.value)
    }

    fn as_assignment(&self) -> String {
        format!("--set {}={}", self.key, self.value)
    }

    fn as_flag(&self) -> String {
        match self.flag {
            Some(flag) => format!("{flag} {}", self.value),
            None => self.as_assignment(),
        }
    }
}

impl MemoryAdvice {
    /// As a scenario has it: `max_num_seqs = 64`.
    pub fn in_words(&self) -> String {
        let settings: Vec<String> = self.0.iter().map(ChangedSetting::in_words).collect();
        settings.join(" and ")
    }

    /// What to write after a command, as flags and as assignments to a scenario.
    pub fn on_the_command_line(&self) -> String {
        let join = |each: fn(&ChangedSetting) -> String| self.0.iter().map(each).collect::<Vec<_>>().join(" ");
        let (flags, assignments) = (join(ChangedSetting::as_flag), join(ChangedSetting::as_assignment));
        if flags == assignments {
            return assignments;
        }
        format!("{flags}, or {assignments}")
    }
}
