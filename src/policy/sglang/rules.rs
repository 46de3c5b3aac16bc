//! What SGLang's batching says of itself.

use super::batching::SglangBatching;
use super::settings::{SchedulePolicy, SglangSettings};
use crate::policy::plan::Policy;
use crate::policy::planner::Planner;
use crate::policy::queue::Memory;
use crate::policy::rules::{Host, LargestStep, Limits, REQUESTS, Rules, TOKENS, TOKENS_OR_NONE};
use crate::settings::{Kind, Refused, Setting, Word, Written};
use crate::step_time::EngineHost;

/// The largest page of KV memory that SGLang's attention kernels know is 128 tokens; more than this is a slip.
const MOST_PAGE_TOKENS: u32 = 1024;

const THEIRS: &str = "SGLang's default";

static CHUNKED_PREFILL_SIZE: Setting = Setting::new(
    "chunked_prefill_size",
    TOKENS_OR_NONE,
    "Where prompts are cut, a multiple of page_size; 0 for whole prompts",
)
.unit("tokens")
.depends("2048 to 16384, by the GPU's memory");

static SCHEDULE_POLICY: Setting = Setting::new(
    "schedule_policy",
    Kind::Choice(&[
        Word {
            name: "fcfs",
            help: "First come, first served",
        },
        Word {
            name: "lpm",
            help: "The longest cached prefix first",
        },
    ]),
    "In which order the waiting are asked in",
)
.default("\"fcfs\"", THEIRS);

static MAX_RUNNING_REQUESTS: Setting =
    Setting::new("max_running_requests", REQUESTS, "The most requests running at once")
        .unit("requests")
        .default("2048", "the least that SGLang derives from the memory");

static MAX_PREFILL_TOKENS: Setting = Setting::new(
    "max_prefill_tokens",
    TOKENS,
    "The most prompt tokens in a step, unless a single prompt is longer",
)
.unit("tokens")
.default("16384", THEIRS);

static ENABLE_MIXED_CHUNK: Setting = Setting::new(
    "enable_mixed_chunk",
    Kind::Boolean,
    "Whether the decodes join the steps with prompts",
)
.default("false", THEIRS);

static SCHEDULE_CONSERVATIVENESS: Setting = Setting::new(
    "schedule_conservativeness",
    Kind::Number { min: 0.0, max: 100.0 },
    "Scales the output that is expected of running requests: with more of it fewer are let in, and fewer retracted",
)
.default("1", THEIRS);

static PREFIX_CACHING: Setting = Setting::new(
    "prefix_caching",
    Kind::Boolean,
    "Whether what prompts share is found in the radix cache",
)
.or(&["enable_prefix_caching"])
.default("true", THEIRS);

static PAGE_SIZE: Setting = Setting::new(
    "page_size",
    Kind::Count {
        min: 1,
        max: MOST_PAGE_TOKENS,
    },
    "Tokens that are handed out, found and cached together",
)
.unit("tokens")
.default("1", THEIRS);

impl Rules for SglangSettings {
    const NAME: &'static str = "sglang";
    const TITLE: &'static str = "SGLang's batching";
    const ENGINE: &'static str = "SGLang 0.5.23";
    const SUMMARY: &'static str = "SGLang: prompts first, let in by an estimate of what will be produced; \
                                   a radix cache; the shortest output retracted";
    const SETTINGS: &'static [&'static Setting] = &[
        &CHUNKED_PREFILL_SIZE,
        &SCHEDULE_POLICY,
        &MAX_RUNNING_REQUESTS,
        &MAX_PREFILL_TOKENS,
        &ENABLE_MIXED_CHUNK,
        &SCHEDULE_CONSERVATIVENESS,
        &PREFIX_CACHING,
        &PAGE_SIZE,
    ];

    fn read<W: Written>(written: &W, host: &Host<'_>) -> Result<Self, W::Error> {
        let because = format!("SGLang's default for {}", host.gpu);
        let chunk = default_chunk(host.gpu_memory_bytes);
        let chunk = written.count(&CHUNKED_PREFILL_SIZE, chunk, &because)?;
        let settings = Self {
            max_running_requests: written.declared_count(&MAX_RUNNING_REQUESTS)?,
            max_prefill_tokens: written.declared_count(&MAX_PREFILL_TOKENS)?,
            chunked_prefill_size: (chunk > 0).then_some(chunk),
            enable_mixed_chunk: written.declared_boolean(&ENABLE_MIXED_CHUNK)?,
            schedule_conservativeness: written.declared_number(&SCHEDULE_CONSERVATIVENESS)?,
            schedule_policy: written.declared_choice(&SCHEDULE_POLICY, &[SchedulePolicy::Fcfs, SchedulePolicy::Lpm])?,
            prefix_caching: written.declared_boolean(&PREFIX_CACHING)?,
            page_size: written.declared_count(&PAGE_SIZE)?,
            overlap_schedule: true,
            priorities: None,
            special_tokens: None,
        };
        let page = settings.page_size;
        if !chunk.is_multiple_of(page) {
            let message = format!(
                "chunked_prefill_size ({chunk}) is not a multiple of page_size ({page}); SGLang refuses to start"
            );
            let refused = Refused::new(&[&CHUNKED_PREFILL_SIZE, &PAGE_SIZE], message).help(format!(
                "write chunked_prefill_size = {}; 0 stands for whole prompts",
                u64::from(chunk).next_multiple_of(page.into())
            ));
            return Err(refused.into());
        }
        Ok(settings)
    }

    fn policy(&self, _memory: Memory) -> Option<Box<dyn Policy>> {
        None
    }

    fn planner(&self, memory: Memory) -> Box<dyn Planner> {
        Box::new(SglangBatching::new(self.clone(), &memory))
    }

    /// The overlap scheduler, which is on by default, prepares a step while the GPU runs the one before
    /// (`srt/managers/scheduler.py`, `event_loop_overlap`). What that takes has not been measured: as much as vLLM's.
    fn hides_cpu(&self) -> bool {
        true
    }

    fn engine_host(&self) -> Option<EngineHost> {
        Some(EngineHost::SGLANG)
    }

    fn limits(&self) -> Limits {
        let chunk = self.chunked_prefill_size;
        let most = self.max_prefill_tokens.min(chunk.unwrap_or(u32::MAX));
        Limits {
            whole_prompts: chunk.is_none(),
            ..Limits::new(self.max_running_requests, most.into())
        }
    }

    fn largest_step(&self, longest_request: u32) -> LargestStep {
        let requests = self.max_running_requests;
        LargestStep {
            requests,
            tokens: self.max_prefill_tokens.max(longest_request).max(requests).into(),
        }
    }

    fn prefix_caching(&self) -> Option<bool> {
        Some(self.prefix_caching)
    }

    fn cached_together(&self, _block_tokens: u32) -> u32 {
        self.page_size
    }

    /// SGLang keeps a page to spare beside each request, of which even the smallest has two tokens.
    fn refuse_memory(&self, memory: &Memory) -> Result<(), Refused> {
        let page = u64::from(self.page_size);
        let slots = u64::from(memory.usable_blocks) * u64::from(memory.block_tokens);
        if page + 2 < slots - slots % page {
            return Ok(());
        }
        let message = format!(
            "pages of {page} tokens (batching.page_size) leave no room for any request in a KV cache of {slots} tokens"
        );
        Err(Refused::new(&[], message).help("write page_size = 1, or a larger server.kv_blocks"))
    }
}

/// `chunked_prefill_size` by the GPU's memory (`srt/server_args.py`).
fn default_chunk(gpu_memory_bytes: u64) -> u32 {
    match gpu_memory_bytes >> 30 {
        0..35 => 2048,
        35..60 => 4096,
        60..160 => 8192,
        _ => 16384,
    }
}
