//! Why a run could not go to its end.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::workload::trace::TraceError;

/// Why a run could not go to its end.
#[derive(Debug)]
pub enum ReplayError {
    /// The workload could not be read on.
    Workload(TraceError),
    /// The run would pass [`Time::LIMIT`].
    TooLong,
    /// The requests in the server would take more memory than they may.
    OutOfMemory {
        /// How much that is.
        limit_bytes: u64,
    },
    /// A closed loop whose requests are all rejected, at no cost in time, never ends.
    OnlyRejections,
    /// The router keeps requests for which servers are ready, and nothing else will happen.
    KeptAtRouter {
        /// How many.
        requests: usize,
    },
    /// Who watches the run wants no more of it.
    Stopped,
    /// What somebody keeps or writes of the run has outgrown its bounds; the message says what, and what to ask for
    /// instead.
    Outgrown(&'static str),
}

impl ReplayError {
    /// What happened, in one sentence without a full stop.
    pub fn message(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Workload(error) => return Cow::Owned(error.to_string()),
            Self::TooLong => "the run would pass 200 days of simulated time, the most that is simulated",
            Self::OutOfMemory { limit_bytes } => {
                let mib = limit_bytes >> 20;
                return Cow::Owned(format!(
                    "the requests that wait would take more than the {mib} MiB of memory that there are for them, as \
                     the server cannot keep up"
                ));
            }
            Self::OnlyRejections => {
                "the clients of the closed loop send for ever, as every request is rejected the moment it arrives"
            }
            Self::KeptAtRouter { requests } => {
                return Cow::Owned(format!(
                    "the router keeps {requests} requests for ever: servers are ready for them, and nothing else will \
                     happen"
                ));
            }
            Self::Stopped => "the run was stopped",
            Self::Outgrown(message) => message,
        })
    }

    /// What would help, beside what the message says.
    pub const fn help(&self) -> Option<&'static str> {
        match self {
            Self::TooLong => Some("ask for fewer requests, or for a server that keeps up with them"),
            Self::OutOfMemory { .. } => {
                Some("write a lower rate, fewer requests or a shorter duration, or give more memory by --max-memory")
            }
            Self::KeptAtRouter { .. } => Some("let it choose a server whenever one has nothing to do"),
            Self::OnlyRejections => Some("write shorter prompts, or raise server.max_model_len"),
            Self::Workload(_) | Self::Stopped | Self::Outgrown(_) => None,
        }
    }
}

impl fmt::Display for ReplayError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message())?;
        self.help().map_or(Ok(()), |help| write!(formatter, "; {help}"))
    }
}

impl Error for ReplayError {}
