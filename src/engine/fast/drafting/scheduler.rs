//! The queues, and the blocks by their number.

use super::decided::DecidedStep;
use crate::engine::engine_trait::ServerLoad;
use crate::engine::fast::holding::Holding;
use crate::engine::fast::in_flight::InFlight;
use crate::engine::fast::queue::WaitingQueue;
use crate::engine::fast::scheduler::{Moment, NextSteps, Scheduler, Steps};
use crate::engine::fast::seats::{Seat, Seats};
use crate::engine::observer::{Event, Observer};
use crate::policy::vllm::RequestStanding;
use crate::policy::{ContinuousSettings, Memory, Speculative};
use crate::step_time::StepShape;
use crate::workload::{Request, RequestId};

/// What drafting adds to a request inside the server.
#[derive(Clone, Copy, Default)]
pub(super) struct DraftProgress {
    /// Tokens that steps in flight are going to sample, drafts that may be accepted included.
    pub placeholders: u32,
    /// Draft tokens to verify in its next step.
    pub drafts: u32,
    /// Tokens that steps in flight compute.
    pub in_flight: u32,
    /// Its first tokens whose blocks have been offered to the cache.
    pub named: u32,
    /// How often drafts were proposed for it, and verified.
    pub proposals: usize,
    pub verifications: usize,
    /// Whether the latest step it took part in left tokens of it to compute.
    pub is_prefilling: bool,
    /// Whether it runs.
    pub runs: bool,
}

/// Continuous batching beside drafts.
pub(in crate::engine) struct FastDrafting {
    pub(super) rules: ContinuousSettings,
    pub(super) speculative: Speculative,
    pub(super) memory: Memory,
    pub(super) seats: Seats,
    /// By seat.
    pub(super) drafters: Vec<DraftProgress>,
    pub(super) waiting: WaitingQueue,
    /// In the order of admission.
    pub(super) running: Vec<Seat>,
    pub(super) decided: InFlight<DecidedStep>,
    pub(super) free_blocks: u32,
    /// Slots of the used blocks without a token, those that the decided steps compute counted as tokens.
    pub(super) empty: u64,
}

impl FastDrafting {
    /// An empty server, of these drafts.
    pub(in crate::engine) fn new(rules: &ContinuousSettings, speculative: &Speculative, memory: Memory) -> Self {
        Self {
            speculative: speculative.clone(),
            rules: rules.clone(),
            seats: Seats::default(),
            drafters: Vec::new(),
            waiting: WaitingQueue::default(),
            running: Vec::new(),
            decided: InFlight::default(),
            free_blocks: memory.usable_blocks,
            memory,
            empty: 0,
        }
    }

    pub(super) fn standing(&self, seat: Seat) -> RequestStanding {
        let (live, drafter) = (&self.seats[seat].live, &self.drafters[seat as usize]);
        RequestStanding {
            computed: live.computed,
            all: live.num_tokens(),
            placeholders: drafter.placeholders,
            drafts: drafter.drafts,
            end: live.request.prompt.tokens() + live.request.max_tokens,
            is_prompt_only: live.request.is_prompt_only,
        }
    }

    pub(super) const fn used_blocks(&self) -> u32 {
        self.memory.usable_blocks - self.free_blocks
    }

    /// Offers the blocks that are full within a running request's first `tokens` tokens to the cache. Nobody asks for
    /// them before it has been preempted, so that only their number matters.
    pub(super) fn name_blocks(&mut self, seat: Seat, tokens: u32) {
        if self.rules.prefix_caching {
            let all = self.seats[seat].live.num_tokens();
            let known = tokens.min(all.saturating_sub(self.speculative.key_lookahead));
            let drafter = &mut self.drafters[seat as usize];
            drafter.named = drafter.named.max(known - known % self.memory.block_tokens);
        }
    }

    /// Takes all blocks from a request that has run, and lets it go.
    pub(super) fn release(&mut self, seat: Seat) {
        let live = &self.seats[seat].live;
        let slots = u64::from(live.blocks) * u64::from(self.memory.block_tokens);
        self.empty -= slots - u64::from(live.computed);
        self.free_blocks += live.blocks;
        self.drafters[seat as usize].runs = false;
    }
}

impl Scheduler for FastDrafting {
    fn can_ever_serve(&self, _request: &Request) -> bool {
        true // The memory holds one request of the maximum length.
    }

    fn submit(&mut self, request: Request) {
        let seat = self.seats.insert(request, Holding::default());
        if seat as usize == self.drafters.len() {
            self.drafters.push(DraftProgress::default());
        } else {
            self.drafters[seat as usize] = DraftProgress::default();
        }
        if self.rules.priority {
            self.waiting.insert_by_rank(&self.seats, seat);
        } else {
            self.waiting.push_back(&self.seats, seat);
        }
    }

    fn abort(&mut self, id: RequestId, at: Moment, observer: &mut (impl Observer + ?Sized)) {
        let is_it = |seat: Seat| self.seats[seat].live.request.id == id;
        let place = self.waiting.position(is_it);
        let seat = if let Some(place) = place {
            self.waiting.remove(&self.seats, place).expect("it waits")
        } else if let Some(place) = self.running.iter().position(|&seat| is_it(seat)) {
            let seat = self.running.remove(place);
            self.release(seat);
            seat
        } else {
            return;
        };
        let waiting = place.is_some();
        observer.on(at.now, id, &Event::Aborted { waiting });
        self.seats.release(seat);
    }

    fn decide(&mut self, at: Moment, shape: &mut StepShape, observer: &mut (impl Observer + ?Sized)) -> NextSteps {
        *shape = StepShape::default();
        let mut parts = std::mem::take(&mut self.decided.next().parts);
        parts.clear();
        let next = self.decide_step(&mut parts, at.now, shape, observer);
        let (used_blocks, empty) = (self.used_blocks(), self.empty);
        *self.decided.next() = DecidedStep {
            parts,
            used_blocks,
            empty,
        };
        next
    }

    fn in_server(&self) -> usize {
        self.seats.in_use()
    }

    fn load(&self, _under_way: bool) -> ServerLoad {
        let running = self.running.len() as u32;
        ServerLoad::new(&self.memory, self.waiting.together(), running, self.used_blocks())
    }

    fn commit(&mut self, steps: u64) {
        assert_eq!(steps, 1, "each step is decided by itself");
        self.decided.push();
    }

    fn complete(&mut self, steps: &Steps, observer: &mut (impl Observer + ?Sized)) -> bool {
        let mut parts = std::mem::take(&mut self.decided.front_mut().expect("it was decided").parts);
        parts.retain(|part| self.is_here(part));
        self.report(&parts, steps, observer);
        self.decided.pop();
        let finished = self.hand_out(&parts, steps, observer);
        self.decided.next().parts = parts;
        finished
    }
}
