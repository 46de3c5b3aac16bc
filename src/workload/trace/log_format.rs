//! Formats that are told by the names of their fields alone: a request a record, in a CSV table or in JSON lines.

use std::borrow::Cow;

use super::block_segments::own;
use super::error::TraceError;
use super::first_line::{FirstLine, Needs};
use super::format::{Hears, TraceFormat};
use super::hints::{TimeUnit, TraceHints};
use super::json_records::JsonRecords;
use super::lines::Lines;
use super::log_clock::{LogClock, split_unit};
use super::number;
use super::records::{FieldNames, Records, squeezed};
use super::row::{Row, Rows, SessionName};
use super::table_records::TableRecords;
use crate::stats::streams::hash_bytes;
use crate::workload::{ContentId, Segment};

/// Names of a field, the likeliest first.
type Names = &'static [&'static str];

/// A format that is told by the names of its fields.
pub struct LogFormat {
    /// The name in a scenario.
    pub name: &'static str,
    /// What its first line must hold.
    pub looks_like: &'static str,
    /// The names that its first line must have; of a loose format one each for arrival, input and output.
    pub needs: Needs,
    /// Whether names are compared as [`FieldNames::is_loose`] says, and the file may be a table or JSON lines.
    pub is_loose: bool,
    /// Whether it is written as requests end.
    pub is_by_end: bool,
    /// When a request arrived.
    pub arrival: Names,
    /// The unit of its times; `None` if their names or they themselves tell it.
    pub unit: Option<TimeUnit>,
    /// Tokens of the prompt.
    pub input: Names,
    /// Tokens of the prompt that came from a cache or went into one, where `input` counts neither.
    pub cached_input: [Names; 2],
    /// Tokens of the output.
    pub output: Names,
    /// What the request belongs to.
    pub session: Names,
    /// Its turn there, and the number of the first one.
    pub turn: (Names, u16),
    /// The name of the prefix that its prompt starts with, and its length.
    pub prefix: [Names; 2],
    /// What tells that a request got no answer.
    pub failures: &'static [(Names, FailureSign)],
}

/// How a field tells that a request got no answer.
#[derive(Clone, Copy)]
pub enum FailureSign {
    /// A word for failure, or a status of HTTP from 400 on.
    Status,
    /// Anything that is not a word for nothing.
    Any,
    /// `true`.
    IfTrue,
    /// `false`.
    IfFalse,
    /// Any text but this one.
    Unless(&'static str),
}

const ARRIVAL: usize = 0;
const INPUT: usize = 1;
const OUTPUT: usize = 2;
const SESSION: usize = 3;
const TURN: usize = 4;
const PREFIX: usize = 5;
const PREFIX_LENGTH: usize = 6;
const CACHED: [usize; 2] = [7, 8];
const FIRST_FAILURE: usize = 9;

impl LogFormat {
    /// A format without any field, for what others leave out.
    pub const NONE: Self = Self {
        name: "",
        looks_like: "",
        needs: Needs::Other,
        is_loose: false,
        is_by_end: false,
        arrival: &[],
        unit: None,
        input: &[],
        cached_input: [&[], &[]],
        output: &[],
        session: &[],
        turn: (&[], 0),
        prefix: [&[], &[]],
        failures: &[],
    };

    fn fields(&self) -> Vec<FieldNames> {
        let [prefix, prefix_length] = self.prefix;
        let [read, written] = self.cached_input;
        let named = [
            self.arrival,
            self.input,
            self.output,
            self.session,
            self.turn.0,
            prefix,
            prefix_length,
            read,
            written,
        ];
        let shown: &[Names] = match self.needs {
            Needs::Columns(groups) | Needs::Keys(groups) if self.is_loose => groups,
            _ => &[],
        };
        let field = |place: usize, names: Names, may_be_object| FieldNames {
            names,
            shown: shown.get(place).unwrap_or(&names).first().copied().unwrap_or_default(),
            is_loose: self.is_loose,
            may_be_object,
        };
        let named = named
            .into_iter()
            .enumerate()
            .map(|(place, names)| field(place, names, false));
        let failures = self.failures.iter().zip(FIRST_FAILURE..);
        let failures = failures.map(|((names, sign), place)| field(place, names, matches!(sign, FailureSign::Any)));
        named.chain(failures).collect()
    }
}

impl TraceFormat for LogFormat {
    fn name(&self) -> &'static str {
        self.name
    }

    fn looks_like(&self) -> &'static str {
        self.looks_like
    }

    fn needs(&self) -> Needs {
        self.needs
    }

    fn recognises(&self, first: &FirstLine) -> bool {
        self.missing(first).is_some_and(|(missing, _)| missing.is_empty())
    }

    fn missing(&self, first: &FirstLine) -> Option<(Vec<&'static str>, usize)> {
        let (Needs::Columns(groups) | Needs::Keys(groups)) = self.needs else {
            return None;
        };
        if !self.is_loose {
            return Some((first.missing(&self.needs)?, groups.len()));
        }
        let fields = self.fields();
        let has = |field: &FieldNames| match first {
            FirstLine::Columns(names) => names.iter().any(|name| field.rank(name).is_some()),
            FirstLine::Object(object) => JsonRecords::finds(object, field),
            FirstLine::OtherJson => false,
        };
        let needed = fields[..=OUTPUT].iter().zip(groups);
        let lacking = needed.filter(|(field, _)| !has(field));
        Some((lacking.map(|(_, group)| group[0]).collect(), groups.len()))
    }

    fn looseness(&self) -> u8 {
        u8::from(self.is_loose)
    }

    fn rows(&self, lines: Lines, hints: &TraceHints, _: u64) -> Result<Box<dyn Rows>, TraceError> {
        let is_json = matches!(lines.line().trim_ascii_start().first(), Some(b'{' | b'['));
        let fields = self.fields();
        let records: Box<dyn Records> = if is_json {
            Box::new(JsonRecords::new(lines, fields))
        } else {
            Box::new(TableRecords::new(lines, fields, OUTPUT + 1)?)
        };
        let failures = self.failures.iter().zip(FIRST_FAILURE..);
        Ok(Box::new(LogRows {
            unit: hints.time_unit.or(self.unit),
            clock: None,
            arrival_field: self.arrival[0],
            first_turn: self.turn.1,
            failures: failures.map(|((_, failure), field)| (field, *failure)).collect(),
            failed: 0,
            records,
        }))
    }

    fn hears(&self) -> Hears {
        Hears {
            time_unit: true,
            ..Hears::default()
        }
    }

    fn is_by_end(&self) -> bool {
        self.is_by_end
    }
}

struct LogRows {
    records: Box<dyn Records>,
    /// The unit of times, if it is known before the first.
    unit: Option<TimeUnit>,
    clock: Option<LogClock>,
    arrival_field: &'static str,
    first_turn: u16,
    failures: Vec<(usize, FailureSign)>,
    failed: u64,
}

impl Rows for LogRows {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        loop {
            if !self.records.next()? {
                return Ok(false);
            }
            if !self.has_failed() {
                *row = self.row()?;
                return Ok(true);
            }
            self.failed += 1;
        }
    }

    fn arrival_field(&self) -> &'static str {
        self.arrival_field
    }

    fn failed(&self) -> u64 {
        self.failed
    }
}

impl LogRows {
    fn has_failed(&self) -> bool {
        let failures = self.failures.iter();
        let mut told = failures.filter_map(|&(field, failure)| Some((self.records.text(field)?, failure)));
        told.any(|(text, failure)| failure.is_told_by(&text))
    }

    fn row(&mut self) -> Result<Row, TraceError> {
        let arrival_picos = self.arrival_picos()?;
        let records = &self.records;
        let input_tokens = self.input_tokens()?;
        Ok(Row {
            number: records.number(),
            line: records.line(),
            arrival_picos,
            arrival_column: records.column(ARRIVAL),
            input_tokens,
            output_tokens: self.tokens(OUTPUT, number::output_tokens)?,
            segments: self.segments(input_tokens)?,
            session: records.text(SESSION).map(|name| SessionName(hash_bytes(&name))),
            turn: self.turn(),
            ..Row::default()
        })
    }

    fn arrival_picos(&mut self) -> Result<i128, TraceError> {
        let records = &self.records;
        let text = records.text(ARRIVAL).ok_or_else(|| records.error(ARRIVAL, MISSING))?;
        let unit = self.unit;
        let clock = self
            .clock
            .get_or_insert_with(|| LogClock::new(unit.or_else(|| split_unit(&records.name(ARRIVAL)).1)));
        clock.read(&text).map_err(|complaint| records.error(ARRIVAL, complaint))
    }

    fn tokens(
        &self,
        field: usize,
        parse: impl FnOnce(&[u8]) -> Result<u32, number::Complaint>,
    ) -> Result<u32, TraceError> {
        let text = self.records.text(field);
        let text = text.ok_or_else(|| self.records.error(field, MISSING))?;
        parse(whole_part(&text)).map_err(|complaint| self.records.error(field, complaint))
    }

    /// What stands as tokens of the prompt, and beside it those that went through a cache. Where the first are called
    /// tokens of the input, as Anthropic and Bedrock do it, they are without these; those of a prompt, and what
    /// OpenTelemetry calls so, are all.
    fn input_tokens(&self) -> Result<u32, TraceError> {
        let name = self.records.name(INPUT);
        let last = squeezed(name.rsplit('.').next().unwrap_or_default());
        let is_all = !last.starts_with("inputtoken") || squeezed(&name).contains("genai");
        let cached = CACHED.iter().filter_map(|&field| {
            let text = self.records.text(field)?;
            number::whole(whole_part(&text)).ok()
        });
        match cached.sum::<u64>() {
            0 => self.tokens(INPUT, number::tokens),
            _ if is_all => self.tokens(INPUT, number::tokens),
            cached => self.tokens(INPUT, |text| {
                number::checked_tokens(number::any_tokens(text)?.saturating_add(cached))
            }),
        }
    }

    fn turn(&self) -> u16 {
        let text = self.records.text(TURN);
        let turn = text.and_then(|text| number::whole(whole_part(&text)).ok());
        let turn = turn.and_then(|turn| (turn + 1).checked_sub(u64::from(self.first_turn)));
        turn.map_or(0, |turn| u16::try_from(turn).unwrap_or(u16::MAX))
    }

    /// A prefix that others have too, and the rest, which nobody has.
    fn segments(&self, input_tokens: u32) -> Result<Option<Box<[Segment]>>, TraceError> {
        let records = &self.records;
        let (Some(group), Some(length)) = (records.text(PREFIX), records.text(PREFIX_LENGTH)) else {
            return Ok(None);
        };
        let tokens = match number::whole(whole_part(&length)) {
            Ok(0) => return Ok(None),
            Ok(tokens) => u32::try_from(tokens).unwrap_or(u32::MAX),
            Err(_) => return Err(records.error(PREFIX_LENGTH, "is not a whole number; write e.g. 512")),
        };
        let Some(rest) = input_tokens.checked_sub(tokens) else {
            let message = "is longer than the prompt that it is a part of; write as many tokens of input at least";
            return Err(records.error(PREFIX_LENGTH, message));
        };
        let shared = Segment {
            content: ContentId::numbered(hash_bytes(&group)),
            offset: 0,
            tokens,
        };
        let mut segments = vec![shared];
        segments.extend((rest > 0).then(|| own(records.number(), rest)));
        Ok(Some(segments.into()))
    }
}

const MISSING: &str = "is missing; every request needs it: leave others out with --skip-bad-rows (trace.skip_bad_rows)";

/// A number without the zeros after its point, which tables have where a column lacks some.
fn whole_part(text: &[u8]) -> &[u8] {
    let point = text.iter().position(|&byte| byte == b'.');
    let whole = point.filter(|&point| point > 0 && text[point + 1..].iter().all(|&digit| digit == b'0'));
    whole.map_or(text, |point| &text[..point])
}

impl FailureSign {
    /// Whether this text tells that a request got no answer.
    fn is_told_by(self, text: &[u8]) -> bool {
        let text: Cow<'_, str> = String::from_utf8_lossy(text);
        let word = text.to_ascii_lowercase();
        match self {
            Self::Status => {
                const WORDS: [&str; 14] = [
                    "fail",
                    "failed",
                    "failure",
                    "error",
                    "errored",
                    "timeout",
                    "timed_out",
                    "cancelled",
                    "canceled",
                    "aborted",
                    "rejected",
                    "incomplete",
                    "false",
                    "expired",
                ];
                let code = number::whole(whole_part(word.as_bytes()));
                WORDS.contains(&word.as_str()) || code.is_ok_and(|code| (400..600).contains(&code))
            }
            Self::Any => !["", "none", "null", "false", "0", "nan", "{}", "[]", "-", "no"].contains(&word.as_str()),
            Self::IfTrue => ["true", "1"].contains(&word.as_str()),
            Self::IfFalse => ["false", "0"].contains(&word.as_str()),
            Self::Unless(fine) => word != fine,
        }
    }
}
