//! Free blocks in the order in which they will be taken, as a linked list of entries of many blocks each.

/// The number of an entry.
pub(super) type EntryId = u32;

/// Stands for no entry where the number of one is expected.
pub(super) const NONE: EntryId = EntryId::MAX;

/// Entries, next to be taken first.
#[derive(Debug)]
pub(super) struct FreeQueue {
    entries: Vec<Entry>,
    unused: Vec<EntryId>,
    front: EntryId,
    back: EntryId,
}

/// Consecutive blocks of the queue. If they can be asked for, they are consecutive blocks of a sequence, of which the
/// last is taken first.
#[derive(Clone, Copy, Debug)]
struct Entry {
    content: Content,
    count: u32,
    before: EntryId,
    after: EntryId,
    /// How often this place in memory was used for another entry before.
    generation: u32,
}

/// What the blocks of an entry hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Nobody can ask for it.
    Nobodys,
    /// The request it was taken from can ask for it.
    Own,
    /// Anyone can: a part of the stretch with this number.
    Named(u32),
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
    /// The entry that is taken last.
    pub(super) const fn back(&self) -> EntryId {
        self.back
    }

    /// How many blocks an entry has.
    pub(super) fn count(&self, entry: EntryId) -> u32 {
        self.entries[entry as usize].count
    }

    /// Tells an entry from others that were or will be in its place in memory.
    pub(super) fn generation(&self, entry: EntryId) -> u32 {
        self.entries[entry as usize].generation
    }

    /// Appends `count` blocks and returns their entry; nobody's join nobody's.
    pub(super) fn push_back(&mut self, content: Content, count: u32) -> EntryId {
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
        self.insert(content, count, back, NONE)
    }

    /// Puts `count` blocks that nobody can ask for before all others.
    pub(super) fn push_front(&mut self, count: u32) {
        let front = self.front;
        if front != NONE && self.entries[front as usize].content == Content::Nobodys {
            self.entries[front as usize].count += count;
            return;
        }
        self.insert(Content::Nobodys, count, NONE, front);
    }

    /// Adds blocks to an entry, to be taken after those it has.
    pub(super) fn grow(&mut self, entry: EntryId, count: u32) {
        self.entries[entry as usize].count += count;
    }

    /// Makes the `count` blocks of an entry that are taken last an entry of their own, and returns it.
    pub(super) fn split_last(&mut self, entry: EntryId, count: u32) -> EntryId {
        let Entry { content, after, .. } = self.entries[entry as usize];
        self.entries[entry as usize].count -= count;
        self.insert(content, count, entry, after)
    }

    fn insert(&mut self, content: Content, count: u32, before: EntryId, after: EntryId) -> EntryId {
        let mut entry = Entry {
            content,
            count,
            before,
            after,
            generation: 0,
        };
        let place = if let Some(place) = self.unused.pop() {
            entry.generation = self.entries[place as usize].generation;
            self.entries[place as usize] = entry;
            place
        } else {
            self.entries.push(entry);
            self.entries.len() as EntryId - 1
        };
        self.link(before, place);
        self.link(place, after);
        place
    }

    /// Takes up to `most` blocks of the first entry, and says of which.
    pub(super) fn pop_front(&mut self, most: u32) -> (Content, EntryId, u32) {
        let front = self.front;
        assert_ne!(front, NONE, "a block is free");
        let entry = &mut self.entries[front as usize];
        let (content, taken) = (entry.content, most.min(entry.count));
        entry.count -= taken;
        if entry.count == 0 {
            self.remove(front);
        }
        (content, front, taken)
    }

    /// Takes an entry out, wherever it is.
    pub(super) fn remove(&mut self, entry: EntryId) {
        let Entry { before, after, .. } = self.entries[entry as usize];
        self.link(before, after);
        self.entries[entry as usize].generation += 1;
        self.unused.push(entry);
    }

    /// Makes `after` follow `before`; one of them may be the end of the queue.
    fn link(&mut self, before: EntryId, after: EntryId) {
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
    }
}
