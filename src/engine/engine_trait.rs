//! What a server is to those who drive it.

use super::observer::Observer;
use crate::policy::{Memory, Waiting};
use crate::step_time::Ramp;
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId};

/// A server that a client or a router drives. Laws: `advance(a)` then `advance(b)` equals `advance(b)`; observers hear
/// events in the order of time; an arrival during a step waits for its end. Whoever listens is known when the code is
/// compiled, because telling is most of what an engine does; where it is not, `dyn Observer` will do.
pub trait Engine {
    /// Whether a request, alone on an empty server, could be served; otherwise it is rejected as it arrives.
    fn can_serve(&self, request: &Request) -> bool;

    /// Hands over a request that arrives now: the server has been advanced to its arrival and not beyond.
    fn submit(&mut self, request: Request, observer: &mut (impl Observer + ?Sized));

    /// The client of a request gives up now: the server has been advanced to `at` and not beyond. The request leaves
    /// when the next step is decided, unless it ends before; nothing happens if it has ended.
    fn abort(&mut self, id: RequestId, at: Time);

    /// Runs every step that starts before `until`; the last may still be in flight then.
    fn advance(&mut self, until: Time, observer: &mut (impl Observer + ?Sized));

    /// Like [`Engine::advance`], but returns true as soon as a step has ended in which a request finished, before the
    /// next step is decided.
    fn advance_to_finish(&mut self, until: Time, observer: &mut (impl Observer + ?Sized)) -> bool;

    /// How many requests have been taken and have not ended.
    fn in_server(&self) -> u64;

    /// The memory that a request in the server takes at most, if its prompt says nothing of its content [bytes].
    fn bytes_a_request(&self) -> u64;

    /// When something will happen next without further arrivals; `None` if nothing ever will.
    fn next_event(&self) -> Option<Time>;

    /// What comes next of all that may end in a finish, as far as the server has been advanced: nobody finishes before
    /// it if nothing is handed over and nobody gives up, and never are fewer blocks in use. `None` if nothing ever will
    /// happen.
    fn next_turn(&self) -> Option<Turn>;

    /// When somebody may next leave, as far as the server has been advanced, as [`Engine::next_turn`] but for decisions
    /// on the way at which nobody does: others may be admitted there.
    fn next_leave(&self) -> Option<Turn> {
        self.next_turn()
    }

    /// The steps with which the server is busy until [`Engine::next_leave`]; `None` if they are not known.
    fn quiet_run(&self) -> Option<QuietRun> {
        None
    }

    /// What is in the server, as far as it has been advanced.
    fn load(&self) -> ServerLoad;

    /// How much of its prompt a request would find in the prefix cache if it were admitted now, as far as the server
    /// has been advanced and up to the first output that is still under way [tokens].
    fn cached_tokens(&self, request: &Request) -> u32;

    /// From now on steps take `factor` times as long as they would: those that are decided later, not those under way.
    /// The server has been advanced to this instant and not beyond.
    fn slow_down(&mut self, factor: f64);
}

/// What a server does next. Of two at the same instant the end of a step comes first, as whoever arrives then may take
/// part in the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turn {
    /// When.
    pub at: Time,
    /// What.
    pub kind: TurnKind,
}

/// What a server may do at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TurnKind {
    /// A step ends.
    End,
    /// A step is decided.
    Decision,
}

/// Steps at the end of the last of which somebody may leave a server, and not before, if nobody comes.
#[derive(Clone, Copy, Debug)]
pub struct QuietRun {
    /// When the first step starts; before that there are steps with which nobody leaves.
    pub start: Time,
    /// Their times.
    pub ramp: Ramp,
    /// How many they are.
    pub steps: u64,
    /// How many of them are decided before the one under way has ended, that one included.
    pub in_flight: u64,
}

impl QuietRun {
    /// The first end of a step at which somebody may leave if another request comes at `at`.
    pub fn quiet_until(&self, at: Time) -> Time {
        // Of a step that ends at `at` the next decision but one is that of the next step, as of those that end later.
        let until = match at.picos().checked_sub(self.start.picos() + 1) {
            // The next decision is that of the second step.
            None => 1,
            Some(picos) => {
                let ended = self.ramp.within(Span::from_picos(picos), self.steps).0;
                self.steps.min(ended + self.in_flight)
            }
        };
        self.start + self.ramp.total(until)
    }
}

/// What is in a server at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerLoad {
    /// Requests that wait for admission.
    pub waiting: u32,
    /// Requests that have been admitted and have not ended.
    pub running: u32,
    /// Blocks of the KV cache that requests hold.
    pub used_blocks: u32,
    /// Blocks of the KV cache that can hold tokens.
    pub usable_blocks: u32,
    /// Tokens in a block; over several groups of layers a request's tokens by the blocks that it holds in all of them,
    /// if it is as long as the model allows.
    pub block_tokens: u32,
    /// Prompt tokens of the requests that wait.
    pub queued_tokens: u64,
}

impl ServerLoad {
    /// So many running requests, in `used_blocks` of this memory, and these that wait.
    pub(super) fn new(memory: &Memory, waiting: Waiting, running: u32, used_blocks: u32) -> Self {
        Self {
            waiting: waiting.requests,
            running,
            used_blocks,
            usable_blocks: memory.usable_blocks,
            block_tokens: memory.tokens_by_block(),
            queued_tokens: waiting.prompt_tokens,
        }
    }

    /// Tokens for which there is room in the blocks in use.
    pub const fn used_tokens(&self) -> u64 {
        self.used_blocks as u64 * self.block_tokens as u64
    }

    /// The part of the KV cache that is in use.
    pub fn kv_usage(&self) -> f64 {
        f64::from(self.used_blocks) / f64::from(self.usable_blocks.max(1))
    }

    /// Prompt tokens that wait, and tokens for which there is room in the blocks in use.
    pub const fn tokens(&self) -> u64 {
        self.queued_tokens + self.used_tokens()
    }

    /// The part of the KV cache that is in use or that prompts which wait will take, those that wait in vain above 1.
    pub fn kv_demand(&self) -> f64 {
        let capacity = u64::from(self.usable_blocks) * u64::from(self.block_tokens);
        self.tokens() as f64 / capacity.max(1) as f64
    }
}

impl Turn {
    /// The end of a step.
    pub const fn end(at: Time) -> Self {
        Self {
            at,
            kind: TurnKind::End,
        }
    }

    /// The decision of a step.
    pub const fn decision(at: Time) -> Self {
        Self {
            at,
            kind: TurnKind::Decision,
        }
    }
}

/// What a server answers as the engine within it does, where `$whichever` finds out which of several that is.
macro_rules! answered_by_engine {
    ($whichever:ident, $server:ident => $engine:expr) => {
        fn can_serve(&self, request: &Request) -> bool {
            let $server = self;
            $whichever!(&$engine, engine => engine.can_serve(request))
        }

        fn in_server(&self) -> u64 {
            let $server = self;
            $whichever!(&$engine, engine => engine.in_server())
        }

        fn bytes_a_request(&self) -> u64 {
            let $server = self;
            $whichever!(&$engine, engine => engine.bytes_a_request())
        }

        fn next_event(&self) -> Option<Time> {
            let $server = self;
            $whichever!(&$engine, engine => engine.next_event())
        }

        fn next_leave(&self) -> Option<Turn> {
            let $server = self;
            $whichever!(&$engine, engine => engine.next_leave())
        }

        fn quiet_run(&self) -> Option<QuietRun> {
            let $server = self;
            $whichever!(&$engine, engine => engine.quiet_run())
        }

        fn load(&self) -> ServerLoad {
            let $server = self;
            $whichever!(&$engine, engine => engine.load())
        }

        fn cached_tokens(&self, request: &Request) -> u32 {
            let $server = self;
            $whichever!(&$engine, engine => engine.cached_tokens(request))
        }
    };
}
pub(super) use answered_by_engine;

/// Advances a server of several engines, of which one at a time has it: where `has_taken_over` says that it had come to
/// where another has to go on, that one does.
macro_rules! advanced_until_taken_over {
    ($whichever:ident) => {
        fn advance(&mut self, until: Time, observer: &mut (impl Observer + ?Sized)) {
            $whichever!(&mut self.engine, engine => engine.advance(until, observer));
            if self.has_taken_over() {
                $whichever!(&mut self.engine, engine => engine.advance(until, observer));
            }
        }

        fn advance_to_finish(&mut self, until: Time, observer: &mut (impl Observer + ?Sized)) -> bool {
            let finished = $whichever!(&mut self.engine, engine => engine.advance_to_finish(until, observer));
            if self.has_taken_over() {
                return self.advance_to_finish(until, observer);
            }
            finished
        }

        fn slow_down(&mut self, factor: f64) {
            $whichever!(&mut self.engine, engine => engine.slow_down(factor));
        }
    };
}
pub(super) use advanced_until_taken_over;
