//! All-reduces that are one kernel with the residual sum and the norm behind them, as TensorRT-LLM has them and vLLM
//! and SGLang through `FlashInfer` (`trtllm_allreduce_fusion`).

use crate::hardware::{AllReduceKernels, Architecture, Gpu};

/// Up to which sizes they are used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FusedAllReduce {
    /// What one takes before any byte, less the kernel of the norm that it replaces [us].
    micros: f64,
    /// To here each GPU reads all of the others' bytes [bytes].
    most_in_one_stage: f64,
    /// To here it reduces and gathers a part; beyond they are not used [bytes].
    most: f64,
}

const MIB: f64 = 1_048_576.0;

impl FusedAllReduce {
    /// Those of so many GPUs that take `micros` before any byte; `None` where there are none (vLLM,
    /// `compilation/collective_fusion.py` and `config/compilation.py`: Hopper and Blackwell in data centres, 2, 4 or 8 of
    /// them).
    pub fn of(gpu: &Gpu, gpus: u64, micros: f64) -> Option<Self> {
        let [one_stage, most] = match (gpu.chip()?.architecture, gpus) {
            (Architecture::Hopper | Architecture::Blackwell, 2) => [32.0, 64.0],
            (Architecture::Hopper, 4) => [2.0, 2.0],
            (Architecture::Hopper, 8) => [0.5, 0.5],
            (Architecture::Blackwell, 4) => [4.0, 32.0],
            (Architecture::Blackwell, 8) => [1.0, 1.0],
            _ => return None,
        };
        Some(Self {
            micros,
            most_in_one_stage: one_stage * MIB,
            most: most * MIB,
        })
    }

    /// One of `bytes` between `gpus` GPUs over a link of `link_bytes` per microsecond and direction [us]; `None` beyond
    /// the largest.
    pub fn micros(&self, kernels: &AllReduceKernels, link_bytes: f64, gpus: f64, bytes: f64) -> Option<f64> {
        if bytes > self.most {
            return None;
        }
        let fraction = if gpus > 2.0 {
            kernels.bandwidth_of_many
        } else {
            kernels.bandwidth
        };
        let one_way = bytes * (gpus - 1.0) / (link_bytes * fraction);
        if bytes <= self.most_in_one_stage {
            Some(self.micros + one_way)
        } else {
            Some(2.0 * self.micros + 2.0 * one_way / gpus)
        }
    }
}
