//! How often requests were sent again, and what became of attempts that were not answered.

use serde::Serialize;

use crate::engine::{Event, Loss};
use crate::metrics::line::{Line, Phrase};
use crate::metrics::meter::{Durations, HeardEvent, Meter, ResultSection, Total, WholeRun};
use crate::metrics::named_number::{Better, NamedNumber, PlaceInList};
use crate::metrics::recorder_settings::RecorderSettings;

/// Attempts of all requests, from the start of the run to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AttemptCounts {
    /// All that were sent: first ones, retries and hedges.
    pub attempts: u64,
    /// Those that were sent after one that came to nothing.
    pub retries: u64,
    /// Those that were sent beside another.
    pub hedged: u64,
    /// Those that were lost with their server, or because it could not be reached.
    pub lost: u64,
    /// Those that were refused, as too many waited.
    pub refused: u64,
    /// Those that their clients gave up.
    pub given_up: u64,
    /// Those that nobody needed any more, as another one was answered.
    pub unneeded: u64,
}

/// Counts attempts.
pub(in crate::metrics) struct AttemptsMeter(AttemptCounts);

impl Meter for AttemptsMeter {
    type Total = AttemptCounts;

    fn new(_settings: &RecorderSettings<'_>) -> Self {
        Self(AttemptCounts::default())
    }

    #[inline(always)]
    fn on(&mut self, heard: &HeardEvent<'_>) {
        let counts = &mut self.0;
        match *heard.event {
            Event::Arrived { .. } => counts.attempts += 1,
            Event::SentAgain { hedges } => {
                counts.attempts += 1;
                if hedges {
                    counts.hedged += 1;
                } else {
                    counts.retries += 1;
                }
            }
            Event::Aborted { .. } => counts.given_up += 1,
            Event::Lost { why, .. } => match why {
                Loss::Failure => counts.lost += 1,
                Loss::Refused => counts.refused += 1,
                Loss::TimedOut => counts.given_up += 1,
                Loss::Unneeded => counts.unneeded += 1,
            },
            _ => {}
        }
    }

    fn finish(self, _run: &WholeRun) -> AttemptCounts {
        self.0
    }
}

impl Total for AttemptCounts {
    type Section = Self;

    fn pool(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.retries += other.retries;
        self.hedged += other.hedged;
        self.lost += other.lost;
        self.refused += other.refused;
        self.given_up += other.given_up;
        self.unneeded += other.unneeded;
    }

    fn section(&self, _durations: &Durations) -> Self {
        *self
    }
}

impl ResultSection for AttemptCounts {
    fn named_numbers() -> Vec<NamedNumber<Self>> {
        use Better::{Lower, Neither};
        let all = [
            NamedNumber::count("fleet.attempts", Neither, |it: &Self| Some(it.attempts)),
            NamedNumber::count("fleet.retries", Lower, |it: &Self| Some(it.retries)),
            NamedNumber::count("fleet.hedged", Neither, |it: &Self| Some(it.hedged)),
            NamedNumber::count("fleet.lost", Lower, |it: &Self| Some(it.lost)),
            NamedNumber::count("fleet.refused", Lower, |it: &Self| Some(it.refused)),
            NamedNumber::count("fleet.given_up", Lower, |it: &Self| Some(it.given_up)),
        ];
        all.into_iter().map(|number| number.at(PlaceInList::Last)).collect()
    }

    fn lines(&self) -> Vec<Line> {
        use Phrase::{Count, Text};
        let is_plain = self.retries + self.hedged + self.lost + self.refused == 0;
        if is_plain {
            return Vec::new();
        }
        let line = Line::new("Attempts").with([Count(Some(self.attempts)), Text(" sent")]);
        let parts = [
            (self.retries, " of them retries"),
            (self.hedged, " of them hedges"),
            (self.lost, " lost with servers"),
            (self.refused, " refused"),
            (self.given_up, " given up"),
        ];
        let known = parts.into_iter().filter(|(count, _)| *count > 0);
        vec![known.fold(line, |line, (count, text)| line.with([Count(Some(count)), Text(text)]))]
    }
}
