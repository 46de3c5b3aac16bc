//! Agentic traces of Dynamo (`dynamo.agentic_mooncake`, version 2): JSON lines, of which the first names the schema and
//! how many tokens a hash id stands for. A request names those that it waits for, by the time when they are sent
//! (`dispatch`) or have their last token (`completion`), each with a `delay_ms`, and never comes before
//! `not_before_ms`.
//!
//! Source: `dynamo/replay` of ai-dynamo. Hash ids are those of the whole file (`hash_id_scope`). Whatever the relation
//! is called (a sequence, a spawn, a join), the times are the same. A request that waits for nothing but the end of the
//! one before it in its session follows it as in other traces.

use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::block_segments;
use super::error::TraceError;
use super::first_line::Needs;
use super::format::{Hears, TraceFormat};
use super::hints::{TimeUnit, TraceHints};
use super::json_lines::{JsonKey, JsonKind, JsonLines, Number};
use super::lines::Lines;
use super::mooncake::Name;
use super::row::{Row, Rows, SessionName};
use super::wait::{Wait, WaitUntil};
use crate::units::{Span, Time};
use crate::workload::Segment;

/// The format of Dynamo's agentic traces.
pub struct MooncakeAgents;

/// Tokens that a hash id stands for, where the first line does not say it.
const BLOCK_TOKENS: u32 = 512;
const SCHEMA: &str = "dynamo.agentic_mooncake";
const VERSION: u64 = 2;

const REQUEST: &str = "request_id";
const INPUT: &str = "input_length";
const OUTPUT: &str = "output_length";
const BLOCKS: &str = "hash_ids";
const SESSION: &str = "session_id";
const NOT_BEFORE: &str = "not_before_ms";
const DEPENDENCIES: &str = "dependencies";

static KEYS: [JsonKey; 6] = [
    JsonKey::new(REQUEST, JsonKind::Name),
    JsonKey::new(INPUT, JsonKind::Tokens),
    JsonKey::new(OUTPUT, JsonKind::Tokens),
    JsonKey::new(BLOCKS, JsonKind::Ids),
    JsonKey::new(SESSION, JsonKind::Name),
    JsonKey::new(NOT_BEFORE, JsonKind::OptionalNumber),
];

#[derive(Deserialize)]
struct Header {
    schema: String,
    version: u64,
    block_size: Option<u32>,
}

#[derive(Deserialize)]
struct AgentRow {
    request_id: Name,
    input_length: u64,
    output_length: u64,
    hash_ids: Option<Vec<u64>>,
    session_id: Option<Name>,
    not_before_ms: Option<Number>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    request_id: Name,
    trigger: Trigger,
    delay_ms: Option<Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Trigger {
    Dispatch,
    Completion,
}

impl TraceFormat for MooncakeAgents {
    fn name(&self) -> &'static str {
        "mooncake-agents"
    }

    fn looks_like(&self) -> &'static str {
        "JSON lines, the first of them with the keys schema (dynamo.agentic_mooncake), version and block_size"
    }

    fn needs(&self) -> Needs {
        Needs::Keys(&[&["schema"], &["version"], &["hash_id_scope", "block_size"]])
    }

    fn rows(&self, lines: Lines, hints: &TraceHints, _: u64) -> Result<Box<dyn Rows>, TraceError> {
        let mut json = JsonLines::new(lines, &KEYS);
        let header: Option<Header> = json.next().map_err(TraceError::fatal)?;
        if let Some(Header { schema, version, .. }) = &header
            && (schema != SCHEMA || *version != VERSION)
        {
            let message = format!("is of {schema}, version {version}; that of {SCHEMA} which is read is {VERSION}");
            return Err(json.line_error(message).fatal());
        }
        let said = header.and_then(|header| header.block_size).filter(|tokens| *tokens > 0);
        Ok(Box::new(AgentRows {
            json,
            unit_picos: hints.time_unit.unwrap_or(TimeUnit::Milliseconds).picos(),
            block_tokens: hints.block_tokens.or(said).unwrap_or(BLOCK_TOKENS),
            numbers: FxHashMap::default(),
            last: FxHashMap::default(),
            partly_hashed: 0,
        }))
    }

    fn block_tokens(&self) -> u32 {
        BLOCK_TOKENS
    }

    fn hears(&self) -> Hears {
        Hears {
            time_unit: true,
            block_tokens: true,
            ..Hears::default()
        }
    }

    /// By what waits for what, which says nothing of times.
    fn is_by_end(&self) -> bool {
        true
    }
}

struct AgentRows {
    json: JsonLines,
    unit_picos: u64,
    block_tokens: u32,
    /// The numbers of rows by the name of their request. Neither map is iterated over.
    numbers: FxHashMap<SessionName, u64>,
    /// The last row of each session.
    last: FxHashMap<SessionName, u64>,
    partly_hashed: u64,
}

impl Rows for AgentRows {
    fn next_row(&mut self, row: &mut Row) -> Result<bool, TraceError> {
        let Some(read) = self.json.next::<AgentRow>()? else {
            return Ok(false);
        };
        let json = &self.json;
        let number = json.row_number();
        let input_tokens = json.tokens(INPUT, read.input_length)?;
        let output_tokens = json.output_tokens(OUTPUT, read.output_length)?;
        let segments = self.segments(read.hash_ids.as_deref().unwrap_or(&[]), input_tokens)?;
        let arrival_picos = read.not_before_ms.map_or(Ok(0), |at| at.picos(self.unit_picos));
        let arrival_picos = arrival_picos.map_err(|complaint| json.error(NOT_BEFORE, complaint))?;
        let waits = self.waits(&read.dependencies)?;
        let session = read.session_id.as_ref().map(Name::hashed);
        let before = session.and_then(|session| self.last.get(&session));
        let after = match waits[..] {
            [wait] if wait.until == WaitUntil::Finished && before == Some(&wait.row) && arrival_picos == 0 => {
                Some(wait.after)
            }
            _ => None,
        };
        *row = Row {
            number,
            line: json.line(),
            arrival_picos,
            arrival_column: json.column(NOT_BEFORE) as u32,
            input_tokens,
            output_tokens,
            segments,
            session,
            after,
            waits: (after.is_none() && !waits.is_empty()).then(|| waits.into()),
            ..Row::default()
        };
        let ids = read.hash_ids.as_ref().map_or(0, Vec::len);
        let whole = (input_tokens / self.block_tokens) as usize;
        self.partly_hashed += u64::from((1..whole).contains(&ids));
        self.numbers.insert(read.request_id.hashed(), number);
        if let Some(session) = session {
            self.last.insert(session, number);
        }
        Ok(true)
    }

    fn arrival_field(&self) -> &'static str {
        NOT_BEFORE
    }

    fn has_followers(&self) -> bool {
        true
    }

    fn partly_hashed(&self) -> u64 {
        self.partly_hashed
    }
}

impl AgentRows {
    fn waits(&self, dependencies: &[Dependency]) -> Result<Vec<Wait>, TraceError> {
        let waits = dependencies.iter().map(|dependency| {
            let row = self.numbers.get(&dependency.request_id.hashed()).copied();
            let row = row.ok_or(
                "names a request_id that no earlier row has; write the rows in an order in which each \
                                 comes after those that it waits for",
            )?;
            let picos = dependency
                .delay_ms
                .map_or(Ok(0), |delay| delay.picos(self.unit_picos))?;
            let after = u64::try_from(picos).ok().map(Span::from_picos);
            let after = after.filter(|&after| after <= Time::LIMIT - Time::ZERO);
            Ok(Wait {
                row,
                until: match dependency.trigger {
                    Trigger::Dispatch => WaitUntil::Sent,
                    Trigger::Completion => WaitUntil::Finished,
                },
                after: after.ok_or("has a delay_ms of more than 200 days, longer than a run may last")?,
            })
        });
        let waits: Result<Vec<Wait>, &'static str> = waits.collect();
        waits.map_err(|complaint| self.json.error(DEPENDENCIES, complaint))
    }

    fn segments(&self, ids: &[u64], input_tokens: u32) -> Result<Option<Box<[Segment]>>, TraceError> {
        if ids.is_empty() {
            return Ok(None);
        }
        let most = input_tokens.div_ceil(self.block_tokens);
        if ids.len() > most as usize {
            let message = format!(
                "has {} ids, but {input_tokens} tokens need {most}, one every {}; make them agree, or write how many \
                 tokens an id stands for: trace.block_tokens = 64 (--block-tokens 64)",
                ids.len(),
                self.block_tokens
            );
            return Err(self.json.error(BLOCKS, message));
        }
        let row = self.json.row_number();
        let segments = block_segments::segments(ids, input_tokens, self.block_tokens, row);
        Ok(Some(segments))
    }
}
