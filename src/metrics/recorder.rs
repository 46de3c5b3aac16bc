//! Listens to a server or a fleet and its clients, for all meters.

use std::sync::Arc;

use super::class_to_record::ClassToRecord;
use super::classes::ClassBooks;
use super::client::{ClientWaitMeter, RecoveryMeter};
use super::fleet::FleetBooks;
use super::latencies_of::LatenciesOf;
use super::meter::{HeardEvent, ServedRequest, StartOfSteps};
use super::meters::{ClientMeters, ServerMeters};
use super::partition::Partition;
use super::path::PathMeter;
use super::population::CountsAtSteps;
use super::recorder_settings::RecorderSettings;
use super::recording::Recording;
use super::run_so_far::RunSoFar;
use super::server::{SaturationMeter, WavesMeter};
use super::slo::Slo;
use crate::engine::{Event, Finished, FleetSize, Observer, ServerChange, ServerId, StepRun, Streamed};
use crate::money::CostRules;
use crate::path::{PathBooks, RequestPath};
use crate::policy::Moved;
use crate::units::{Span, Time};
use crate::workload::{Request, RequestId};

/// An observer that adds up everything a [`super::Summary`] reports. Its memory grows with the run only where prompts
/// share content, by what they hold.
pub struct Recorder {
    run: RunSoFar,
    client: ClientMeters,
    /// Of all servers together.
    server: ServerMeters,
    /// Of the server, if there is only one.
    counts: CountsAtSteps,
    /// Of each server, if there are several.
    fleet: Option<Box<FleetBooks>>,
    /// Of each class of traffic, if there are any.
    classes: Option<Box<ClassBooks>>,
    /// Requests by their priority, and by their turn in their session.
    priorities: Partition,
    turns: Partition,
    slos: Vec<Slo>,
    cost: Option<Arc<CostRules>>,
}

impl Recorder {
    /// A recorder for a run that is about to start.
    pub fn new(settings: &RecorderSettings<'_>) -> Self {
        Self {
            run: RunSoFar::new(settings.trim),
            client: ClientMeters::new(settings),
            server: ServerMeters::new(settings),
            counts: CountsAtSteps::default(),
            fleet: None,
            classes: None,
            priorities: Partition::default(),
            turns: Partition::default(),
            slos: settings.slos.to_vec(),
            cost: None,
        }
    }

    /// The recorder, for a closed loop: its queue holds no more than its clients, so whether it grows to the end is no
    /// question.
    #[must_use]
    pub fn of_closed_loop(mut self) -> Self {
        self.server.saturation = SaturationMeter::OF_CLOSED_LOOP;
        self
    }

    /// The recorder, for clients who keep at most `most` requests outstanding and let others wait.
    #[must_use]
    pub fn of_max_outstanding(mut self, most: u32) -> Self {
        self.client.client_wait = ClientWaitMeter::of(most);
        self
    }

    /// The recorder, for at most so many servers behind a router, and `initial` at the start. Whether
    /// requests come in waves is not asked then, as each server has steps of its own.
    #[must_use]
    pub fn of_fleet(
        mut self,
        servers: u32,
        initial: FleetSize,
        router: String,
        settings: &RecorderSettings<'_>,
    ) -> Self {
        let books = FleetBooks::new(servers, router, settings);
        self.fleet = Some(Box::new(books));
        self.client.recovery = RecoveryMeter::of_fleet(initial);
        self.server.waves = WavesMeter::silent();
        self.server.kv.watch_fleet();
        self
    }

    /// The recorder, for requests of these classes, of each of which it tells too.
    #[must_use]
    pub fn of_classes(mut self, classes: &[ClassToRecord], settings: &RecorderSettings<'_>) -> Self {
        self.classes = Some(Box::new(ClassBooks::new(classes, settings)));
        self
    }

    /// The recorder, for requests that take this path, and end in these books.
    #[must_use]
    pub fn of_path(mut self, path: &RequestPath, books: PathBooks) -> Self {
        self.client.path = PathMeter::of(path, books);
        self
    }

    /// The recorder, for whoever wants to know what the run costs.
    #[must_use]
    pub fn of_cost(mut self, rules: &CostRules) -> Self {
        self.cost = Some(Arc::new(rules.clone()));
        self
    }

    /// What was heard of the run, which has ended.
    pub fn finish(mut self) -> Recording {
        self.client.path.settle(&self.run);
        let grows = self.server.saturation.grows();
        let last_step_end = match &self.fleet {
            Some(books) => books.last_step_end(),
            None => self.counts.last_step_end(),
        };
        let mut run = self.run.finish(last_step_end, grows);
        let covered = run.durations.covered_picos;
        if self.fleet.is_some() {
            // What servers do is weighted with the time of each.
            run.durations.covered_picos = self.client.recovery.server_picos(covered);
        }
        Recording {
            client: self.client.finish(&run),
            server: self.server.finish(&run),
            fleet: self.fleet.map(|books| books.finish(covered)),
            classes: self.classes.map_or_else(Vec::new, |classes| classes.finish(&run)),
            priorities: self.priorities.finish(&run),
            turns: self.turns.finish(&run),
            durations: run.durations,
            slos: self.slos,
            cost: self.cost,
        }
    }

    /// Clients have got tokens of steps that started before the latest segment of the run. Each belongs to the segment
    /// in which its step started, wherever runs of steps are cut.
    #[cold]
    fn streamed_before(&mut self, tokens: &Streamed) {
        let mut left = *tokens;
        while left.steps > 0 {
            let segment = self.run.segment_of(left.start);
            let end = self.run.end_of_segment(segment);
            let part = left.split_off_before(end.unwrap_or(Time::LIMIT));
            self.client.streamed(&part, segment);
            self.server.streamed(&part, segment);
        }
    }

    #[inline(never)]
    fn finished(&mut self, id: RequestId, request: &Finished) {
        let served = ServedRequest {
            history: request,
            latencies: LatenciesOf::request(request),
            segment: self.run.segment_of(request.arrival),
            finished_in: self.run.segment_now(),
        };
        self.client.finished(&served);
        self.client.path.answered(id, request, &self.run);
        self.server.finished(&served);
        if let Some(classes) = &mut self.classes {
            classes.finished(id, &served);
        }
        self.priorities.finished(id, &served);
        self.turns.finished(id, &served);
    }
}

impl Observer for Recorder {
    fn sent(&mut self, request: &Request) {
        let counts = self.run.counts();
        self.priorities.sent(request, request.priority, &self.client, counts);
        self.turns.sent(request, request.turn.into(), &self.client, counts);
        self.client.sent(request);
        self.server.sent(request);
        if let Some(classes) = &mut self.classes {
            classes.sent(request);
        }
    }

    #[inline(always)]
    fn on(&mut self, at: Time, id: RequestId, event: &Event) {
        self.run.go_on_to(at, event);
        let heard = HeardEvent {
            at,
            id,
            event,
            before: self.run.counts(),
            segment: self.run.latest_segment(),
        };
        self.client.on(&heard);
        self.server.on(&heard);
        if let Some(classes) = &mut self.classes {
            classes.on(&heard);
        }
        self.priorities.on(&heard);
        self.turns.on(&heard);
        self.run.on(at, event);
        if self.fleet.is_none() {
            self.counts.hear(at, event);
        }
        if let Event::Finished(request) = event {
            self.finished(id, request);
        }
    }

    /// Of all meters the latencies alone hear of later tokens, and only those of classes ask whose they are.
    fn on_tokens(&mut self, at: Time, gap: Span, count: u32, ids: &mut dyn Iterator<Item = RequestId>) {
        let token = Event::Token { gap };
        if self.classes.is_some() {
            return ids.for_each(|id| self.on(at, id, &token));
        }
        self.run.go_on_to(at, &token);
        self.client.latency.record_gaps(gap, count, self.run.latest_segment());
    }

    #[inline(always)]
    fn ran(&mut self, run: &StepRun<'_>) {
        self.streamed(&Streamed::of(run));
        let at_start = StartOfSteps {
            counts: self.counts.ran(run),
            pool: 0,
        };
        self.client.ran(run, at_start);
        self.server.ran(run, at_start);
    }

    fn moved(&mut self, _server: ServerId, _at: Time, moved: &Moved) {
        self.client.moved(moved);
        self.server.moved(moved);
    }

    #[inline(always)]
    fn streamed(&mut self, tokens: &Streamed) {
        let segment = self.run.segment_of(tokens.start);
        if segment < self.run.latest_segment() {
            return self.streamed_before(tokens);
        }
        self.client.streamed(tokens, segment);
        self.server.streamed(tokens, segment);
    }

    fn server_changed(&mut self, at: Time, server: ServerId, change: ServerChange, size: FleetSize) {
        self.client.recovery.server_changed(at, server, change, size);
    }

    fn scaled(&mut self, _at: Time, wanted: u32) {
        self.client.recovery.note_wanted(wanted);
    }

    fn on_server(&mut self, server: ServerId, at: Time, _id: RequestId, event: &Event) {
        if let Some(books) = &mut self.fleet {
            books.on(server, at, event);
        }
    }

    fn ran_on(&mut self, server: ServerId, run: &StepRun<'_>) {
        if let Some(books) = &mut self.fleet {
            let at_start = books.ran(server, run);
            self.client.ran(run, at_start);
            self.server.ran(run, at_start);
        }
    }
}
