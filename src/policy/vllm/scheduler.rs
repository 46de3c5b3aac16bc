//! The scheduler's state: the queues and the blocks.

use std::collections::VecDeque;

use super::cpu_memory::CpuMemory;
use super::group_search::GroupClass;
use super::member::{KeyRule, Member};
use super::settings::ContinuousSettings;
use crate::hardware::{KvGroup, KvGroupKind};
use crate::kv::{BlockPool, KvGroups, PoolRules};
use crate::policy::live::Memory;
use crate::workload::{ContentId, Request, RequestId};

/// The scheduler's state.
#[derive(Clone, Debug)]
#[expect(
    clippy::vec_box,
    reason = "whoever leaves moves all behind it, and a request with its state is large"
)]
pub struct VllmScheduler {
    pub(super) rules: ContinuousSettings,
    pub(super) memory: Memory,
    pub(super) groups: KvGroups,
    pub(super) classes: Vec<GroupClass>,
    /// Whether any group gives blocks back while a request goes on.
    pub(super) has_windows: bool,
    /// Hits are multiples of so many tokens.
    pub(super) alignment: u32,
    pub(super) key_rule: KeyRule,
    pub(super) pool: BlockPool,
    /// Next first: by arrival, preempted ones at the head; or by priority.
    pub(super) waiting: VecDeque<Box<Member>>,
    /// The memory of the CPU, if it holds KV cache too.
    pub(super) offload: Option<Box<CpuMemory>>,
    /// In the order of admission.
    pub(super) running: Vec<Box<Member>>,
}

impl VllmScheduler {
    /// An empty server. Without a prefix cache if a group keeps states: how vLLM caches these is not modelled.
    pub fn new(rules: ContinuousSettings, memory: Memory) -> Self {
        let groups = memory.groups();
        assert!(
            !rules.prefix_caching || !groups.iter().any(KvGroup::is_state),
            "states are not cached: prefix caching is off where a group keeps them"
        );
        let pool = PoolRules {
            caching: rules.prefix_caching,
            keyless_first: rules.keyless_first,
        };
        let key_rule = KeyRule {
            block_tokens: groups.key_tokens(),
            lookahead: rules.speculative.as_ref().map_or(0, |drafts| drafts.key_lookahead),
            stop_token: None,
        };
        Self {
            classes: GroupClass::all_of(&groups),
            has_windows: groups
                .iter()
                .any(|group| matches!(group.kind, KvGroupKind::Sliding(_) | KvGroupKind::Chunked(_))),
            alignment: groups.alignment(),
            key_rule,
            groups,
            offload: rules.offload.map(|offload| Box::new(CpuMemory::new(offload))),
            rules,
            // With the null block.
            pool: BlockPool::new(memory.usable_blocks + 1, pool),
            memory,
            waiting: VecDeque::new(),
            running: Vec::new(),
        }
    }

    /// The same, where all outputs that stop by themselves end in this token.
    #[must_use]
    pub const fn with_stop_token(mut self, token: (ContentId, u32)) -> Self {
        self.key_rule.stop_token = Some(token);
        self
    }

    /// A request arrives.
    pub fn submit(&mut self, request: Request) {
        let member = self.member(request);
        self.enqueue(Box::new(member));
    }

    pub(super) fn member(&self, request: Request) -> Member {
        let mut member = Member::new(request, &self.groups, self.key_rule);
        if self.has_windows {
            // What it gives back behind its windows it may ask for when it has been preempted.
            member.shares_all();
        }
        member
    }

    /// A client gives up: its request leaves at once. False if it is not here.
    pub fn abort(&mut self, id: RequestId) -> bool {
        if let Some(place) = self.waiting.iter().position(|member| member.id() == id) {
            if let Some(member) = self.waiting.remove(place) {
                self.end_offloading(&member, false);
            }
            return true;
        }
        if self.abort_aside(id) {
            return true;
        }
        let Some(place) = self.running.iter().position(|member| member.id() == id) else {
            return false;
        };
        let member = self.running.remove(place);
        self.end_offloading(&member, false);
        self.release(&member);
        true
    }

    /// Forgets all cached content; false, and nothing happens, while any block is in use.
    pub fn reset_prefix_cache(&mut self) -> bool {
        self.pool.reset()
    }

    /// All blocks of KV memory, with the prefix cache in them.
    pub const fn pool(&self) -> &BlockPool {
        &self.pool
    }

    /// The queue, next first: those first that load what they lack.
    pub fn waiting(&self) -> impl Iterator<Item = &Member> {
        let aside = self.offload.iter().flat_map(|offload| &offload.aside);
        aside.chain(&self.waiting).map(Box::as_ref)
    }

    /// How many wait.
    pub fn waiting_count(&self) -> usize {
        let aside = self.offload.as_ref().map_or(0, |offload| offload.aside.len());
        aside + self.waiting.len()
    }

    /// The running requests in the order of admission.
    pub fn running(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.running.iter().map(Box::as_ref)
    }

    /// Those that hold blocks: the running requests, and those that wait with what they load.
    pub fn holding(&self) -> impl Iterator<Item = &Member> {
        let loading = self.waiting().filter(|member| member.holds_blocks());
        self.running().chain(loading)
    }

    /// The groups of layers between which the blocks are divided.
    pub const fn groups(&self) -> &KvGroups {
        &self.groups
    }

    /// Slots of the running requests' blocks without a token. Blocks that requests share are full; those of a state
    /// have no slots.
    pub fn empty_slots(&self) -> u64 {
        if self.groups.is_one_full() {
            let block_tokens = u64::from(self.groups[0].block_tokens);
            let of = |member: &Member| member.tables[0].len() as u64 * block_tokens - u64::from(member.computed);
            return self.running().map(of).sum();
        }
        let empty = self.running.iter().map(|member| {
            let tables = self.groups.iter().zip(&member.tables);
            let with_slots = tables.filter(|(group, _)| !group.is_state());
            // Null entries stand for as many tokens as they could hold.
            let empty = with_slots.map(|(group, table)| {
                let slots = table.len() as u64 * u64::from(group.block_tokens);
                slots - u64::from(member.computed)
            });
            empty.sum::<u64>()
        });
        empty.sum()
    }

    /// Where a request runs, if it does. A step holds requests in the order in which they run, so whoever goes through
    /// it finds each at the place `likely` after the one before.
    pub(super) fn place_of(&self, id: RequestId, likely: usize) -> Option<usize> {
        let is_it = |place: &usize| self.running[*place].id() == id;
        let likely = likely.min(self.running.len());
        (likely..self.running.len()).chain(0..likely).find(is_it)
    }

    /// Puts a request where the queue's order wants it: at the end, or by priority.
    pub(super) fn enqueue(&mut self, member: Box<Member>) {
        if !self.rules.priority {
            return self.waiting.push_back(member);
        }
        let place = self
            .waiting
            .partition_point(|other| other.request.rank() < member.request.rank());
        self.waiting.insert(place, member);
    }

    pub(super) const fn lookahead_tokens(&self) -> u32 {
        match &self.rules.speculative {
            Some(speculative) => speculative.lookahead_tokens,
            None => 0,
        }
    }

    /// Tokens beyond those of its first step that a request needs room for.
    pub(super) const fn lookahead_at_admission(&self) -> u32 {
        match &self.rules.speculative {
            Some(speculative) if speculative.rules.admits_with_lookahead => speculative.lookahead_tokens,
            _ => 0,
        }
    }
}
