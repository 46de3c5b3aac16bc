//! KV cache in the memory of the CPU (vLLM 0.33.0, `OffloadingConnector` and `vllm/v1/kv_offload`): full blocks of
//! prompts are copied there as they fill, and a request whose prompt goes on there beyond what the GPU still holds
//! waits with its blocks until they have been loaded.
//!
//! Transfers are jobs. A load begins with the decision that asks for it, a store with the step after, since its blocks
//! are not filled before. Whoever drives the scheduler says when a job has ended ([`VllmScheduler::end_transfers`]).

use super::cpu_memory::EndedRequest;
use super::lookup::CacheHit;
use super::member::Member;
use super::plan::VllmPlan;
use super::scheduler::VllmScheduler;
use super::transfers::{LoadStage, LoadStarted};
use crate::kv::BlockId;
use crate::workload::RequestId;

/// What comes of looking at a request that waits.
pub(super) enum Looked {
    /// It may come in with this.
    Found(CacheHit),
    /// It loads what it lacks; those behind it may pass.
    Loading,
    /// What it looks for is under way: it has to ask again, and those behind it may pass.
    Deferred,
    /// Nobody may pass it.
    Stuck,
}

impl VllmScheduler {
    /// Whether any transfer is under way.
    pub fn has_transfers(&self) -> bool {
        self.offload.as_ref().is_some_and(|offload| !offload.jobs.is_empty())
    }

    /// How many blocks the memory of the CPU holds.
    pub fn cpu_blocks(&self) -> usize {
        self.offload.as_ref().map_or(0, |offload| offload.store.len())
    }

    /// Jobs have ended.
    pub fn end_transfers(&mut self, jobs: &[u64]) {
        let Some(offload) = &mut self.offload else { return };
        for job in jobs {
            let job = offload.jobs.remove(job).expect("a job ends once");
            if !job.is_load {
                for &key in &job.keys {
                    offload.store.end_write(key);
                }
                continue;
            }
            for &key in &job.keys {
                offload.store.end_read(key);
            }
            if let Some(member) = offload.aside.iter_mut().find(|member| member.id() == job.id) {
                member.offloaded.stage = LoadStage::Loaded;
            } else if let Some(place) = offload.given_up.iter().position(|member| member.id() == job.id) {
                let member = offload.given_up.remove(place);
                for table in &member.tables {
                    self.pool.release(table);
                }
            }
        }
    }

    /// Begins to look at those who stand aside.
    pub(super) const fn look_from_the_start(&mut self) {
        if let Some(offload) = &mut self.offload {
            offload.looked_at = 0;
        }
    }

    /// The next of those who stand aside and have what they asked for.
    pub(super) fn next_aside(&mut self) -> Option<Box<Member>> {
        let offload = self.offload.as_mut()?;
        while let Some(next) = offload.aside.get(offload.looked_at)
            && next.offloaded.stage == LoadStage::Loading
        {
            offload.looked_at += 1;
        }
        offload.aside.remove(offload.looked_at)
    }

    /// A request stands aside from now on.
    pub(super) fn put_aside(&mut self, member: Box<Member>) {
        self.return_aside(member);
        if let Some(offload) = &mut self.offload {
            offload.looked_at += 1;
        }
    }

    /// One that stood aside still does, the next to be looked at.
    pub(super) fn return_aside(&mut self, member: Box<Member>) {
        let offload = self.offload.as_mut().expect("nobody else stands aside");
        offload.aside.insert(offload.looked_at, member);
    }

    /// What a request that waits finds in both memories; its load begins if that is more than the GPU holds.
    pub(super) fn look_at(&mut self, head: &mut Member, plan: &mut VllmPlan) -> Looked {
        match head.offloaded.stage {
            LoadStage::Loading => return Looked::Loading,
            LoadStage::Loaded => self.take_over(head),
            LoadStage::Holding => {}
            LoadStage::None => return self.ask(head, plan),
        }
        Looked::Found(CacheHit {
            tokens: head.computed,
            tables: std::mem::take(&mut head.tables),
            junction: None,
        })
    }

    fn ask(&mut self, head: &mut Member, plan: &mut VllmPlan) -> Looked {
        let hit = self.lookup(head);
        let block_tokens = self.key_rule.block_tokens;
        let caching = self.rules.prefix_caching;
        let Some(offload) = &mut self.offload else {
            return Looked::Found(hit);
        };
        let Some(chunks) = offload.find(head, hit.tokens / block_tokens, caching) else {
            return Looked::Deferred;
        };
        if chunks == 0 {
            return Looked::Found(hit);
        }
        let external = chunks * block_tokens;
        if !self.may_load(head, &hit, external) {
            return Looked::Stuck;
        }
        self.begin_load(head, hit, external, plan);
        Looked::Loading
    }

    /// Whether there are blocks for what a request is about to load, beside those that others need who came before.
    fn may_load(&self, head: &Member, hit: &CacheHit, external: u32) -> bool {
        if !self.fits_whole(head, hit) {
            return false;
        }
        let group = self.groups[0];
        let aside = self.offload.iter().flat_map(|offload| &offload.aside);
        let unfinished = self
            .running
            .iter()
            .filter(|member| member.is_prefilling)
            .chain(aside.filter(|member| member.offloaded.stage != LoadStage::None));
        let reserved = unfinished.map(|member| {
            let entries = group.entries_for(member.num_tokens());
            entries.saturating_sub(member.tables[0].len() as u32)
        });
        let taken = self.taken_by_admission(hit, |group| group.entries_for(hit.tokens + external));
        taken + reserved.sum::<u32>() <= self.pool.free_count()
    }

    fn begin_load(&mut self, head: &mut Member, hit: CacheHit, external: u32, plan: &mut VllmPlan) {
        let found = hit.tables[0].len();
        self.pool.share(&hit.tables[0]);
        head.tables = hit.tables;
        head.named = vec![found];
        head.named_tokens = hit.tokens;
        head.computed = hit.tokens + external;
        head.room = head.computed;
        let chunks = (external / self.key_rule.block_tokens) as usize;
        head.tables[0].extend((0..chunks).map(|_| self.pool.take()));
        self.note_handed_out(&head.tables[0]);
        let state = &mut head.offloaded;
        state.stage = LoadStage::Loading;
        (state.hit, state.external) = (hit.tokens, external);
        state.stored = (found + chunks) as u32;
        let keys = head.keys()[found..found + chunks].to_vec();
        let offload = self.offload.as_mut().expect("it loads");
        let rank = offload.rank_of(head);
        for (number, &key) in (found as u32..).zip(&keys) {
            offload.store.begin_read(key);
            offload.store.touch(key, (rank, number));
        }
        let id = head.id();
        plan.transfers.loads.push(offload.add_job(id, true, keys, Vec::new()));
        plan.transfers.loading.push(LoadStarted {
            id,
            hit: hit.tokens,
            external,
        });
    }

    /// What a request has loaded is known to the prefix cache from now on; its last token is computed again if all are
    /// there.
    fn take_over(&mut self, head: &mut Member) {
        head.offloaded.stage = LoadStage::Holding;
        self.name_held_blocks(head, head.computed);
        if head.computed == head.num_tokens() {
            head.computed -= 1;
        }
    }

    /// Notes blocks that have been handed out in this decision.
    pub(super) fn note_handed_out(&mut self, blocks: &[BlockId]) {
        if let Some(offload) = &mut self.offload {
            offload.note_handed_out(blocks);
        }
    }

    /// A request comes in: the tokens that it had found in the GPU, and had loaded.
    pub(super) const fn end_load(member: &mut Member) -> Option<(u32, u32)> {
        let state = &mut member.offloaded;
        if !matches!(state.stage, LoadStage::Holding) {
            return None;
        }
        state.stage = LoadStage::None;
        Some((state.hit, state.external))
    }

    /// A client gives up on a request that stands aside; false if it is not there.
    pub(super) fn abort_aside(&mut self, id: RequestId) -> bool {
        let Some(offload) = &mut self.offload else {
            return false;
        };
        let Some(place) = offload.aside.iter().position(|member| member.id() == id) else {
            return false;
        };
        let member = offload.aside.remove(place).expect("it is there");
        offload.end((*member).clone(), false);
        if member.offloaded.stage == LoadStage::Loading {
            offload.given_up.push(*member);
        } else {
            self.release(&member);
        }
        true
    }

    /// A request that runs or waits has ended, with its answer or without.
    pub(super) fn end_offloading(&mut self, member: &Member, is_answered: bool) {
        if let Some(offload) = &mut self.offload {
            offload.end(member.clone(), is_answered);
        }
    }

    /// What has to be stored now that a step has been decided, and what has to end before it runs.
    pub(super) fn plan_stores(&mut self, plan: &mut VllmPlan) {
        let Some(mut offload) = self.offload.take() else { return };
        plan.transfers.flushed = offload.to_flush(&plan.preempted);
        offload.handed_out.clear();
        let block_tokens = self.key_rule.block_tokens;
        let rules = offload.rules;
        let mut next = 0;
        for part in &plan.scheduled {
            let place = self.place_of(part.id, next).expect("a scheduled request runs");
            next = place + 1;
            let member = &mut self.running[place];
            let mut tokens = member.computed.min(member.num_tokens());
            if rules.prompt_only {
                tokens = tokens.min(member.request.prompt.tokens());
            }
            plan.transfers
                .stores
                .extend(offload.offer(member, tokens, block_tokens));
        }
        for EndedRequest {
            mut member,
            is_answered,
        } in std::mem::take(&mut offload.ended)
        {
            if is_answered {
                let prompt = member.request.prompt.tokens();
                let mut tokens = prompt.max(member.num_tokens() - 1);
                if rules.prompt_only {
                    tokens = tokens.min(prompt);
                }
                let store = offload.offer(&mut member, tokens, block_tokens);
                plan.transfers.stores.extend(store);
            }
            let rank = member.offloaded.rank;
            offload.store.end(rank, member.keys());
        }
        self.offload = Some(offload);
    }
}
