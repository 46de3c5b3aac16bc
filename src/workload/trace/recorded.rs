//! The rows of a trace as they were recorded, for whoever writes them down in another format.

use std::path::Path;

use rustc_hash::FxHashMap;

use super::error::TraceError;
use super::format::TraceFormat;
use super::replay::Replay;
use super::row::{Row, Rows, SessionName};
use super::row_ids::RowIds;
use super::source::{Skipped, rows_of};
use crate::stats::streams::{hash_bytes, mix};
use crate::workload::{ContentId, RequestId};

/// The rows of a trace, numbered as they come. Rows that wait for another come after it.
pub struct RecordedRows {
    rows: Box<dyn Rows>,
    format: &'static dyn TraceFormat,
    replay: Replay,
    /// All of them, if they were sorted.
    sorted: Option<std::vec::IntoIter<Row>>,
    ids: RowIds,
    taken: u64,
    last_arrival_picos: i128,
    skipped: Skipped,
}

impl RecordedRows {
    /// Opens a trace with valid settings, of which only those matter that say what its rows are, and in which order.
    pub fn open(replay: &Replay) -> Result<Self, TraceError> {
        let (rows, format) = rows_of(replay, 0)?;
        if !format.has_lengths() && replay.lengths.is_none() {
            let message = "holds arrivals alone, not how long requests were, so there are no requests to write down";
            return Err(TraceError::of_file(&replay.path, message));
        }
        let mut recorded = Self {
            rows,
            format,
            replay: replay.clone(),
            sorted: None,
            ids: RowIds::default(),
            taken: 0,
            last_arrival_picos: i128::MIN,
            skipped: Skipped::default(),
        };
        if replay.sort || format.is_by_end() {
            recorded.sort()?;
        }
        Ok(recorded)
    }

    /// The format of the trace.
    pub fn format(&self) -> &'static dyn TraceFormat {
        self.format
    }

    /// Rows that were left out so far.
    pub fn skipped(&self) -> Skipped {
        Skipped {
            failed_requests: self.rows.failed(),
            partly_hashed: self.rows.partly_hashed(),
            ..self.skipped.clone()
        }
    }

    /// Reads the next row into `row`; false at the end. Its number is its place among those that were read, and what
    /// its prompt repeats of other rows is named by theirs.
    pub fn next(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        let is_read = match &mut self.sorted {
            Some(sorted) => sorted.next().map(|next| *row = next).is_some(),
            None => self.read(row)?,
        };
        if !is_read || self.replay.limit.is_some_and(|limit| self.taken >= limit) {
            return Ok(false);
        }
        if row.after.is_none() {
            if row.arrival_picos < self.last_arrival_picos {
                let message = "is earlier than the row before; write --sort";
                let error = TraceError::of_line(self.path(), row.line, message);
                return Err(error
                    .at(row.arrival_column.into(), self.rows.arrival_field(), b"")
                    .fatal());
            }
            self.last_arrival_picos = row.arrival_picos;
        }
        if row.waits.is_some() {
            let message = "waits for others than the row before it in its session, which no form of rows holds; replay \
                           the trace as it is";
            return Err(TraceError::of_line(self.path(), row.line, message).fatal());
        }
        self.ids.push(row.number, self.taken);
        for segment in row.segments.iter_mut().flatten() {
            if let Some(RequestId(of)) = segment.content.producer() {
                segment.content = match self.ids.id_of(of) {
                    Some(id) => ContentId::output_of(RequestId(id)),
                    // What is not written down is content like any other.
                    None => ContentId::numbered(mix(of ^ hash_bytes(b"output of a row"))),
                };
            }
        }
        row.number = self.taken;
        self.taken += 1;
        Ok(true)
    }

    fn path(&self) -> &Path {
        &self.replay.path
    }

    fn read(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        loop {
            match self.rows.next_row(row) {
                Err(error) if error.skippable && self.replay.skip_bad_rows => self.skipped.leave_out(error),
                read => return read,
            }
        }
    }

    /// Reads all rows and sorts them by arrival; who waits for another comes as if it arrived with it.
    fn sort(&mut self) -> Result<(), TraceError> {
        let mut rows: Vec<(i128, Row)> = Vec::new();
        let mut last: FxHashMap<SessionName, i128> = FxHashMap::default();
        let mut row = Row::default();
        while self.read(&mut row)? {
            let row = std::mem::take(&mut row);
            let before = row.session.filter(|_| row.after.is_some());
            let before = before.and_then(|session| last.get(&session).copied());
            let arrival = before.unwrap_or(row.arrival_picos);
            if let Some(session) = row.session {
                last.insert(session, arrival);
            }
            rows.push((arrival, row));
        }
        rows.sort_by_key(|(arrival, _)| *arrival);
        let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
        self.sorted = Some(rows.into_iter());
        Ok(())
    }
}
