//! Whether a run is good enough: the one rule of every verb.

use super::class_to_record::ClassToRecord;
use super::meters::Summary;
use super::slo::{ServedNumber, ServedSlo, Slo, SloOutcome, SloResult};

/// The result of a run in a word. Of several that apply, the first in this order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An objective is missed, or more requests than may be were not served.
    SloMissed,
    /// No objective is missed, but the queue grew still at the end: longer runs would show longer latencies.
    Saturated,
    /// There are too few samples to judge an objective.
    SloUnknown,
    /// Nothing of this is so.
    Ok,
}

impl Verdict {
    /// The verdict on a run.
    pub fn on(slos: &[Slo], summary: &Summary) -> Self {
        let results = judged(slos, summary);
        let of_classes = summary.of_classes.as_ref().map(|worst| &worst.result);
        let outcomes = || results.iter().chain(of_classes).map(|result| result.outcome);
        let any = |outcome| outcomes().any(|it| it == outcome);
        if any(SloOutcome::Missed) {
            Self::SloMissed
        } else if !is_steady(summary) {
            Self::Saturated
        } else if any(SloOutcome::Unknown) {
            Self::SloUnknown
        } else {
            Self::Ok
        }
    }

    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SloMissed => "slo_missed",
            Self::Saturated => "saturated",
            Self::SloUnknown => "slo_unknown",
            Self::Ok => "ok",
        }
    }
}

/// The most requests that may be refused, fail or be given up by their clients where no objective says how many.
pub const USUAL_ERRORS: f64 = 0.01;

/// How each objective fared. Without one on success or errors, a run in which more than [`USUAL_ERRORS`] of the
/// requests were not served misses that too: its latencies are those of other requests than were asked about.
pub fn judged(slos: &[Slo], summary: &Summary) -> Vec<SloResult> {
    let mut results: Vec<SloResult> = slos.iter().map(|slo| slo.judge(summary)).collect();
    let is_said = |slo: &Slo| matches!(slo, Slo::Served(it) if it.of.is_share());
    if !slos.iter().any(is_said) {
        let usual = Slo::Served(ServedSlo {
            of: ServedNumber::Success,
            bound: 1.0 - USUAL_ERRORS,
        });
        let served = usual.judge(summary);
        results.extend((served.outcome == SloOutcome::Missed).then_some(served));
    }
    results
}

/// Whether a run is good enough: every objective is met, with a queue that does not grow to its end; `None` if there
/// are too few samples to tell or, of a run that is not found wanting, if there are no objectives.
pub(super) fn is_met(slos: &[Slo], summary: &Summary) -> Option<bool> {
    match Verdict::on(slos, summary) {
        Verdict::SloMissed => Some(false),
        Verdict::Saturated => has_objectives(slos, summary).then_some(false),
        Verdict::SloUnknown => None,
        Verdict::Ok => has_objectives(slos, summary).then_some(true),
    }
}

/// Whether what is asked for was shown to be met, for the exit code: without objectives it is if nothing is missed.
pub fn is_shown_met(slos: &[Slo], summary: &Summary) -> bool {
    match Verdict::on(slos, summary) {
        Verdict::SloMissed | Verdict::SloUnknown => false,
        Verdict::Saturated => !has_objectives(slos, summary),
        Verdict::Ok => true,
    }
}

/// Whether anything is asked for, of all requests or of those of a class.
pub fn asks_for_anything<'a>(of_all: &[Slo], classes: impl IntoIterator<Item = &'a ClassToRecord>) -> bool {
    !of_all.is_empty() || classes.into_iter().any(|class| !class.slos.is_empty())
}

/// Whether anything can be missed by a run: an objective, or that the clients of each class are served.
pub fn has_objectives(slos: &[Slo], summary: &Summary) -> bool {
    !slos.is_empty() || summary.of_classes.is_some()
}

/// Whether the queue does not grow to the end of a run. Numbers of one that does depend on how long it is.
pub fn is_steady(summary: &Summary) -> bool {
    !summary.saturation.is_some_and(|saturation| saturation.queue_grows)
}
