//! The groups of layers between which an experiment divides its blocks.

use super::raw::{RawConfig, RawGroup};
use crate::hardware::{KvGroup, KvGroupKind};
use crate::kv::KvGroups;
use crate::policy::MOST_TOKENS;

/// More groups than any model has.
const MOST_GROUPS: usize = 64;
/// Blocks of any two groups are made of keys of so many tokens at least; hits are multiples of so many at most.
const LONGEST_ALIGNMENT: u64 = 1 << 20;

/// The groups that are listed; `None` if there is no list, or one of a single group that keeps every token in blocks of
/// the usual size.
pub fn read(config: &RawConfig) -> Result<Option<KvGroups>, String> {
    let Some(listed) = &config.kv_groups else {
        return Ok(None);
    };
    if listed.is_empty() || listed.len() > MOST_GROUPS {
        return Err(format!(
            "config.kv_groups has {} groups; write 1 to {MOST_GROUPS}, or leave it out for one that keeps every token",
            listed.len()
        ));
    }
    let groups = listed.iter().enumerate().map(|(index, raw)| {
        let group = raw.resolve(config);
        group.map_err(|why| format!("config.kv_groups[{index}].{why}"))
    });
    let groups: Vec<KvGroup> = groups.collect::<Result<_, _>>()?;
    let has_states = groups.iter().any(KvGroup::is_state);
    if has_states && config.enable_prefix_caching {
        return Err(
            "not supported: config.enable_prefix_caching with a group of kind \"mamba\"; write \
             enable_prefix_caching = false: the blocks in which vLLM keeps states for later requests are not modelled"
                .to_owned(),
        );
    }
    check_alignment(&groups)?;
    let groups = KvGroups::new(&groups);
    let is_usual = groups.is_one_full() && groups[0].block_tokens == config.block_size;
    Ok((!is_usual).then_some(groups))
}

fn check_alignment(groups: &[KvGroup]) -> Result<(), String> {
    let mut alignment = 1_u64;
    for group in groups.iter().filter(|group| !group.is_state()) {
        let tokens = u64::from(group.block_tokens);
        let (mut one, mut other) = (alignment, tokens);
        while other > 0 {
            (one, other) = (other, one % other);
        }
        alignment = alignment / one * tokens;
        if alignment > LONGEST_ALIGNMENT {
            return Err(format!(
                "config.kv_groups: the least multiple of all block sizes is {alignment} tokens or more; write block \
                 sizes of which one is a multiple of the others, such as 16 and 32"
            ));
        }
    }
    Ok(())
}

impl RawGroup {
    fn resolve(&self, config: &RawConfig) -> Result<KvGroup, String> {
        let block_tokens = within("block_size", self.block_size.unwrap_or(config.block_size))?;
        let (kind, unused) = match self.kind.as_str() {
            "full" => (KvGroupKind::Full, self.window.or(self.chunk)),
            "sliding" => (KvGroupKind::Sliding(needed("window", self.window)?), self.chunk),
            "chunked" => (KvGroupKind::Chunked(needed("chunk", self.chunk)?), self.window),
            // One block for the state of the tokens, one for that after each draft.
            "mamba" => (
                KvGroupKind::State(1 + config.num_speculative_tokens),
                self.window.or(self.chunk),
            ),
            other => {
                return Err(format!(
                    "kind: {other:?} is unknown; write \"full\", \"sliding\", \"chunked\" or \"mamba\""
                ));
            }
        };
        if unused.is_some() {
            return Err(format!(
                "kind: a group of kind {:?} has no such window or chunk; write window beside \"sliding\" and chunk \
                 beside \"chunked\" only",
                self.kind
            ));
        }
        Ok(KvGroup { kind, block_tokens })
    }
}

fn needed(name: &str, value: Option<u32>) -> Result<u32, String> {
    match value {
        Some(value) => within(name, value),
        None => Err(format!("{name}: is missing; write a number of tokens")),
    }
}

fn within(name: &str, value: u32) -> Result<u32, String> {
    if (1..=MOST_TOKENS).contains(&value) {
        return Ok(value);
    }
    Err(format!(
        "{name} is {value}; write a whole number from 1 to {MOST_TOKENS}"
    ))
}
