//! A server's queues with those who decode kept as counts, for policies that plan by counts.

use std::collections::VecDeque;

use crate::engine::fast::decoders::Decoders;
use crate::engine::fast::holding::Holding;
use crate::engine::fast::running::Running;
use crate::engine::fast::seats::{Part, Seat, Seats};
use crate::policy::{Live, Memory, OrderMatters, PlainQueue, Queue, StepPlan, UnderWay, Waiting};
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// The requests of a server. Who decodes is one of many alike; all others have their place.
pub(super) struct QueueOfCounts {
    pub(super) memory: Memory,
    /// Whether blocks are handed out at admission only.
    reserves: bool,
    pub(super) waiting: VecDeque<Live>,
    /// Prompt tokens of those who wait.
    waiting_tokens: u64,
    pub(super) seats: Seats,
    pub(super) running: Running,
    pub(super) decoders: Decoders,
    /// Running requests with tokens still to compute before they decode, in the order of admission.
    pub(super) prefilling: Vec<Seat>,
    /// Those that compute in the step that is being decided apart from the decoders, in order, and how many tokens.
    pub(super) chunks: Vec<(Seat, u32)>,
    /// Those of them that have come in with this step.
    pub(super) admitted: Vec<Seat>,
    /// Whether the decoders compute in it.
    pub(super) decodes: bool,
    used_blocks: u32,
    /// Tokens that are computed, with those of the step in flight.
    pub(super) filled: u64,
    most_tokens: u64,
    most_blocks: u64,
    /// When the decoders got their latest tokens, all but those that have joined since.
    pub(super) latest_tokens: Time,
    /// Decoders whose latest token came at another time, as they have joined since; in the order of admission.
    newcomers: Vec<Seat>,
}

impl QueueOfCounts {
    pub(super) fn new(memory: Memory, reserves: bool) -> Self {
        Self {
            reserves,
            waiting: VecDeque::new(),
            waiting_tokens: 0,
            seats: Seats::default(),
            running: Running::default(),
            decoders: Decoders::new(memory.block_tokens),
            prefilling: Vec::new(),
            chunks: Vec::new(),
            admitted: Vec::new(),
            decodes: false,
            used_blocks: 0,
            filled: 0,
            most_tokens: 0,
            most_blocks: 0,
            latest_tokens: Time::ZERO,
            newcomers: Vec::new(),
            memory,
        }
    }

    pub(super) fn submit(&mut self, request: Request) {
        self.waiting_tokens += u64::from(request.prompt.tokens());
        self.waiting.push_back(Live::new(request));
    }

    pub(super) fn in_server(&self) -> usize {
        self.waiting.len() + self.seats.in_use()
    }

    pub(super) fn together(&self) -> Waiting {
        Waiting {
            requests: self.waiting.len() as u32,
            prompt_tokens: self.waiting_tokens,
        }
    }

    /// Nobody has been scheduled yet.
    pub(super) fn begin_step(&mut self) {
        self.chunks.clear();
        self.admitted.clear();
        self.decodes = false;
    }

    /// How many steps there are in which these decode and nobody finishes, with so many blocks to spare in each.
    pub(super) fn steps_alike(&mut self, spare_blocks: u32) -> u64 {
        let finish = self.decoders.steps_to_finish(&self.seats);
        if self.reserves {
            return finish;
        }
        let free = self.free_blocks().saturating_sub(spare_blocks);
        self.decoders.steps_before_shortage(free, finish)
    }

    /// Blocks that decoders take in the course of so many steps after the next.
    pub(super) fn take_ahead(&mut self, steps: u64) {
        if !self.reserves {
            self.used_blocks += self.decoders.due_after_next(steps);
        }
    }

    /// Whether every decoder got its latest token at `time`.
    pub(super) fn are_abreast(&self, time: Time) -> bool {
        let longer = self.decoders.count() as usize - self.newcomers.len();
        let mut newcomers = self.newcomers.iter();
        (longer == 0 || self.latest_tokens == time)
            && newcomers.all(|&seat| self.seats[seat].live.last_token == Some(time))
    }

    /// All decoders in the order of admission, and when each got its latest token.
    pub(super) fn latest_tokens_by_one(&mut self) -> impl Iterator<Item = (&Live, Time)> {
        let (seats, latest) = (&self.seats, self.latest_tokens);
        let mut newcomers = self.newcomers.iter().peekable();
        let running = self.running.sweep(seats).iter();
        let decoding = running.filter(|&&(_, seat)| seats[seat].part == Part::Decodes);
        decoding.map(move |&(_, seat)| {
            let live = &seats[seat].live;
            let own = newcomers.next_if_eq(&&seat).and(live.last_token);
            (live, own.unwrap_or(latest))
        })
    }

    /// All decoders have got a token at `time`.
    pub(super) fn note_tokens(&mut self, time: Time) {
        self.latest_tokens = time;
        self.newcomers.clear();
    }

    /// A running request decodes from now on, or has all its tokens.
    pub(super) fn has_caught_up(&mut self, seat: Seat) {
        self.prefilling.retain(|&other| other != seat);
        if !self.seats[seat].live.is_complete() {
            self.join(seat);
        }
    }

    fn join(&mut self, seat: Seat) {
        let clock = self.decoders.clock();
        self.decoders.join(&mut self.seats, seat);
        let active = &mut self.seats[seat];
        active.part = Part::Decodes;
        active.sampled = clock;
        if active.live.last_token != Some(self.latest_tokens) {
            let order = active.order;
            let place = self.newcomers.partition_point(|&other| self.seats[other].order < order);
            self.newcomers.insert(place, seat);
        }
    }

    pub(super) fn leave_decoders(&mut self, seat: Seat) {
        let held = self.seats[seat].live.blocks;
        self.decoders.leave(&mut self.seats, seat);
        self.newcomers.retain(|&other| other != seat);
        let clock = self.decoders.clock();
        let active = &mut self.seats[seat];
        active.part = Part::Ends;
        if active.sampled < clock {
            active.live.last_token = Some(self.latest_tokens);
        }
        if self.reserves {
            active.live.blocks = held;
        }
    }

    /// A request that is no decoder leaves; what is in its seat may be read until somebody comes in.
    pub(super) fn remove(&mut self, seat: Seat) {
        self.running.remove(&mut self.seats, seat);
        let live = &self.seats[seat].live;
        let most = live.most_tokens();
        self.used_blocks -= live.blocks;
        self.filled -= u64::from(live.computed);
        self.most_tokens -= u64::from(most);
        self.most_blocks -= u64::from(self.memory.blocks_for(most));
        self.seats.release(seat);
    }

    /// A client has given up. Says whether its request waited; `None` if it has left.
    pub(super) fn abort(&mut self, id: RequestId) -> Option<bool> {
        let is_it = |live: &Live| live.request.id == id;
        if let Some(place) = self.waiting.iter().position(is_it) {
            let live = self.waiting.remove(place)?;
            self.waiting_tokens -= u64::from(live.request.prompt.tokens());
            return Some(true);
        }
        let mut running = self.running.sweep(&self.seats).iter();
        let seat = running.find(|&&(_, seat)| is_it(&self.seats[seat].live))?.1;
        if self.seats[seat].part == Part::Decodes {
            self.leave_decoders(seat);
        }
        self.prefilling.retain(|&other| other != seat);
        self.remove(seat);
        Some(false)
    }

    /// Gives a seat to a request that runs.
    fn seat(&mut self, live: Live) -> Seat {
        let most = live.most_tokens();
        self.used_blocks += live.blocks;
        self.filled += u64::from(live.computed);
        self.most_tokens += u64::from(most);
        self.most_blocks += u64::from(self.memory.blocks_for(most));
        let seat = self.seats.take_in(live, Holding::default());
        self.seats[seat].part = Part::Prefills;
        self.running.push(&mut self.seats, seat);
        seat
    }

    /// All requests in plain queues; none is left here.
    pub(super) fn list(&mut self) -> PlainQueue {
        let mut plain = PlainQueue::new(self.memory.clone());
        plain.waiting = std::mem::take(&mut self.waiting);
        let running = self.running.sweep(&self.seats).to_vec();
        for (_, seat) in running {
            if self.seats[seat].part == Part::Decodes {
                self.leave_decoders(seat);
            }
            self.remove(seat);
            plain.running.push(self.seats[seat].live.clone());
        }
        self.prefilling.clear();
        plain
    }

    /// Goes on with the requests of plain queues, which `prompt_tokens` more tokens have joined that wait.
    pub(super) fn resume(&mut self, plain: PlainQueue) {
        self.waiting = plain.waiting;
        let latest = plain.running.iter().filter_map(|live| live.last_token).max();
        self.latest_tokens = latest.unwrap_or(self.latest_tokens);
        for live in plain.running {
            let decodes = live.is_decoding();
            let seat = self.seat(live);
            if decodes {
                self.join(seat);
            } else {
                self.prefilling.push(seat);
            }
        }
    }

    /// So many prompt tokens wait now beside those that did, and so many no more.
    pub(super) const fn note_waiting(&mut self, joined: u64, left: u64) {
        self.waiting_tokens = self.waiting_tokens + joined - left;
    }
}

impl Queue for QueueOfCounts {
    fn memory(&self) -> &Memory {
        &self.memory
    }

    fn waiting(&self, place: usize) -> Option<&Live> {
        self.waiting.get(place)
    }

    fn running(&self) -> u32 {
        self.running.count()
    }

    fn decoding(&self) -> u32 {
        self.decoders.count()
    }

    fn under_way(&self, place: usize) -> Option<UnderWay> {
        let &member = self.prefilling.get(place)?;
        let live = &self.seats[member].live;
        Some(UnderWay {
            member,
            lacking: live.num_tokens() - live.computed,
        })
    }

    fn most_tokens(&self) -> u64 {
        self.most_tokens
    }

    fn most_blocks(&self) -> u64 {
        self.most_blocks
    }

    fn used_blocks(&self) -> u32 {
        self.used_blocks
    }

    fn lacking_blocks(&self) -> u32 {
        self.decoders.due_now()
    }

    fn give_lacking_blocks(&mut self) {
        self.used_blocks += self.decoders.due_now();
    }

    fn decode(&mut self, plan: &mut StepPlan) {
        assert!(plan.is_empty(), "those who decode come first");
        self.decodes = self.decoders.count() > 0;
        plan.shape = self.decoders.shape();
    }

    fn go_on(&mut self, member: u32, tokens: u32, plan: &mut StepPlan) {
        let live = &self.seats[member].live;
        plan.shape.add(live.computed, tokens, live.num_tokens());
        self.chunks.push((member, tokens));
    }

    fn admit(&mut self, now: Time, held: u32, tokens: u32, plan: &mut StepPlan) {
        let mut live = self.waiting.pop_front().expect("a request waits");
        self.waiting_tokens -= u64::from(live.request.prompt.tokens());
        live.scheduled.get_or_insert(now);
        live.is_preempted = false;
        live.blocks = self.memory.blocks_for(held);
        assert!(
            live.blocks <= self.free_blocks(),
            "an admission checks that its blocks are free"
        );
        let seat = self.seat(live);
        self.prefilling.push(seat);
        self.admitted.push(seat);
        self.go_on(seat, tokens, plan);
    }

    fn one_by_one(&mut self) -> Result<&mut PlainQueue, OrderMatters> {
        Err(OrderMatters)
    }
}
