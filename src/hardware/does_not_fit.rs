//! Why a model cannot be served as asked, with the arithmetic, and what would fit instead.

use std::error::Error;
use std::fmt;

use super::memory_budget::{GIB, divide};
use super::{BadFigure, KvPrecision, MemoryBudget, MemoryRequest, WeightPrecision};

/// Why there is no memory budget.
#[derive(Clone, Debug, PartialEq)]
pub enum DoesNotFit {
    /// A setting that no engine accepts.
    Setting(BadFigure),
    /// One request of the longest length would not fit.
    Memory(Box<MemoryShortage>),
}

/// The memory of one GPU is too small for one request of `max_model_len`.
#[derive(Clone, Debug, PartialEq)]
pub struct MemoryShortage {
    /// What was asked, in words.
    pub asked: String,
    /// Share of the memory that the engine may use.
    pub utilization: f64,
    /// Where the memory goes; `kv_bytes` is 0 if the rest already exceeds it.
    pub budget: MemoryBudget,
    /// The longest context a request may have [tokens].
    pub max_model_len: u32,
    /// What keys and values of one such request take [bytes].
    pub needed_kv_bytes: u64,
    /// Single changes after which it fits.
    pub remedies: Vec<String>,
}

/// A context below this serves nobody [tokens].
const SHORTEST_USEFUL_LEN: u32 = 512;
/// The most GPUs that share each layer in a server of today.
const MOST_TENSOR_PARALLEL: u32 = 64;

impl MemoryShortage {
    pub(super) fn new(request: &MemoryRequest, budget: MemoryBudget) -> Self {
        let needed_kv_bytes = budget.kv_pool.needed_bytes();
        let mut shortage = Self {
            asked: describe(request),
            utilization: request.utilization,
            budget,
            max_model_len: request.max_model_len,
            needed_kv_bytes,
            remedies: Vec::new(),
        };
        shortage.remedies = remedies(request, &shortage);
        shortage
    }

    /// The memory with which it would fit, everything else unchanged [bytes, as the runtime reports].
    pub fn memory_needed_bytes(&self) -> u64 {
        let bytes = self.taken_bytes() as f64 + self.needed_kv_bytes as f64;
        (bytes / self.utilization).ceil() as u64
    }

    const fn taken_bytes(&self) -> u64 {
        self.budget.weights_bytes
            + self.budget.draft_weights_bytes
            + self.budget.activations_bytes
            + self.budget.overhead_bytes
    }
}

fn describe(request: &MemoryRequest) -> String {
    format!(
        "{} ({} weights, {} KV cache) on {} x {}",
        request.model.name(),
        request.weights,
        request.kv,
        request.tensor_parallel,
        request.gpu.name(),
    )
}

/// Tries single changes, the mildest first.
fn remedies(request: &MemoryRequest, shortage: &MemoryShortage) -> Vec<String> {
    let gib = shortage.memory_needed_bytes() as f64 / GIB;
    let larger = format!("a GPU that reports at least {gib:.1} GiB of memory");
    [
        longest_that_fits(request).map(|length| format!("max_model_len = {length}")),
        fewest_gpus_that_fit(request).map(|gpus| format!("tensor_parallel = {gpus}")),
        fp8_kv_fits(request).then(|| "kv_cache = \"fp8\"".to_owned()),
        fp8_weights_fit(request).then(|| "weights = \"fp8\"".to_owned()),
        fits_without_drafter(request).then(|| "no batching.speculative".to_owned()),
        Some(larger),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn would_fit(request: &MemoryRequest) -> bool {
    divide(request).is_ok_and(|budget| budget.kv_pool.starts())
}

/// By bisection over whole blocks: a shorter context never needs more.
fn longest_that_fits(request: &MemoryRequest) -> Option<u32> {
    let with_blocks = |blocks: u32| MemoryRequest {
        max_model_len: blocks * request.block_tokens,
        ..*request
    };
    let least = SHORTEST_USEFUL_LEN.div_ceil(request.block_tokens);
    let mut too_many = request.max_model_len.div_ceil(request.block_tokens);
    if least >= too_many || !would_fit(&with_blocks(least)) {
        return None;
    }
    let mut enough = least;
    while too_many - enough > 1 {
        let middle = enough + (too_many - enough) / 2;
        if would_fit(&with_blocks(middle)) {
            enough = middle;
        } else {
            too_many = middle;
        }
    }
    Some(enough * request.block_tokens)
}

fn fewest_gpus_that_fit(request: &MemoryRequest) -> Option<u32> {
    let next = (request.tensor_parallel + 1).next_power_of_two();
    let counts = std::iter::successors(Some(next), |gpus| Some(gpus * 2));
    counts
        .take_while(|&gpus| gpus <= MOST_TENSOR_PARALLEL)
        .filter(|&gpus| request.model.check_tensor_parallel(gpus).is_ok())
        .filter(|&gpus| {
            let drafter = request.drafter;
            drafter.is_none_or(|drafter| drafter.check_tensor_parallel(gpus).is_ok())
        })
        .find(|&tensor_parallel| {
            would_fit(&MemoryRequest {
                tensor_parallel,
                ..*request
            })
        })
}

fn fp8_kv_fits(request: &MemoryRequest) -> bool {
    let changed = MemoryRequest {
        kv: KvPrecision::Fp8,
        ..*request
    };
    request.kv != KvPrecision::Fp8 && would_fit(&changed)
}

fn fp8_weights_fit(request: &MemoryRequest) -> bool {
    let changed = MemoryRequest {
        weights: WeightPrecision::Fp8,
        ..*request
    };
    request.weights == WeightPrecision::Bf16 && would_fit(&changed)
}

fn fits_without_drafter(request: &MemoryRequest) -> bool {
    let changed = MemoryRequest {
        drafter: None,
        ..*request
    };
    request.drafter.is_some() && would_fit(&changed)
}

impl fmt::Display for DoesNotFit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(bad) => bad.fmt(formatter),
            Self::Memory(shortage) => shortage.fmt(formatter),
        }
    }
}

impl fmt::Display for MemoryShortage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let budget = &self.budget;
        let gib = |bytes: u64| bytes as f64 / GIB;
        let left = gib(budget.requested_bytes) - gib(self.taken_bytes());
        writeln!(formatter, "{} does not fit. Per GPU, in GiB:", self.asked)?;
        writeln!(
            formatter,
            "{:>9.2}  = {:.2} x {:.2} utilisation",
            gib(budget.requested_bytes),
            gib(budget.total_bytes),
            self.utilization,
        )?;
        let taken = [
            ("weights", budget.weights_bytes),
            ("weights of the drafter", budget.draft_weights_bytes),
            ("activations of the largest step", budget.activations_bytes),
            ("rotary table, libraries, buffers", budget.overhead_bytes),
        ];
        for (what, bytes) in taken {
            if bytes == 0 {
                continue;
            }
            writeln!(formatter, "{:>9.2}  {what}", -gib(bytes))?;
        }
        writeln!(formatter, "{left:>9.2}  left for the KV cache")?;
        writeln!(
            formatter,
            "{:>9.2}  needed for one request of max_model_len = {} tokens",
            gib(self.needed_kv_bytes),
            self.max_model_len,
        )?;
        write!(formatter, "Any one of these fits:")?;
        for remedy in &self.remedies {
            write!(formatter, "\n  {remedy}")?;
        }
        Ok(())
    }
}

impl Error for DoesNotFit {}
