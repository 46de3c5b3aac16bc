//! What SGLang's scheduler promises, on random worlds with every order, priorities, chunks, mixed steps, the overlap
//! schedule and clients that give up: no slot is lost or handed out twice, budgets hold, a request is in one place
//! only, and everyone who stays gets all its tokens, each once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tailcast::policy::sglang::{BatchKind, RowKind, SglangDecision, SglangScheduler};
use tailcast::policy::{PolicySettings, SglangSettings};
use tailcast::workload::{Request, RequestId};

use crate::worlds::{World, policy_names, world};

/// More turns than any world needs that is not stuck.
const MOST_TURNS: usize = 100_000;

struct Run {
    context: String,
    settings: SglangSettings,
    scheduler: SglangScheduler,
    capacity: u64,
    to_come: VecDeque<Request>,
    random: Xoshiro256PlusPlus,
    /// The output that each request inside is going to have.
    missing: BTreeMap<RequestId, u32>,
    /// Who gave up, and leaves with its next token.
    leaving: BTreeSet<RequestId>,
    finished: usize,
    taken: usize,
}

impl Run {
    fn new(name: &str, seed: u64) -> Self {
        let World { settings, requests, .. } = world(name, seed);
        let memory = settings.memory();
        let PolicySettings::Sglang(rules) = settings.policy else {
            panic!("a world of SGLang's");
        };
        let slots = u64::from(memory.usable_blocks) * u64::from(memory.block_tokens);
        Self {
            context: format!("{name}, world {seed}"),
            capacity: slots - slots % u64::from(rules.page_size),
            scheduler: SglangScheduler::new(rules.clone(), &memory),
            settings: rules,
            to_come: requests.into(),
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
            missing: BTreeMap::new(),
            leaving: BTreeSet::new(),
            finished: 0,
            taken: 0,
        }
    }

    fn serve_all(mut self) {
        for _ in 0..MOST_TURNS {
            self.let_arrive();
            self.let_give_up();
            let decision = self.scheduler.decide();
            if let Some(id) = decision.aborted {
                self.leaves(id);
            }
            self.check(&decision);
            let in_flight = if self.settings.overlap_schedule && decision.kind.is_some() {
                2
            } else {
                1
            };
            if self.scheduler.steps_in_flight() >= in_flight {
                self.end_step();
            } else if decision.kind.is_none() && self.to_come.is_empty() {
                return self.has_served_all();
            }
        }
        panic!("{}: does not end", self.context);
    }

    fn let_arrive(&mut self) {
        while !self.to_come.is_empty() && (self.missing.is_empty() || self.random.random_bool(0.2)) {
            let mut request = self.to_come.pop_front().unwrap();
            request.ignore_eos = self.random.random_bool(0.2);
            request.stops &= !request.ignore_eos;
            if !self.scheduler.can_ever_serve(&request) {
                continue;
            }
            let (taken, most) = self.scheduler.submit(request);
            assert!(taken.output_tokens <= most.max(1), "{}", self.context);
            self.missing.insert(taken.id, taken.output_tokens);
            self.taken += 1;
        }
    }

    fn let_give_up(&mut self) {
        if !self.random.random_bool(0.02) || self.missing.is_empty() {
            return;
        }
        let place = self.random.random_range(0..self.missing.len());
        let id = *self.missing.keys().nth(place).unwrap();
        if self.scheduler.abort(id) {
            self.leaves(id);
        } else {
            self.leaving.insert(id);
        }
    }

    fn leaves(&mut self, id: RequestId) {
        assert!(self.missing.remove(&id).is_some(), "{}: leaves once", self.context);
        self.leaving.remove(&id);
        self.finished += 1;
    }

    fn check(&self, decision: &SglangDecision) {
        let (context, scheduler, settings) = (&self.context, &self.scheduler, &self.settings);
        let cached = scheduler.evictable_slots() + scheduler.protected_slots();
        let (used, filled) = (scheduler.used_slots(), scheduler.filled_slots());
        assert_eq!(
            scheduler.free_slots() + scheduler.evictable_slots() + used,
            self.capacity
        );
        assert!(scheduler.protected_slots() <= used && filled <= used, "{context}");
        assert!(settings.prefix_caching || cached == 0, "{context}");
        let ids: BTreeSet<RequestId> = decision.rows.iter().map(|row| row.id).collect();
        assert_eq!(ids.len(), decision.rows.len(), "{context}: once a step");
        assert!(ids.len() <= settings.max_running_requests as usize, "{context}");
        let waiting: BTreeSet<RequestId> = scheduler.waiting().collect();
        assert!(ids.is_disjoint(&waiting), "{context}: who computes does not wait");
        assert!(scheduler.running().iter().all(|id| !waiting.contains(id)), "{context}");
        let prompts = decision.rows.iter().filter(|row| row.kind != RowKind::Decode);
        let (count, tokens) = (prompts.clone().count(), prompts.map(|row| row.tokens).sum::<u32>());
        let most = match settings.chunked_prefill_size {
            Some(chunk) => chunk,
            // Without the cache, one that ignores stop tokens comes in whole while any of the budget is left.
            None if count <= 1 || !settings.prefix_caching => u32::MAX,
            None => settings.max_prefill_tokens,
        };
        assert!(tokens <= most, "{context}: {tokens} of {most} prompt tokens");
        assert_eq!(
            count == 0,
            matches!(decision.kind, None | Some(BatchKind::Decode)),
            "{context}"
        );
        let joins = decision.kind == Some(BatchKind::Mixed);
        assert!(!joins || settings.enable_mixed_chunk, "{context}");
    }

    fn end_step(&mut self) {
        for output in self.scheduler.end_step() {
            let missing = self.missing.get_mut(&output.id).expect("it is inside");
            *missing -= 1;
            let is_last = *missing == 0 || self.leaving.contains(&output.id);
            assert_eq!(output.finished.is_some(), is_last, "{}", self.context);
            if is_last {
                self.leaves(output.id);
            }
        }
    }

    fn has_served_all(self) {
        let (context, scheduler) = (&self.context, &self.scheduler);
        assert_eq!(self.finished, self.taken, "{context}: everyone leaves");
        assert!(scheduler.is_empty() && scheduler.waiting().len() == 0, "{context}");
        assert_eq!(scheduler.used_slots(), 0, "{context}");
        assert_eq!(scheduler.free_rows(), self.settings.max_running_requests, "{context}");
    }
}

#[test]
fn sglangs_scheduler_keeps_its_promises_in_every_turn() {
    for name in policy_names().filter(|name| name.starts_with("sglang")) {
        for seed in 0..600 {
            Run::new(name, seed).serve_all();
        }
    }
}
