//! What vLLM's scheduler promises with KV cache in the memory of the CPU, checked after every action of random small
//! worlds, whatever transfers take: blocks conserve, the CPU holds no more than it has room for, nothing is loaded that
//! was never computed, and every request ends.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tailcast::policy::vllm::{CopyTime, OffloadRules, VllmPlan, VllmScheduler};
use tailcast::policy::{ContinuousSettings, Memory, cut_to_model_length};
use tailcast::workload::{Prompt, Request, RequestId};

use crate::cells::{Sequence, Token, small_memory};
use crate::worlds::{requests, worlds_per_policy};

/// More turns than any world needs that is not stuck.
const MOST_TURNS: usize = 50_000;

struct Driver {
    seed: u64,
    random: Xoshiro256PlusPlus,
    scheduler: VllmScheduler,
    room: usize,
    restless: f64,
    to_come: VecDeque<Request>,
    sequences: BTreeMap<RequestId, Sequence>,
    /// How many of its tokens each request has computed at any time.
    computed: BTreeMap<RequestId, usize>,
    transfers: BTreeSet<u64>,
    inside: BTreeSet<RequestId>,
    /// Whether a client gave up while its request was loading, whose blocks nobody shows then.
    has_hidden_blocks: bool,
    happened: BTreeSet<&'static str>,
}

#[test]
fn blocks_conserve_and_loads_bring_what_was_computed_whatever_transfers_take() {
    let mut happened = BTreeSet::new();
    for seed in 0..10 * worlds_per_policy() {
        happened.extend(Driver::new(seed).serve_all());
    }
    for what in [
        "a load",
        "a load beyond a hit",
        "a load of all tokens",
        "a store",
        "a flush",
        "a request that asks again",
        "an abort while loading",
        "a preemption",
        "a full memory of the CPU",
    ] {
        assert!(happened.contains(what), "{what} never happens");
    }
}

impl Driver {
    fn new(seed: u64) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (memory, longest) = small_memory(&mut random);
        let (block_tokens, max_model_len) = (memory.block_tokens, memory.max_model_len);
        let least = max_model_len.div_ceil(block_tokens);
        let room = random.random_range(1..6 * least);
        let rules = ContinuousSettings {
            prefix_caching: random.random_bool(0.7),
            full_sequence_gate: random.random_bool(0.7),
            priority: random.random_bool(0.2),
            offload: Some(OffloadRules {
                cpu_blocks: room,
                prompt_only: random.random_bool(0.5),
                load: CopyTime::default(),
                store: CopyTime::default(),
            }),
            ..ContinuousSettings::new(random.random_range(1..9), max_model_len.max(random.random_range(9..80)))
        };
        let all = requests(random.random_range(1..30), longest, true, &mut random);
        let fits = all
            .into_iter()
            .filter(|request| request.prompt.tokens() < max_model_len);
        let to_come: VecDeque<Request> = fits
            .map(|request| Request {
                priority: random.random_range(0..3),
                ..cut_to_model_length(request, max_model_len)
            })
            .collect();
        let sequences = to_come
            .iter()
            .map(|request| (request.id, Sequence::of(request, block_tokens)));
        Self {
            seed,
            sequences: sequences.collect(),
            scheduler: VllmScheduler::new(rules, memory),
            room: room as usize,
            restless: [0.0, 0.0, 0.1][random.random_range(0..3)],
            to_come,
            computed: BTreeMap::new(),
            transfers: BTreeSet::new(),
            inside: BTreeSet::new(),
            has_hidden_blocks: false,
            happened: BTreeSet::new(),
            random,
        }
    }

    fn serve_all(mut self) -> BTreeSet<&'static str> {
        for _ in 0..MOST_TURNS {
            if self.to_come.is_empty() && self.inside.is_empty() && self.transfers.is_empty() {
                let pool = self.scheduler.pool();
                assert_eq!(pool.free_count(), pool.usable(), "world {}", self.seed);
                assert!(!self.scheduler.has_transfers());
                return self.happened;
            }
            while !self.to_come.is_empty() && self.random.random_bool(0.3) {
                let request = self.to_come.pop_front().expect("one is to come");
                self.inside.insert(request.id);
                self.scheduler.submit(request);
            }
            self.abort();
            let plan = self.scheduler.schedule();
            self.look_at(&plan);
            for output in self.scheduler.update(&plan) {
                if output.finished.is_some() {
                    assert!(self.inside.remove(&output.id));
                }
            }
            self.end_transfers(&plan);
            self.check();
        }
        let state: Vec<_> = self
            .scheduler
            .waiting()
            .map(|it| (it.id(), it.computed, it.num_tokens(), it.tables[0].len()))
            .collect();
        let runs = self.scheduler.running().len();
        panic!(
            "world {}: does not end: {runs} run, {state:?} wait, {} of {} blocks are free",
            self.seed,
            self.scheduler.pool().free_count(),
            self.scheduler.pool().usable()
        );
    }

    fn abort(&mut self) {
        if !self.random.random_bool(self.restless) || self.inside.is_empty() {
            return;
        }
        let inside: Vec<RequestId> = self.inside.iter().copied().collect();
        let id = inside[self.random.random_range(0..inside.len())];
        let waits = |it: &&tailcast::policy::vllm::Member| it.id() == id;
        let is_loading = self.scheduler.waiting().find(waits).is_some_and(|it| it.computed > 0);
        assert!(self.scheduler.abort(id), "world {}: {id:?} is here", self.seed);
        self.inside.remove(&id);
        if is_loading {
            self.has_hidden_blocks = true;
            self.happened.insert("an abort while loading");
        }
        self.check();
    }

    /// What a decision says fits what happened before.
    fn look_at(&mut self, plan: &VllmPlan) {
        for load in &plan.transfers.loading {
            let end = (load.hit + load.external) as usize;
            assert!(
                self.was_computed(&self.sequences[&load.id].tokens[..end]),
                "world {}",
                self.seed
            );
            self.happened.insert("a load");
            if load.hit > 0 {
                self.happened.insert("a load beyond a hit");
            }
        }
        for part in &plan.scheduled {
            if part.external > 0 {
                let whole = part.computed_before < part.hit + part.external;
                assert_eq!(part.computed_before + u32::from(whole), part.hit + part.external);
                if whole {
                    assert_eq!(part.tokens, 1);
                    self.happened.insert("a load of all tokens");
                }
            }
            let computed = self.computed.entry(part.id).or_default();
            *computed = (*computed).max((part.computed_before + part.tokens) as usize);
        }
        let transfers = &plan.transfers;
        for (has_any, what) in [
            (!transfers.stores.is_empty(), "a store"),
            (!transfers.flushed.is_empty(), "a flush"),
            (!transfers.deferred.is_empty(), "a request that asks again"),
            (!plan.preempted.is_empty(), "a preemption"),
        ] {
            if has_any {
                self.happened.insert(what);
            }
        }
        let new = transfers.loads.iter().chain(&transfers.stores);
        self.transfers.extend(new.map(|transfer| transfer.job));
    }

    fn was_computed(&self, tokens: &[Token]) -> bool {
        self.computed.iter().any(|(id, &computed)| {
            let known = &self.sequences[id].tokens;
            computed >= tokens.len() && known.starts_with(tokens)
        })
    }

    /// Those end that the step has waited for, and any others.
    fn end_transfers(&mut self, plan: &VllmPlan) {
        let random = &mut self.random;
        let flushed = &plan.transfers.flushed;
        let ended = self.transfers.iter().copied();
        let ended: Vec<u64> = ended
            .filter(|job| flushed.contains(job) || random.random_bool(0.4))
            .collect();
        self.transfers.retain(|job| !ended.contains(job));
        self.scheduler.end_transfers(&ended);
        if self.transfers.is_empty() {
            self.has_hidden_blocks = false;
        }
    }

    fn check(&mut self) {
        let pool = self.scheduler.pool();
        let held: BTreeSet<_> = self.scheduler.holding().flat_map(|member| &member.tables[0]).collect();
        let known = held.len() as u32 + pool.free_count();
        if self.has_hidden_blocks {
            assert!(known <= pool.usable(), "world {}", self.seed);
        } else {
            assert_eq!(known, pool.usable(), "world {}", self.seed);
        }
        assert!(self.scheduler.cpu_blocks() <= self.room, "world {}", self.seed);
        if self.scheduler.cpu_blocks() == self.room {
            self.happened.insert("a full memory of the CPU");
        }
    }
}

#[test]
fn where_nobody_asks_again_the_memory_of_the_cpu_changes_no_step() {
    for seed in 0..worlds_per_policy() {
        let plans = [
            None,
            Some(OffloadRules {
                cpu_blocks: 7,
                prompt_only: false,
                load: CopyTime::default(),
                store: CopyTime::default(),
            }),
        ]
        .map(|offload| {
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let memory = Memory {
                usable_blocks: 400,
                block_tokens: 4,
                max_model_len: 60,
                kv_groups: None,
            };
            let rules = ContinuousSettings {
                offload,
                ..ContinuousSettings::new(random.random_range(1..9), random.random_range(9..80))
            };
            let mut scheduler = VllmScheduler::new(rules, memory);
            let mut plans = Vec::new();
            for request in requests(20, 20, true, &mut random) {
                scheduler.submit(Request {
                    prompt: Prompt::unique(request.prompt.tokens()),
                    output_is_shared: false,
                    ..request
                });
                for _ in 0..random.random_range(0..9) {
                    let plan = scheduler.schedule();
                    scheduler.update(&plan);
                    let jobs = plan.transfers.stores.iter().map(|store| store.job);
                    scheduler.end_transfers(&jobs.collect::<Vec<_>>());
                    plans.push(plan.scheduled);
                }
            }
            plans
        });
        assert_eq!(plans[0], plans[1], "world {seed}");
    }
}
