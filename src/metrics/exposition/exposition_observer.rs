//! Listens to a run and notes at regular instants what would be scraped.

use std::cell::Cell;
use std::rc::Rc;

use super::exposed::ExposedRun;
use super::families::Label;
use super::gateway_metrics::GatewayMetrics;
use super::scraped_rows::ScrapedRows;
use super::server_events::ServerEvents;
use super::server_steps::ServerSteps;
use crate::engine::{Event, FleetSize, Observer, ServerChange, ServerId, StepRun};
use crate::units::{Span, Time};
use crate::workload::RequestId;

/// The most numbers of all series together: 160 MB of memory, and some 2 GB of text.
pub const MOST_SAMPLES: u64 = 20_000_000;

/// What has to be known of a run before it starts.
#[derive(Clone, Debug)]
pub struct ExpositionSettings {
    /// The servers, in the order of their numbers.
    pub servers: Vec<ExposedServer>,
    /// How many are there at the start.
    pub size: FleetSize,
    /// Whether there is a router before them.
    pub has_router: bool,
    /// Whether somebody starts and stops servers.
    pub is_scaled: bool,
    /// The names of the classes of traffic; none if requests are not told apart.
    pub classes: Vec<String>,
    /// How much time lies between two looks; `None` if only the end is looked at.
    pub interval: Option<Span>,
}

/// What has to be known of a server.
#[derive(Clone, Debug)]
pub struct ExposedServer {
    /// The model that it serves.
    pub model: String,
    /// The pool that it is in, if there are any.
    pub pool: Option<String>,
    /// Blocks of its KV cache, the null block included.
    pub kv_blocks: u32,
    /// The most tokens of a request.
    pub max_model_len: u32,
    /// Whether it looks prompts up in a prefix cache.
    pub prefix_caching: bool,
}

/// An observer that notes what a Prometheus would scrape. What happens on one server is told in the order of its own
/// time, so that each goes on by itself. Its memory grows with the rows that it notes, of which there are only so many.
#[derive(Clone)]
pub struct Exposition {
    settings: ExpositionSettings,
    gateway: GatewayMetrics,
    gateway_rows: ScrapedRows,
    servers: Vec<ServerOfExposition>,
    most_rows: u64,
    too_long: Rc<Cell<bool>>,
}

/// A server, with the rows of what requests and of what steps change.
#[derive(Clone)]
struct ServerOfExposition {
    events: ServerEvents,
    event_rows: ScrapedRows,
    steps: ServerSteps,
    step_rows: ScrapedRows,
    runs: bool,
}

impl Exposition {
    /// An exposition of a run, with [`MOST_SAMPLES`] numbers at most.
    pub fn new(settings: ExpositionSettings) -> Self {
        let instances: Vec<String> = (0..settings.servers.len()).map(instance_of).collect();
        let gateway = GatewayMetrics::new(&settings.classes, &instances, settings.size);
        let mut servers: Vec<ServerOfExposition> = settings.servers.iter().map(ServerOfExposition::new).collect();
        let widths = servers.iter().map(ServerOfExposition::width);
        let of_gateway: usize = gateway.instruments().iter().map(|one| one.width()).sum();
        let most_rows = MOST_SAMPLES / (widths.sum::<usize>() + of_gateway) as u64;
        for server in &mut servers {
            server.start_rows(settings.interval, most_rows);
        }
        Self {
            gateway_rows: ScrapedRows::new(settings.interval, most_rows, &gateway.instruments()),
            gateway,
            servers,
            settings,
            most_rows,
            too_long: Rc::default(),
        }
    }

    /// Whether there would be too many samples, now or later.
    pub fn too_long(&self) -> Rc<Cell<bool>> {
        Rc::clone(&self.too_long)
    }

    /// What would be scraped now of a run that goes on, of which only the end is looked at. Servers are told apart as
    /// vLLM tells the engines of one process: what is scraped has no `instance` yet.
    #[must_use]
    pub fn so_far(&self) -> ExposedRun {
        let mut now = self.clone();
        for server in &mut now.servers {
            let runs = server.runs;
            server.finish(Time::ZERO, runs, true);
        }
        now.gateway_rows.note(&now.gateway.instruments());
        now.exposed(|place| ("engine", place.to_string()))
    }

    /// What was scraped, up to the first instant by which all has been heard; the run ended at `end`.
    pub fn finish(mut self, end: Time) -> ExposedRun {
        let last = match self.settings.interval {
            Some(interval) => Time::from_picos(end.picos().div_ceil(interval.picos()) * interval.picos()),
            None => end,
        };
        let alone = !self.settings.has_router;
        for server in &mut self.servers {
            let still_runs = alone && server.runs;
            server.finish(last, still_runs, self.settings.interval.is_none());
        }
        while self.gateway_rows.next().is_some_and(|at| at <= last) {
            self.gateway_rows.note(&self.gateway.instruments());
        }
        if self.settings.interval.is_none() {
            self.gateway_rows.note(&self.gateway.instruments());
        }
        self.heed_length();
        self.exposed(|place| ("instance", instance_of(place)))
    }

    /// With a label that tells servers apart.
    fn exposed(self, label_of: impl Fn(usize) -> Label) -> ExposedRun {
        let mut run = ExposedRun::new(self.settings.interval.unwrap_or(Span::ZERO));
        for (place, (server, about)) in self.servers.into_iter().zip(&self.settings.servers).enumerate() {
            let mut labels = vec![("model_name", about.model.clone())];
            match label_of(place) {
                label @ ("engine", _) => labels.push(label),
                label => labels.extend([("engine", "0".to_owned()), label]),
            }
            labels.extend(about.pool.clone().map(|pool| ("pool", pool)));
            run.add(&server.events.instruments(), &labels, server.event_rows);
            run.add(&server.steps.instruments(), &labels, server.step_rows);
        }
        let instruments = self.gateway.instruments();
        run.add(&instruments, &Vec::<Label>::new(), self.gateway_rows);
        run.finish(self.settings.has_router, self.settings.is_scaled);
        run
    }

    fn pass(&mut self, now: Time) {
        while self.gateway_rows.due_before(now).is_some() {
            self.gateway_rows.note(&self.gateway.instruments());
        }
        self.heed_length();
    }

    fn heed_length(&self) {
        if self.settings.interval.is_some() && self.gateway_rows.len() == self.most_rows {
            self.too_long.set(true);
        }
    }

    /// The server, if it is the only one and behind no router.
    fn alone(&mut self) -> Option<&mut ServerOfExposition> {
        self.servers.first_mut().filter(|_| !self.settings.has_router)
    }
}

/// What a scraped server is called.
fn instance_of(place: usize) -> String {
    format!("server-{place}")
}

impl ServerOfExposition {
    fn new(about: &ExposedServer) -> Self {
        let none = || ScrapedRows::new(None, 0, &[]);
        Self {
            events: ServerEvents::new(about.prefix_caching, about.max_model_len),
            event_rows: none(),
            steps: ServerSteps::new(about.kv_blocks),
            step_rows: none(),
            runs: false,
        }
    }

    fn width(&self) -> usize {
        let of_events = self.events.instruments().iter().map(|one| one.width()).sum::<usize>();
        let of_steps = self.steps.instruments().iter().map(|one| one.width()).sum::<usize>();
        of_events + of_steps
    }

    fn start_rows(&mut self, interval: Option<Span>, most: u64) {
        self.event_rows = ScrapedRows::new(interval, most, &self.events.instruments());
        self.step_rows = ScrapedRows::new(interval, most, &self.steps.instruments());
    }

    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        while self.event_rows.due_before(at).is_some() {
            self.event_rows.note(&self.events.instruments());
        }
        self.events.hear(at, id, event);
        self.steps.hear(event);
        self.runs = self.events.has_running();
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        self.steps.ran(run, &mut self.step_rows);
    }

    fn finish(&mut self, last: Time, still_runs: bool, only_the_end: bool) {
        while self.event_rows.next().is_some_and(|at| at <= last) {
            self.event_rows.note(&self.events.instruments());
        }
        self.steps.finish(last, still_runs, &mut self.step_rows);
        if only_the_end {
            self.event_rows.note(&self.events.instruments());
            self.step_rows.note(&self.steps.instruments());
        }
    }
}

impl Observer for Exposition {
    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        self.pass(at);
        self.gateway.hear(id, event);
        if let Some(server) = self.alone() {
            server.on(at, id, event);
        }
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        if let Some(server) = self.alone() {
            server.ran(run);
        }
    }

    fn on_server(&mut self, server: ServerId, at: Time, id: RequestId, event: &Event) {
        self.servers[server.place()].on(at, id, event);
    }

    fn ran_on(&mut self, server: ServerId, run: &StepRun<'_>) {
        self.servers[server.place()].ran(run);
    }

    fn server_changed(&mut self, at: Time, server: ServerId, change: ServerChange, size: FleetSize) {
        self.pass(at);
        self.gateway.server_changed(server, change, size);
    }

    fn scaled(&mut self, at: Time, wanted: u32) {
        self.pass(at);
        self.gateway.scaled(wanted);
    }
}
