//! What kernels of some kind take on one deployment of what they take otherwise.

/// Factors on kernels, besides the one that holds for all of them (`kernel_scale` of the overheads).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KernelScales {
    /// In steps without prompts.
    pub decoding: f64,
    /// In steps that hold a part of a prompt.
    pub prompts: f64,
    /// Of routed experts, in all steps.
    pub experts: f64,
}

impl KernelScales {
    /// All as tables say.
    pub const NONE: Self = Self {
        decoding: 1.0,
        prompts: 1.0,
        experts: 1.0,
    };

    /// Whether kernels take the same in steps with prompts as in others.
    pub fn are_of_one_kind(&self) -> bool {
        self.decoding.total_cmp(&self.prompts).is_eq()
    }
}

impl Default for KernelScales {
    fn default() -> Self {
        Self::NONE
    }
}
