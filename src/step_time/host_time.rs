//! The CPU's work on each step: it decides the step, prepares its inputs and hands out its tokens.

use super::{DecodeLine, Launching, Ramp, StepShape, StepTime, saturation};
use crate::units::Span;

/// A step time with the CPU's part, which comes before each step or, where a step is decided while the one before still
/// runs, beside it (vLLM's `step` and `step_with_batch_queue` in `vllm/v1/engine/core.py`).
pub struct HostTime<Gpu> {
    /// The GPU's part.
    pub gpu: Gpu,
    /// CPU time of each step.
    pub per_step: Span,
    /// CPU time of each request in a step.
    pub per_sequence: Span,
    /// Whether the CPU works on a step while the GPU computes the one before: the longer of the two sets the pace.
    /// Where that is the CPU, a step ends here when the CPU is done with the next, later than the GPU is done with this
    /// one.
    pub ahead: bool,
    /// How the GPU's kernels come to it.
    pub launching: Launching,
}

impl<Gpu> HostTime<Gpu> {
    fn cpu(&self, shape: &StepShape) -> Span {
        let requests = u64::from(shape.sequences).saturating_mul(self.per_sequence.picos());
        saturation::step(requests.saturating_add(self.per_step.picos()))
    }
}

impl<Gpu: StepTime> HostTime<Gpu> {
    /// The least and the extra time of a step beside the GPU's.
    fn bounds(&self, shape: &StepShape) -> (Span, Span) {
        let (launching, cpu) = (self.launching.of(shape), self.cpu(shape));
        if self.ahead {
            (launching.max(cpu), Span::ZERO)
        } else {
            (launching, cpu)
        }
    }
}

impl<Gpu: StepTime> StepTime for HostTime<Gpu> {
    fn step(&self, shape: &StepShape) -> Span {
        let (least, extra) = self.bounds(shape);
        saturation::step(self.gpu.step(shape).max(least).picos() + extra.picos())
    }

    fn launch(&self, shape: &StepShape) -> Span {
        if self.ahead { self.cpu(shape) } else { Span::ZERO }
    }

    fn ramp(&self, shape: &StepShape) -> Ramp {
        let (least, extra) = self.bounds(shape);
        let gpu = self.gpu.ramp(shape);
        if gpu.first >= least {
            return saturation::ramp(gpu.first.picos() + extra.picos(), gpu.growth.picos(), gpu.len);
        }
        // The GPU waits for the host as long as its steps, which grow, are the shorter ones.
        let lead = least.picos() - gpu.first.picos();
        let shorter = lead.checked_div(gpu.growth.picos()).unwrap_or(u64::MAX);
        let len = gpu.len.min(shorter.saturating_add(1));
        saturation::ramp(least.picos() + extra.picos(), 0, len)
    }

    fn decode_line(&self, decoding: u32) -> Option<DecodeLine> {
        let (least, extra) = self.bounds(&StepShape::of_decoding(decoding));
        let gpu = self.gpu.decode_line(decoding)?;
        Some(DecodeLine {
            least: gpu.least.max(least.picos()),
            extra: gpu.extra.saturating_add(extra.picos()),
            ..gpu
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decode steps that take 1 us for each 100 tokens of context.
    struct ByContext;

    impl StepTime for ByContext {
        fn step(&self, shape: &StepShape) -> Span {
            Span::from_picos(shape.context * 10_000)
        }

        fn ramp(&self, shape: &StepShape) -> Ramp {
            Ramp {
                first: self.step(shape),
                growth: Span::from_picos(u64::from(shape.decoding) * 10_000),
                len: 1_000,
            }
        }
    }

    fn host(ahead: bool) -> HostTime<ByContext> {
        HostTime {
            gpu: ByContext,
            per_step: Span::from_micros(15),
            per_sequence: Span::from_micros(1),
            ahead,
            launching: Launching::default(),
        }
    }

    /// Two requests that decode with this context together.
    fn decoding(context: u64) -> StepShape {
        StepShape {
            decoding: 2,
            context,
            sequences: 2,
            sampling: 2,
            ..StepShape::default()
        }
    }

    #[test]
    fn the_cpu_works_before_the_gpu_or_beside_it() {
        // 20 us and 10 us of the GPU, 15 + 2 of the CPU.
        let times = |ahead| [2_000, 1_000].map(|context| host(ahead).step(&decoding(context)));
        assert_eq!(times(false), [37, 27].map(Span::from_micros));
        assert_eq!(times(true), [20, 17].map(Span::from_micros));
        let launches = [false, true].map(|ahead| host(ahead).launch(&decoding(2_000)));
        assert_eq!(launches, [0, 17].map(Span::from_micros));
    }

    #[test]
    fn ramps_agree_with_their_steps() {
        for ahead in [false, true] {
            for context in [1, 1_000, 1_699, 1_700, 1_701, 3_000] {
                let (host, shape) = (host(ahead), decoding(context));
                let ramp = host.ramp(&shape);
                assert!(ramp.len > 0);
                for step in 0..ramp.len {
                    assert_eq!(ramp.step(step), host.step(&shape.later(step)));
                }
            }
        }
        // 1,000, 1,002 ... 1,700 tokens take the GPU no longer than the CPU.
        assert_eq!(host(true).ramp(&decoding(1_000)).len, 351);
    }
}
