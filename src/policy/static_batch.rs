//! Static (request-level) batching, as in front of a plain `generate()` call or Triton's dynamic batcher: a batch is
//! formed when the server is free, its prompts are padded to the longest, and it runs until its longest output ends.
//! Finished rows still take part in every step and keep their memory; nobody joins on the way.
//!
//! Not modelled: Triton's preferred batch sizes, its queue limits and priorities.

use super::queue::{Decision, Kind, Memory, Queue, StepPlan};
use super::{Policy, Reserve, Response, StaticSettings};
use crate::step_time::StepShape;
use crate::units::Time;
use crate::workload::Request;

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
    /// Nobody waits.
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
    fn plan(&mut self, queue: &mut Queue, now: Time) -> Decision {
        let mut plan = StepPlan {
            respond_together: self.settings.response == Response::BatchEnd,
            ..StepPlan::default()
        };
        if queue.running.is_empty() {
            let waiting = queue.waiting.iter().map(|live| &live.request);
            let formation = self.settings.form(waiting, now, &queue.memory);
            self.batch = match formation {
                Formation::Nobody => return Decision::Idle,
                Formation::WaitUntil(time) => return Decision::WaitUntil(time),
                Formation::Start(batch) => batch,
            };
            for _ in 0..self.batch.rows {
                queue.admit(now);
            }
            for live in &queue.running {
                plan.schedule(live, Kind::New, live.num_tokens());
            }
            plan.shape = self.batch.prefill();
        } else {
            let unfinished = queue.running.iter().filter(|live| !live.is_complete());
            let mut step = 0;
            for live in unfinished {
                plan.schedule(live, Kind::Running, 1);
                step = live.generated;
            }
            plan.shape = self.batch.decode(step);
        }
        plan.used_blocks = self.batch.blocks();
        Decision::Step(plan)
    }

    fn can_abort_running(&self) -> bool {
        false // The rows of a batch are one tensor: it runs to its end, whoever still waits for it.
    }

    fn can_ever_serve(&self, request: &Request, queue: &Queue) -> bool {
        let row = self
            .settings
            .blocks_per_row(request.prompt.tokens(), request.max_tokens, &queue.memory);
        row <= queue.memory.usable_blocks
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
            largest_max_tokens = largest_max_tokens.max(request.max_tokens);
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
