//! Gives each client its tokens when they are due.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Instant;

use rustc_hash::FxHashMap;

use super::live_clock::LiveClock;
use crate::engine::{End, Event, Finished, FleetSize, Loss, Observer, ServerChange, ServerId, StepRun};
use crate::fleet::FrontEnd;
use crate::units::{Span, Time};
use crate::workload::RequestId;

/// Whoever has sent a request, and hears what becomes of it.
pub trait LiveClient: Send {
    /// Hears something on the thread that drives the servers, which must not wait here.
    fn hear(&mut self, heard: LiveNews);
}

/// What a client hears.
#[derive(Clone, Copy, Debug)]
pub struct LiveNews {
    /// When it was due.
    pub due: Instant,
    /// So many more tokens.
    pub tokens: u32,
    /// What has become of the request, if it has ended: nothing more will be heard.
    pub end: Option<LiveEnd>,
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveEnd {
    /// With its whole answer.
    Answered(WholeAnswer),
    /// It can never be served.
    Rejected,
    /// Too many wait.
    Refused,
    /// Its server has failed.
    Failed,
    /// Nobody serves any more.
    Stopped,
}

/// A whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WholeAnswer {
    /// Length of the prompt [tokens].
    pub input_tokens: u32,
    /// Those of them that the prefix cache held.
    pub cached_tokens: u32,
    /// Length of the answer [tokens].
    pub output_tokens: u32,
    /// Whether it ended with a stop token; otherwise its length was reached.
    pub is_stopped: bool,
}

/// What clients are to hear, and when.
pub struct Deliveries {
    clock: LiveClock,
    /// Whether servers are several, which tell by themselves what happens there.
    is_fleet: bool,
    servers: Vec<LiveServer>,
    requests: FxHashMap<RequestId, LiveRequest>,
    /// When something is due, of whom; of equals, what was known first.
    due: BinaryHeap<Reverse<(Time, u64, RequestId)>>,
    noted: u64,
    /// How many are there that did not get as many tokens as their server says.
    pub differing: u64,
}

/// A server, with those who get tokens.
struct LiveServer {
    front_end: FrontEnd,
    running: u32,
    /// Whose latest token came in the latest step, in the order in which they came to be so.
    decoding: Vec<RequestId>,
    /// Steps of which it is not known yet who got their tokens.
    steps: Option<OpenSteps>,
    /// Whose tokens of the latest step brought more with them, when, and how many.
    drafted: Vec<(RequestId, Time, u32)>,
}

/// Steps in which some of those who get tokens did not, or not one step after the one before.
struct OpenSteps {
    ends: Vec<Time>,
    clients: usize,
    among: Vec<RequestId>,
}

/// A request that has not ended, or of which something is still to be told.
struct LiveRequest {
    /// `None` once it has left.
    client: Option<Box<dyn LiveClient>>,
    server: usize,
    input_tokens: u32,
    /// As many as it will have, if nothing cuts it short.
    output_tokens: u32,
    is_running: bool,
    given: u32,
    queue: VecDeque<Due>,
}

/// What is to be heard.
#[derive(Clone, Copy)]
struct Due {
    at: Time,
    tokens: u32,
    end: Option<LiveEnd>,
}

impl Deliveries {
    /// Of servers behind these front ends; `is_fleet` if there is a router before them.
    pub fn new(clock: LiveClock, front_ends: impl Iterator<Item = FrontEnd>, is_fleet: bool) -> Self {
        let server = |front_end| LiveServer {
            front_end,
            running: 0,
            decoding: Vec::new(),
            steps: None,
            drafted: Vec::new(),
        };
        Self {
            clock,
            is_fleet,
            servers: front_ends.map(server).collect(),
            requests: FxHashMap::default(),
            due: BinaryHeap::new(),
            noted: 0,
            differing: 0,
        }
    }

    /// A request is about to be sent.
    pub fn expect(&mut self, id: RequestId, input_tokens: u32, output_tokens: u32, client: Box<dyn LiveClient>) {
        let request = LiveRequest {
            client: Some(client),
            server: 0,
            input_tokens,
            output_tokens,
            is_running: false,
            given: 0,
            queue: VecDeque::new(),
        };
        self.requests.insert(id, request);
    }

    /// The client of a request has left, and hears nothing more.
    pub fn forget(&mut self, id: RequestId) {
        if let Some(request) = self.requests.get_mut(&id) {
            request.client = None;
        }
    }

    /// How many requests have not ended, or have not been told so.
    pub fn open(&self) -> usize {
        self.requests.len()
    }

    /// When something is due next, of what is known.
    pub fn next_due(&self) -> Option<Time> {
        self.due.peek().map(|Reverse((at, ..))| *at)
    }

    /// Tells clients what is due by `now`: all is known that happened before.
    pub fn deliver(&mut self, now: Time) {
        for server in 0..self.servers.len() {
            self.settle(server);
        }
        while let Some(&Reverse((at, _, id))) = self.due.peek()
            && at <= now
        {
            self.due.pop();
            let Some(request) = self.requests.get_mut(&id) else {
                continue;
            };
            let Some(due) = request.queue.pop_front() else {
                continue;
            };
            let heard = LiveNews {
                due: self.clock.instant(due.at),
                tokens: due.tokens,
                end: due.end,
            };
            if let Some(client) = &mut request.client {
                client.hear(heard);
            }
            if due.end.is_some() {
                self.requests.remove(&id);
            }
        }
    }

    /// Nobody serves any more.
    pub fn stop(&mut self) {
        for (_, mut request) in self.requests.drain() {
            if let Some(client) = &mut request.client {
                client.hear(LiveNews {
                    due: Instant::now(),
                    tokens: 0,
                    end: Some(LiveEnd::Stopped),
                });
            }
        }
    }

    fn hear(&mut self, server: usize, at: Time, id: RequestId, event: &Event) {
        match *event {
            Event::Arrived { .. } => {
                if let Some(request) = self.requests.get_mut(&id) {
                    request.server = server;
                }
            }
            Event::Admitted { .. } => self.set_running(id, true),
            Event::Preempted => {
                self.set_running(id, false);
                self.servers[server].decoding.retain(|other| *other != id);
            }
            Event::FirstToken => self.first_token(server, at, id),
            Event::Token { .. } => {
                self.gets_token_by_itself(server, id);
                self.give(server, at, id, Span::ZERO);
            }
            Event::Finished(history) => self.finish(server, id, &history),
            Event::Aborted { .. } | Event::Rejected | Event::Lost { .. } => self.end(id, at, event),
            Event::SentAgain { .. } => {}
        }
    }

    fn set_running(&mut self, id: RequestId, is_running: bool) {
        let Some(request) = self.requests.get_mut(&id).filter(|it| it.is_running != is_running) else {
            return;
        };
        request.is_running = is_running;
        let running = &mut self.servers[request.server].running;
        *running = running.saturating_add_signed(if is_running { 1 } else { -1 });
    }

    fn first_token(&mut self, server: usize, at: Time, id: RequestId) {
        let here = &mut self.servers[server];
        let extra = u64::from(here.running) * here.front_end.per_stream.picos();
        here.decoding.push(id);
        // The last token does not come before the first.
        let is_last = self.requests.get(&id).is_some_and(|it| it.output_tokens == 1);
        self.give(server, at, id, Span::from_picos(if is_last { 0 } else { extra }));
    }

    /// A request gets a token that is told by itself.
    fn gets_token_by_itself(&mut self, server: usize, id: RequestId) {
        let here = &mut self.servers[server];
        if let Some(steps) = &mut here.steps {
            steps.among.retain(|other| *other != id);
        }
        if !here.decoding.contains(&id) {
            here.decoding.push(id);
        }
    }

    /// A request gets a token that its server has `at`, this much later than others would.
    fn give(&mut self, server: usize, at: Time, id: RequestId, extra: Span) {
        let front_end = self.servers[server].front_end;
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        request.given += 1;
        let due = request.due(at + request.later(front_end) + extra);
        request.queue.push_back(Due {
            at: due,
            tokens: 1,
            end: None,
        });
        self.note(due, id);
    }

    fn note(&mut self, at: Time, id: RequestId) {
        self.noted += 1;
        self.due.push(Reverse((at, self.noted, id)));
    }

    fn ran_at(&mut self, server: usize, run: &StepRun<'_>) {
        self.settle(server);
        let here = &mut self.servers[server];
        if run.streaming == 0 {
            return;
        }
        let ends = (1..=run.steps).map(|steps| run.start + run.ramp.total(steps));
        here.steps = Some(OpenSteps {
            ends: ends.collect(),
            clients: run.streaming as usize,
            among: here.decoding.clone(),
        });
    }

    /// All that belongs to the latest steps has been told but finishes: who got their tokens is known.
    fn settle(&mut self, server: usize) {
        if let Some(steps) = self.servers[server].steps.take() {
            // Where a step had no room for all, those went first who came first.
            let clients = &steps.among[..steps.among.len().min(steps.clients)];
            for at in steps.ends {
                for id in clients {
                    self.give(server, at, *id, Span::ZERO);
                }
            }
        }
        for (id, at, more) in std::mem::take(&mut self.servers[server].drafted) {
            self.give_more(server, at, id, more);
        }
    }

    /// A request gets more tokens with the one that its server had `at`.
    fn give_more(&mut self, server: usize, at: Time, id: RequestId, more: u32) {
        let front_end = self.servers[server].front_end;
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        request.given += more;
        let due = request.due(at + request.later(front_end));
        if let Some(last) = request.queue.back_mut().filter(|last| last.at == due) {
            last.tokens += more;
            return;
        }
        request.queue.push_back(Due {
            at: due,
            tokens: more,
            end: None,
        });
        self.note(due, id);
    }

    fn finish(&mut self, server: usize, id: RequestId, history: &Finished) {
        self.settle(server);
        self.set_running(id, false);
        self.servers[server].decoding.retain(|other| *other != id);
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        let missing = history.output_tokens.saturating_sub(request.given);
        self.differing += u64::from(history.streamed && history.output_tokens != request.given);
        let end = LiveEnd::Answered(WholeAnswer {
            input_tokens: history.input_tokens,
            cached_tokens: history.cached_tokens,
            output_tokens: history.output_tokens,
            is_stopped: history.end == End::Stop,
        });
        request.given += missing;
        // The last token and the end come together.
        if let Some(last) = request.queue.back_mut().filter(|last| last.at >= history.finished) {
            last.tokens += missing;
            last.end = Some(end);
            return;
        }
        let due = Due {
            at: history.finished,
            tokens: missing,
            end: Some(end),
        };
        request.queue.push_back(due);
        self.note(due.at, id);
    }

    /// A request ends without an answer.
    fn end(&mut self, id: RequestId, at: Time, event: &Event) {
        self.set_running(id, false);
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        let server = &mut self.servers[request.server];
        server.decoding.retain(|other| *other != id);
        if let Some(steps) = &mut server.steps {
            steps.among.retain(|other| *other != id);
        }
        let end = match event {
            Event::Rejected => LiveEnd::Rejected,
            Event::Lost { why: Loss::Refused, .. } => LiveEnd::Refused,
            _ => LiveEnd::Failed,
        };
        request.queue.clear();
        let due = Due {
            at,
            tokens: 0,
            end: Some(end),
        };
        request.queue.push_back(due);
        self.note(at, id);
    }
}

impl LiveRequest {
    /// How much later its client has a token than its server.
    fn later(&self, front_end: FrontEnd) -> Span {
        let tokenised = front_end.per_prompt_token.picos() * u64::from(self.input_tokens);
        front_end.latency + Span::from_picos(tokenised)
    }

    /// Nothing overtakes what comes before.
    fn due(&self, at: Time) -> Time {
        self.queue.back().map_or(at, |last| at.max(last.at))
    }
}

impl Observer for Deliveries {
    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        match event {
            _ if !self.is_fleet => self.hear(0, at, id, event),
            Event::Aborted { .. } | Event::Rejected | Event::Lost { .. } => self.end(id, at, event),
            _ => {}
        }
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        if !self.is_fleet {
            self.ran_at(0, run);
        }
    }

    fn drafted(&mut self, server: ServerId, at: Time, id: RequestId, more: u32) {
        self.servers[server.place()].drafted.push((id, at, more));
    }

    fn on_server(&mut self, server: ServerId, at: Time, id: RequestId, event: &Event) {
        // An attempt that its client has given up is no request of a client.
        if !matches!(event, Event::Aborted { .. }) {
            self.hear(server.place(), at, id, event);
        }
    }

    fn ran_on(&mut self, server: ServerId, run: &StepRun<'_>) {
        self.ran_at(server.place(), run);
    }

    fn server_changed(&mut self, _at: Time, _server: ServerId, _change: ServerChange, _size: FleetSize) {}
}
