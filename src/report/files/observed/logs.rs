//! The life of each request as structured logs: a JSON object a line, in the order of time.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::wall_clock::WallClock;
use crate::config::on_one_line;
use crate::engine::{Event, Finished, FleetSize, Loss, Observer, ServerChange, ServerId, StepRun};
use crate::metrics::name_of_change;
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// The most lines of a file: some 4 GB.
pub const MOST_LOG_LINES: u64 = 20_000_000;

/// An observer that writes logs while the run goes on. Errors are kept and returned at the end, because an observer
/// cannot fail. Memory holds only the requests that have not ended.
pub struct LogLines<Output: Write> {
    output: Output,
    result: io::Result<()>,
    clock: WallClock,
    /// As they may be shown.
    classes: Vec<String>,
    open: FxHashMap<RequestId, OpenRequest>,
    /// What servers have told and clients have not heard yet, and which servers did.
    told_by: FxHashMap<(RequestId, Time, ToldKind), Vec<ServerId>>,
    /// Prompt and most tokens of the request that was sent last.
    sent: [u32; 2],
    wanted: Option<u32>,
    lines: u64,
    too_long: Rc<Cell<bool>>,
}

/// A key of a line, and what it says.
type Pair = (&'static str, Value);

#[derive(Clone, Copy, Debug)]
struct OpenRequest {
    arrived: Time,
    attempts: u32,
}

/// What a server tells of a request that its client hears of too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ToldKind {
    Admitted,
    Preempted,
    FirstToken,
    Left,
}

impl ToldKind {
    const fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Admitted { .. } => Some(Self::Admitted),
            Event::Preempted => Some(Self::Preempted),
            Event::FirstToken => Some(Self::FirstToken),
            Event::Finished(_) | Event::Aborted { .. } | Event::Lost { .. } => Some(Self::Left),
            Event::Arrived { .. } | Event::Rejected | Event::Token { .. } | Event::SentAgain { .. } => None,
        }
    }
}

impl<Output: Write> LogLines<Output> {
    /// Logs of requests of classes with these names, if there are any.
    pub fn new(clock: WallClock, classes: &[String], output: Output) -> Self {
        Self {
            output,
            result: Ok(()),
            clock,
            classes: classes.iter().map(|name| on_one_line(name).into_owned()).collect(),
            open: FxHashMap::default(),
            told_by: FxHashMap::default(),
            sent: [0; 2],
            wanted: None,
            lines: 0,
            too_long: Rc::default(),
        }
    }

    /// Whether there would be too many lines.
    pub fn too_long(&self) -> Rc<Cell<bool>> {
        Rc::clone(&self.too_long)
    }

    /// Gives the output back; or else the first error of all.
    pub fn finish(self) -> io::Result<Output> {
        self.result.map(|()| self.output)
    }

    /// The server that told this, if any did.
    fn server_of(&mut self, at: Time, id: RequestId, event: &Event) -> Option<ServerId> {
        let key = (id, at, ToldKind::of(event)?);
        let told = self.told_by.get_mut(&key)?;
        let server = told.remove(0);
        if told.is_empty() {
            self.told_by.remove(&key);
        }
        Some(server)
    }

    /// Keys stand in the order in which they are given; what is not known is left out.
    fn write(&mut self, at: Time, (level, event): (&str, &str), more: impl IntoIterator<Item = Pair>) {
        if self.lines == MOST_LOG_LINES {
            return self.too_long.set(true);
        }
        self.lines += 1;
        let first = [
            ("timestamp", self.clock.date(at).into()),
            ("level", level.into()),
            ("event", event.into()),
        ];
        let pairs = first.into_iter().chain(more).filter(|(_, value)| !value.is_null());
        let pairs: Vec<String> = pairs.map(|(key, value)| format!("\"{key}\":{value}")).collect();
        if self.result.is_ok() {
            self.result = writeln!(self.output, "{{{}}}", pairs.join(","));
        }
    }

    /// Something happened to a request: what the line says beside what all lines of requests say.
    fn note(
        &mut self,
        at: Time,
        id: RequestId,
        what: (&str, &str),
        server: Option<ServerId>,
        numbers: impl IntoIterator<Item = Pair>,
    ) {
        let attempts = self.open.get(&id).map(|open| open.attempts);
        let of_all = [
            ("request", id.number().into()),
            ("class", self.classes.get(id.class().place()).cloned().into()),
            ("server", server.map(|server| server.0).into()),
            ("attempts", attempts.filter(|&attempts| attempts > 1).into()),
        ];
        self.write(at, what, of_all.into_iter().chain(numbers));
    }

    fn after(&self, at: Time, id: RequestId) -> Pair {
        let open = self.open.get(&id);
        ("after_s", open.map(|open| at.since(open.arrived).seconds()).into())
    }
}

impl<Output: Write> Observer for LogLines<Output> {
    fn sent(&mut self, request: &Request) {
        self.sent = [request.prompt.tokens(), request.max_tokens];
    }

    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        let server = self.server_of(at, id, event);
        let [input_tokens, max_tokens] = self.sent;
        let sent = [("input_tokens", input_tokens.into()), ("max_tokens", max_tokens.into())];
        let after = self.after(at, id);
        match *event {
            Event::Arrived { .. } => {
                let open = OpenRequest {
                    arrived: at,
                    attempts: 1,
                };
                self.open.insert(id, open);
                self.note(at, id, ("info", "arrived"), None, sent);
            }
            Event::Rejected => self.note(at, id, ("warning", "rejected"), None, sent),
            Event::Admitted { resumed, tokens } => {
                let what = if resumed { "resumed" } else { "scheduled" };
                self.note(at, id, ("debug", what), server, [("tokens", tokens.into()), after]);
            }
            Event::Preempted => self.note(at, id, ("warning", "preempted"), server, [after]),
            Event::FirstToken => self.note(at, id, ("debug", "first_token"), server, [after]),
            Event::Token { .. } => {}
            Event::SentAgain { hedges } => {
                if let Some(open) = self.open.get_mut(&id) {
                    open.attempts += 1;
                }
                let what = if hedges { "hedged" } else { "retried" };
                self.note(at, id, ("warning", what), None, [after]);
            }
            Event::Lost { why, for_good, .. } => {
                let what = match (why, for_good) {
                    (_, true) => ("error", "failed"),
                    (Loss::Unneeded, false) => ("debug", "attempt_unneeded"),
                    (_, false) => ("warning", "attempt_lost"),
                };
                self.note(at, id, what, server, [("reason", reason(why).into()), after]);
            }
            Event::Aborted { .. } => self.note(at, id, ("error", "timed_out"), server, [after]),
            Event::Finished(history) => self.note(at, id, ("info", "finished"), server, of_answer(&history)),
        }
        if event.ends_request() {
            self.open.remove(&id);
        }
    }

    fn ran(&mut self, _run: &StepRun<'_>) {}

    fn on_server(&mut self, server: ServerId, at: Time, id: RequestId, event: &Event) {
        if let Some(kind) = ToldKind::of(event) {
            let request = RequestId(id.number()).in_class(id.class());
            self.told_by.entry((request, at, kind)).or_default().push(server);
        }
    }

    fn server_changed(&mut self, at: Time, server: ServerId, change: ServerChange, size: FleetSize) {
        let level = match change {
            ServerChange::Crashed | ServerChange::Gone | ServerChange::CutOff | ServerChange::OutOfMemory => "error",
            ServerChange::Reclaimed | ServerChange::Slowed | ServerChange::FoundMissing => "warning",
            _ => "info",
        };
        let event = format!("server_{}", name_of_change(change));
        let numbers = [
            ("server", server.0.into()),
            ("ready", size.ready.into()),
            ("provisioned", size.provisioned.into()),
        ];
        self.write(at, (level, &event), numbers);
    }

    fn scaled(&mut self, at: Time, wanted: u32) {
        if self.wanted.replace(wanted) != Some(wanted) {
            self.write(at, ("info", "servers_wanted"), [("wanted", wanted.into())]);
        }
    }
}

fn of_answer(history: &Finished) -> [Pair; 7] {
    let scheduled = history.scheduled.max(history.arrival);
    [
        ("queue_s", scheduled.since(history.arrival).seconds().into()),
        ("ttft_s", history.first_token.since(history.arrival).seconds().into()),
        ("e2e_s", history.finished.since(history.arrival).seconds().into()),
        ("input_tokens", history.input_tokens.into()),
        ("output_tokens", history.output_tokens.into()),
        ("cached_tokens", history.cached_tokens.into()),
        ("preemptions", history.preemptions.into()),
    ]
}

const fn reason(why: Loss) -> &'static str {
    match why {
        Loss::Failure => "failure",
        Loss::Refused => "refused",
        Loss::TimedOut => "timed_out",
        Loss::Unneeded => "unneeded",
    }
}
