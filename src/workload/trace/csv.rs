//! The request trace of our own: CSV with a header, extra columns ignored.
//!
//! `arrival_s,input_tokens,output_tokens[,segments][,session][,after_s][,class][,priority][,max_tokens]`, in any order.
//! `class` is read past: nothing in a simulation depends on it yet. An empty `priority` is 0. A row with `after_s`
//! arrives that long after the last token of the row before it in its `session`, and its `arrival_s` may be empty.

use super::error::TraceError;
use super::fast_path::{self, FastPath};
use super::first_line::Needs;
use super::format::TraceFormat;
use super::hints::TraceHints;
use super::lines::Lines;
use super::number::{self, Complaint};
use super::row::{Row, Rows, SessionName, SessionsBegun};
use super::table::CsvTable;
use crate::stats::streams::hash_bytes;
use crate::units::Span;
use crate::workload::{ContentId, RequestId, Segment};

/// The format of tables with a header of one's own.
pub struct Csv;

const ARRIVAL: &str = "arrival_s";
const INPUT: &str = "input_tokens";
const OUTPUT: &str = "output_tokens";

impl TraceFormat for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn looks_like(&self) -> &'static str {
        "CSV with the columns arrival_s, input_tokens and output_tokens"
    }

    fn needs(&self) -> Needs {
        Needs::Columns(&[&[ARRIVAL], &[INPUT], &[OUTPUT]])
    }

    fn rows(&self, lines: Lines, _: &TraceHints, _: u64) -> Result<Box<dyn Rows>, TraceError> {
        let table = CsvTable::new(lines)?;
        let arrival = table.required(ARRIVAL, &[])?;
        let input = table.required(INPUT, &[])?;
        let output = table.required(OUTPUT, &[])?;
        let segments = table.optional("segments", &[])?;
        let max_tokens = table.optional("max_tokens", &[])?;
        let priority = table.optional("priority", &[])?;
        let session = table.optional("session", &[])?;
        let after = table.optional("after_s", &[])?;
        let empty = [segments, max_tokens, priority, after, session];
        Ok(Box::new(CsvRows {
            arrival,
            input,
            output,
            segments,
            max_tokens,
            priority,
            session,
            after,
            fast_path: FastPath::new(arrival, input, output, &empty),
            begun: SessionsBegun::default(),
            table,
        }))
    }
}

struct CsvRows {
    table: CsvTable,
    arrival: usize,
    input: usize,
    output: usize,
    segments: Option<usize>,
    max_tokens: Option<usize>,
    priority: Option<usize>,
    session: Option<usize>,
    after: Option<usize>,
    fast_path: FastPath,
    begun: SessionsBegun,
}

impl Rows for CsvRows {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        if self.table.next_fast(&self.fast_path, row, fast_path::seconds) {
            return Ok(true);
        }
        if !self.table.next()? {
            return Ok(false);
        }
        let table = &self.table;
        let session = self.session();
        let after = self.after(session)?;
        let input_tokens = table.parsed(self.input, number::tokens)?;
        let output_tokens = table.parsed(self.output, number::output_tokens)?;
        let priority = match self.filled(self.priority) {
            Some(column) => table.parsed(column, priority)?,
            None => 0,
        };
        *row = Row {
            number: table.record_number(),
            line: table.line(),
            arrival_picos: match after {
                Some(_) => 0,
                None => table.parsed(self.arrival, number::seconds)?,
            },
            arrival_column: self.arrival as u32 + 1,
            input_tokens,
            output_tokens,
            segments: self.segments(input_tokens)?,
            max_tokens: self.max_tokens(output_tokens)?,
            priority,
            session,
            after,
            waits: None,
            turn: 0,
        };
        if let Some(session) = session.filter(|_| self.after.is_some()) {
            self.begun.add(session);
        }
        Ok(true)
    }

    fn arrival_field(&self) -> &'static str {
        ARRIVAL
    }

    fn has_followers(&self) -> bool {
        self.after.is_some()
    }

    fn names_outputs(&self) -> bool {
        self.segments.is_some()
    }
}

impl CsvRows {
    /// The column, if there is one and the current record has something in it.
    fn filled(&self, column: Option<usize>) -> Option<usize> {
        column.filter(|&column| !self.table.field(column).trim_ascii().is_empty())
    }

    fn session(&self) -> Option<SessionName> {
        let column = self.filled(self.session)?;
        Some(SessionName(hash_bytes(self.table.field(column).trim_ascii())))
    }

    fn after(&self, session: Option<SessionName>) -> Result<Option<Span>, TraceError> {
        let Some(column) = self.filled(self.after) else {
            return Ok(None);
        };
        let parse = |text: &[u8]| self.begun.after(session, number::seconds(text)?);
        self.table.parsed(column, parse).map(Some)
    }

    fn max_tokens(&self, output_tokens: u32) -> Result<Option<u32>, TraceError> {
        let Some(column) = self.filled(self.max_tokens) else {
            return Ok(None);
        };
        let max_tokens = self.table.parsed(column, number::tokens)?;
        if max_tokens >= output_tokens {
            return Ok(Some(max_tokens));
        }
        let message = format!("is less than output_tokens = {output_tokens}; write at least as much, or nothing");
        Err(self.table.error(column, message))
    }

    fn segments(&self, input_tokens: u32) -> Result<Option<Box<[Segment]>>, TraceError> {
        let Some(column) = self.filled(self.segments) else {
            return Ok(None);
        };
        let row = self.table.record_number();
        let segments = self.table.parsed(column, |text| parse_segments(text, row))?;
        let sum: u64 = segments.iter().map(|segment| u64::from(segment.tokens)).sum();
        if sum == u64::from(input_tokens) {
            return Ok(Some(segments));
        }
        let message = format!("add up to {sum} tokens, but input_tokens is {input_tokens}; make them equal");
        Err(self.table.error(column, message))
    }
}

fn priority(text: &[u8]) -> Result<i32, Complaint> {
    let digits = text.trim_ascii();
    let (digits, sign) = match digits.strip_prefix(b"-") {
        Some(digits) => (digits, -1),
        None => (digits, 1),
    };
    let size = number::whole(digits).map_err(|_| "is not a whole number; write e.g. 0 (lower goes first)")?;
    i32::try_from(size)
        .map(|size| sign * size)
        .map_err(|_| "is out of range; write a number from -2147483647 to 2147483647")
}

/// Reads `name:len` and `name@offset:len`, separated by semicolons, in row `row`.
fn parse_segments(text: &[u8], row: u64) -> Result<Box<[Segment]>, Complaint> {
    const EXAMPLE: Complaint = "is not a list of segments; write e.g. sys3:100;p37@16:491";
    let parse = |segment: &[u8]| {
        let colon = segment.iter().rposition(|&byte| byte == b':').ok_or(EXAMPLE)?;
        let tokens = number::tokens(&segment[colon + 1..]).map_err(
            |_| "has a segment whose length is not a whole number from 1 to 1000000000; write e.g. sys3:100",
        )?;
        let (name, offset) = match segment[..colon].iter().rposition(|&byte| byte == b'@') {
            Some(at) => (&segment[..at], parse_offset(&segment[at + 1..colon])?),
            None => (&segment[..colon], 0),
        };
        let name = name.trim_ascii();
        if name.is_empty() {
            return Err(EXAMPLE);
        }
        Ok(Segment {
            content: content_of(name, row)?,
            offset,
            tokens,
        })
    };
    text.trim_ascii().split(|&byte| byte == b';').map(parse).collect()
}

fn parse_offset(digits: &[u8]) -> Result<u32, Complaint> {
    const COMPLAINT: Complaint =
        "has a segment whose offset is not a whole number below 1000000000; write e.g. p37@16:491";
    match number::whole(digits) {
        Ok(0) => Ok(0),
        Ok(offset) => number::checked_tokens(offset).map_err(|_| COMPLAINT),
        Err(_) => Err(COMPLAINT),
    }
}

/// Names become hashes, so that memory does not grow with their number. Among a million names two collide with a
/// probability of 10^-7.
fn content_of(name: &[u8], row: u64) -> Result<ContentId, Complaint> {
    let Some(earlier) = name.strip_prefix(b"out.") else {
        return Ok(ContentId::numbered(hash_bytes(name)));
    };
    match number::whole(earlier) {
        Ok(earlier) if earlier < row => Ok(ContentId::output_of(RequestId(earlier))),
        _ => Err("has a segment out.<row> that names no earlier row; rows count from 0"),
    }
}
