//! The requests of a trace, in the order of arrival.

use std::path::Path;

use super::detect::detect;
use super::error::TraceError;
use super::followers::Followers;
use super::format::TraceFormat;
use super::lines::Lines;
use super::replay::Replay;
use super::row::{Row, Rows};
use super::row_ids::RowIds;
use super::scales::scale;
use super::ties::{TieCounter, TieSpreader};
use crate::stats::streams::{hash_bytes, mix};
use crate::units::{Span, Time};
use crate::workload::slots::Slots;
use crate::workload::synthetic::cut_output;
use crate::workload::{ClassId, ContentId, Prompt, Request, RequestId, Segment, SessionId, Source};

/// Opens a trace as [`open_seeded`] does, with seed 0: only what is drawn at random depends on it.
pub fn open(replay: &Replay) -> Result<TraceSource, TraceError> {
    open_seeded(replay, 0)
}

/// Opens a trace with valid settings and reads its first request. Ties are spread, if they are, by draws from `seed`.
pub fn open_seeded(replay: &Replay, seed: u64) -> Result<TraceSource, TraceError> {
    let source = TraceSource::unread(replay, seed)?;
    if replay.lengths.is_none() && !source.format.has_lengths() {
        let message = format!(
            "holds arrivals alone ({}), not how long requests were; write workload.prompt and workload.output beside \
             workload.trace",
            source.format.name()
        );
        return Err(TraceError::of_file(&replay.path, message));
    }
    begin(source)
}

/// Opens a trace of which only that is asked which its rows say.
pub(super) fn open_as_recorded(replay: &Replay) -> Result<TraceSource, TraceError> {
    begin(TraceSource::unread(replay, 0)?)
}

/// The format of a trace, named or recognised.
pub fn format_of(replay: &Replay) -> Result<&'static dyn TraceFormat, TraceError> {
    match replay.format {
        Some(name) => Ok(name.format()),
        None => detect(&Lines::from_start(&replay.path, replay.file.as_ref())?),
    }
}

fn format_in(replay: &Replay, lines: &Lines) -> Result<&'static dyn TraceFormat, TraceError> {
    replay.format.map_or_else(|| detect(lines), |name| Ok(name.format()))
}

/// The rows of a trace as a replay has them, but in the order of the file.
pub(super) fn rows_of(replay: &Replay, seed: u64) -> Result<(Box<dyn Rows>, &'static dyn TraceFormat), TraceError> {
    let lines = Lines::from_start(&replay.path, replay.file.as_ref())?;
    let format = format_in(replay, &lines)?;
    check_hints(replay, format)?;
    let rows = format.rows(lines, &replay.hints, seed)?;
    let rows = match &replay.lengths {
        Some(lengths) if !format.has_lengths() => lengths.of(rows, seed),
        _ => rows,
    };
    Ok((scale(rows, replay), format))
}

/// Refuses what is said of a trace to which it does not matter: it is a mistake, in whatever it was meant to change.
fn check_hints(replay: &Replay, format: &'static dyn TraceFormat) -> Result<(), TraceError> {
    let (hints, hears) = (&replay.hints, format.hears());
    let deaf = [
        (
            "time_unit",
            hints.time_unit.is_some(),
            hears.time_unit,
            "whose times have a unit of their own",
        ),
        (
            "block_tokens",
            hints.block_tokens.is_some(),
            hears.block_tokens,
            "which has no hash ids of blocks",
        ),
        (
            "chars_per_token",
            hints.chars_per_token.is_some(),
            hears.chars_per_token,
            "which holds no texts",
        ),
        (
            "tokenizer",
            hints.tokenizer.is_some(),
            hears.chars_per_token,
            "which holds no texts",
        ),
        (
            "think",
            hints.think.is_some(),
            hears.think,
            "which holds no conversations without times",
        ),
    ];
    for (key, is_said, matters, why) in deaf {
        if is_said && !matters {
            let message = format!("is of the format {}, {why}; leave trace.{key} out", format.name());
            return Err(TraceError::of_file(&replay.path, message));
        }
    }
    Ok(())
}

fn begin(mut source: TraceSource) -> Result<TraceSource, TraceError> {
    source.read_pending()?;
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
    /// Rows that record a request which failed, or got no answer.
    pub failed_requests: u64,
    /// Rows before the start of the replay.
    pub before_start: u64,
    /// Rows that are replayed, but whose hash ids are too few for their prompts: the rest is taken for content that no
    /// other prompt has.
    pub partly_hashed: u64,
}

impl Skipped {
    /// A row that cannot be read is left out.
    pub(super) fn leave_out(&mut self, error: TraceError) {
        self.bad_rows += 1;
        if self.first.len() < MOST_REMEMBERED {
            self.first.push(error);
        }
    }

    /// What was left out of another trace too.
    pub fn add(&mut self, mut other: Self) {
        self.bad_rows += other.bad_rows;
        self.first.append(&mut other.first);
        self.failed_requests += other.failed_requests;
        self.before_start += other.before_start;
        self.partly_hashed += other.partly_hashed;
    }
}

/// How many bad rows are remembered.
const MOST_REMEMBERED: usize = 5;

/// The requests of a trace.
pub struct TraceSource {
    replay: Replay,
    format: &'static dyn TraceFormat,
    rows: Box<dyn Rows>,
    /// Whether segments may name the outputs of other rows.
    names_outputs: bool,
    /// All rows that arrive by themselves, if all had to be read: in the order of arrival if they were sorted.
    loaded: Option<std::vec::IntoIter<Row>>,
    /// All other rows, if there are any.
    followers: Option<Box<Followers>>,
    /// What says when rows are sent, if not the recorded arrivals: all are due from time 0.
    slots: Option<Slots>,
    spreader: Option<TieSpreader>,
    /// Arrival of the first row [ps].
    origin: Option<i128>,
    /// Arrival of the row last read [ps].
    last_arrival_picos: i128,
    /// Whether a row was read that is not before the start of the replay.
    has_started: bool,
    /// Arrival of the first row that is replayed [ps].
    base: Option<i128>,
    ids: RowIds,
    taken: u64,
    /// How many of them belong to a session with a name.
    in_sessions: u64,
    /// The row last read.
    row: Row,
    /// When that row arrives in the replay, until it is taken. With places, that it is due: they say when it does.
    pending: Option<Time>,
    /// Whether the arrival announced is that of a follower.
    next_is_follower: bool,
    ties: TieCounter,
    skipped: Skipped,
}

impl TraceSource {
    /// Opens a trace, of which a row is read only if all must be.
    pub(super) fn unread(replay: &Replay, seed: u64) -> Result<Self, TraceError> {
        let (rows, format) = rows_of(replay, seed)?;
        let mut source = Self {
            replay: Replay {
                sort: replay.sort || format.is_by_end(),
                ..replay.clone()
            },
            format,
            names_outputs: rows.names_outputs(),
            rows,
            loaded: None,
            followers: None,
            slots: replay.concurrency.map(Slots::new),
            spreader: replay.jitter_ties.then(|| TieSpreader::new(seed)),
            origin: None,
            last_arrival_picos: i128::MIN,
            has_started: false,
            base: None,
            ids: RowIds::default(),
            taken: 0,
            in_sessions: 0,
            row: Row::default(),
            pending: None,
            next_is_follower: false,
            ties: TieCounter::default(),
            skipped: Skipped::default(),
        };
        if source.replay.sort || source.rows.has_followers() {
            source.load()?;
        }
        Ok(source)
    }

    /// What was left out so far.
    pub fn skipped(&self) -> Skipped {
        Skipped {
            failed_requests: self.rows.failed(),
            partly_hashed: self.rows.partly_hashed(),
            ..self.skipped.clone()
        }
    }

    /// The trace's format, named or recognised.
    pub fn format(&self) -> &'static dyn TraceFormat {
        self.format
    }

    /// How many characters are taken for a token, if the trace holds texts whose tokens nobody counts.
    pub fn chars_per_token(&self) -> Option<f64> {
        let has_texts = self.format.hears().chars_per_token && self.replay.hints.tokenizer.is_none();
        has_texts.then(|| self.replay.hints.chars_per_token())
    }

    /// The share of requests so far that arrive together with the one before, as if a clock had ticked too slowly; none
    /// if all do.
    pub fn tied_share(&self) -> f64 {
        self.ties.tied_share()
    }

    /// Whether any request so far belongs to a session that its row names.
    pub fn has_sessions(&self) -> bool {
        self.in_sessions > 0
    }

    fn path(&self) -> &Path {
        &self.replay.path
    }

    /// Reads the next row to replay that arrives by itself, if there is one.
    fn read_pending(&mut self) -> Result<(), TraceError> {
        if self.is_complete() || !self.next_spread()? {
            return Ok(());
        }
        let row = &self.row;
        if self.loaded.is_none() && self.names_outputs {
            self.ids.push(row.number, self.taken);
        }
        if self.slots.is_some() {
            self.pending = Some(Time::ZERO);
            return Ok(());
        }
        let base = *self.base.get_or_insert(row.arrival_picos);
        let Some(arrival) = self.replayed_at(row.arrival_picos - base) else {
            let message = "arrives more than 200 days after the first request, more than a run may last; \
                           check the times, or set a limit or a higher speedup";
            return Err(self.error_at_arrival(message));
        };
        self.pending = Some(arrival);
        Ok(())
    }

    /// Whether as many requests were sent as were asked for.
    fn is_complete(&self) -> bool {
        self.replay.limit.is_some_and(|limit| self.taken >= limit)
    }

    /// The next request, which `row`, whose prompt consists of `segments`, becomes.
    fn request(&self, row: &Row, segments: Option<Box<[Segment]>>, arrival: Time) -> Request {
        let (output_tokens, max_tokens) = match row.max_tokens {
            _ if self.replay.prompts_only => (1, 1),
            Some(max_tokens) => (row.output_tokens, max_tokens),
            None => cut_output(row.output_tokens, self.replay.max_tokens),
        };
        let prompt = match segments {
            None => Prompt::unique(row.input_tokens),
            Some(segments) => Prompt::of_segments(self.with_request_ids(segments)),
        };
        let id = RequestId(self.taken);
        let mut request = Request::new(id, arrival, prompt, output_tokens, max_tokens);
        request.ignore_eos = row.max_tokens.or(self.replay.max_tokens).is_none();
        request.is_prompt_only = self.replay.prompts_only;
        request.output_is_shared = self.names_outputs;
        request.priority = row.priority;
        if let Some(session) = row.session {
            request.session = SessionId(session.0);
            request.turn = row.turn.max(1);
        }
        if self.followers.is_some() {
            // Which request a row becomes is known only when it arrives, so outputs keep the names that rows have for
            // them.
            request.output_name.content = ContentId::output_of(RequestId(row.number));
        }
        request
    }

    /// When a row that arrived `picos` after the first arrives in the replay; `None` if that is past the limit of
    /// simulated time.
    fn replayed_at(&self, picos: i128) -> Option<Time> {
        // Exact as recorded; otherwise rounded to 1 part in 10^16, which keeps the order.
        #[expect(clippy::float_cmp, reason = "1.0 means that nobody asked for a speedup")]
        let picos = if self.replay.speedup == 1.0 {
            picos
        } else {
            (picos as f64 / self.replay.speedup).round() as i128
        };
        let time = Time::from_picos(u64::try_from(picos).ok()?);
        (time <= Time::LIMIT).then_some(time)
    }

    /// The same of a row that may have been recorded before the first; what is past the limit is refused when it is
    /// due.
    fn not_before(&self, arrival_picos: i128) -> Time {
        let picos = arrival_picos - self.base.unwrap_or(arrival_picos);
        if picos <= 0 {
            return Time::ZERO;
        }
        self.replayed_at(picos).unwrap_or(Time::from_picos(u64::MAX))
    }

    /// Turns the rows that segments name into requests.
    fn with_request_ids(&self, mut segments: Box<[Segment]>) -> Box<[Segment]> {
        if self.followers.is_some() {
            return segments;
        }
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

    /// Reads the next row that arrives by itself, ties spread; false at the end.
    fn next_spread(&mut self) -> Result<bool, TraceError> {
        let Some(mut spreader) = self.spreader.take() else {
            return self.next_after_start();
        };
        let next = spreader.next(|| {
            let is_read = self.next_after_start()?;
            Ok(is_read.then(|| std::mem::take(&mut self.row)))
        });
        self.spreader = Some(spreader);
        Ok(fill(&mut self.row, next?))
    }

    /// When the next row to replay that arrives by itself was recorded [ps]; `None` at the end.
    pub(super) fn next_recorded(&mut self) -> Result<Option<i128>, TraceError> {
        let is_read = self.next_after_start()?;
        Ok(is_read.then_some(self.row.arrival_picos))
    }

    /// Reads the next row that arrives by itself, and not before the start of the replay.
    fn next_after_start(&mut self) -> Result<bool, TraceError> {
        while self.next_in_order()? {
            let row = &self.row;
            let origin = *self.origin.get_or_insert(row.arrival_picos);
            self.has_started |= row.arrival_picos - origin >= i128::from(self.replay.start.picos());
            if self.has_started {
                return Ok(true);
            }
            let followers = self.followers.as_mut();
            let left_out = followers.map_or(0, |followers| followers.leave_out(row.number));
            self.skipped.before_start += 1 + left_out;
        }
        Ok(false)
    }

    /// Reads the next row that arrives by itself, in the order of arrival.
    fn next_in_order(&mut self) -> Result<bool, TraceError> {
        let is_read = match &mut self.loaded {
            Some(loaded) => fill(&mut self.row, loaded.next()),
            None => self.next_readable()?,
        };
        if !is_read {
            return Ok(false);
        }
        let arrival_picos = self.row.arrival_picos;
        if arrival_picos < self.last_arrival_picos {
            let earlier = (self.last_arrival_picos - arrival_picos) as f64 / 1e12;
            let message = format!("is {earlier} s earlier than the row before; sort the trace, or set sort = true");
            return Err(self.error_at_arrival(message));
        }
        self.last_arrival_picos = arrival_picos;
        Ok(true)
    }

    /// Reads the next row that can be read, in the order of the file.
    fn next_readable(&mut self) -> Result<bool, TraceError> {
        loop {
            match self.rows.next_row(&mut self.row) {
                Err(error) if error.skippable && self.replay.skip_bad_rows => self.skipped.leave_out(error),
                read => return read,
            }
        }
    }

    /// Reads all rows, to sort them or to know who follows whom.
    fn load(&mut self) -> Result<(), TraceError> {
        let mut rows = Vec::new();
        while self.next_readable()? {
            rows.push(std::mem::take(&mut self.row));
        }
        if self.rows.has_followers() {
            let followers = Followers::take_from(&mut rows);
            if self.slots.is_some() && !followers.is_empty() {
                let message = "has rows that wait for others (after_s, delay, dependencies or think): sessions \
                               already are a closed loop; leave workload.trace.concurrency out";
                return Err(TraceError::of_file(self.path(), message));
            }
            self.followers = Some(Box::new(followers));
        }
        if self.replay.sort {
            rows.sort_by_key(|row| row.arrival_picos);
        }
        if self.replay.sort && self.names_outputs {
            let start = i128::from(self.replay.start.picos());
            let origin = rows.first().map_or(0, |row| row.arrival_picos);
            let replayed = rows.iter().filter(|row| row.arrival_picos - origin >= start);
            let ids = replayed.zip(0..).map(|(row, id)| (row.number, id)).collect();
            self.ids = RowIds::of_pairs(ids);
        }
        self.loaded = Some(rows.into_iter());
        Ok(())
    }

    /// Something is wrong with the arrival of the row last read.
    fn error_at_arrival(&self, message: impl Into<Box<str>>) -> TraceError {
        let row = &self.row;
        let origin = self.origin.unwrap_or(row.arrival_picos);
        let seconds = (row.arrival_picos - origin) as f64 / 1e12;
        let value = format!("{seconds} s after the first row");
        let field = self.rows.arrival_field();
        let error = TraceError::of_line(self.path(), row.line, message);
        error.at(row.arrival_column.into(), field, value.as_bytes()).fatal()
    }

    /// Why there is no row to replay.
    pub(super) fn nothing_to_replay(&self) -> TraceError {
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
        } else if !self.format.has_lengths() {
            "has windows, but chance drew no arrival in any of them; another seed may".to_owned()
        } else {
            "has a header, but no rows after it".to_owned()
        };
        TraceError::of_file(self.path(), message)
    }
}

/// Puts the next row where the row last read stands, if there is one; tells whether there is.
fn fill(row: &mut Row, next: Option<Row>) -> bool {
    next.map(|next| *row = next).is_some()
}

impl Source for TraceSource {
    fn next_arrival(&mut self) -> Result<Option<Time>, TraceError> {
        if self.pending.is_none() {
            self.read_pending()?;
        }
        let start = self.pending;
        if let Some(slots) = &self.slots {
            return Ok(start.and_then(|due| slots.next(due)));
        }
        let Some(followers) = &self.followers else {
            return Ok(start);
        };
        if self.is_complete() {
            return Ok(None);
        }
        let follower = followers.next();
        // Between equals, the session that started earlier goes first.
        self.next_is_follower = follower.is_some_and(|follower| start.is_none_or(|start| follower <= start));
        Ok(if self.next_is_follower { follower } else { start })
    }

    fn take(&mut self) -> Request {
        let followers = self.followers.as_mut().filter(|_| self.next_is_follower);
        let due = followers.map(|followers| followers.take());
        let (number, request) = if let Some((mut row, arrival)) = due {
            let segments = row.segments.take();
            (row.number, self.request(&row, segments, arrival))
        } else {
            let pending = self.pending.take();
            let mut arrival = pending.expect("an arrival must have been announced");
            match &mut self.slots {
                Some(slots) => arrival = slots.take(arrival),
                None => self.ties.add(arrival),
            }
            let segments = self.row.segments.take();
            (self.row.number, self.request(&self.row, segments, arrival))
        };
        self.taken += 1;
        self.in_sessions += u64::from(request.session != SessionId(request.id.0));
        if let Some(mut followers) = self.followers.take() {
            followers.sent(number, (request.id, request.arrival), |picos| self.not_before(picos));
            self.followers = Some(followers);
        }
        request
    }

    fn finished(&mut self, id: RequestId, at: Time) {
        if let Some(mut followers) = self.followers.take() {
            followers.finished(id, at, |picos| self.not_before(picos));
            self.followers = Some(followers);
        }
        if let Some(slots) = &mut self.slots {
            slots.ended(at);
        }
    }

    fn rejected(&mut self, id: RequestId, at: Time) {
        if let Some(followers) = &mut self.followers {
            followers.rejected(id);
        }
        if let Some(slots) = &mut self.slots {
            slots.ended(at);
        }
    }

    fn timeout(&self, _class: ClassId) -> Option<Span> {
        self.replay.timeout
    }

    fn is_closed_loop(&self) -> bool {
        self.followers.is_some() || self.slots.is_some()
    }

    fn runs_out(&self) -> bool {
        true
    }
}
