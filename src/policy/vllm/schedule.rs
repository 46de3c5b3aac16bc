//! What the next step holds (`Scheduler.schedule`, `KVCacheManager.allocate_slots`).

use std::collections::VecDeque;

use super::decisions::{AdmissionMemory, cut_to_threshold};
use super::member::Member;
use super::scheduler::VllmScheduler;
use crate::kv::{BlockId, blocks_for};
use crate::policy::queue::ScheduledAs;
use crate::workload::{Request, RequestId};

/// What one step of vLLM holds, and whom it preempts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VllmPlan {
    /// Requests that compute, in order.
    pub scheduled: Vec<ScheduledPart>,
    /// Requests that lost their blocks, in order.
    pub preempted: Vec<RequestId>,
}

/// One request's part in a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledPart {
    /// The request that this part belongs to.
    pub id: RequestId,
    /// How it came into the step.
    pub kind: ScheduledAs,
    /// Tokens it computes, drafts included.
    pub tokens: u32,
    /// Tokens whose KV existed before, those found in the cache included.
    pub computed_before: u32,
    /// Tokens found in the prefix cache.
    pub hit: u32,
    /// Draft tokens it verifies.
    pub drafts: u32,
    /// Whether it samples.
    pub samples: bool,
}

impl VllmScheduler {
    /// Decides a step. From now on its tokens count as computed.
    pub fn schedule(&mut self) -> VllmPlan {
        let threshold = self.rules.threshold(self.running.len() + self.waiting.len());
        let mut plan = VllmPlan::default();
        let mut budget = self.schedule_running(&mut plan, threshold);
        if plan.preempted.is_empty() {
            self.schedule_waiting(&mut plan, threshold, &mut budget);
        }
        self.count_as_computed(&mut plan);
        plan
    }

    /// Running requests, oldest first. Returns the budget left.
    fn schedule_running(&mut self, plan: &mut VllmPlan, threshold: u32) -> u32 {
        let mut budget = self.rules.max_num_batched_tokens;
        let mut index = 0;
        while index < self.running.len() && budget > 0 {
            let tokens = self.wanted(&self.running[index], threshold, budget);
            if tokens == 0 {
                index += 1;
                continue;
            }
            let id = self.running[index].id();
            let mut place = Some(index);
            while let Some(current) = place {
                if self.allocate_running(current, tokens) {
                    break;
                }
                let victim = self.victim();
                budget += self.preempt(victim, plan);
                place = match victim.cmp(&current) {
                    std::cmp::Ordering::Less => Some(current - 1),
                    std::cmp::Ordering::Equal => None,
                    std::cmp::Ordering::Greater => Some(current),
                };
                index -= usize::from(victim < current);
            }
            let Some(current) = place else {
                if self.rules.priority && self.rules.goes_on_after_self_preemption {
                    continue; // The next request has moved up to this place.
                }
                break;
            };
            let member = &self.running[current];
            debug_assert_eq!(member.id(), id);
            plan.scheduled.push(ScheduledPart {
                id,
                kind: ScheduledAs::Running,
                tokens,
                computed_before: member.computed,
                hit: 0,
                drafts: drafts_within(member, tokens),
                samples: false,
            });
            budget -= tokens;
            index += 1;
        }
        budget
    }

    /// How many tokens a running request gets.
    fn wanted(&self, member: &Member, threshold: u32, budget: u32) -> u32 {
        let end = member.request.prompt.tokens() + member.request.max_tokens;
        if member.placeholders > 0 && member.computed + 2 - member.placeholders >= end {
            return 0; // The step in flight will surely finish it.
        }
        let all = member.num_tokens() + member.drafts + member.placeholders;
        let unfed = u32::from(!member.request.is_prompt_only);
        let room = self.memory.max_model_len - unfed - member.computed;
        cut_to_threshold(all - member.computed, threshold).min(budget).min(room)
    }

    /// Gives a running request the blocks for `tokens` more tokens; false if there are too few.
    fn allocate_running(&mut self, index: usize, tokens: u32) -> bool {
        let member = &self.running[index];
        let held = member.table.len() as u32;
        let needed = self.blocks_with_lookahead(member.computed + tokens);
        let lacking = needed.saturating_sub(held);
        if lacking > self.pool.free_count() {
            return false;
        }
        let member = &mut self.running[index];
        member.table.extend((0..lacking).map(|_| self.pool.take()));
        let known = (member.computed + tokens).min(member.num_tokens());
        self.name_blocks(index, known);
        true
    }

    fn blocks_with_lookahead(&self, tokens: u32) -> u32 {
        let tokens = (tokens + self.lookahead_tokens()).min(self.memory.max_model_len);
        blocks_for(tokens, self.memory.block_tokens)
    }

    /// Offers the blocks that are full within a running request's first `tokens` tokens to the cache.
    pub(super) fn name_blocks(&mut self, index: usize, tokens: u32) {
        if !self.rules.prefix_caching {
            return;
        }
        let full = (tokens / self.memory.block_tokens) as usize;
        let member = &mut self.running[index];
        for block in member.named..full {
            let key = member.keys()[block];
            self.pool.name(member.table[block], key);
        }
        member.named = member.named.max(full);
    }

    /// Who has to give way: the youngest, or the one with the highest priority number, of these the latest arrival.
    fn victim(&self) -> usize {
        if !self.rules.priority {
            return self.running.len() - 1;
        }
        let last = self.running.iter().enumerate().max_by_key(|(_, member)| member.rank());
        last.expect("a request runs while blocks are short").0
    }

    /// Takes all blocks from a running request and puts it back into the queue. Returns the tokens that it had been
    /// given in this step.
    fn preempt(&mut self, index: usize, plan: &mut VllmPlan) -> u32 {
        let mut member = self.running.remove(index);
        self.pool.release(&member.table);
        member.table.clear();
        member.named = 0;
        member.computed = 0;
        member.drafts = 0;
        member.stale += member.placeholders;
        member.placeholders = 0;
        member.preemptions += 1;
        let id = member.id();
        plan.preempted.push(id);
        if self.rules.priority {
            self.enqueue(member);
        } else {
            self.waiting.push_front(member);
        }
        let Some(part) = plan.scheduled.iter().position(|part| part.id == id) else {
            return 0;
        };
        plan.scheduled.remove(part).tokens
    }

    /// The head of the queue, as long as it may come in.
    fn schedule_waiting(&mut self, plan: &mut VllmPlan, threshold: u32, budget: &mut u32) {
        let mut set_aside = VecDeque::new();
        while *budget > 0 && self.running.len() < self.rules.max_num_seqs as usize {
            let Some(mut head) = self.waiting.pop_front() else {
                break;
            };
            if head.stale > 0 {
                set_aside.push_back(head); // A token of it is still on its way.
                continue;
            }
            let hit = self.lookup(&mut head);
            let hit_tokens = hit.len() as u32 * self.memory.block_tokens;
            let lacking = head.num_tokens() - hit_tokens;
            match self.rules.first_chunk(lacking, threshold, *budget) {
                Some(tokens) if self.may_admit(&head, &hit, tokens) => {
                    plan.scheduled.push(self.admit(head, &hit, tokens));
                    *budget -= tokens;
                }
                _ => {
                    self.waiting.push_front(head);
                    break; // Nobody behind the head may pass it.
                }
            }
        }
        while let Some(member) = set_aside.pop_back() {
            self.waiting.push_front(member);
        }
    }

    /// How much of its prompt a request would find if it were admitted now, up to the first output that is still under
    /// way [tokens].
    pub fn cached_tokens(&self, request: &Request) -> u32 {
        let inside = || self.waiting.iter().chain(&self.running);
        let is_under_way = |content| {
            let mut outputs = inside().filter(|member| member.request.output_is_shared);
            outputs.any(|member| member.request.output_name.content == content)
        };
        let known = request.prompt.tokens_before(is_under_way);
        let all = request.prompt.tokens() - 1;
        let mut member = Member::new(request.clone(), self.memory.block_tokens);
        let hit = self.lookup(&mut member).len() as u32 * self.memory.block_tokens;
        let most = known.map_or(all, |known| known.min(all));
        hit.min(most - most % self.memory.block_tokens)
    }

    /// The longest cached prefix; at least one token is left to compute.
    fn lookup(&self, member: &mut Member) -> Vec<BlockId> {
        if !self.rules.prefix_caching {
            return Vec::new();
        }
        let most = (member.num_tokens() - 1) / self.memory.block_tokens;
        let mut hit = self.pool.lookup(&member.keys()[..most as usize]);
        let speculative = self.rules.speculative.as_ref();
        if speculative.is_some_and(|drafts| drafts.recomputes_last_hit) {
            hit.pop();
        }
        hit
    }

    fn may_admit(&self, member: &Member, hit: &[BlockId], tokens: u32) -> bool {
        let hit_tokens = hit.len() as u32 * self.memory.block_tokens;
        let now = self.blocks_with_lookahead(hit_tokens + tokens);
        let all = blocks_for(
            member.num_tokens().min(self.memory.max_model_len),
            self.memory.block_tokens,
        );
        let needed = if self.rules.full_sequence_gate {
            now.max(all)
        } else {
            now
        };
        let lacking = needed.saturating_sub(hit.len() as u32);
        // Blocks that are found but unused lie in the free queue and leave it.
        let taken = lacking + self.pool.count_unused(hit);
        let memory = AdmissionMemory {
            free_blocks: self.pool.free_count(),
            usable_blocks: self.pool.usable(),
            others_run: !self.running.is_empty(),
        };
        self.rules.leaves_enough_free(taken, &memory)
    }

    fn admit(&mut self, mut member: Member, hit: &[BlockId], tokens: u32) -> ScheduledPart {
        let hit_tokens = hit.len() as u32 * self.memory.block_tokens;
        self.pool.share(hit);
        let lacking = self.blocks_with_lookahead(hit_tokens + tokens) - hit.len() as u32;
        member.table = hit.to_vec();
        member.table.extend((0..lacking).map(|_| self.pool.take()));
        member.computed = hit_tokens;
        member.named = hit.len();
        let kind = if member.preemptions == 0 {
            member.cached = hit_tokens;
            ScheduledAs::New
        } else {
            ScheduledAs::Resumed
        };
        let part = ScheduledPart {
            id: member.id(),
            kind,
            tokens,
            computed_before: hit_tokens,
            hit: hit_tokens,
            drafts: 0,
            samples: false,
        };
        self.running.push(member);
        self.name_blocks(self.running.len() - 1, hit_tokens + tokens);
        part
    }

    /// Right after the decision all scheduled tokens count as computed; who thereby catches up with all its tokens
    /// samples.
    fn count_as_computed(&mut self, plan: &mut VllmPlan) {
        for part in &mut plan.scheduled {
            let member = self.running.iter_mut().find(|member| member.id() == part.id);
            let member = member.expect("a scheduled request runs");
            member.computed += part.tokens;
            part.samples = member.computed >= member.num_tokens() + member.placeholders;
            if part.samples && self.rules.async_scheduling {
                member.placeholders += 1;
            }
        }
    }
}

/// How many of the `tokens` tokens of a running request are drafts.
fn drafts_within(member: &Member, tokens: u32) -> u32 {
    (member.computed + tokens).saturating_sub(member.num_tokens() + member.placeholders)
}
