//! The blocks of the KV cache without names wherever names make no difference: the fast twin of [`super::BlockPool`].
//!
//! A block matters by itself only if its content may be looked up. Blocks that no request can ask for again are alike, so the free queue
//! holds them as counts. Blocks of a preempted request can be asked for by that request alone; they are one entry, of which the tail is
//! taken first, so that what is left is always the beginning. Only blocks that other requests can name stand by themselves, in a map.

use rustc_hash::FxHashMap;

use super::block_pool::PoolRules;
use super::content::BlockKey;

/// A block whose content other requests can name.
pub type NamedBlock = u32;

/// No entry of a list.
const NONE: u32 = u32::MAX;

/// All blocks of a server.
#[derive(Debug)]
pub struct CountedPool {
    rules: PoolRules,
    block_tokens: u32,
    usable: u32,
    free: u32,
    queue: FreeQueue,
    named: Vec<Named>,
    unused_names: Vec<NamedBlock>,
    /// The first block that got a key and still has it.
    cached: FxHashMap<BlockKey, NamedBlock>,
}

/// Where a preempted request's own blocks lie in the free queue, as far as they have not been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnBlocks {
    entry: u32,
    generation: u32,
}

/// What a request holds, as it is released: its blocks in the order of its tokens are the named ones, then its own.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// Blocks that other requests can name.
    pub named: &'a [NamedBlock],
    /// Full blocks that only this request can ask for again.
    pub own_full: u32,
    /// Blocks that are not full, at the end.
    pub not_full: u32,
}

#[derive(Clone, Copy, Debug)]
struct Named {
    key: BlockKey,
    users: u32,
    /// Its entry in the free queue while nobody uses it.
    entry: u32,
    /// The next block with the same key.
    next_same: NamedBlock,
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

    /// Appends to `found` the longest run of cached blocks from the start of `keys`.
    pub fn lookup(&self, keys: &[BlockKey], found: &mut Vec<NamedBlock>) {
        found.extend(keys.iter().map_while(|key| self.cached.get(key)));
    }

    /// How many of these blocks nobody uses.
    pub fn count_unused(&self, blocks: &[NamedBlock]) -> u32 {
        let unused = |&&block: &&NamedBlock| self.named[block as usize].users == 0;
        blocks.iter().filter(unused).count() as u32
    }

    /// How many of a preempted request's own blocks are left.
    pub fn own_left(&self, own: OwnBlocks) -> u32 {
        let entry = &self.queue.entries[own.entry as usize];
        if entry.generation == own.generation {
            entry.count
        } else {
            0
        }
    }

    /// Adds a user to cached blocks.
    pub fn share(&mut self, blocks: &[NamedBlock]) {
        for &block in blocks {
            let named = &mut self.named[block as usize];
            if named.users == 0 {
                self.queue.remove(named.entry);
                self.free -= 1;
            }
            named.users += 1;
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
    pub fn take(&mut self, mut count: u32) {
        self.free -= count;
        if !self.rules.caching {
            return;
        }
        while count > 0 {
            let (content, taken) = self.queue.pop_front(count);
            count -= taken;
            if let Content::Named(block) = content {
                self.forget(block);
            }
        }
    }

    /// Gives a name to a block that its only user has filled.
    pub fn name(&mut self, key: BlockKey) -> NamedBlock {
        let named = Named {
            key,
            users: 1,
            entry: NONE,
            next_same: NONE,
        };
        let block = if let Some(block) = self.unused_names.pop() {
            self.named[block as usize] = named;
            block
        } else {
            self.named.push(named);
            self.named.len() as NamedBlock - 1
        };
        let first = *self.cached.entry(key).or_insert(block);
        if first != block {
            let mut last = first;
            while self.named[last as usize].next_same != NONE {
                last = self.named[last as usize].next_same;
            }
            self.named[last as usize].next_same = block;
        }
        block
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
        let content = if returns {
            Content::Own
        } else {
            Content::Nobodys
        };
        let own = self.queue.push_back(content, held.own_full);
        for &block in held.named.iter().rev() {
            let named = &mut self.named[block as usize];
            named.users -= 1;
            if named.users == 0 {
                self.free += 1;
                let entry = self.queue.push_back(Content::Named(block), 1);
                named.entry = entry;
            }
        }
        (returns && held.own_full > 0).then(|| OwnBlocks {
            entry: own,
            generation: self.queue.entries[own as usize].generation,
        })
    }

    fn forget(&mut self, block: NamedBlock) {
        let Named { key, next_same, .. } = self.named[block as usize];
        self.unused_names.push(block);
        let first = self.cached[&key];
        if first != block {
            let mut before = first;
            while self.named[before as usize].next_same != block {
                before = self.named[before as usize].next_same;
            }
            self.named[before as usize].next_same = next_same;
        } else if next_same == NONE {
            self.cached.remove(&key);
        } else {
            self.cached.insert(key, next_same);
        }
    }
}

/// Free blocks in the order in which they will be taken, as a linked list of entries.
#[derive(Debug)]
struct FreeQueue {
    entries: Vec<Entry>,
    unused: Vec<u32>,
    front: u32,
    back: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    content: Content,
    count: u32,
    before: u32,
    after: u32,
    /// How often this place in memory was used for another entry before.
    generation: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// Nobody can ask for it.
    Nobodys,
    /// The request it was taken from can ask for it.
    Own,
    /// Anyone can.
    Named(NamedBlock),
}

impl Default for FreeQueue {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            unused: Vec::new(),
            front: NONE,
            back: NONE,
        }
    }
}

impl FreeQueue {
    /// Appends `count` blocks and returns their entry; nobody's join nobody's.
    fn push_back(&mut self, content: Content, count: u32) -> u32 {
        if count == 0 {
            return NONE;
        }
        let back = self.back;
        if back != NONE && content == Content::Nobodys {
            let last = &mut self.entries[back as usize];
            if last.content == Content::Nobodys {
                last.count += count;
                return back;
            }
        }
        let entry = self.insert(content, count, back, NONE);
        if back == NONE {
            self.front = entry;
        } else {
            self.entries[back as usize].after = entry;
        }
        self.back = entry;
        entry
    }

    /// Puts `count` blocks that nobody can ask for before all others.
    fn push_front(&mut self, count: u32) {
        let front = self.front;
        if front != NONE && self.entries[front as usize].content == Content::Nobodys {
            self.entries[front as usize].count += count;
            return;
        }
        let entry = self.insert(Content::Nobodys, count, NONE, front);
        if front == NONE {
            self.back = entry;
        } else {
            self.entries[front as usize].before = entry;
        }
        self.front = entry;
    }

    fn insert(&mut self, content: Content, count: u32, before: u32, after: u32) -> u32 {
        let mut entry = Entry {
            content,
            count,
            before,
            after,
            generation: 0,
        };
        if let Some(place) = self.unused.pop() {
            entry.generation = self.entries[place as usize].generation;
            self.entries[place as usize] = entry;
            return place;
        }
        self.entries.push(entry);
        self.entries.len() as u32 - 1
    }

    /// Takes up to `most` blocks of the first entry.
    fn pop_front(&mut self, most: u32) -> (Content, u32) {
        let front = self.front;
        assert_ne!(front, NONE, "a block is free");
        let entry = &mut self.entries[front as usize];
        let (content, taken) = (entry.content, most.min(entry.count));
        entry.count -= taken;
        if entry.count == 0 {
            self.remove(front);
        }
        (content, taken)
    }

    fn remove(&mut self, entry: u32) {
        let Entry { before, after, .. } = self.entries[entry as usize];
        if before == NONE {
            self.front = after;
        } else {
            self.entries[before as usize].after = after;
        }
        if after == NONE {
            self.back = before;
        } else {
            self.entries[after as usize].before = before;
        }
        self.entries[entry as usize].generation += 1;
        self.unused.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: PoolRules = PoolRules {
        caching: true,
        keyless_first: true,
    };

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
        let keys = [BlockKey(7), BlockKey(8)];
        pool.take(2);
        let named = keys.map(|key| pool.name(key));
        let held = Held {
            named: &named,
            own_full: 0,
            not_full: 0,
        };
        pool.release(held, false);
        let found = |pool: &CountedPool| {
            let mut found = Vec::new();
            pool.lookup(&keys, &mut found);
            found
        };
        assert_eq!(found(&pool), named);
        pool.take(3); // Two never used, then the tail.
        assert_eq!(found(&pool), named[..1]);
        pool.share(&named[..1]);
        assert_eq!(pool.free(), 0);
    }

    #[test]
    fn the_first_of_blocks_with_one_key_is_found() {
        let mut pool = CountedPool::new(3, 16, RULES);
        let key = BlockKey(5);
        pool.take(3);
        let blocks = [pool.name(key), pool.name(key), pool.name(key)];
        for block in blocks {
            let mut found = Vec::new();
            pool.lookup(&[key], &mut found);
            assert_eq!(found, [block]);
            let held = Held {
                named: &found,
                own_full: 0,
                not_full: 0,
            };
            pool.release(held, false);
            pool.take(1);
        }
        let mut found = Vec::new();
        pool.lookup(&[key], &mut found);
        assert!(found.is_empty());
    }
}
