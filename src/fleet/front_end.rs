//! What stands between clients and an engine: the API server, which turns text into tokens and tokens into text.

use crate::engine::{Engine, Event, Finished, Observer, QuietRun, ServerId, ServerLoad, StepRun, Turn};
use crate::policy::Moved;
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId};

/// How much later than the engine has them clients get their tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrontEnd {
    /// Delay of every token on its way to the client.
    pub latency: Span,
    /// The first token, for each request that runs when the engine has it.
    pub per_stream: Span,
    /// A request on its way to the engine, for each token of its prompt: text becomes tokens.
    pub per_prompt_token: Span,
}

impl FrontEnd {
    /// vLLM's API server with its client on the same machine, fitted to the served runs that
    /// `step_time::Overheads::SERVED` is fitted to. What a token of the prompt takes is what tokenisers of Hugging Face
    /// take, about a megabyte a second, and what prompts of unlike length say elsewhere (`docs/LATENCY_MODEL.md`).
    pub const SERVED: Self = Self {
        latency: Span::from_micros(3_740),
        per_stream: Span::from_micros(61),
        per_prompt_token: Span::from_picos(3_100_000),
    };

    /// `engine` as its clients see it: the histories of finished requests have the clients' times.
    pub const fn before<E: Engine>(self, engine: E) -> Fronted<E> {
        Fronted {
            engine,
            front_end: self,
            fresh: None,
            slowness: 1.0,
        }
    }

    const fn heard_by<O: Observer + ?Sized>(self, observer: &mut O) -> Told<'_, O> {
        Told {
            front_end: self,
            observer,
        }
    }

    /// The history of a request as its client has it.
    fn delayed(self, request: &Finished) -> Finished {
        let running = u64::from(request.running_at_first_token);
        let extra = self.per_stream.picos().saturating_mul(running);
        // The last token does not come before the first.
        let extra = Span::from_picos(extra).min(request.finished - request.first_token);
        let tokenised = self
            .per_prompt_token
            .picos()
            .saturating_mul(request.input_tokens.into());
        let later = self.latency + Span::from_picos(tokenised);
        Finished {
            first_token: request.first_token + later + extra,
            finished: request.finished + later,
            ..*request
        }
    }
}

/// A server that has just been started: until so many requests have come it compiles and tunes kernels for shapes that
/// it has not met, and its steps take longer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FreshServer {
    /// Steps take longer until a request more than this comes.
    pub requests: u32,
    /// How many times as long they take.
    pub factor: f64,
}

/// An engine as its clients see it.
pub struct Fronted<E> {
    engine: E,
    front_end: FrontEnd,
    /// What is left of its being fresh.
    fresh: Option<FreshServer>,
    /// How many times as long its steps take besides.
    slowness: f64,
}

impl<E: Engine> Fronted<E> {
    /// The same engine, just started.
    #[must_use]
    pub fn fresh(mut self, fresh: Option<FreshServer>) -> Self {
        self.fresh = fresh;
        if fresh.is_some() {
            self.tell_pace();
        }
        self
    }

    fn tell_pace(&mut self) {
        let fresh = self.fresh.map_or(1.0, |fresh| fresh.factor);
        self.engine.slow_down(self.slowness * fresh);
    }

    #[cold]
    fn is_used(&mut self) {
        let left = self.fresh.and_then(|fresh| {
            let requests = fresh.requests.checked_sub(1)?;
            Some(FreshServer { requests, ..fresh })
        });
        self.fresh = left;
        if left.is_none() {
            self.tell_pace();
        }
    }
}

/// Tells clients' times.
struct Told<'a, O: ?Sized> {
    front_end: FrontEnd,
    observer: &'a mut O,
}

impl<E: Engine> Engine for Fronted<E> {
    fn can_serve(&self, request: &Request) -> bool {
        self.engine.can_serve(request)
    }

    fn submit(&mut self, request: Request, observer: &mut (impl Observer + ?Sized)) {
        if self.fresh.is_some() {
            self.is_used();
        }
        let mut told = self.front_end.heard_by(observer);
        self.engine.submit(request, &mut told);
    }

    fn abort(&mut self, id: RequestId, at: Time) {
        self.engine.abort(id, at);
    }

    fn advance(&mut self, until: Time, observer: &mut (impl Observer + ?Sized)) {
        let mut told = self.front_end.heard_by(observer);
        self.engine.advance(until, &mut told);
    }

    fn advance_to_finish(&mut self, until: Time, observer: &mut (impl Observer + ?Sized)) -> bool {
        let mut told = self.front_end.heard_by(observer);
        self.engine.advance_to_finish(until, &mut told)
    }

    fn in_server(&self) -> u64 {
        self.engine.in_server()
    }

    fn bytes_a_request(&self) -> u64 {
        self.engine.bytes_a_request()
    }

    fn next_event(&self) -> Option<Time> {
        self.engine.next_event()
    }

    fn next_turn(&self) -> Option<Turn> {
        self.engine.next_turn()
    }

    fn next_leave(&self) -> Option<Turn> {
        self.engine.next_leave()
    }

    fn quiet_run(&self) -> Option<QuietRun> {
        self.engine.quiet_run()
    }

    fn load(&self) -> ServerLoad {
        self.engine.load()
    }

    fn cached_tokens(&self, request: &Request) -> u32 {
        self.engine.cached_tokens(request)
    }

    fn slow_down(&mut self, factor: f64) {
        self.slowness = factor;
        self.tell_pace();
    }
}

impl<O: Observer + ?Sized> Observer for Told<'_, O> {
    #[inline(always)]
    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        if let Event::Finished(request) = event {
            let event = Event::Finished(self.front_end.delayed(request));
            return self.observer.on(at, id, &event);
        }
        self.observer.on(at, id, event);
    }

    fn on_tokens(&mut self, at: Time, gap: Span, count: u32, ids: &mut dyn Iterator<Item = RequestId>) {
        self.observer.on_tokens(at, gap, count, ids);
    }

    #[inline(always)]
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
