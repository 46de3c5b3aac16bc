//! The requests of a trace, in the order of arrival.

use std::path::Path;

use super::Format;
use super::detect::detect;
use super::error::TraceError;
use super::lines::Lines;
use super::replay::Replay;
use super::row::{Row, Rows};
use super::row_ids::RowIds;
use crate::stats::streams::{hash_bytes, mix};
use crate::units::Time;
use crate::workload::{ContentId, Prompt, Request, RequestId, Segment, Source};

/// Opens a trace with valid settings and reads its first request.
pub fn open(replay: &Replay) -> Result<TraceSource, TraceError> {
    let lines = Lines::open(&replay.path)?;
    let format = match replay.format {
        Some(name) => name.format(),
        None => detect(&lines)?,
    };
    let mut source = TraceSource {
        replay: replay.clone(),
        format,
        rows: format.rows(lines)?,
        sorted: None,
        origin: None,
        last_arrival_picos: i128::MIN,
        base: None,
        ids: RowIds::default(),
        taken: 0,
        pending: None,
        skipped: Skipped::default(),
    };
    if replay.sort {
        source.sort()?;
    }
    source.pending = source.next_request()?;
    if source.pending.is_none() {
        return Err(source.nothing_to_replay());
    }
    Ok(source)
}

/// What was left out of a trace so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Rows that cannot be read.
    pub bad_rows: u64,
    /// What is wrong with the first few of them.
    pub first: Vec<TraceError>,
    /// Rows that record a request which failed.
    pub failed_requests: u64,
    /// Rows before the start of the replay.
    pub before_start: u64,
}

/// How many bad rows are remembered.
const MOST_REMEMBERED: usize = 5;

/// The requests of a trace.
pub struct TraceSource {
    replay: Replay,
    format: &'static dyn Format,
    rows: Box<dyn Rows>,
    /// All rows in the order of arrival, if they had to be sorted.
    sorted: Option<std::vec::IntoIter<Row>>,
    /// Arrival of the first row [ps].
    origin: Option<i128>,
    /// Arrival of the row last read [ps].
    last_arrival_picos: i128,
    /// Arrival of the first row that is replayed [ps].
    base: Option<i128>,
    ids: RowIds,
    taken: u64,
    pending: Option<Request>,
    skipped: Skipped,
}

impl TraceSource {
    /// What was left out so far.
    pub fn skipped(&self) -> Skipped {
        Skipped {
            failed_requests: self.rows.failed(),
            ..self.skipped.clone()
        }
    }

    /// The trace's format, named or recognised.
    pub fn format(&self) -> &'static dyn Format {
        self.format
    }

    fn path(&self) -> &Path {
        &self.replay.path
    }

    /// The next row to replay, if there is one.
    fn next_request(&mut self) -> Result<Option<Request>, TraceError> {
        let id = self.taken;
        if self.replay.limit.is_some_and(|limit| id >= limit) {
            return Ok(None);
        }
        loop {
            let Some(row) = self.next_in_order()? else {
                return Ok(None);
            };
            let origin = *self.origin.get_or_insert(row.arrival_picos);
            if self.base.is_none()
                && row.arrival_picos - origin < i128::from(self.replay.start.picos())
            {
                self.skipped.before_start += 1;
                continue;
            }
            if self.sorted.is_none() {
                self.ids.push(row.number, id);
            }
            return self.request(row, id).map(Some);
        }
    }

    fn request(&mut self, row: Row, id: u64) -> Result<Request, TraceError> {
        let base = *self.base.get_or_insert(row.arrival_picos);
        let Some(arrival) = self.replayed_at(row.arrival_picos - base) else {
            let message = "arrives more than 200 days after the first request, more than a run may last; \
                           check the times, or set a limit or a higher speedup";
            return Err(self.error_at_arrival(&row, message));
        };
        let max_tokens = row
            .max_tokens
            .or(self.replay.max_tokens)
            .unwrap_or(row.output_tokens);
        let output_tokens = row.output_tokens.min(max_tokens);
        let prompt = match row.segments {
            None => Prompt::unique(row.input_tokens),
            Some(segments) => Prompt::of_segments(self.with_request_ids(segments)),
        };
        Ok(Request::new(
            RequestId(id),
            arrival,
            prompt,
            output_tokens,
            max_tokens,
        ))
    }

    /// When a row that arrived `picos` after the first arrives in the replay; `None` if that is past the limit of simulated time.
    fn replayed_at(&self, picos: i128) -> Option<Time> {
        // Exact as recorded; otherwise rounded to 1 part in 10^16, which keeps the order.
        #[expect(
            clippy::float_cmp,
            reason = "1.0 means that nobody asked for a speedup"
        )]
        let picos = if self.replay.speedup == 1.0 {
            picos
        } else {
            (picos as f64 / self.replay.speedup).round() as i128
        };
        let time = Time::from_picos(u64::try_from(picos).ok()?);
        (time <= Time::LIMIT).then_some(time)
    }

    /// Turns the rows that segments name into requests.
    fn with_request_ids(&self, mut segments: Box<[Segment]>) -> Box<[Segment]> {
        for segment in &mut segments {
            if let Some(RequestId(row)) = segment.content.producer() {
                segment.content = match self.ids.id_of(row) {
                    Some(id) => ContentId::output_of(RequestId(id)),
                    // The row is not replayed: its output is content like any other.
                    None => ContentId::numbered(mix(row ^ hash_bytes(b"output of a row"))),
                };
            }
        }
        segments
    }

    /// The next row in the order of arrival.
    fn next_in_order(&mut self) -> Result<Option<Row>, TraceError> {
        if let Some(sorted) = &mut self.sorted {
            return Ok(sorted.next());
        }
        let Some(row) = self.next_readable()? else {
            return Ok(None);
        };
        if row.arrival_picos < self.last_arrival_picos {
            let earlier = (self.last_arrival_picos - row.arrival_picos) as f64 / 1e12;
            let message = format!(
                "is {earlier} s earlier than the row before; sort the trace, or set sort = true"
            );
            return Err(self.error_at_arrival(&row, message));
        }
        self.last_arrival_picos = row.arrival_picos;
        Ok(Some(row))
    }

    /// The next row that can be read, in the order of the file.
    fn next_readable(&mut self) -> Result<Option<Row>, TraceError> {
        loop {
            match self.rows.next_row() {
                Err(error) if error.skippable && self.replay.skip_bad_rows => {
                    self.skipped.bad_rows += 1;
                    if self.skipped.first.len() < MOST_REMEMBERED {
                        self.skipped.first.push(error);
                    }
                }
                read => return read,
            }
        }
    }

    fn sort(&mut self) -> Result<(), TraceError> {
        let mut rows = Vec::new();
        while let Some(row) = self.next_readable()? {
            rows.push(row);
        }
        rows.sort_by_key(|row| row.arrival_picos);
        let start = i128::from(self.replay.start.picos());
        let origin = rows.first().map_or(0, |row| row.arrival_picos);
        let replayed = rows
            .iter()
            .filter(|row| row.arrival_picos - origin >= start);
        let ids = replayed
            .zip(0..)
            .map(|(row, id)| (row.number, id))
            .collect();
        self.ids = RowIds::of_pairs(ids);
        self.sorted = Some(rows.into_iter());
        Ok(())
    }

    fn error_at_arrival(&self, row: &Row, message: impl Into<Box<str>>) -> TraceError {
        let origin = self.origin.unwrap_or(row.arrival_picos);
        let seconds = (row.arrival_picos - origin) as f64 / 1e12;
        let value = format!("{seconds} s after the first row");
        let place = row.arrival_place;
        let error = TraceError::of_line(self.path(), row.line, message);
        error
            .at(place.column, place.field, value.as_bytes())
            .fatal()
    }

    fn nothing_to_replay(&self) -> TraceError {
        let skipped = self.skipped();
        let message = if let Some(first) = skipped.first.first() {
            format!(
                "has no row that can be read; the first of {} bad rows: {first}",
                skipped.bad_rows
            )
        } else if skipped.before_start > 0 {
            format!(
                "has no row after start = {} s; all {} rows are earlier",
                self.replay.start.seconds(),
                skipped.before_start
            )
        } else if skipped.failed_requests > 0 {
            format!("records only failed requests: {}", skipped.failed_requests)
        } else {
            "has a header, but no rows after it".to_owned()
        };
        TraceError::of_file(self.path(), message)
    }
}

impl Source for TraceSource {
    fn next_arrival(&mut self) -> Result<Option<Time>, TraceError> {
        if self.pending.is_none() {
            self.pending = self.next_request()?;
        }
        Ok(self.pending.as_ref().map(|request| request.arrival))
    }

    fn take(&mut self) -> Request {
        self.taken += 1;
        self.pending
            .take()
            .expect("an arrival must have been announced")
    }

    fn finished(&mut self, _: RequestId, _: Time) {}

    fn is_closed_loop(&self) -> bool {
        false
    }
}
