//! Physical blocks have numbers.

/// The number of a physical block; 0 is the null block.
pub type BlockId = u32;

/// The block that stands in a table where a request has none: it needs it no more, or never did.
pub const NULL_BLOCK: BlockId = 0;
