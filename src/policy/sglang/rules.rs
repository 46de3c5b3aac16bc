//! What SGLang's batching says of itself.

use super::arrival::LengthLimits;
use super::batching::SglangBatching;
use super::settings::{SchedulePolicy, SglangPriorities, SglangSettings};
use crate::policy::live::Memory;
use crate::policy::plan::Policy;
use crate::policy::planner::Planner;
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
        Word {
            name: "lof",
            help: "The largest max_tokens first",
        },
        Word {
            name: "dfs-weight",
            help: "Depth first through the radix cache, the part first that most of the waiting share",
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
    "The prompt tokens after which nobody else is asked into a step; where prompts are not cut, nobody comes in beside \
     others who would go beyond them",
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

static DISABLE_OVERLAP_SCHEDULE: Setting = Setting::new(
    "disable_overlap_schedule",
    Kind::Boolean,
    "Whether a step is decided only when the one before has ended, instead of while it runs",
)
.default("false", THEIRS);

static ENABLE_PRIORITY_SCHEDULING: Setting = Setting::new(
    "enable_priority_scheduling",
    Kind::Boolean,
    "Whether priorities come before the order of arrival, or of max_tokens; with fcfs and lof only",
)
.default("false", THEIRS);

static LOW_PRIORITY_VALUES_FIRST: Setting = Setting::new(
    "schedule_low_priority_values_first",
    Kind::Boolean,
    "Whether the lower number is the better priority",
)
.default("false", THEIRS);

static PREEMPTION_THRESHOLD: Setting = Setting::new(
    "priority_scheduling_preemption_threshold",
    Kind::Count {
        min: 0,
        max: i32::MAX as u32,
    },
    "By how much more a priority must be better than that of a running request that it drives out",
)
.default("10", THEIRS);

static DISABLE_PRIORITY_PREEMPTION: Setting = Setting::new(
    "disable_priority_preemption",
    Kind::Boolean,
    "Whether no running request is driven out for the sake of a better priority",
)
.default("false", THEIRS);

/// The orders, as `SCHEDULE_POLICY` names them.
const ORDERS: [SchedulePolicy; 4] = [
    SchedulePolicy::Fcfs,
    SchedulePolicy::Lpm,
    SchedulePolicy::Lof,
    SchedulePolicy::DfsWeight,
];

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
        &DISABLE_OVERLAP_SCHEDULE,
        &ENABLE_PRIORITY_SCHEDULING,
        &LOW_PRIORITY_VALUES_FIRST,
        &PREEMPTION_THRESHOLD,
        &DISABLE_PRIORITY_PREEMPTION,
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
            schedule_policy: written.declared_choice(&SCHEDULE_POLICY, &ORDERS)?,
            prefix_caching: written.declared_boolean(&PREFIX_CACHING)?,
            page_size: written.declared_count(&PAGE_SIZE)?,
            overlap_schedule: !written.declared_boolean(&DISABLE_OVERLAP_SCHEDULE)?,
            priorities: priorities(written)?,
            special_tokens: None,
        };
        settings.refuse_ragged_chunks()?;
        settings.refuse_priorities()?;
        Ok(settings)
    }

    fn policy(&self, _memory: Memory) -> Option<Box<dyn Policy>> {
        None
    }

    fn planner(&self, memory: Memory) -> Box<dyn Planner> {
        Box::new(SglangBatching::new(self.clone(), &memory))
    }

    /// The overlap schedule, which is on by default, decides and prepares a step while the GPU runs the one before
    /// (`srt/managers/scheduler.py`, `event_loop_overlap`). What that takes has not been measured: as much as vLLM's.
    fn decides_ahead(&self) -> bool {
        self.overlap_schedule
    }

    fn engine_host(&self) -> Option<EngineHost> {
        Some(EngineHost::SGLANG)
    }

    fn limits(&self) -> Limits {
        let chunk = self.chunked_prefill_size;
        let most = chunk.unwrap_or(self.max_prefill_tokens);
        Limits {
            whole_prompts: chunk.is_none(),
            ..Limits::new(self.max_running_requests, most.into())
        }
    }

    fn largest_step(&self, longest_request: u32) -> LargestStep {
        let requests = self.max_running_requests;
        let prompts = match self.chunked_prefill_size {
            Some(chunk) => chunk,
            None => self.max_prefill_tokens.max(longest_request),
        };
        LargestStep {
            requests,
            tokens: prompts.max(requests).into(),
        }
    }

    fn longest_request(&self, memory: &Memory) -> u32 {
        LengthLimits::new(self, memory).longest_request()
    }

    fn prefix_caching(&self) -> Option<bool> {
        Some(self.prefix_caching)
    }

    fn cached_together(&self, _block_tokens: u32) -> u32 {
        self.page_size
    }

    /// SGLang keeps a page to spare beside each request, of which even the smallest has two tokens, and takes no prompt
    /// that comes within six tokens of the whole memory.
    fn refuse_memory(&self, memory: &Memory) -> Result<(), Refused> {
        let page = u64::from(self.page_size);
        let slots = u64::from(memory.usable_blocks) * u64::from(memory.block_tokens);
        if (page + 2).max(7) < slots - slots % page {
            return Ok(());
        }
        let message = format!(
            "pages of {page} tokens (batching.page_size) leave no room for any request in a KV cache of {slots} tokens"
        );
        Err(Refused::new(&[], message).help("write page_size = 1, or a larger server.kv_blocks"))
    }
}

/// How priorities are heeded; all that is written is checked.
fn priorities<W: Written>(written: &W) -> Result<Option<SglangPriorities>, W::Error> {
    let threshold = written.declared_count(&PREEMPTION_THRESHOLD)?;
    let preempts = !written.declared_boolean(&DISABLE_PRIORITY_PREEMPTION)?;
    let priorities = SglangPriorities {
        low_first: written.declared_boolean(&LOW_PRIORITY_VALUES_FIRST)?,
        preemption_threshold: preempts.then_some(threshold),
    };
    let are_heeded = written.declared_boolean(&ENABLE_PRIORITY_SCHEDULING)?;
    Ok(are_heeded.then_some(priorities))
}

impl SglangSettings {
    fn refuse_ragged_chunks(&self) -> Result<(), Refused> {
        let (chunk, page) = (self.chunked_prefill_size.unwrap_or(0), self.page_size);
        if chunk.is_multiple_of(page) {
            return Ok(());
        }
        let message =
            format!("chunked_prefill_size ({chunk}) is not a multiple of page_size ({page}); SGLang refuses to start");
        Err(
            Refused::new(&[&CHUNKED_PREFILL_SIZE, &PAGE_SIZE], message).help(format!(
                "write chunked_prefill_size = {}; 0 stands for whole prompts",
                u64::from(chunk).next_multiple_of(page.into())
            )),
        )
    }

    fn refuse_priorities(&self) -> Result<(), Refused> {
        let is_plain = matches!(self.schedule_policy, SchedulePolicy::Fcfs | SchedulePolicy::Lof);
        if is_plain || self.priorities.is_none() {
            return Ok(());
        }
        let message = "enable_priority_scheduling goes with the orders fcfs and lof only; SGLang refuses to start";
        Err(Refused::new(&[&ENABLE_PRIORITY_SCHEDULING, &SCHEDULE_POLICY], message)
            .help("write schedule_policy = \"fcfs\", or enable_priority_scheduling = false"))
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
