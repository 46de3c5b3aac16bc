//! What a meter is: it hears one run, and what it heard pools with other runs and becomes a section of the result.

use super::latencies_of::LatenciesOf;
use super::line::Line;
use super::named_number::NamedNumber;
use super::population::Counts;
use super::recorder_settings::RecorderSettings;
use super::windows::Window;
use crate::engine::{Event, Finished, StepRun, Streamed};
use crate::policy::Moved;
use crate::stats::TimeWeighted;
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// Listens to one run for a few numbers. What happens is told to each meter in turn, without a virtual call; what a
/// meter does not listen for costs nothing.
pub(super) trait Meter: Sized {
    /// What it heard, of one run or of several pooled.
    type Total: Total;

    /// A meter for a run that is about to start.
    fn new(settings: &RecorderSettings<'_>) -> Self;

    /// A client sends a request.
    #[inline(always)]
    fn sent(&mut self, _request: &Request) {}

    /// Something happened to a request.
    #[inline(always)]
    fn on(&mut self, _heard: &HeardEvent<'_>) {}

    /// A request has all its tokens: told after [`Meter::on`], with what can be said of it.
    #[inline(always)]
    fn finished(&mut self, _request: &ServedRequest<'_>) {}

    /// Clients have got tokens in steps of this segment of the run.
    #[inline(always)]
    fn streamed(&mut self, _tokens: &Streamed, _segment: usize) {}

    /// Steps have ended, at whose start this was so.
    #[inline(always)]
    fn ran(&mut self, _run: &StepRun<'_>, _at_start: StartOfSteps) {}

    /// Blocks have begun to move between the memories of GPU and CPU.
    fn moved(&mut self, _moved: &Moved) {}

    /// What was heard of the run, which has ended.
    fn finish(self, run: &WholeRun) -> Self::Total;
}

/// What a meter heard in one run, or in several: sums and distributions.
pub(super) trait Total: Clone + std::fmt::Debug {
    /// What of it is reported.
    type Section: ResultSection;

    /// Adds another run of the same server. Rates and shares of a pool are those of all its time.
    fn pool(&mut self, other: &Self);

    /// What is reported, of runs that took so long together.
    fn section(&self, durations: &Durations) -> Self::Section;
}

/// Numbers that are reported together, in SI units.
pub(super) trait ResultSection: Sized {
    /// Those that studies can name.
    fn named_numbers() -> Vec<NamedNumber<Self>>;

    /// What the screen says of them by itself.
    fn lines(&self) -> Vec<Line> {
        Vec::new()
    }
}

/// Something that happened to a request.
pub(super) struct HeardEvent<'a> {
    pub(super) at: Time,
    pub(super) id: RequestId,
    pub(super) event: &'a Event,
    /// How many waited and ran just before.
    pub(super) before: Counts,
    /// The segment of the run that this instant belongs to; of the drain, the last one.
    pub(super) segment: usize,
}

/// What was so on a server when steps started there.
#[derive(Clone, Copy)]
pub(super) struct StartOfSteps {
    /// How many of its requests waited and ran.
    pub(super) counts: Counts,
    /// The place of its pool; 0 if all servers are alike.
    pub(super) pool: usize,
}

/// A request that has all its tokens.
pub(super) struct ServedRequest<'a> {
    pub(super) history: &'a Finished,
    pub(super) latencies: LatenciesOf,
    /// The segment of the run in which it came.
    pub(super) segment: usize,
    /// The segment in which it finished; `None` if that was in the drain.
    pub(super) finished_in: Option<usize>,
}

/// What all meters may know of a run that has ended.
#[derive(Clone)]
pub(super) struct WholeRun {
    pub(super) durations: Durations,
    /// Requests in the server at the end.
    pub(super) at_end: Counts,
    /// What of it counts for latencies, throughput and queue depths.
    pub(super) window: Window,
    /// Requests waiting over time.
    pub(super) waiting: TimeWeighted,
    /// Requests running over time.
    pub(super) running: TimeWeighted,
}

/// How long a run took, or several together.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "all are in picoseconds")]
pub(super) struct Durations {
    /// From the first arrival to the last finish.
    pub(super) serving_picos: u128,
    /// The time in which what counts was served: all of it, or without warm-up and drain.
    pub(super) served_picos: u128,
    /// From the first arrival to the end of what time-weighted numbers cover: the last finish, a later arrival that was
    /// rejected or, if the run was stopped before all requests had ended, the last step or event.
    pub(super) covered_picos: u128,
}

impl Durations {
    pub(super) const fn pool(&mut self, other: &Self) {
        self.serving_picos += other.serving_picos;
        self.served_picos += other.served_picos;
        self.covered_picos += other.covered_picos;
    }
}

/// `part / whole`; `None` of nothing.
pub(super) fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}
