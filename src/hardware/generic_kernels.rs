//! What kernels reach on a GPU that nobody has measured: for products, attention and all-reduces over `NVLink` medians
//! of the `[kernels]` tables in `configs/gpus`, for the rest what lies in the middle of those of the larger ones.

use super::{
    AllReduceKernels, AttentionKernels, ByRows, ExpertKernels, LatentKernels, LinearKernels, LinkKind, WeightKernel,
};

impl LinearKernels {
    /// Of a GPU known by its datasheet only.
    pub const GENERIC: Self = Self {
        bandwidth: 0.85,
        flops: 0.80,
        micros: 3.8,
        overlap: 3.1,
        sustained: 0.9,
        full_outputs: 609.0,
        quantising: 0.0,
        by_rows: ByRows::NONE,
    };

    /// Of such a kernel, where nobody has measured it.
    pub const fn generic(kernel: WeightKernel) -> Self {
        let (bandwidth, flops, micros, overlap, full_outputs, quantising) = match kernel {
            WeightKernel::Fp8 => (0.85, 0.67, 5.8, 2.0, 3816.0, 6.3),
            WeightKernel::Fp8Block => (0.92, 0.65, 5.0, 1.9, 3281.0, 0.0),
            WeightKernel::Nvfp4 => (0.82, 0.49, 8.9, 1.8, 5469.0, 1.3),
            _ => return Self::GENERIC,
        };
        Self {
            bandwidth,
            flops,
            micros,
            overlap,
            full_outputs,
            quantising,
            ..Self::GENERIC
        }
    }
}

impl AttentionKernels {
    /// Of a GPU known by its datasheet only.
    pub const GENERIC: Self = Self {
        micros: 10.0,
        micros_per_head: 0.0065,
        bandwidth: 0.91,
        key_bytes: 0.0,
        window_micros: 0.0,
        window_micros_per_head: 0.0,
        flops: 0.67,
        narrowness: 0.36,
        pairs_per_query: 449.0,
        mixed: None,
    };
}

impl LatentKernels {
    /// Of a GPU known by its datasheet only.
    pub const GENERIC: Self = Self {
        micros: 60.0,
        served_micros: 60.0,
        micros_per_request: 0.09,
        micros_per_head: 0.004,
        bandwidth: 0.88,
        decode_flops: 0.68,
        flops: 0.90,
        pairs_per_query: 1900.0,
    };
}

impl ExpertKernels {
    /// Of a GPU known by its datasheet only.
    pub const GENERIC: Self = Self {
        micros: 39.0,
        alone_micros: 24.0,
        bandwidth: 0.90,
        flops: 0.70,
        overlap: 1.5,
        moves: 4.0,
        by_rows: ByRows::NONE,
    };
}

impl ExpertKernels {
    /// Of mxfp4 with activations in 8 bits, which was measured on the B200 alone.
    pub const MXFP4_FLASHINFER: Self = Self {
        micros: 31.9,
        alone_micros: 24.6,
        bandwidth: 0.85,
        flops: 0.41,
        overlap: 1.4,
        moves: 3.4,
        by_rows: ByRows::new([0.90, 0.90, 0.88, 1.04, 1.40, 1.30, 1.33, 0.90, 0.88, 1.0]),
    };
}

impl AllReduceKernels {
    /// Of GPUs known by their datasheet only.
    pub const fn generic(link: LinkKind) -> Self {
        match link {
            LinkKind::NvLink | LinkKind::Xgmi => Self {
                micros: 5.3,
                micros_per_doubling: 0.4,
                bandwidth: 0.54,
                bandwidth_of_many: 0.62,
            },
            // Of Ethernet nothing has been measured: no faster than the slowest that was.
            LinkKind::Pcie | LinkKind::Ethernet => Self {
                micros: 12.0,
                micros_per_doubling: 4.7,
                bandwidth: 0.40,
                bandwidth_of_many: 0.10,
            },
        }
    }
}
