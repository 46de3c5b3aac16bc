//! What weights take on a GPU beyond their parameters, because kernels want them padded or want copies.

use super::{
    Architecture, Attention, ExpertLayer, FeedForward, LatentAttention, LinearKind, MemoryRequest, WeightPrecision,
};

/// Values that share a scale in mxfp4.
const SCALED_TOGETHER: u64 = 32;

/// Beyond the parameters' own size, on one GPU [bytes].
pub(super) fn extra_bytes(request: &MemoryRequest) -> u64 {
    let gpus = u64::from(request.tensor_parallel.max(1));
    let groups = request.model.layers().iter();
    let bytes = groups.map(|group| {
        let of_experts = match &group.feed_forward {
            FeedForward::Experts(layer) if request.weights == WeightPrecision::Mxfp4 => {
                extra_of_experts(layer, request)
            }
            _ => 0,
        };
        let of_attention = match &group.attention {
            Attention::Latent(latent) if is_attention_quantised(request) => expanded_twice(latent, gpus),
            _ => 0,
        };
        group.count * (of_experts + of_attention)
    });
    bytes.sum()
}

/// Latent attention decodes on the compressed vectors, for which it keeps the expanding matrix once more in 16 bits if
/// it is quantised (vLLM 0.19, `process_weights_after_loading` in `layers/attention/mla_attention.py`).
const fn expanded_twice(latent: &LatentAttention, gpus: u64) -> u64 {
    let heads = latent.heads.div_ceil(gpus);
    2 * latent.kv_rank * heads * (latent.nope_head_dim + latent.value_head_dim)
}

fn is_attention_quantised(request: &MemoryRequest) -> bool {
    let precision = request.model.precision(LinearKind::Attention, request.weights);
    precision != WeightPrecision::Bf16
}

/// Experts in mxfp4, laid out for the kernels of the GPU (vLLM 0.15, `layers/quantization/mxfp4.py`; 0.19,
/// `fused_moe/oracle/mxfp4.py`).
fn extra_of_experts(layer: &ExpertLayer, request: &MemoryRequest) -> u64 {
    let gpus = u64::from(request.tensor_parallel.max(1));
    let width = layer.intermediate.div_ceil(gpus);
    let hidden = layer.outer_width(request.model.hidden_size());
    let counted = 3 * hidden * width;
    let counted = counted / 2 + counted / SCALED_TOGETHER;
    let one = match request.gpu.chip().map(|chip| chip.architecture) {
        Some(Architecture::Hopper) => {
            let biases = u64::from(layer.expert_bias) * 2 * (2 * width + hidden);
            of_triton(hidden, width, request.start_up.pads_mxfp4) + biases
        }
        Some(Architecture::Blackwell | Architecture::Cdna3 | Architecture::Cdna4) => padded(hidden, width, (256, 256)),
        _ => padded(hidden, width, (256, 128)),
    };
    layer.experts * one.saturating_sub(counted)
}

/// One expert with both sides of its matrices padded: of `FlashInfer` and on `ROCm`, or of Marlin [bytes].
fn padded(hidden: u64, width: u64, (of_hidden, of_width): (u64, u64)) -> u64 {
    let values = 3 * hidden.next_multiple_of(of_hidden) * width.next_multiple_of(of_width);
    values / 2 + values / SCALED_TOGETHER
}

/// One expert as `OpenAI`'s Triton kernels have it on Hopper: scales once as loaded, which nobody deletes, and once
/// with rows padded to 256; values with both sides padded to 64 bytes in newer releases (`HopperMXValueLayout`,
/// `HopperMXScaleLayout` in `triton_kernels`) [bytes].
fn of_triton(hidden: u64, width: u64, pads_values: bool) -> u64 {
    let width = width.next_multiple_of(64);
    // Columns, along which values share scales, and rows: gate and up, then down.
    let matrices = [(hidden, 2 * width), (width, hidden)];
    let bytes = matrices.map(|(columns, rows)| {
        let scales = columns.div_ceil(SCALED_TOGETHER);
        let laid_out = scales.next_multiple_of(2) * rows.next_multiple_of(256);
        let values = if pads_values {
            columns.div_ceil(2).next_multiple_of(64) * rows.next_multiple_of(64)
        } else {
            columns.div_ceil(2) * rows
        };
        values + scales * rows + laid_out
    });
    bytes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An expert of gpt-oss-20b: 2,880 wide, 2,880 between its projections.
    #[test]
    fn an_expert_on_hopper_keeps_its_scales_twice() {
        let values = 1440 * 5760 + 1440 * 2880;
        let scales = 90 * 5760 + 90 * 2880;
        let laid_out = 90 * 5888 + 90 * 3072;
        assert_eq!(of_triton(2880, 2880, false), values + scales + laid_out);
        let wider = 1472 * 5760 + 1472 * 2880;
        assert_eq!(of_triton(2880, 2880, true), wider + scales + laid_out);
        // Shared by two GPUs the width of 1,440 becomes 1,472.
        let half = 1472 * 2944 + 768 * 2880;
        let scales = 90 * 2944 + 46 * 2880;
        assert_eq!(of_triton(2880, 1440, true), half + scales + 90 * 3072 + 46 * 3072);
    }

    #[test]
    fn other_kernels_pad_both_sides() {
        let values = 3 * 3072 * 3072;
        assert_eq!(padded(2880, 2880, (256, 256)), values / 2 + values / 32);
        let values = 3 * 3072 * 1536;
        assert_eq!(padded(2880, 1440, (256, 128)), values / 2 + values / 32);
    }
}
