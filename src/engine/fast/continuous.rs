//! The shortcut of continuous batching: requests that decode are kept as one ([`Decoders`]), only those with more than
//! one token to compute are looked at one by one. Where the order among the running requests decides who computes at
//! all (a budget too small for everyone, blocks too few for several prompts in the making), the server goes through
//! them one by one ([`super::listed`]).

use super::decided::DecidedSteps;
use super::decoders::Decoders;
use super::group_cache::GroupCache;
use super::holding::{Holding, cached_blocks};
use super::in_flight::InFlight;
use super::queue::WaitingQueue;
use super::repeats::Repeats;
use super::running::Running;
use super::scheduler::{Moment, NextSteps, Scheduler, Steps};
use super::seats::{Part, Seat, Seats};
use super::tables::Tables;
use super::turns::TurnTaker;
use crate::engine::engine_trait::ServerLoad;
use crate::engine::observer::{Event, Finished, Observer};
use crate::kv::{CountedPool, KvGrowth, NamedBlocks, PoolRules};
use crate::policy::{ContinuousSettings, Memory, cut_to_threshold};
use crate::step_time::StepShape;
use crate::units::Time;
use crate::workload::{Request, RequestId};

pub(in crate::engine) struct FastContinuous {
    pub(super) rules: ContinuousSettings,
    pub(super) memory: Memory,
    pub(super) tables: Tables,
    pub(super) seats: Seats,
    pub(super) waiting: WaitingQueue,
    pub(super) running: Running,
    pub(super) decoders: Decoders,
    /// Running requests with tokens still to compute before they decode, in the order of admission.
    pub(super) prefilling: Vec<Seat>,
    /// Those that compute in the step that is being decided apart from the decoders, in the order of admission, and how
    /// many tokens.
    pub(super) chunks: Vec<(Seat, u32)>,
    /// What was decided and has not ended.
    pub(super) decided: InFlight<DecidedSteps>,
    /// The step, by the decoders' clock, up to which all tokens have been handed out.
    pub(super) completed: u64,
    pub(super) pool: CountedPool,
    /// What the prefix cache holds, where the blocks are divided between groups of layers.
    pub(super) group_cache: Option<Box<GroupCache>>,
    /// Whether it stops where the prefix cache begins to matter, of which it knows nothing.
    pub(super) stops: bool,
    /// Slots of the running requests' blocks without a token, those that the decided steps compute counted as tokens.
    pub(super) empty: u64,
    /// How many running requests produce what others can name.
    pub(super) naming: u32,
    pub(super) repeats: Repeats,
    /// Cached blocks of the request that is looked at.
    pub(super) found: Vec<NamedBlocks>,
    /// Those whose turn it is in the step that is decided.
    pub(super) in_order: Vec<TurnTaker>,
    /// Whether the running requests are gone through one by one, none of them kept in `decoders`.
    pub(super) listed: bool,
    /// Whether the latest decision came to no step although requests run, so that their tokens pause.
    pub(super) pauses: bool,
}

impl FastContinuous {
    /// An empty server. Where the memory is divided between groups of layers it must be one for which
    /// [`FastContinuous::knows`] the tables; nothing of its prefix cache is modelled, and it stops as soon as that
    /// matters to requests of which each has a prompt of its own.
    pub(in crate::engine) fn new(rules: ContinuousSettings, memory: Memory) -> Self {
        Self::with_cache(rules, memory, None)
    }

    /// The same, but it knows which blocks requests have lost, so that they find them again. `None` if there are chunks
    /// of a block and a part.
    pub(in crate::engine) fn in_turns(rules: ContinuousSettings, memory: Memory) -> Option<Self> {
        let group_cache = GroupCache::new(&rules, &memory)?;
        Some(Self::with_cache(rules, memory, Some(Box::new(group_cache))))
    }

    fn with_cache(mut rules: ContinuousSettings, memory: Memory, group_cache: Option<Box<GroupCache>>) -> Self {
        let tables = Tables::of(&rules, &memory).expect("blocks of all groups hold as many tokens");
        let caches_groups = rules.prefix_caching && tables.groups().is_some();
        rules.prefix_caching &= tables.groups().is_none();
        Self {
            stops: caches_groups && group_cache.is_none(),
            seats: Seats::default(),
            waiting: WaitingQueue::default(),
            running: Running::default(),
            decoders: Decoders::with_tables(&tables, rules.async_scheduling, group_cache.is_some()),
            tables,
            group_cache,
            prefilling: Vec::new(),
            chunks: Vec::new(),
            decided: InFlight::default(),
            completed: 0,
            pool: CountedPool::new(
                memory.usable_blocks,
                memory.block_tokens,
                PoolRules {
                    caching: rules.prefix_caching,
                    keyless_first: rules.keyless_first,
                },
            ),
            memory,
            empty: 0,
            naming: 0,
            repeats: Repeats::default(),
            found: Vec::new(),
            in_order: Vec::new(),
            listed: false,
            pauses: false,
            rules,
        }
    }

    pub(super) fn threshold(&self) -> u32 {
        self.rules.threshold(self.running.count() as usize + self.waiting.len())
    }

    /// Whether the next step can be decided without going through the running requests in order: either all of them get
    /// what they want, or only the youngest is cut short; and it does not matter which output fills its blocks first.
    fn order_is_irrelevant(&mut self, threshold: u32) -> bool {
        if self.tables.groups().is_some() {
            return self.stops || self.budget_does(threshold); // It has stopped otherwise.
        }
        let budget = self.rules.max_num_batched_tokens;
        if self.decoders.count() > budget || self.first_filled_matters() {
            return false;
        }
        // Under priorities it is not the youngest who gives way.
        let youngest_only = match self.prefilling[..] {
            _ if self.rules.priority => false,
            [] => true,
            [seat] => self.running.youngest(&self.seats) == Some(seat),
            _ => false,
        };
        youngest_only || self.all_get_what_they_want(threshold)
    }

    /// Whether tokens and blocks do for all who run.
    fn all_get_what_they_want(&self, threshold: u32) -> bool {
        let mut tokens = u64::from(self.decoders.count());
        let mut blocks = u64::from(self.decoders.due_now());
        for &seat in &self.prefilling {
            let live = &self.seats[seat].live;
            let wanted = cut_to_threshold(live.num_tokens() - live.computed, threshold);
            tokens += u64::from(wanted);
            blocks += u64::from(self.lacking_blocks(live, wanted));
        }
        tokens <= u64::from(self.rules.max_num_batched_tokens) && blocks <= u64::from(self.pool.free())
    }

    /// Whether outputs fill blocks that others inside the server can name, of which the first filled is found.
    pub(super) const fn first_filled_matters(&self) -> bool {
        self.naming > 0 && self.repeats.any()
    }

    /// Takes all blocks from the youngest running request and puts it at the head of the queue.
    pub(super) fn preempt_youngest(&mut self, at: Moment, observer: &mut (impl Observer + ?Sized)) -> Seat {
        let seat = self
            .running
            .youngest(&self.seats)
            .expect("a request runs while blocks are short");
        self.preempt(seat, None, at, observer);
        seat
    }

    /// Takes all blocks from a running request and puts it back into the queue. If it was `named` beyond what it has
    /// computed, that is how far.
    pub(super) fn preempt(
        &mut self,
        seat: Seat,
        named: Option<u32>,
        at: Moment,
        observer: &mut (impl Observer + ?Sized),
    ) {
        match self.seats[seat].part {
            Part::Waits => unreachable!("a running request does not wait"),
            Part::Prefills => {
                let last = self.prefilling.pop();
                assert_eq!(last, Some(seat), "the youngest prefills last");
            }
            Part::Decodes | Part::Overruns => self.leave_decoders(seat, at.decided_until),
            Part::Ends | Part::Listed => {}
        }
        self.running.remove(&mut self.seats, seat);
        let known = named.unwrap_or_else(|| self.known_tokens(seat));
        self.release(seat, known, true);
        let active = &mut self.seats[seat];
        active.part = Part::Waits;
        active.given = 0;
        let live = &mut active.live;
        live.blocks = 0;
        live.preemptions += 1;
        live.is_preempted = true;
        observer.on(at.now, live.request.id, &Event::Preempted);
        if self.rules.priority {
            self.waiting.insert_by_rank(&self.seats, seat);
        } else {
            self.waiting.push_front(&self.seats, seat);
        }
    }

    /// Takes a request out of the decoders, the latest of whose tokens is handed out at `latest_token`.
    pub(super) fn leave_decoders(&mut self, seat: Seat, latest_token: Time) {
        let clock = self.decoders.clock();
        self.decoders.leave(&mut self.seats, seat);
        let active = &mut self.seats[seat];
        if active.sampled < clock {
            active.live.last_token = Some(latest_token);
            active.sampled = clock;
        }
    }

    /// How many of a request's tokens a step in flight is going to sample: 1 or 0.
    pub(super) fn placeholders(&self, seat: Seat) -> u32 {
        u32::from(self.seats[seat].sampled > self.completed)
    }

    /// Of how many tokens from the start it is known which they are, as far as blocks were named for them. A token that
    /// a step in flight samples and the next one computes is named when it has come.
    pub(super) fn known_tokens(&self, seat: Seat) -> u32 {
        let active = &self.seats[seat];
        let computed = active.live.computed;
        if self.placeholders(seat) == 0 {
            computed
        } else {
            active.known.max(computed - 1)
        }
    }

    /// Gives a running request its next chunk, if there are blocks for it.
    pub(super) fn schedule_chunk(&mut self, seat: Seat, tokens: u32, shape: &mut StepShape) -> bool {
        self.give_back(seat);
        let live = &self.seats[seat].live;
        let (lacking, states) = (self.lacking_blocks(live, tokens), self.tables.states_at(live.computed));
        if lacking + states > self.pool.free() {
            return false;
        }
        self.take(lacking);
        self.pool.take(states);
        self.empty -= u64::from(tokens) * u64::from(self.tables.with_tokens);
        let placeholders = self.placeholders(seat);
        let active = &mut self.seats[seat];
        active.live.blocks += lacking;
        let live = &active.live;
        let known = (live.computed + tokens).min(live.num_tokens() - placeholders);
        active.known = known;
        if self.rules.prefix_caching {
            active
                .holding
                .name_full(&live.request, live.generated, known, &mut self.pool);
        }
        let computed = live.computed + tokens;
        shape.add(live.computed, tokens, live.num_tokens().max(computed));
        self.chunks.push((seat, tokens));
        true
    }

    /// Running requests: all decoders one token, the prompts in the making their chunks. Returns the budget left and
    /// whether anyone was preempted.
    fn decide_running(
        &mut self,
        threshold: u32,
        shape: &mut StepShape,
        at: Moment,
        observer: &mut (impl Observer + ?Sized),
    ) -> (u32, bool) {
        let mut preempted = false;
        let gives = self.decoders.gives_now(&self.seats);
        if gives > 0 {
            self.pool.give_back(gives);
        }
        // Older requests take their blocks first and preempt the youngest when there are none: in the end the youngest
        // have gone, as few as it takes until those who stay find their blocks. What was free before is taken before
        // what the youngest let go.
        let mut taken = 0;
        loop {
            let lacking = self.decoders.due_now() - taken;
            let found = lacking.min(self.pool.free());
            self.take(found);
            taken += found;
            if found == lacking {
                break;
            }
            self.preempt_youngest(at, observer);
            preempted = true;
        }
        *shape = self.decoders.shape();
        let mut budget = self.rules.max_num_batched_tokens - self.decoders.count();
        for index in 0..self.prefilling.len() {
            let seat = self.prefilling[index];
            let live = &self.seats[seat].live;
            let tokens = cut_to_threshold(live.num_tokens() - live.computed, threshold).min(budget);
            if tokens == 0 {
                break;
            }
            if !self.schedule_chunk(seat, tokens, shape) {
                self.preempt_youngest(at, observer); // Itself: see `order_is_irrelevant`.
                preempted = true;
                break;
            }
            budget -= tokens;
        }
        (budget, preempted)
    }

    /// Notes whose last token the latest decision brings. It takes part in no more steps, unless the last token is a
    /// stop token and the next step is decided before it is known.
    fn note_ending(&mut self, decided_until: Time) {
        while let Some(seat) = self.decoders.pop_finished(&self.seats) {
            let request = &self.seats[seat].live.request;
            let overruns = self.rules.async_scheduling && request.output_tokens < request.max_tokens;
            self.seats[seat].part = if overruns {
                Part::Overruns
            } else {
                self.leave_decoders(seat, decided_until);
                Part::Ends
            };
            let latest = self.decided.back_mut();
            let latest = latest.expect("the step of its last token is in flight");
            latest.ending.push(seat);
        }
    }

    /// Whether members of the steps in flight end with them.
    fn someone_ends(&self) -> bool {
        let latest = self.decided.back();
        latest.is_some_and(|latest| !latest.ending.is_empty())
    }

    /// Tells about the first `steps` of the decision that has been in flight longest.
    fn report(&self, steps: &Steps, observer: &mut (impl Observer + ?Sized)) {
        let decided = self.decided.front().expect("it was decided");
        let one_step_after = |&&seat: &&Seat| self.seats[seat].live.last_token == Some(steps.start);
        let kv = if steps.count == 1 {
            KvGrowth::constant(decided.used_blocks, decided.empty)
        } else {
            self.decoders.growth(decided.clock, decided.used_blocks, decided.empty)
        };
        observer.ran(&steps.told(
            decided.decoding + decided.sampling.iter().filter(one_step_after).count() as u32,
            kv,
        ));
    }

    /// The decision that has been in flight longest has ended with these steps. True if a request finished.
    fn hand_out(&mut self, steps: &Steps, observer: &mut (impl Observer + ?Sized)) -> bool {
        self.decided.pop();
        let mut index = 0;
        while let Some(&seat) = self.decided.ended().sampling.get(index) {
            self.give_token(seat, steps, observer);
            self.name_known(seat);
            index += 1;
        }
        index = 0;
        while let Some(&seat) = self.decided.ended().ending.get(index) {
            self.finish(seat, steps.end, observer);
            index += 1;
        }
        index > 0
    }

    /// Hands a request a token that it has sampled by itself.
    fn give_token(&mut self, seat: Seat, steps: &Steps, observer: &mut (impl Observer + ?Sized)) {
        let running = self.running.count();
        let live = &mut self.seats[seat].live;
        if !live.request.is_prompt_only {
            steps.tell_token(live.request.id, live.last_token, observer);
        }
        live.note_token(steps.end, running);
    }

    /// Lets a request go that has all its tokens.
    fn finish(&mut self, seat: Seat, now: Time, observer: &mut (impl Observer + ?Sized)) {
        match self.seats[seat].part {
            Part::Waits => {
                let place = self.waiting.position(|other| other == seat);
                self.waiting.remove(&self.seats, place.expect("it waits"));
            }
            part => {
                if part == Part::Overruns {
                    self.leave_decoders(seat, now);
                }
                self.running.remove(&mut self.seats, seat);
                let request = &self.seats[seat].live.request;
                let known = request.prompt.tokens() + request.output_tokens - 1;
                self.release(seat, known, false);
            }
        }
        let live = &self.seats[seat].live;
        let event = Event::Finished(Finished::of(live, now, true));
        observer.on(now, live.request.id, &event);
        self.forget(seat);
    }

    /// A request has left.
    pub(super) fn forget(&mut self, seat: Seat) {
        if self.rules.prefix_caching {
            self.repeats.leave(&self.seats[seat].live.request);
        }
        if let Some(cache) = &mut self.group_cache {
            cache.forget(seat);
        }
        self.seats.release(seat);
        if self.running.count() == 0 {
            assert_eq!(
                self.pool.free(),
                self.memory.usable_blocks,
                "an empty server holds no blocks"
            );
        }
    }

    /// The chunks that were decided count as computed; those that complete a prompt make their requests decoders.
    fn commit_chunks(&mut self) {
        let decided = self.decided.back_mut().expect("it was decided just now");
        let clock = self.decoders.clock();
        for (seat, tokens) in self.chunks.drain(..) {
            let active = &mut self.seats[seat];
            active.chunk = (tokens, clock - 1);
            let live = &mut active.live;
            active.settled_at_join = live.computed + if self.rules.async_scheduling { 0 } else { tokens };
            live.computed += tokens;
            if live.computed < live.num_tokens() || live.is_complete() {
                continue;
            }
            live.generated += 1;
            active.sampled = clock;
            decided.sampling.push(seat);
            if !self.listed {
                active.part = Part::Decodes;
                self.prefilling.retain(|&other| other != seat);
                self.decoders.join(&mut self.seats, seat);
            } else if active.live.is_complete() {
                decided.ending.push(seat);
            }
        }
    }
}

impl Scheduler for FastContinuous {
    fn can_ever_serve(&self, _request: &Request) -> bool {
        true // The memory holds one request of the maximum length.
    }

    fn submit(&mut self, request: Request) {
        let holding = if self.rules.prefix_caching {
            self.repeats.enter(&request);
            Holding::new(&request, self.memory.block_tokens)
        } else {
            Holding::default()
        };
        let prompt_tokens = request.prompt.tokens();
        let seat = self.seats.insert(request, holding);
        if let Some(cache) = &mut self.group_cache {
            cache.enter(seat, prompt_tokens);
        }
        if self.rules.priority {
            self.waiting.insert_by_rank(&self.seats, seat);
        } else {
            self.waiting.push_back(&self.seats, seat);
        }
    }

    fn abort(&mut self, id: RequestId, at: Moment, observer: &mut (impl Observer + ?Sized)) {
        self.take_out(id, at, observer);
    }

    fn decide(&mut self, at: Moment, shape: &mut StepShape, observer: &mut (impl Observer + ?Sized)) -> NextSteps {
        if self.rules.async_scheduling && !self.decided.is_empty() {
            self.note_ending(at.decided_until);
        }
        let threshold = self.threshold();
        if self.stops && !self.order_of_groups_is_irrelevant(threshold) {
            return NextSteps::Stop;
        }
        if self.listed {
            self.unlist_if_possible();
        }
        if !self.listed && !self.order_is_irrelevant(threshold) {
            self.list(at.decided_until);
        }
        let (budget, preempted) = if self.listed {
            *shape = StepShape::default();
            self.decide_listed(threshold, shape, at, observer)
        } else if self.blocks_are_taken_in_order(threshold) {
            self.decide_in_order(threshold, shape, at, observer)
        } else {
            self.decide_running(threshold, shape, at, observer)
        };
        if !preempted {
            self.decide_waiting(threshold, budget, shape, at, observer);
        }
        self.pauses = shape.sequences == 0 && self.running.count() > 0;
        if shape.sequences == 0 {
            return if preempted { NextSteps::Again } else { NextSteps::Idle };
        }
        let stay_the_same = self.chunks.is_empty() && !preempted && !self.someone_ends() && !self.turns_change();
        let repeats = if stay_the_same {
            let finish = self.decoders.steps_to_finish(&self.seats);
            let steps = self.decoders.steps_before_shortage(self.pool.free(), finish);
            // Whoever waits for blocks may come in as soon as there are more of them.
            if self.waiting.len() > 0 && self.running.count() < self.rules.max_num_seqs {
                self.decoders.steps_before_gain(steps)
            } else {
                steps
            }
        } else {
            1
        };
        NextSteps::Run(repeats)
    }

    fn may_finish_before_latest(&self) -> bool {
        // Whose last token a step brings is noted with the next decision.
        self.decided.front().is_some_and(|first| !first.ending.is_empty())
    }

    fn commit(&mut self, steps: u64) {
        let overrun = |latest: &DecidedSteps| {
            let overruns = |&&seat: &&Seat| self.seats[seat].part == Part::Overruns;
            latest.ending.iter().filter(overruns).count() as u32
        };
        let decoders = u64::from(self.decoders.count()) * u64::from(self.tables.with_tokens);
        self.empty -= decoders;
        let decoding = self.decoders.count() - self.decided.back().map_or(0, overrun);
        let used_blocks = self.memory.usable_blocks - self.pool.free();
        let decided = self.decided.next();
        decided.begin(steps, self.decoders.clock(), (used_blocks, self.empty));
        decided.decoding = decoding;
        self.decided.push();
        if steps > 1 && self.group_cache.is_some() {
            self.take_turns(steps);
        } else {
            if steps > 1 && self.tables.groups().is_some() {
                self.pool.give_back(self.decoders.gives_after_next(steps - 1));
            }
            self.take(self.decoders.due_after_next(steps - 1));
        }
        self.empty -= (steps - 1) * decoders;
        self.decoders.advance(steps);
        if !self.chunks.is_empty() {
            self.commit_chunks();
        }
    }

    fn in_server(&self) -> usize {
        self.seats.in_use()
    }

    fn load(&self, _under_way: bool) -> ServerLoad {
        let used_blocks = self.memory.usable_blocks - self.pool.free();
        ServerLoad::new(&self.memory, self.waiting.together(), self.running.count(), used_blocks)
    }

    fn cached_tokens(&self, request: &Request) -> u32 {
        if !self.rules.prefix_caching {
            return 0;
        }
        let block_tokens = self.memory.block_tokens;
        // At least one token is left to compute.
        let most = request.prompt.tokens() - 1;
        let found = (cached_blocks(request, &self.pool) * block_tokens).min(most);
        // Outputs under way have no names yet.
        let known = self.repeats.tokens_before_outputs(&request.prompt, found);
        known - known % block_tokens
    }

    fn complete(&mut self, steps: &Steps, observer: &mut (impl Observer + ?Sized)) -> bool {
        self.report(steps, observer);
        self.completed += steps.count;
        let first = self.decided.front_mut().expect("it was decided");
        if steps.count < first.steps {
            let growth = self.decoders.growth(first.clock, first.used_blocks, first.empty);
            first.take_off(steps.count, &growth);
            return false;
        }
        if !self.rules.async_scheduling {
            self.note_ending(steps.end);
        }
        self.hand_out(steps, observer)
    }
}
