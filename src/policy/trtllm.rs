//! In-flight batching as NVIDIA TensorRT-LLM does it (`cpp/tensorrt_llm/batch_manager/capacityScheduler.cpp`,
//! `GuaranteedNoEvictScheduler` and `MaxUtilizationScheduler`; `microBatchScheduler.cpp`). Each step two schedulers
//! speak. The first goes through the requests in the order of arrival and asks which the memory can hold:
//!
//! - `guaranteed_no_evict`: those that run always; a new one only if the blocks to completion, prompt and all the
//!   output allowed, of all of them fit.
//! - `max_utilization`: whoever's blocks for the next step fit. If a request that runs lacks a block, the one that was
//!   started last is paused: it loses its blocks, keeps its place in the order and computes again. A step that pauses
//!   admits nobody.
//!
//! Neither lets anyone pass a request that does not fit. The second fills the step within `max_num_tokens`: decodes
//! first, then prompts, whole or, with chunked context, cut to what is left in multiples of a block. A prompt gets all
//! its blocks with its first chunk.
//!
//! Not modelled: block reuse and the requests it delays, the static-batch and prefill-first variants, the policy of
//! equal progress among chunks, in-flight batches of pipeline stages. A prompt whose chunk comes to less than a block
//! ends the step's prompts, where TensorRT-LLM might still take a short one behind it.

use super::live::{Live, Memory};
use super::plain_queue::PlainQueue;
use super::plan::{HoldsFor, Policy};
use super::queue::{OrderMatters, Queue, UnderWay};
use super::rules::{Host, Limits, REQUESTS, Rules, TOKENS};
use super::step_plan::{Decision, StepPlan};
use crate::settings::{Kind, Refused, Setting, Word, Written};
use crate::step_time::EngineHost;
use crate::units::Time;
use crate::workload::Request;

/// Settings of TensorRT-LLM's batch manager, with its names.
#[derive(Clone, Debug, PartialEq)]
pub struct TrtllmSettings {
    /// Which requests the memory can hold.
    pub capacity: CapacityScheduler,
    /// The most requests in a step; at least 1.
    pub max_batch_size: u32,
    /// The most tokens in a step; at least 1.
    pub max_num_tokens: u32,
    /// Whether a prompt may be spread over several steps.
    pub chunked_context: bool,
}

/// Which requests the memory can hold (`capacity_scheduler_policy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapacityScheduler {
    /// Those that can be completed without taking a block from anyone.
    GuaranteedNoEvict,
    /// As many as fit now; the last started is paused when they no longer do.
    MaxUtilization,
}

static CAPACITY: Setting = Setting::new(
    "capacity",
    Kind::Choice(&[
        Word {
            name: "guaranteed_no_evict",
            help: "Those that can be completed without taking a block from anyone",
        },
        Word {
            name: "max_utilization",
            help: "As many as fit now; the last started is paused when they no longer do",
        },
    ]),
    "Which requests the memory can hold",
)
.or(&["capacity_scheduler_policy"])
.default("\"guaranteed_no_evict\"", THEIRS);

static MAX_BATCH_SIZE: Setting = Setting::new("max_batch_size", REQUESTS, "The most requests in a step")
    .unit("requests")
    .default("2048", OF_THE_BUILD);

static MAX_NUM_TOKENS: Setting = Setting::new("max_num_tokens", TOKENS, "The most tokens in a step")
    .unit("tokens")
    .default("8192", OF_THE_BUILD);

static CHUNKED_CONTEXT: Setting = Setting::new(
    "chunked_context",
    Kind::Boolean,
    "Whether a prompt may be spread over several steps",
)
.or(&["enable_chunked_context"])
.default("true", THEIRS);

const THEIRS: &str = "TensorRT-LLM's default";
const OF_THE_BUILD: &str = "trtllm-build's default";

impl Rules for TrtllmSettings {
    const NAME: &'static str = "trtllm";
    const TITLE: &'static str = "TensorRT-LLM's batching";
    const ENGINE: &'static str = "TensorRT-LLM";
    const SUMMARY: &'static str = "TensorRT-LLM: in-flight batching, without eviction or at the fullest use of memory";
    const SETTINGS: &'static [&'static Setting] = &[&CAPACITY, &MAX_BATCH_SIZE, &MAX_NUM_TOKENS, &CHUNKED_CONTEXT];

    fn read<W: Written>(written: &W, host: &Host<'_>) -> Result<Self, W::Error> {
        let capacities = [CapacityScheduler::GuaranteedNoEvict, CapacityScheduler::MaxUtilization];
        let settings = Self {
            capacity: written.declared_choice(&CAPACITY, &capacities)?,
            max_batch_size: written.declared_count(&MAX_BATCH_SIZE)?,
            max_num_tokens: written.declared_count(&MAX_NUM_TOKENS)?,
            chunked_context: written.declared_boolean(&CHUNKED_CONTEXT)?,
        };
        let (tokens, block) = (settings.max_num_tokens, host.block_tokens);
        if settings.chunked_context && tokens < block {
            let message = format!(
                "a chunk of a prompt is at least a block: max_num_tokens ({tokens}) is less than server.block_size \
                 ({block})"
            );
            let refused = Refused::new(&[&MAX_NUM_TOKENS], message);
            return Err(refused.help(format!("write max_num_tokens = {block} or more")).into());
        }
        Ok(settings)
    }

    fn policy(&self, _memory: Memory) -> Option<Box<dyn Policy>> {
        Some(Box::new(Trtllm::new(self.clone())))
    }

    /// The overlap scheduler, which is on by default, prepares a step while the GPU runs the one before
    /// (`_torch/pyexecutor/py_executor.py`, `_executor_loop_overlap`). What that takes has not been measured: as much
    /// as vLLM's.
    fn hides_cpu(&self) -> bool {
        true
    }

    fn engine_host(&self) -> Option<EngineHost> {
        Some(EngineHost::TENSORRT_LLM)
    }

    fn limits(&self) -> Limits {
        Limits {
            whole_prompts: !self.chunked_context,
            ..Limits::new(self.max_batch_size, self.max_num_tokens.into())
        }
    }
}

/// A capacity scheduler, then a micro-batch scheduler.
pub(super) struct Trtllm {
    settings: TrtllmSettings,
}

impl Trtllm {
    pub(super) const fn new(settings: TrtllmSettings) -> Self {
        Self { settings }
    }

    /// How many from the head of the queue find these blocks, each for the tokens that it `needs`.
    fn fitting(&self, queue: &dyn Queue, blocks: u64, needs: fn(&Live) -> u32) -> usize {
        let places = self.settings.max_batch_size.saturating_sub(queue.running()) as usize;
        let (mut needed, mut fitting) = (0, 0);
        while fitting < places
            && let Some(live) = queue.waiting(fitting)
        {
            needed += u64::from(queue.memory().blocks_for(needs(live)));
            if needed > blocks {
                break; // Nobody behind may pass it.
            }
            fitting += 1;
        }
        fitting
    }

    /// Pauses until those that run have the blocks for their next step.
    fn pause(queue: &mut PlainQueue, plan: &mut StepPlan) {
        let mut free = queue.free_blocks();
        let mut index = 0;
        while index < queue.running.len() {
            let live = &queue.running[index];
            if queue.memory.blocks_for(live.num_tokens()) > live.blocks + free {
                let last = queue.running.len() - 1;
                free += queue.running[last].blocks;
                plan.preempted.push(queue.preempt(last));
            } else {
                free -= queue.allocate_next(index);
                index += 1;
            }
        }
    }

    /// Fills the step: decodes, prompts under way, then up to `candidates` from the head of the queue.
    fn fill(&self, queue: &mut dyn Queue, plan: &mut StepPlan, candidates: usize, now: Time) {
        let mut budget = self.settings.max_num_tokens;
        // Each of them computed a token in the step before, so that the budget does for all.
        budget -= queue.decoding();
        queue.decode(plan);
        let mut place = 0;
        while let Some(UnderWay { member, lacking }) = queue.under_way(place) {
            let tokens = self.chunk(lacking, budget, queue.memory());
            if tokens == 0 {
                return;
            }
            queue.go_on(member, tokens, plan);
            budget -= tokens;
            place += 1;
        }
        for _ in 0..candidates {
            let head = queue.waiting(0).expect("only those are candidates that wait");
            let all = head.num_tokens();
            let tokens = self.chunk(all, budget, queue.memory());
            if tokens == 0 {
                break;
            }
            queue.admit(now, all, tokens, plan);
            budget -= tokens;
        }
    }

    /// How many of the `wanted` tokens of a prompt go into a step with this budget left; 0 if it must wait.
    const fn chunk(&self, wanted: u32, budget: u32, memory: &Memory) -> u32 {
        if wanted <= budget {
            wanted
        } else if self.settings.chunked_context {
            budget - budget % memory.block_tokens
        } else {
            0
        }
    }
}

impl Policy for Trtllm {
    fn plan(&mut self, queue: &mut dyn Queue, now: Time) -> Result<Decision, OrderMatters> {
        let mut plan = StepPlan::default();
        let candidates = match self.settings.capacity {
            CapacityScheduler::GuaranteedNoEvict => {
                queue.give_lacking_blocks();
                let not_reserved = u64::from(queue.memory().usable_blocks) - queue.most_blocks();
                self.fitting(queue, not_reserved, Live::most_tokens)
            }
            CapacityScheduler::MaxUtilization => {
                if queue.lacking_blocks() > queue.free_blocks() {
                    Self::pause(queue.one_by_one()?, &mut plan);
                } else {
                    queue.give_lacking_blocks();
                }
                if plan.preempted.is_empty() {
                    self.fitting(queue, queue.free_blocks().into(), Live::num_tokens)
                } else {
                    0
                }
            }
        };
        self.fill(queue, &mut plan, candidates, now);
        if plan.is_empty() && plan.preempted.is_empty() {
            return Ok(Decision::Idle);
        }
        plan.used_blocks = queue.used_blocks();
        Ok(Decision::Step(plan))
    }

    fn holds_for(&self, _queue: &dyn Queue) -> HoldsFor {
        HoldsFor::while_free(0) // Who does not fit beside those who run does not fit beside longer ones.
    }

    fn can_ever_serve(&self, request: &Request, memory: &Memory) -> bool {
        let in_one_step = match self.settings.capacity {
            _ if self.settings.chunked_context && self.settings.max_num_tokens >= memory.block_tokens => 0,
            CapacityScheduler::GuaranteedNoEvict => request.prompt.tokens(),
            // Paused, it has to compute its output so far in the same step as its prompt.
            CapacityScheduler::MaxUtilization => request.most_computed(),
        };
        in_one_step <= self.settings.max_num_tokens && memory.blocks_for(request.most_tokens()) <= memory.usable_blocks
    }
}
