//! A scheduler's log as JSON: `{"steps": [...], "per_request": {...}}`, one line a step, in the schemas
//! `vllm-sched-oracle/1` and `/2`.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::log_lines::{micros, write_joined};
use crate::engine::{Action, Decided, LoggedStep, StepLog, Updated};
use crate::kv::BlockId;
use crate::policy::ScheduledAs;
use crate::policy::vllm::{ScheduledPart, Transfer};
use crate::workload::{Request, RequestId};

/// How many blocks of the free queue are shown, as in the schema.
const SHOWN_FREE_BLOCKS: usize = 64;

/// A log and what its schema needs beside it.
#[expect(clippy::struct_excessive_bools, reason = "what the schema tells depends on them")]
pub struct SchedulerLog<'a> {
    /// The steps as they were logged.
    pub log: &'a StepLog,
    /// The requests, by number.
    pub requests: &'a [Request],
    /// Their names, by number.
    pub names: &'a [String],
    /// Whether steps take their time; else times are numbers of steps.
    pub timed: bool,
    /// Whether steps are decided while the one before runs.
    pub async_scheduling: bool,
    /// Whether a request's blocks are told group by group.
    pub by_group: bool,
    /// Whether it is told which drafts stand in for none.
    pub tells_padding: bool,
    /// Whether it is told what moves between the memories of GPU and CPU.
    pub tells_transfers: bool,
}

impl SchedulerLog<'_> {
    /// Writes the log, line by line.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{{\n\"steps\":[")?;
        let lines = self
            .log
            .steps
            .iter()
            .map(|line| Value::Object(self.line(line)).to_string());
        write_joined(out, lines)?;
        writeln!(out, "],\n\"per_request\":{{")?;
        let rows = self
            .requests
            .iter()
            .map(|request| format!("{}:{}", json!(self.name(request.id)), self.request(request)));
        write_joined(out, rows)?;
        writeln!(out, "}}\n}}")
    }

    fn name(&self, id: RequestId) -> &str {
        &self.names[id.0 as usize]
    }

    fn all(&self, ids: &[RequestId]) -> Value {
        ids.iter().map(|&id| self.name(id)).collect()
    }

    fn line(&self, line: &LoggedStep) -> Map<String, Value> {
        let mut row = Map::new();
        let number = line.decided.as_ref().map(|decided| decided.number).or(line.idle);
        row.insert("step".to_owned(), json!(number));
        row.insert("added".to_owned(), self.all(&line.added));
        if !line.actions.is_empty() {
            let actions = line
                .actions
                .iter()
                .map(|&(action, worked)| self.action(number, action, worked));
            row.insert("actions".to_owned(), actions.collect());
        }
        if line.idle.is_some() {
            row.insert("idle".to_owned(), json!(true));
        }
        if let Some(decided) = &line.decided {
            row.extend(self.decided(decided));
        }
        if let Some(updated) = &line.updated {
            let update = self.updated(updated);
            if self.async_scheduling {
                row.insert("then_update".to_owned(), Value::Object(update));
            } else {
                row.extend(update);
            }
        }
        row
    }

    fn action(&self, step: Option<u64>, action: Action, worked: bool) -> Value {
        match action {
            Action::Abort(id) => json!({"step": step, "do": "abort", "id": self.name(id)}),
            Action::ResetPrefixCache => {
                json!({"step": step, "do": "reset_prefix_cache", "ok": worked})
            }
        }
    }

    fn decided(&self, decided: &Decided) -> Map<String, Value> {
        let plan = &decided.plan;
        let mut row = Map::new();
        let mut put = |key: &str, value: Value| row.insert(key.to_owned(), value);
        if self.timed {
            put("t_us", json!(micros(decided.at)));
        }
        put("waiting_before", self.all(&decided.waiting_before));
        put("running_before", self.all(&decided.running_before));
        put("scheduled", plan.scheduled.iter().map(|part| self.part(part)).collect());
        put(
            "total_tokens",
            json!(plan.scheduled.iter().map(|part| part.tokens).sum::<u32>()),
        );
        put("preempted", self.all(&plan.preempted));
        if self.tells_transfers {
            let transfers = &plan.transfers;
            let loading = transfers
                .loading
                .iter()
                .map(|it| json!({"id": self.name(it.id), "hit": it.hit, "external": it.external}));
            put("loading", loading.collect());
            put("deferred", self.all(&transfers.deferred));
            put("loads", self.transfers(&transfers.loads));
            put("stores", self.transfers(&transfers.stores));
            put("flushed", json!(transfers.flushed));
            put("cpu_blocks_used", json!(decided.cpu_blocks));
        }
        put("free_after_schedule", json!(decided.free_queue.len()));
        put("used_after_schedule", json!(decided.used_blocks));
        let tables = decided.tables.iter().map(|(id, tables)| {
            let table = match &tables[..] {
                [only] if !self.by_group => json!(only),
                of_groups => json!(of_groups),
            };
            (self.name(*id).to_owned(), table)
        });
        put("block_table", Value::Object(tables.collect()));
        put("held", json!(decided.held));
        put("free_queue_after_schedule", shown(&decided.free_queue));
        if self.timed && self.async_scheduling {
            put("exec_start_us", json!(micros(decided.runs.0)));
            put("exec_end_us", json!(micros(decided.runs.1)));
        } else if self.timed {
            put("t_end_us", json!(micros(decided.runs.1)));
        }
        row
    }

    fn part(&self, part: &ScheduledPart) -> Value {
        let kind = match part.kind {
            ScheduledAs::New => "new",
            ScheduledAs::Resumed => "resumed",
            ScheduledAs::Running => "running",
        };
        let mut row = json!({
            "id": self.name(part.id), "kind": kind, "n": part.tokens, "computed_before": part.computed_before,
        });
        if part.kind != ScheduledAs::Running {
            row["hit"] = json!(part.hit);
        }
        if part.external > 0 {
            row["external"] = json!(part.external);
        }
        if part.drafts > 0 {
            row["drafts"] = json!(part.drafts);
        }
        if part.padded && self.tells_padding {
            row["padded"] = json!(true);
        }
        row
    }

    fn transfers(&self, transfers: &[Transfer]) -> Value {
        let rows = transfers.iter().map(|it| json!([it.job, self.name(it.id), it.chunks]));
        rows.collect()
    }

    fn updated(&self, updated: &Updated) -> Map<String, Value> {
        let mut row = Map::new();
        let mut put = |key: &str, value: Value| row.insert(key.to_owned(), value);
        if self.async_scheduling {
            put("of_step", json!(updated.of_step));
            if self.timed {
                put("t_us", json!(micros(updated.at)));
            }
        }
        let emitted = updated
            .outputs
            .iter()
            .map(|output| (self.name(output.id).to_owned(), json!(output.tokens)));
        put("emitted", Value::Object(emitted.collect()));
        let finished = updated.outputs.iter().filter(|output| output.finished.is_some());
        put(
            "finished",
            finished
                .map(|output| json!([self.name(output.id), self.reason(output.id)]))
                .collect(),
        );
        if self.tells_transfers {
            put("transfers_done", json!(updated.transfers_done));
        }
        put("num_waiting_after", json!(updated.waiting.len()));
        put("num_running_after", json!(updated.running.len()));
        put("waiting_after", self.all(&updated.waiting));
        put("running_after", self.all(&updated.running));
        put("free_after_update", json!(updated.free_queue.len()));
        put("cached_blocks_after_update", json!(updated.cached_blocks));
        put("free_queue_after_update", shown(&updated.free_queue));
        row
    }

    fn request(&self, request: &Request) -> Value {
        let times: Vec<u64> = self.times_of(request.id).collect();
        let updates = || self.log.steps.iter().filter_map(|line| line.updated.as_ref());
        let is_it = |output: &&crate::policy::vllm::Output| output.id == request.id && output.finished.is_some();
        let finished = updates()
            .flat_map(|updated| &updated.outputs)
            .any(|output| is_it(&output));
        let aborted = self
            .log
            .steps
            .iter()
            .flat_map(|line| &line.actions)
            .any(|done| *done == (Action::Abort(request.id), true));
        let decisions = || self.log.steps.iter().filter_map(|line| line.decided.as_ref());
        let preemptions = decisions()
            .flat_map(|decided| &decided.plan.preempted)
            .filter(|&&id| id == request.id);
        let finish = match (finished, aborted) {
            (true, _) => json!(self.reason(request.id)),
            (false, true) => json!("abort"),
            (false, false) => Value::Null,
        };
        json!({
            "arrival": micros(request.arrival),
            "num_output_tokens": times.len(),
            "num_preemptions": preemptions.count(),
            "finish": finish,
            "first_token_at": times.first(),
            "last_token_at": times.last(),
            "token_times": times,
        })
    }

    fn times_of(&self, id: RequestId) -> impl Iterator<Item = u64> {
        let own = self.log.tokens.iter().filter(move |(whose, _)| *whose == id);
        own.map(|&(_, when)| when)
    }

    fn reason(&self, id: RequestId) -> &'static str {
        if self.requests[id.0 as usize].stops {
            "stop"
        } else {
            "length"
        }
    }
}

fn shown(free_queue: &[BlockId]) -> Value {
    json!(free_queue[..free_queue.len().min(SHOWN_FREE_BLOCKS)])
}
