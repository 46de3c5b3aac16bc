//! The blocks of requests, group by group (`KVCacheManager.allocate_slots`, `SingleTypeKVCacheManager`).

use super::decisions::AdmissionMemory;
use super::lookup::CacheHit;
use super::member::Member;
use super::scheduler::VllmScheduler;
use super::settings::ContinuousSettings;
use crate::hardware::{KvGroup, KvGroupKind};
use crate::kv::{BlockPool, KvGroups, NULL_BLOCK};

impl VllmScheduler {
    /// Gives a running request the blocks for `tokens` more tokens; false if there are too few. What no later token
    /// sees is given back first, whatever comes of it.
    pub(super) fn allocate_running(&mut self, index: usize, tokens: u32) -> bool {
        if self.has_windows {
            self.give_back(index);
        }
        let member = &self.running[index];
        let known = (member.computed + tokens).min(member.num_tokens());
        let room = self.room_for(member.computed + tokens, self.lookahead_tokens());
        if room <= member.room {
            self.name_blocks(index, known);
            return true;
        }
        let groups = self.groups.iter().zip(&member.tables);
        let lacking = groups.map(|(group, table)| group.entries_for(room).saturating_sub(table.len() as u32));
        if lacking.sum::<u32>() > self.pool.free_count() {
            return false;
        }
        self.take_room(index, room);
        self.name_blocks(index, known);
        true
    }

    /// Gives back what lies behind the windows of a running request, as far as it is sure to be computed: a step in
    /// flight may still read it, and drafts may be rejected.
    fn give_back(&mut self, index: usize) {
        let member = &mut self.running[index];
        let settled = member.settled();
        for (group, table) in self.groups.iter().zip(&mut member.tables) {
            let unseen = (group.unseen_entries(settled) as usize).min(table.len());
            let earlier = table[..unseen].iter().rposition(|&block| block == NULL_BLOCK);
            let from = earlier.map_or(0, |place| place + 1);
            self.pool.release(&table[from..unseen]);
            table[from..unseen].fill(NULL_BLOCK);
        }
    }

    /// Lengthens the tables of a running request to hold so many tokens.
    fn take_room(&mut self, index: usize, tokens: u32) {
        let member = &mut self.running[index];
        let before = member.tables[0].len();
        for (group, table) in self.groups.iter().zip(&mut member.tables) {
            let lacking = group.entries_for(tokens).saturating_sub(table.len() as u32);
            table.extend((0..lacking).map(|_| self.pool.take()));
        }
        // Every group's blocks hold a multiple of so many tokens.
        member.room = tokens.next_multiple_of(self.key_rule.block_tokens);
        if let Some(offload) = &mut self.offload {
            offload.note_handed_out(&member.tables[0][before..]);
        }
    }

    /// Tokens that a request needs room for when so many are computed, and so many may be drafted beyond them.
    fn room_for(&self, tokens: u32, lookahead: u32) -> u32 {
        (tokens + lookahead).min(self.memory.max_model_len)
    }

    /// Offers the blocks that are full within a running request's first `tokens` tokens to the cache.
    pub(super) fn name_blocks(&mut self, index: usize, tokens: u32) {
        let cache = Naming::of(&self.rules, &self.groups, self.alignment, &mut self.pool);
        cache.name(&mut self.running[index], tokens);
    }

    /// The same of a request that does not run, but holds blocks.
    pub(super) fn name_held_blocks(&mut self, member: &mut Member, tokens: u32) {
        let cache = Naming::of(&self.rules, &self.groups, self.alignment, &mut self.pool);
        cache.name(member, tokens);
    }

    /// Names the blocks of a request that is about to lose them, if it has named none of what is its alone: it will ask
    /// for them.
    pub(super) fn name_own(&mut self, member: &mut Member) {
        if !self.rules.prefix_caching || member.preemptions > 0 {
            return;
        }
        member.keys();
        for (number, group) in self.groups.iter().enumerate() {
            for (at, &block) in member.tables[number][..member.named[number]].iter().enumerate() {
                if block != NULL_BLOCK && self.pool.is_own(block) {
                    let key = member.key_up_to((at as u32 + 1) * group.block_tokens);
                    self.pool.name(block, key.in_group(number));
                }
            }
        }
    }

    /// Whether there are blocks for a request that comes in with this hit and computes `tokens` tokens.
    pub(super) fn may_admit(&self, member: &Member, hit: &CacheHit, tokens: u32) -> bool {
        let memory = self.admission_memory();
        let now = self.room_for(hit.tokens + tokens, self.lookahead_at_admission());
        let taken = self.taken_by_admission(hit, |group| group.entries_for(now));
        self.rules.leaves_enough_free(taken, &memory) && self.fits_whole(member, hit)
    }

    /// Whether there are blocks for all tokens of a request that has found this, where vLLM asks for that.
    pub(super) fn fits_whole(&self, member: &Member, hit: &CacheHit) -> bool {
        if !self.rules.full_sequence_gate {
            return true;
        }
        let memory = self.admission_memory();
        let (all, longest) = (member.num_tokens(), self.memory.max_model_len);
        let in_flight = u64::from(self.rules.max_num_batched_tokens) * self.rules.steps_in_flight();
        let taken = self.taken_by_admission(hit, |group| group.most_blocks(all, in_flight, longest));
        self.rules.leaves_enough_free(taken, &memory)
    }

    fn admission_memory(&self) -> AdmissionMemory {
        AdmissionMemory {
            free_blocks: self.pool.free_count(),
            usable_blocks: self.pool.usable(),
            others_run: !self.running.is_empty(),
        }
    }

    /// Blocks that leave the free queue when a request comes in that needs so many entries in a group.
    pub(super) fn taken_by_admission(&self, hit: &CacheHit, entries: impl Fn(&KvGroup) -> u32) -> u32 {
        let groups = self.groups.iter().zip(&hit.tables);
        let taken = groups.map(|(group, found)| {
            let lacking = entries(group).saturating_sub(found.len() as u32);
            // Blocks that are found but unused lie in the free queue and leave it.
            lacking + self.pool.count_unused(found)
        });
        taken.sum()
    }

    /// Makes a request run that computes `tokens` tokens beside what it has found, whose blocks it may hold already.
    pub(super) fn take_in(&mut self, mut member: Box<Member>, hit: CacheHit, tokens: u32, holds_hit: bool) {
        if !holds_hit {
            for found in &hit.tables {
                self.pool.share(found);
                self.note_handed_out(found);
            }
        }
        member.named = hit.tables.iter().map(Vec::len).collect();
        member.tables = hit.tables;
        member.named_tokens = hit.tokens;
        member.computed = hit.tokens;
        self.reserve_tables(&mut member);
        let known = (hit.tokens + tokens).min(member.num_tokens());
        self.running.push(member);
        let index = self.running.len() - 1;
        self.take_room(index, self.room_for(hit.tokens + tokens, self.lookahead_at_admission()));
        self.name_blocks(index, known);
    }

    /// Makes the tables of a request as large as they will ever be, so that they need not move.
    pub(super) fn reserve_tables(&self, member: &mut Member) {
        let all = member.request.prompt.tokens() + member.request.output_tokens;
        let drafts = self.rules.speculative.as_ref().map_or(0, |drafts| drafts.tokens);
        let most = self.room_for(all + drafts, self.lookahead_tokens());
        for (group, table) in self.groups.iter().zip(&mut member.tables) {
            table.reserve_exact((group.entries_for(most) as usize).saturating_sub(table.len()));
        }
    }

    /// Takes all blocks from a request, group by group.
    pub(super) fn release(&mut self, member: &Member) {
        for table in &member.tables {
            self.pool.release(table);
        }
    }
}

/// What it takes to offer blocks to the cache.
struct Naming<'a> {
    rules: &'a ContinuousSettings,
    groups: &'a KvGroups,
    alignment: u32,
    pool: &'a mut BlockPool,
}

impl<'a> Naming<'a> {
    const fn of(rules: &'a ContinuousSettings, groups: &'a KvGroups, alignment: u32, pool: &'a mut BlockPool) -> Self {
        Self {
            rules,
            groups,
            alignment,
            pool,
        }
    }

    fn name(self, member: &mut Member, tokens: u32) {
        if !self.rules.prefix_caching || tokens < member.named_tokens + self.alignment {
            return;
        }
        let whole = tokens.min(member.tokens_with_keys()) / self.alignment * self.alignment;
        member.named_tokens = member.named_tokens.max(whole);
        for (number, &group) in self.groups.iter().enumerate() {
            let (first, end) = (member.named[number], (whole / group.block_tokens) as usize);
            if first >= end {
                continue;
            }
            if !member.keeps_own((first as u32 + 1) * group.block_tokens) {
                member.keys();
            }
            for at in first..end {
                let block = member.tables[number][at];
                if block == NULL_BLOCK
                    || !keeps(group, at as u32, member, self.alignment, self.rules.retention_interval)
                {
                    continue;
                }
                let filled = (at as u32 + 1) * group.block_tokens;
                if member.keeps_own(filled) {
                    self.pool.keep_own(block);
                } else {
                    self.pool.name(block, member.key_up_to(filled).in_group(number));
                }
            }
            member.named[number] = end;
        }
    }
}

/// Whether the cache keeps the entry `at` of a request's table. Of a window's blocks it keeps only those that hits are
/// likely to end with: at the end of its prompt, where it has left what others have in common, and before every
/// multiple of the retention interval.
fn keeps(group: KvGroup, at: u32, member: &Member, alignment: u32, interval: Option<u32>) -> bool {
    let (KvGroupKind::Sliding(_), Some(interval)) = (group.kind, interval) else {
        return true;
    };
    let in_window_before = |tokens: u32| {
        let end = tokens / group.block_tokens;
        at < end && at + group.window_blocks() >= end
    };
    let last = member.request.prompt.tokens() - 1;
    let multiple = || {
        let end = (at + 1) * group.block_tokens;
        end.checked_next_multiple_of(interval)
    };
    in_window_before(last - last % alignment)
        || member.junction.is_some_and(in_window_before)
        || multiple().is_some_and(in_window_before)
}
