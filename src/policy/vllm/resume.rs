//! A scheduler that goes on where one is that counts blocks without knowing which they are.

use super::scheduler::VllmScheduler;
use crate::policy::live::Live;

/// A running request whose prompt is its own, and which has never been preempted.
#[derive(Clone, Debug)]
pub struct RunningRequest {
    /// Its history, with the tokens it has computed and produced and the blocks it holds.
    pub live: Live,
    /// Tokens that steps in flight are going to sample, drafts that may be accepted included.
    pub placeholders: u32,
    /// Tokens that steps in flight compute.
    pub in_flight: u32,
    /// Draft tokens to verify in its next step.
    pub drafts: u32,
    /// How often drafts were proposed for it.
    pub proposals: usize,
    /// How often drafts were verified.
    pub verifications: usize,
    /// Whether the latest step it took part in left tokens of it to compute.
    pub is_prefilling: bool,
    /// Its first tokens whose blocks have been offered to the cache, whole blocks.
    pub named_tokens: u32,
}

impl VllmScheduler {
    /// Takes over a request that runs, behind those that do already; of one table of blocks.
    pub(super) fn run_on(&mut self, running: &RunningRequest) {
        assert!(self.groups.is_one_full(), "groups of layers have a table each");
        let live = &running.live;
        let named = (running.named_tokens / self.memory.block_tokens) as usize;
        let table: Vec<_> = (0..live.blocks).map(|_| self.pool.take()).collect();
        for &block in &table[..named] {
            self.pool.keep_own(block);
        }
        let mut member = self.member(live.request.clone());
        member.generated = live.generated;
        member.computed = live.computed;
        member.in_flight = running.in_flight;
        member.tables = vec![table];
        member.placeholders = running.placeholders;
        member.drafts = running.drafts;
        member.proposals = running.proposals;
        member.verifications = running.verifications;
        member.is_prefilling = running.is_prefilling;
        member.named = vec![named];
        member.named_tokens = running.named_tokens;
        member.room = live.blocks * self.memory.block_tokens;
        self.reserve_tables(&mut member);
        self.running.push(Box::new(member));
    }
}
