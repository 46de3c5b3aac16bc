//! Rates of arrivals that change with time: in stages that are listed or stand in a file, or in the shape of a day.

use std::f64::consts::TAU;
use std::path::Path;

use super::rate::{MOST_RATE_PER_S, RATE};
use crate::config::files::csv_table::{CsvRow, HeadedCsv};
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::document::Value;
use crate::config::reader::fields::Fields;
use crate::config::reader::reading::Resolved;
use crate::settings::{Kind, Setting};
use crate::units::Span;
use crate::workload::Stage;

/// The key `stages`.
pub(super) const STAGES: Setting = Setting::new(
    "stages",
    Kind::Either(&[Kind::List(&STAGE), Kind::Path]),
    "The stages, one after the other, or a CSV file of them with the columns `rate` and `duration_s`; an hour each \
     without the latter",
)
.required("write stages = [{ rate = 2.0, duration = \"60s\" }, { rate = 8.0, duration = \"60s\" }]");
const STAGE: Kind = Kind::Table(&[&STAGE_RATE, &STAGE_DURATION]);
const STAGE_RATE: Setting = Setting::new(
    "rate",
    Kind::Number {
        min: 0.0,
        max: MOST_RATE_PER_S,
    },
    "The mean rate of arrivals during the stage",
)
.unit("requests/s")
.required("write rate = 8.0, in requests per second");
const STAGE_DURATION: Setting =
    Setting::new("duration", Kind::Duration, "How long the stage lasts").required("write duration = \"60s\"");

/// The key `peak`.
pub(super) const PEAK: Setting = Setting::new(
    "peak",
    Kind::Number { min: 1.0, max: 2.0 },
    "How many times the mean rate the busiest moment has; the quietest has as much less",
)
.default("1.5", "half as much again at noon and half as much at midnight");
/// The key `peak_at`.
pub(super) const PEAK_AT: Setting = Setting::new(
    "peak_at",
    Kind::Duration,
    "When the busiest moment is, from the start of the first period",
)
.default("\"14h\"", "early in the afternoon of runs that start at midnight");
/// The key `period`.
pub(super) const PERIOD: Setting =
    Setting::new("period", Kind::Duration, "How long it takes to come round").default("\"24h\"", "a day");
/// The key `periods`.
pub(super) const PERIODS: Setting = Setting::new(
    "periods",
    Kind::Count { min: 1, max: 10_000 },
    "How many periods there are",
)
.unit("periods")
.default("1", "one day says what a day is like");

/// The rate is that of the middle of so many stages a period: it changes by a fortieth of its swing at most from one to
/// the next.
const STAGES_A_PERIOD: u32 = 144;
/// Rates in a file take less.
const LARGEST_FILE_BYTES: u64 = 16 << 20;
/// A longer stage is longer than a run may be [s].
const LONGEST_STAGE_S: f64 = 200.0 * 86_400.0;
/// A stage of a file that does not say how long it is [s].
const HOUR_S: f64 = 3_600.0;

/// Reads stages, from the scenario or from the file that it names.
pub fn read(fields: &Fields<'_>) -> Result<Vec<Stage>, Diagnostic> {
    let key = fields.find(&STAGES)?;
    if matches!(key.node.map(|node| &node.value), Some(Value::Text(_))) {
        return read_file(fields);
    }
    let Some(list) = key.list()? else {
        return Err(fields.missing(&STAGES));
    };
    list.into_iter()
        .map(|item| {
            let stage = item.table()?.expect("an entry of a list has a value");
            let read = Stage {
                rate_per_s: stage.find(&STAGE_RATE)?.declared_number()?.needed()?,
                duration: stage.find(&STAGE_DURATION)?.duration()?.needed()?,
            };
            stage.finish()?;
            Ok(read)
        })
        .collect()
}

/// Reads the shape of a day: a cosine about the mean rate, in stages.
pub fn read_diurnal(fields: &Fields<'_>) -> Result<Vec<Stage>, Diagnostic> {
    let mean_per_s = fields.find(&RATE)?.declared_number()?.needed()?;
    let peak = fields.find(&PEAK)?.declared_number()?.or_default();
    let peak_at = fields.find(&PEAK_AT)?.duration()?.or_default();
    let period = fields.find(&PERIOD)?.duration()?.or_default();
    let periods = fields.find(&PERIODS)?.declared_count()?.or_default();
    let picos = period.picos() / u64::from(STAGES_A_PERIOD);
    if picos == 0 {
        let message = format!("`{}.period` is too short to be divided into stages", fields.path());
        return Err(fields.error(PERIOD.name, message).help("write period = \"24h\""));
    }
    let phase_of = |seconds: f64| TAU * (seconds - peak_at.seconds()) / period.seconds();
    let stages = (0..STAGES_A_PERIOD).map(|stage| {
        let duration = Span::from_picos(picos);
        let middle = (f64::from(stage) + 0.5) * duration.seconds();
        Stage {
            rate_per_s: (mean_per_s * (1.0 + (peak - 1.0) * phase_of(middle).cos())).max(0.0),
            duration,
        }
    });
    let of_a_period: Vec<Stage> = stages.collect();
    Ok(of_a_period.repeat(periods as usize))
}

fn read_file(fields: &Fields<'_>) -> Result<Vec<Stage>, Diagnostic> {
    let path = fields.find(&STAGES)?.path()?.unnoted();
    let path = path.ok_or_else(|| fields.missing(&STAGES))?;
    let reading = fields.reading();
    reading.note_file(&path);
    let text = reading.files.text(&path, LARGEST_FILE_BYTES);
    let text = text.map_err(|error| {
        let message = format!("cannot read {}: {error}", path.display());
        fields
            .error(STAGES.name, message)
            .help("name a CSV file with the columns rate and duration_s")
    })?;
    let stages = parse(&path, &text)?;
    let content = stages
        .iter()
        .map(|stage| format!("{}/{}", stage.rate_per_s, stage.duration.picos()));
    let content: Vec<String> = content.collect();
    reading.note(Resolved {
        key: format!("{}.{}", fields.path(), STAGES.name),
        value: path.display().to_string(),
        content: Some(content.join(",")),
        origin: reading.texts.line_of(fields.place()),
        is_default: false,
    });
    Ok(stages)
}

fn parse(path: &Path, text: &str) -> Result<Vec<Stage>, Diagnostic> {
    let name = path.display().to_string();
    let table = HeadedCsv::of(&name, text)?;
    let Some(rate) = table.column(STAGE_RATE.name) else {
        return Err(table
            .error_in_header("the column rate is missing".to_owned())
            .help("write rate,duration_s in the first line, and a stage in each line below it"));
    };
    let duration = table.column("duration_s");
    let stage = |row: CsvRow<'_>| {
        let seconds = duration.map_or(Ok(HOUR_S), |at| row.number(at, "duration_s", 0.0..=LONGEST_STAGE_S))?;
        Ok(Stage {
            rate_per_s: row.number(rate, STAGE_RATE.name, 0.0..=MOST_RATE_PER_S)?,
            duration: Span::from_seconds(seconds).expect("it is no longer than a run"),
        })
    };
    let stages: Result<Vec<Stage>, Diagnostic> = table.map(|row| stage(row?)).collect();
    let stages = stages?;
    if stages.is_empty() {
        return Err(Diagnostic::new(format!("{name}: there is no stage")).help("write a stage in each line: 8.0,3600"));
    }
    Ok(stages)
}
