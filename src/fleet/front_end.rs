//! What stands between clients and an engine: the API server, which turns text into tokens and tokens into text.

use rustc_hash::FxHashMap;

use crate::engine::{Engine, Event, Finished, Observer, StepRun};
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId};

/// How much later than the engine has them clients get their tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrontEnd {
    /// Every token.
    pub latency: Span,
    /// The first token, for each request that runs when the engine has it.
    pub per_stream: Span,
}

impl FrontEnd {
    /// vLLM's API server with its client on the same machine, fitted to the served runs that `step_time::Overheads::SERVED` is fitted to.
    pub const SERVED: Self = Self {
        latency: Span::from_micros(5_850),
        per_stream: Span::from_micros(56),
    };

    /// `engine` as its clients see it: the histories of finished requests have the clients' times.
    pub fn before(self, engine: Box<dyn Engine>) -> Box<dyn Engine> {
        if self == Self::default() {
            return engine;
        }
        Box::new(Fronted {
            engine,
            delays: Delays {
                front_end: self,
                running: 0,
                extra: FxHashMap::default(),
            },
        })
    }
}

struct Fronted {
    engine: Box<dyn Engine>,
    delays: Delays,
}

struct Delays {
    front_end: FrontEnd,
    running: u64,
    /// How much later still the first tokens of running requests were than `latency`.
    extra: FxHashMap<RequestId, Span>,
}

/// Tells clients' times.
struct Told<'a> {
    delays: &'a mut Delays,
    observer: &'a mut dyn Observer,
}

impl Engine for Fronted {
    fn submit(&mut self, request: Request, observer: &mut dyn Observer) {
        let delays = &mut self.delays;
        self.engine.submit(request, &mut Told { delays, observer });
    }

    fn abort(&mut self, id: RequestId, at: Time) {
        self.engine.abort(id, at);
    }

    fn advance(&mut self, until: Time, observer: &mut dyn Observer) {
        let delays = &mut self.delays;
        self.engine.advance(until, &mut Told { delays, observer });
    }

    fn advance_to_finish(&mut self, until: Time, observer: &mut dyn Observer) -> bool {
        let delays = &mut self.delays;
        self.engine
            .advance_to_finish(until, &mut Told { delays, observer })
    }

    fn next_event(&self) -> Option<Time> {
        self.engine.next_event()
    }
}

impl Delays {
    fn of(&mut self, id: RequestId, request: &Finished) -> Finished {
        let finished = request.finished + self.front_end.latency;
        let extra = self.extra.remove(&id).unwrap_or_default();
        // The last token does not come before the first.
        let extra = extra.min(request.finished - request.first_token);
        Finished {
            first_token: request.first_token + self.front_end.latency + extra,
            finished,
            ..*request
        }
    }
}

impl Observer for Told<'_> {
    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        let delays = &mut *self.delays;
        match event {
            Event::Admitted { .. } => delays.running += 1,
            Event::Preempted => delays.running -= 1,
            Event::FirstToken => {
                let per_stream = delays.front_end.per_stream.picos();
                let picos = per_stream.saturating_mul(delays.running);
                delays.extra.insert(id, Span::from_picos(picos));
            }
            Event::Aborted { waiting } => {
                delays.running -= u64::from(!waiting);
                delays.extra.remove(&id);
            }
            Event::Finished(request) => {
                delays.running -= u64::from(!request.was_waiting);
                let event = Event::Finished(delays.of(id, request));
                return self.observer.on(at, id, &event);
            }
            Event::Arrived { .. } | Event::Rejected | Event::Token { .. } => {}
        }
        self.observer.on(at, id, event);
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        self.observer.ran(run);
    }
}
