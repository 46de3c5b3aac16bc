//! A run ends with an error, and not with the machine's memory, when its server holds too many requests.

use tailcast::engine::{Engine, Observer, Transcript};
use tailcast::fleet::{MOST_IN_SERVER, ReplayError, replay};
use tailcast::units::{Span, Time};
use tailcast::workload::{Arrivals, Lengths, Request, RequestId, Synthetic};

/// A server that says it holds so many requests, and those it is sent, and serves nobody.
struct Crowded(u64);

impl Engine for Crowded {
    fn submit(&mut self, _request: Request, _observer: &mut (impl Observer + ?Sized)) {
        self.0 += 1;
    }

    fn abort(&mut self, _id: RequestId, _at: Time) {}

    fn advance(&mut self, _until: Time, _observer: &mut (impl Observer + ?Sized)) {}

    fn advance_to_finish(&mut self, _until: Time, _observer: &mut (impl Observer + ?Sized)) -> bool {
        false
    }

    fn in_server(&self) -> u64 {
        self.0
    }

    fn next_event(&self) -> Option<Time> {
        None
    }
}

const REQUESTS: u64 = 10;

#[test]
fn too_many_requests_in_the_server_end_the_run() {
    let length = Lengths::fixed(1);
    let mut workload = Synthetic::new(Arrivals::AtOnce, length.clone(), length);
    workload.requests = Some(REQUESTS);
    // Clients who look at their answers are served by a loop of their own.
    for timeout in [None, Some(Span::from_micros(1))] {
        workload.timeout = timeout;
        let serve = |room: u64| {
            let mut server = Crowded(MOST_IN_SERVER - room);
            let ended = replay(&mut server, &mut workload.source(1), &mut Transcript(drop));
            (ended, server.0)
        };
        let (ended, held) = serve(REQUESTS);
        assert!(ended.is_ok(), "as many as may be: {ended:?}");
        assert_eq!(held, MOST_IN_SERVER);
        let (ended, held) = serve(REQUESTS - 1);
        assert!(matches!(ended, Err(ReplayError::TooMany)), "{ended:?}");
        assert_eq!(held, MOST_IN_SERVER + 1);
    }
}

#[test]
fn too_many_requests_are_said_to_be_and_what_to_do() {
    let message = ReplayError::TooMany.to_string();
    let most = format!("more than {} million requests", MOST_IN_SERVER / 1_000_000);
    for part in [&most, "memory", "lower rate", "fewer requests"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}
