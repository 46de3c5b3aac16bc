//! Continuous batching as SGLang does it (0.5.23, `srt/managers/scheduler.py`, `get_next_batch_to_run`;
//! `schedule_policy.py`, `PrefillAdder`; `schedule_batch.py`, `retract_decode`;
//! `scheduler_components/new_token_ratio_tracker.py`; `mem_cache/radix_cache.py`; written from a description of these
//! files, not beside them): if any prompt can come in, the step holds prompts only and the decodes stall; otherwise all
//! running requests decode. With `enable_mixed_chunk` the decodes join the step with prompts. At most one prompt at a
//! time is cut to `chunked_prefill_size`, and goes on in the next step.
//!
//! Memory is slots for tokens: `server.kv_blocks - 1` blocks hold `server.block_size` tokens each, and are handed out
//! in pages of `page_size` tokens. What prompts share is found in a radix tree, token by token (page by page), up to
//! the last token but one. A prompt enters the tree when its step has run, so requests of one step do not find each
//! other's; outputs enter it when a request finishes. What running requests have in the tree is locked; of the rest the
//! least recently used leaf goes first when slots are short. Being looked up counts as use: with `fcfs` of those asked
//! in, with `lpm` of all that wait.
//!
//! Nothing is reserved for outputs; an estimate decides who comes in. Of what each running request may still produce,
//! at most 4096 tokens, only a fraction is expected, the new-token ratio; it falls with every decode step. A request
//! comes in if what is not cached of its prompt and all that it may produce fit beside that into what is free or can be
//! evicted. When the estimate was too bold and the next tokens lack slots, the request with the fewest output tokens is
//! retracted (among equals the one with the longest prompt) and goes to the *end* of the queue; its output is not put
//! into the tree; the ratio is set anew. After a request did not fit the batch counts as full until one finishes or is
//! retracted.
//!
//! Not modelled: orders other than `fcfs` and `lpm`, the overlap schedule, the ratio of 1 for requests that ignore stop
//! tokens, what a retraction evicts beyond the next tokens, caches on the host, priorities, speculation. A request that
//! with a page to spare would not fit into the whole memory is rejected. Where mixed steps would run out of memory,
//! which stops a real server, the prompts wait.

mod adder;
mod kv_cache;
mod order;
mod rules;
mod scheduler;
mod settings;

pub use order::SchedulePolicy;
pub use settings::SglangSettings;
