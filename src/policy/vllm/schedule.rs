//! What the next step holds (`Scheduler.schedule`, `KVCacheManager.allocate_slots`).

use std::collections::VecDeque;

use super::budget::{Padding, StepBudget};
use super::lookup::CacheHit;
use super::member::Member;
use super::offload::Looked;
use super::plan::{ScheduledPart, VllmPlan};
use super::scheduler::VllmScheduler;
use crate::policy::step_plan::ScheduledAs;

impl VllmScheduler {
    /// Decides a step. From now on its tokens count as computed.
    pub fn schedule(&mut self) -> VllmPlan {
        let threshold = self.rules.threshold(self.running.len() + self.waiting_count());
        let mut plan = VllmPlan {
            scheduled: Vec::with_capacity(self.running.len() + 1),
            ..VllmPlan::default()
        };
        let mut budget = self.rules.step_budget();
        self.schedule_running(&mut plan, threshold, &mut budget);
        if plan.preempted.is_empty() {
            self.schedule_waiting(&mut plan, threshold, &mut budget);
        }
        self.count_as_computed(&mut plan);
        self.plan_stores(&mut plan);
        plan
    }

    /// Running requests, oldest first.
    fn schedule_running(&mut self, plan: &mut VllmPlan, threshold: u32, budget: &mut StepBudget) {
        let mut index = 0;
        while index < self.running.len() && budget.most() > 0 {
            let asked = (threshold, self.memory.max_model_len);
            let tokens = self.running[index].standing().wanted(asked, budget);
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
                if let Some(tokens) = self.preempt(victim, plan) {
                    budget.give_back(tokens);
                }
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
                external: 0,
                drafts: member.standing().drafts_within(tokens),
                padded: false,
                samples: false,
            });
            budget.take(tokens);
            index += 1;
        }
    }

    /// Who has to give way: the youngest, or the one with the highest priority number, of these the latest arrival.
    fn victim(&self) -> usize {
        if !self.rules.priority {
            return self.running.len() - 1;
        }
        let last = self
            .running
            .iter()
            .enumerate()
            .max_by_key(|(_, member)| member.request.rank());
        last.expect("a request runs while blocks are short").0
    }

    /// Takes all blocks from a running request and puts it back into the queue. Returns the tokens that it had been
    /// given in this step, if any.
    fn preempt(&mut self, index: usize, plan: &mut VllmPlan) -> Option<u32> {
        let mut member = self.running.remove(index);
        self.name_own(&mut member);
        self.release(&member);
        member.tables.iter_mut().for_each(Vec::clear);
        member.named.fill(0);
        member.named_tokens = 0;
        member.room = 0;
        member.computed = 0;
        member.in_flight = 0;
        member.drafts = 0;
        // One step is in flight when another is decided.
        member.stale += u32::from(member.placeholders > 0);
        member.placeholders = 0;
        member.preemptions += 1;
        let id = member.id();
        plan.preempted.push(id);
        if self.rules.priority {
            self.enqueue(member);
        } else {
            self.waiting.push_front(member);
        }
        let part = plan.scheduled.iter().position(|part| part.id == id)?;
        Some(plan.scheduled.remove(part).tokens)
    }

    /// The head of the queue, as long as it may come in.
    fn schedule_waiting(&mut self, plan: &mut VllmPlan, threshold: u32, budget: &mut StepBudget) {
        let mut set_aside = VecDeque::new();
        let pads = self.padding(plan);
        self.look_from_the_start();
        while budget.most() > 0 && self.running.len() < self.rules.max_num_seqs as usize {
            let Some((mut head, stood_aside)) = self.next_waiting() else {
                break;
            };
            if head.stale > 0 {
                set_aside.push_back(head); // A token of it is still on its way.
                continue;
            }
            let hit = match self.look_at(&mut head, plan) {
                Looked::Found(hit) => hit,
                Looked::Loading => {
                    self.put_aside(head);
                    continue;
                }
                Looked::Deferred => {
                    plan.transfers.deferred.push(head.id());
                    set_aside.push_back(head);
                    continue;
                }
                Looked::Stuck => {
                    self.put_back(head, stood_aside);
                    break;
                }
            };
            let asked = (threshold, self.memory.max_model_len);
            let lacking = head.num_tokens() - hit.tokens;
            match self.rules.first_tokens((lacking, hit.tokens), asked, budget, pads) {
                Some((tokens, drafts)) if self.may_admit(&head, &hit, tokens) => {
                    plan.scheduled.push(self.admit(head, hit, tokens, drafts));
                    budget.take(tokens);
                }
                _ => {
                    if head.offloaded.holds_blocks() {
                        head.tables = hit.tables;
                    }
                    self.put_back(head, stood_aside);
                    break; // Nobody behind the head may pass it.
                }
            }
        }
        while let Some(member) = set_aside.pop_back() {
            self.waiting.push_front(member);
        }
    }

    /// The request that is looked at next, and whether it stood aside: whoever holds blocks goes first, or else might
    /// hold them for ever.
    fn next_waiting(&mut self) -> Option<(Box<Member>, bool)> {
        if let Some(member) = self.next_aside() {
            return Some((member, true));
        }
        self.waiting.pop_front().map(|head| (head, false))
    }

    fn put_back(&mut self, head: Box<Member>, stood_aside: bool) {
        if stood_aside {
            self.return_aside(head);
        } else {
            self.waiting.push_front(head);
        }
    }

    /// What the running requests of the step have to do with drafts of others, when nobody else has been scheduled.
    fn padding(&self, plan: &VllmPlan) -> Padding {
        if self.rules.speculative.is_none() {
            return Padding::default();
        }
        let mut next = 0;
        let mut prefills = |part: &ScheduledPart| {
            let place = self.place_of(part.id, next).expect("a scheduled request runs");
            next = place + 1;
            self.running[place].is_prefilling
        };
        Padding {
            anyone_runs: !plan.scheduled.is_empty(),
            anyone_prefills: plan.scheduled.iter().any(&mut prefills),
        }
    }

    fn admit(&mut self, mut member: Box<Member>, hit: CacheHit, tokens: u32, drafts: u32) -> ScheduledPart {
        let kind = if member.preemptions == 0 {
            member.cached = hit.tokens;
            ScheduledAs::New
        } else {
            ScheduledAs::Resumed
        };
        let held = Self::end_load(&mut member);
        let (local, external) = held.unwrap_or((hit.tokens, 0));
        let part = ScheduledPart {
            id: member.id(),
            kind,
            tokens,
            computed_before: hit.tokens,
            hit: local,
            external,
            drafts,
            padded: drafts > 0,
            samples: false,
        };
        self.take_in(member, hit, tokens, held.is_some());
        part
    }

    /// Right after the decision all scheduled tokens count as computed; who thereby catches up with all its tokens
    /// samples.
    fn count_as_computed(&mut self, plan: &mut VllmPlan) {
        let mut next = 0;
        for part in &mut plan.scheduled {
            let place = self.place_of(part.id, next).expect("a scheduled request runs");
            next = place + 1;
            let member = &mut self.running[place];
            member.computed += part.tokens;
            member.in_flight += part.tokens;
            // What was proposed and did not fit is forgotten.
            member.drafts = 0;
            part.samples = member.computed >= member.num_tokens() + member.placeholders;
            member.is_prefilling = !part.samples;
            if part.samples && self.rules.async_scheduling {
                member.placeholders += 1 + part.drafts;
                member.drafts = self.rules.speculative.as_ref().map_or(0, |drafts| drafts.tokens);
            }
        }
    }
}
