//! Which kernel engines run for a model's weights on a GPU.

use super::{Architecture, Gpu, LinearKind, Model, WeightKernel, WeightPrecision};

/// What engines run for layers of one kind of a model with such weights. Microscaling floats run natively where a
/// GPU multiplies them and both sides are stored so; checkpoints that are published in them (gpt-oss) have
/// kernels of their own. On Hopper releases differ in what unpacks them (`has_triton_mxfp4`).
pub fn kernel_for(
    model: &Model,
    kind: LinearKind,
    weights: WeightPrecision,
    gpu: &Gpu,
    has_triton_mxfp4: bool,
) -> WeightKernel {
    let precision = model.precision(kind, weights);
    let architecture = gpu.chip().map(|chip| chip.architecture);
    let is_published = model.published().is_some_and(|published| published.main == weights);
    match precision {
        WeightPrecision::Mxfp4 if is_published => match architecture {
            Some(Architecture::Hopper) if has_triton_mxfp4 => WeightKernel::Mxfp4Triton,
            Some(Architecture::Blackwell) => WeightKernel::Mxfp4FlashInfer,
            _ => WeightKernel::Mxfp4Marlin,
        },
        WeightPrecision::Mxfp4 | WeightPrecision::Nvfp4 if gpu.multiplies(precision) => WeightKernel::Nvfp4,
        WeightPrecision::Mxfp4 => WeightKernel::Mxfp4Marlin,
        WeightPrecision::Int4 | WeightPrecision::Nvfp4 => WeightKernel::Marlin,
        WeightPrecision::Fp8 if !gpu.multiplies(precision) => WeightKernel::Plain,
        WeightPrecision::Fp8 if is_published && model.bits(kind, weights) > 8.0 => WeightKernel::Fp8Block,
        WeightPrecision::Fp8 => WeightKernel::Fp8,
        WeightPrecision::Mxfp8 if gpu.multiplies(precision) => WeightKernel::Fp8Block,
        WeightPrecision::Bf16 | WeightPrecision::Int8 | WeightPrecision::Mxfp8 | WeightPrecision::Nf4 => {
            WeightKernel::Plain
        }
    }
}

/// Peak arithmetic of what it multiplies, weights being stored in `precision` [operations/s].
pub fn peak_flops_in(kernel: WeightKernel, gpu: &Gpu, precision: WeightPrecision) -> f64 {
    match kernel {
        WeightKernel::Marlin | WeightKernel::Mxfp4Marlin | WeightKernel::Mxfp4Triton => gpu.peak().bf16,
        WeightKernel::Mxfp4FlashInfer => gpu.peak().fp8.unwrap_or(gpu.peak().bf16),
        WeightKernel::Plain | WeightKernel::Fp8 | WeightKernel::Fp8Block | WeightKernel::Nvfp4 => {
            gpu.peak_flops(precision)
        }
    }
}
