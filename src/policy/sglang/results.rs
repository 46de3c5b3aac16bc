//! What a step has brought (`scheduler_output_processor_mixin.py`).

use super::decision::{RowKind, SglangRow};
use super::scheduler::SglangScheduler;
use crate::workload::RequestId;

/// A token that a request got from a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SglangOutput {
    /// The request that got the token.
    pub id: RequestId,
    /// Why the request has ended with it, if it has.
    pub finished: Option<FinishReason>,
}

/// Why a request has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// It has as many tokens as it may.
    Length,
    /// It has produced a stop token.
    Stop,
    /// Its client had given up, or its prompt is too long.
    Abort,
}

impl SglangScheduler {
    /// The earliest of the decided steps has ended: hands out its tokens, in order. Requests that have left meanwhile,
    /// or were taken out of the running ones, get nothing.
    pub fn end_step(&mut self) -> Vec<SglangOutput> {
        let rows = self.in_flight.pop_front().expect("a step was decided");
        let outputs = rows.iter().filter_map(|row| self.end_row(row));
        outputs.collect()
    }

    fn end_row(&mut self, row: &SglangRow) -> Option<SglangOutput> {
        let member = self.members.get_mut(&row.id)?;
        if row.is_middle || member.evictions != row.evictions {
            return None;
        }
        member.pending -= 1;
        member.generated += 1;
        let finished = if member.is_aborted {
            Some(FinishReason::Abort)
        } else if member.has_stopped() {
            Some(FinishReason::Stop)
        } else if member.generated >= member.longest_output() {
            Some(FinishReason::Length)
        } else {
            None
        };
        if finished.is_some() {
            let known = member.committed.min(member.num_tokens());
            self.slots.insert(member, known);
            self.release(row.id);
            self.members.remove(&row.id);
        } else if row.kind != RowKind::Decode {
            self.slots.insert(member, row.before + row.tokens);
        }
        Some(SglangOutput { id: row.id, finished })
    }
}
