//! The log of SGLang's scheduler as JSON, in the schema `sglang-sched-oracle/1`: a summary, the requests, and the
//! steps, one line a turn of the loop.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::log_lines::{micros, write_joined};
use crate::engine::{SglangLog, SglangSlots, SglangTurn, SglangUpdate};
use crate::policy::sglang::{AddVerdict, AskOutcome, AskedRequest, BatchKind, FinishReason, RowKind, SglangRow};
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// A log and what its schema needs beside it.
pub struct SglangSchedulerLog<'a> {
    /// The turns as they were logged.
    pub log: &'a SglangLog,
    /// The requests, by number.
    pub requests: &'a [Request],
    /// Their names, by number.
    pub names: &'a [String],
    /// When clients gave up, and the name that they gave.
    pub aborts: Vec<(Time, &'a str)>,
    /// Whether the names of those who wait are left out.
    pub is_compact: bool,
}

/// What became of a request.
#[derive(Clone, Debug, Default)]
struct Course {
    token_times: Vec<u64>,
    retractions: u32,
    finish: Option<&'static str>,
    /// Found in the cache when it was first let in.
    hit: Option<u32>,
}

impl SglangSchedulerLog<'_> {
    /// Writes the log, line by line.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{{\n\"schema\":\"sglang-sched-oracle/1\",")?;
        writeln!(
            out,
            "\"detail\":{},",
            json!(if self.is_compact { "compact" } else { "full" })
        )?;
        writeln!(out, "\"summary\":{},", self.summary())?;
        writeln!(out, "\"per_request\":{{")?;
        let courses = self.courses();
        let rows = self
            .requests
            .iter()
            .zip(&courses)
            .map(|(request, course)| format!("{}:{}", json!(self.name(request.id)), self.request(request, course)));
        write_joined(out, rows)?;
        writeln!(out, "}},\n\"steps\":[")?;
        let turns = self.log.turns.iter().enumerate();
        write_joined(
            out,
            turns.map(|(number, turn)| Value::Object(self.turn(number, turn)).to_string()),
        )?;
        writeln!(out, "]\n}}")
    }

    fn name(&self, id: RequestId) -> &str {
        &self.names[id.0 as usize]
    }

    fn all(&self, ids: &[RequestId]) -> Value {
        ids.iter().map(|&id| self.name(id)).collect()
    }

    fn summary(&self) -> Value {
        let turns = || self.log.turns.iter();
        let of_kind = |kind| turns().filter(|turn| turn.decision.kind == Some(kind)).count();
        let rows = || turns().flat_map(|turn| &turn.decision.rows);
        let sum = |count: fn(&SglangTurn) -> u64| turns().map(count).sum::<u64>();
        json!({
            "num_steps": self.log.turns.len(),
            "end_us": turns().map(end_us).max().unwrap_or(0),
            "total_tokens": rows().map(|row| u64::from(row.tokens)).sum::<u64>(),
            "extend_steps": of_kind(BatchKind::Extend),
            "mixed_steps": of_kind(BatchKind::Mixed),
            "decode_steps": of_kind(BatchKind::Decode),
            "retractions": sum(|turn| turn.decision.retracted.len() as u64),
            "preemptions": sum(|turn| turn.decision.preempted.len() as u64),
            "evicted": sum(|turn| turn.decision.evicted + turn.update.as_ref().map_or(0, |update| update.evicted)),
            "hit_tokens": rows()
                .filter(|row| row.kind.is_let_in())
                .map(|row| u64::from(row.before))
                .sum::<u64>(),
            "stuck": self.log.is_stuck,
        })
    }

    fn turn(&self, number: usize, turn: &SglangTurn) -> Map<String, Value> {
        let mut row = Map::new();
        let mut put = |key: &str, value: Value| {
            row.insert(key.to_owned(), value);
        };
        put("step", json!(number));
        put("t_us", json!(micros(turn.at)));
        put("added", self.all(&turn.added));
        if !turn.aborts.is_empty() {
            let action = |&number: &usize| {
                let (at, name) = self.aborts[number];
                json!({"at_us": micros(at), "do": "abort", "id": name})
            };
            put("actions", turn.aborts.iter().map(action).collect());
        }
        if !turn.aborted.is_empty() {
            put("aborted", self.all(&turn.aborted));
        }
        if !self.is_compact {
            put("waiting_before", self.all(&turn.waiting_before));
        }
        self.put_decision(turn, &mut put);
        self.put_state(turn, &mut put);
        if let Some((starts, ends)) = turn.runs {
            put("exec_start_us", json!(micros(starts)));
            put("exec_end_us", json!(micros(ends)));
        }
        if turn.is_idle {
            put("idle", json!(true));
        }
        if let Some(update) = &turn.update {
            put("update", self.update(update));
        }
        row
    }

    fn put_decision(&self, turn: &SglangTurn, put: &mut impl FnMut(&str, Value)) {
        let decision = &turn.decision;
        if let Some(order) = &decision.queue_order {
            put("queue_order", self.all(order));
        }
        if !decision.tried.is_empty() {
            put("tried", decision.tried.iter().map(|tried| self.tried(tried)).collect());
        }
        let kind = match decision.kind {
            None => "none",
            Some(BatchKind::Extend) => "extend",
            Some(BatchKind::Mixed) => "mixed",
            Some(BatchKind::Decode) => "decode",
        };
        put("kind", json!(kind));
        put("scheduled", decision.rows.iter().map(|row| self.row(row)).collect());
        let tokens: u64 = decision.rows.iter().map(|row| u64::from(row.tokens)).sum();
        put("total_tokens", json!(tokens));
        for (key, ids) in [("retracted", &decision.retracted), ("preempted", &decision.preempted)] {
            if !ids.is_empty() {
                put(key, self.all(ids));
            }
        }
        if decision.evicted > 0 {
            put("evicted", json!(decision.evicted));
        }
    }

    fn put_state(&self, turn: &SglangTurn, put: &mut impl FnMut(&str, Value)) {
        let after = &turn.after;
        put("chunked", json!(after.chunked.map(|id| self.name(id))));
        if turn.decision.kind != Some(BatchKind::Decode) {
            put("running_after_schedule", self.all(&after.running));
        }
        if self.is_compact {
            put("num_waiting", json!(after.waiting.len()));
        } else {
            put("waiting_after_schedule", self.all(&after.waiting));
            put("ratio_before", json!(turn.ratio_before));
            put("protected_after_schedule", json!(after.slots.protected));
        }
        put("batch_is_full", json!(after.batch_is_full));
        put("ratio", json!(after.ratio));
        put("free_after_schedule", json!(after.slots.free));
        put("evictable_after_schedule", json!(after.slots.evictable));
        put("free_rows", json!(after.free_rows));
    }

    /// `[id, verdict, what is left afterwards, hit]`; of a prompt that goes on without the hit.
    fn tried(&self, tried: &AskedRequest) -> Value {
        let left = json!([rounded(tried.memory_left), tried.input_left, tried.chunk_left]);
        let name = self.name(tried.id);
        match tried.outcome {
            AskOutcome::GoesOn => json!([name, "CHUNK", left]),
            AskOutcome::Added(verdict) => json!([name, format!("ADDED:{}", in_words(verdict)), left, tried.hit]),
            AskOutcome::Refused(verdict) => json!([name, format!("REFUSED:{}", in_words(verdict)), left, tried.hit]),
        }
    }

    fn row(&self, row: &SglangRow) -> Value {
        let kind = match row.kind {
            RowKind::New => "new",
            RowKind::Resumed => "resumed",
            RowKind::Chunk => "chunk",
            RowKind::Decode => "decode",
        };
        let mut value = json!({"id": self.name(row.id), "n": row.tokens, "before": row.before, "kind": kind});
        if row.kind.is_let_in() {
            value["hit"] = json!(row.before);
        }
        value
    }

    fn update(&self, update: &SglangUpdate) -> Value {
        let emitted = update
            .outputs
            .iter()
            .map(|output| (self.name(output.id).to_owned(), json!(1)));
        let finished = update
            .outputs
            .iter()
            .filter_map(|output| Some(json!([self.name(output.id), reason(output.finished?)])));
        let SglangSlots {
            free,
            evictable,
            protected,
        } = update.slots;
        let mut value = json!({
            "of_step": update.of_turn,
            "t_us": micros(update.at),
            "emitted": emitted.collect::<Map<_, _>>(),
            "finished": finished.collect::<Vec<_>>(),
            "free": free,
            "evictable": evictable,
        });
        if !self.is_compact {
            value["protected"] = json!(protected);
        }
        if update.evicted > 0 {
            value["evicted"] = json!(update.evicted);
        }
        value
    }

    fn courses(&self) -> Vec<Course> {
        let mut courses = vec![Course::default(); self.requests.len()];
        let place = |id: RequestId| id.0 as usize;
        for turn in &self.log.turns {
            for &id in &turn.aborted {
                courses[place(id)].finish = Some(reason(FinishReason::Abort));
            }
            for &id in turn.decision.retracted.iter().chain(&turn.decision.preempted) {
                courses[place(id)].retractions += 1;
            }
            for row in turn.decision.rows.iter().filter(|row| row.kind == RowKind::New) {
                courses[place(row.id)].hit = Some(row.before);
            }
            let Some(update) = &turn.update else {
                continue;
            };
            for output in &update.outputs {
                let course = &mut courses[place(output.id)];
                course.token_times.push(micros(update.at));
                course.finish = output.finished.map(reason);
            }
        }
        courses
    }

    fn request(&self, request: &Request, course: &Course) -> Value {
        json!({
            "arrival": micros(request.arrival),
            "num_output_tokens": course.token_times.len(),
            "retractions": course.retractions,
            "finish": course.finish,
            "max_tokens": self.log.max_new[request.id.0 as usize],
            "cached_tokens": course.hit.unwrap_or(0),
            "first_token_at": course.token_times.first(),
            "last_token_at": course.token_times.last(),
            "token_times": course.token_times,
        })
    }
}

/// When the last that a turn tells of has happened [µs].
fn end_us(turn: &SglangTurn) -> u64 {
    let ended = turn.update.as_ref().map_or(turn.at, |update| update.at);
    micros(ended.max(turn.at))
}

const fn in_words(verdict: AddVerdict) -> &'static str {
    match verdict {
        AddVerdict::Continue => "CONTINUE",
        AddVerdict::NoToken => "NO_TOKEN",
        AddVerdict::Other => "OTHER",
    }
}

const fn reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Length => "length",
        FinishReason::Stop => "stop",
        FinishReason::Abort => "abort",
    }
}

/// To six decimals, as the schema has it.
fn rounded(tokens: f64) -> f64 {
    format!("{tokens:.6}").parse().unwrap_or(tokens)
}
