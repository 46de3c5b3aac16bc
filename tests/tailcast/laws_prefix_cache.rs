//! What the scheduler promises of its blocks and its prefix cache, checked after every action of random small worlds:
//! everything that happens to a server (arrivals, steps, with one more in flight or drafts, preemptions, clients that
//! give up, resets) in any order.
//!
//! Beside the pool stands a memory that knows every token: what a step writes where. So a hit on a block that holds
//! something else, a name given too early or a block written by two shows at once, whatever the pool believes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tailcast::kv::{BlockId, BlockKey};
use tailcast::policy::vllm::{Member, ScheduledPart, VllmPlan, VllmScheduler};
use tailcast::policy::{ContinuousSettings, cut_to_model_length};
use tailcast::workload::{Request, RequestId};

use crate::cells::{Cells, Sequence, Token, meaning, rules, small_memory};
use crate::worlds::{requests, worlds_per_policy};

/// More turns than any world needs that is not stuck.
const MOST_TURNS: usize = 50_000;

#[test]
fn blocks_and_names_stay_in_order_whatever_happens() {
    let mut happened = BTreeSet::new();
    for seed in 0..10 * worlds_per_policy() {
        happened.extend(Driver::new(seed).serve_all());
    }
    for what in [
        "a hit",
        "a hit on what another request computes in the same step",
        "a block that only its user asks for",
        "a shared block",
        "a duplicate",
        "a preemption",
        "a resumption",
        "a token after a preemption",
        "accepted drafts",
        "rejected drafts",
        "an abort in the queue",
        "an abort of a running request",
        "an abort with a step in flight",
        "a reset",
        "a refused reset",
        "a name without content",
    ] {
        assert!(happened.contains(what), "{what} never happens");
    }
}

/// A random world and what has become of it.
struct Driver {
    seed: u64,
    random: Xoshiro256PlusPlus,
    rules: ContinuousSettings,
    scheduler: VllmScheduler,
    block_tokens: usize,
    /// How likely, before each step, a client gives up, and the cache is reset.
    restless: f64,
    to_come: VecDeque<Request>,
    sequences: BTreeMap<RequestId, Sequence>,
    /// What the tokens of a block are if it has this key.
    meaning: BTreeMap<BlockKey, Vec<Token>>,
    in_flight: VecDeque<VllmPlan>,
    cells: Cells,
    delivered: BTreeMap<RequestId, u32>,
    finished: BTreeSet<RequestId>,
    aborted: BTreeSet<RequestId>,
    happened: BTreeSet<&'static str>,
}

impl Driver {
    fn new(seed: u64) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (memory, longest) = small_memory(&mut random);
        let (block_tokens, max_model_len) = (memory.block_tokens, memory.max_model_len);
        let rules = rules(max_model_len, &mut random);
        let count = random.random_range(1..30);
        let all = requests(count, longest, true, &mut random);
        let to_come: VecDeque<Request> = all
            .into_iter()
            .filter(|request| request.prompt.tokens() < max_model_len)
            .map(|request| Request {
                priority: random.random_range(0..3),
                ..cut_to_model_length(request, max_model_len)
            })
            .collect();
        let sequences: BTreeMap<_, _> = to_come
            .iter()
            .map(|request| (request.id, Sequence::of(request, block_tokens)))
            .collect();
        let blocks = memory.usable_blocks as usize + 1;
        Self {
            seed,
            scheduler: VllmScheduler::new(rules.clone(), memory),
            rules,
            block_tokens: block_tokens as usize,
            restless: [0.0, 0.1, 0.3][random.random_range(0..3)],
            to_come,
            meaning: meaning(&sequences, block_tokens as usize),
            sequences,
            in_flight: VecDeque::new(),
            cells: Cells {
                tokens: vec![vec![None; block_tokens as usize]; blocks],
                writers: vec![None; blocks],
            },
            delivered: BTreeMap::new(),
            finished: BTreeSet::new(),
            aborted: BTreeSet::new(),
            happened: BTreeSet::new(),
            random,
        }
    }

    fn serve_all(mut self) -> BTreeSet<&'static str> {
        for _ in 0..MOST_TURNS {
            let here = self.scheduler.running().len() + self.scheduler.waiting_count();
            if self.to_come.is_empty() && here == 0 && self.in_flight.is_empty() {
                return self.has_served_all();
            }
            self.let_arrive();
            self.disturb();
            let plan = self.schedule();
            self.disturb();
            let executes = !plan.scheduled.is_empty();
            if executes {
                self.in_flight.push_back(plan);
            }
            if executes && self.rules.async_scheduling && self.in_flight.len() < 2 {
                continue;
            }
            if let Some(plan) = self.in_flight.pop_front() {
                self.update(&plan);
            }
        }
        panic!("world {}: does not end", self.seed);
    }

    fn let_arrive(&mut self) {
        while !self.to_come.is_empty() && self.random.random_bool(0.3) {
            let request = self.to_come.pop_front().expect("one is to come");
            self.delivered.insert(request.id, 0);
            self.scheduler.submit(request);
            self.check("an arrival");
        }
    }

    /// Now and then a client gives up or the operator empties the cache.
    fn disturb(&mut self) {
        if self.random.random_bool(self.restless / 2.0) {
            self.abort();
            self.check("an abort");
        }
        if self.random.random_bool(self.restless) {
            let unused = self.scheduler.pool().free_count() == self.scheduler.pool().usable();
            let cached = self.scheduler.pool().cached_count() > 0;
            let worked = self.scheduler.reset_prefix_cache();
            assert_eq!(worked, unused, "world {}", self.seed);
            if worked {
                assert_eq!(self.scheduler.pool().cached_count(), 0);
                for &key in self.meaning.keys() {
                    assert!(self.scheduler.pool().lookup([&key]).is_empty());
                }
            }
            if cached {
                self.happened.insert(if worked { "a reset" } else { "a refused reset" });
            }
            self.check("a reset");
        }
    }

    fn abort(&mut self) {
        let known: Vec<RequestId> = self.delivered.keys().copied().collect();
        if known.is_empty() {
            return;
        }
        let id = known[self.random.random_range(0..known.len())];
        let waits = self.scheduler.waiting().any(|member| member.id() == id);
        let runs = running(&self.scheduler, id).is_some();
        let computes = |plan: &VllmPlan| plan.scheduled.iter().any(|part| part.id == id);
        let table = running(&self.scheduler, id).map(|member| member.tables[0].clone());
        let free: Vec<BlockId> = self.scheduler.pool().free_queue().collect();
        if self.scheduler.abort(id) {
            assert!(waits || runs);
            self.check_freed(&free, table.as_slice());
            assert!(self.aborted.insert(id));
            self.happened.insert(match (waits, runs) {
                (true, _) => "an abort in the queue",
                _ if self.in_flight.iter().any(computes) => "an abort with a step in flight",
                _ => "an abort of a running request",
            });
        } else {
            assert!(!waits && !runs);
            assert!(self.aborted.contains(&id) || self.finished.contains(&id));
        }
    }

    fn schedule(&mut self) -> VllmPlan {
        let before: BTreeMap<RequestId, usize> = self
            .scheduler
            .running()
            .map(|member| (member.id(), member.tables[0].len()))
            .collect();
        let plan = self.scheduler.schedule();
        if !plan.preempted.is_empty() {
            self.happened.insert("a preemption");
        }
        for part in &plan.scheduled {
            let table = self.table(part.id);
            let kept = match before.get(&part.id) {
                Some(&held) if part.hit == 0 && !plan.preempted.contains(&part.id) => held,
                _ => part.hit as usize / self.block_tokens,
            };
            if part.hit > 0 {
                self.happened.insert("a hit");
            }
            for &block in &table[kept..] {
                self.cells.clear(block);
            }
        }
        for part in &plan.scheduled {
            let hit = &self.table(part.id)[..part.hit as usize / self.block_tokens];
            if hit.iter().any(|&block| self.cells.is_empty(block)) {
                self.happened
                    .insert("a hit on what another request computes in the same step");
            }
        }
        for part in &plan.scheduled {
            self.write(part);
        }
        self.accept_names_without_content(&plan);
        for part in &plan.scheduled {
            self.read(part);
        }
        let resumes = |part: &ScheduledPart| part.kind == tailcast::policy::ScheduledAs::Resumed;
        if plan.scheduled.iter().any(resumes) {
            self.happened.insert("a resumption");
        }
        self.check("a decision");
        plan
    }

    /// A step writes its tokens to the blocks of its requests, each to its own.
    fn write(&mut self, part: &ScheduledPart) {
        let table = self.table(part.id);
        let end = part.computed_before + part.tokens;
        for place in part.computed_before..end {
            let known = place < end - part.drafts;
            let place = place as usize;
            let block = table[place / self.block_tokens];
            let writer = self.cells.writers[block as usize].get_or_insert(part.id);
            assert_eq!(*writer, part.id, "world {}: one writes to block {block}", self.seed);
            let token = known.then(|| self.sequences[&part.id].tokens[place]);
            self.cells.tokens[block as usize][place % self.block_tokens] = token;
        }
    }

    /// Every request of a step finds the tokens before its own, and its own, in its blocks.
    fn read(&mut self, part: &ScheduledPart) {
        let table = self.table(part.id);
        let known = (part.computed_before + part.tokens - part.drafts) as usize;
        let tokens = &self.sequences[&part.id].tokens;
        for (place, token) in tokens.iter().enumerate().take(known) {
            let block = table[place / self.block_tokens] as usize;
            let found = self.cells.tokens[block][place % self.block_tokens];
            assert_eq!(
                found,
                Some(*token),
                "world {}: token {place} of {:?} in block {block}",
                self.seed,
                part.id
            );
        }
    }

    /// Blocks get their names when a step is decided, as in vLLM. So a request that gives way after it was scheduled in
    /// the same step leaves names on blocks that were never computed, and whoever finds them takes them for computed.
    fn accept_names_without_content(&mut self, plan: &VllmPlan) {
        if !self.rules.priority || plan.preempted.is_empty() {
            return;
        }
        for block in 1..=self.scheduler.pool().usable() {
            let Some(key) = self.scheduler.pool().key(block) else {
                continue;
            };
            let meant: Vec<_> = self.meaning[&key].iter().copied().map(Some).collect();
            if self.cells.tokens[block as usize] != meant {
                self.happened.insert("a name without content");
                self.cells.tokens[block as usize] = meant;
            }
        }
    }

    fn update(&mut self, plan: &VllmPlan) {
        for part in &plan.scheduled {
            self.accept_drafts(part);
        }
        let free: Vec<BlockId> = self.scheduler.pool().free_queue().collect();
        let mut released = Vec::new();
        for output in self.scheduler.update(plan) {
            let id = output.id;
            assert!(plan.scheduled.iter().any(|part| part.id == id));
            assert!(!self.aborted.contains(&id) && !self.finished.contains(&id));
            let delivered = self.delivered.get_mut(&id).expect("it has arrived");
            *delivered += output.tokens;
            let all = self.sequences[&id].output_tokens;
            assert_eq!(output.finished.is_some(), *delivered == all, "world {}", self.seed);
            if let Some(member) = output.finished {
                assert_eq!((member.id(), member.generated), (id, all));
                assert!(running(&self.scheduler, id).is_none());
                self.finished.insert(id);
                released.extend(member.tables);
            }
            if self.scheduler.waiting().any(|member| member.id() == id) {
                self.happened.insert("a token after a preemption");
            }
        }
        self.check_freed(&free, &released);
        self.check("an update");
    }

    /// Drafts that turn out right are the request's tokens.
    fn accept_drafts(&mut self, part: &ScheduledPart) {
        let Some(member) = running(&self.scheduler, part.id) else {
            return;
        };
        let Some(speculative) = self
            .rules
            .speculative
            .as_ref()
            .filter(|_| part.drafts > 0 && !part.padded)
        else {
            return;
        };
        let acceptance = &speculative.acceptance;
        let accepted = acceptance.accepted(part.id, member.verifications).min(part.drafts);
        let first = part.computed_before + part.tokens - part.drafts;
        let tokens = &self.sequences[&part.id].tokens;
        for place in (first..first + accepted).map(|place| place as usize) {
            let block = member.tables[0][place / self.block_tokens] as usize;
            self.cells.tokens[block][place % self.block_tokens] = tokens.get(place).copied();
        }
        if accepted > 0 {
            self.happened.insert("accepted drafts");
        }
        if accepted < part.drafts {
            self.happened.insert("rejected drafts");
        }
    }

    fn table(&self, id: RequestId) -> Vec<BlockId> {
        let member = running(&self.scheduler, id).expect("a scheduled request runs");
        member.tables[0].clone()
    }

    /// Everything that holds between two actions.
    fn check(&mut self, action: &str) {
        let context = format!("world {}, after {action}", self.seed);
        self.check_users(&context);
        self.check_tables(&context);
        self.check_names(&context);
    }

    /// Blocks are used by whose tables hold them, and free if by nobody, each once.
    fn check_users(&self, context: &str) {
        let pool = self.scheduler.pool();
        let mut users = vec![0; pool.usable() as usize + 1];
        for member in self.scheduler.running() {
            let blocks: BTreeSet<_> = member.tables[0].iter().collect();
            assert_eq!(blocks.len(), member.tables[0].len(), "{context}: no block twice");
            for &block in &member.tables[0] {
                users[block as usize] += 1;
            }
        }
        for member in self.scheduler.waiting() {
            assert!(member.tables[0].is_empty() && member.computed == 0, "{context}");
        }
        let mut unused = BTreeSet::new();
        assert_eq!(users[0], 0, "{context}: nobody uses the null block");
        for block in 1..=pool.usable() {
            assert_eq!(
                pool.users(block),
                users[block as usize],
                "{context}: users of block {block}"
            );
            if users[block as usize] == 0 {
                unused.insert(block);
            }
        }
        let free: Vec<BlockId> = pool.free_queue().collect();
        assert_eq!(free.len(), unused.len(), "{context}: each once");
        assert_eq!(free.len(), pool.free_count() as usize, "{context}");
        assert!(free.iter().all(|block| unused.contains(block)), "{context}");
    }

    /// What was free keeps its order. Freed blocks join at the back or, without a name where the rules say so, at the
    /// front; of each table the tail is taken before the head, as far as it was the only one to hold them.
    fn check_freed(&self, before: &[BlockId], tables: &[Vec<BlockId>]) {
        let pool = self.scheduler.pool();
        let freed = |&block: &BlockId| !before.contains(&block);
        let free: Vec<BlockId> = pool.free_queue().collect();
        let at_front = free.iter().take_while(|block| freed(block)).count();
        let (front, rest) = match before {
            [] => free.split_at(self.count_first(&free)),
            _ => free.split_at(at_front),
        };
        let (kept, back) = rest.split_at(before.len());
        assert_eq!(kept, before, "world {}", self.seed);
        assert_eq!(front.len(), self.count_first(front), "world {}", self.seed);
        assert_eq!(self.count_first(back), 0, "world {}", self.seed);
        for table in tables {
            // What several released in the same update is free only with the last of them.
            let has_it = |block: &&BlockId| tables.iter().filter(|it| it.contains(block)).count();
            let alone = |block: &&BlockId| table.contains(block) && has_it(block) == 1;
            for side in [front, back] {
                let own = side.iter().filter(alone);
                let places = own.map(|block| table.iter().position(|other| other == block));
                assert!(places.is_sorted_by(|one, other| one > other), "world {}", self.seed);
            }
        }
    }

    /// How many of these blocks belong to the front of the free queue.
    fn count_first(&self, blocks: &[BlockId]) -> usize {
        let pool = self.scheduler.pool();
        let first = |&&block: &&BlockId| self.rules.keyless_first && pool.key(block).is_none() && !pool.is_own(block);
        blocks.iter().filter(first).count()
    }

    /// A request's blocks have the names of its tokens, and only full blocks with a name are shared, at one and the
    /// same place.
    fn check_tables(&mut self, context: &str) {
        let pool = self.scheduler.pool();
        let mut places: BTreeMap<BlockId, usize> = BTreeMap::new();
        for member in self.scheduler.running() {
            let full = member.computed as usize / self.block_tokens;
            let keys = &self.sequences[&member.id()].keys;
            for (place, &block) in member.tables[0].iter().enumerate() {
                if let Some(key) = pool.key(block) {
                    assert!(place < full, "{context}: only full blocks have names");
                    assert_eq!(key, keys[place], "{context}: named by what it holds");
                }
                if pool.is_own(block) {
                    self.happened.insert("a block that only its user asks for");
                    assert!(place < full && pool.users(block) == 1, "{context}: full, and its alone");
                }
                if pool.users(block) > 1 {
                    self.happened.insert("a shared block");
                    assert!(pool.key(block).is_some(), "{context}: shared by name");
                    assert!(place < full, "{context}: shared when full");
                    assert_eq!(*places.entry(block).or_insert(place), place, "{context}");
                }
            }
        }
    }

    /// Whoever has a name is found under it, or a block with the same name is; blocks hold what their names say.
    fn check_names(&mut self, context: &str) {
        let pool = self.scheduler.pool();
        let mut named: BTreeMap<BlockKey, BTreeSet<BlockId>> = BTreeMap::new();
        for block in 0..=pool.usable() {
            if let Some(key) = pool.key(block) {
                assert!(self.rules.prefix_caching && block > 0, "{context}");
                named.entry(key).or_default().insert(block);
                let found = self.cells.tokens[block as usize].iter().flatten();
                assert!(found.eq(&self.meaning[&key]), "{context}: block {block}");
            }
        }
        let own = (1..=pool.usable()).filter(|&block| pool.is_own(block)).count();
        assert_eq!(pool.cached_count(), named.len() + own, "{context}");
        for (key, blocks) in named {
            let holders = pool.holders(key);
            assert_eq!(holders.len(), blocks.len(), "{context}");
            assert!(holders.iter().all(|holder| blocks.contains(holder)));
            assert_eq!(pool.lookup([&key]), holders[..1], "{context}");
            if holders.len() > 1 {
                self.happened.insert("a duplicate");
            }
        }
    }

    fn has_served_all(self) -> BTreeSet<&'static str> {
        let ended = self.finished.len() + self.aborted.len();
        assert_eq!(ended, self.sequences.len(), "world {}", self.seed);
        assert!(self.finished.is_disjoint(&self.aborted));
        let pool = self.scheduler.pool();
        assert_eq!(pool.free_count(), pool.usable(), "world {}", self.seed);
        self.happened
    }
}

fn running(scheduler: &VllmScheduler, id: RequestId) -> Option<&Member> {
    let mut running = scheduler.running();
    running.find(|member| member.id() == id)
}
