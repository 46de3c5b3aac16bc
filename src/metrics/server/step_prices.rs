//! What tells the parts of a step's time from the sums over its batch.

use std::sync::Arc;

use crate::engine::StepRun;
use crate::step_time::{Launching, StepTime, StepsOnGpu};
use crate::units::Span;

/// What it takes to tell the parts of steps from their sums.
#[derive(Clone, Debug)]
pub struct StepPrices {
    /// What the model's steps take on the GPU.
    pub gpu: Arc<StepsOnGpu>,
    /// CPU time of each step.
    pub cpu_per_step: Span,
    /// CPU time of each request in a step.
    pub cpu_per_request: Span,
    /// Whether the CPU works beside the GPU, so that only what it takes longer shows.
    pub hides_cpu: bool,
    /// How kernels come to the GPU.
    pub launching: Launching,
    /// Whether a drafter has passes in each step.
    pub has_drafts: bool,
    /// Whether steps may take longer than they should: a fault slows servers, or they have just been started.
    pub may_be_slow: bool,
}

impl StepPrices {
    /// What steps took of the GPU, as far as that does not follow from sums alone [ps].
    #[inline(always)]
    pub(super) fn on_gpu(&self, run: &StepRun<'_>) -> u64 {
        let takes = run.takes.picos();
        if self.has_drafts || self.may_be_slow {
            return self.priced(run);
        }
        if run.shape.prefill > 0 {
            return self.with_prompts(run);
        }
        if !self.hides_cpu {
            return takes.saturating_sub(self.cpu(run).saturating_mul(run.steps));
        }
        let cpu = self.cpu(run);
        if run.ramp.first.picos() > cpu {
            return takes;
        }
        self.priced(run)
    }

    /// The same of steps with prompts, whose kernels the host may launch more slowly than they run: the GPU sets the
    /// pace unless a step takes no longer than the host does.
    #[inline(always)]
    fn with_prompts(&self, run: &StepRun<'_>) -> u64 {
        let (launching, cpu) = (self.launching.of(run.shape).picos(), self.cpu(run));
        let (least, extra) = if self.hides_cpu {
            (launching.max(cpu), 0)
        } else {
            (launching, cpu)
        };
        if run.ramp.first.picos() <= least.saturating_add(extra) {
            return self.priced(run);
        }
        run.takes.picos().saturating_sub(extra.saturating_mul(run.steps))
    }

    /// CPU time of one of these steps [ps].
    #[inline(always)]
    pub(super) const fn cpu(&self, run: &StepRun<'_>) -> u64 {
        let requests = self.cpu_per_request.picos().saturating_mul(run.shape.sequences as u64);
        requests.saturating_add(self.cpu_per_step.picos())
    }

    #[cold]
    fn priced(&self, run: &StepRun<'_>) -> u64 {
        let takes = if run.steps == 1 {
            self.gpu.step(run.shape)
        } else {
            self.gpu.ramp(run.shape).total(run.steps)
        };
        takes.picos()
    }
}
