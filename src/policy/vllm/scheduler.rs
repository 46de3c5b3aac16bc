//! The scheduler's state: the queues and the blocks.

use std::collections::VecDeque;

use super::member::Member;
use super::settings::ContinuousSettings;
use crate::kv::{BlockPool, PoolRules};
use crate::policy::queue::Memory;
use crate::workload::{Request, RequestId};

/// The scheduler's state.
#[derive(Clone, Debug)]
pub struct VllmScheduler {
    pub(super) rules: ContinuousSettings,
    pub(super) memory: Memory,
    pub(super) pool: BlockPool,
    /// Next first: by arrival, preempted ones at the head; or by priority.
    pub(super) waiting: VecDeque<Member>,
    /// In the order of admission.
    pub(super) running: Vec<Member>,
}

impl VllmScheduler {
    /// An empty server.
    pub fn new(rules: ContinuousSettings, memory: Memory) -> Self {
        let pool = PoolRules {
            caching: rules.prefix_caching,
            keyless_first: rules.keyless_first,
        };
        Self {
            rules,
            memory,
            // With the null block.
            pool: BlockPool::new(memory.usable_blocks + 1, pool),
            waiting: VecDeque::new(),
            running: Vec::new(),
        }
    }

    /// A request arrives.
    pub fn submit(&mut self, request: Request) {
        let member = Member::new(request, self.memory.block_tokens);
        self.enqueue(member);
    }

    /// A client gives up: its request leaves at once. False if it is not here.
    pub fn abort(&mut self, id: RequestId) -> bool {
        if let Some(place) = self.waiting.iter().position(|member| member.id() == id) {
            self.waiting.remove(place);
            return true;
        }
        let Some(place) = self.running.iter().position(|member| member.id() == id) else {
            return false;
        };
        let member = self.running.remove(place);
        self.pool.release(&member.table);
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

    /// The queue, next first.
    pub fn waiting(&self) -> impl ExactSizeIterator<Item = &Member> {
        self.waiting.iter()
    }

    /// The running requests in the order of admission.
    pub fn running(&self) -> &[Member] {
        &self.running
    }

    /// Slots of the running requests' blocks without a token. Blocks that requests share are full.
    pub fn empty_slots(&self) -> u64 {
        let empty = self.running.iter().map(|member| {
            let slots = member.table.len() as u64 * u64::from(self.memory.block_tokens);
            slots - u64::from(member.computed)
        });
        empty.sum()
    }

    /// Puts a request where the queue's order wants it: at the end, or by priority.
    pub(super) fn enqueue(&mut self, member: Member) {
        if !self.rules.priority {
            return self.waiting.push_back(member);
        }
        let place = self.waiting.partition_point(|other| other.rank() < member.rank());
        self.waiting.insert(place, member);
    }

    pub(super) const fn lookahead_tokens(&self) -> u32 {
        match &self.rules.speculative {
            Some(speculative) => speculative.lookahead_tokens,
            None => 0,
        }
    }
}
