//! What a step has brought (`policy/vllm/update.rs`).

use super::decided::SteppedPart;
use super::scheduler::FastDrafting;
use crate::engine::fast::scheduler::Steps;
use crate::engine::observer::{Event, Finished, Observer, ServerId};
use crate::kv::KvGrowth;

impl FastDrafting {
    /// Whether the request of a part runs still.
    pub(super) fn is_here(&self, part: &SteppedPart) -> bool {
        self.drafters[part.seat as usize].runs && self.seats[part.seat].live.request.id == part.id
    }

    /// Tells about the step in which these sample.
    pub(super) fn report(&self, parts: &[SteppedPart], steps: &Steps, observer: &mut (impl Observer + ?Sized)) {
        let decided = self.decided.front().expect("it was decided");
        let one_step_after = |part: &&SteppedPart| {
            let live = &self.seats[part.seat].live;
            live.last_token == Some(steps.start) && !live.request.is_prompt_only
        };
        let sampling = parts.iter().filter(|part| part.samples);
        let streaming = sampling.filter(one_step_after).count() as u32;
        let kv = KvGrowth::constant(decided.used_blocks, decided.empty);
        observer.ran(&steps.told(streaming, kv));
    }

    /// Hands out the tokens of these, in order. True if a request finished.
    pub(super) fn hand_out(
        &mut self,
        parts: &[SteppedPart],
        steps: &Steps,
        observer: &mut (impl Observer + ?Sized),
    ) -> bool {
        // Who finishes now runs still.
        let running = self.running.len() as u32;
        for part in parts {
            self.drafters[part.seat as usize].in_flight -= part.tokens;
            if !part.samples {
                continue;
            }
            let tokens = self.give_tokens(part);
            let live = &mut self.seats[part.seat].live;
            if !live.request.is_prompt_only {
                steps.tell_token(part.id, live.last_token, observer);
                if tokens > 1 {
                    observer.drafted(ServerId(0), steps.end, part.id, tokens - 1);
                }
            }
            live.note_token(steps.end, running);
        }
        let before = self.running.len();
        let seats = &self.seats;
        self.running.retain(|&seat| !seats[seat].live.is_complete());
        if self.running.len() == before {
            return false;
        }
        for part in parts {
            if self.seats[part.seat].live.is_complete() {
                self.finish(part, steps, observer);
            }
        }
        true
    }

    /// Gives a request what it has sampled. Neither the drafts that were refused nor those beyond its end count as
    /// computed. Returns how many tokens it gets.
    fn give_tokens(&mut self, part: &SteppedPart) -> u32 {
        let drafter = &mut self.drafters[part.seat as usize];
        let accepted = self
            .rules
            .accepted(part.id, drafter.verifications, (part.drafts, part.padded));
        drafter.verifications += usize::from(accepted.is_some());
        let accepted = accepted.unwrap_or(0);
        let live = &mut self.seats[part.seat].live;
        let tokens = (accepted + 1).min(live.request.output_tokens - live.generated);
        let refused = part.drafts + 1 - tokens;
        live.computed -= refused;
        self.empty += u64::from(refused);
        live.generated += tokens;
        live.drafts.add_verification(part.drafts, accepted);
        if self.rules.async_scheduling {
            drafter.placeholders -= 1 + part.drafts;
        } else {
            drafter.drafts = self.speculative.proposed(drafter.proposals);
            drafter.proposals += 1;
        }
        if self.rules.async_scheduling || self.speculative.rules.names_at_end {
            let settled = (live.computed - drafter.in_flight).min(live.num_tokens());
            self.name_blocks(part.seat, settled);
        }
        tokens
    }

    fn finish(&mut self, part: &SteppedPart, steps: &Steps, observer: &mut (impl Observer + ?Sized)) {
        self.release(part.seat);
        let live = &mut self.seats[part.seat].live;
        // A step in flight may compute more, which counts for nothing.
        live.computed = live.num_tokens() - 1;
        let event = Event::Finished(Finished::of(live, steps.end, true));
        observer.on(steps.end, part.id, &event);
        self.seats.release(part.seat);
    }
}
