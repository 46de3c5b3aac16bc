//! The scheduler's state, and one turn of its loop (`policy/sglang/scheduler.rs`).

use std::collections::VecDeque;

use super::launched::Launched;
use super::members::Members;
use super::running::SglangRunning;
use crate::engine::engine_trait::ServerLoad;
use crate::engine::fast::in_flight::InFlight;
use crate::engine::fast::scheduler::{Moment, NextSteps, Scheduler, Steps};
use crate::engine::fast::seats::Seat;
use crate::engine::observer::{Event, Observer};
use crate::policy::sglang::{LengthLimits, QueueOrder, SglangMember, TokenSlots};
use crate::policy::{Live, Memory, SglangSettings, Waiting};
use crate::step_time::StepShape;
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// Measured as the peak of a million requests that arrive at once: 470.
const BYTES_A_REQUEST: u64 = 500;

/// SGLang's scheduler over counted decodes.
pub(in crate::engine) struct FastSglang {
    pub(super) settings: SglangSettings,
    pub(super) memory: Memory,
    pub(super) limits: LengthLimits,
    pub(super) slots: TokenSlots,
    pub(super) order: QueueOrder,
    pub(super) members: Members,
    /// Next first.
    pub(super) waiting: VecDeque<Seat>,
    /// Those of them whose clients are still there.
    pub(super) waiting_told: Waiting,
    pub(super) running: SglangRunning,
    /// The prompt under way, which is not among the running ones.
    pub(super) chunked: Option<Seat>,
    pub(super) last_prefill: LastPrefill,
    pub(super) in_flight: InFlight<Launched>,
    pub(super) ratio: NewTokenRatio,
    /// Rows of the table of slots that nobody holds.
    pub(super) free_rows: u32,
    /// Requests that ever joined the queue.
    entries: u64,
    /// Requests whose clients are still there.
    pub(super) told: u32,
    /// Whether a running request has finished since the latest turn.
    pub(super) some_finished: bool,
    /// Whether the latest turn decided decode steps.
    pub(super) follows_decode: bool,
    /// Whether the latest turn retracted requests.
    pub(super) has_retracted: bool,
    /// What a step has brought; empty between steps, their memory is used again.
    pub(super) told_tokens: Vec<(RequestId, Option<Time>)>,
    pub(super) finished: Vec<Live>,
}

/// The step that the latest turn decided, if it holds prompts.
#[derive(Default)]
pub(super) struct LastPrefill {
    /// Whose prompts.
    pub rows: Vec<(Seat, RequestId)>,
    /// Whether decodes have joined it.
    pub is_mixed: bool,
}

/// Which part of what running requests may produce is expected.
#[derive(Clone, Copy)]
pub(super) struct NewTokenRatio {
    /// As it was so many decode steps ago.
    then: f64,
    steps: u64,
}

impl NewTokenRatio {
    pub(super) const fn new(ratio: f64) -> Self {
        Self { then: ratio, steps: 0 }
    }

    /// So many more decode steps have passed.
    pub(super) const fn pass(&mut self, steps: u64) {
        self.steps += steps;
    }

    /// As it is now.
    pub(super) fn now(&mut self, settings: &SglangSettings) -> f64 {
        for _ in 0..std::mem::take(&mut self.steps) {
            let next = settings.decayed(self.then);
            if next.total_cmp(&self.then).is_eq() {
                break; // It falls no further.
            }
            self.then = next;
        }
        self.then
    }
}

impl FastSglang {
    /// An empty server.
    pub(in crate::engine) fn new(settings: SglangSettings, memory: Memory) -> Self {
        Self {
            limits: LengthLimits::new(&settings, &memory),
            slots: TokenSlots::new(&settings, &memory),
            order: QueueOrder::new(settings.schedule_policy, settings.priorities),
            members: Members::default(),
            waiting: VecDeque::new(),
            waiting_told: Waiting::default(),
            running: SglangRunning::new(settings.page_size),
            chunked: None,
            last_prefill: LastPrefill::default(),
            in_flight: InFlight::default(),
            ratio: NewTokenRatio::new(settings.init_ratio()),
            free_rows: settings.max_running_requests,
            entries: 0,
            told: 0,
            some_finished: false,
            follows_decode: false,
            has_retracted: false,
            told_tokens: Vec::new(),
            finished: Vec::new(),
            memory,
            settings,
        }
    }

    /// Puts a request at the end of the queue.
    pub(super) fn enqueue(&mut self, seat: Seat) {
        self.entries += 1;
        let inside = &mut self.members[seat];
        inside.member.entry = self.entries;
        if let Some(live) = &inside.live {
            self.waiting_told.requests += 1;
            self.waiting_told.prompt_tokens += u64::from(live.request.prompt.tokens());
        }
        self.waiting.push_back(seat);
    }

    /// A request does not wait any more.
    pub(super) fn count_out(&mut self, seat: Seat) {
        if let Some(live) = &self.members[seat].live {
            self.waiting_told.requests -= 1;
            self.waiting_told.prompt_tokens -= u64::from(live.request.prompt.tokens());
        }
    }

    /// Takes everything from a request but what the tree holds of it.
    pub(super) fn release(&mut self, seat: Seat) {
        let inside = &mut self.members[seat];
        inside.awaits_prompt = false;
        let member = &mut inside.member;
        self.slots.release(member);
        member.evictions += 1;
        if std::mem::take(&mut member.has_row) {
            self.free_rows += 1;
        }
    }

    /// Blocks for so many slots in use.
    pub(super) const fn blocks(&self, used_slots: u64) -> u32 {
        used_slots.div_ceil(self.memory.block_tokens as u64) as u32
    }

    /// A prompt under way whose client has given up leaves without entering the tree any further.
    fn let_go_of_chunked(&mut self) {
        let members = &self.members;
        if let Some(seat) = self.chunked.take_if(|seat| members[*seat].member.is_aborted) {
            self.release(seat);
            self.members.remove(seat);
        }
    }

    /// What the prompt under way has computed enters the tree.
    fn keep_chunk(&mut self) {
        if let Some(seat) = self.chunked {
            let member = &mut self.members[seat].member;
            let end = member.end;
            self.slots.insert(member, end);
            member.prefix = end;
        }
    }

    /// Those whose prompts the step before has computed go on from token to token.
    fn join_last_prefill(&mut self) {
        let last = &mut self.last_prefill;
        if last.rows.is_empty() {
            return;
        }
        let was_empty = self.running.all.is_empty();
        let before = last.rows.len();
        let (chunked, members) = (self.chunked, &self.members);
        last.rows
            .retain(|&(seat, id)| Some(seat) != chunked && members.has(seat, id));
        let mixed = std::mem::take(&mut last.is_mixed);
        if last.rows.len() < before || was_empty || mixed {
            self.running.is_full = false;
        }
        let newcomers = last.rows.iter().map(|&(seat, _)| seat);
        // Decodes that have joined a step with prompts stand behind them from then on.
        self.running.join(members, newcomers, !mixed);
        last.rows.clear();
    }

    /// The decode step that was decided is the first of so many.
    fn commit_decodes(&mut self, steps: u64) {
        let page = u64::from(self.settings.page_size);
        let running = self.running.cycle.count;
        let launched = self.in_flight.next();
        let first = page * u64::from(self.running.cycle.due_now());
        let mut taken = first;
        if steps > 1 {
            let cycle = &self.running.cycle;
            let mut step = self.running.clock();
            let slots_of_next = || {
                step += 1;
                page * u64::from(cycle.due[(step % page) as usize])
            };
            let used = self.slots.used() + first;
            launched.repeat(steps, running, used, self.memory.block_tokens, slots_of_next);
            taken += page * cycle.due_within(steps - 1);
        }
        // Each step makes room for a page each, even if it is not needed.
        let last = page * u64::from(self.running.cycle.due_at(steps - 1));
        self.slots.evict_until_free(taken - last + page * u64::from(running));
        self.slots.take(taken, steps * u64::from(running));
        if !std::mem::take(&mut self.has_retracted) {
            self.ratio.pass(steps);
        }
        self.running.advance(steps);
    }
}

impl Scheduler for FastSglang {
    fn can_ever_serve(&self, request: &Request) -> bool {
        let member = self.limits.member(request.clone(), &self.settings);
        !member.is_aborted && self.limits.comes_in(&member, &self.settings)
    }

    fn submit(&mut self, request: Request) {
        let member = self.limits.member(request, &self.settings);
        let seat = self.members.insert(member);
        self.told += 1;
        self.enqueue(seat);
    }

    /// A running request keeps its place up to its next token, though its client has left.
    fn abort(&mut self, id: RequestId, at: Moment, observer: &mut (impl Observer + ?Sized)) {
        let waiting = self.waiting.iter().position(|&seat| self.members.is_told(seat, id));
        let Some(seat) = waiting
            .map(|place| self.waiting[place])
            .or_else(|| self.members.find(id))
        else {
            return;
        };
        self.told -= 1;
        if let Some(place) = waiting {
            self.waiting.remove(place);
            self.count_out(seat);
            self.members.remove(seat);
        } else {
            self.forget_tokens_in_flight(seat);
            let inside = &mut self.members[seat];
            inside.live = None;
            inside.member.is_aborted = true;
            let awaits_prompt = inside.awaits_prompt;
            if self.running.has(seat) {
                self.running.abandon(seat, awaits_prompt);
            }
        }
        let waiting = waiting.is_some();
        observer.on(at.now, id, &Event::Aborted { waiting });
    }

    fn decide(&mut self, at: Moment, shape: &mut StepShape, observer: &mut (impl Observer + ?Sized)) -> NextSteps {
        self.let_go_of_chunked();
        self.keep_chunk();
        self.join_last_prefill();
        if std::mem::take(&mut self.some_finished) {
            self.running.is_full = false;
        }
        self.in_flight.next().begin();
        let (comes_in, preempted) = self.prefill(at.now, shape, observer);
        if comes_in {
            self.follows_decode = false;
            return NextSteps::Run(1);
        }
        let steps = self.decode(at.now, shape, observer);
        self.follows_decode = steps.is_some();
        if let Some(steps) = steps {
            return NextSteps::Run(steps);
        }
        if self.members.len() == 0 && self.in_flight.is_empty() {
            self.ratio = NewTokenRatio::new(self.settings.init_ratio());
        }
        if preempted { NextSteps::Again } else { NextSteps::Idle }
    }

    fn commit(&mut self, steps: u64) {
        if self.in_flight.next().prompts.is_empty() {
            self.commit_decodes(steps);
        }
        self.in_flight.push();
    }

    fn in_server(&self) -> usize {
        self.told as usize
    }

    fn bytes_a_request(&self) -> u64 {
        BYTES_A_REQUEST
    }

    fn load(&self, _under_way: bool) -> ServerLoad {
        let running = self.told - self.waiting_told.requests;
        let used_blocks = self.blocks(self.slots.used());
        ServerLoad::new(&self.memory, self.waiting_told, running, used_blocks)
    }

    fn cached_tokens(&self, request: &Request) -> u32 {
        let member = SglangMember::new(request.clone(), 0);
        self.slots.held(&member, member.num_tokens() - 1)
    }

    fn complete(&mut self, steps: &Steps, observer: &mut (impl Observer + ?Sized)) -> bool {
        if self
            .in_flight
            .front()
            .is_some_and(|launched| launched.prompts.is_empty())
        {
            self.end_decodes(steps, observer)
        } else {
            self.end_prompts(steps, observer)
        }
    }
}
