//! Continuous batching as SGLang 0.5.23 does it, step for step (`srt/managers/scheduler.py`, `schedule_policy.py`,
//! `schedule_batch.py`; `srt/mem_cache`, `UnifiedRadixCache`): if any prompt can come in, the step holds prompts only
//! and the decodes stall; otherwise all running requests decode. With `enable_mixed_chunk` the decodes join the step
//! with prompts. At most one prompt at a time is cut to `chunked_prefill_size`, and goes on in the next step.
//!
//! Memory is slots for tokens: `server.kv_blocks - 1` blocks hold `server.block_size` tokens each, and are handed out
//! in pages of `page_size` tokens (`slots`). What prompts share is found in a radix tree, token by token (page by
//! page), up to the last token but one. A prompt enters the tree when its step has run, so requests of one step do not
//! find each other's; outputs enter it when a request finishes. What running requests have in the tree is locked; of
//! the rest the least recently used leaf goes first when slots are short. Being looked up counts as use (`order`).
//!
//! Nothing is reserved for outputs; an estimate decides who comes in (`budget`). Of what each running request may still
//! produce, at most 4096 tokens, only a fraction is expected, the new-token ratio, and all of it if the request ignores
//! stop tokens; the ratio falls with every decode step. A request comes in if what is not cached of its prompt, all
//! that it may produce and a page to spare fit beside that into what is free or can be evicted. When the estimate was
//! too bold and the next tokens lack slots, the request with the fewest output tokens is retracted (`decode`) and goes
//! to the *end* of the queue; its output is not put into the tree; the ratio is set anew. After a request did not fit
//! the batch counts as full until one finishes or is retracted.
//!
//! With the overlap schedule, the default, a step is decided while the one before runs: who gets the last token by
//! length from that is left out, and a stop token costs a row for nothing.
//!
//! Not modelled: orders that are drawn or go by routing keys, caches on the host, windows and states, speculation.
//! Where mixed steps would run out of memory, which stops a real server, the prompt under way waits. `run` rejects at
//! once what SGLang takes in as a prompt of one token and then aborts, prompts within six tokens of the longest input
//! or of the memory, and whom it would ask for ever: without the cache, who ignores stop tokens and was cut to the
//! memory.

mod arrival;
mod batching;
mod budget;
mod completion_order;
mod decision;
mod decode;
mod member;
mod order;
mod prefill;
mod results;
mod rules;
mod scheduler;
mod settings;
mod slots;

pub(crate) use arrival::LengthLimits;
pub(crate) use budget::PrefillBudget;
pub(crate) use completion_order::{Course, Courses, part_of as part_by_completion};
pub(crate) use decision::PromptPart;
pub(crate) use decode::RETRACT_DECODE_STEPS;
pub(crate) use member::{CLIP_MAX_NEW_TOKENS, SglangMember};
pub(crate) use order::QueueOrder;
pub(crate) use slots::TokenSlots;

pub use decision::{AddVerdict, AskOutcome, AskedRequest, BatchKind, RowKind, SglangDecision, SglangRow};
pub use results::{FinishReason, SglangOutput};
pub use scheduler::SglangScheduler;
pub use settings::{SchedulePolicy, SglangPriorities, SglangSettings, SpecialTokens};
