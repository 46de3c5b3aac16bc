//! One server: moves time from step to step and tells an [`Observer`] what happens. It does no I/O, prints nothing,
//! reads no clock and knows no file format.

mod fast;
mod observer;
mod reference;
mod server;
mod step_log;
mod transcript;

pub use fast::fast;
pub use observer::{End, Event, Finished, Observer, StepRun};
pub use reference::reference;
pub use server::Server;
pub use step_log::{Action, Clock, Decided, Experiment, LoggedStep, StepLog, Updated, log_steps};
pub use transcript::{Heard, Transcript};

use crate::policy::{Memory, PolicySettings};
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// A server that a client or a router drives. Laws: `advance(a)` then `advance(b)` equals `advance(b)`; observers hear
/// events in the order of time; an arrival during a step waits for its end. Whoever listens is known when the code is
/// compiled, because telling is most of what an engine does; where it is not, `dyn Observer` will do.
pub trait Engine {
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

    /// When something will happen next without further arrivals; `None` if nothing ever will.
    fn next_event(&self) -> Option<Time>;
}

/// What a server is made of, apart from its step time.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerSettings {
    /// The batching policy.
    pub policy: PolicySettings,
    /// Blocks of the KV cache as an engine logs them: the null block, which holds no tokens, included. They must hold
    /// one request of `max_model_len` tokens, or a request that outgrows them would compute, lose its blocks and
    /// compute again for ever.
    pub kv_blocks: u32,
    /// Tokens in a block; at least 1.
    pub block_tokens: u32,
    /// The most tokens of one request, prompt and output together.
    pub max_model_len: u32,
}

impl ServerSettings {
    /// The memory that the server hands out.
    pub const fn memory(&self) -> Memory {
        Memory {
            usable_blocks: self.kv_blocks - 1,
            block_tokens: self.block_tokens,
            max_model_len: self.max_model_len,
        }
    }
}
