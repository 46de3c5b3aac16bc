//! How many requests came, and how they ended.

use serde::Serialize;

use crate::engine::Event;
use crate::metrics::meter::{Durations, HeardEvent, Meter, ResultSection, ServedRequest, Total, WholeRun, ratio};
use crate::metrics::named_number::{Better, NamedNumber, PlaceInList};
use crate::metrics::recorder_settings::RecorderSettings;
use crate::workload::Request;

/// How many requests came, and how they ended. `arrived` is the sum of the ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Requests {
    pub arrived: u64,
    pub finished: u64,
    pub rejected: u64,
    pub timed_out: u64,
    pub cancelled: u64,
    pub failed: u64,
    pub running_at_end: u64,
    pub waiting_at_end: u64,
    /// How often a request lost its blocks; not an end.
    pub preemptions: u64,
    /// Requests that were let in with less output than they would have, as prompt and output are longer together than
    /// the server allows; not an end.
    pub cut_at_max_model_len: u64,
    /// The share of the requests that have ended that were served; `None` if none has ended.
    pub success: Option<f64>,
    /// The share of them that were refused, failed, or given up by their clients.
    pub errors: Option<f64>,
}

/// Counts requests as they come and end.
#[derive(Clone)]
pub(in crate::metrics) struct RequestsMeter {
    requests: Requests,
    longest: u32,
    /// Whether the request that was sent last is longer than the server allows.
    is_too_long: bool,
    /// How many more requests have not ended than attempts are in a server or wait for one: those whose clients will
    /// try again, less attempts beside others.
    between_attempts: i64,
}

impl Meter for RequestsMeter {
    type Total = Requests;

    fn new(settings: &RecorderSettings<'_>) -> Self {
        Self {
            requests: Requests::default(),
            longest: settings.longest_request(),
            is_too_long: false,
            between_attempts: 0,
        }
    }

    #[inline(always)]
    fn sent(&mut self, request: &Request) {
        self.is_too_long = request.prompt.tokens() + request.answer_tokens() > self.longest;
    }

    #[inline(always)]
    fn on(&mut self, heard: &HeardEvent<'_>) {
        match heard.event {
            Event::Arrived { .. } => {
                self.requests.arrived += 1;
                self.requests.cut_at_max_model_len += u64::from(self.is_too_long);
            }
            Event::Rejected => {
                self.requests.arrived += 1;
                self.requests.rejected += 1;
            }
            Event::Preempted => self.requests.preemptions += 1,
            Event::Aborted { .. } => self.requests.timed_out += 1,
            Event::Lost { for_good: true, .. } => self.requests.failed += 1,
            Event::Lost { for_good: false, .. } => self.between_attempts += 1,
            Event::SentAgain { .. } => self.between_attempts -= 1,
            Event::Admitted { .. } | Event::FirstToken | Event::Token { .. } | Event::Finished(_) => {}
        }
    }

    #[inline(always)]
    fn finished(&mut self, _request: &ServedRequest<'_>) {
        self.requests.finished += 1;
    }

    fn finish(self, run: &WholeRun) -> Requests {
        let attempts = u64::from(run.at_end.waiting) + u64::from(run.at_end.running);
        let open = attempts.saturating_add_signed(self.between_attempts);
        let running_at_end = open.min(run.at_end.running.into());
        let requests = Requests {
            running_at_end,
            waiting_at_end: open - running_at_end,
            ..self.requests
        };
        assert_eq!(
            requests.arrived,
            requests.ends(),
            "every request must end exactly one way"
        );
        requests
    }
}

impl RequestsMeter {
    /// A meter for other requests of the same servers.
    pub(in crate::metrics) fn emptied(&self) -> Self {
        Self {
            requests: Requests::default(),
            longest: self.longest,
            is_too_long: false,
            between_attempts: 0,
        }
    }
}

impl Requests {
    /// The sum of the ways to end.
    pub const fn ends(&self) -> u64 {
        self.finished
            + self.rejected
            + self.timed_out
            + self.cancelled
            + self.failed
            + self.running_at_end
            + self.waiting_at_end
    }

    /// What became of those that have ended, as shares.
    fn with_shares(self) -> Self {
        let lost = self.rejected + self.timed_out + self.cancelled + self.failed;
        let ended = (lost + self.finished) as f64;
        Self {
            success: ratio(self.finished as f64, ended),
            errors: ratio(lost as f64, ended),
            ..self
        }
    }
}

impl Total for Requests {
    type Section = Self;

    fn pool(&mut self, other: &Self) {
        self.arrived += other.arrived;
        self.finished += other.finished;
        self.rejected += other.rejected;
        self.timed_out += other.timed_out;
        self.cancelled += other.cancelled;
        self.failed += other.failed;
        self.running_at_end += other.running_at_end;
        self.waiting_at_end += other.waiting_at_end;
        self.preemptions += other.preemptions;
        self.cut_at_max_model_len += other.cut_at_max_model_len;
    }

    fn section(&self, _durations: &Durations) -> Self {
        self.with_shares()
    }
}

impl ResultSection for Requests {
    fn named_numbers() -> Vec<NamedNumber<Self>> {
        use Better::{Higher, Lower, Neither};
        vec![
            NamedNumber::count("requests.arrived", Neither, |it| Some(it.arrived)),
            NamedNumber::count("requests.finished", Higher, |it| Some(it.finished)),
            NamedNumber::count("requests.rejected", Lower, |it| Some(it.rejected)),
            NamedNumber::count("requests.timed_out", Lower, |it| Some(it.timed_out)),
            NamedNumber::count("requests.preemptions", Lower, |it| Some(it.preemptions)),
            NamedNumber::count("requests.failed", Lower, |it: &Self| Some(it.failed)).at(PlaceInList::Last),
            NamedNumber::count("requests.cancelled", Lower, |it: &Self| Some(it.cancelled)).at(PlaceInList::Last),
            NamedNumber::count("requests.running_at_end", Lower, |it: &Self| Some(it.running_at_end))
                .at(PlaceInList::Last),
            NamedNumber::count("requests.waiting_at_end", Lower, |it: &Self| Some(it.waiting_at_end))
                .at(PlaceInList::Last),
            NamedNumber::share("requests.success", Higher, |it: &Self| it.success).at(PlaceInList::Last),
            NamedNumber::share("requests.errors", Lower, |it: &Self| it.errors).at(PlaceInList::Last),
            NamedNumber::count("requests.cut_at_max_model_len", Lower, |it: &Self| {
                Some(it.cut_at_max_model_len)
            })
            .at(PlaceInList::Last),
        ]
    }
}
