//! Where tokens live under SGLang (`srt/mem_cache`): slots for tokens, handed out in pages, and the radix tree of what
//! they hold.
//!
//! A request's tokens lie in the tree as far as it has been inserted there, and from there on in slots of its own. They
//! enter the tree when the step that computed its prompt, or a chunk of it, has run, and when it finishes; what the
//! tree holds already is given back.

use std::collections::BTreeMap;

use crate::kv::{FoundPrefix, PrefixEnd, RadixTree, segments};
use crate::policy::queue::{Live, Memory};
use crate::workload::{ContentId, Request, RequestId, Segment};

/// All slots of a server.
pub(super) struct KvCache {
    /// Tokens that fit in all.
    capacity: u64,
    page: u32,
    /// Whether the tree is used.
    caching: bool,
    tree: RadixTree,
    holdings: BTreeMap<RequestId, Holding>,
    /// Slots outside the tree: of all holdings together.
    own: u64,
}

/// What a running request holds.
struct Holding {
    /// The end of its tokens in the tree, which it has locked.
    end: PrefixEnd,
    /// How many they are.
    in_tree: u32,
    /// Slots of its own for what follows.
    own: u32,
}

impl KvCache {
    pub(super) fn new(memory: &Memory, page: u32, caching: bool) -> Self {
        let slots = u64::from(memory.usable_blocks) * u64::from(memory.block_tokens);
        Self {
            capacity: slots - slots % u64::from(page),
            page,
            caching,
            tree: RadixTree::new(page),
            holdings: BTreeMap::new(),
            own: 0,
        }
    }

    pub(super) const fn capacity(&self) -> u64 {
        self.capacity
    }

    pub(super) const fn page(&self) -> u32 {
        self.page
    }

    pub(super) const fn has_tree(&self) -> bool {
        self.caching
    }

    /// Slots that running requests hold.
    pub(super) fn used(&self) -> u64 {
        self.own + self.tree.tokens() - self.tree.evictable()
    }

    /// Slots that running requests do not take because several of them have the same tokens in the tree.
    pub(super) fn spared(&self) -> u64 {
        let each = self.holdings.values().map(|it| u64::from(it.in_tree));
        each.sum::<u64>() - (self.tree.tokens() - self.tree.evictable())
    }

    /// Slots that are free or can be made so.
    pub(super) fn available(&self) -> u64 {
        self.capacity - self.used()
    }

    /// The longest prefix of a request's tokens in the tree; at least one token is left to compute.
    pub(super) fn find(&mut self, live: &Live) -> FoundPrefix {
        if self.caching {
            self.tree.find(&tokens(live, live.num_tokens() - 1))
        } else {
            FoundPrefix {
                tokens: 0,
                end: PrefixEnd::EMPTY,
            }
        }
    }

    /// How much of its prompt a request would find that is not here [tokens].
    pub(super) fn held(&self, request: &Request) -> u32 {
        if !self.caching {
            return 0;
        }
        let live = Live::new(request.clone());
        self.tree.held(&tokens(&live, live.num_tokens() - 1))
    }

    /// How many of the available slots a request would lock that starts from this prefix.
    pub(super) fn would_lock(&self, prefix: FoundPrefix) -> u64 {
        self.tree.unlocked_up_to(prefix.end)
    }

    /// A request starts from what was found of it.
    pub(super) fn admit(&mut self, id: RequestId, prefix: FoundPrefix) {
        self.tree.lock(prefix.end);
        let holding = Holding {
            end: prefix.end,
            in_tree: prefix.tokens,
            own: 0,
        };
        self.holdings.insert(id, holding);
    }

    /// Slots that a running request lacks to hold `tokens` tokens.
    pub(super) fn lacking(&self, id: RequestId, tokens: u32) -> u32 {
        let holding = &self.holdings[&id];
        let beyond = tokens.saturating_sub(holding.in_tree);
        beyond.next_multiple_of(self.page).saturating_sub(holding.own)
    }

    /// Gives a running request the slots to hold `tokens` tokens, evicting what nobody has locked if none are free.
    pub(super) fn grow(&mut self, id: RequestId, tokens: u32) {
        let lacking = self.lacking(id, tokens);
        if lacking == 0 {
            return;
        }
        let free = self.available() - self.tree.evictable();
        self.tree.evict(u64::from(lacking).saturating_sub(free));
        let holding = self.holdings.get_mut(&id).expect("it runs");
        holding.own += lacking;
        self.own += u64::from(lacking);
        assert!(self.used() + self.tree.evictable() <= self.capacity);
    }

    /// Puts what a running request has computed into the tree (`cache_unfinished_req`).
    pub(super) fn insert(&mut self, live: &Live) {
        if !self.caching {
            return;
        }
        let end = self.tree.insert(&tokens(live, live.computed)).end;
        self.tree.lock(end);
        let holding = self.holdings.get_mut(&live.request.id).expect("it runs");
        self.tree.unlock(holding.end);
        let in_tree = live.computed - live.computed % self.page;
        let own = (live.computed - in_tree).next_multiple_of(self.page);
        self.own -= u64::from(holding.own - own);
        *holding = Holding { end, in_tree, own };
    }

    /// Takes everything from a request; what the tree holds of it can be found again until it is evicted.
    pub(super) fn release(&mut self, id: RequestId) {
        let holding = self.holdings.remove(&id).expect("it runs");
        self.tree.unlock(holding.end);
        self.own -= u64::from(holding.own);
    }
}

/// The first `count` of a request's tokens, prompt and output.
pub(super) fn tokens(live: &Live, count: u32) -> Vec<Segment> {
    let request = &live.request;
    let whole = [Segment {
        content: ContentId::unique_prompt_of(request.id),
        offset: 0,
        tokens: request.prompt.tokens(),
    }];
    let mut all = request.prompt.segments().unwrap_or(&whole).to_vec();
    all.push(Segment {
        content: request.output_name.content,
        offset: request.output_name.offset,
        tokens: live.generated,
    });
    segments::cut(&all, count).0
}
