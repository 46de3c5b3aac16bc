//! One row of a trace, whatever its format.

use rustc_hash::FxHashSet;

use super::error::TraceError;
use super::number::Complaint;
use super::wait::Wait;
use crate::units::{Span, Time};
use crate::workload::Segment;

/// The rows of a trace, one at a time.
pub trait Rows {
    /// Reads the next row into `row`, which saves moving it; false at the end. After an error that may be skipped the
    /// row after it comes next.
    fn next_row(&mut self, row: &mut Row) -> Result<bool, TraceError>;

    /// The name of the field that holds the arrival.
    fn arrival_field(&self) -> &'static str;

    /// Whether rows may wait for other rows: then all must be read before the first is replayed.
    fn has_followers(&self) -> bool {
        false
    }

    /// Whether segments may name the outputs of other rows.
    fn names_outputs(&self) -> bool {
        false
    }

    /// The mean rate of rows that are drawn [requests/s], which takes reading all that says it; `None` of recorded
    /// rows.
    fn drawn_rate_per_s(&mut self) -> Result<Option<f64>, TraceError> {
        Ok(None)
    }

    /// How many rows so far recorded a request that failed, and were left out.
    fn failed(&self) -> u64 {
        0
    }

    /// How many rows so far had fewer hash ids than whole blocks: what the rest of their prompts shares is not known.
    fn partly_hashed(&self) -> u64 {
        0
    }
}

/// A request as it was recorded.
#[derive(Default)]
pub struct Row {
    /// Its place among the rows of the file, unreadable ones included, from 0.
    pub number: u64,
    /// Its line, from 1.
    pub line: u64,
    /// When it arrived: picoseconds since an origin of the format's own.
    pub arrival_picos: i128,
    /// Where in its line its arrival stands: the field (of CSV) or the character (of JSON), from 1.
    pub arrival_column: u32,
    /// Length of its prompt; at least 1.
    pub input_tokens: u32,
    /// Tokens it produced; at least 1.
    pub output_tokens: u32,
    /// Its prompt's content. `ContentId::output_of(RequestId(n))` stands for the output of row `n`, not of request `n`.
    pub segments: Option<Box<[Segment]>>,
    /// The most tokens it allowed.
    pub max_tokens: Option<u32>,
    /// How urgent it was: lower numbers go first.
    pub priority: i32,
    /// The session it belongs to, for rows that follow others and for routers that keep sessions together.
    pub session: Option<SessionName>,
    /// How long after the end of the last row of its session it arrives, instead of at `arrival_picos`. That row
    /// exists.
    pub after: Option<Span>,
    /// The rows that it waits for, if it does not follow one of its session alone: then it arrives when all of them
    /// have come so far, and not before `arrival_picos`.
    pub waits: Option<Box<[Wait]>>,
    /// How many rows follow one another up to it, itself included and no more than can be counted; 0 if it follows
    /// none.
    pub turn: u16,
}

/// The hash of a session's name, so that memory does not grow with names.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionName(pub u64);

/// Which sessions have begun, for the readers of formats with followers; never iterated over.
#[derive(Default)]
pub struct SessionsBegun(FxHashSet<SessionName>);

impl SessionsBegun {
    /// A row of the session was read.
    pub fn add(&mut self, session: SessionName) {
        self.0.insert(session);
    }

    /// What is wrong with a row of `session` that is to arrive `picos` after the one before; otherwise that time.
    pub fn after(&self, session: Option<SessionName>, picos: i128) -> Result<Span, Complaint> {
        match session {
            None => Err("needs a session; name the session that the row belongs to"),
            Some(session) if !self.0.contains(&session) => {
                Err("has no earlier row in its session to follow; give the first row its time of arrival instead")
            }
            Some(_) => u64::try_from(picos)
                .ok()
                .map(Span::from_picos)
                .filter(|&after| after <= Time::LIMIT - Time::ZERO)
                .ok_or("is longer than 200 days, more than a run may last; write a shorter time"),
        }
    }
}
