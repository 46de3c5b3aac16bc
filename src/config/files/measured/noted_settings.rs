//! Settings of a server that stand beside what was measured on it: columns of `vllm bench sweep`, or `--metadata`.

use super::json_tree::JsonTree;

/// A setting by its name in vLLM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotedSetting {
    /// The most requests that run at once.
    MaxNumSeqs,
    /// The most tokens of a step.
    MaxNumBatchedTokens,
    /// The most tokens of a request.
    MaxModelLen,
    /// Tokens in a block.
    BlockSize,
    /// The part of the memory that the engine uses.
    GpuMemoryUtilization,
    /// Whether the prefix cache is on; 1 or 0.
    EnablePrefixCaching,
}

const SETTINGS: [NotedSetting; 6] = [
    NotedSetting::MaxNumSeqs,
    NotedSetting::MaxNumBatchedTokens,
    NotedSetting::MaxModelLen,
    NotedSetting::BlockSize,
    NotedSetting::GpuMemoryUtilization,
    NotedSetting::EnablePrefixCaching,
];

impl NotedSetting {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxNumSeqs => "max_num_seqs",
            Self::MaxNumBatchedTokens => "max_num_batched_tokens",
            Self::MaxModelLen => "max_model_len",
            Self::BlockSize => "block_size",
            Self::GpuMemoryUtilization => "gpu_memory_utilization",
            Self::EnablePrefixCaching => "enable_prefix_caching",
        }
    }

    /// The one of this name, written with either `_` or `-`.
    pub(super) fn named(name: &str) -> Option<Self> {
        let is_it = |known: &&Self| name.bytes().map(underscored).eq(known.name().bytes());
        SETTINGS.iter().find(is_it).copied()
    }

    /// Its value, if it is one.
    pub(super) fn value(self, written: &JsonTree) -> Option<f64> {
        match (self, written) {
            (Self::EnablePrefixCaching, JsonTree::Flag(is_on)) => Some(f64::from(*is_on)),
            (Self::EnablePrefixCaching, other) => match other.text()?.to_ascii_lowercase().as_str() {
                "true" => Some(1.0),
                "false" => Some(0.0),
                _ => None,
            },
            (_, other) => other.number().filter(|number| *number > 0.0 && number.is_finite()),
        }
    }
}

/// A letter of a name, in which a dash is an underscore.
pub(super) const fn underscored(letter: u8) -> u8 {
    if letter == b'-' { b'_' } else { letter }
}
