//! One group of a model's cache layers: those whose keys and values, or whose state, an engine keeps in one table of
//! blocks per request (vLLM 0.33.0, `vllm/v1/kv_cache_interface.py`).

/// Layers that share a table of blocks. All groups of a server take their blocks from one pool, where a block of any
/// group has the same number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KvGroup {
    /// What of a context the group keeps.
    pub kind: KvGroupKind,
    /// Tokens in a block of this group; at least 1.
    pub block_tokens: u32,
}

/// What of a context a group keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KvGroupKind {
    /// Every token.
    Full,
    /// What a window of so many tokens, the newest one included, can still see.
    Sliding(u32),
    /// What the aligned chunk of so many tokens, in which the newest one lies, can see.
    Chunked(u32),
    /// No tokens but a state (Mamba, linear attention): so many blocks from admission to end, however long the context.
    State(u32),
}
