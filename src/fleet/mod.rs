//! Clients and servers: who sends which request where. For now one client population and one server.

mod front_end;
mod patience;

pub use self::front_end::{FrontEnd, Fronted};

use std::error::Error;
use std::fmt;

use self::patience::Patience;
use crate::engine::{Engine, Event, Observer, StepRun};
use crate::units::Time;
use crate::workload::trace::TraceError;
use crate::workload::{Request, RequestId, Source};

/// Why a run could not go to its end.
#[derive(Debug)]
pub enum ReplayError {
    /// The workload could not be read on.
    Workload(TraceError),
    /// The run would pass [`Time::LIMIT`].
    TooLong,
    /// More than [`MOST_IN_SERVER`] requests are in the server.
    TooMany,
    /// A closed loop whose requests are all rejected, at no cost in time, never ends.
    OnlyRejections,
}

impl fmt::Display for ReplayError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workload(error) => error.fmt(formatter),
            Self::TooLong => formatter.write_str(
                "the run would pass 200 days of simulated time, the most that is simulated\n = help: ask for fewer \
                 requests, or for a server that keeps up with them",
            ),
            Self::TooMany => formatter.write_str(
                "more than 25 million requests are in the server at once, and memory would run out, as the server \
                 cannot keep up\n = help: write a lower rate, fewer requests or a shorter duration",
            ),
            Self::OnlyRejections => formatter.write_str(
                "the clients of the closed loop send for ever, as every request is rejected the moment it arrives\n = \
                 help: write shorter prompts, or raise server.max_model_len",
            ),
        }
    }
}

impl Error for ReplayError {}

/// The most requests a server may hold: each takes some 250 bytes there.
pub const MOST_IN_SERVER: u64 = 25_000_000;

/// Rejections at one and the same instant after which a closed loop is taken to be stuck.
const STUCK_AFTER_REJECTIONS: u64 = 1_000_000;

/// Sends all requests of `source` to `engine` as they arrive and runs it until nothing more will happen.
pub fn replay(
    engine: &mut impl Engine,
    source: &mut dyn Source,
    observer: &mut (impl Observer + ?Sized),
) -> Result<(), ReplayError> {
    if source.is_closed_loop() || source.timeout().is_some() {
        return replay_with_answers(engine, source, observer);
    }
    while let Some(arrival) = next_arrival(source)? {
        // Taken before the engine goes on, not after: what has just been written field by field takes long to be moved
        // as a whole.
        let request = source.take();
        engine.advance(arrival, observer);
        send(request, engine, observer)?;
    }
    while engine.advance_to_finish(Time::LIMIT, observer) {
        source.may_go_on().map_err(ReplayError::Workload)?;
    }
    in_time(engine)
}

/// The same with clients who look at their answers.
fn replay_with_answers(
    engine: &mut impl Engine,
    source: &mut dyn Source,
    observer: &mut (impl Observer + ?Sized),
) -> Result<(), ReplayError> {
    let mut patience = Patience::new(source.timeout());
    let mut observer = EndsHeard {
        observer,
        ended: Vec::new(),
        rejections: 0,
        rejected_at: Time::ZERO,
    };
    loop {
        for (id, at, is_answered) in observer.ended.drain(..) {
            if is_answered {
                source.finished(id, at);
            } else {
                source.rejected(id, at);
            }
        }
        if observer.rejections > STUCK_AFTER_REJECTIONS && !source.runs_out() {
            return Err(ReplayError::OnlyRejections);
        }
        let arrival = next_arrival(source)?;
        let deadline = patience.next_deadline();
        let until = arrival.into_iter().chain(deadline).min();
        let mut told = patience.heeding(&mut observer);
        if engine.advance_to_finish(until.unwrap_or(Time::LIMIT), &mut told) {
            source.may_go_on().map_err(ReplayError::Workload)?;
            continue;
        }
        match (arrival, deadline) {
            (_, Some(deadline)) if until == Some(deadline) => {
                // It may have ended just now.
                if patience.next_deadline() == Some(deadline) {
                    let id = patience.give_up(engine);
                    source.rejected(id, deadline);
                }
            }
            (Some(_), _) => send(source.take(), engine, &mut told)?,
            (None, _) => return in_time(engine),
        }
    }
}

fn send(
    request: Request,
    engine: &mut impl Engine,
    observer: &mut (impl Observer + ?Sized),
) -> Result<(), ReplayError> {
    observer.sent(&request);
    engine.submit(request, observer);
    if engine.in_server() > MOST_IN_SERVER {
        return Err(ReplayError::TooMany);
    }
    Ok(())
}

fn next_arrival(source: &mut dyn Source) -> Result<Option<Time>, ReplayError> {
    match source.next_arrival().map_err(ReplayError::Workload)? {
        Some(arrival) if arrival >= Time::LIMIT => Err(ReplayError::TooLong),
        arrival => Ok(arrival),
    }
}

fn in_time(engine: &impl Engine) -> Result<(), ReplayError> {
    match engine.next_event() {
        Some(_) => Err(ReplayError::TooLong),
        None => Ok(()),
    }
}

/// Passes everything on, and remembers which requests have ended.
struct EndsHeard<'a, O: ?Sized> {
    observer: &'a mut O,
    /// Which, when, and whether with an answer.
    ended: Vec<(RequestId, Time, bool)>,
    /// Rejections at `rejected_at`.
    rejections: u64,
    rejected_at: Time,
}

impl<O: Observer + ?Sized> Observer for EndsHeard<'_, O> {
    fn sent(&mut self, request: &Request) {
        self.observer.sent(request);
    }

    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        match event {
            Event::Rejected => {
                if at != self.rejected_at {
                    self.rejections = 0;
                    self.rejected_at = at;
                }
                self.rejections += 1;
                self.ended.push((id, at, false));
            }
            // When the client has it, which may be later.
            Event::Finished(request) => self.ended.push((id, request.finished, true)),
            _ => {}
        }
        self.observer.on(at, id, event);
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        self.observer.ran(run);
    }
}
