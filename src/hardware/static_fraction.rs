//! The share of a GPU's memory that SGLang gives weights and KV cache together (`mem_fraction_static`), by default.
//!
//! SGLang runs nothing to find out what steps need: it keeps back what is not in this share (0.5.23,
//! `srt/arg_groups/memory_hook.py`, `srt/mem_cache/kv_cache_configurator.py`).

use super::{Gpu, Model};

const MIB: f64 = (1u64 << 20) as f64;
/// What the driver reports beyond what the runtime does, on GPUs from 24 to 180 GiB about this [MiB].
const DRIVER_MIB: f64 = 512.0;
/// Kept back whatever the GPU [MiB].
const ALWAYS_MIB: f64 = 512.0;
/// Kept back for each token of a chunk, of at least [`LEAST_CHUNK`] [MiB].
const CHUNK_TOKEN_MIB: f64 = 1.5;
const LEAST_CHUNK: u32 = 2048;
/// Kept back for each GPU that shares the model [MiB].
const GPU_MIB: f64 = 128.0;
/// Kept back for each request of the largest decode graph [MiB].
const GRAPH_REQUEST_MIB: f64 = 2.0;
/// Kept back for each size of a graph of prompts, or for all with latent attention [MiB].
const PROMPT_GRAPH_MIB: f64 = 8.0;
const LATENT_GRAPHS_MIB: f64 = 1536.0;
/// Kept back at least on GPUs of more than 60 GiB [MiB].
const LEAST_ON_LARGE_MIB: f64 = 10_240.0;
/// What models that see have of the share.
const OF_MODELS_THAT_SEE: f64 = 0.95;

/// GPUs with less than so many GiB, the tokens of a chunk, and the requests of the largest decode graph on fewer than
/// four GPUs and on more.
const TIERS: [(f64, u32, [u32; 2]); 5] = [
    (20.0, 2048, [8, 8]),
    (35.0, 4096, [48, 160]),
    (60.0, 4096, [32, 160]),
    (160.0, 8192, [256, 512]),
    (f64::INFINITY, 16_384, [512, 512]),
];

/// The default of `mem_fraction_static`, to three digits as SGLang has it. `chunk` is `chunked_prefill_size`, if it
/// was set.
pub fn default_static_fraction(gpu: &Gpu, model: &Model, tensor_parallel: u32, chunk: Option<u32>) -> f64 {
    let mib = gpu.memory_bytes() as f64 / MIB + DRIVER_MIB;
    let gib = mib / 1024.0;
    let tier = TIERS
        .iter()
        .find(|tier| gib < tier.0)
        .expect("the last tier has no end");
    let chunk = chunk.unwrap_or(tier.1);
    let requests = tier.2[usize::from(tensor_parallel >= 4)];
    let graphs = if model.has_latent_attention() {
        LATENT_GRAPHS_MIB
    } else {
        PROMPT_GRAPH_MIB * f64::from(prompt_graphs(chunk))
    };
    let reserve = ALWAYS_MIB
        + CHUNK_TOKEN_MIB * f64::from(chunk.max(LEAST_CHUNK))
        + GPU_MIB * f64::from(tensor_parallel)
        + GRAPH_REQUEST_MIB * f64::from(requests)
        + graphs;
    let reserve = if gib > 60.0 {
        reserve.max(LEAST_ON_LARGE_MIB)
    } else {
        reserve
    };
    let of_all = if model.vision().is_some() {
        OF_MODELS_THAT_SEE
    } else {
        1.0
    };
    let share = (mib - reserve) / mib * of_all;
    ((share * 1000.0).round() / 1000.0).max(0.001)
}

/// Sizes of graphs of prompts: by 4 to 32, by 16 to 256, by 32 to 512, by 64 to 1024, by 256 to 4096, then by 512; to
/// the largest chunk. Such counts give the defaults that SGLang has on eight GPUs.
fn prompt_graphs(chunk: u32) -> u32 {
    let steps = [(32, 4), (256, 16), (512, 32), (1024, 64), (4096, 256), (u32::MAX, 512)];
    let mut from = 0;
    let mut sizes = 0;
    for (to, by) in steps {
        sizes += (chunk.min(to).saturating_sub(from)) / by;
        from = to;
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompt_graphs_are_counted_to_the_chunk() {
        assert_eq!(prompt_graphs(4), 1);
        assert_eq!([2048, 4096, 8192].map(prompt_graphs), [42, 50, 58]);
    }
}
