//! What the prefix cache holds over groups of layers, where every prompt is its request's own: of each request, which
//! blocks it would find if it lost those that it has.
//!
//! A request's tables are known by numbers: null entries, then blocks. Which of these the cache keeps is arithmetic.
//! Only of blocks that are free, and that their request may ask for again, it is written down where they lie in the
//! queue; those of requests that have left are nobody's.

use std::ops::Range;

use super::seats::Seat;
use super::tables::Tables;
use crate::hardware::{KvGroup, KvGroupKind};
use crate::kv::{CountedQueue, KvGroups};
use crate::policy::{ContinuousSettings, Memory};

/// The blocks of all requests by what they hold.
pub(super) struct GroupCache {
    pub(super) groups: KvGroups,
    /// Groups that are alike, by number: those that keep every token first.
    pub(super) classes: Vec<Vec<usize>>,
    pub(super) block_tokens: u32,
    interval: Option<u32>,
    keyless_first: bool,
    pub(super) queue: CountedQueue,
    pub(super) requests: Vec<RequestBlocks>,
}

/// What one request has.
#[derive(Default)]
pub(super) struct RequestBlocks {
    /// Where the window ends that its prompt leaves in the cache [entries].
    prompt_end: u32,
    /// Entries of each of its tables that it has found when it was last admitted.
    pub(super) found: u32,
    /// What it found by its latest look-up in the layers that found most, if all layers together found less; otherwise
    /// 0 [entries].
    pub(super) junction: u32,
    /// What it found by its latest look-up.
    pub(super) hit: GroupHit,
    /// How many tokens it had then, and the place in the queue up to which nothing of it has been taken since.
    pub(super) looked_up: Option<(u32, u64)>,
    pub(super) tables: Vec<TableBlocks>,
}

/// What one request has in one group.
#[derive(Default)]
pub(super) struct TableBlocks {
    /// Null entries at the start of its table.
    pub(super) given: u32,
    /// Free blocks that hold entries of its table. Of several that hold the same the one that was named first is first.
    pub(super) free: Vec<FreeBlocks>,
}

/// What a request finds.
#[derive(Default)]
pub(super) struct GroupHit {
    /// Entries of each table.
    pub entries: u32,
    /// The first of them that is a block, by group; those before it are null.
    pub first: Vec<u32>,
}

impl GroupHit {
    /// Blocks in all tables together.
    pub(super) fn blocks(&self) -> u32 {
        self.first.iter().map(|first| self.entries - first).sum()
    }

    /// Blocks that leave the queue if its request comes in and needs so many entries in a group.
    pub(super) fn taken<'a>(
        &self,
        groups: impl Iterator<Item = &'a KvGroup>,
        entries: impl Fn(&KvGroup) -> u32,
    ) -> u32 {
        let taken = groups.enumerate().map(|(number, group)| {
            let first = self.first.get(number).copied().unwrap_or(0);
            entries(group).saturating_sub(self.entries) + (self.entries - first)
        });
        taken.sum()
    }
}

/// Blocks that hold consecutive entries of a table, and lie one after the other in the queue, the last entry first.
#[derive(Clone, Copy, Debug)]
pub(super) struct FreeBlocks {
    pub start: u32,
    pub end: u32,
    /// The place of the last entry's.
    pub place: u64,
}

impl FreeBlocks {
    /// Those that have not been taken, if nothing before the place `next` is left.
    pub(super) fn left(self, next: u64) -> Option<Self> {
        let taken = next.saturating_sub(self.place);
        let left = u64::from(self.end - self.start).checked_sub(taken)? as u32;
        (left > 0).then(|| Self {
            start: self.start,
            end: self.start + left,
            place: self.place + taken,
        })
    }

    /// A part of them.
    pub(super) const fn part(self, start: u32, end: u32) -> Self {
        Self {
            start,
            end,
            place: self.place + (self.end - end) as u64,
        }
    }

    pub(super) const fn places(self) -> Range<u64> {
        self.place..self.place + (self.end - self.start) as u64
    }
}

impl GroupCache {
    /// An empty cache. `None` if not every chunk of a group is made of whole blocks.
    pub(super) fn new(rules: &ContinuousSettings, memory: &Memory) -> Option<Self> {
        let groups = memory.groups();
        let block_tokens = Tables::of(rules, memory)?.block_tokens;
        let whole_blocks = |group: &KvGroup| match group.kind {
            KvGroupKind::Chunked(chunk) => chunk.is_multiple_of(block_tokens),
            _ => true,
        };
        if !groups.iter().all(whole_blocks) {
            return None;
        }
        let mut classes: Vec<Vec<usize>> = Vec::new();
        for (number, group) in groups.iter().enumerate() {
            match classes.iter_mut().find(|class| groups[class[0]] == *group) {
                Some(class) => class.push(number),
                None => classes.push(vec![number]),
            }
        }
        classes.sort_by_key(|class| groups[class[0]].kind != KvGroupKind::Full);
        Some(Self {
            groups,
            classes,
            block_tokens,
            interval: rules.retention_interval,
            keyless_first: rules.keyless_first,
            queue: CountedQueue::new(memory.usable_blocks),
            requests: Vec::new(),
        })
    }

    /// A request sits down.
    pub(super) fn enter(&mut self, seat: Seat, prompt_tokens: u32) {
        let seat = seat as usize;
        if seat >= self.requests.len() {
            self.requests.resize_with(seat + 1, RequestBlocks::default);
        }
        let request = &mut self.requests[seat];
        request.tables.resize_with(self.groups.len(), TableBlocks::default);
        // A token of the prompt is left to compute in any case.
        request.prompt_end = (prompt_tokens - 1) / self.block_tokens;
        request.junction = 0;
        request.looked_up = None;
    }

    /// Gives back what no token can see that follows the `settled` first ones, and says how many blocks.
    pub(super) fn give_back(&mut self, seat: Seat, settled: u32) -> u32 {
        let request = &self.requests[seat as usize];
        let moves_on = |class: &Vec<usize>| {
            let number = class[0];
            self.groups[number].unseen_entries(settled) > request.tables[number].given
        };
        if !self.classes.iter().any(moves_on) {
            return 0;
        }
        let mut blocks = 0;
        for number in 0..self.groups.len() {
            let unseen = self.groups[number].unseen_entries(settled);
            let given = self.requests[seat as usize].tables[number].given;
            if unseen > given {
                self.let_go(seat, number, given..unseen, unseen, true);
                self.requests[seat as usize].tables[number].given = unseen;
                blocks += unseen - given;
            }
        }
        blocks
    }

    /// Takes all blocks from a request that has `entries` entries in each table, of which the first `full` are full and
    /// named. If it does not return, nobody asks for them.
    pub(super) fn release(&mut self, seat: Seat, full: u32, entries: u32, returns: bool) {
        for number in 0..self.groups.len() {
            let given = self.requests[seat as usize].tables[number].given;
            self.let_go(seat, number, given..entries, full, returns);
            let table = &mut self.requests[seat as usize].tables[number];
            table.given = 0;
        }
        let request = &mut self.requests[seat as usize];
        request.found = 0;
        request.looked_up = None;
    }

    /// A request has left: nobody asks for what it had.
    pub(super) fn forget(&mut self, seat: Seat) {
        for table in &mut self.requests[seat as usize].tables {
            table.free.clear();
        }
    }

    /// The blocks of a part of a table become free, the last first. Those before `full` are full.
    fn let_go(&mut self, seat: Seat, number: usize, entries: Range<u32>, full: u32, returns: bool) {
        let request = &mut self.requests[seat as usize];
        let kept = Kept::new(self.groups[number], self.block_tokens, request, self.interval);
        let mut end = entries.end;
        while end > entries.start {
            let (start, is_named) = if end > full {
                (full, false)
            } else if end <= request.found {
                (0, true)
            } else {
                let (start, is_kept) = kept.alike_before(end);
                (start.max(request.found), is_kept)
            };
            let start = start.max(entries.start);
            let blocks = end - start;
            if !is_named && self.keyless_first {
                self.queue.push_front(blocks);
            } else {
                let place = self.queue.push_back(blocks);
                let free = &mut request.tables[number].free;
                let new = FreeBlocks { start, end, place };
                if !is_named || !returns {
                    // Nobody asks for them.
                } else if end <= request.found {
                    // What it has found was named before all others that hold the same and are left.
                    free.insert(0, new);
                } else {
                    free.push(new);
                }
            }
            end = start;
        }
    }
}

/// Which entries of a request's table in a group the cache keeps.
struct Kept {
    block_tokens: u32,
    /// Blocks before a token that a window reaches into; 0 if the cache keeps every block.
    window: u32,
    /// Ends of windows.
    ends: [u32; 2],
    interval: u32,
}

impl Kept {
    fn new(group: KvGroup, block_tokens: u32, request: &RequestBlocks, interval: Option<u32>) -> Self {
        let window = match (group.kind, interval) {
            (KvGroupKind::Sliding(_), Some(_)) => group.window_blocks(),
            _ => 0,
        };
        Self {
            block_tokens,
            window,
            ends: [request.prompt_end, request.junction],
            interval: interval.unwrap_or(0),
        }
    }

    /// Whether the last entry before `end` is kept, and a place from which on all others before `end` are so too, or
    /// are not.
    fn alike_before(&self, end: u32) -> (u32, bool) {
        if self.window == 0 {
            return (0, true);
        }
        let mut start = 0;
        for window_end in self.ends.into_iter().chain(self.multiples_around(end)) {
            let window_start = window_end.saturating_sub(self.window);
            if (window_start..window_end).contains(&(end - 1)) {
                return (window_start, true);
            }
            if window_end < end {
                start = start.max(window_end);
            }
        }
        (start, false)
    }

    /// The last multiple of the interval before the end of an entry, and the first that is not before it [blocks].
    fn multiples_around(&self, end: u32) -> impl Iterator<Item = u32> {
        let next = if self.interval == 0 {
            None
        } else {
            (end * self.block_tokens).checked_next_multiple_of(self.interval)
        };
        let both = next.map(|next| [next - self.interval, next].map(|tokens| tokens / self.block_tokens));
        both.into_iter().flatten()
    }
}
