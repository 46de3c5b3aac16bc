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
    /// More than [`MOST_IN_SERVER`] requests are in the server.
    TooMany,
    /// A closed loop whose requests are all rejected, at no cost in time, never ends.
    OnlyRejections,
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
            Self::TooMany => {
                "more than 25 million requests are in the server at once, and memory would run out, as the server \
                 cannot keep up"
            }
            Self::OnlyRejections => {
                "the clients of the closed loop send for ever, as every request is rejected the moment it arrives"
            }
            Self::Stopped => "the run was stopped",
            Self::Outgrown(message) => message,
        })
    }

    /// What would help, beside what the message says.
    pub const fn help(&self) -> Option<&'static str> {
        match self {
            Self::TooLong => Some("ask for fewer requests, or for a server that keeps up with them"),
            Self::TooMany => Some("write a lower rate, fewer requests or a shorter duration"),
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
