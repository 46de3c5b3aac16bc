//! Why a model cannot be served as asked, with the arithmetic, and what would fit instead.

use std::error::Error;
use std::fmt;

use super::advice::{MemoryAdvice, OtherGpu, advise, advise_gpus};
use super::memory_budget::{GIB, divide};
use super::{BadFigure, CacheSizing, MemoryBudget, MemoryRequest};

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
    /// Whose arithmetic it is.
    pub sizing: CacheSizing,
    /// Where the memory goes; `kv_bytes` is 0 if the rest already exceeds it.
    pub budget: MemoryBudget,
    /// The longest context a request may have [tokens].
    pub max_model_len: u32,
    /// What keys and values of one such request take [bytes].
    pub needed_kv_bytes: u64,
    /// What the last part of the budget is.
    pub others: &'static str,
    /// Changes after which it fits, the mildest first.
    pub advice: Vec<MemoryAdvice>,
    /// Whether it would fit without what proposes drafts.
    pub fits_without_drafts: bool,
    /// Whether it is about one pool of several, whose settings commands do not reach.
    pub is_of_pool: bool,
}

impl MemoryShortage {
    pub(super) fn new(request: &MemoryRequest, budget: MemoryBudget) -> Self {
        let needed_kv_bytes = budget.kv_pool.needed_bytes();
        let without = MemoryRequest {
            drafter: None,
            ..*request
        };
        let fits_without = || divide(&without).is_ok_and(|budget| budget.kv_pool.starts());
        Self {
            asked: describe(request),
            utilization: request.utilization,
            budget,
            max_model_len: request.max_model_len,
            needed_kv_bytes,
            others: if request.model.has_states() {
                "rotary table, libraries, buffers, max_num_seqs states"
            } else {
                "rotary table, libraries, buffers"
            },
            advice: advise(request),
            fits_without_drafts: request.drafter.is_some() && fits_without(),
            is_of_pool: false,
            sizing: request.start_up.sizing,
        }
    }

    /// The memory with which it would fit, everything else unchanged [bytes, as the runtime reports].
    pub fn memory_needed_bytes(&self) -> u64 {
        let bytes = self.taken_bytes() as f64 + self.needed_kv_bytes as f64;
        let share = match self.sizing {
            CacheSizing::Profiled => self.utilization,
            CacheSizing::StaticFraction(share) => share,
        };
        (bytes / share).ceil() as u64
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

impl MemoryShortage {
    /// Looks for GPUs on which the same server starts.
    pub fn look_at_gpus(&mut self, request: &MemoryRequest, others: &[OtherGpu<'_>]) {
        self.advice.extend(advise_gpus(request, others));
    }
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
        let (requested, total) = (gib(budget.requested_bytes), gib(budget.total_bytes));
        match self.sizing {
            CacheSizing::Profiled => {
                let share = self.utilization;
                writeln!(formatter, "{requested:>9.2}  = {total:.2} x {share:.2} utilisation")?;
            }
            CacheSizing::StaticFraction(share) => {
                writeln!(
                    formatter,
                    "{requested:>9.2}  of {total:.2} with mem_fraction_static = {share}"
                )?;
            }
        }
        let taken = [
            ("weights", budget.weights_bytes),
            ("weights of the drafter", budget.draft_weights_bytes),
            ("activations of the largest step", budget.activations_bytes),
            (self.others, budget.overhead_bytes),
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
        for advice in &self.advice {
            write!(formatter, "\n  {}", advice.in_words())?;
            if !self.is_of_pool {
                write!(formatter, "  ({})", advice.on_the_command_line())?;
            }
        }
        if self.fits_without_drafts {
            write!(formatter, "\n  no batching.speculative")?;
        }
        let gib = gib(self.memory_needed_bytes());
        write!(formatter, "\n  a GPU that reports at least {gib:.1} GiB of memory")
    }
}

impl Error for DoesNotFit {}
