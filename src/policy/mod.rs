//! Queue state and what the next step holds: one file a batching policy.
//!
//! A policy says in plain words, over plain queues, what the next step holds ([`Policy::plan`]). That is all a policy
//! needs: the reference engine runs every policy from it, one step at a time. Where the fast engine has a shortcut for
//! a policy, it shares the policy's decision functions and must give the same events.

mod none;
mod orca;
mod planner;
mod queue;
mod sarathi;
mod sglang;
mod speculative;
mod static_batch;
mod tgi;
mod trtllm;
pub mod vllm;
mod vllm_v0;

pub use orca::OrcaSettings;
pub use planner::{Outcome, Planned, Planner};
pub use queue::{Decision, Kind, Live, Memory, Produced, Queue, Scheduled, StepPlan, cut_to_model_length};
pub use sarathi::SarathiSettings;
pub use sglang::{SchedulePolicy, SglangSettings};
pub use speculative::{Acceptance, DraftCounts, Speculative};
pub use static_batch::{Batch, Formation};
pub use tgi::TgiSettings;
pub use trtllm::{Capacity, TrtllmSettings};
pub use vllm::{AdmissionMemory, cut_to_threshold};
pub use vllm_v0::VllmV0Settings;

use crate::units::{Span, Time};
use crate::workload::Request;

/// The batching policies by name, each with what it does in a line.
pub const POLICIES: [(&str, &str); 9] = [
    ("none", "one request at a time, in the order of arrival"),
    (
        "static",
        "batches that run from start to end with the same members, prompts padded to the longest",
    ),
    (
        "continuous",
        "vLLM V1: every step takes what fits, prompts in chunks, the youngest preempted when memory runs out",
    ),
    (
        "orca",
        "Orca: whole prompts beside decodes, memory for all the output allowed reserved at admission",
    ),
    (
        "sarathi",
        "Sarathi-Serve: a fixed token budget, all decodes first, prompts cut to what is left",
    ),
    (
        "vllm-v0",
        "vLLM 0.6: steps of prompts only come first and stall the decodes; chunked prefill as a switch",
    ),
    (
        "tgi",
        "TGI v3: prompts pause the decodes once enough of them wait, memory reserved at admission",
    ),
    (
        "trtllm",
        "TensorRT-LLM: in-flight batching, without eviction or at the fullest use of memory",
    ),
    (
        "sglang",
        "SGLang: prompts first, let in by an estimate of what will be produced; a radix cache; the shortest output \
         retracted",
    ),
];

/// Decides, step by step, what a server does.
pub trait Policy {
    /// Decides what happens at `now`, when no step is running, and moves requests between the queues accordingly.
    fn plan(&mut self, queue: &mut Queue, now: Time) -> Decision;

    /// Slots that hold a token while the step runs: of what was computed before and of what it computes.
    fn filled_slots(&self, queue: &Queue, plan: &StepPlan) -> u64 {
        let computed = queue.running.iter().map(|live| u64::from(live.computed));
        let scheduled = plan.scheduled.iter().map(|part| u64::from(part.tokens));
        computed.chain(scheduled).sum()
    }

    /// The step has ended, and these requests have left: a policy that keeps more than the queues do takes note of it.
    fn completed(&mut self, _queue: &Queue, _plan: &StepPlan, _finished: &[Live]) {}

    /// Whether a running request whose client has given up can leave.
    fn can_abort_running(&self) -> bool {
        true
    }

    /// A request whose client has given up has left the queue: a policy that keeps more than the queues do takes note
    /// of it.
    fn aborted(&mut self, _live: &Live, _ran: bool) {}

    /// Whether a request, alone on an empty server, could be served.
    fn can_ever_serve(&self, request: &Request, queue: &Queue) -> bool;
}

impl PolicySettings {
    /// The same with its draws, if it has any, growing from `seed`.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        if let Self::Continuous(settings) = &mut self {
            let speculative = settings.speculative.take();
            settings.speculative = speculative.map(|drafts| drafts.with_seed(seed));
        }
        self
    }

    /// Tokens that a prefix cache finds together: a block of the server, or a page where the policy has its own.
    pub const fn cached_together(&self, block_tokens: u32) -> u32 {
        match self {
            Self::Sglang(settings) => settings.page_size,
            _ => block_tokens,
        }
    }

    /// Whether anything in it is drawn at random.
    pub fn draws_at_random(&self) -> bool {
        matches!(self, Self::Continuous(settings) if settings.speculative.is_some())
    }

    /// Empty queues with the policy over them, in readable form.
    pub fn planner(&self, memory: Memory) -> Box<dyn Planner> {
        match self {
            Self::Continuous(settings) => Box::new(vllm::ContinuousBatching::new(settings.clone(), memory)),
            _ => Box::new(Planned::new(
                self.policy(memory).expect("only vLLM's scheduler keeps its own queues"),
                memory,
            )),
        }
    }

    /// The policy alone, for queues over this memory, where it is nothing but a plan over plain queues.
    pub fn policy(&self, memory: Memory) -> Option<Box<dyn Policy>> {
        Some(match self {
            Self::Continuous(_) => return None,
            Self::None => Box::new(none::NoBatching),
            Self::Static(settings) => Box::new(static_batch::StaticBatching::new(settings.clone())),
            Self::Orca(settings) => Box::new(orca::Orca::new(settings.clone())),
            Self::Sarathi(settings) => Box::new(sarathi::Sarathi::new(settings.clone())),
            Self::VllmV0(settings) => Box::new(vllm_v0::VllmV0::new(settings.clone())),
            Self::Tgi(settings) => Box::new(tgi::Tgi::new(settings.clone())),
            Self::Trtllm(settings) => Box::new(trtllm::Trtllm::new(settings.clone())),
            Self::Sglang(settings) => Box::new(sglang::Sglang::new(settings.clone(), &memory)),
        })
    }
}

/// Which policy a server runs, with its settings.
#[derive(Clone, Debug, PartialEq)]
pub enum PolicySettings {
    /// One request at a time, in the order of arrival.
    None,
    /// Batches that run from start to end with the same members.
    Static(StaticSettings),
    /// Continuous batching as vLLM V1 does it.
    Continuous(ContinuousSettings),
    /// Iteration-level scheduling as Orca does it.
    Orca(OrcaSettings),
    /// Stall-free batching as Sarathi-Serve does it.
    Sarathi(SarathiSettings),
    /// Continuous batching as vLLM's V0 engine did it.
    VllmV0(VllmV0Settings),
    /// Batching as Text Generation Inference does it.
    Tgi(TgiSettings),
    /// In-flight batching as TensorRT-LLM does it.
    Trtllm(TrtllmSettings),
    /// Continuous batching as SGLang does it.
    Sglang(SglangSettings),
}

/// Settings of static batching.
#[derive(Clone, Debug, PartialEq)]
pub struct StaticSettings {
    /// The most requests in a batch; at least 1.
    pub max_batch_size: u32,
    /// How long the oldest request may wait for a batch to fill up.
    pub max_wait: Span,
    /// When the client gets its tokens.
    pub response: Response,
    /// How much KV memory each row of a batch reserves.
    pub reserve: Reserve,
}

/// When the members of a static batch get their tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// Streamed: a row's tokens as they come.
    RowEnd,
    /// As a whole when the last row of the batch has finished.
    BatchEnd,
}

/// How much KV memory each row of a static batch reserves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserve {
    /// The batch's longest prompt plus its largest `max_tokens`.
    Batch,
    /// The model's maximum length.
    MaxModelLen,
}

/// Settings of continuous batching: what vLLM's scheduler is told at its start, with vLLM's names, and the points in
/// which its releases differ.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "switches of the scheduler")]
pub struct ContinuousSettings {
    /// The most requests running at once; at least 1.
    pub max_num_seqs: u32,
    /// The most tokens in a step; at least 1.
    pub max_num_batched_tokens: u32,
    /// Whether a prompt may be spread over several steps.
    pub chunked_prefill: bool,
    /// The largest chunk while other requests are in the system; 0 for no limit.
    pub long_prefill_token_threshold: u32,
    /// The fraction of all blocks that an admission must leave free while others run.
    pub watermark: f64,
    /// Whether blocks with the same content are shared.
    pub prefix_caching: bool,
    /// Whether requests with a lower priority number go first.
    pub priority: bool,
    /// Whether a step is decided while the one before still runs.
    pub async_scheduling: bool,
    /// Draft tokens, if any.
    pub speculative: Option<Speculative>,
    /// Whether a request is admitted only if all its tokens fit now (`scheduler_reserve_full_isl`; since 0.19).
    pub full_sequence_gate: bool,
    /// Whether freed blocks without content are taken first (since 0.25).
    pub keyless_first: bool,
    /// Whether the long-prefill threshold does not hold for a request that is alone (since 0.31).
    pub threshold_spares_alone: bool,
    /// Whether, under priorities, others are still scheduled after a request has preempted itself (since 0.33).
    pub goes_on_after_self_preemption: bool,
}

impl ContinuousSettings {
    /// The defaults of vLLM 0.33, but that each step is decided when the one before has ended, for these limits.
    pub const fn new(max_num_seqs: u32, max_num_batched_tokens: u32) -> Self {
        let newest = vllm::Profile::NEWEST;
        Self {
            max_num_seqs,
            max_num_batched_tokens,
            chunked_prefill: true,
            long_prefill_token_threshold: 0,
            watermark: 0.0,
            prefix_caching: true,
            priority: false,
            async_scheduling: false,
            speculative: None,
            full_sequence_gate: newest.full_sequence_gate,
            keyless_first: newest.keyless_first,
            threshold_spares_alone: newest.threshold_spares_alone,
            goes_on_after_self_preemption: newest.goes_on_after_self_preemption,
        }
    }
}
