//! What the next step holds (`Scheduler.schedule`, `KVCacheManager.allocate_slots`).

use std::collections::VecDeque;

use super::decisions::cut_to_threshold;
use super::lookup::CacheHit;
use super::member::Member;
use super::scheduler::VllmScheduler;
use crate::policy::speculative::DraftPadding;
use crate::policy::step_plan::ScheduledAs;
use crate::workload::RequestId;

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
    /// Whether these stand in for drafts that nobody has proposed.
    pub padded: bool,
    /// Whether it samples.
    pub samples: bool,
}

/// What a step has left to hand out.
#[derive(Clone, Copy)]
struct StepBudget {
    /// Tokens.
    tokens: u32,
    /// Places in the model's input: tokens, and for each request what a draft model adds of its own.
    places: u32,
    /// Places that a request takes beside its tokens.
    extra: u32,
}

impl StepBudget {
    /// The most tokens of a request; 0 if none may come in any more.
    fn most(&self) -> u32 {
        self.tokens.min(self.places.saturating_sub(self.extra))
    }

    const fn take(&mut self, tokens: u32) {
        self.tokens -= tokens;
        self.places -= tokens + self.extra;
    }

    const fn give_back(&mut self, tokens: u32) {
        self.tokens += tokens;
        self.places += tokens + self.extra;
    }
}

impl VllmScheduler {
    /// Decides a step. From now on its tokens count as computed.
    pub fn schedule(&mut self) -> VllmPlan {
        let threshold = self.rules.threshold(self.running.len() + self.waiting.len());
        let mut plan = VllmPlan {
            scheduled: Vec::with_capacity(self.running.len() + 1),
            preempted: Vec::new(),
        };
        let mut budget = self.step_budget();
        self.schedule_running(&mut plan, threshold, &mut budget);
        if plan.preempted.is_empty() {
            self.schedule_waiting(&mut plan, threshold, &mut budget);
        }
        self.count_as_computed(&mut plan);
        plan
    }

    fn step_budget(&self) -> StepBudget {
        let all = self.rules.max_num_batched_tokens;
        let usual = StepBudget {
            tokens: all,
            places: all,
            extra: 0,
        };
        match &self.rules.speculative {
            Some(drafts) if drafts.rules.reserves_all_slots => StepBudget {
                tokens: self.rules.tokens_beside_slots(drafts.draft_slots),
                ..usual
            },
            Some(drafts) => StepBudget {
                extra: drafts.draft_slots,
                ..usual
            },
            None => usual,
        }
    }

    /// Running requests, oldest first.
    fn schedule_running(&mut self, plan: &mut VllmPlan, threshold: u32, budget: &mut StepBudget) {
        let mut index = 0;
        while index < self.running.len() && budget.most() > 0 {
            let tokens = self.wanted(&self.running[index], threshold, budget.most());
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
                drafts: drafts_within(member, tokens),
                padded: false,
                samples: false,
            });
            budget.take(tokens);
            index += 1;
        }
    }

    /// How many tokens a running request gets.
    fn wanted(&self, member: &Member, threshold: u32, budget: u32) -> u32 {
        let end = member.request.prompt.tokens() + member.request.max_tokens;
        if member.placeholders > 0 && member.computed + 2 - member.placeholders >= end {
            return 0; // The step in flight will surely finish it.
        }
        let all = member.num_tokens() + member.drafts + member.placeholders;
        let unfed = u32::from(!member.request.is_prompt_only);
        let room = (self.memory.max_model_len - unfed).saturating_sub(member.computed);
        cut_to_threshold(all - member.computed, threshold).min(budget).min(room)
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
        while budget.most() > 0 && self.running.len() < self.rules.max_num_seqs as usize {
            let Some(mut head) = self.waiting.pop_front() else {
                break;
            };
            if head.stale > 0 {
                set_aside.push_back(head); // A token of it is still on its way.
                continue;
            }
            let hit = self.lookup(&mut head);
            match self.first_tokens(&head, &hit, threshold, (budget, pads)) {
                Some((tokens, drafts)) if self.may_admit(&head, &hit, tokens) => {
                    plan.scheduled.push(self.admit(head, hit, tokens, drafts));
                    budget.take(tokens);
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

    /// When only running requests have been scheduled.
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

    /// How many tokens the head of the queue computes in its first step, and how many drafts are among them; `None` if
    /// they do not fit.
    fn first_tokens(
        &self,
        head: &Member,
        hit: &CacheHit,
        threshold: u32,
        (budget, pads): (&StepBudget, Padding),
    ) -> Option<(u32, u32)> {
        let lacking = head.num_tokens() - hit.tokens;
        let tokens = self.rules.first_chunk(lacking, threshold, budget.most())?;
        let Some(speculative) = self.rules.speculative.as_ref().filter(|_| lacking == 1) else {
            return Some((tokens, 0));
        };
        let drafts = speculative.tokens;
        let padded_end = u64::from(hit.tokens) + 1 + u64::from(drafts);
        let longest = u64::from(self.memory.max_model_len);
        let fits_a_step = drafts < budget.most();
        let (is_padded, fits) = match speculative.rules.padding {
            DraftPadding::Never => (false, true),
            DraftPadding::BesideDecoders => (pads.beside_decoders(), fits_a_step && padded_end <= longest),
            DraftPadding::BesideDecodersOrHit => {
                // What no step holds would keep it out for ever.
                let holds = 1 + drafts + budget.extra <= self.rules.max_num_batched_tokens;
                (
                    pads.allows(hit.tokens > 0) && holds && padded_end < longest,
                    fits_a_step,
                )
            }
        };
        if !is_padded {
            return Some((tokens, 0));
        }
        fits.then_some((1 + drafts, drafts))
    }

    fn admit(&mut self, mut member: Box<Member>, hit: CacheHit, tokens: u32, drafts: u32) -> ScheduledPart {
        let kind = if member.preemptions == 0 {
            member.cached = hit.tokens;
            ScheduledAs::New
        } else {
            ScheduledAs::Resumed
        };
        let part = ScheduledPart {
            id: member.id(),
            kind,
            tokens,
            computed_before: hit.tokens,
            hit: hit.tokens,
            drafts,
            padded: drafts > 0,
            samples: false,
        };
        self.take_in(member, hit, tokens);
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

/// How many of the `tokens` tokens of a running request are drafts.
fn drafts_within(member: &Member, tokens: u32) -> u32 {
    (member.computed + tokens).saturating_sub(member.num_tokens() + member.placeholders)
}

/// What the running requests of a step have to do with whether others that come in are filled up with drafts.
#[derive(Clone, Copy, Default)]
struct Padding {
    anyone_runs: bool,
    anyone_prefills: bool,
}

impl Padding {
    const fn beside_decoders(self) -> bool {
        self.anyone_runs && !self.anyone_prefills
    }

    const fn allows(self, has_hit: bool) -> bool {
        !self.anyone_prefills && (self.anyone_runs || has_hit)
    }
}
