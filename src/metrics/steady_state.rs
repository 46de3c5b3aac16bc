//! What of a run is left out of its latencies, throughput and queue depths.

use serde::Serialize;

use super::line::{Line, Phrase};
use super::meter::{Durations, Meter, ResultSection, Total, WholeRun};
use super::named_number::NamedNumber;
use super::recorder_settings::RecorderSettings;
use crate::units::PICOS_PER_SECOND;

/// The warm-up and the drain of a run, which are left out of latencies, throughput and queue depths; `None` if nothing
/// is. Of several runs, their means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SteadyState {
    /// Requests that came before the run had forgotten its empty start.
    pub warm_up_requests: f64,
    /// How long that took.
    pub warm_up_s: f64,
    /// From the last arrival to the end.
    pub drain_s: f64,
}

/// Takes what every meter may know of a run.
pub(super) struct SteadyStateMeter;

/// What was left out of one run, or of several.
#[derive(Clone, Debug, Default)]
pub(super) struct TrimmedRuns {
    runs: u32,
    /// How many of them were cut.
    cut: u32,
    requests: u64,
    warm_up_picos: u128,
    drain_picos: u128,
}

impl Meter for SteadyStateMeter {
    type Total = TrimmedRuns;

    fn new(_settings: &RecorderSettings<'_>) -> Self {
        Self
    }

    fn finish(self, run: &WholeRun) -> TrimmedRuns {
        TrimmedRuns {
            runs: 1,
            cut: run.window.picos.is_some().into(),
            requests: run.window.left_out_requests,
            warm_up_picos: run.window.warm_up_picos.into(),
            drain_picos: run.window.drain_picos.into(),
        }
    }
}

impl Total for TrimmedRuns {
    type Section = Option<SteadyState>;

    fn pool(&mut self, other: &Self) {
        self.runs += other.runs;
        self.cut += other.cut;
        self.requests += other.requests;
        self.warm_up_picos += other.warm_up_picos;
        self.drain_picos += other.drain_picos;
    }

    fn section(&self, _durations: &Durations) -> Option<SteadyState> {
        let mean_s = |picos: u128| picos as f64 / PICOS_PER_SECOND as f64 / f64::from(self.runs);
        (self.cut > 0).then(|| SteadyState {
            warm_up_requests: self.requests as f64 / f64::from(self.runs),
            warm_up_s: mean_s(self.warm_up_picos),
            drain_s: mean_s(self.drain_picos),
        })
    }
}

impl ResultSection for Option<SteadyState> {
    /// None: it says of what part of the run the others are.
    fn named_numbers() -> Vec<NamedNumber<Self>> {
        Vec::new()
    }

    fn lines(&self) -> Vec<Line> {
        use Phrase::{Number, Text};
        let Some(left_out) = self else {
            return Vec::new();
        };
        let line = Line::new("Window").with([
            Text("latencies, queue and rates are without the warm-up, "),
            Number(Some(left_out.warm_up_s)),
            Text(" s or "),
            Number(Some(left_out.warm_up_requests)),
            Text(" requests, and the drain, "),
            Number(Some(left_out.drain_s)),
            Text(" s"),
        ]);
        vec![line]
    }
}
