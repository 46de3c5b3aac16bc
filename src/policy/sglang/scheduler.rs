//! The scheduler's state, and one turn of its loop (`scheduler.py`, `get_next_batch_to_run`).

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::arrival::LengthLimits;
use super::decision::{BatchKind, RowKind, SglangDecision, SglangRow};
use super::member::SglangMember;
use super::order::QueueOrder;
use super::settings::SglangSettings;
use super::slots::TokenSlots;
use crate::policy::live::Memory;
use crate::workload::{Request, RequestId};

/// SGLang's scheduler. A turn of its loop is: what has arrived ([`Self::submit`], [`Self::abort`]), a decision
/// ([`Self::decide`]), and the result of a step ([`Self::end_step`]): of the one just decided or, with the overlap
/// schedule, of the one before.
pub struct SglangScheduler {
    pub(super) settings: SglangSettings,
    pub(super) limits: LengthLimits,
    pub(super) slots: TokenSlots,
    pub(super) order: QueueOrder,
    pub(super) members: FxHashMap<RequestId, SglangMember>,
    /// Next first.
    pub(super) waiting: VecDeque<RequestId>,
    pub(super) running: RunningBatch,
    /// The prompt under way: it holds a row, and is not among the running ones.
    pub(super) chunked: Option<RequestId>,
    /// The step that the latest turn decided, if it holds prompts.
    last_prefill: Option<Vec<RequestId>>,
    /// Decided steps whose result has not come.
    pub(super) in_flight: VecDeque<Vec<SglangRow>>,
    pub(super) ratio: f64,
    /// Rows of the table of slots that nobody holds.
    pub(super) free_rows: u32,
    entries: u64,
    /// Whether decisions say in which order the queue was to be asked.
    pub(super) tells_order: bool,
}

/// The requests that go on from token to token.
#[derive(Clone, Debug, Default)]
pub(super) struct RunningBatch {
    pub ids: Vec<RequestId>,
    /// A request did not fit beside them, and none of them has left since.
    pub is_full: bool,
}

impl SglangScheduler {
    /// An empty server.
    pub fn new(settings: SglangSettings, memory: &Memory) -> Self {
        Self {
            limits: LengthLimits::new(&settings, memory),
            slots: TokenSlots::new(&settings, memory),
            order: QueueOrder::new(settings.schedule_policy, settings.priorities),
            members: FxHashMap::default(),
            waiting: VecDeque::new(),
            running: RunningBatch::default(),
            chunked: None,
            last_prefill: None,
            in_flight: VecDeque::new(),
            ratio: settings.init_ratio(),
            free_rows: settings.max_running_requests,
            entries: 0,
            tells_order: false,
            settings,
        }
    }

    /// The same, but decisions say in which order the queue was to be asked.
    #[must_use]
    pub fn telling_order(mut self) -> Self {
        self.tells_order = true;
        self
    }

    /// A request arrives. Returns it as the server takes it: its output is cut to what the memory allows, and 0 stands
    /// for that of one whose prompt leaves no room for any.
    pub fn submit(&mut self, request: Request) -> (Request, u32) {
        let member = self.limits.member(request, &self.settings);
        let taken = (member.request.clone(), member.max_new);
        let id = member.id();
        self.members.insert(id, member);
        self.enqueue(id);
        taken
    }

    /// A client gives up: true if its request leaves at once, as it waits. One that runs leaves with its next token,
    /// and a prompt under way with the next decision.
    pub fn abort(&mut self, id: RequestId) -> bool {
        if let Some(place) = self.waiting.iter().position(|&waiting| waiting == id) {
            self.waiting.remove(place);
            self.members.remove(&id);
            return true;
        }
        if let Some(member) = self.members.get_mut(&id) {
            member.is_aborted = true;
        }
        false
    }

    /// Decides what the next step holds, if there is one.
    pub fn decide(&mut self) -> SglangDecision {
        let evicted = self.slots.evicted();
        let mut decision = SglangDecision::default();
        self.let_go_of_chunked(&mut decision);
        self.keep_chunk();
        self.join_last_prefill();
        self.drop_finished();
        self.prefill(&mut decision);
        if decision.kind.is_none() {
            self.decode(&mut decision);
        }
        decision.evicted = self.slots.evicted() - evicted;
        self.launch(&decision);
        if self.is_empty() {
            self.ratio = self.settings.init_ratio();
        }
        decision
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.in_flight.is_empty()
    }

    /// How many decided steps have brought no result yet.
    pub fn steps_in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// The queue, next first.
    pub fn waiting(&self) -> impl ExactSizeIterator<Item = RequestId> {
        self.waiting.iter().copied()
    }

    /// The requests that go on from token to token, in order.
    pub fn running(&self) -> &[RequestId] {
        &self.running.ids
    }

    /// Whether nobody is asked in, as somebody did not fit and nobody has left since.
    pub const fn batch_is_full(&self) -> bool {
        self.running.is_full
    }

    /// The prompt under way.
    pub const fn chunked(&self) -> Option<RequestId> {
        self.chunked
    }

    /// Which part of what running requests may produce is expected.
    pub const fn new_token_ratio(&self) -> f64 {
        self.ratio
    }

    /// Slots that nobody has [tokens].
    pub const fn free_slots(&self) -> u64 {
        self.slots.free()
    }

    /// Slots of cached tokens that nobody uses [tokens].
    pub const fn evictable_slots(&self) -> u64 {
        self.slots.available() - self.slots.free()
    }

    /// Slots of cached tokens that somebody uses [tokens].
    pub const fn protected_slots(&self) -> u64 {
        self.slots.protected()
    }

    /// Tokens that were forgotten for want of room, since the start.
    pub const fn evicted(&self) -> u64 {
        self.slots.evicted()
    }

    /// How many more requests could hold slots.
    pub const fn free_rows(&self) -> u32 {
        self.free_rows
    }

    /// Slots that running requests hold; what several share counts once [tokens].
    pub const fn used_slots(&self) -> u64 {
        self.slots.used()
    }

    /// How many of these hold a token.
    pub const fn filled_slots(&self) -> u64 {
        self.slots.filled()
    }

    /// How much of its prompt a request would find in the cache if it were let in now [tokens].
    pub fn cached_tokens(&self, request: &Request) -> u32 {
        let member = SglangMember::new(request.clone(), 0);
        self.slots.held(&member, member.num_tokens() - 1)
    }

    /// Whether a request would be served on an empty server: its prompt is not too long, and it does not wait for ever.
    pub fn can_ever_serve(&self, request: &Request) -> bool {
        let member = self.limits.member(request.clone(), &self.settings);
        !member.is_aborted && self.limits.comes_in(&member, &self.settings)
    }

    /// How many requests are in it.
    pub fn requests(&self) -> usize {
        self.members.len()
    }

    pub(super) fn member(&self, id: RequestId) -> &SglangMember {
        &self.members[&id]
    }

    pub(super) fn member_mut(&mut self, id: RequestId) -> &mut SglangMember {
        self.members.get_mut(&id).expect("it is here")
    }

    /// Puts a request at the end of the queue.
    pub(super) fn enqueue(&mut self, id: RequestId) {
        self.entries += 1;
        self.member_mut(id).entry = self.entries;
        self.waiting.push_back(id);
    }

    /// Takes everything from a request but what the tree holds of it.
    pub(super) fn release(&mut self, id: RequestId) {
        let member = self.members.get_mut(&id).expect("it is here");
        self.slots.release(member);
        member.pending = 0;
        member.evictions += 1;
        if std::mem::take(&mut member.has_row) {
            self.free_rows += 1;
        }
    }

    /// A prompt under way whose client has given up leaves without entering the tree any further.
    fn let_go_of_chunked(&mut self, decision: &mut SglangDecision) {
        let Some(id) = self.chunked.take_if(|id| self.members[id].is_aborted) else {
            return;
        };
        self.release(id);
        self.members.remove(&id);
        decision.aborted = Some(id);
    }

    /// What the prompt under way has computed enters the tree.
    fn keep_chunk(&mut self) {
        if let Some(id) = self.chunked {
            let member = self.members.get_mut(&id).expect("it is here");
            let end = member.end;
            self.slots.insert(member, end);
            member.prefix = end;
        }
    }

    /// Those whose prompts the step before has computed go on from token to token.
    fn join_last_prefill(&mut self) {
        let Some(mut ids) = self.last_prefill.take() else {
            return;
        };
        let before = ids.len();
        ids.retain(|id| Some(*id) != self.chunked && self.members.contains_key(id));
        if ids.len() < before {
            self.running.is_full = false;
        }
        if ids.is_empty() {
            return;
        }
        if self.running.ids.is_empty() {
            self.running = RunningBatch { ids, is_full: false };
        } else {
            self.running.ids.append(&mut ids);
        }
    }

    fn drop_finished(&mut self) {
        let before = self.running.ids.len();
        self.running.ids.retain(|id| self.members.contains_key(id));
        if self.running.ids.len() < before {
            self.running.is_full = false;
        }
    }

    /// Takes those out of the running ones who get their last token from a step in flight.
    pub(super) fn drop_ending(&mut self) -> bool {
        let before = self.running.ids.len();
        self.running.ids.retain(|id| !self.members[id].ends_in_flight());
        let any = self.running.ids.len() < before;
        if any {
            self.running.is_full = false;
        }
        any
    }

    /// Slots that these lack for their next tokens.
    pub(super) fn slots_of_next(&self, ids: &[RequestId]) -> u64 {
        ids.iter().map(|id| self.slots.slots_of_next(&self.members[id])).sum()
    }

    /// Whether slots for the next tokens of these can be had; what has to go for that is forgotten.
    pub(super) fn has_room_for_next(&mut self, ids: &[RequestId]) -> bool {
        let needed = self.slots_of_next(ids);
        self.slots.evict_until_free(needed);
        self.slots.free() >= needed
    }

    /// Gives all running requests the slots of their next tokens, which can be had, and their rows in a step.
    pub(super) fn decode_rows(&mut self, rows: &mut Vec<SglangRow>) {
        let page = u64::from(self.settings.page_size);
        // A page each, even if it is not needed.
        self.slots.evict_until_free(page * self.running.ids.len() as u64);
        let needed = self.slots_of_next(&self.running.ids);
        self.slots.take(needed, self.running.ids.len() as u64);
        for id in &self.running.ids {
            let member = self.members.get_mut(id).expect("it is here");
            rows.push(SglangRow {
                id: *id,
                kind: RowKind::Decode,
                tokens: 1,
                before: member.committed,
                is_middle: false,
                evictions: member.evictions,
            });
            member.committed += 1;
        }
    }

    /// The step is under way.
    fn launch(&mut self, decision: &SglangDecision) {
        let Some(kind) = decision.kind else {
            return;
        };
        for row in decision.rows.iter().filter(|row| !row.is_middle) {
            self.member_mut(row.id).pending += 1;
        }
        if kind != BatchKind::Decode {
            self.last_prefill = Some(decision.rows.iter().map(|row| row.id).collect());
        }
        self.in_flight.push_back(decision.rows.clone());
    }
}
