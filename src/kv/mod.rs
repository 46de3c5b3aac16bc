//! Where tokens live: the KV cache is cut into blocks of a fixed number of tokens.

mod block_id;
mod block_pool;
mod chunk_store;
mod content;
mod copies;
mod counted_pool;
mod counted_queue;
mod free_list;
mod free_queue;
mod groups;
mod growth;
mod prefix_tree;
mod radix_tree;
pub mod segments;
mod stretch;

pub use block_id::{BlockId, NULL_BLOCK};
pub use block_pool::{BlockPool, PoolRules};
pub use chunk_store::{ChunkState, ChunkStore, StoreRank};
pub use content::{BlockKey, KeyChain};
pub use copies::NamedBlocks;
pub use counted_pool::{CountedPool, Held, Hit, OwnBlocks};
pub use counted_queue::CountedQueue;
pub use groups::KvGroups;
pub use growth::{KvGrowth, KvOverRun};
pub use prefix_tree::{PrefixTree, TreePlace};
pub use radix_tree::{FoundPrefix, PrefixEnd, RadixTree};
pub use stretch::{FullBlocks, Stretch, StretchChain};

/// Blocks that hold `tokens` tokens.
pub const fn blocks_for(tokens: u32, block_tokens: u32) -> u32 {
    tokens.div_ceil(block_tokens)
}
