//! What token sequences have at their starts in common, as a tree of their contents: one branch for each way in which
//! they go on. It costs a look-up for each piece of content rather than for each block, and knows every prefix to the
//! token.
//!
//! It forgets nothing: it stands for a prefix cache without limit. Each prefix is there from when it is first inserted,
//! and is *computed* once that has been said of it.

use rustc_hash::FxHashMap;

use crate::workload::{ContentId, Segment};

/// All sequences so far.
#[derive(Debug)]
pub struct PrefixTree {
    /// The first is the root, which holds no token.
    nodes: Vec<Node>,
    /// Children but the first of their parent, by parent and first token.
    branches: FxHashMap<(u32, ContentId, u32), u32>,
}

/// The end of a sequence in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreePlace {
    node: u32,
    /// Tokens from the start of the sequence.
    tokens: u32,
}

/// A stretch of one content that sequences share. Places are counted in tokens from the start of the sequence.
#[derive(Clone, Copy, Debug)]
struct Node {
    parent: u32,
    /// The child that came first.
    first_child: u32,
    start: u32,
    end: u32,
    /// Up to where its tokens are computed; `start` if none of them is. Whatever comes before a computed token is
    /// computed.
    computed: u32,
    /// Its first token's content and place in it.
    content: ContentId,
    offset: u32,
}

const ROOT: u32 = 0;
/// No node: the root is nobody's child.
const NONE: u32 = ROOT;

impl Default for PrefixTree {
    fn default() -> Self {
        Self {
            nodes: vec![Node {
                parent: NONE,
                first_child: NONE,
                start: 0,
                end: 0,
                computed: 0,
                content: ContentId(0),
                offset: 0,
            }],
            branches: FxHashMap::default(),
        }
    }
}

impl TreePlace {
    /// Before the first token of any sequence.
    pub const START: Self = Self { node: ROOT, tokens: 0 };

    /// Tokens of the sequence.
    pub const fn tokens(self) -> u32 {
        self.tokens
    }
}

impl PrefixTree {
    /// Pieces of content that it holds: 32 bytes of memory each, and about as many again where sequences part.
    pub const fn len(&self) -> usize {
        self.nodes.len() - 1
    }

    /// Whether it holds nothing.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Moves `place` on by `segment`, which is inserted as far as it is new. Returns how many of its first tokens were
    /// there before.
    pub fn extend(&mut self, place: &mut TreePlace, mut segment: Segment) -> u32 {
        let mut known = 0;
        place.node = self.node_of(*place);
        while segment.tokens > 0 {
            let node = self.nodes[place.node as usize];
            if place.tokens == node.end {
                let child = self.child(place.node, segment);
                if child == NONE {
                    place.node = self.insert(place.node, segment);
                    place.tokens += segment.tokens;
                    return known;
                }
                place.node = child;
            } else if node.goes_on_with(place.tokens, segment) {
                let taken = segment.tokens.min(node.end - place.tokens);
                place.tokens += taken;
                known += taken;
                segment.offset += taken;
                segment.tokens -= taken;
            } else {
                place.node = self.split(place.node, place.tokens);
            }
        }
        known
    }

    /// From now on everything up to `place` is computed.
    pub fn compute(&mut self, place: TreePlace) {
        let (mut current, mut until) = (self.node_of(place), place.tokens);
        while current != ROOT {
            let node = &mut self.nodes[current as usize];
            let all_before = node.computed > node.start;
            node.computed = node.computed.max(until);
            if all_before {
                return;
            }
            (current, until) = (node.parent, node.start);
        }
    }

    /// How many tokens at the start of the sequence that ends at `place` are computed.
    pub fn computed(&self, place: TreePlace) -> u32 {
        let (mut current, mut until) = (self.node_of(place), place.tokens);
        while current != ROOT {
            let node = &self.nodes[current as usize];
            if node.computed > node.start {
                return node.computed.min(until);
            }
            (current, until) = (node.parent, node.start);
        }
        0
    }

    /// The node that holds the last token of a sequence: a node that was split since is only the later part of what it
    /// was.
    fn node_of(&self, place: TreePlace) -> u32 {
        let mut current = place.node;
        while current != ROOT && self.nodes[current as usize].start >= place.tokens {
            current = self.nodes[current as usize].parent;
        }
        current
    }

    /// The child that starts with the first token of `segment`.
    fn child(&self, parent: u32, segment: Segment) -> u32 {
        let first = self.nodes[parent as usize].first_child;
        if first == NONE || self.nodes[first as usize].starts_with(segment) {
            return first;
        }
        let key = (parent, segment.content, segment.offset);
        self.branches.get(&key).copied().unwrap_or(NONE)
    }

    fn insert(&mut self, parent: u32, segment: Segment) -> u32 {
        let new = u32::try_from(self.nodes.len()).expect("there is no memory for as many nodes");
        let start = self.nodes[parent as usize].end;
        self.nodes.push(Node {
            parent,
            first_child: NONE,
            start,
            end: start + segment.tokens,
            computed: start,
            content: segment.content,
            offset: segment.offset,
        });
        let siblings = &mut self.nodes[parent as usize];
        if siblings.first_child == NONE {
            siblings.first_child = new;
        } else {
            self.branches.insert((parent, segment.content, segment.offset), new);
        }
        new
    }

    /// Cuts a node in two at `tokens`. It stays the later part; the new one, the earlier part, is returned.
    fn split(&mut self, later: u32, tokens: u32) -> u32 {
        let new = u32::try_from(self.nodes.len()).expect("there is no memory for as many nodes");
        let node = &mut self.nodes[later as usize];
        let earlier = Node {
            first_child: later,
            end: tokens,
            computed: node.computed.min(tokens),
            ..*node
        };
        node.parent = new;
        node.offset += tokens - node.start;
        node.start = tokens;
        node.computed = node.computed.max(tokens);
        self.nodes.push(earlier);
        let above = &mut self.nodes[earlier.parent as usize];
        if above.first_child == later {
            above.first_child = new;
        } else {
            let key = (earlier.parent, earlier.content, earlier.offset);
            self.branches.insert(key, new);
        }
        new
    }
}

impl Node {
    /// Whether its token at `place`, which it has, is the first of `segment`.
    fn goes_on_with(&self, place: u32, segment: Segment) -> bool {
        self.content == segment.content && self.offset + (place - self.start) == segment.offset
    }

    fn starts_with(&self, segment: Segment) -> bool {
        self.goes_on_with(self.start, segment)
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    fn segment(content: u64, offset: u32, tokens: u32) -> Segment {
        Segment {
            content: ContentId(content),
            offset,
            tokens,
        }
    }

    /// Where the sequence ends, and how many of its tokens were there.
    fn insert(tree: &mut PrefixTree, segments: &[Segment]) -> (TreePlace, u32) {
        let mut place = TreePlace::START;
        let known = segments.iter().map(|&segment| tree.extend(&mut place, segment)).sum();
        (place, known)
    }

    #[test]
    fn a_sequence_is_known_as_far_as_it_agrees_with_an_earlier_one() {
        let mut tree = PrefixTree::default();
        assert_eq!(insert(&mut tree, &[segment(1, 0, 100)]).1, 0);
        assert_eq!(insert(&mut tree, &[segment(1, 0, 60), segment(2, 0, 9)]).1, 60);
        assert_eq!(insert(&mut tree, &[segment(1, 0, 60), segment(2, 0, 12)]).1, 69);
        let cut = [segment(1, 0, 10), segment(1, 10, 70), segment(3, 0, 5)];
        assert_eq!(insert(&mut tree, &cut).1, 80);
        assert_eq!(insert(&mut tree, &[segment(1, 1, 60)]).1, 0);
    }

    #[test]
    fn places_stay_what_they_were_when_a_stretch_is_cut() {
        let mut tree = PrefixTree::default();
        let (long, _) = insert(&mut tree, &[segment(1, 0, 100)]);
        let (short, _) = insert(&mut tree, &[segment(1, 0, 30)]);
        let (other, _) = insert(&mut tree, &[segment(1, 0, 50), segment(2, 0, 50)]);
        tree.compute(short);
        assert_eq!([long, short, other].map(|it| tree.computed(it)), [30; 3]);
        tree.compute(other);
        let computed = [long, short, other].map(|it| tree.computed(it));
        assert_eq!(computed, [50, 30, 100]);
    }

    /// A sequence token by token, by content and place in it.
    type Tokens = Vec<(u64, u32)>;

    /// Tokens at the start that two sequences share.
    fn shared(one: &Tokens, other: &Tokens) -> u32 {
        one.iter().zip(other).take_while(|(one, other)| one == other).count() as u32
    }

    #[test]
    fn random_sequences_agree_with_a_comparison_token_by_token() {
        for seed in 0..300 {
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let mut tree = PrefixTree::default();
            let mut all: Vec<(Tokens, TreePlace, bool)> = Vec::new();
            for _ in 0..30 {
                let (mut segments, mut tokens) = (Vec::new(), Vec::new());
                for _ in 0..random.random_range(1..5) {
                    let content = random.random_range(0..3);
                    let offset = random.random_range(0..2) * 4;
                    let length = random.random_range(1..9);
                    segments.push(segment(content, offset, length));
                    tokens.extend((offset..offset + length).map(|place| (content, place)));
                }
                let (place, known) = insert(&mut tree, &segments);
                let expected = all.iter().map(|(other, ..)| shared(&tokens, other)).max();
                assert_eq!(known, expected.unwrap_or(0));
                assert_eq!(place.tokens() as usize, tokens.len());
                all.push((tokens, place, false));
                let some = random.random_range(0..all.len());
                if random.random_bool(0.3) {
                    tree.compute(all[some].1);
                    all[some].2 = true;
                }
                for (tokens, place, _) in &all {
                    let computed = all.iter().filter(|(.., computed)| *computed);
                    let expected = computed.map(|(other, ..)| shared(tokens, other)).max();
                    assert_eq!(tree.computed(*place), expected.unwrap_or(0));
                }
            }
        }
    }
}
