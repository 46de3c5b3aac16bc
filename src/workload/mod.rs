//! Who asks for what, and when: requests, arrival processes, length distributions and recorded traces.

mod arrivals;
mod classes;
mod closed_loop;
mod content_names;
mod custom_arrivals;
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
mod span_distribution;
mod starts;
mod synthetic;
mod synthetic_source;
mod think;
pub mod trace;

pub use arrivals::{Arrivals, ClosedStart, Stage};
pub use classes::{ClassSource, Classes};
pub use custom_arrivals::{CustomArrivals, GapMaker, MissedRate};
pub use exponential::draw_exponential;
pub use invalid::Invalid;
pub use length_sampler::LengthSampler;
pub use lengths::{LengthDistribution, Lengths, MixturePart};
pub use limited::Limited;
pub use priorities::{Priorities, PriorityLevel};
pub use prompt_pool::{PoolOrder, PromptPool};
pub use quantile_table::QuantileTable;
pub use request::{ClassId, ContentId, MOST_TOKENS, OutputName, Prompt, Request, RequestId, Segment, SessionId};
pub use session::Session;
pub use shared_prefix::SharedPrefix;
pub use span_distribution::SpanDistribution;
pub use synthetic::Synthetic;
pub use synthetic_source::SyntheticSource;
pub use think::Think;

use crate::units::{Span, Time};

/// Requests in the order of their arrival, made one at a time so that a run of any length needs little memory.
pub trait Source {
    /// When the next request arrives, as far as is known now; `None` if no request is due. A closed loop learns of its
    /// next arrival only when a request finishes, so `None` may turn into `Some` after [`Source::finished`].
    fn next_arrival(&mut self) -> Result<Option<Time>, trace::TraceError>;

    /// Goes on to the instant that [`Source::next_arrival`] announced, once servers have: whether a request arrives
    /// there, to be taken. If not, something else has happened to its clients, and the next arrival is to be asked for
    /// again. Only sources whose clients look at their answers ever say no.
    fn arrives(&mut self) -> bool {
        true
    }

    /// Takes the request whose arrival [`Source::next_arrival`] announced; arrivals never go back in time.
    fn take(&mut self) -> Request;

    /// Tells the source that a request has produced its last token.
    fn finished(&mut self, id: RequestId, at: Time);

    /// Tells the source that a request has ended without an answer.
    fn rejected(&mut self, id: RequestId, at: Time) {
        self.finished(id, at);
    }

    /// The next of the requests that have not ended whose clients leave now, each by itself; asked for as long as there
    /// is one whenever [`Source::arrives`] has said no, of sources for which [`Source::timeout`] says how long their
    /// clients wait at most.
    fn gives_up(&mut self) -> Option<RequestId> {
        None
    }

    /// How many classes its requests belong to.
    fn classes(&self) -> usize {
        1
    }

    /// How long a client of this class waits for the whole of an answer before it gives up; `None`: for ever.
    fn timeout(&self, _class: ClassId) -> Option<Span> {
        None
    }

    /// Whether later arrivals depend on when earlier requests finish.
    fn is_closed_loop(&self) -> bool;

    /// Whether its requests run out though each be rejected the moment it arrives, as the rows of a trace do: other
    /// closed loops might then send for ever at one instant.
    fn runs_out(&self) -> bool {
        !self.is_closed_loop()
    }

    /// About how many bytes it keeps of requests that are on their way to the servers or back; those of others do not
    /// grow with a load that is too high.
    fn held_bytes(&self) -> u64 {
        0
    }
}

impl<S: Source + ?Sized> Source for &mut S {
    fn next_arrival(&mut self) -> Result<Option<Time>, trace::TraceError> {
        (**self).next_arrival()
    }

    fn arrives(&mut self) -> bool {
        (**self).arrives()
    }

    fn take(&mut self) -> Request {
        (**self).take()
    }

    fn finished(&mut self, id: RequestId, at: Time) {
        (**self).finished(id, at);
    }

    fn rejected(&mut self, id: RequestId, at: Time) {
        (**self).rejected(id, at);
    }

    fn gives_up(&mut self) -> Option<RequestId> {
        (**self).gives_up()
    }

    fn classes(&self) -> usize {
        (**self).classes()
    }

    fn timeout(&self, class: ClassId) -> Option<Span> {
        (**self).timeout(class)
    }

    fn is_closed_loop(&self) -> bool {
        (**self).is_closed_loop()
    }

    fn runs_out(&self) -> bool {
        (**self).runs_out()
    }

    fn held_bytes(&self) -> u64 {
        (**self).held_bytes()
    }
}
