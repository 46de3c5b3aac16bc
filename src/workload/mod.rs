//! Who asks for what, and when: requests, arrival processes, length distributions and recorded traces.

mod arrivals;
mod closed_loop;
mod content_names;
mod exponential;
mod invalid;
mod length_sampler;
mod lengths;
mod limited;
mod open_loop;
mod popularity;
mod portable;
mod priorities;
mod prompt_pool;
mod quantile_table;
mod request;
mod session;
mod sessions;
mod shared_prefix;
mod slots;
mod starts;
mod synthetic;
mod synthetic_source;
mod think;
pub mod trace;

pub use arrivals::{Arrivals, ClosedStart, Stage};
pub use exponential::draw_exponential;
pub use invalid::Invalid;
pub use length_sampler::LengthSampler;
pub use lengths::{LengthDistribution, Lengths, MixturePart};
pub use limited::Limited;
pub use priorities::{Priorities, PriorityLevel};
pub use prompt_pool::{PoolOrder, PromptPool};
pub use quantile_table::QuantileTable;
pub use request::{ContentId, MOST_TOKENS, OutputName, Prompt, Request, RequestId, Segment, SessionId};
pub use session::Session;
pub use shared_prefix::SharedPrefix;
pub use synthetic::Synthetic;
pub use synthetic_source::SyntheticSource;
pub use think::Think;

use crate::units::{Span, Time};

/// Requests in the order of their arrival, made one at a time so that a run of any length needs little memory.
pub trait Source {
    /// When the next request arrives, as far as is known now; `None` if no request is due. A closed loop learns of its
    /// next arrival only when a request finishes, so `None` may turn into `Some` after [`Source::finished`].
    fn next_arrival(&mut self) -> Result<Option<Time>, trace::TraceError>;

    /// Takes the request whose arrival [`Source::next_arrival`] announced; arrivals never go back in time.
    fn take(&mut self) -> Request;

    /// Tells the source that a request has produced its last token.
    fn finished(&mut self, id: RequestId, at: Time);

    /// Tells the source that a request has ended without an answer.
    fn rejected(&mut self, id: RequestId, at: Time) {
        self.finished(id, at);
    }

    /// How long a client waits for the whole of an answer before it gives up; `None`: for ever.
    fn timeout(&self) -> Option<Span> {
        None
    }

    /// Whether later arrivals depend on when earlier requests finish.
    fn is_closed_loop(&self) -> bool;

    /// Whether its requests run out though each be rejected the moment it arrives, as the rows of a trace do: other
    /// closed loops might then send for ever at one instant.
    fn runs_out(&self) -> bool {
        !self.is_closed_loop()
    }
}
