//! Listens to a run and writes its spans as they end.

use std::cell::Cell;
use std::io::{self, Write};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::document::Attributes;
use super::root::RootSpan;
use super::served::{AttemptEnd, ServedSpan, reason};
use super::span_ids::SpanIds;
use super::span_writer::SpanWriter;
use crate::config::on_one_line;
use crate::engine::{Event, Observer, ServerId, StepRun};
use crate::report::files::observed::WallClock;
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// What has to be known of a run before it starts.
#[derive(Clone, Debug)]
pub struct SpansSettings {
    /// When the run starts.
    pub clock: WallClock,
    /// Its seed, from which the ids grow.
    pub seed: u64,
    /// The model of each server, in the order of their numbers.
    pub models: Vec<String>,
    /// The names of the classes of traffic; none if requests are not told apart.
    pub classes: Vec<String>,
    /// Whether there is a router before the servers.
    pub has_router: bool,
    /// Whether requests may belong to conversations.
    pub has_sessions: bool,
}

/// An observer that writes spans while the run goes on. Memory holds only what has not ended.
pub struct Spans<Output: Write> {
    settings: SpansSettings,
    ids: SpanIds,
    writer: SpanWriter<Output>,
    roots: FxHashMap<RequestId, RootSpan>,
    served: FxHashMap<RequestId, (ServerId, ServedSpan)>,
    /// What is said of single servers' requests until they end.
    about: FxHashMap<RequestId, Attributes>,
    sent: Option<Request>,
}

impl<Output: Write> Spans<Output> {
    /// Starts the file. Errors are kept and returned at the end, because an observer cannot fail.
    pub fn new(settings: SpansSettings, output: Output) -> Self {
        let on_lines = |names: Vec<String>| names.iter().map(|name| on_one_line(name).into_owned()).collect();
        let settings = SpansSettings {
            models: on_lines(settings.models),
            classes: on_lines(settings.classes),
            ..settings
        };
        Self {
            ids: SpanIds::new(settings.seed),
            writer: SpanWriter::new(output),
            settings,
            roots: FxHashMap::default(),
            served: FxHashMap::default(),
            about: FxHashMap::default(),
            sent: None,
        }
    }

    /// Whether there would be too many spans.
    pub fn too_long(&self) -> Rc<Cell<bool>> {
        self.writer.too_long()
    }

    /// Ends what has not ended at `end`, and gives the output back; or else the first error of all.
    pub fn finish(mut self, end: Time) -> io::Result<Output> {
        // Maps have no order of their own.
        let mut served: Vec<RequestId> = self.served.keys().copied().collect();
        served.sort_unstable();
        for id in served {
            self.leave(end, id, AttemptEnd::Inside);
        }
        let mut roots: Vec<RequestId> = self.roots.keys().copied().collect();
        roots.sort_unstable();
        for id in roots {
            self.end_root(end, id, None);
        }
        self.writer.finish()
    }

    /// What its client says of a request.
    fn about(&self, id: RequestId) -> Attributes {
        let mut about = Attributes::default()
            .text("gen_ai.operation.name", "chat")
            .text("gen_ai.request.id", id.to_string());
        if let Some(class) = self.settings.classes.get(id.class().place()) {
            about = about.text("tailcast.class", class);
        }
        if let Some(request) = self.sent.as_ref().filter(|request| request.id == id) {
            about = about.integer("gen_ai.request.max_tokens", request.max_tokens);
            if self.settings.has_sessions {
                let session = format!("{:016x}", request.session.0);
                about = about
                    .text("gen_ai.conversation.id", session)
                    .integer("tailcast.turn", request.turn);
            }
        }
        about
    }

    /// As the semantic conventions name such a span.
    fn name_of(&self, server: Option<ServerId>) -> String {
        match self.model_of(server) {
            Some(model) => format!("chat {model}"),
            None => "chat".to_owned(),
        }
    }

    /// The model of a server, or of all of them.
    fn model_of(&self, server: Option<ServerId>) -> Option<&String> {
        let models = &self.settings.models;
        match server {
            Some(server) => models.get(server.place()),
            None => models
                .first()
                .filter(|first| models.iter().all(|other| other == *first)),
        }
    }

    fn of_server(&mut self, server: ServerId, at: Time, id: RequestId, event: &Event) {
        let left = match *event {
            Event::Arrived { input_tokens } => {
                let number = self.settings.has_router.then_some(server);
                let span = ServedSpan::new(id, number, at, input_tokens);
                self.served.insert(id, (server, span));
                return;
            }
            Event::Finished(history) => AttemptEnd::Answered(history),
            // Behind a router it may be another attempt that was answered.
            Event::Aborted { .. } if self.settings.has_router => AttemptEnd::Unanswered("withdrawn"),
            Event::Aborted { .. } => AttemptEnd::Unanswered("timed_out"),
            Event::Lost { why, .. } => AttemptEnd::Unanswered(reason(why)),
            _ => {
                if let Some((_, span)) = self.served.get_mut(&id) {
                    span.hear(self.settings.clock, at, event);
                }
                return;
            }
        };
        self.leave(at, id, left);
    }

    fn leave(&mut self, at: Time, id: RequestId, left: AttemptEnd) {
        let Some((server, span)) = self.served.remove(&id) else {
            return;
        };
        let mut about = self.about.remove(&id).unwrap_or_default();
        if let Some(model) = self.model_of(Some(server)) {
            about = about.text("gen_ai.request.model", model);
        }
        let name = if self.settings.has_router {
            "llm_request".to_owned() // As vLLM calls it.
        } else {
            self.name_of(Some(server))
        };
        let naming = (self.ids, self.settings.clock);
        for document in span.documents(naming, (name, about), at, left) {
            self.writer.write(&document);
        }
    }

    fn end_root(&mut self, at: Time, id: RequestId, event: Option<&Event>) {
        let Some(root) = self.roots.remove(&id) else {
            return;
        };
        let naming = (self.ids, self.settings.clock);
        let document = root.document(id, naming, self.name_of(None), (at, event));
        self.writer.write(&document);
    }

    /// A client sends a request, and there is a root for it.
    fn start_root(&mut self, at: Time, id: RequestId, input_tokens: u32) {
        let mut about = self.about(id);
        if let Some(model) = self.model_of(None) {
            about = about.text("gen_ai.request.model", model);
        }
        let about = about.integer("gen_ai.usage.input_tokens", input_tokens);
        self.roots.insert(id, RootSpan::new(at, about));
    }
}

impl<Output: Write> Observer for Spans<Output> {
    fn sent(&mut self, request: &Request) {
        self.sent = Some(request.clone());
    }

    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        let sent_tokens = self.sent.as_ref().map_or(0, |request| request.prompt.tokens());
        if let Event::Rejected = event {
            self.start_root(at, id, sent_tokens);
            return self.end_root(at, id, Some(event));
        }
        if !self.settings.has_router {
            if let Event::Arrived { .. } = event {
                self.about.insert(id, self.about(id));
            }
            return self.of_server(ServerId(0), at, id, event);
        }
        if let Event::Arrived { input_tokens } = *event {
            return self.start_root(at, id, input_tokens);
        }
        let clock = self.settings.clock;
        if let Some(root) = self.roots.get_mut(&id) {
            root.hear(clock, at, event);
        }
        if event.ends_request() {
            self.end_root(at, id, Some(event));
        }
    }

    fn ran(&mut self, _run: &StepRun<'_>) {}

    fn on_server(&mut self, server: ServerId, at: Time, id: RequestId, event: &Event) {
        self.of_server(server, at, id, event);
    }
}
