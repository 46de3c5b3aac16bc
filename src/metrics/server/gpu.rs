//! The GPUs: how busy they are, and what of their peak is used.

use serde::Serialize;

use super::gpu_work::{Utilisation, WorkDone};
use crate::engine::StepRun;
use crate::metrics::line::{Line, Phrase};
use crate::metrics::meter::{Durations, Meter, ResultSection, ServedRequest, StartOfSteps, Total, WholeRun, ratio};
use crate::metrics::named_number::{Better, NamedNumber};
use crate::metrics::recorder_settings::RecorderSettings;
use crate::step_time::LONGEST_STEP;
use crate::units::PICOS_PER_SECOND;

/// The GPUs, from the first arrival to the end, idle time included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct GpuSummary {
    pub busy_fraction: Option<f64>,
    pub steps: u64,
    /// Requests in a step, mean over steps. The finished rows of a static batch count, as they are computed still.
    pub mean_batch: Option<f64>,
    /// Operations that finished requests needed over those the GPUs could have done. What was computed again after a
    /// preemption, for padding, or to make drafts and for those refused, was not needed.
    pub model_flops_utilization: Option<f64>,
    /// Bytes of the model's weights and KV cache that steps read over those the GPUs could have read; not those of a
    /// draft model.
    pub memory_bandwidth_utilization: Option<f64>,
    /// Steps that would take longer than [`LONGEST_STEP`], and count as that long.
    #[serde(skip)]
    pub cut_steps: u64,
}

/// Adds up steps and what they compute and read.
pub(in crate::metrics) struct GpuMeter {
    work_done: Option<WorkDone>,
    total: GpuTotal,
}

/// Steps, and what they computed and read.
#[derive(Clone, Debug, Default)]
pub(in crate::metrics) struct GpuTotal {
    busy_picos: u128,
    steps: u64,
    cut_steps: u64,
    requests_in_steps: u128,
    utilisation: Option<Utilisation>,
}

impl Meter for GpuMeter {
    type Total = GpuTotal;

    fn new(settings: &RecorderSettings<'_>) -> Self {
        Self {
            work_done: settings.gpu_work.clone().map(WorkDone::none_of),
            total: GpuTotal::default(),
        }
    }

    #[inline(always)]
    fn finished(&mut self, request: &ServedRequest<'_>) {
        if let Some(work) = &mut self.work_done {
            work.finished(request.history);
        }
    }

    #[inline(always)]
    fn ran(&mut self, run: &StepRun<'_>, _at_start: StartOfSteps) {
        self.total.busy_picos += u128::from(run.takes.picos());
        self.total.steps += run.steps;
        if run.ramp.first >= LONGEST_STEP {
            self.total.cut_steps += run.steps;
        }
        self.total.requests_in_steps += u128::from(run.shape.sequences) * u128::from(run.steps);
        if let Some(work) = &mut self.work_done {
            work.ran(run);
        }
    }

    fn finish(self, _run: &WholeRun) -> GpuTotal {
        GpuTotal {
            utilisation: self.work_done.map(WorkDone::finish),
            ..self.total
        }
    }
}

impl Total for GpuTotal {
    type Section = GpuSummary;

    fn pool(&mut self, other: &Self) {
        self.busy_picos += other.busy_picos;
        self.steps += other.steps;
        self.cut_steps += other.cut_steps;
        self.requests_in_steps += other.requests_in_steps;
        if let (Some(mine), Some(theirs)) = (&mut self.utilisation, &other.utilisation) {
            mine.merge(theirs);
        }
    }

    fn section(&self, durations: &Durations) -> GpuSummary {
        let covered_s = durations.covered_picos as f64 / PICOS_PER_SECOND as f64;
        let used = |part: fn(Utilisation) -> (f64, f64)| {
            let (done, peak_per_s) = part(self.utilisation?);
            ratio(done, peak_per_s * covered_s)
        };
        GpuSummary {
            busy_fraction: ratio(self.busy_picos as f64, durations.covered_picos as f64),
            steps: self.steps,
            cut_steps: self.cut_steps,
            mean_batch: ratio(self.requests_in_steps as f64, self.steps as f64),
            model_flops_utilization: used(|work| (work.flops, work.peak_flops_per_s)),
            memory_bandwidth_utilization: used(|work| (work.bytes, work.peak_bytes_per_s)),
        }
    }
}

impl ResultSection for GpuSummary {
    fn named_numbers() -> Vec<NamedNumber<Self>> {
        use Better::{Higher, Neither};
        vec![
            NamedNumber::share("gpu.busy_fraction", Neither, |it| it.busy_fraction),
            NamedNumber::count("gpu.steps", Neither, |it| Some(it.steps)),
            NamedNumber::mean("gpu.mean_batch", Neither, |it| it.mean_batch),
            NamedNumber::share("gpu.model_flops_utilization", Higher, |it| it.model_flops_utilization),
            NamedNumber::share("gpu.memory_bandwidth_utilization", Neither, |it| {
                it.memory_bandwidth_utilization
            }),
        ]
    }

    fn lines(&self) -> Vec<Line> {
        use Phrase::{Count, Number, Share, Text};
        let line = Line::new("GPU")
            .with([
                Text("a step runs "),
                Share(self.busy_fraction),
                Text(" of the time (not a share of its capacity: tailcast capacity)"),
            ])
            .with([Count(Some(self.steps)), Text(" steps")])
            .with([Number(self.mean_batch), Text(" requests a step")])
            .with_known(self.model_flops_utilization, |flops| {
                [Share(Some(flops)), Text(" of peak FLOP/s")]
            })
            .with_known(self.memory_bandwidth_utilization, |bandwidth| {
                [Share(Some(bandwidth)), Text(" of peak memory bandwidth")]
            });
        vec![line]
    }
}
