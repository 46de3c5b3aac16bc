//! The radix tree equals a set of prefixes, each with the time of its latest use, in which nothing is shared and
//! everything is looked for.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tailcast::kv::{PrefixEnd, RadixTree};
use tailcast::workload::{ContentId, Segment};

use crate::worlds::worlds_per_policy;

type Token = (ContentId, u32);

/// All prefixes that are held.
#[derive(Default)]
struct Prefixes {
    page: usize,
    /// When each was last used.
    used: BTreeMap<Vec<Token>, u64>,
    /// Where nodes end: what was inserted, what was found, where branches part.
    cuts: BTreeSet<Vec<Token>>,
    locked: Vec<Vec<Token>>,
    clock: u64,
}

impl Prefixes {
    fn find(&mut self, sequence: &[Token]) -> Vec<Token> {
        self.clock += 1;
        let pages = sequence.len() / self.page;
        let held = |&pages: &usize| self.used.contains_key(&sequence[..pages * self.page]);
        let found = (1..=pages).take_while(held).last().unwrap_or(0) * self.page;
        let found = sequence[..found].to_vec();
        if found.is_empty() {
            return found;
        }
        // The node in which the agreement ends is used as a whole.
        let ends = self.cuts.iter().filter(|cut| cut.starts_with(&found));
        let end = ends.min_by_key(|cut| cut.len()).expect("a cut ends it").clone();
        for (prefix, used) in &mut self.used {
            if end.starts_with(prefix) {
                *used = self.clock;
            }
        }
        self.cuts.insert(found.clone());
        found
    }

    fn insert(&mut self, sequence: &[Token]) -> usize {
        let pages = &sequence[..sequence.len() / self.page * self.page];
        let known = self.find(pages).len();
        if known < pages.len() {
            self.clock += 1;
            for length in known / self.page + 1..=pages.len() / self.page {
                let prefix = pages[..length * self.page].to_vec();
                self.used.insert(prefix, self.clock);
            }
            self.cuts.insert(pages.to_vec());
        }
        known
    }

    fn is_locked(&self, prefix: &[Token]) -> bool {
        self.locked.iter().any(|locked| locked.starts_with(prefix))
    }

    fn evictable(&self) -> usize {
        let unlocked = self.used.keys().filter(|prefix| !self.is_locked(prefix));
        unlocked.count() * self.page
    }

    fn evict(&mut self, tokens: usize) {
        let mut evicted = 0;
        while evicted < tokens {
            let goes_on = |cut: &Vec<Token>| {
                let mut others = self.used.keys();
                others.any(|other| other.len() > cut.len() && other.starts_with(cut))
            };
            let leaves = self.cuts.iter().filter(|cut| !goes_on(cut));
            let unlocked = leaves.filter(|cut| !self.is_locked(cut));
            let Some(leaf) = unlocked.min_by_key(|cut| self.used[*cut]).cloned() else {
                break;
            };
            self.cuts.remove(&leaf);
            let shorter = self.cuts.iter().filter(|cut| leaf.starts_with(cut));
            let parent = shorter.map(Vec::len).max().unwrap_or(0);
            self.used
                .retain(|prefix, _| prefix.len() <= parent || !leaf.starts_with(prefix));
            evicted += leaf.len() - parent;
        }
    }
}

#[test]
fn a_radix_tree_is_a_set_of_prefixes() {
    for seed in 0..5 * worlds_per_policy() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let page = random.random_range(1..4);
        let mut tree = RadixTree::new(page);
        let mut prefixes = Prefixes {
            page: page as usize,
            ..Prefixes::default()
        };
        let mut locked: Vec<(PrefixEnd, Vec<Token>)> = Vec::new();
        for _ in 0..60 {
            let sequence = sequence(&mut random);
            match random.random_range(0..6) {
                0 | 1 => {
                    let known = tree.insert(&sequence).tokens;
                    let expected = prefixes.insert(&tokens(&sequence));
                    assert_eq!(known as usize, expected, "world {seed}");
                }
                2 => {
                    let found = tree.find(&sequence).tokens;
                    let expected = prefixes.find(&tokens(&sequence)).len();
                    assert_eq!(found as usize, expected, "world {seed}");
                }
                3 => {
                    let end = tree.find(&sequence).end;
                    let prefix = prefixes.find(&tokens(&sequence));
                    tree.lock(end);
                    locked.push((end, prefix));
                }
                4 if !locked.is_empty() => {
                    let (end, _) = locked.swap_remove(random.random_range(0..locked.len()));
                    tree.unlock(end);
                }
                _ => {
                    let wanted = random.random_range(0..12);
                    tree.evict(wanted);
                    prefixes.evict(wanted as usize);
                }
            }
            prefixes.locked = locked.iter().map(|(_, prefix)| prefix.clone()).collect();
            let held = prefixes.used.len() * page as usize;
            assert_eq!(tree.tokens() as usize, held, "world {seed}");
            let evictable = prefixes.evictable();
            assert_eq!(tree.evictable() as usize, evictable, "world {seed}");
            for cut in &prefixes.cuts {
                let held = tree.clone().find(&segments(cut)).tokens;
                assert_eq!(held as usize, cut.len(), "world {seed}");
            }
        }
    }
}

/// A short sequence that often begins as others do, cut into segments anyhow.
fn sequence(random: &mut impl Rng) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for _ in 0..random.random_range(1..4) {
        let goes_on = random.random_bool(0.6);
        let offset = match segments.last() {
            Some(last) if goes_on => last.offset + last.tokens,
            _ => 0,
        };
        segments.push(Segment {
            content: ContentId::numbered(random.random_range(0..2)),
            offset,
            tokens: random.random_range(1..6),
        });
    }
    segments
}

fn tokens(segments: &[Segment]) -> Vec<Token> {
    let all = segments
        .iter()
        .flat_map(|segment| (segment.offset..segment.offset + segment.tokens).map(|place| (segment.content, place)));
    all.collect()
}

fn segments(tokens: &[Token]) -> Vec<Segment> {
    let segment = |&(content, offset)| Segment {
        content,
        offset,
        tokens: 1,
    };
    tokens.iter().map(segment).collect()
}
