//! One row a request: when it was served, and how it ended.

use crate::engine::{Event, Observer, StepRun};
use crate::units::{Span, Time};
use crate::workload::RequestId;

/// How a request ended, or where it was when the run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum RequestOutcome {
    Finished,
    Rejected,
    TimedOut,
    Failed,
    Running,
    Waiting,
}

impl RequestOutcome {
    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Rejected => "rejected",
            Self::TimedOut => "timed_out",
            Self::Failed => "failed",
            Self::Running => "running",
            Self::Waiting => "waiting",
        }
    }
}

/// The history of one request. What has not happened, or is not known of a request that did not finish, is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct RequestRow {
    pub id: RequestId,
    pub arrival: Time,
    pub scheduled: Option<Time>,
    pub first_token: Option<Time>,
    /// When it ended: when the client had its last token or, if it had given up, when the request left the server.
    pub finished: Option<Time>,
    pub input_tokens: Option<u32>,
    pub output_tokens: Option<u32>,
    pub cached_tokens: Option<u32>,
    pub preemptions: u32,
    pub outcome: RequestOutcome,
    pub priority: Option<i32>,
    /// Whether its tokens were streamed one by one; otherwise there is no time between them.
    pub streamed: bool,
}

impl RequestRow {
    /// The time to its first token; `None` unless it finished.
    pub fn ttft(&self) -> Option<Span> {
        let first_token = self.first_token.filter(|_| self.outcome == RequestOutcome::Finished);
        Some(first_token? - self.arrival)
    }

    /// The mean time between its tokens [s]; `None` unless it finished and streamed more than one.
    pub fn tpot_s(&self) -> Option<f64> {
        self.ttft().filter(|_| self.streamed)?;
        let decoding = self.finished? - self.first_token?;
        let gaps = self.output_tokens?.checked_sub(1).filter(|&gaps| gaps > 0)?;
        Some(decoding.seconds() / f64::from(gaps))
    }
}

/// An observer that keeps a row for each request: 88 bytes of memory each.
#[derive(Debug, Default)]
pub struct RequestLog {
    /// By class, and by number within it.
    classes: Vec<Vec<Option<RequestRow>>>,
}

impl RequestLog {
    /// The rows in the order of their arrival; of those that arrived together, of the earlier class first.
    pub fn rows(&self) -> impl Iterator<Item = &RequestRow> {
        let mut classes: Vec<_> = self
            .classes
            .iter()
            .map(|class| class.iter().flatten().peekable())
            .collect();
        std::iter::from_fn(move || {
            let waiting = classes
                .iter_mut()
                .filter_map(|class| Some((class.peek()?.arrival, class)));
            let (_, first) = waiting.min_by_key(|(arrival, _)| *arrival)?;
            first.next()
        })
    }

    fn arrive(&mut self, at: Time, id: RequestId, input_tokens: Option<u32>, outcome: RequestOutcome) {
        let (class, place) = places(id);
        if class >= self.classes.len() {
            self.classes.resize_with(class + 1, Vec::new);
        }
        let rows = &mut self.classes[class];
        if place >= rows.len() {
            rows.resize(place + 1, None);
        }
        rows[place] = Some(RequestRow {
            id,
            arrival: at,
            scheduled: None,
            first_token: None,
            finished: None,
            input_tokens,
            output_tokens: None,
            cached_tokens: None,
            preemptions: 0,
            outcome,
            priority: None,
            streamed: false,
        });
    }

    fn row(&mut self, id: RequestId) -> &mut RequestRow {
        let (class, place) = places(id);
        let rows = self.classes.get_mut(class);
        rows.and_then(|rows| rows.get_mut(place))
            .and_then(Option::as_mut)
            .expect("a request arrives before anything else happens to it")
    }

    /// The row of a request, unless it has ended: an attempt that nobody waits for may still be in a server.
    fn open_row(&mut self, id: RequestId) -> Option<&mut RequestRow> {
        Some(self.row(id)).filter(|row| matches!(row.outcome, RequestOutcome::Waiting | RequestOutcome::Running))
    }
}

fn places(id: RequestId) -> (usize, usize) {
    (id.class().place(), id.number() as usize)
}

impl Observer for RequestLog {
    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        match *event {
            Event::Arrived { input_tokens } => {
                self.arrive(at, id, Some(input_tokens), RequestOutcome::Waiting);
            }
            Event::Rejected => self.arrive(at, id, None, RequestOutcome::Rejected),
            Event::Admitted { .. } => {
                if let Some(row) = self.open_row(id) {
                    row.scheduled.get_or_insert(at);
                    row.outcome = RequestOutcome::Running;
                }
            }
            Event::Preempted => {
                if let Some(row) = self.open_row(id) {
                    row.preemptions += 1;
                    row.outcome = RequestOutcome::Waiting;
                }
            }
            Event::FirstToken => {
                if let Some(row) = self.open_row(id) {
                    row.first_token.get_or_insert(at);
                }
            }
            Event::Token { .. } => {}
            Event::SentAgain { .. } | Event::Lost { for_good: false, .. } => {
                if let Some(row) = self.open_row(id) {
                    row.outcome = RequestOutcome::Waiting;
                }
            }
            Event::Lost { for_good: true, .. } => {
                let row = self.row(id);
                row.finished = Some(at);
                row.outcome = RequestOutcome::Failed;
            }
            Event::Aborted { .. } => {
                let row = self.row(id);
                row.finished = Some(at);
                row.outcome = RequestOutcome::TimedOut;
            }
            Event::Finished(request) => {
                let row = self.row(id);
                row.scheduled = Some(request.scheduled);
                row.first_token = request.has_tokens().then_some(request.first_token);
                row.finished = Some(request.finished);
                row.output_tokens = Some(request.output_tokens);
                row.cached_tokens = Some(request.cached_tokens);
                row.preemptions = request.preemptions;
                row.outcome = RequestOutcome::Finished;
                row.priority = Some(request.priority);
                row.streamed = request.streamed;
            }
        }
    }

    fn ran(&mut self, _run: &StepRun<'_>) {}
}
