//! The blocks of the KV cache without names wherever names make no difference: the fast twin of [`super::BlockPool`].
//!
//! A block matters by itself only if its content may be looked up. Blocks that no request can ask for again are alike,
//! so the free queue holds them as counts. Blocks of a preempted request can be asked for by that request alone; they
//! are one entry, of which the tail is taken first, so that what is left is always the beginning. Blocks that other
//! requests can name are known by stretches, not one by one: those with the same users, or released together, are kept
//! as one.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use super::block_pool::PoolRules;
use super::copies::{Copies, NamedBlocks};
use super::free_queue::{Content, EntryId, FreeQueue};
use super::stretch::{FullBlocks, Stretch};

/// All blocks of a server.
#[derive(Debug)]
pub struct CountedPool {
    rules: PoolRules,
    block_tokens: u32,
    usable: u32,
    free: u32,
    queue: FreeQueue,
    named: Vec<Copies>,
    unused_names: Vec<u32>,
    /// Stretches, by key, of which a block exists.
    cached: FxHashMap<u64, u32>,
}

/// Where a preempted request's own blocks lie in the free queue, as far as they have not been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnBlocks {
    entry: EntryId,
    generation: u32,
}

/// What a request holds, as it is released: its blocks in the order of its tokens are the named ones, then its own.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// Blocks that other requests can name.
    pub named: &'a [NamedBlocks],
    /// Full blocks that only this request can ask for again.
    pub own_full: u32,
    /// Blocks that are not full, at the end.
    pub not_full: u32,
}

/// How many cached blocks a request finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hit {
    /// Cached blocks that the request finds.
    pub blocks: u32,
    /// Those of them that nobody uses, which would leave the free queue.
    pub unused: u32,
}

impl CountedPool {
    /// A pool of `usable` blocks that can hold `block_tokens` tokens each.
    pub fn new(usable: u32, block_tokens: u32, rules: PoolRules) -> Self {
        let mut queue = FreeQueue::default();
        queue.push_back(Content::Nobodys, usable);
        Self {
            rules,
            block_tokens,
            usable,
            free: usable,
            queue,
            named: Vec::new(),
            unused_names: Vec::new(),
            cached: FxHashMap::default(),
        }
    }

    /// Blocks that can hold tokens.
    pub const fn usable(&self) -> u32 {
        self.usable
    }

    /// Tokens in a block.
    pub const fn block_tokens(&self) -> u32 {
        self.block_tokens
    }

    /// Blocks nobody uses.
    pub const fn free(&self) -> u32 {
        self.free
    }

    /// Appends to `found` the longest run of cached blocks, at most `most`, from the start of a sequence of
    /// `stretches`.
    pub fn lookup(&self, stretches: &[Stretch], most: u32, found: &mut Vec<NamedBlocks>) -> Hit {
        let mut hit = Hit::default();
        for stretch in stretches {
            let wanted = stretch.blocks.min(most - hit.blocks);
            let Some(&number) = self.cached.get(&stretch.key) else {
                break;
            };
            let copies = &self.named[number as usize];
            let mut start = 0;
            while start < wanted
                && let Some((copy, end, unused)) = copies.find(start, wanted)
            {
                let blocks = NamedBlocks {
                    stretch: number,
                    copy,
                    start,
                    end,
                };
                NamedBlocks::append(found, blocks);
                hit.unused += if unused { end - start } else { 0 };
                start = end;
            }
            hit.blocks += start;
            if start < stretch.blocks {
                break;
            }
        }
        hit
    }

    /// How many of these blocks are cached, up to the first that is not.
    pub fn cached_of(&self, blocks: FullBlocks) -> u32 {
        let FullBlocks { key, start, end } = blocks;
        let Some(&number) = self.cached.get(&key) else {
            return 0;
        };
        let copies = &self.named[number as usize];
        let mut at = start;
        while at < end
            && let Some((_, until, _)) = copies.find(at, end)
        {
            at = until;
        }
        at - start
    }

    /// How many of a preempted request's own blocks are left.
    pub fn own_left(&self, own: OwnBlocks) -> u32 {
        if self.queue.generation(own.entry) == own.generation {
            self.queue.count(own.entry)
        } else {
            0
        }
    }

    /// Adds a user to cached blocks.
    pub fn share(&mut self, found: &[NamedBlocks]) {
        for &blocks in found {
            let copies = &mut self.named[blocks.stretch as usize];
            self.free -= copies.share(blocks, &mut self.queue);
        }
    }

    /// Gives a request back what is left of its own blocks, and says how many.
    pub fn reclaim(&mut self, own: OwnBlocks) -> u32 {
        let left = self.own_left(own);
        if left > 0 {
            self.queue.remove(own.entry);
            self.free -= left;
        }
        left
    }

    /// Takes blocks from the front of the free queue; what they held is forgotten.
    #[inline]
    pub fn take(&mut self, count: u32) {
        self.free -= count;
        if self.rules.caching && count > 0 {
            self.forget_first(count);
        }
    }

    fn forget_first(&mut self, mut count: u32) {
        while count > 0 {
            let (content, entry, taken) = self.queue.pop_front(count);
            count -= taken;
            if let Content::Named(number) = content {
                self.forget(number, entry, taken);
            }
        }
    }

    /// Names blocks `start..end` of a stretch, which their only user has just filled.
    pub fn name(&mut self, key: u64, start: u32, end: u32) -> NamedBlocks {
        let number = match self.cached.entry(key) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let number = self.unused_names.pop().unwrap_or_else(|| {
                    self.named.push(Copies::default());
                    self.named.len() as u32 - 1
                });
                self.named[number as usize].key = key;
                *new.insert(number)
            }
        };
        NamedBlocks {
            stretch: number,
            copy: self.named[number as usize].name(start, end),
            start,
            end,
        }
    }

    /// Takes back the blocks of a request, without a cache.
    #[inline]
    pub const fn give_back(&mut self, blocks: u32) {
        assert!(!self.rules.caching, "a cache keeps what blocks hold");
        self.free += blocks;
    }

    /// Removes a user from all blocks of a request. If it `returns`, it may ask for its own full blocks again.
    pub fn release(&mut self, held: Held<'_>, returns: bool) -> Option<OwnBlocks> {
        self.free += held.own_full + held.not_full;
        if !self.rules.caching {
            return None;
        }
        if held.not_full > 0 && self.rules.keyless_first {
            self.queue.push_front(held.not_full);
        } else {
            self.queue.push_back(Content::Nobodys, held.not_full);
        }
        let content = if returns { Content::Own } else { Content::Nobodys };
        let own = self.queue.push_back(content, held.own_full);
        for &blocks in held.named.iter().rev() {
            let copies = &mut self.named[blocks.stretch as usize];
            self.free += copies.release(blocks, &mut self.queue);
        }
        (returns && held.own_full > 0).then(|| OwnBlocks {
            entry: own,
            generation: self.queue.generation(own),
        })
    }

    fn forget(&mut self, number: u32, entry: EntryId, count: u32) {
        let copies = &mut self.named[number as usize];
        copies.forget(entry, count);
        if copies.is_empty() {
            self.cached.remove(&copies.key);
            self.unused_names.push(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: PoolRules = PoolRules {
        caching: true,
        keyless_first: true,
    };

    fn named(blocks: &[NamedBlocks]) -> Held<'_> {
        Held {
            named: blocks,
            own_full: 0,
            not_full: 0,
        }
    }

    /// What a sequence of one stretch of `blocks` blocks finds.
    fn find(pool: &CountedPool, key: u64, blocks: u32) -> (Hit, Vec<NamedBlocks>) {
        let mut found = Vec::new();
        let hit = pool.lookup(&[Stretch { key, blocks }], u32::MAX, &mut found);
        (hit, found)
    }

    #[test]
    fn own_blocks_are_taken_from_the_tail_and_can_be_reclaimed() {
        let mut pool = CountedPool::new(10, 16, RULES);
        pool.take(6);
        let held = Held {
            named: &[],
            own_full: 5,
            not_full: 1,
        };
        let own = pool.release(held, true).unwrap();
        assert_eq!((pool.free(), pool.own_left(own)), (10, 5));
        // First the block that was not full, then the four never used, then two of its own.
        pool.take(7);
        assert_eq!(pool.own_left(own), 3);
        assert_eq!(pool.reclaim(own), 3);
        assert_eq!((pool.free(), pool.own_left(own)), (0, 0));
    }

    #[test]
    fn named_blocks_are_found_until_they_are_taken_for_something_else() {
        let mut pool = CountedPool::new(4, 16, RULES);
        pool.take(2);
        let blocks = pool.name(7, 0, 2);
        pool.release(named(&[blocks]), false);
        assert_eq!(find(&pool, 7, 5).0, Hit { blocks: 2, unused: 2 });
        pool.take(3); // Two never used, then the tail.
        let (hit, found) = find(&pool, 7, 5);
        assert_eq!((hit.blocks, hit.unused), (1, 1));
        pool.share(&found);
        assert_eq!(pool.free(), 0);
        assert_eq!(find(&pool, 7, 5).0.unused, 0);
    }

    #[test]
    fn a_part_in_use_leaves_the_rest_in_its_place() {
        let mut pool = CountedPool::new(9, 16, RULES);
        pool.take(9);
        let (early, late) = (pool.name(1, 0, 6), pool.name(2, 0, 3));
        pool.release(named(&[early]), false);
        pool.release(named(&[late]), false);
        let (_, head) = find(&pool, 1, 2);
        pool.share(&head);
        pool.take(3);
        assert_eq!(find(&pool, 1, 6).0.blocks, 3);
        // The head is released last, so it is taken last.
        pool.release(named(&head), false);
        pool.take(4);
        assert_eq!((find(&pool, 1, 6).0.blocks, find(&pool, 2, 3).0.blocks), (2, 0));
    }

    #[test]
    fn a_copy_may_have_a_gap() {
        let mut pool = CountedPool::new(15, 16, RULES);
        pool.take(15);
        // All at the same time: one fills blocks 0..5, one 0..3, one 3..10.
        let (whole, short) = (pool.name(1, 0, 5), pool.name(1, 0, 3));
        let long = pool.name(1, 3, 10);
        let (_, found) = find(&pool, 1, 10);
        assert_eq!(found.len(), 2);
        pool.share(&found);
        pool.release(named(&[long]), false);
        pool.take(2); // Second copies of 3..5: nothing is left between 0..3 and 5..10 of that copy.
        for _ in 0..2 {
            pool.share(&found[1..]);
            pool.release(named(&found[1..]), false);
        }
        pool.release(named(&found), false); // Only 5..10, as 0..5 are in use.
        pool.release(named(&[short]), false);
        assert_eq!(pool.free(), 8);
        pool.take(5);
        assert_eq!(find(&pool, 1, 10).0.blocks, 5);
        pool.release(named(&[whole]), false);
        pool.take(3 + 1);
        assert_eq!(find(&pool, 1, 10).0.blocks, 4);
        pool.take(4);
        assert_eq!((find(&pool, 1, 10).0.blocks, pool.free()), (0, 0));
    }

    #[test]
    fn the_first_of_blocks_with_one_name_is_found() {
        let mut pool = CountedPool::new(3, 16, RULES);
        pool.take(3);
        let blocks = [pool.name(5, 0, 1), pool.name(5, 0, 1), pool.name(5, 0, 1)];
        for block in blocks {
            let (_, found) = find(&pool, 5, 1);
            assert_eq!(found, [block]);
            pool.release(named(&found), false);
            pool.take(1);
        }
        assert_eq!(find(&pool, 5, 1).0.blocks, 0);
    }
}
