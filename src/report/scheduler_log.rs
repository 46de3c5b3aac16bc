//! A scheduler's log as JSON: `{"steps": [...], "per_request": {...}}`, one line a step, in the schema `vllm-sched-oracle/1`.

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::engine::{COUNTED_STEP, End, LoggedStep, StepLog};
use crate::policy::{Kind, Live};
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// A log and what its schema needs beside it.
pub struct SchedulerLog<'a> {
    /// The log.
    pub log: &'a StepLog,
    /// The requests, by number.
    pub requests: &'a [Request],
    /// Their names, by number.
    pub names: &'a [String],
    /// Whether steps take their time; else times are numbers of steps.
    pub timed: bool,
}

#[derive(Serialize)]
struct StepRow<'a> {
    step: usize,
    added: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    t_us: Option<u64>,
    waiting_before: Vec<&'a str>,
    running_before: Vec<&'a str>,
    scheduled: Vec<ScheduledRow<'a>>,
    total_tokens: u32,
    preempted: Vec<&'a str>,
    free_after_schedule: u32,
    used_after_schedule: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    t_end_us: Option<u64>,
    #[serde(serialize_with = "as_map")]
    emitted: Vec<(&'a str, u32)>,
    finished: Vec<(&'a str, &'static str)>,
    num_waiting_after: usize,
    num_running_after: usize,
    waiting_after: Vec<&'a str>,
    running_after: Vec<&'a str>,
    free_after_update: u32,
}

#[derive(Serialize)]
struct ScheduledRow<'a> {
    id: &'a str,
    kind: &'static str,
    n: u32,
    computed_before: u32,
    /// Only for admissions.
    #[serde(skip_serializing_if = "Option::is_none")]
    hit: Option<u32>,
}

#[derive(Serialize)]
struct RequestRow {
    arrival: u64,
    num_output_tokens: u32,
    num_preemptions: u32,
    finish: Option<&'static str>,
    first_token_at: Option<u64>,
    last_token_at: Option<u64>,
}

impl SchedulerLog<'_> {
    /// Writes the log.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{{\n\"steps\":[")?;
        for (number, step) in self.log.steps.iter().enumerate() {
            let comma = if number + 1 < self.log.steps.len() {
                ","
            } else {
                ""
            };
            writeln!(
                out,
                "{}{comma}",
                serde_json::to_string(&self.step_row(number, step))?
            )?;
        }
        writeln!(out, "],\n\"per_request\":{{")?;
        for (number, request) in self.requests.iter().enumerate() {
            let comma = if number + 1 < self.requests.len() {
                ","
            } else {
                ""
            };
            let name = serde_json::to_string(&self.names[number])?;
            writeln!(
                out,
                "{name}:{}{comma}",
                serde_json::to_string(&self.request_row(request))?
            )?;
        }
        writeln!(out, "}}\n}}")
    }

    fn name(&self, id: RequestId) -> &str {
        &self.names[id.0 as usize]
    }

    fn all_names(&self, ids: &[RequestId]) -> Vec<&str> {
        ids.iter().map(|&id| self.name(id)).collect()
    }

    fn step_row(&self, number: usize, step: &LoggedStep) -> StepRow<'_> {
        let plan = &step.plan;
        let scheduled = plan.scheduled.iter().map(|part| ScheduledRow {
            id: self.name(part.id),
            kind: match part.kind {
                Kind::New => "new",
                Kind::Resumed => "resumed",
                Kind::Running => "running",
            },
            n: part.tokens,
            computed_before: part.computed_before,
            hit: (part.kind != Kind::Running).then_some(0),
        });
        StepRow {
            step: number,
            added: self.all_names(&step.added),
            t_us: self.timed.then(|| micros(step.start)),
            waiting_before: self.all_names(&step.waiting_before),
            running_before: self.all_names(&step.running_before),
            scheduled: scheduled.collect(),
            total_tokens: plan.scheduled.iter().map(|part| part.tokens).sum(),
            preempted: self.all_names(&plan.preempted),
            free_after_schedule: step.free_after_schedule,
            used_after_schedule: plan.used_blocks,
            t_end_us: self.timed.then(|| micros(step.end)),
            emitted: step.emitted.iter().map(|&id| (self.name(id), 1)).collect(),
            finished: step
                .finished
                .iter()
                .map(|&(id, end)| (self.name(id), reason(end)))
                .collect(),
            num_waiting_after: step.waiting_after.len(),
            num_running_after: step.running_after.len(),
            waiting_after: self.all_names(&step.waiting_after),
            running_after: self.all_names(&step.running_after),
            free_after_update: step.free_after_update,
        }
    }

    fn request_row(&self, request: &Request) -> RequestRow {
        let finished = self
            .log
            .finished
            .iter()
            .find(|live| live.request.id == request.id);
        let token_at = |time: Option<Time>| {
            // A counted step is named by its number, not by its end.
            time.map(|time| {
                if self.timed {
                    micros(time)
                } else {
                    micros(time) - micros(Time::ZERO + COUNTED_STEP)
                }
            })
        };
        RequestRow {
            arrival: micros(request.arrival),
            num_output_tokens: finished.map_or(0, |live| live.generated),
            num_preemptions: finished.map_or(0, |live| live.preemptions),
            finish: finished.map(|live| reason(end_of(live))),
            first_token_at: token_at(finished.and_then(|live| live.first_token)),
            last_token_at: token_at(finished.and_then(|live| live.last_token)),
        }
    }
}

const fn end_of(live: &Live) -> End {
    if live.request.stops {
        End::Stop
    } else {
        End::Length
    }
}

const fn reason(end: End) -> &'static str {
    match end {
        End::Stop => "stop",
        End::Length => "length",
    }
}

/// Times in a log are whole microseconds.
const fn micros(time: Time) -> u64 {
    time.picos() / 1_000_000
}

fn as_map<S: Serializer>(entries: &[(&str, u32)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(entries.len()))?;
    for (name, value) in entries {
        map.serialize_entry(name, value)?;
    }
    map.end()
}
