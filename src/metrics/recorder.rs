//! Listens to one server and its clients, for all meters.

use super::client::ClientWaitMeter;
use super::latencies_of::LatenciesOf;
use super::meter::{HeardEvent, ServedRequest};
use super::meters::{ClientMeters, ServerMeters};
use super::recorder_settings::RecorderSettings;
use super::recording::Recording;
use super::run_so_far::RunSoFar;
use super::server::SaturationMeter;
use super::slo::Slo;
use crate::engine::{Event, Finished, Observer, StepRun};
use crate::units::Time;
use crate::workload::{Request, RequestId};

/// An observer that adds up everything a [`super::Summary`] reports. Its memory grows with the run only where prompts
/// share content, by what they hold.
pub struct Recorder {
    run: RunSoFar,
    client: ClientMeters,
    server: ServerMeters,
    slos: Vec<Slo>,
}

impl Recorder {
    /// A recorder for a run that is about to start.
    pub fn new(settings: &RecorderSettings<'_>) -> Self {
        Self {
            run: RunSoFar::new(settings.trim),
            client: ClientMeters::new(settings),
            server: ServerMeters::new(settings),
            slos: settings.slos.to_vec(),
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

    /// What was heard of the run, which has ended.
    pub fn finish(self) -> Recording {
        let grows = self.server.saturation.grows();
        let run = self.run.finish(grows);
        Recording {
            client: self.client.finish(&run),
            server: self.server.finish(&run),
            durations: run.durations,
            slos: self.slos,
        }
    }

    #[inline(never)]
    fn finished(&mut self, request: &Finished) {
        let served = ServedRequest {
            history: request,
            latencies: LatenciesOf::request(request),
            segment: self.run.segment_of(request.arrival),
            finished_in: self.run.segment_now(),
        };
        self.client.finished(&served);
        self.server.finished(&served);
    }
}

impl Observer for Recorder {
    fn sent(&mut self, request: &Request) {
        self.client.sent(request);
        self.server.sent(request);
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
        self.run.on(at, event);
        if let Event::Finished(request) = event {
            self.finished(request);
        }
    }

    #[inline(always)]
    fn ran(&mut self, run: &StepRun<'_>) {
        let at_start = self.run.ran(run);
        self.client.ran(run, at_start);
        self.server.ran(run, at_start);
    }
}
