//! KV cache outside of the GPU's memory, such as in that of the CPU: which chunks are there, and which give way first
//! (vLLM 0.33.0, `vllm/v1/kv_offload`).
//!
//! Recency belongs to requests: the chunks of the request that first had to do with the store give way first, and of
//! one request its last chunk, without which those before it still are of use. A chunk goes with the latest of the
//! requests that have had to do with it. When a request ends, what it has had to do with is the most recent of all,
//! but for what went with others that have ended before.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::content::BlockKey;

/// The rank of a request among those that have had to do with a store: the greater, the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreRank(u64);

/// The chunks of one store.
#[derive(Clone, Debug)]
pub struct ChunkStore {
    /// The most chunks that it holds.
    room: usize,
    chunks: FxHashMap<BlockKey, Chunk>,
    /// What gives way next first: by rank, then from the end of a request to its start.
    order: BTreeMap<Place, BlockKey>,
    ranks: u64,
}

/// A rank, and the complement of a chunk's number in its request.
type Place = (StoreRank, u32);

#[derive(Clone, Debug)]
struct Chunk {
    place: Place,
    /// The latest of the requests that have had to do with it, unless that has ended.
    goes_with: Option<StoreRank>,
    /// Whether it is still being written.
    is_written: bool,
    /// How many transfers read it.
    readers: u32,
}

/// What a store says of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkState {
    /// It is being written.
    Written,
    /// It is there, and read by so many transfers.
    Ready {
        /// How many.
        readers: u32,
    },
}

impl ChunkStore {
    /// An empty store with room for so many chunks.
    pub fn new(room: u32) -> Self {
        Self {
            room: room as usize,
            chunks: FxHashMap::default(),
            order: BTreeMap::new(),
            ranks: 0,
        }
    }

    /// How many chunks it holds, those included that are being written.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// A rank later than all before.
    pub const fn latest_rank(&mut self) -> StoreRank {
        self.ranks += 1;
        StoreRank(self.ranks)
    }

    /// What is there of a chunk.
    pub fn state(&self, key: BlockKey) -> Option<ChunkState> {
        let chunk = self.chunks.get(&key)?;
        Some(if chunk.is_written {
            ChunkState::Written
        } else {
            ChunkState::Ready { readers: chunk.readers }
        })
    }

    /// A request of this rank has to do with a chunk, its n-th; nothing happens if it is not there.
    pub fn touch(&mut self, key: BlockKey, (rank, number): (StoreRank, u32)) {
        let Some(chunk) = self.chunks.get_mut(&key) else {
            return;
        };
        chunk.goes_with = chunk.goes_with.max(Some(rank));
        if chunk.place.0 < rank {
            self.move_to(key, (rank, u32::MAX - number));
        }
    }

    /// A request of this rank has ended, which had to do with these chunks.
    pub fn end(&mut self, rank: Option<StoreRank>, keys: &[BlockKey]) {
        let latest = self.latest_rank();
        for (number, key) in (0..).zip(keys) {
            let Some(chunk) = self.chunks.get_mut(key) else {
                continue;
            };
            if chunk.goes_with.is_none() {
                continue;
            }
            if chunk.goes_with == rank {
                chunk.goes_with = None;
            }
            self.move_to(*key, (latest, u32::MAX - number));
        }
    }

    fn move_to(&mut self, key: BlockKey, place: Place) {
        let chunk = self.chunk(key);
        let before = std::mem::replace(&mut chunk.place, place);
        self.order.remove(&before);
        self.order.insert(place, key);
    }

    /// Makes room for so many new chunks, sparing those that transfers have to do with and those that are named; false,
    /// and nothing happens, if there cannot be enough.
    pub fn make_room(&mut self, chunks: usize, spared: &dyn Fn(BlockKey) -> bool) -> bool {
        let lacking = (self.chunks.len() + chunks).saturating_sub(self.room);
        if lacking == 0 {
            return true;
        }
        let can_go = |key: &BlockKey| {
            let chunk = &self.chunks[key];
            !chunk.is_written && chunk.readers == 0 && !spared(*key)
        };
        let going: Vec<BlockKey> = self.order.values().copied().filter(can_go).take(lacking).collect();
        if going.len() < lacking {
            return false;
        }
        for key in going {
            let chunk = self.chunks.remove(&key).expect("it is there");
            self.order.remove(&chunk.place);
        }
        true
    }

    /// Begins to write a chunk for which there is room, a request's n-th.
    pub fn begin_write(&mut self, key: BlockKey, (rank, number): (StoreRank, u32)) {
        assert!(self.chunks.len() < self.room, "there is room");
        let place = (rank, u32::MAX - number);
        let chunk = Chunk {
            place,
            goes_with: Some(rank),
            is_written: true,
            readers: 0,
        };
        let before = self.chunks.insert(key, chunk);
        assert!(before.is_none(), "a chunk is written once");
        self.order.insert(place, key);
    }

    /// A chunk is there.
    pub fn end_write(&mut self, key: BlockKey) {
        self.chunk(key).is_written = false;
    }

    /// Begins to read a chunk, which stays until that ends.
    pub fn begin_read(&mut self, key: BlockKey) {
        self.chunk(key).readers += 1;
    }

    /// Has read a chunk.
    pub fn end_read(&mut self, key: BlockKey) {
        self.chunk(key).readers -= 1;
    }

    fn chunk(&mut self, key: BlockKey) -> &mut Chunk {
        self.chunks.get_mut(&key).expect("what a transfer has to do with stays")
    }
}
