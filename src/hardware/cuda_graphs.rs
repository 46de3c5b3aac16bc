//! The CUDA graphs that vLLM captures when it starts, and what it keeps back for them.

use super::{Architecture, Gpu};

/// The sizes for which steps are captured: 1, 2, 4, multiples of 8 below 256 and of 16 from there to the largest
/// (vLLM, `config/vllm.py`, `_set_cudagraph_sizes`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CudaGraphs {
    /// The most tokens of a step that runs as graphs.
    pub largest: u64,
    /// The most tokens of a step that runs as one graph, because all its requests do the same.
    pub largest_whole: u64,
}

/// The largest graph of most GPUs [tokens].
const MOST_TOKENS: u64 = 512;
/// The largest one on Blackwell in data centres (capability 10.x), where the release knows it [tokens].
const MOST_TOKENS_ON_BLACKWELL: u64 = 1024;
/// What vLLM takes a graph to need at least (what `determine_available_memory` in `v1/worker/gpu_worker.py` calls).
const LEAST_BYTES: f64 = (1u64 << 20) as f64;

impl CudaGraphs {
    /// The graphs of a server that takes `max_num_seqs` requests with `drafts` draft tokens each, and
    /// `max_num_batched_tokens` tokens in a step: to `min(2 R (1 + K), 512)` tokens, and no more than a step holds.
    pub fn new(max_num_seqs: u32, drafts: u32, max_num_batched_tokens: u32, most: u64) -> Self {
        let tokens = u64::from(max_num_seqs) * (1 + u64::from(drafts));
        let largest = (2 * tokens).min(most).min(u64::from(max_num_batched_tokens));
        Self {
            largest,
            largest_whole: tokens.min(largest),
        }
    }

    /// Those of such a server that is told to capture up to `asked` tokens; none if that is 0.
    pub fn up_to(asked: u64, max_num_seqs: u32, drafts: u32, max_num_batched_tokens: u32) -> Self {
        let largest = asked.min(u64::from(max_num_batched_tokens));
        let tokens = u64::from(max_num_seqs) * (1 + u64::from(drafts));
        Self {
            largest,
            largest_whole: tokens.min(largest),
        }
    }

    /// The most tokens that a release captures on this GPU.
    pub fn most(gpu: &Gpu, knows_blackwell: bool) -> u64 {
        match gpu.chip().map(|chip| chip.architecture) {
            Some(Architecture::Blackwell) if knows_blackwell => MOST_TOKENS_ON_BLACKWELL,
            _ => MOST_TOKENS,
        }
    }

    /// How many there are: for each size one in pieces, around attention, and a whole one where a step of so many
    /// tokens may be of one kind (`FULL_AND_PIECEWISE`).
    pub fn count(&self) -> u64 {
        sizes_to(self.largest) + sizes_to(self.largest_whole)
    }

    /// What a server keeps back for them that uses `bytes_per_token` in a step [bytes]. vLLM captures a few of them
    /// into a pool that it throws away: what the largest works with, and at least a MiB for each.
    pub(super) fn estimated_bytes(&self, bytes_per_token: f64) -> f64 {
        self.largest as f64 * bytes_per_token + self.count() as f64 * LEAST_BYTES
    }
}

/// The sizes of at most so many tokens.
fn sizes_to(tokens: u64) -> u64 {
    let small = [1, 2, 4].iter().filter(|&&size| size <= tokens).count() as u64;
    let by_eight = tokens.min(255) / 8;
    let by_sixteen = if tokens < 256 { 0 } else { (tokens - 256) / 16 + 1 };
    small + by_eight + by_sixteen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphs_grow_with_drafts_and_end_at_the_step_and_the_limit() {
        let largest = |requests, drafts, tokens, most| CudaGraphs::new(requests, drafts, tokens, most).largest;
        assert_eq!(largest(8, 0, 8192, 512), 16);
        assert_eq!(largest(8, 3, 8192, 512), 64);
        assert_eq!(largest(256, 0, 8192, 512), 512);
        assert_eq!(largest(1024, 7, 8192, 1024), 1024);
        assert_eq!(largest(1024, 0, 300, 512), 300);
        let asked = |asked, tokens| CudaGraphs::up_to(asked, 8, 0, tokens);
        assert_eq!([asked(2048, 8192).largest, asked(2048, 8192).largest_whole], [2048, 8]);
        assert_eq!(asked(2048, 1024).largest, 1024);
        assert_eq!(asked(0, 8192).count(), 0);
    }

    #[test]
    fn sizes_are_those_of_the_list() {
        // 1, 2, 4; 8 to 248; 256 to 512 or 1024.
        let count = |requests, most| CudaGraphs::new(requests, 0, 8192, most).count();
        assert_eq!(count(1024, 512), 2 * (3 + 31 + 17));
        assert_eq!(count(1024, 1024), 2 * (3 + 31 + 49));
        assert_eq!(count(256, 512), (3 + 31 + 17) + (3 + 31 + 1));
        assert_eq!(count(4, 512), (3 + 1) + 3);
        assert_eq!(sizes_to(0), 0);
    }
}
