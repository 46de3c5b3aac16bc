//! A step of decodes, and who makes room for it (`scheduler.py`, `update_running_batch`; `schedule_batch.py`,
//! `retract_decode`).

use std::cmp::Reverse;

use super::decision::{BatchKind, SglangDecision};
use super::scheduler::SglangScheduler;
use crate::workload::RequestId;

/// Decode steps that a retraction makes room for (`SGLANG_RETRACT_DECODE_STEPS`).
pub(crate) const RETRACT_DECODE_STEPS: u64 = 20;

impl SglangScheduler {
    /// Makes the step one of decodes, if any run.
    pub(super) fn decode(&mut self, decision: &mut SglangDecision) {
        if self.running.ids.is_empty() {
            return;
        }
        let some_end = self.drop_ending();
        if self.running.ids.is_empty() {
            return;
        }
        let ids = self.running.ids.clone();
        if self.has_room_for_next(&ids) {
            self.ratio = self.settings.decayed(self.ratio);
        } else if some_end {
            return; // Those who end leave room.
        } else {
            self.make_room(decision);
        }
        if self.running.ids.len() < ids.len() {
            self.running.is_full = false;
        }
        decision.kind = Some(BatchKind::Decode);
        self.decode_rows(&mut decision.rows);
    }

    /// Retracts those with the fewest outputs, among equals those with the longest prompts, until the rest find slots.
    fn make_room(&mut self, decision: &mut SglangDecision) {
        let mut ids = std::mem::take(&mut self.running.ids);
        ids.sort_by_cached_key(|&id| {
            let member = self.member(id);
            (Reverse(member.generated), member.prompt())
        });
        while ids.len() > 1 && (decision.retracted.is_empty() || !self.has_room_for_next(&ids)) {
            let victim = ids.pop().expect("there are two at least");
            self.retract(victim, ids.len() as u64);
            decision.retracted.push(victim);
        }
        // Where a prompt under way waits for memory, which a real server does not survive.
        if !self.has_room_for_next(&ids)
            && let Some(id) = self.chunked.take()
        {
            self.retract(id, ids.len() as u64);
            decision.retracted.push(id);
        }
        self.ratio = self.ratio_after_retraction(&ids);
        self.running.ids = ids;
        for &id in &decision.retracted {
            self.enqueue(id);
        }
    }

    /// Takes everything from a running request, and makes room for the next steps of the `left` others.
    pub(super) fn retract(&mut self, id: RequestId, left: u64) {
        self.release(id);
        self.slots.evict_until_free(RETRACT_DECODE_STEPS * left);
    }

    /// What these have produced and will in the next steps, as a fraction of all that is allowed.
    fn ratio_after_retraction(&self, ids: &[RequestId]) -> f64 {
        let members = || ids.iter().map(|&id| self.member(id));
        let produced: u64 = members()
            .map(|member| u64::from(member.generated) + RETRACT_DECODE_STEPS)
            .sum();
        let allowed: u64 = members().map(|member| u64::from(member.max_new)).sum();
        (produced as f64 / (allowed + 1) as f64).min(1.0)
    }
}
