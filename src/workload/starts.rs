//! When clients start something: a request, or a session of several.

use super::RequestId;
use super::arrivals::Arrivals;
use super::closed_loop::ClosedLoop;
use super::custom_arrivals::MissedRate;
use super::open_loop::OpenLoop;
use super::trace::TraceError;
use crate::units::{Span, Time};

/// The starts of an arrival process.
pub(super) struct Starts {
    process: Process,
    /// None happens at this time or later.
    end: Option<Time>,
}

enum Process {
    Open {
        arrivals: OpenLoop,
        announced: Option<Time>,
    },
    Closed(ClosedLoop),
    /// No more will come; drawing beyond the end again could find some. With the rate that was missed until then.
    Ended(Option<MissedRate>),
}

impl Starts {
    /// A valid process, drawn from the stream `arrivals` of `seed`: as many arrivals as are `spanned` come within
    /// exactly the time that they take in the mean, and none after `duration`.
    pub fn new(arrivals: &Arrivals, (spanned, duration): (Option<u64>, Option<Span>), seed: u64) -> Self {
        let process = match *arrivals {
            Arrivals::Closed {
                concurrency,
                think,
                start,
            } => Process::Closed(ClosedLoop::new(concurrency, think, start, seed)),
            _ => Process::Open {
                arrivals: OpenLoop::new(arrivals, spanned, seed),
                announced: None,
            },
        };
        Self {
            process,
            end: duration.map(|duration| Time::ZERO + duration),
        }
    }

    /// The next start, as far as is known now.
    pub fn next(&mut self) -> Result<Option<Time>, TraceError> {
        let next = match &mut self.process {
            Process::Ended(_) => return Ok(None),
            Process::Closed(clients) => return clients.next(self.end),
            Process::Open {
                announced: Some(time), ..
            } => return Ok(Some(*time)),
            Process::Open { arrivals, announced } => {
                *announced = arrivals.next(self.end)?;
                *announced
            }
        };
        if next.is_none() {
            self.process = Process::Ended(self.missed_rate());
        }
        Ok(next)
    }

    /// What was announced starts with request `id`.
    pub fn start(&mut self, id: RequestId) -> Time {
        match &mut self.process {
            Process::Closed(clients) => clients.send(id),
            Process::Open { announced, .. } => announced.take().expect("an arrival must have been announced"),
            Process::Ended(_) => panic!("an arrival must have been announced"),
        }
    }

    /// What started with request `id` is over.
    pub fn ended(&mut self, id: RequestId, at: Time) {
        if let Process::Closed(clients) = &mut self.process {
            clients.finished(id, at);
        }
    }

    /// The rate that somebody else's process missed, if it did.
    pub fn missed_rate(&self) -> Option<MissedRate> {
        match &self.process {
            Process::Open { arrivals, .. } => arrivals.missed_rate(),
            Process::Ended(missed) => *missed,
            Process::Closed(_) => None,
        }
    }

    /// Whether the next start waits for the end of another.
    pub fn is_closed_loop(&self) -> bool {
        matches!(self.process, Process::Closed(_))
    }
}
