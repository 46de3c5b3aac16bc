//! Kernels that multiply tokens with weights: what is measured belongs to a format and to a kernel.

/// A kernel, or a family of them, by the format of the weights that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightKernel {
    /// 16 bits; what is known of no other kernel takes its coefficients.
    Plain,
    /// 8-bit floats with a scale for a matrix or a channel, activations in 8 bits.
    Fp8,
    /// 8-bit floats with a scale for each block of 128 x 128, activations in 8 bits.
    Fp8Block,
    /// NVIDIA's 4-bit floats, activations in 4 bits.
    Nvfp4,
    /// 4-bit integers, unpacked on the way (Marlin).
    Marlin,
    /// 4-bit microscaling floats, unpacked on the way by Marlin.
    Mxfp4Marlin,
    /// The same by `OpenAI`'s Triton kernels.
    Mxfp4Triton,
    /// 4-bit microscaling floats times activations in 8 bits, by the kernels of TensorRT-LLM in `FlashInfer`, for
    /// Blackwell: what published deployments of vLLM ask for by `VLLM_USE_FLASHINFER_MOE_MXFP4_MXFP8`, and TensorRT-LLM
    /// and `SGLang` are remembered to run. vLLM's own default keeps 16 bits and is slower; no setting tells them apart.
    Mxfp4FlashInfer,
}

impl WeightKernel {
    /// Every kernel, in the order of this list.
    pub const ALL: [Self; 8] = [
        Self::Plain,
        Self::Fp8,
        Self::Fp8Block,
        Self::Nvfp4,
        Self::Marlin,
        Self::Mxfp4Marlin,
        Self::Mxfp4Triton,
        Self::Mxfp4FlashInfer,
    ];

    /// The name in GPU files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "bf16",
            Self::Fp8 => "fp8",
            Self::Fp8Block => "fp8-block",
            Self::Nvfp4 => "nvfp4",
            Self::Marlin => "int4",
            Self::Mxfp4Marlin => "mxfp4-marlin",
            Self::Mxfp4Triton => "mxfp4-triton",
            Self::Mxfp4FlashInfer => "mxfp4-flashinfer",
        }
    }

    /// Whether activations are quantised on the way into products, which their tables include.
    pub const fn quantises(self) -> bool {
        matches!(self, Self::Fp8 | Self::Fp8Block | Self::Nvfp4)
    }

    /// Whether engines quantise with what stands before a product (norm, activation) instead, where its scales are
    /// known beforehand or belong to a row. Scales of blocks are not: nvfp4's kernels of their own show in closed loops
    /// of Llama-3.1-70B on one B200, with vLLM 0.10.2 and TensorRT-LLM 1.1.
    pub const fn fuses_quantising(self) -> bool {
        matches!(self, Self::Fp8)
    }
}
