//! The memory of the CPU as a second tier of the KV cache: what is there, and which transfers are under way.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashSet;

use super::member::Member;
use super::transfers::{OffloadRules, Transfer};
use crate::kv::{BlockId, BlockKey, ChunkState, ChunkStore, StoreRank};
use crate::workload::RequestId;

/// The memory of the CPU, and what goes on between it and the GPU.
#[derive(Clone, Debug)]
pub struct CpuMemory {
    pub rules: OffloadRules,
    pub store: ChunkStore,
    pub next_job: u64,
    pub jobs: BTreeMap<u64, Job>,
    /// Requests that load what they lack, which are looked at first.
    pub aside: VecDeque<Box<Member>>,
    /// How many of them have been looked at in this decision, and go on loading.
    pub looked_at: usize,
    /// Those whose clients gave up while they were loading: their blocks stay until the load has ended.
    pub given_up: Vec<Member>,
    /// Requests that have ended since the latest decision, in order.
    pub ended: Vec<EndedRequest>,
    /// Blocks that were handed out in the latest decision.
    pub handed_out: FxHashSet<BlockId>,
}

/// A request that has ended.
#[derive(Clone, Debug)]
pub struct EndedRequest {
    pub member: Member,
    /// Whether it has its answer: of others no more is stored.
    pub is_answered: bool,
}

#[derive(Clone, Debug)]
pub struct Job {
    pub id: RequestId,
    pub is_load: bool,
    pub keys: Vec<BlockKey>,
    /// The blocks in the GPU that a store reads.
    pub blocks: Vec<BlockId>,
    /// Whether its request has ended.
    pub is_over: bool,
}

impl CpuMemory {
    pub fn new(rules: OffloadRules) -> Self {
        Self {
            rules,
            store: ChunkStore::new(rules.cpu_blocks),
            next_job: 0,
            jobs: BTreeMap::new(),
            aside: VecDeque::new(),
            looked_at: 0,
            given_up: Vec::new(),
            ended: Vec::new(),
            handed_out: FxHashSet::default(),
        }
    }

    pub fn add_job(&mut self, id: RequestId, is_load: bool, keys: Vec<BlockKey>, blocks: Vec<BlockId>) -> Transfer {
        let transfer = Transfer {
            job: self.next_job,
            id,
            chunks: keys.len() as u32,
        };
        let job = Job {
            id,
            is_load,
            keys,
            blocks,
            is_over: false,
        };
        self.jobs.insert(self.next_job, job);
        self.next_job += 1;
        transfer
    }

    pub fn note_handed_out(&mut self, blocks: &[BlockId]) {
        self.handed_out.extend(blocks);
    }

    pub fn rank_of(&mut self, member: &mut Member) -> StoreRank {
        *member.offloaded.rank.get_or_insert_with(|| self.store.latest_rank())
    }

    /// How many chunks a request finds beyond `from` of its own; `None` if it has to ask again.
    pub fn find(&self, member: &mut Member, from: u32, caching: bool) -> Option<u32> {
        member.offloaded.stored = 0;
        if self.jobs.values().any(|job| job.id == member.id()) {
            return None;
        }
        let keys = &member.keys()[from as usize..];
        let states = keys.iter().map_while(|key| self.store.state(*key));
        let found: Vec<ChunkState> = states.collect();
        let is_under_way = |state: &ChunkState| match state {
            ChunkState::Written => true,
            ChunkState::Ready { readers } => caching && *readers > 0,
        };
        (!found.iter().any(is_under_way)).then_some(found.len() as u32)
    }

    /// Stores those of a request's first `tokens` tokens that are not there yet, as far as there is room.
    pub fn offer(&mut self, member: &mut Member, tokens: u32, block_tokens: u32) -> Option<Transfer> {
        let (from, end) = (member.offloaded.stored, tokens / block_tokens);
        if end <= from {
            return None;
        }
        let rank = self.rank_of(member);
        let keys = member.keys()[from as usize..end as usize].to_vec();
        let key = |number: u32| keys[(number - from) as usize];
        let offered: FxHashSet<BlockKey> = keys.iter().copied().collect();
        let is_new = |number: &u32| self.store.state(key(*number)).is_none();
        let (new, old): (Vec<u32>, Vec<u32>) = (from..end).partition(is_new);
        if !self.store.make_room(new.len(), &|key| offered.contains(&key)) {
            return None;
        }
        member.offloaded.stored = end;
        for number in old {
            self.store.touch(key(number), (rank, number));
        }
        if new.is_empty() {
            return None;
        }
        for &number in &new {
            self.store.begin_write(key(number), (rank, number));
        }
        let written = new.iter().map(|&number| key(number)).collect();
        let blocks = new.iter().map(|&number| member.tables[0][number as usize]).collect();
        Some(self.add_job(member.id(), false, written, blocks))
    }

    /// A request has ended, answered or not.
    pub fn end(&mut self, member: Member, is_answered: bool) {
        for job in self.jobs.values_mut().filter(|job| job.id == member.id()) {
            job.is_over = true;
        }
        self.ended.push(EndedRequest { member, is_answered });
    }

    /// Stores that must end before the step that has been decided runs: of those who were preempted, and of those who
    /// have ended and whose blocks have been handed out again.
    pub fn to_flush(&self, preempted: &[RequestId]) -> Vec<u64> {
        let must_end = |job: &Job| {
            let is_taken = || job.blocks.iter().any(|block| self.handed_out.contains(block));
            !job.is_load && (preempted.contains(&job.id) || job.is_over && is_taken())
        };
        let flushed = self.jobs.iter().filter(|(_, job)| must_end(job));
        flushed.map(|(&number, _)| number).collect()
    }
}
