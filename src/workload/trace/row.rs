//! One row of a trace, whatever its format.

use super::error::TraceError;
use crate::workload::Segment;

/// The rows of a trace, one at a time.
pub trait Rows {
    /// The next row; `None` at the end. After an error that may be skipped the row after it comes next.
    fn next_row(&mut self) -> Result<Option<Row>, TraceError>;

    /// How many rows so far recorded a request that failed, and were left out.
    fn failed(&self) -> u64 {
        0
    }
}

/// One recorded request.
pub struct Row {
    /// Its place among the rows of the file, unreadable ones included, from 0.
    pub number: u64,
    /// Its line, from 1.
    pub line: u64,
    /// When it arrived: picoseconds since an origin of the format's own.
    pub arrival_picos: i128,
    /// Where its arrival stands.
    pub arrival_place: Place,
    /// Length of its prompt; at least 1.
    pub input_tokens: u32,
    /// Tokens it produced; at least 1.
    pub output_tokens: u32,
    /// Its prompt's content. `ContentId::output_of(RequestId(n))` stands for the output of row `n`, not of request `n`.
    pub segments: Option<Box<[Segment]>>,
    /// The most tokens it allowed.
    pub max_tokens: Option<u32>,
}

/// Where in its line a field stands.
#[derive(Clone, Copy)]
pub struct Place {
    /// The field (of CSV) or the character (of JSON), from 1.
    pub column: u64,
    /// The field's name.
    pub field: &'static str,
}
