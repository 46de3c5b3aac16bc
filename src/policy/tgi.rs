//! Batching as Hugging Face's Text Generation Inference does it (v3, `backends/v3/src/backend.rs`, `batching_task`;
//! `backends/v3/src/queue.rs`, `next_batch`): prompts are computed alone while the decodes pause, then join the batch.
//! Before each decode step those that wait are asked in, but only if enough of them fit: `waiting_served_ratio` of the
//! batch, or anyone once `max_waiting_tokens` decode steps have passed since the last prompts came in. A request gets
//! the blocks for its prompt and all the output it allows at once, so that nobody is ever preempted.
//!
//! `max_batch_total_tokens` is compared with the prompt plus `max_tokens` of all that run. Not modelled: the prefix
//! cache, cutting prompts into chunks (where the kernels allow it), speculation, the limit on concurrent requests,
//! which refuses clients.

use super::live::{Live, Memory};
use super::plan::{HoldsFor, Policy};
use super::queue::{OrderMatters, Queue};
use super::rules::{Host, LargestStep, Limits, MOST_REQUESTS, Rules, TOKENS, TOKENS_OR_NONE};
use super::step_plan::{Decision, StepPlan};
use crate::settings::{Kind, Refused, Setting, Written};
use crate::units::Time;
use crate::workload::Request;

/// Settings of TGI's batching, with its names.
#[derive(Clone, Debug, PartialEq)]
pub struct TgiSettings {
    /// How many must be able to come in together, as a fraction of the batch.
    pub waiting_served_ratio: f64,
    /// Decode steps after which anyone may come in.
    pub max_waiting_tokens: u32,
    /// The most prompt tokens in a step, rounded up to whole blocks; at least 1.
    pub max_batch_prefill_tokens: u32,
    /// The most tokens, prompts and allowed outputs, of all that run; all that the memory holds if it is not given.
    pub max_batch_total_tokens: Option<u32>,
}

static MAX_BATCH_TOTAL_TOKENS: Setting = Setting::new(
    "max_batch_total_tokens",
    Kind::Count { min: 1, max: u32::MAX },
    "The most tokens, prompts and allowed outputs, of all requests that run",
)
.unit("tokens")
.depends("all that the memory holds");

static WAITING_SERVED_RATIO: Setting = Setting::new(
    "waiting_served_ratio",
    Kind::Number { min: 0.0, max: 1000.0 },
    "How many waiting requests must be able to come in together, as a fraction of those that run",
)
.default("0.3", THEIRS);

static MAX_WAITING_TOKENS: Setting = Setting::new(
    "max_waiting_tokens",
    TOKENS_OR_NONE,
    "Decode steps after which anyone may come in",
)
.unit("steps")
.default("20", THEIRS);

static MAX_BATCH_PREFILL_TOKENS: Setting =
    Setting::new("max_batch_prefill_tokens", TOKENS, "The most prompt tokens in a step")
        .unit("tokens")
        .depends("4096, or the longest request if that is more");

const THEIRS: &str = "TGI's default";

impl Rules for TgiSettings {
    const NAME: &'static str = "tgi";
    const TITLE: &'static str = "TGI's batching";
    const ENGINE: &'static str = "Text Generation Inference 3";
    const SUMMARY: &'static str =
        "TGI v3: prompts pause the decodes once enough of them wait, memory reserved at admission";
    const SETTINGS: &'static [&'static Setting] = &[
        &MAX_BATCH_TOTAL_TOKENS,
        &WAITING_SERVED_RATIO,
        &MAX_WAITING_TOKENS,
        &MAX_BATCH_PREFILL_TOKENS,
    ];

    fn read<W: Written>(written: &W, host: &Host<'_>) -> Result<Self, W::Error> {
        let most = host.max_model_len.max(4096);
        let settings = Self {
            waiting_served_ratio: written.declared_number(&WAITING_SERVED_RATIO)?,
            max_waiting_tokens: written.declared_count(&MAX_WAITING_TOKENS)?,
            max_batch_prefill_tokens: written.count(&MAX_BATCH_PREFILL_TOKENS, most, "room for the longest prompt")?,
            max_batch_total_tokens: written.optional_count(&MAX_BATCH_TOTAL_TOKENS)?,
        };
        let prefill = settings.max_batch_prefill_tokens;
        if let Some(total) = settings.max_batch_total_tokens
            && total < prefill
        {
            let message = format!(
                "max_batch_total_tokens ({total}) is less than max_batch_prefill_tokens ({prefill}); TGI refuses to \
                 start"
            );
            let refused = Refused::new(&[&MAX_BATCH_TOTAL_TOKENS], message).help(format!(
                "write max_batch_total_tokens = {prefill} or more, or max_batch_prefill_tokens = {total} or less"
            ));
            return Err(refused.into());
        }
        Ok(settings)
    }

    fn policy(&self, _memory: Memory) -> Option<Box<dyn Policy>> {
        Some(Box::new(Tgi::new(self.clone())))
    }

    // That too few wait to pause the decodes shows in no step; it counts as memory, the usual reason.
    fn limits(&self) -> Limits {
        Limits {
            whole_prompts: true,
            ..Limits::new(u32::MAX, self.max_batch_prefill_tokens.into())
        }
    }

    fn largest_step(&self, _longest_request: u32) -> LargestStep {
        LargestStep {
            requests: MOST_REQUESTS,
            tokens: u64::from(self.max_batch_prefill_tokens.max(MOST_REQUESTS)),
        }
    }
}

/// Prompts that pause the decodes, if enough of them wait.
pub(super) struct Tgi {
    settings: TgiSettings,
    /// Decode steps since prompts last came in, and one.
    waiting_tokens: u32,
    /// Prompts have just joined a running batch: a decode step comes next.
    has_joined: bool,
}

impl Tgi {
    pub(super) const fn new(settings: TgiSettings) -> Self {
        Self {
            settings,
            waiting_tokens: 0,
            has_joined: false,
        }
    }

    /// How many from the head of the queue come in at once; nobody if fewer than `least` fit.
    fn fitting(&self, queue: &dyn Queue, least: usize) -> usize {
        let memory = queue.memory();
        let (most_prefill, most_total, free) = (
            self.prefill_budget(memory),
            self.total_budget(memory),
            queue.free_blocks(),
        );
        let (mut prefill, mut total, mut blocks, mut fitting) = (0, queue.most_tokens(), 0, 0);
        while let Some(Live { request, .. }) = queue.waiting(fitting) {
            prefill += u64::from(request.prompt.tokens());
            total += u64::from(request.most_tokens());
            blocks += memory.blocks_for(request.most_computed());
            if prefill > most_prefill || total > most_total || blocks > free {
                break; // Nobody behind may pass it.
            }
            fitting += 1;
        }
        if fitting < least { 0 } else { fitting }
    }

    fn prefill_budget(&self, memory: &Memory) -> u64 {
        u64::from(self.settings.max_batch_prefill_tokens).next_multiple_of(u64::from(memory.block_tokens))
    }

    fn total_budget(&self, memory: &Memory) -> u64 {
        match self.settings.max_batch_total_tokens {
            Some(tokens) => tokens.into(),
            None => u64::from(memory.usable_blocks) * u64::from(memory.block_tokens),
        }
    }

    /// How many must fit for any of them to come in now.
    fn least(&self, queue: &dyn Queue) -> usize {
        if self.waiting_tokens >= self.settings.max_waiting_tokens {
            return 0;
        }
        (f64::from(queue.running()) * self.settings.waiting_served_ratio) as usize
    }

    fn prefill(&mut self, queue: &mut dyn Queue, joining: usize, now: Time) -> StepPlan {
        self.waiting_tokens = 1;
        self.has_joined = queue.running() > 0;
        let mut plan = StepPlan::default();
        for _ in 0..joining {
            let head = queue.waiting(0).expect("only those come in that wait");
            let (most, all) = (head.request.most_computed(), head.num_tokens());
            queue.admit(now, most, all, &mut plan);
        }
        plan
    }

    fn decode(&mut self, queue: &mut dyn Queue) -> StepPlan {
        self.repeat(1);
        self.has_joined = false;
        let mut plan = StepPlan::default();
        queue.decode(&mut plan);
        plan
    }
}

impl Policy for Tgi {
    fn plan(&mut self, queue: &mut dyn Queue, now: Time) -> Result<Decision, OrderMatters> {
        let has_batch = queue.running() > 0;
        let joining = if !has_batch {
            self.fitting(queue, 0)
        } else if self.has_joined {
            0
        } else {
            self.fitting(queue, self.least(queue))
        };
        let mut plan = if joining > 0 {
            self.prefill(queue, joining, now)
        } else if has_batch {
            self.decode(queue)
        } else {
            return Ok(Decision::Idle);
        };
        plan.used_blocks = queue.used_blocks();
        Ok(Decision::Step(plan))
    }

    fn holds_for(&self, queue: &dyn Queue) -> HoldsFor {
        let steps = match self.fitting(queue, 0) {
            0 => u64::MAX,
            // Too few, until they have waited so long that anyone may come in.
            fitting if fitting < self.least(queue) => {
                1 + u64::from(self.settings.max_waiting_tokens - self.waiting_tokens)
            }
            _ => 1,
        };
        HoldsFor { steps, spare_blocks: 0 }
    }

    fn repeat(&mut self, times: u64) {
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        self.waiting_tokens = self.waiting_tokens.saturating_add(times);
    }

    fn reserves(&self) -> bool {
        true
    }

    fn can_ever_serve(&self, request: &Request, memory: &Memory) -> bool {
        u64::from(request.prompt.tokens()) <= self.prefill_budget(memory)
            && u64::from(request.most_tokens()) <= self.total_budget(memory)
            && memory.blocks_for(request.most_computed()) <= memory.usable_blocks
    }
}
