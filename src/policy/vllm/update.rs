//! What a step has brought (`Scheduler.update_from_output`, `check_stop`).

use super::member::Member;
use super::schedule::{ScheduledPart, VllmPlan};
use super::scheduler::VllmScheduler;
use crate::workload::RequestId;

/// Tokens that a request got from a step.
#[derive(Clone, Debug)]
pub struct Output {
    /// The request that got the tokens.
    pub id: RequestId,
    /// How many tokens the request got.
    pub tokens: u32,
    /// Drafts that were verified.
    pub drafts: u32,
    /// Of these accepted, those beyond its last token included.
    pub accepted: u32,
    /// The request itself, if it has all its tokens now.
    pub finished: Option<Member>,
}

impl VllmScheduler {
    /// The step has ended: hands out its tokens, in order. Requests that have left in the meantime get nothing.
    pub fn update(&mut self, plan: &VllmPlan) -> Vec<Output> {
        let parts = plan.scheduled.iter().filter(|part| part.samples);
        let outputs: Vec<Output> = parts.filter_map(|part| self.give_tokens(part)).collect();
        for output in &outputs {
            if let Some(member) = &output.finished {
                self.pool.release(&member.table);
            }
        }
        outputs
    }

    fn give_tokens(&mut self, part: &ScheduledPart) -> Option<Output> {
        let drafts_next = self
            .rules
            .speculative
            .as_ref()
            .map_or(0, |speculative| speculative.tokens);
        let place = self.running.iter().position(|member| member.id() == part.id);
        let Some(index) = place else {
            return self.give_stale_token(part.id);
        };
        let member = &mut self.running[index];
        let accepted = match &self.rules.speculative {
            Some(speculative) if part.drafts > 0 => {
                let number = member.verifications;
                member.verifications += 1;
                let accepted = speculative.acceptance.accepted(part.id, number);
                accepted.min(part.drafts)
            }
            _ => 0,
        };
        member.computed -= part.drafts - accepted;
        if member.stale > 0 {
            member.stale -= 1;
        } else if self.rules.async_scheduling {
            member.placeholders -= 1;
        }
        let missing = member.request.output_tokens - member.generated;
        let tokens = (accepted + 1).min(missing);
        member.generated += tokens;
        member.drafts = drafts_next;
        let complete = member.generated == member.request.output_tokens;
        // Only now is it known which tokens the blocks hold, if drafts or a step in flight had filled them.
        let known = (member.computed - member.placeholders).min(member.num_tokens());
        self.name_blocks(index, known);
        let finished = complete.then(|| self.running.remove(index));
        Some(Output {
            id: part.id,
            tokens,
            drafts: part.drafts,
            accepted,
            finished,
        })
    }

    /// A token of a request that was preempted while the step was in flight.
    fn give_stale_token(&mut self, id: RequestId) -> Option<Output> {
        let place = self.waiting.iter().position(|member| member.id() == id)?;
        let member = &mut self.waiting[place];
        if member.stale == 0 {
            return None;
        }
        member.stale -= 1;
        member.generated += 1;
        let complete = member.generated == member.request.output_tokens;
        let finished = if complete { self.waiting.remove(place) } else { None };
        Some(Output {
            id,
            tokens: 1,
            drafts: 0,
            accepted: 0,
            finished,
        })
    }
}
