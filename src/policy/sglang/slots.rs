//! Where tokens live under SGLang (`srt/mem_cache`): slots for tokens, handed out in pages, and the radix tree of what
//! they hold.
//!
//! A request's tokens lie in the tree as far as it has been inserted there, and from there on in slots of its own. What
//! the tree holds already when it is inserted is given back.

use super::member::SglangMember;
use super::settings::{SglangSettings, SpecialTokens};
use crate::kv::{FoundPrefix, PrefixEnd, RadixTree};
use crate::policy::live::Memory;
use crate::workload::Segment;

/// All slots of a server.
pub(crate) struct TokenSlots {
    /// Tokens that fit in all.
    capacity: u64,
    page: u32,
    /// Whether the tree is used.
    caching: bool,
    special: Option<SpecialTokens>,
    tree: RadixTree,
    free: u64,
    /// Tokens in slots beside the tree.
    beside: u64,
    /// Tokens forgotten for want of room, since the start.
    evicted: u64,
    /// The tokens of a member, as long as they are looked at.
    looked_at: Vec<Segment>,
}

impl TokenSlots {
    pub(crate) fn new(settings: &SglangSettings, memory: &Memory) -> Self {
        let capacity = settings.capacity(memory);
        Self {
            capacity,
            page: settings.page_size,
            caching: settings.prefix_caching,
            special: settings.special_tokens,
            tree: RadixTree::new(settings.page_size),
            free: capacity,
            beside: 0,
            evicted: 0,
            looked_at: Vec::new(),
        }
    }

    pub(crate) const fn has_tree(&self) -> bool {
        self.caching
    }

    /// Slots that nobody has.
    pub(crate) const fn free(&self) -> u64 {
        self.free
    }

    /// Slots that are free or can be made so.
    pub(crate) const fn available(&self) -> u64 {
        self.free + self.tree.evictable()
    }

    /// Slots of the tree that somebody has locked.
    pub(crate) const fn protected(&self) -> u64 {
        self.tree.tokens() - self.tree.evictable()
    }

    /// Slots that requests hold, in the tree and beside it.
    pub(crate) const fn used(&self) -> u64 {
        self.capacity - self.available()
    }

    /// How many of these hold a token.
    pub(crate) const fn filled(&self) -> u64 {
        self.protected() + self.beside
    }

    pub(crate) const fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(crate) const fn whole_pages(&self, tokens: u32) -> u32 {
        tokens - tokens % self.page
    }

    pub(crate) const fn paged(&self, tokens: u32) -> u32 {
        tokens.next_multiple_of(self.page)
    }

    /// Slots that a prefill row takes which starts from `before` tokens.
    pub(crate) const fn slots_of_row(&self, before: u32, tokens: u32) -> u64 {
        (self.paged(before + tokens) - self.paged(before)) as u64
    }

    /// Makes room for so many tokens of so many prefill rows; more is forgotten for them than they need, if slots come
    /// in pages.
    pub(crate) fn make_room_for_rows(&mut self, tokens: u64, rows: usize) {
        let page = u64::from(self.page);
        let spare = if page > 1 { page * rows as u64 } else { 0 };
        self.evict_until_free(tokens + spare);
    }

    /// Gives a member the slots of its prefill row, for which there is room. Whether it had no row yet.
    pub(crate) fn give_row(&mut self, member: &mut SglangMember, before: u32, tokens: u32) -> bool {
        self.take(self.slots_of_row(before, tokens), tokens.into());
        member.committed = before + tokens;
        !std::mem::replace(&mut member.has_row, true)
    }

    /// Slots that the member's next token takes.
    pub(crate) const fn slots_of_next(&self, member: &SglangMember) -> u64 {
        if member.committed.is_multiple_of(self.page) {
            self.page as u64
        } else {
            0
        }
    }

    /// The longest prefix of its first `count` tokens in the tree, which counts as used now.
    pub(crate) fn find(&mut self, member: &SglangMember, count: u32) -> FoundPrefix {
        if !self.caching {
            return FoundPrefix {
                tokens: 0,
                end: PrefixEnd::EMPTY,
            };
        }
        member.write_tokens(count, self.special, &mut self.looked_at);
        self.tree.find(&self.looked_at)
    }

    /// How much of its first `count` tokens is in the tree, without a trace of the question.
    pub(crate) fn held(&self, member: &SglangMember, count: u32) -> u32 {
        if !self.caching {
            return 0;
        }
        self.tree.held(&member.tokens(count, self.special))
    }

    /// The tree, for those who go through it.
    pub(crate) const fn tree(&self) -> &RadixTree {
        &self.tree
    }

    pub(crate) const fn special(&self) -> Option<SpecialTokens> {
        self.special
    }

    pub(crate) fn lock(&mut self, end: PrefixEnd) {
        self.tree.lock(end);
    }

    pub(crate) fn unlock(&mut self, end: PrefixEnd) {
        self.tree.unlock(end);
    }

    /// Forgets what was least recently used, leaf by leaf, until so many slots are free or all else is locked.
    pub(crate) fn evict_until_free(&mut self, slots: u64) {
        if self.free >= slots {
            return;
        }
        let before = self.tree.tokens();
        self.tree.evict(slots - self.free);
        let evicted = before - self.tree.tokens();
        self.free += evicted;
        self.evicted += evicted;
    }

    /// Takes free slots for so many tokens, of which others fill pages that were taken before.
    pub(crate) fn take(&mut self, slots: u64, tokens: u64) {
        assert!(slots <= self.free, "slots are free before they are taken");
        self.free -= slots;
        self.beside += tokens;
    }

    /// Puts the first `count` tokens of a running member into the tree, whole pages of them, and moves its lock there.
    /// A node ends where the prompt does: outputs are a leaf of their own.
    pub(crate) fn insert(&mut self, member: &mut SglangMember, count: u32) {
        if !self.caching {
            return;
        }
        let pages = self.whole_pages(count);
        assert!(pages >= member.owned, "what is in the tree stays a part of it");
        let before = self.tree.tokens();
        member.write_tokens(pages, self.special, &mut self.looked_at);
        let end = self.tree.insert(&self.looked_at).end;
        let prompt = self.whole_pages(member.prompt());
        if pages > prompt {
            member.write_tokens(prompt, self.special, &mut self.looked_at);
            self.tree.insert(&self.looked_at);
        }
        let added = self.tree.tokens() - before;
        self.free += u64::from(pages - member.owned) - added;
        self.beside -= u64::from(pages - member.owned);
        self.tree.lock(end);
        self.tree.unlock(member.lock);
        member.lock = end;
        member.owned = pages;
    }

    /// Takes everything from a member; what the tree holds of it stays there until it is evicted.
    pub(crate) fn release(&mut self, member: &mut SglangMember) {
        self.free += u64::from(self.paged(member.committed) - member.owned);
        self.beside -= u64::from(member.committed - member.owned);
        self.tree.unlock(member.lock);
        member.lock = PrefixEnd::EMPTY;
        member.committed = 0;
        member.owned = 0;
        member.prefix = 0;
    }
}
