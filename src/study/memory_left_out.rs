//! The memory that the formula (memory - weights) / KV per user forgets: each part of it, and what it costs in users.

use crate::config::Deployment;

/// Memory of each GPU that holds no user's context, though the formula says so.
#[derive(Clone, Debug)]
pub struct ForgottenMemory {
    /// What takes it, or what it is lost to.
    pub name: &'static str,
    /// How much it is; below 0 where there is more for contexts than the formula knows of [bytes].
    pub bytes: f64,
    /// How many users' contexts it would hold.
    pub users: f64,
    /// Why it is so, in words.
    pub because: String,
}

/// What leads from the formula to what memory holds.
#[derive(Clone, Debug)]
pub struct MemoryLeftOut {
    /// The context that users are taken to have: the mean [tokens].
    pub context_tokens: f64,
    /// The formula.
    pub formula_users: f64,
    /// What it forgets, which together is the difference.
    pub parts: Vec<ForgottenMemory>,
    /// Users of that context in the blocks that there are.
    pub users_in_blocks: f64,
}

impl MemoryLeftOut {
    /// What the formula forgets of a server whose users have contexts of so many tokens.
    pub fn of(deployment: &Deployment, context_tokens: f64) -> Self {
        let (budget, server) = (&deployment.memory, &deployment.server);
        let bytes_of_user = budget.kv_bytes_of_user(context_tokens);
        let part = |name, bytes: f64, because: String| ForgottenMemory {
            name,
            bytes,
            users: bytes / bytes_of_user,
            because,
        };
        let block_bytes = match &server.kv_groups {
            Some(_) => budget.kv_pool.layout.bytes_per_block,
            None => u64::from(server.block_tokens) * budget.kv_bytes_per_token,
        };
        let given_bytes = (u64::from(server.kv_blocks) * block_bytes) as f64;
        let formula_users = budget.closed_form_users(context_tokens);
        let mut parts = Vec::new();
        let cache_bytes = if deployment.kv_blocks_given {
            let because = format!("server.kv_blocks = {} in place of all that is left", server.kv_blocks);
            let left = formula_users * bytes_of_user;
            parts.push(part("outside of the blocks given", left - given_bytes, because));
            given_bytes
        } else {
            let share = budget.requested_bytes as f64 / budget.total_bytes as f64;
            let kept = format!("server.gpu_memory_utilization = {share:.2} leaves it to others");
            let kept_bytes = budget.total_bytes - budget.requested_bytes;
            parts.push(part("kept from the server", kept_bytes as f64, kept));
            let largest = "the largest step at work, and the sampler".to_owned();
            parts.push(part("activations", budget.activations_bytes as f64, largest));
            let libraries = "table of rotary embeddings, libraries, buffers, CUDA graphs".to_owned();
            parts.push(part("libraries and graphs", budget.overhead_bytes as f64, libraries));
            budget.kv_bytes as f64
        };
        let users_in_blocks = users_in_blocks(deployment, context_tokens);
        let windows = if server.kv_groups.is_some() {
            ", in each group of layers"
        } else if budget.kv_footprint.windowed.is_empty() {
            ""
        } else {
            ", and sliding windows count as in the longest context"
        };
        let because = format!(
            "contexts take whole blocks of {} tokens, and one block holds none{windows}",
            server.block_tokens
        );
        parts.push(part(
            "whole blocks",
            cache_bytes - users_in_blocks * bytes_of_user,
            because,
        ));
        Self {
            context_tokens,
            formula_users,
            parts,
            users_in_blocks,
        }
    }
}

/// Users in the blocks that there are, the null block left out.
fn users_in_blocks(deployment: &Deployment, context_tokens: f64) -> f64 {
    let server = &deployment.server;
    let blocks_of_user = match server.memory().kv_groups {
        Some(groups) => groups.blocks_of_context(context_tokens.max(1.0).ceil() as u32) as f64,
        None => (context_tokens.max(1.0) / f64::from(server.block_tokens)).ceil(),
    };
    f64::from(server.kv_blocks.saturating_sub(1)) / blocks_of_user
}
