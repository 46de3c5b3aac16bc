//! What a step has brought (`Scheduler.update_from_output`, `check_stop`).

use super::member::Member;
use super::plan::{ScheduledPart, VllmPlan};
use super::scheduler::VllmScheduler;
use super::settings::ContinuousSettings;
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
    pub finished: Option<Box<Member>>,
}

impl VllmScheduler {
    /// The step has ended: hands out its tokens, in order. Requests that have left in the meantime get nothing.
    pub fn update(&mut self, plan: &VllmPlan) -> Vec<Output> {
        let mut next = 0;
        let mut outputs = Vec::with_capacity(plan.scheduled.len());
        outputs.extend(plan.scheduled.iter().filter_map(|part| self.end_part(part, &mut next)));
        for output in &outputs {
            if let Some(member) = &output.finished {
                self.end_offloading(member, true);
                self.release(member);
            }
        }
        outputs
    }

    /// A request's part in a step has ended; its tokens, if it has sampled any. It is most likely the running request
    /// at `next`.
    fn end_part(&mut self, part: &ScheduledPart, next: &mut usize) -> Option<Output> {
        let Some(index) = self.place_of(part.id, *next) else {
            return if part.samples {
                self.give_stale_tokens(part)
            } else {
                None
            };
        };
        self.running[index].in_flight -= part.tokens;
        let output = part.samples.then(|| self.give_tokens(index, part));
        // Who has finished runs no more.
        let is_gone = output.as_ref().is_some_and(|output| output.finished.is_some());
        *next = if is_gone { index } else { index + 1 };
        output
    }

    fn give_tokens(&mut self, index: usize, part: &ScheduledPart) -> Output {
        let member = &mut self.running[index];
        let accepted = accepted_drafts(&self.rules, member, part);
        let delivered = accepted + 1;
        let missing = member.request.output_tokens - member.generated;
        let tokens = delivered.min(missing);
        // Neither the drafts that were refused nor those beyond the end count as computed.
        member.computed -= part.drafts - accepted + (delivered - tokens);
        if member.stale > 0 {
            member.stale -= 1;
        } else if self.rules.async_scheduling {
            member.placeholders -= 1 + part.drafts;
        }
        member.generated += tokens;
        if !self.rules.async_scheduling {
            let number = member.proposals;
            member.proposals += 1;
            member.drafts = self
                .rules
                .speculative
                .as_ref()
                .map_or(0, |drafts| drafts.proposed(number));
        }
        let complete = member.generated == member.request.output_tokens;
        let drafts = self.rules.speculative.as_ref();
        if self.rules.async_scheduling || drafts.is_none_or(|drafts| drafts.rules.names_at_end) {
            // Only now is it known which tokens the blocks hold, if drafts or a step in flight had filled them.
            let known = member.settled().min(member.num_tokens());
            self.name_blocks(index, known);
        }
        let finished = complete.then(|| self.running.remove(index));
        Output {
            id: part.id,
            tokens,
            drafts: part.drafts,
            accepted,
            finished,
        }
    }

    /// Tokens of a request that was preempted while the step was in flight.
    fn give_stale_tokens(&mut self, part: &ScheduledPart) -> Option<Output> {
        let place = self.waiting.iter().position(|member| member.id() == part.id)?;
        let member = &mut self.waiting[place];
        if member.stale == 0 {
            return None;
        }
        let accepted = accepted_drafts(&self.rules, member, part);
        let tokens = (accepted + 1).min(member.request.output_tokens - member.generated);
        member.stale -= 1;
        member.generated += tokens;
        let complete = member.generated == member.request.output_tokens;
        let finished = if complete { self.waiting.remove(place) } else { None };
        Some(Output {
            id: part.id,
            tokens,
            drafts: part.drafts,
            accepted,
            finished,
        })
    }
}

/// How many of the drafts in a part of a step are accepted.
fn accepted_drafts(rules: &ContinuousSettings, member: &mut Member, part: &ScheduledPart) -> u32 {
    let accepted = rules.accepted(part.id, member.verifications, (part.drafts, part.padded));
    member.verifications += usize::from(accepted.is_some());
    accepted.unwrap_or(0)
}
