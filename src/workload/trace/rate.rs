//! At which rate a trace was recorded, and how to replay it at another.

use super::error::TraceError;
use super::replay::{Replay, SPEEDUPS};
use super::source::{TraceSource, rows_of};
use crate::units::Span;

/// The mean rate [requests/s] of the rows that would be replayed, as recorded: their number less one, divided by the
/// time from the first to the last. Of sessions only the starts count, as nobody recorded when the rest would arrive:
/// at most `limit` of them. What moves arrivals in the replay (`speedup`, `concurrency`, `jitter_ties`) changes
/// nothing. Reads the whole trace, but a file that is open already only once.
pub fn recorded_rate(replay: &Replay) -> Result<f64, TraceError> {
    let recorded = Replay {
        concurrency: None,
        jitter_ties: false,
        input_scale: 1.0,
        output_scale: 1.0,
        lengths: None,
        ..replay.clone()
    };
    let Some(file) = &replay.file else {
        return rate_of(&recorded);
    };
    let Replay {
        format,
        hints,
        start,
        limit,
        sort,
        skip_bad_rows,
        ..
    } = replay;
    let name =
        format!("rate of {format:?} {hints:?} from {start:?} up to {limit:?}, sorted {sort}, skipping {skip_bad_rows}");
    file.number(name, || rate_of(&recorded))
}

fn rate_of(recorded: &Replay) -> Result<f64, TraceError> {
    if recorded.start == Span::ZERO
        && recorded.limit.is_none()
        && let Some(rate) = rows_of(recorded, 0)?.0.drawn_rate_per_s()?
    {
        return Ok(rate);
    }
    let mut source = TraceSource::unread(recorded, 0)?;
    if !source.format().has_arrivals() {
        // Those that stand in come once a second in the mean.
        return Ok(1.0);
    }
    let most = recorded.limit.unwrap_or(u64::MAX);
    let (mut rows, mut first, mut last) = (0, 0, 0);
    while rows < most
        && let Some(arrival) = source.next_recorded()?
    {
        if rows == 0 {
            first = arrival;
        }
        last = arrival;
        rows += 1;
    }
    let problem = match rows {
        0 => return Err(source.nothing_to_replay()),
        1 => "a single row to replay".to_owned(),
        _ if first == last => format!("{rows} rows to replay that all arrive at one instant"),
        _ => return Ok((rows - 1) as f64 / ((last - first) as f64 / 1e12)),
    };
    let message =
        format!("has {problem}, so it has no rate of arrival; write concurrency = 64 to send rows as earlier ones end");
    Err(TraceError::of_file(&recorded.path, message))
}

impl Replay {
    /// The replay at a mean rate of `rate_per_s`: its speedup becomes the factor to it from [`recorded_rate`].
    pub fn at_rate(self, rate_per_s: f64) -> Result<Self, TraceError> {
        let recorded = recorded_rate(&self)?;
        let speedup = rate_per_s / recorded;
        if SPEEDUPS.contains(&speedup) {
            return Ok(Self { speedup, ..self });
        }
        let message = format!(
            "was recorded at {recorded} requests/s, and {rate_per_s} would be {speedup} times as many, while {} to {} \
             times are possible; \
             write a rate nearer to the recorded one",
            SPEEDUPS.start(),
            SPEEDUPS.end()
        );
        Err(TraceError::of_file(&self.path, message))
    }
}
