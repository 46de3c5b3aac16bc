//! The plain queues that a policy plans over. Nothing is kept that can be counted again: free blocks, sums and totals
//! are recounted at every step, so that this state cannot drift.

use std::collections::VecDeque;

use super::live::{Live, Memory};
use super::step_plan::{Produced, ScheduledAs, StepOutcome, StepPlan};
use crate::units::Time;
use crate::workload::RequestId;

/// Requests waiting and running, and the blocks they hold.
#[derive(Clone, Debug)]
pub struct PlainQueue {
    /// Those that wait, next first.
    pub waiting: VecDeque<Live>,
    /// Those that run, in the order of admission.
    pub running: Vec<Live>,
    /// The memory that is handed out.
    pub memory: Memory,
}

impl PlainQueue {
    /// Queues without any request, over `memory`.
    pub const fn new(memory: Memory) -> Self {
        Self {
            waiting: VecDeque::new(),
            running: Vec::new(),
            memory,
        }
    }

    /// Blocks held by running requests.
    pub fn used_blocks(&self) -> u32 {
        self.running.iter().map(|live| live.blocks).sum()
    }

    /// Blocks nobody holds.
    pub fn free_blocks(&self) -> u32 {
        self.memory.usable_blocks - self.used_blocks()
    }

    /// Notes how many slots of the used blocks hold no token while the step runs, those that it computes counted as
    /// tokens.
    pub fn note_empty_slots(&self, plan: &mut StepPlan) {
        let computed = self.running.iter().map(|live| u64::from(live.computed));
        let scheduled = plan.scheduled.iter().map(|part| u64::from(part.tokens));
        let filled: u64 = computed.chain(scheduled).sum();
        plan.empty_slots = u64::from(plan.used_blocks) * u64::from(self.memory.block_tokens) - filled;
    }

    /// Gives running request `index` the blocks for `tokens` more tokens; false if there are too few.
    pub fn allocate(&mut self, index: usize, tokens: u32) -> bool {
        let live = &self.running[index];
        let needed = self.memory.blocks_for(live.computed + tokens);
        if needed.saturating_sub(live.blocks) > self.free_blocks() {
            return false;
        }
        let live = &mut self.running[index];
        live.blocks = live.blocks.max(needed);
        true
    }

    /// Gives running request `index` the blocks for all the tokens it has, and says how many it took; they must be
    /// free.
    pub fn allocate_next(&mut self, index: usize) -> u32 {
        let live = &mut self.running[index];
        let needed = self.memory.blocks_for(live.num_tokens());
        let taken = needed.saturating_sub(live.blocks);
        live.blocks += taken;
        taken
    }

    /// Takes running request `index` out, without its blocks: it has to compute all its tokens again. The policy puts
    /// it back into the queue.
    pub fn release(&mut self, index: usize) -> Live {
        let mut live = self.running.remove(index);
        live.recomputed += u64::from(live.computed);
        live.computed = 0;
        live.blocks = 0;
        live.preemptions += 1;
        live.is_preempted = true;
        live.released_with = live.generated;
        live
    }

    /// Takes all blocks from running request `index` and puts it at the head of the queue.
    pub fn preempt(&mut self, index: usize) -> RequestId {
        let live = self.release(index);
        let id = live.request.id;
        self.waiting.push_front(live);
        id
    }

    /// Moves the head of the queue to the end of the running requests and says whether it is new.
    pub fn admit_head(&mut self, now: Time) -> ScheduledAs {
        let mut live = self.waiting.pop_front().expect("a request waits");
        live.scheduled.get_or_insert(now);
        live.is_preempted = false;
        let kind = ScheduledAs::admitted(&live);
        self.running.push(live);
        kind
    }

    /// The step has ended: what it has brought.
    pub fn complete(&mut self, plan: &StepPlan, end: Time) -> StepOutcome {
        let produced = self.compute(plan, end);
        StepOutcome {
            finished: self.take_complete(plan.respond_together),
            // Tokens of a response that is sent as a whole stay with the server until the batch has ended.
            produced: if plan.respond_together { Vec::new() } else { produced },
        }
    }

    /// The step has ended: its requests have computed their tokens, and those that have caught up with all they have
    /// produce one more.
    fn compute(&mut self, plan: &StepPlan, end: Time) -> Vec<Produced> {
        let mut produced = Vec::with_capacity(plan.scheduled.len());
        let running = self.running.len() as u32;
        for part in &plan.scheduled {
            let live = self
                .running
                .iter_mut()
                .find(|live| live.request.id == part.id)
                .expect("a scheduled request runs");
            live.computed += part.tokens;
            if live.computed == live.num_tokens() {
                live.generated += 1;
                if !live.request.is_prompt_only {
                    produced.push(Produced {
                        id: part.id,
                        previous: live.last_token,
                        more: 0,
                    });
                }
                if !plan.respond_together {
                    live.note_token(end, running);
                }
            }
        }
        produced
    }

    /// Takes out the requests that have all their tokens, in order; if they `respond_together`, only once all have.
    fn take_complete(&mut self, respond_together: bool) -> Vec<Live> {
        if respond_together && !self.running.iter().all(Live::is_complete) {
            return Vec::new();
        }
        self.running.extract_if(.., |live| live.is_complete()).collect()
    }
}
