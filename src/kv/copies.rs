//! Which blocks of one stretch exist, who uses them and where they lie in the free queue.
//!
//! Mostly there is one copy of each block. Requests that compute the same content at the same time make more; of these
//! the first that was named is found.

use super::free_queue::{Content, EntryId, FreeQueue, NONE};

/// Blocks `start..end` of one copy of a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedBlocks {
    pub(super) stretch: u32,
    pub(super) copy: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

impl NamedBlocks {
    /// How many blocks.
    pub const fn count(&self) -> u32 {
        self.end - self.start
    }

    /// Adds blocks to those of a sequence; they join those before them of the same copy.
    pub fn append(all: &mut Vec<Self>, blocks: Self) {
        match all.last_mut() {
            Some(last) if last.stretch == blocks.stretch && last.copy == blocks.copy && last.end == blocks.start => {
                last.end = blocks.end;
            }
            _ => all.push(blocks),
        }
    }
}

/// The blocks of one stretch that exist.
#[derive(Debug, Default)]
pub(super) struct Copies {
    pub key: u64,
    /// In the order of copy and number. Of two copies of a block the one with the lower number was named first.
    pieces: Vec<Piece>,
}

/// Consecutive blocks of one copy that have equally many users and, if these are none, one entry in the free queue.
#[derive(Clone, Copy, Debug)]
struct Piece {
    copy: u32,
    start: u32,
    end: u32,
    users: u32,
    /// While nobody uses it.
    entry: EntryId,
}

impl Piece {
    const fn blocks(&self) -> u32 {
        self.end - self.start
    }
}

impl Copies {
    pub(super) const fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The copy in which block `at` is found, up to which block it goes on, at most up to `end`, and whether nobody
    /// uses these blocks.
    pub(super) fn find(&self, at: u32, end: u32) -> Option<(u32, u32, bool)> {
        let holds = |piece: &&Piece| piece.start <= at && at < piece.end;
        // No earlier copy begins again before the end of this piece: whoever held such blocks last held those before
        // them too, of the same copy or an earlier one, and these are taken later.
        let piece = self.pieces.iter().find(holds)?;
        Some((piece.copy, piece.end.min(end), piece.users == 0))
    }

    /// Names blocks `start..end`, which their only user has just filled, and returns the copy they belong to.
    pub(super) fn name(&mut self, start: u32, end: u32) -> u32 {
        let mut copy = 0;
        if let Some(last) = self.pieces.last_mut() {
            // The latest copy may go on: whatever other copies have of these blocks was named before.
            copy = last.copy + u32::from(last.end != start);
            if last.end == start && last.users == 1 {
                last.end = end;
                return copy;
            }
        }
        self.pieces.push(Piece {
            copy,
            start,
            end,
            users: 1,
            entry: NONE,
        });
        copy
    }

    /// Adds a user to blocks that exist, and returns how many have left the free queue.
    pub(super) fn share(&mut self, blocks: NamedBlocks, queue: &mut FreeQueue) -> u32 {
        let mut index = self.place_of(blocks.copy, blocks.start);
        if self.pieces[index].start < blocks.start {
            self.split(index, blocks.start, queue);
            index += 1;
        }
        let (first, mut at, mut left_queue) = (index, blocks.start, 0);
        while at < blocks.end {
            if self.pieces[index].end > blocks.end {
                self.split(index, blocks.end, queue);
            }
            let piece = &mut self.pieces[index];
            if piece.users == 0 {
                queue.remove(piece.entry);
                piece.entry = NONE;
                left_queue += piece.blocks();
            }
            piece.users += 1;
            at = piece.end;
            index += 1;
        }
        self.join(first, index);
        left_queue
    }

    /// Removes a user from blocks, last block first, and returns how many have joined the free queue.
    pub(super) fn release(&mut self, blocks: NamedBlocks, queue: &mut FreeQueue) -> u32 {
        let mut index = self.place_of(blocks.copy, blocks.end - 1);
        if self.pieces[index].end > blocks.end {
            self.split(index, blocks.end, queue);
        }
        let (last, mut joined_queue) = (index, 0);
        loop {
            if self.pieces[index].start < blocks.start {
                self.split(index, blocks.start, queue);
                index += 1;
            }
            let piece = &mut self.pieces[index];
            let start = piece.start;
            piece.users -= 1;
            if piece.users == 0 {
                joined_queue += piece.blocks();
                self.push_free(index, blocks.stretch, queue);
            }
            if start == blocks.start {
                break;
            }
            index -= 1;
        }
        self.join(index, last + 2);
        joined_queue
    }

    /// Puts a piece at the back of the free queue; if the blocks that follow it lie there already, both are one piece.
    fn push_free(&mut self, index: usize, stretch: u32, queue: &mut FreeQueue) {
        let piece = self.pieces[index];
        if let Some(next) = self.pieces.get_mut(index + 1)
            && next.entry == queue.back()
            && next.entry != NONE
            && next.copy == piece.copy
            && next.start == piece.end
        {
            queue.grow(next.entry, piece.blocks());
            next.start = piece.start;
            self.pieces.remove(index);
            return;
        }
        self.pieces[index].entry = queue.push_back(Content::Named(stretch), piece.blocks());
    }

    /// Forgets the last `count` blocks of an entry of the free queue, which were taken for something else.
    pub(super) fn forget(&mut self, entry: EntryId, count: u32) {
        let lies_there = |piece: &Piece| piece.entry == entry;
        let index = self.pieces.iter().position(lies_there);
        let index = index.expect("an entry leads to its blocks");
        let piece = &mut self.pieces[index];
        piece.end -= count;
        if piece.blocks() == 0 {
            self.pieces.remove(index);
        }
    }

    /// The place of the piece that holds block `at` of a copy.
    fn place_of(&self, copy: u32, at: u32) -> usize {
        let holds = |piece: &Piece| piece.copy == copy && piece.start <= at && at < piece.end;
        let place = self.pieces.iter().position(holds);
        place.expect("blocks in use, or just found, exist")
    }

    /// Makes two pieces of one.
    fn split(&mut self, index: usize, at: u32, queue: &mut FreeQueue) {
        let mut head = self.pieces[index];
        head.end = at;
        if head.users == 0 {
            head.entry = queue.split_last(head.entry, head.blocks());
        }
        self.pieces[index].start = at;
        self.pieces.insert(index, head);
    }

    /// Makes one of neighbours in use that have equally many users: of the pieces from `from` to before `to`, and the
    /// one before these.
    fn join(&mut self, from: usize, to: usize) {
        for index in (from.max(1)..=to).rev() {
            let Some(&next) = self.pieces.get(index) else {
                continue;
            };
            let piece = &mut self.pieces[index - 1];
            if piece.users > 0 && piece.users == next.users && piece.copy == next.copy && piece.end == next.start {
                piece.end = next.end;
                self.pieces.remove(index);
            }
        }
    }
}
