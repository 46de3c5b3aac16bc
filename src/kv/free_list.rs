//! Free blocks in the order in which they are taken: a ring of neighbours, from which any block leaves in no time
//! (`FreeKVCacheBlockQueue` in vLLM 0.33.0, `vllm/v1/core/kv_cache_utils.py`).

use super::block_id::{BlockId, NULL_BLOCK};

/// A ring through the null block, which is never free: the first block comes after it, the last before it.
#[derive(Clone, Debug)]
pub(super) struct FreeList {
    /// Of each block in the list the one before it and the one after it.
    neighbours: Vec<[BlockId; 2]>,
    len: u32,
}

const BEFORE: usize = 0;
const AFTER: usize = 1;

impl FreeList {
    /// All blocks of so many, the null block left out, in the order of their numbers.
    pub(super) fn of_all(blocks: u32) -> Self {
        let mut list = Self {
            neighbours: vec![[NULL_BLOCK; 2]; blocks as usize],
            len: 0,
        };
        for id in 1..blocks {
            list.push_back(id);
        }
        list
    }

    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    /// From the first to the last.
    pub(super) fn iter(&self) -> impl Iterator<Item = BlockId> {
        let after = |&id: &BlockId| Some(self.neighbours[id as usize][AFTER]).filter(|&next| next != NULL_BLOCK);
        std::iter::successors(after(&NULL_BLOCK), after)
    }

    pub(super) fn pop_front(&mut self) -> Option<BlockId> {
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
    }

    /// Takes a block out that is in the list.
    pub(super) fn remove(&mut self, id: BlockId) {
        let [before, after] = self.neighbours[id as usize];
        self.neighbours[before as usize][AFTER] = after;
        self.neighbours[after as usize][BEFORE] = before;
        self.len -= 1;
    }

    fn insert(&mut self, before: BlockId, id: BlockId, after: BlockId) {
        self.neighbours[before as usize][AFTER] = id;
        self.neighbours[id as usize] = [before, after];
        self.neighbours[after as usize][BEFORE] = id;
        self.len += 1;
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
        for _ in 0..10_000 {
            let id = random.random_range(1..20);
            if let Some(place) = plain.iter().position(|&free| free == id) {
                if random.random_bool(0.5) {
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
