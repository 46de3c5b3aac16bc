//! What kernels of some kind take on one deployment of what they take otherwise.

use super::Execution;

/// Factors on kernels, besides the one that holds for all of them
/// ([`Overheads::kernel_scale`](super::Overheads::kernel_scale)).
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

impl Execution {
    /// How steps without prompts are run: their factor is one on all of their kernels.
    #[must_use]
    pub const fn of_decoding(self) -> Self {
        self.scaled(self.scales.decoding)
    }

    /// How steps with prompts are run.
    #[must_use]
    pub const fn of_prompts(self) -> Self {
        self.scaled(self.scales.prompts)
    }

    const fn scaled(mut self, factor: f64) -> Self {
        self.overheads.kernel_scale *= factor;
        self.scales.decoding = 1.0;
        self.scales.prompts = 1.0;
        self
    }
}

impl Default for KernelScales {
    fn default() -> Self {
        Self::NONE
    }
}
