//! The run of one client population against one server.

use super::memory::RequestSizes;
use super::patience::Patience;
use super::replay_error::ReplayError;
use super::watch::{Unwatched, Watch};
use crate::engine::{Engine, Event, Observer, ServerId, StepRun};
use crate::policy::Moved;
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId, Segment, Source};

/// Rejections at one and the same instant after which a closed loop is taken to be stuck.
const STUCK_AFTER_REJECTIONS: u64 = 1_000_000;

/// Rejections of requests one after the other at the same instant.
#[derive(Default)]
pub(super) struct Rejections {
    count: u64,
    at: Time,
}

impl Rejections {
    /// Another request is rejected; an error if that may go on for ever.
    pub(super) fn one_more(&mut self, at: Time, source: &dyn Source) -> Result<(), ReplayError> {
        self.add(at);
        self.check(source)
    }

    pub(super) fn add(&mut self, at: Time) {
        if at != self.at {
            self.count = 0;
            self.at = at;
        }
        self.count += 1;
    }

    pub(super) fn check(&self, source: &dyn Source) -> Result<(), ReplayError> {
        if self.count > STUCK_AFTER_REJECTIONS && !source.runs_out() {
            return Err(ReplayError::OnlyRejections);
        }
        Ok(())
    }
}

/// Sends all requests of `source` to `engine` as they arrive and runs it until nothing more will happen.
pub fn replay(
    engine: &mut impl Engine,
    source: &mut dyn Source,
    observer: &mut (impl Observer + ?Sized),
) -> Result<(), ReplayError> {
    replay_watched(engine, source, observer, &mut Unwatched)
}

/// Sends all requests of `source` to `engine` as they arrive and runs it until nothing more will happen, or until
/// `watch` wants no more.
pub fn replay_watched(
    engine: &mut impl Engine,
    source: &mut dyn Source,
    observer: &mut (impl Observer + ?Sized),
    watch: &mut impl Watch,
) -> Result<(), ReplayError> {
    let mut patience = Patience::of(source);
    if source.is_closed_loop() || patience.ends() {
        return replay_with_answers(&mut patience, engine, source, observer, watch);
    }
    let mut sizes = RequestSizes::default();
    while let Some(arrival) = next_arrival(source, watch)? {
        // Taken before the engine goes on, not after: what has just been written field by field takes long to be moved
        // as a whole.
        let request = source.take();
        watch.sent();
        engine.advance(arrival, observer);
        send(request, engine, observer, &mut sizes, watch, 0)?;
    }
    while engine.advance_to_finish(Time::LIMIT, observer) {
        watch.may_go_on()?;
    }
    in_time(engine)
}

/// Runs a workload whose clients look at their answers: they send what follows them, or give up waiting.
fn replay_with_answers(
    patience: &mut Patience,
    engine: &mut impl Engine,
    source: &mut dyn Source,
    observer: &mut (impl Observer + ?Sized),
    watch: &mut impl Watch,
) -> Result<(), ReplayError> {
    let mut sizes = RequestSizes::default();
    let mut observer = EndsHeard {
        observer,
        ended: Vec::new(),
        rejections: Rejections::default(),
    };
    loop {
        for (id, at, is_answered) in observer.ended.drain(..) {
            if is_answered {
                source.finished(id, at);
            } else {
                source.rejected(id, at);
            }
        }
        observer.rejections.check(source)?;
        let arrival = next_arrival(source, watch)?;
        let deadline = patience.next_deadline();
        let until = arrival.into_iter().chain(deadline).min();
        let mut told = patience.heeding(&mut observer);
        if engine.advance_to_finish(until.unwrap_or(Time::LIMIT), &mut told) {
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
            (Some(now), _) if !source.arrives() => {
                while let Some(id) = source.gives_up() {
                    patience.take_back(id, now, engine);
                    source.rejected(id, now);
                }
            }
            (Some(_), _) => {
                let request = source.take();
                watch.sent();
                send(request, engine, &mut told, &mut sizes, watch, source.held_bytes())?;
            }
            (None, _) => return in_time(engine),
        }
    }
}

fn send(
    request: Request,
    engine: &mut impl Engine,
    observer: &mut (impl Observer + ?Sized),
    sizes: &mut RequestSizes,
    watch: &mut impl Watch,
    held_bytes: u64,
) -> Result<(), ReplayError> {
    observer.sent(&request);
    sizes.add(request.prompt.segments().map(<[Segment]>::len));
    // Before it is taken in: the queue that has no room for it must not grow first.
    let bytes = sizes.bytes_of(engine.in_server() + 1, engine.bytes_a_request());
    watch.may_hold(bytes.saturating_add(held_bytes))?;
    engine.submit(request, observer);
    Ok(())
}

pub(super) fn next_arrival(source: &mut dyn Source, watch: &mut impl Watch) -> Result<Option<Time>, ReplayError> {
    watch.may_go_on()?;
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
    rejections: Rejections,
}

impl<O: Observer + ?Sized> Observer for EndsHeard<'_, O> {
    fn sent(&mut self, request: &Request) {
        self.observer.sent(request);
    }

    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        match event {
            Event::Rejected => {
                self.rejections.add(at);
                self.ended.push((id, at, false));
            }
            // When the client has it, which may be later.
            Event::Finished(request) => self.ended.push((id, request.finished, true)),
            _ => {}
        }
        self.observer.on(at, id, event);
    }

    fn on_tokens(&mut self, at: Time, gap: Span, count: u32, ids: &mut dyn Iterator<Item = RequestId>) {
        self.observer.on_tokens(at, gap, count, ids);
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        self.observer.ran(run);
    }

    fn drafted(&mut self, server: ServerId, at: Time, id: RequestId, more: u32) {
        self.observer.drafted(server, at, id, more);
    }

    fn moved(&mut self, server: ServerId, at: Time, moved: &Moved) {
        self.observer.moved(server, at, moved);
    }
}
