//! Static (request-level) batching, as in front of a plain `generate()` call or Triton's dynamic batcher: a batch is
//! formed when the server is free, its prompts are padded to the longest, and it runs until its longest output ends.
//! Finished rows still take part in every step and keep their memory; nobody joins on the way.
//!
//! Not modelled: Triton's preferred batch sizes, its queue limits and priorities.

use super::live::Memory;
use super::plan::Policy;
use super::queue::{OrderMatters, Queue};
use super::rules::{Change, Host, Limits, REQUESTS, Rules};
use super::step_plan::{Decision, ScheduledAs, StepPlan};
use crate::settings::{Kind, Refused, Setting, Word, Written};
use crate::step_time::StepShape;
use crate::units::{Span, Time};
use crate::workload::Request;

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

/// A longer wait for a full batch could carry the clock past its end.
const LONGEST_WAIT_S: f64 = 10.0 * 86_400.0;

const OURS: &str = "tailcast's default";

static MAX_WAIT: Setting = Setting::new(
    "max_wait",
    Kind::Duration,
    "How long the oldest request may wait for a batch to fill up",
)
.default("\"0s\"", "as Triton's max_queue_delay_microseconds");

static MAX_BATCH_SIZE: Setting = Setting::new("max_batch_size", REQUESTS, "The most requests in a batch")
    .unit("requests")
    .default("32", OURS);

static RESPONSE: Setting = Setting::new(
    "response",
    Kind::Choice(&[
        Word {
            name: "row_end",
            help: "Streamed: the tokens of a request as they come",
        },
        Word {
            name: "batch_end",
            help: "As a whole when the last request of the batch has finished",
        },
    ]),
    "When clients get their tokens",
)
.default("\"row_end\"", OURS);

static RESERVE: Setting = Setting::new(
    "reserve",
    Kind::Choice(&[
        Word {
            name: "batch",
            help: "The batch's longest prompt plus its largest max_tokens",
        },
        Word {
            name: "max_model_len",
            help: "The model's maximum length",
        },
    ]),
    "How much KV memory each request of a batch reserves",
)
.default("\"batch\"", OURS);

impl Rules for StaticSettings {
    const NAME: &'static str = "static";
    const TITLE: &'static str = "static batching";
    const ENGINE: &'static str = "plain generate()";
    const SUMMARY: &'static str =
        "batches that run from start to end with the same members, prompts padded to the longest";
    const SETTINGS: &'static [&'static Setting] = &[&MAX_WAIT, &MAX_BATCH_SIZE, &RESPONSE, &RESERVE];
    // They have always been part of what a scenario's hash stands for.
    const IS_ALWAYS_READ: bool = true;

    fn read<W: Written>(written: &W, _host: &Host<'_>) -> Result<Self, W::Error> {
        let (_, why) = MAX_WAIT.declared_default();
        let max_batch_size = written.declared_count(&MAX_BATCH_SIZE)?;
        let settings = Self {
            max_batch_size,
            max_wait: written.duration(&MAX_WAIT, Span::ZERO, why)?,
            response: written.declared_choice(&RESPONSE, &[Response::RowEnd, Response::BatchEnd])?,
            reserve: written.declared_choice(&RESERVE, &[Reserve::Batch, Reserve::MaxModelLen])?,
        };
        if settings.max_wait.seconds() > LONGEST_WAIT_S {
            let message = "`batching.max_wait` is longer than 10 days";
            return Err(Refused::new(&[&MAX_WAIT], message)
                .help("write a shorter one, such as max_wait = \"10s\"")
                .into());
        }
        Ok(settings)
    }

    fn policy(&self, _memory: Memory) -> Option<Box<dyn Policy>> {
        Some(Box::new(StaticBatching::new(self.clone())))
    }

    fn limits(&self) -> Limits {
        Limits {
            batch_at_a_time: true,
            ..Limits::new(self.max_batch_size, u64::MAX)
        }
    }

    fn remedies(&self) -> Vec<Change> {
        let twice = self.max_batch_size.saturating_mul(2);
        vec![
            Change::to_continuous(),
            Change::count("static batches of twice as many", &MAX_BATCH_SIZE, twice),
        ]
    }
}

/// Runs one batch after the other.
pub struct StaticBatching {
    settings: StaticSettings,
    batch: Batch,
}

/// What all rows of a batch have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Requests in it, finished ones included.
    pub rows: u32,
    /// The length all prompts are padded to.
    pub longest_prompt: u32,
    /// Blocks reserved for each row.
    pub blocks_per_row: u32,
}

/// What forming a batch comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formation {
    /// Nobody waits, so there is no batch to form.
    Nobody,
    /// It may still fill up until then.
    WaitUntil(Time),
    /// It starts now.
    Start(Batch),
}

impl StaticBatching {
    /// A server without a batch.
    pub fn new(settings: StaticSettings) -> Self {
        Self {
            settings,
            batch: Batch::default(),
        }
    }
}

impl Policy for StaticBatching {
    fn plan(&mut self, queue: &mut dyn Queue, now: Time) -> Result<Decision, OrderMatters> {
        let queue = queue.one_by_one()?;
        let mut plan = StepPlan {
            respond_together: self.settings.response == Response::BatchEnd,
            ..StepPlan::default()
        };
        if queue.running.is_empty() {
            let waiting = queue.waiting.iter().map(|live| &live.request);
            let formation = self.settings.form(waiting, now, &queue.memory);
            self.batch = match formation {
                Formation::Nobody => return Ok(Decision::Idle),
                Formation::WaitUntil(time) => return Ok(Decision::WaitUntil(time)),
                Formation::Start(batch) => batch,
            };
            for _ in 0..self.batch.rows {
                queue.admit_head(now);
            }
            for live in &queue.running {
                plan.schedule(live, ScheduledAs::New, live.num_tokens());
            }
            plan.shape = self.batch.prefill();
        } else {
            let unfinished = queue.running.iter().filter(|live| !live.is_complete());
            let mut step = 0;
            for live in unfinished {
                plan.schedule(live, ScheduledAs::Running, 1);
                step = live.generated;
            }
            plan.shape = self.batch.decode(step);
        }
        plan.used_blocks = self.batch.blocks();
        Ok(Decision::Step(plan))
    }

    fn used_blocks(&self, queue: &dyn Queue) -> u32 {
        if queue.running() == 0 { 0 } else { self.batch.blocks() }
    }

    fn can_abort_running(&self) -> bool {
        false // The rows of a batch are one tensor: it runs to its end, whoever still waits for it.
    }

    fn can_ever_serve(&self, request: &Request, memory: &Memory) -> bool {
        let row = self
            .settings
            .blocks_per_row(request.prompt.tokens(), request.most_answer_tokens(), memory);
        row <= memory.usable_blocks
    }
}

impl StaticSettings {
    /// Forms a batch from those that wait, in their order: as many as are allowed and fit into memory.
    pub fn form<'a>(&self, waiting: impl Iterator<Item = &'a Request>, now: Time, memory: &Memory) -> Formation {
        let mut batch = Batch::default();
        let mut oldest = None;
        let mut largest_max_tokens = 0;
        for request in waiting.take(self.max_batch_size as usize) {
            oldest.get_or_insert(request.arrival);
            let longest_prompt = batch.longest_prompt.max(request.prompt.tokens());
            largest_max_tokens = largest_max_tokens.max(request.most_answer_tokens());
            let blocks_per_row = self.blocks_per_row(longest_prompt, largest_max_tokens, memory);
            let larger = Batch {
                rows: batch.rows + 1,
                longest_prompt,
                blocks_per_row,
            };
            if u64::from(larger.rows) * u64::from(blocks_per_row) > u64::from(memory.usable_blocks) {
                // Whoever comes later would only make it larger still: it cannot fill up further.
                return Formation::Start(batch);
            }
            batch = larger;
        }
        let Some(oldest) = oldest else {
            return Formation::Nobody;
        };
        let deadline = oldest + self.max_wait;
        if batch.rows < self.max_batch_size && now < deadline {
            return Formation::WaitUntil(deadline);
        }
        Formation::Start(batch)
    }

    /// Blocks that a row reserves in a batch with this longest prompt and largest `max_tokens`.
    pub fn blocks_per_row(&self, prompt: u32, max_tokens: u32, memory: &Memory) -> u32 {
        let tokens = match self.reserve {
            Reserve::Batch => prompt.saturating_add(max_tokens),
            Reserve::MaxModelLen => memory.max_model_len,
        };
        memory.blocks_for(tokens)
    }
}

impl Batch {
    /// Blocks of all rows.
    pub const fn blocks(&self) -> u32 {
        self.rows * self.blocks_per_row
    }

    /// The step that computes all prompts, padded to the longest.
    pub fn prefill(&self) -> StepShape {
        let mut shape = StepShape::default();
        for _ in 0..self.rows {
            shape.add(0, self.longest_prompt, self.longest_prompt);
        }
        shape
    }

    /// The decode step that follows when each row has `generated` tokens: contexts grow from the longest prompt.
    pub const fn decode(&self, generated: u32) -> StepShape {
        let rows = self.rows as u64;
        StepShape {
            decoding: self.rows,
            context: rows * (self.longest_prompt as u64 + generated as u64),
            prefill: 0,
            prefill_context: 0,
            prefill_attention: 0,
            sequences: self.rows,
            sampling: self.rows,
            verifying: 0,
        }
    }
}
