//! The blocks that a simulated server hands out: as many as its memory holds, or as are written, in the groups that the
//! model's layers need.

use super::server::ServerTable;
use crate::config::reader::diagnostic::Diagnostic;
use crate::hardware::MemoryBudget;
use crate::kv::KvGroups;
use crate::policy::PolicySettings;

/// The blocks of a server, and who takes them.
pub(super) struct SimulatedCache {
    /// Blocks as the engine logs them: the null block included.
    pub(super) kv_blocks: u32,
    /// Tokens in a block; of several groups in one of the first that keeps tokens.
    pub(super) block_tokens: u32,
    /// The groups of layers that take them; `None` if every layer keeps every token.
    pub(super) kv_groups: Option<KvGroups>,
}

impl SimulatedCache {
    /// What this memory holds for servers of this policy.
    pub(super) fn of(server: &ServerTable, memory: &MemoryBudget, policy: &PolicySettings) -> Result<Self, Diagnostic> {
        let groups = KvGroups::new(&memory.kv_pool.layout.groups);
        let is_one_table = groups.is_one_full() && groups[0].block_tokens == server.block_tokens;
        if is_one_table || !matches!(policy, PolicySettings::Continuous(_)) {
            return Ok(Self {
                kv_blocks: server.kv_blocks.unwrap_or(memory.kv_blocks),
                block_tokens: server.block_tokens,
                kv_groups: None,
            });
        }
        let kv_blocks = server.kv_blocks.unwrap_or_else(|| memory.kv_pool.block_count());
        refuse_too_few(server, memory, kv_blocks)?;
        let with_tokens = groups.iter().find(|group| !group.is_state());
        Ok(Self {
            kv_blocks,
            block_tokens: with_tokens.map_or(server.block_tokens, |group| group.block_tokens),
            kv_groups: Some(groups),
        })
    }
}

/// A request of the full length that does not fit could never finish; vLLM does not start so.
fn refuse_too_few(server: &ServerTable, memory: &MemoryBudget, kv_blocks: u32) -> Result<(), Diagnostic> {
    let needed = memory.kv_pool.blocks_of_request.iter().sum::<u64>() + 1;
    if u64::from(kv_blocks) >= needed {
        return Ok(());
    }
    let groups = memory.kv_pool.layout.groups.len();
    let message = format!(
        "{}.kv_blocks = {kv_blocks} is less than one request of max_model_len = {} takes in the {groups} groups of \
         layers, which could never finish",
        server.path, server.max_model_len
    );
    Err(Diagnostic::new(message).help(format!(
        "write kv_blocks = {needed} or more (the null block included), or a smaller max_model_len"
    )))
}
