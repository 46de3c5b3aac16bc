//! The longest prefix that all groups of layers have in the cache (`find_longest_cache_hit` in vLLM's
//! `kv_cache_coordinator.py` and `single_type_kv_cache_manager.py`).
//!
//! A hit needs every token in a group that keeps all, and in a group with a window only as many blocks before its end
//! as the window reaches into. So the groups settle on the longest prefix that each of them can go on from.

use crate::hardware::{KvGroup, KvGroupKind};
use crate::kv::{BlockId, BlockKey, BlockPool, KvGroups, NULL_BLOCK};

/// Groups that are alike: a block of theirs is found only if all of them have it.
#[derive(Clone, Debug)]
pub(super) struct GroupClass {
    group: KvGroup,
    members: Vec<usize>,
}

/// Entries of a table that are found: those before `first` are not needed.
#[derive(Clone, Copy)]
pub(super) struct FoundRun {
    first: u32,
    end: u32,
}

impl GroupClass {
    /// Those that keep every token are asked first, all others in their order.
    pub(super) fn all_of(groups: &KvGroups) -> Vec<Self> {
        let mut classes: Vec<Self> = Vec::new();
        for (number, &group) in groups.iter().enumerate() {
            match classes.iter_mut().find(|class| class.group == group) {
                Some(class) => class.members.push(number),
                None => classes.push(Self {
                    group,
                    members: vec![number],
                }),
            }
        }
        classes.sort_by_key(|class| !class.keeps_all());
        classes
    }

    fn keeps_all(&self) -> bool {
        self.group.kind == KvGroupKind::Full
    }
}

/// The cache, and the keys of a request that looks into it.
pub(super) struct Search<'a> {
    pub pool: &'a BlockPool,
    pub keys: &'a [BlockKey],
    pub key_tokens: u32,
    pub alignment: u32,
}

impl Search<'_> {
    fn key(&self, group: KvGroup, at: u32) -> Option<BlockKey> {
        let keys_a_block = group.block_tokens / self.key_tokens;
        self.keys.get(((at + 1) * keys_a_block - 1) as usize).copied()
    }

    fn holds(&self, class: &GroupClass, at: u32) -> bool {
        let has_it = |key: BlockKey| {
            let mut members = class.members.iter();
            members.all(|&group| self.pool.find(key.in_group(group)).is_some())
        };
        self.key(class.group, at).is_some_and(has_it)
    }

    /// The entries up to the last whose end is one of all groups' blocks.
    const fn aligned(&self, group: KvGroup, end: u32) -> u32 {
        let tokens = end * group.block_tokens;
        (tokens - tokens % self.alignment) / group.block_tokens
    }

    /// The longest prefix, of at most `most` tokens, that a class can go on from.
    fn longest(&self, class: &GroupClass, most: u32) -> FoundRun {
        let entries = most / class.group.block_tokens;
        match class.group.kind {
            KvGroupKind::Full => self.run_from(class, 0, entries),
            KvGroupKind::Sliding(_) => self.latest_window(class, entries),
            KvGroupKind::Chunked(chunk) => {
                self.run_from(class, (most - most % chunk) / class.group.block_tokens, entries)
            }
            KvGroupKind::State(_) => unreachable!("a state is not cached"),
        }
    }

    /// Whatever is there from `first` on, without a gap.
    fn run_from(&self, class: &GroupClass, first: u32, entries: u32) -> FoundRun {
        let gap = (first..entries).find(|&at| !self.holds(class, at));
        let end = self.aligned(class.group, gap.unwrap_or(entries));
        FoundRun {
            first: first.min(end),
            end,
        }
    }

    /// The last place before which a window full of blocks is there; otherwise what is there from the beginning on.
    fn latest_window(&self, class: &GroupClass, entries: u32) -> FoundRun {
        let group = class.group;
        let (mut run, mut end) = (0, 0);
        for at in (0..entries).rev() {
            if !self.holds(class, at) {
                run = 0;
                continue;
            }
            if run == 0 {
                if self.aligned(group, at + 1) != at + 1 {
                    continue;
                }
                end = at + 1;
            }
            run += 1;
            if run == group.window_blocks() {
                return FoundRun { first: at, end };
            }
        }
        FoundRun {
            first: 0,
            end: self.aligned(group, run),
        }
    }

    /// The longest prefix, of at most `most` tokens, that all classes can go on from, what each of them has of it, and
    /// the longest that one of them could go on from.
    pub(super) fn agree(&self, classes: &[GroupClass], most: u32) -> (u32, Vec<FoundRun>, u32) {
        // One look-up each is what vLLM does then: what keeps all tokens can be cut anywhere.
        let once = classes.len() == 2 && classes[0].keeps_all();
        let mut found: Vec<FoundRun> = Vec::new();
        let (mut agreed, mut longest) = (most, 0);
        loop {
            let mut tokens = agreed;
            for (number, class) in classes.iter().enumerate() {
                let block_tokens = class.group.block_tokens;
                let run = match found.get(number) {
                    Some(&run) if class.keeps_all() => FoundRun {
                        end: run.end.min(tokens / block_tokens),
                        ..run
                    },
                    _ => self.longest(class, tokens),
                };
                tokens = run.end * block_tokens;
                longest = longest.max(tokens);
                match found.get_mut(number) {
                    Some(before) => *before = run,
                    None => found.push(run),
                }
            }
            if tokens >= agreed || once {
                return (tokens, found, longest);
            }
            agreed = tokens;
        }
    }
    /// The blocks of a class's groups that hold the first `tokens` tokens, of which it has found these; null where no
    /// later token sees them.
    pub(super) fn tables(
        &self,
        class: &GroupClass,
        found: FoundRun,
        tokens: u32,
    ) -> impl Iterator<Item = (usize, Vec<BlockId>)> {
        let group = class.group;
        let first = found.first.max(group.unseen_entries(tokens));
        class.members.iter().map(move |&number| {
            let block = |at| match self.key(group, at) {
                Some(key) if at >= first => self.pool.find(key.in_group(number)).unwrap_or(NULL_BLOCK),
                _ => NULL_BLOCK,
            };
            (number, (0..tokens / group.block_tokens).map(block).collect())
        })
    }
}
