//! How many requests wait and run, over time.

use serde::Serialize;

use crate::metrics::line::{Line, Phrase};
use crate::metrics::meter::{Durations, Meter, ResultSection, Total, WholeRun};
use crate::metrics::named_number::{Better, NamedNumber};
use crate::metrics::recorder_settings::RecorderSettings;
use crate::stats::TimeWeighted;

/// Requests in the server over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct QueueSummary {
    pub depth: TimeWeightedSummary,
    pub running: TimeWeightedSummary,
}

/// A step function of time, weighted with time; `None` of no time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct TimeWeightedSummary {
    pub mean: Option<f64>,
    pub p50: Option<u64>,
    pub p90: Option<u64>,
    pub p99: Option<u64>,
    pub max: Option<u64>,
}

/// Takes what every meter may know of a run: how many waited and ran.
pub(in crate::metrics) struct QueueMeter;

/// Both counts over time.
#[derive(Clone, Debug)]
pub(in crate::metrics) struct QueueOverTime {
    depth: TimeWeighted,
    running: TimeWeighted,
}

impl Meter for QueueMeter {
    type Total = QueueOverTime;

    fn new(_settings: &RecorderSettings<'_>) -> Self {
        Self
    }

    fn finish(self, run: &WholeRun) -> QueueOverTime {
        QueueOverTime {
            depth: run.waiting.clone(),
            running: run.running.clone(),
        }
    }
}

impl Total for QueueOverTime {
    type Section = QueueSummary;

    fn pool(&mut self, other: &Self) {
        self.depth.merge(&other.depth);
        self.running.merge(&other.running);
    }

    fn section(&self, _durations: &Durations) -> QueueSummary {
        QueueSummary {
            depth: TimeWeightedSummary::of(&self.depth),
            running: TimeWeightedSummary::of(&self.running),
        }
    }
}

impl TimeWeightedSummary {
    fn of(values: &TimeWeighted) -> Self {
        Self {
            mean: values.mean(),
            p50: values.quantile(500),
            p90: values.quantile(900),
            p99: values.quantile(990),
            max: values.max(),
        }
    }
}

impl ResultSection for QueueSummary {
    fn named_numbers() -> Vec<NamedNumber<Self>> {
        use Better::{Lower, Neither};
        vec![
            NamedNumber::mean("queue.depth.mean", Lower, |it| it.depth.mean),
            NamedNumber::count("queue.depth.p50", Lower, |it| it.depth.p50),
            NamedNumber::count("queue.depth.p90", Lower, |it| it.depth.p90),
            NamedNumber::count("queue.depth.p99", Lower, |it| it.depth.p99),
            NamedNumber::count("queue.depth.max", Lower, |it| it.depth.max),
            NamedNumber::mean("queue.running.mean", Neither, |it| it.running.mean),
            NamedNumber::count("queue.running.p50", Neither, |it| it.running.p50),
            NamedNumber::count("queue.running.p90", Neither, |it| it.running.p90),
            NamedNumber::count("queue.running.p99", Neither, |it| it.running.p99),
            NamedNumber::count("queue.running.max", Neither, |it| it.running.max),
        ]
    }

    fn lines(&self) -> Vec<Line> {
        use Phrase::{Count, Number, Text};
        let depth = &self.depth;
        let line = Line::new("Queue")
            .with([Text("depth mean "), Number(depth.mean)])
            .with([Text("p50 "), Count(depth.p50)])
            .with([Text("p90 "), Count(depth.p90)])
            .with([Text("p99 "), Count(depth.p99)])
            .with([Text("max "), Count(depth.max), Text(" requests waiting, over time")]);
        vec![line]
    }
}
