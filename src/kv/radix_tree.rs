//! The prefix cache as a radix tree over tokens, as SGLang keeps it (`srt/mem_cache`, `UnifiedRadixCache`).
//!
//! Each node holds a stretch of tokens, and the way from the root to it spells what was computed before them; two
//! sequences share nodes as far as their tokens agree, and part in a child each. A request locks the way to the end of
//! its prefix. What nobody has locked can be evicted, leaf by leaf, the least recently used first; so a prefix is there
//! as long as anything that goes on from it.
//!
//! All nodes on the way of a lookup count as used, and where it ends within a node, which it cuts, what follows there
//! as well.
//!
//! Lengths are whole pages: a stretch that ends within a page is neither found nor kept beyond the page before.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use super::content::{BlockKey, KeyChain};
use super::segments;
use crate::workload::Segment;

/// The end of a prefix in the tree; good as long as it is locked, or nothing has been evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PrefixEnd(usize);

/// The longest prefix of a sequence that a tree holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundPrefix {
    /// How long the prefix is [tokens].
    pub tokens: u32,
    /// Where in the tree the prefix ends.
    pub end: PrefixEnd,
}

/// Sequences of tokens, sharing their prefixes.
#[derive(Clone, Debug)]
pub struct RadixTree {
    page_tokens: u32,
    nodes: Vec<Node>,
    unused: Vec<usize>,
    /// The number of the latest use.
    clock: u64,
    tokens: u64,
    evictable: u64,
    /// The unlocked leaves by their latest use. Those that have been used since, or locked, or are gone stay there
    /// until they come.
    leaves: BinaryHeap<Reverse<(u64, usize)>>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    parent: usize,
    stretch: Vec<Segment>,
    tokens: u32,
    /// The first page of its stretch.
    key: BlockKey,
    /// By the first page of their stretches.
    children: FxHashMap<BlockKey, usize>,
    locks: u32,
    /// 0 in a place that holds no node.
    used: u64,
    /// When the first of the stretches began that went on from its parent with its first page.
    since: u64,
}

const ROOT: usize = 0;

/// More than twice as many entries of leaves as there are nodes, and these, are not kept.
const SPARE_ENTRIES: usize = 64;

impl PrefixEnd {
    /// The end of the empty prefix, which every tree holds.
    pub const EMPTY: Self = Self(ROOT);
}

impl RadixTree {
    /// An empty tree with pages of `page_tokens` tokens, at least 1.
    pub fn new(page_tokens: u32) -> Self {
        Self {
            page_tokens,
            nodes: vec![Node::default()],
            unused: Vec::new(),
            clock: 0,
            tokens: 0,
            evictable: 0,
            leaves: BinaryHeap::new(),
        }
    }

    /// Tokens it holds.
    pub const fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Tokens it holds that nobody has locked.
    pub const fn evictable(&self) -> u64 {
        self.evictable
    }

    /// The longest prefix of `sequence` that it holds. All nodes on the way count as used, the last one also where it
    /// goes on differently; it is cut there.
    pub fn find(&mut self, sequence: &[Segment]) -> FoundPrefix {
        self.find_first(sequence, segments::length(sequence))
    }

    /// The longest prefix that it holds of the first `length` tokens of `sequence`.
    fn find_first(&mut self, sequence: &[Segment], length: u32) -> FoundPrefix {
        self.clock += 1;
        let mut node = ROOT;
        let mut tokens = 0;
        while let Some(child) = self.child(node, sequence, tokens, length) {
            self.touch(child);
            let common = self.common(child, sequence, tokens, length);
            assert!(common > 0, "two first pages with one key agree");
            tokens += common;
            node = child;
            if common < self.nodes[child].tokens {
                node = self.split(child, common);
                break;
            }
        }
        FoundPrefix {
            tokens,
            end: PrefixEnd(node),
        }
    }

    /// How long the longest prefix of `sequence` is that it holds, without a trace of the question [tokens].
    pub fn held(&self, sequence: &[Segment]) -> u32 {
        let length = segments::length(sequence);
        let mut node = ROOT;
        let mut tokens = 0;
        while let Some(child) = self.child(node, sequence, tokens, length) {
            let common = self.common(child, sequence, tokens, length);
            tokens += common;
            if common < self.nodes[child].tokens {
                break;
            }
            node = child;
        }
        tokens
    }

    /// How many whole pages of a node's stretch agree with what follows the first `done` of the first `length` tokens
    /// of a sequence [tokens].
    fn common(&self, node: usize, sequence: &[Segment], done: u32, length: u32) -> u32 {
        let stretch = self.nodes[node].stretch.iter().copied();
        let agreed = segments::agreement(stretch, segments::after(sequence, done));
        self.whole_pages(agreed.min(length - done))
    }

    /// Makes it hold all whole pages of `sequence`. Returns their end, and how many of their tokens it held before.
    pub fn insert(&mut self, sequence: &[Segment]) -> FoundPrefix {
        let length = self.whole_pages(segments::length(sequence));
        let FoundPrefix { tokens, end } = self.find_first(sequence, length);
        if tokens == length {
            return FoundPrefix { tokens, end };
        }
        // Used later than the branch beside it, if a node has just been split.
        self.clock += 1;
        let key = self.first_page(segments::after(sequence, tokens));
        let node = self.add(end.0, key.expect("at least a page is new"), self.clock);
        let new = segments::first(segments::after(sequence, tokens), length - tokens);
        self.nodes[node].stretch.extend(new);
        self.nodes[node].tokens = length - tokens;
        self.list(node);
        self.tokens += u64::from(length - tokens);
        self.evictable += u64::from(length - tokens);
        FoundPrefix {
            tokens,
            end: PrefixEnd(node),
        }
    }

    /// Keeps the prefix up to `end` from being evicted until it is unlocked as often as it was locked.
    pub fn lock(&mut self, end: PrefixEnd) {
        let mut node = end.0;
        while node != ROOT {
            let locked = &mut self.nodes[node];
            if locked.locks == 0 {
                self.evictable -= u64::from(locked.tokens);
            }
            locked.locks += 1;
            node = locked.parent;
        }
    }

    /// Takes one lock off the prefix up to `end`.
    pub fn unlock(&mut self, end: PrefixEnd) {
        let mut node = end.0;
        while node != ROOT {
            self.nodes[node].locks -= 1;
            if self.nodes[node].locks == 0 {
                self.evictable += u64::from(self.nodes[node].tokens);
                self.list(node);
            }
            node = self.nodes[node].parent;
        }
    }

    /// Where the stretch that ends at `end` begins; `None` at the root.
    pub fn parent(&self, end: PrefixEnd) -> Option<PrefixEnd> {
        (end.0 != ROOT).then(|| PrefixEnd(self.nodes[end.0].parent))
    }

    /// The ends of the stretches that go on from `end`, the oldest first; where one was cut it keeps its place.
    pub fn children(&self, end: PrefixEnd) -> Vec<PrefixEnd> {
        let mut children: Vec<usize> = self.nodes[end.0].children.values().copied().collect();
        children.sort_by_key(|&child| self.nodes[child].since);
        children.into_iter().map(PrefixEnd).collect()
    }

    /// Forgets whole leaves, the least recently used first, until at least `tokens` tokens are forgotten or all are
    /// locked.
    pub fn evict(&mut self, tokens: u64) {
        let mut evicted = 0;
        while evicted < tokens
            && let Some(Reverse((used, leaf))) = self.leaves.pop()
        {
            if self.nodes[leaf].used == used && self.nodes[leaf].can_go() {
                evicted += u64::from(self.nodes[leaf].tokens);
                self.remove(leaf);
            }
        }
        self.tokens -= evicted;
        self.evictable -= evicted;
    }

    fn remove(&mut self, leaf: usize) {
        let Node { parent, key, .. } = self.nodes[leaf];
        self.nodes[leaf].used = 0;
        self.nodes[parent].children.remove(&key);
        self.unused.push(leaf);
        if parent != ROOT {
            self.list(parent);
        }
    }

    /// Cuts a node after `tokens` tokens and returns the new one, which ends there; what follows keeps its place in
    /// memory.
    fn split(&mut self, lower: usize, tokens: u32) -> usize {
        let (head, tail) = segments::cut(&self.nodes[lower].stretch, tokens);
        let Node { parent, key, .. } = self.nodes[lower];
        let upper = self.add(parent, key, self.clock);
        let tail_key = self.first_page(tail.iter().copied()).expect("whole pages");
        self.nodes[upper].locks = self.nodes[lower].locks;
        self.nodes[upper].since = self.nodes[lower].since;
        self.nodes[upper].stretch.extend(head);
        self.nodes[upper].tokens = tokens;
        self.nodes[upper].children.insert(tail_key, lower);
        let lower = &mut self.nodes[lower];
        lower.parent = upper;
        lower.stretch = tail;
        lower.tokens -= tokens;
        lower.key = tail_key;
        upper
    }

    /// A node without tokens, which goes on from `parent` with the page `key`. Places are used again, with their
    /// memory.
    fn add(&mut self, parent: usize, key: BlockKey, used: u64) -> usize {
        let place = self.unused.pop().unwrap_or_else(|| {
            self.nodes.push(Node::default());
            self.nodes.len() - 1
        });
        let node = &mut self.nodes[place];
        node.stretch.clear();
        node.children.clear();
        (node.parent, node.key, node.tokens, node.locks) = (parent, key, 0, 0);
        (node.used, node.since) = (used, used);
        self.nodes[parent].children.insert(key, place);
        place
    }

    fn touch(&mut self, node: usize) {
        self.nodes[node].used = self.clock;
        self.list(node);
    }

    /// Puts a node among those that can be evicted, if it is one.
    fn list(&mut self, node: usize) {
        if !self.nodes[node].can_go() {
            return;
        }
        if self.leaves.len() > 2 * self.nodes.len() + SPARE_ENTRIES {
            let nodes = &self.nodes;
            self.leaves
                .retain(|&Reverse((used, leaf))| nodes[leaf].used == used && nodes[leaf].can_go());
        }
        self.leaves.push(Reverse((self.nodes[node].used, node)));
    }

    /// The child of a node that goes on with the page behind the first `done` of the first `length` tokens of a
    /// sequence.
    fn child(&self, node: usize, sequence: &[Segment], done: u32, length: u32) -> Option<usize> {
        if length - done < self.page_tokens || self.nodes[node].children.is_empty() {
            return None;
        }
        let key = self.first_page(segments::after(sequence, done))?;
        self.nodes[node].children.get(&key).copied()
    }

    fn first_page(&self, tokens: impl Iterator<Item = Segment>) -> Option<BlockKey> {
        let mut chain = KeyChain::new(self.page_tokens);
        let mut key = None;
        for segment in segments::first(tokens, self.page_tokens) {
            chain.extend(segment, |page| key = Some(page));
        }
        key
    }

    const fn whole_pages(&self, tokens: u32) -> u32 {
        tokens - tokens % self.page_tokens
    }
}

impl Node {
    /// Whether it is a leaf that nobody has locked.
    fn can_go(&self) -> bool {
        self.locks == 0 && self.children.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::ContentId;

    #[test]
    fn children_come_in_the_order_of_their_first_stretches() {
        let stretch = |content, tokens| {
            [Segment {
                content: ContentId(content),
                offset: 0,
                tokens,
            }]
        };
        let mut tree = RadixTree::new(1);
        let ends = [1, 2, 3].map(|content| tree.insert(&stretch(content, 10)).end);
        assert_eq!(tree.children(PrefixEnd::EMPTY), ends);
        // Where the second is cut, its head stands in its place.
        let head = tree.find(&stretch(2, 4)).end;
        assert_eq!(tree.children(PrefixEnd::EMPTY), [ends[0], head, ends[2]]);
        assert_eq!((tree.children(head), tree.parent(ends[1])), (vec![ends[1]], Some(head)));
        // The first is forgotten, and comes last when it is back.
        tree.evict(10);
        let back = tree.insert(&stretch(1, 10)).end;
        assert_eq!(tree.children(PrefixEnd::EMPTY), [head, ends[2], back]);
    }
}
