//! The blocks of the KV cache by name: who uses them, what they hold, which is taken next (vLLM 0.33.0,
//! `vllm/v1/core/block_pool.py`).
//!
//! A block that nobody uses any more stays in the free queue with its content until it is taken for something else, so
//! the cache is what is left lying in free blocks. Taking from the front evicts; since freed blocks join at the back,
//! tail of a request first, the least recently freed go first and, of these, tails before heads.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use super::block_id::{BlockId, NULL_BLOCK};
use super::content::BlockKey;
use super::free_list::FreeList;

/// Which rules a pool follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolRules {
    /// Whether blocks remember what they hold.
    pub caching: bool,
    /// Whether freed blocks without a key are taken before all others (vLLM since 0.25) or wait their turn.
    pub keyless_first: bool,
}

/// All blocks of a server.
#[derive(Clone, Debug)]
pub struct BlockPool {
    rules: PoolRules,
    /// All blocks, the null block included.
    kv_blocks: u32,
    /// Those that have been taken, which are those with the lowest numbers.
    blocks: Vec<Block>,
    /// Blocks nobody uses, next to be taken first.
    free: FreeList,
    /// Blocks by what they hold.
    cached: FxHashMap<BlockKey, Holders>,
    /// How many blocks hold what only its user can ask for.
    own: usize,
    /// Blocks of a release that have no content, kept for its memory.
    keyless: Vec<BlockId>,
}

#[derive(Clone, Debug, Default)]
struct Block {
    users: u32,
    content: BlockContent,
}

/// What a block holds.
#[derive(Clone, Copy, Debug, Default)]
enum BlockContent {
    /// Nothing that is cached.
    #[default]
    Nothing,
    /// What nobody else asks for, unless its user is preempted and asks again.
    Own,
    /// What others can ask for by this key.
    Named(BlockKey),
}

/// The blocks that hold the same, the first that got the key first; hardly ever more than one.
#[derive(Clone, Debug)]
enum Holders {
    One(BlockId),
    Several(Vec<BlockId>),
}

impl Holders {
    fn as_slice(&self) -> &[BlockId] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Several(ids) => ids,
        }
    }

    fn push(&mut self, id: BlockId) {
        match self {
            Self::One(first) => *self = Self::Several(vec![*first, id]),
            Self::Several(ids) => ids.push(id),
        }
    }

    /// Takes one out; false if none is left.
    fn remove(&mut self, id: BlockId) -> bool {
        match self {
            Self::One(_) => false,
            Self::Several(ids) => {
                ids.retain(|&holder| holder != id);
                !ids.is_empty()
            }
        }
    }
}

impl BlockPool {
    /// A pool of `kv_blocks` blocks, the null block included.
    pub fn new(kv_blocks: u32, rules: PoolRules) -> Self {
        Self {
            rules,
            kv_blocks,
            blocks: vec![Block::default()],
            free: FreeList::of_all(kv_blocks),
            cached: FxHashMap::default(),
            own: 0,
            keyless: Vec::new(),
        }
    }

    /// Blocks that hold tokens or could: all but the null block.
    pub const fn usable(&self) -> u32 {
        self.kv_blocks - 1
    }

    /// How many blocks nobody uses.
    pub fn free_count(&self) -> u32 {
        self.free.len()
    }

    /// The blocks nobody uses, next to be taken first.
    pub fn free_queue(&self) -> impl Iterator<Item = BlockId> {
        self.free.iter()
    }

    /// How many different contents are cached.
    pub fn cached_count(&self) -> usize {
        self.cached.len() + self.own
    }

    /// How many requests use a block. The null block has no users.
    pub fn users(&self, id: BlockId) -> u32 {
        self.blocks.get(id as usize).map_or(0, |block| block.users)
    }

    /// What a block holds, if it has been named and not taken for something else since.
    pub fn key(&self, id: BlockId) -> Option<BlockKey> {
        match self.blocks.get(id as usize)?.content {
            BlockContent::Named(key) => Some(key),
            BlockContent::Nothing | BlockContent::Own => None,
        }
    }

    /// All blocks that hold this, the one that a lookup finds first; the others were named while it was there.
    pub fn holders(&self, key: BlockKey) -> &[BlockId] {
        self.cached.get(&key).map_or(&[], Holders::as_slice)
    }

    /// The block that a lookup finds for a key.
    pub fn find(&self, key: BlockKey) -> Option<BlockId> {
        self.holders(key).first().copied()
    }

    /// The longest run of cached blocks from the start of `keys`.
    pub fn lookup<'a>(&self, keys: impl IntoIterator<Item = &'a BlockKey>) -> Vec<BlockId> {
        keys.into_iter().map_while(|&key| self.find(key)).collect()
    }

    /// How many of these blocks nobody uses, null ones not counted.
    pub fn count_unused(&self, blocks: &[BlockId]) -> u32 {
        let unused = real(blocks).filter(|&id| self.blocks[id as usize].users == 0);
        unused.count() as u32
    }

    /// Adds a user to cached blocks.
    pub fn share(&mut self, blocks: &[BlockId]) {
        for id in real(blocks) {
            let block = &mut self.blocks[id as usize];
            if block.users == 0 {
                self.free.remove(id);
            }
            block.users += 1;
        }
    }

    /// Takes a block from the front of the free queue; what it held is forgotten.
    pub fn take(&mut self) -> BlockId {
        let id = self.free.pop_front().expect("a block is free");
        if id as usize == self.blocks.len() {
            self.blocks.push(Block::default());
        }
        let block = &mut self.blocks[id as usize];
        assert_eq!(block.users, 0, "a free block has no users");
        block.users = 1;
        match std::mem::take(&mut block.content) {
            BlockContent::Nothing => {}
            BlockContent::Own => self.own -= 1,
            BlockContent::Named(key) => self.forget(key, id),
        }
        id
    }

    /// Notes what a block holds once it is full.
    pub fn name(&mut self, id: BlockId, key: BlockKey) {
        if !self.rules.caching {
            return;
        }
        let block = &mut self.blocks[id as usize];
        match block.content {
            BlockContent::Named(_) => return,
            BlockContent::Own => self.own -= 1,
            BlockContent::Nothing => {}
        }
        block.content = BlockContent::Named(key);
        match self.cached.entry(key) {
            Entry::Occupied(mut holders) => holders.get_mut().push(id),
            Entry::Vacant(free) => {
                free.insert(Holders::One(id));
            }
        }
    }

    /// Notes that a block is full with what only its user can ask for: as good as named, as long as its user does not
    /// have to ask.
    pub fn keep_own(&mut self, id: BlockId) {
        let block = &mut self.blocks[id as usize];
        if self.rules.caching && matches!(block.content, BlockContent::Nothing) {
            block.content = BlockContent::Own;
            self.own += 1;
        }
    }

    /// Whether a block holds what only its user can ask for.
    pub fn is_own(&self, id: BlockId) -> bool {
        self.blocks
            .get(id as usize)
            .is_some_and(|block| matches!(block.content, BlockContent::Own))
    }

    /// Removes a user from a request's blocks of one group, given in the order of its tokens.
    pub fn release(&mut self, table: &[BlockId]) {
        let mut keyless = std::mem::take(&mut self.keyless);
        for id in real(table).rev() {
            let block = &mut self.blocks[id as usize];
            block.users -= 1;
            if block.users > 0 {
                continue;
            }
            if matches!(block.content, BlockContent::Nothing) && self.rules.keyless_first {
                keyless.push(id);
            } else {
                self.free.push_back(id);
            }
        }
        while let Some(id) = keyless.pop() {
            self.free.push_front(id);
        }
        self.keyless = keyless;
    }

    /// Forgets all content; false, and nothing happens, while any block is in use.
    pub fn reset(&mut self) -> bool {
        if self.free_count() < self.usable() {
            return false;
        }
        self.cached.clear();
        self.own = 0;
        for block in &mut self.blocks {
            block.content = BlockContent::Nothing;
        }
        true
    }

    fn forget(&mut self, key: BlockKey, id: BlockId) {
        let holders = self.cached.get_mut(&key).expect("a key leads to its blocks");
        if !holders.remove(id) {
            self.cached.remove(&key);
        }
    }
}

/// The blocks of a table that are not null.
fn real(table: &[BlockId]) -> impl DoubleEndedIterator<Item = BlockId> {
    table.iter().copied().filter(|&id| id != NULL_BLOCK)
}
