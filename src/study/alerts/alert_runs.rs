//! Runs in which rules are tried.

use crate::engine::{Event, FleetSize, Observer, ServerChange, ServerId, StepRun};
use crate::metrics::{ExposedRun, LastHeard};
use crate::study::bounds::Bounds;
use crate::study::control::Control;
use crate::study::exposition::exposition;
use crate::study::input::Input;
use crate::study::simulate;
use crate::study::stopped::Stopped;
use crate::units::{Span, Time};
use crate::workload::RequestId;

/// A run as a Prometheus sees it.
pub(super) struct AlertRun {
    pub(super) exposed: ExposedRun,
    /// When something failed [s].
    pub(super) failures_s: Vec<f64>,
}

impl AlertRun {
    /// How long it lasted [s].
    pub(super) fn seconds(&self) -> f64 {
        self.exposed.len() as f64 * self.exposed.interval().seconds()
    }

    /// How many requests ended in it.
    pub(super) fn requests(&self) -> f64 {
        let last = self.exposed.len().saturating_sub(1);
        let ended = self.exposed.family("tailcast:requests").into_iter();
        let series = ended.flat_map(|family| &family.series);
        series.map(|one| self.exposed.numbers(one, last)[0]).sum()
    }
}

const TOO_LONG: &str = "a run is too long to be scraped so often: leave the alerts out, or simulate less of it";

/// Runs the scenario with a seed, scraped every `interval`.
pub(super) fn alert_run(input: &Input, seed: u64, interval: Span, control: &Control) -> Result<AlertRun, Stopped> {
    let mut exposition = exposition(&input.scenario, Some(interval));
    let mut bounds = Bounds::default();
    bounds.heed(exposition.too_long(), TOO_LONG);
    let (mut failures, mut last) = (FailureTimes::default(), LastHeard::default());
    let also: Vec<&mut dyn Observer> = vec![&mut exposition, &mut failures, &mut last];
    let run = simulate::run(input, seed, also, control, &bounds)?;
    if run.replayed.is_stopped {
        return Err(Stopped::Interrupted);
    }
    let exposed = exposition.finish(last.0);
    bounds.check().map_err(|error| Stopped::failed(error.to_string()))?;
    Ok(AlertRun {
        exposed,
        failures_s: failures.0.into_iter().map(Time::seconds).collect(),
    })
}

/// When servers failed; those that failed together once.
#[derive(Default)]
struct FailureTimes(Vec<Time>);

impl Observer for FailureTimes {
    fn on(&mut self, _at: Time, _id: RequestId, _event: &Event) {}

    fn ran(&mut self, _run: &StepRun<'_>) {}

    fn server_changed(&mut self, at: Time, _server: ServerId, change: ServerChange, _size: FleetSize) {
        let fails = matches!(
            change,
            ServerChange::Crashed
                | ServerChange::Reclaimed
                | ServerChange::CutOff
                | ServerChange::Slowed
                | ServerChange::OutOfMemory
        );
        if fails && self.0.last() != Some(&at) {
            self.0.push(at);
        }
    }
}
