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

use std::collections::BTreeSet;

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
    /// The unlocked leaves by their latest use.
    leaves: BTreeSet<(u64, usize)>,
}

#[derive(Clone, Debug)]
struct Node {
    parent: usize,
    stretch: Vec<Segment>,
    /// By the first page of their stretches.
    children: FxHashMap<BlockKey, usize>,
    locks: u32,
    used: u64,
    /// When the first of the stretches began that went on from its parent with its first page.
    since: u64,
}

const ROOT: usize = 0;

impl PrefixEnd {
    /// The end of the empty prefix, which every tree holds.
    pub const EMPTY: Self = Self(ROOT);
}

impl RadixTree {
    /// An empty tree with pages of `page_tokens` tokens, at least 1.
    pub fn new(page_tokens: u32) -> Self {
        Self {
            page_tokens,
            nodes: vec![Node::new(ROOT, Vec::new(), 0)],
            unused: Vec::new(),
            clock: 0,
            tokens: 0,
            evictable: 0,
            leaves: BTreeSet::new(),
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
        self.clock += 1;
        let mut node = ROOT;
        let mut tokens = 0;
        let mut rest = sequence.to_vec();
        while let Some(child) = self.child(node, &rest) {
            self.touch(child);
            let length = segments::length(&self.nodes[child].stretch);
            let common = self.whole_pages(segments::agreement(&self.nodes[child].stretch, &rest));
            assert!(common > 0, "two first pages with one key agree");
            tokens += common;
            rest = segments::cut(&rest, common).1;
            node = child;
            if common < length {
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
        let mut node = ROOT;
        let mut tokens = 0;
        let mut rest = sequence.to_vec();
        while let Some(child) = self.child(node, &rest) {
            let stretch = &self.nodes[child].stretch;
            let common = self.whole_pages(segments::agreement(stretch, &rest));
            tokens += common;
            if common < segments::length(stretch) {
                break;
            }
            rest = segments::cut(&rest, common).1;
            node = child;
        }
        tokens
    }

    /// Makes it hold all whole pages of `sequence`. Returns their end, and how many of their tokens it held before.
    pub fn insert(&mut self, sequence: &[Segment]) -> FoundPrefix {
        let length = self.whole_pages(segments::length(sequence));
        let (pages, _) = segments::cut(sequence, length);
        let FoundPrefix { tokens, end } = self.find(&pages);
        if tokens == length {
            return FoundPrefix { tokens, end };
        }
        let (_, new) = segments::cut(&pages, tokens);
        // Used later than the branch beside it, if a node has just been split.
        self.clock += 1;
        let key = self.first_page(&new).expect("at least a page is new");
        let node = self.add(Node::new(end.0, new, self.clock));
        self.unlist(end.0);
        self.nodes[end.0].children.insert(key, node);
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
            if self.nodes[node].locks == 0 {
                self.unlist(node);
                self.evictable -= self.length(node);
            }
            self.nodes[node].locks += 1;
            node = self.nodes[node].parent;
        }
    }

    /// Takes one lock off the prefix up to `end`.
    pub fn unlock(&mut self, end: PrefixEnd) {
        let mut node = end.0;
        while node != ROOT {
            self.nodes[node].locks -= 1;
            if self.nodes[node].locks == 0 {
                self.evictable += self.length(node);
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
            && let Some((_, leaf)) = self.leaves.pop_first()
        {
            evicted += self.length(leaf);
            self.remove(leaf);
        }
        self.tokens -= evicted;
        self.evictable -= evicted;
    }

    fn remove(&mut self, leaf: usize) {
        let Node { parent, stretch, .. } = std::mem::replace(&mut self.nodes[leaf], Node::new(ROOT, Vec::new(), 0));
        let key = self.first_page(&stretch).expect("a node holds a page");
        self.nodes[parent].children.remove(&key);
        self.unused.push(leaf);
        self.list(parent);
    }

    /// Cuts a node after `tokens` tokens and returns the new one, which ends there; what follows keeps its place in
    /// memory.
    fn split(&mut self, lower: usize, tokens: u32) -> usize {
        let (head, tail) = segments::cut(&self.nodes[lower].stretch, tokens);
        let keys = [&head, &tail].map(|part| self.first_page(part).expect("whole pages"));
        let parent = self.nodes[lower].parent;
        let mut upper = Node::new(parent, head, self.clock);
        upper.locks = self.nodes[lower].locks;
        upper.since = self.nodes[lower].since;
        upper.children.insert(keys[1], lower);
        let upper = self.add(upper);
        self.nodes[parent].children.insert(keys[0], upper);
        self.nodes[lower].parent = upper;
        self.nodes[lower].stretch = tail;
        upper
    }

    fn add(&mut self, node: Node) -> usize {
        if let Some(place) = self.unused.pop() {
            self.nodes[place] = node;
            return place;
        }
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn touch(&mut self, node: usize) {
        self.unlist(node);
        self.nodes[node].used = self.clock;
        self.list(node);
    }

    /// Puts a node among those that can be evicted, if it is one.
    fn list(&mut self, node: usize) {
        let Node {
            children, locks, used, ..
        } = &self.nodes[node];
        if node != ROOT && *locks == 0 && children.is_empty() {
            self.leaves.insert((*used, node));
        }
    }

    fn unlist(&mut self, node: usize) {
        self.leaves.remove(&(self.nodes[node].used, node));
    }

    /// The child of a node that goes on with the first page of `rest`.
    fn child(&self, node: usize, rest: &[Segment]) -> Option<usize> {
        let key = self.first_page(rest)?;
        self.nodes[node].children.get(&key).copied()
    }

    fn first_page(&self, tokens: &[Segment]) -> Option<BlockKey> {
        let mut chain = KeyChain::new(self.page_tokens);
        let mut key = None;
        for &segment in &segments::cut(tokens, self.page_tokens).0 {
            chain.extend(segment, |page| key = Some(page));
        }
        key
    }

    fn length(&self, node: usize) -> u64 {
        segments::length(&self.nodes[node].stretch).into()
    }

    const fn whole_pages(&self, tokens: u32) -> u32 {
        tokens - tokens % self.page_tokens
    }
}

impl Node {
    fn new(parent: usize, stretch: Vec<Segment>, used: u64) -> Self {
        Self {
            parent,
            stretch,
            children: FxHashMap::default(),
            locks: 0,
            used,
            since: used,
        }
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
