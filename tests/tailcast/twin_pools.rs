//! The pool that knows blocks by stretches forgets and finds exactly what the pool of physical blocks does, whatever
//! requests do to both.

use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tailcast::kv::{
    BlockId, BlockKey, BlockPool, CountedPool, Held, KeyChain, NamedBlocks, PoolRules, Stretch, StretchChain,
};
use tailcast::workload::{ContentId, Segment};

/// A sequence that others can name from its start, by block and by stretch, and `own` blocks that nobody can.
#[derive(Clone, Default)]
struct Sequence {
    keys: Vec<BlockKey>,
    stretches: Vec<Stretch>,
    own: u32,
}

/// A sequence that holds blocks in both pools.
#[derive(Default)]
struct Running {
    sequence: Sequence,
    tokens: u32,
    table: Vec<BlockId>,
    named: Vec<NamedBlocks>,
    named_blocks: u32,
}

struct Pools {
    block_tokens: u32,
    slow: BlockPool,
    fast: CountedPool,
    running: Vec<Running>,
    /// Keys that nobody asks for.
    own_keys: u64,
    random: Xoshiro256PlusPlus,
}

fn sequence(block_tokens: u32, random: &mut impl Rng) -> Sequence {
    let mut sequence = Sequence {
        own: random.random_range(0..3),
        ..Sequence::default()
    };
    let mut keys = KeyChain::new(block_tokens);
    let mut stretches = StretchChain::new(block_tokens);
    for _ in 0..random.random_range(1..3) {
        let segment = Segment {
            content: ContentId::numbered(u64::from(random.random_bool(0.1))),
            offset: u32::from(random.random_bool(0.1)),
            tokens: random.random_range(1..=10 * block_tokens),
        };
        keys.extend(segment, |key| sequence.keys.push(key));
        stretches.extend(segment, |blocks| blocks.add_to(&mut sequence.stretches));
    }
    sequence
}

impl Pools {
    fn new(seed: u64) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (block_tokens, usable) = (random.random_range(1..4), random.random_range(8..60));
        let rules = PoolRules {
            caching: true,
            keyless_first: random.random_bool(0.7),
        };
        Self {
            block_tokens,
            slow: BlockPool::new(usable + 1, rules),
            fast: CountedPool::new(usable, block_tokens, rules),
            running: Vec::new(),
            own_keys: 0,
            random,
        }
    }

    /// Looks a sequence up in both pools, which must find the same.
    fn find(&self, sequence: &Sequence, most: usize) -> (Vec<BlockId>, Vec<NamedBlocks>) {
        let mut found = Vec::new();
        let hit = self.fast.lookup(&sequence.stretches, most as u32, &mut found);
        let table = self.slow.lookup(sequence.keys.iter().take(most));
        assert_eq!(hit.blocks as usize, table.len());
        assert_eq!(hit.unused, self.slow.count_unused(&table));
        let named: u32 = found.iter().map(NamedBlocks::count).sum();
        assert_eq!(named, hit.blocks);
        (table, found)
    }

    fn start(&mut self) {
        let sequence = sequence(self.block_tokens, &mut self.random);
        let most = self.random.random_range(0..12);
        let (table, named) = self.find(&sequence, most);
        self.slow.share(&table);
        self.fast.share(&named);
        self.running.push(Running {
            sequence,
            tokens: table.len() as u32 * self.block_tokens,
            named_blocks: table.len() as u32,
            table,
            named,
        });
    }

    /// Lets a running sequence compute some tokens, if there are blocks for them.
    fn compute(&mut self) {
        let index = self.random.random_range(0..self.running.len());
        let running = &mut self.running[index];
        let all = running.sequence.keys.len() as u32 + running.sequence.own;
        let tokens = running.tokens + self.random.random_range(1..20);
        let tokens = tokens.min((all + 1) * self.block_tokens - 1);
        let blocks = tokens.div_ceil(self.block_tokens);
        let lacking = blocks.saturating_sub(running.table.len() as u32);
        if lacking > self.slow.free_count() {
            return;
        }
        running.tokens = tokens;
        running.table.extend((0..lacking).map(|_| self.slow.take()));
        self.fast.take(lacking);
        let full = (tokens / self.block_tokens) as usize;
        for (number, &block) in running.table[..full].iter().enumerate() {
            let key = running.sequence.keys.get(number).copied();
            self.own_keys += 1;
            self.slow.name(block, key.unwrap_or(BlockKey(self.own_keys)));
        }
        let mut before = 0;
        for stretch in &running.sequence.stretches {
            let start = running.named_blocks.clamp(before, before + stretch.blocks);
            let end = (full as u32).clamp(start, before + stretch.blocks);
            if end > start {
                let new = self.fast.name(stretch.key, start - before, end - before);
                NamedBlocks::append(&mut running.named, new);
                running.named_blocks = end;
            }
            before += stretch.blocks;
        }
    }

    fn release(&mut self) {
        let index = self.random.random_range(0..self.running.len());
        let running = self.running.swap_remove(index);
        self.slow.release(&running.table);
        let full = running.tokens / self.block_tokens;
        let held = Held {
            named: &running.named,
            own_full: full - running.named_blocks,
            not_full: running.table.len() as u32 - full,
        };
        self.fast.release(held, false);
    }
}

#[test]
fn both_pools_find_and_forget_the_same() {
    let mut copies = 0;
    for seed in 0..2000 {
        let mut pools = Pools::new(seed);
        for _ in 0..200 {
            match pools.random.random_range(0..10) {
                _ if pools.running.is_empty() => pools.start(),
                0..3 if pools.running.len() < 9 => pools.start(),
                0..8 => pools.compute(),
                _ => pools.release(),
            }
            assert_eq!(pools.fast.free(), pools.slow.free_count());
            let probe = sequence(pools.block_tokens, &mut pools.random.clone());
            let (table, found) = pools.find(&probe, usize::MAX);
            copies += usize::from(found.len() > probe.stretches.len() && table.len() > 1);
        }
    }
    assert!(copies > 1000, "blocks of several copies are found together");
}
