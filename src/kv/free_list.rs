//! Free blocks in the order in which they are taken: a ring of neighbours, from which any block leaves in no time
//! (`FreeKVCacheBlockQueue` in vLLM 0.33.0, `vllm/v1/core/kv_cache_utils.py`).

use std::ops::Range;

use super::block_id::{BlockId, NULL_BLOCK};

/// A ring through the null block, which is never free: the first block comes after it, the last before it. Blocks that
/// were never taken lie somewhere in it, in the order of their numbers, and cost no memory.
#[derive(Clone, Debug)]
pub(super) struct FreeList {
    /// Of each block in the ring the one before it and the one after it.
    neighbours: Vec<[BlockId; 2]>,
    /// Blocks in the ring.
    linked: u32,
    untouched: Range<BlockId>,
    /// The block in the ring after which the untouched ones come.
    before_untouched: BlockId,
}

const BEFORE: usize = 0;
const AFTER: usize = 1;

impl FreeList {
    /// All blocks of so many, the null block left out, in the order of their numbers.
    pub(super) fn of_all(blocks: u32) -> Self {
        Self {
            neighbours: vec![[NULL_BLOCK; 2]],
            linked: 0,
            untouched: 1..blocks.max(1),
            before_untouched: NULL_BLOCK,
        }
    }

    pub(super) fn len(&self) -> u32 {
        self.linked + self.untouched.len() as u32
    }

    /// From the first to the last.
    pub(super) fn iter(&self) -> impl Iterator<Item = BlockId> {
        let after = |&id: &BlockId| Some(self.neighbours[id as usize][AFTER]).filter(|&next| next != NULL_BLOCK);
        let with_null = std::iter::successors(Some(NULL_BLOCK), after);
        let untouched_after = |id| {
            if id == self.before_untouched {
                self.untouched.clone()
            } else {
                0..0
            }
        };
        let all = with_null.flat_map(move |id| std::iter::once(id).chain(untouched_after(id)));
        all.skip(1)
    }

    pub(super) fn pop_front(&mut self) -> Option<BlockId> {
        if self.before_untouched == NULL_BLOCK
            && let Some(id) = self.untouched.next()
        {
            self.neighbours.push([NULL_BLOCK; 2]);
            return Some(id);
        }
        let first = self.neighbours[NULL_BLOCK as usize][AFTER];
        (first != NULL_BLOCK).then(|| {
            self.remove(first);
            first
        })
    }

    pub(super) fn push_back(&mut self, id: BlockId) {
        let last = self.neighbours[NULL_BLOCK as usize][BEFORE];
        self.insert(last, id, NULL_BLOCK);
    }

    pub(super) fn push_front(&mut self, id: BlockId) {
        let first = self.neighbours[NULL_BLOCK as usize][AFTER];
        self.insert(NULL_BLOCK, id, first);
        if self.before_untouched == NULL_BLOCK {
            self.before_untouched = id;
        }
    }

    /// Takes a block out that is in the list, and has been taken before.
    pub(super) fn remove(&mut self, id: BlockId) {
        let [before, after] = self.neighbours[id as usize];
        if self.before_untouched == id {
            self.before_untouched = before;
        }
        self.neighbours[before as usize][AFTER] = after;
        self.neighbours[after as usize][BEFORE] = before;
        self.linked -= 1;
    }

    fn insert(&mut self, before: BlockId, id: BlockId, after: BlockId) {
        self.neighbours[before as usize][AFTER] = id;
        self.neighbours[id as usize] = [before, after];
        self.neighbours[after as usize][BEFORE] = id;
        self.linked += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use rand::RngExt;

    use super::*;
    use crate::stats::streams::stream;

    #[test]
    fn it_is_a_queue_from_whose_middle_blocks_may_leave() {
        let mut random = stream(1, "free list");
        let (mut list, mut plain) = (FreeList::of_all(20), (1..20).collect::<VecDeque<BlockId>>());
        for round in 0..10_000 {
            // As blocks are taken in the order of their numbers, those up to some number have been.
            let id = random.random_range(1..20.min(2 + round / 100));
            if let Some(place) = plain.iter().position(|&free| free == id) {
                if random.random_bool(0.5) && !list.untouched.contains(&id) {
                    plain.remove(place);
                    list.remove(id);
                } else {
                    assert_eq!(list.pop_front(), plain.pop_front());
                }
            } else if random.random_bool(0.5) {
                plain.push_back(id);
                list.push_back(id);
            } else {
                plain.push_front(id);
                list.push_front(id);
            }
            assert!(list.iter().eq(plain.iter().copied()));
            assert_eq!(list.len() as usize, plain.len());
        }
        while list.pop_front().is_some() {}
        assert_eq!((list.len(), list.iter().count()), (0, 0));
    }
}
