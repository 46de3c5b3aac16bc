//! What a request that was preempted finds of its own blocks, over groups of layers: the longest prefix that all of
//! them can go on from.

use super::group_cache::{FreeBlocks, GroupCache, GroupHit, RequestBlocks};
use super::seats::Seat;
use crate::hardware::{KvGroup, KvGroupKind};

/// Entries that a class of groups has: all from `first` on, of those that it needs.
#[derive(Clone, Copy)]
struct Run {
    first: u32,
    end: u32,
}

impl GroupCache {
    /// Notes what a waiting request of `tokens` tokens finds, of which at least one is left to compute, and what some
    /// of its layers would have had.
    pub(super) fn look_up(&mut self, seat: Seat, tokens: u32) {
        let next = self.queue.next();
        let request = &mut self.requests[seat as usize];
        if request
            .looked_up
            .is_some_and(|(of, until)| of == tokens && next <= until)
        {
            return; // Nothing of it has been taken since.
        }
        let mut until = u64::MAX;
        for table in &mut request.tables {
            table.free.retain_mut(|blocks| {
                let left = blocks.left(next);
                left.is_some_and(|left| {
                    *blocks = left;
                    until = until.min(left.place);
                    true
                })
            });
        }
        request.looked_up = Some((tokens, until));
        self.search(seat, tokens);
    }

    fn search(&mut self, seat: Seat, tokens: u32) {
        let request = &self.requests[seat as usize];
        let keeps_all = |class: &[usize]| self.groups[class[0]].kind == KvGroupKind::Full;
        let has_none = |class: &[usize]| request.tables[class[0]].free.is_empty();
        if keeps_all(&self.classes[0]) && has_none(&self.classes[0]) {
            let request = &mut self.requests[seat as usize];
            request.junction = 0;
            request.hit.entries = 0;
            return request.hit.first.clear();
        }
        let present: Vec<_> = self.classes.iter().map(|class| self.present(request, class)).collect();
        let once = self.classes.len() == 2 && keeps_all(&self.classes[0]);
        let (mut agreed, mut longest) = (tokens - 1, 0);
        let mut found: Vec<Run> = Vec::new();
        let entries = loop {
            let mut most = agreed;
            for (number, class) in self.classes.iter().enumerate() {
                let run = match found.get(number) {
                    Some(&run) if keeps_all(class) => Run {
                        end: run.end.min(most / self.block_tokens),
                        ..run
                    },
                    _ => self.longest(self.groups[class[0]], &present[number], most),
                };
                most = run.end * self.block_tokens;
                longest = longest.max(run.end);
                match found.get_mut(number) {
                    Some(before) => *before = run,
                    None => found.push(run),
                }
            }
            if once || most >= agreed {
                break most / self.block_tokens;
            }
            agreed = most;
        };
        let mut first = vec![0; self.groups.len()];
        for (class, run) in self.classes.iter().zip(found) {
            let unseen = self.groups[class[0]].unseen_entries(entries * self.block_tokens);
            for &number in class {
                first[number] = run.first.max(unseen).min(entries);
            }
        }
        let request = &mut self.requests[seat as usize];
        request.junction = if longest > entries { longest } else { 0 };
        request.hit = GroupHit { entries, first };
    }

    /// Gives a request what it has found.
    pub(super) fn take_found(&mut self, seat: Seat) {
        let request = &mut self.requests[seat as usize];
        let hit = &request.hit;
        request.looked_up = None;
        request.found = hit.entries;
        for (table, &first) in request.tables.iter_mut().zip(&hit.first) {
            table.given = first;
            let mut wanted = vec![(first, hit.entries)];
            let mut left = Vec::new();
            for blocks in std::mem::take(&mut table.free) {
                let Some(blocks) = blocks.left(self.queue.next()) else {
                    continue;
                };
                let mut rest = blocks.end;
                let mut still_wanted = Vec::new();
                // The last first.
                for (start, end) in wanted {
                    let part = blocks.part(blocks.start.max(start).min(rest), blocks.end.min(end).max(blocks.start));
                    if part.start >= part.end {
                        still_wanted.push((start, end));
                        continue;
                    }
                    self.queue.take_out(part.places());
                    keep(&mut left, blocks.part(part.end, rest));
                    rest = part.start;
                    still_wanted.extend([(part.end, end), (start, part.start)]);
                }
                keep(&mut left, blocks.part(blocks.start, rest));
                still_wanted.retain(|(start, end)| start < end);
                wanted = still_wanted;
            }
            assert!(
                wanted.iter().all(|(start, end)| start >= end),
                "what was found is there"
            );
            table.free = left;
        }
    }

    /// The entries that all groups of a class have, as ranges, first to last.
    fn present(&self, request: &RequestBlocks, class: &[usize]) -> Vec<(u32, u32)> {
        let mut all: Option<Vec<(u32, u32)>> = None;
        for &number in class {
            let free = request.tables[number].free.iter();
            let left = free.filter_map(|blocks| blocks.left(self.queue.next()));
            let own = joined(left.map(|blocks| (blocks.start, blocks.end)).collect());
            all = Some(all.map_or_else(|| own.clone(), |others| in_both(&others, &own)));
        }
        all.unwrap_or_default()
    }

    /// The longest prefix, of at most `most` tokens, that a class can go on from.
    fn longest(&self, group: KvGroup, present: &[(u32, u32)], most: u32) -> Run {
        let entries = most / self.block_tokens;
        match group.kind {
            KvGroupKind::Full => run_from(present, 0, entries),
            KvGroupKind::Sliding(_) => latest_window(present, group.window_blocks(), entries),
            KvGroupKind::Chunked(chunk) => run_from(present, (most - most % chunk) / self.block_tokens, entries),
            KvGroupKind::State(_) => unreachable!("a state is not cached"),
        }
    }
}

fn keep(left: &mut Vec<FreeBlocks>, blocks: FreeBlocks) {
    if blocks.start < blocks.end {
        left.push(blocks);
    }
}

/// Whatever is there from `first` on, without a gap.
fn run_from(present: &[(u32, u32)], first: u32, entries: u32) -> Run {
    let mut ranges = present.iter();
    let around = ranges.find(|&&(start, end)| start <= first && first < end);
    let end = around.map_or(first, |&(_, end)| end).min(entries);
    Run {
        first: first.min(end),
        end,
    }
}

/// The last place before which a window full of blocks is there; otherwise what is there from the beginning on.
fn latest_window(present: &[(u32, u32)], window: u32, entries: u32) -> Run {
    for &(start, end) in present.iter().rev() {
        let end = end.min(entries);
        if end.saturating_sub(start) >= window {
            return Run {
                first: end - window,
                end,
            };
        }
    }
    run_from(present, 0, entries)
}

/// Ranges in their order, those that touch as one.
fn joined(mut ranges: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    ranges.sort_unstable();
    let mut joined: Vec<(u32, u32)> = Vec::new();
    for (start, end) in ranges {
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

/// What two lists of ranges have in common.
fn in_both(one: &[(u32, u32)], other: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut both = Vec::new();
    let (mut at, mut beside) = (0, 0);
    while at < one.len() && beside < other.len() {
        let (start, end) = (one[at].0.max(other[beside].0), one[at].1.min(other[beside].1));
        if start < end {
            both.push((start, end));
        }
        if one[at].1 < other[beside].1 {
            at += 1;
        } else {
            beside += 1;
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_joined_and_met() {
        let one = joined(vec![(7, 9), (0, 2), (2, 4), (3, 5)]);
        assert_eq!(one, [(0, 5), (7, 9)]);
        assert_eq!(in_both(&one, &[(1, 3), (4, 8)]), [(1, 3), (4, 5), (7, 8)]);
    }

    #[test]
    fn a_window_is_found_from_the_right_or_else_the_beginning() {
        let found = |present: &[(u32, u32)], entries| {
            let run = latest_window(present, 3, entries);
            (run.first, run.end)
        };
        assert_eq!(found(&[(0, 2), (4, 8)], 20), (5, 8));
        assert_eq!(found(&[(0, 2), (4, 8)], 7), (4, 7));
        assert_eq!(found(&[(0, 2), (4, 8)], 6), (0, 2));
        assert_eq!(found(&[(1, 3)], 6), (0, 0));
    }
}
