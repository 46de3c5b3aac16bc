//! Code in the place of a router or of an arrival process.

use std::sync::Arc;

use tailcast::answer::{Base, Control, RunQuestion};
use tailcast::config::Custom;
use tailcast::engine::{Event, Observer, ServerId, StepRun};
use tailcast::fleet::{CustomRouter, Router, RouterMaker, RouterStart, Unwatched, View};
use tailcast::study::{replay, replay_readable_fleet};
use tailcast::units::Time;
use tailcast::workload::{CustomArrivals, GapMaker, Request, RequestId};

const SCENARIO: &str = r#"
model.name = "llama-3.1-8b"
server.gpu = "h100-sxm"
fleet.servers = 2
workload.requests = 200
workload.warm_up = "none"
workload.arrivals = { process = "constant", rate = 8.0 }
workload.prompt = { dist = "fixed", value = 100 }
workload.output = { dist = "fixed", value = 20 }
"#;

/// Sends requests from this one on to nobody, and others in turn.
struct InTurn {
    until: u64,
}

impl RouterMaker for InTurn {
    fn router(&self, start: &RouterStart<'_>) -> Box<dyn Router> {
        assert_eq!(start.weights, [1.0, 1.0]);
        Box::new(Self { until: self.until })
    }
}

impl Router for InTurn {
    fn choose(&mut self, request: &Request, view: &mut dyn View) -> Option<ServerId> {
        assert_eq!(view.ready(), [ServerId(0), ServerId(1)]);
        (request.id.0 < self.until).then_some(ServerId((request.id.0 % 2) as u32))
    }
}

fn routed(until: u64) -> Base {
    let router = CustomRouter {
        name: "in turn".into(),
        maker: Arc::new(InTurn { until }),
    };
    Base::from_toml(SCENARIO).customized(|custom: Custom| custom.with_router(router))
}

struct Nobody;

impl Observer for Nobody {
    fn on(&mut self, _at: Time, _id: RequestId, _event: &Event) {}

    fn ran(&mut self, _run: &StepRun<'_>) {}
}

/// Equal gaps whose rate is so many times what it should be.
struct Even(f64);

impl GapMaker for Even {
    fn gaps(&self, _seed: u64, rate_per_s: f64) -> Box<dyn Iterator<Item = f64>> {
        let gap_s = 1.0 / (self.0 * rate_per_s);
        Box::new([0.0].into_iter().chain(std::iter::repeat(gap_s)))
    }
}

fn timed(times: f64) -> Base {
    let arrivals = CustomArrivals {
        name: "even".into(),
        maker: Arc::new(Even(times)),
    };
    Base::from_toml(SCENARIO).customized(|custom| custom.with_arrivals(None, arrivals))
}

fn latencies(base: &Base) -> (serde_json::Value, Vec<String>) {
    let answer = RunQuestion::of(base.clone()).answer(&Control::default()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&answer.to_json()).unwrap();
    (json["latency"].clone(), answer.warnings)
}

#[test]
fn a_router_that_is_in_no_list_routes() {
    let listed = Base::from_toml(&SCENARIO.replace("servers = 2", "servers = 2\nfleet.router = \"round_robin\""));
    assert_eq!(latencies(&routed(200)), latencies(&listed));
    let input = routed(200).load().unwrap();
    let setting = input
        .scenario
        .settings
        .iter()
        .find(|setting| setting.key == "fleet.router");
    assert_eq!(setting.map(|setting| setting.value.as_str()), Some("in turn"));
}

#[test]
fn what_a_router_keeps_for_ever_is_an_error_of_both_fleets() {
    let input = routed(150).load().unwrap();
    let fleet = input.scenario.operation.fleet.as_ref().unwrap();
    let mut nobody = Nobody;
    let readable = replay_readable_fleet(&input.scenario, fleet, 1, &mut nobody, &mut Unwatched);
    let fast = replay(&input.scenario, 1, &mut nobody);
    for ended in [readable, fast] {
        let error = ended.expect_err("fifty requests are never served").to_string();
        assert!(error.contains("keeps 50 requests for ever"), "{error}");
    }
}

#[test]
fn arrivals_that_no_process_makes_arrive() {
    let (expected, _) = latencies(&Base::from_toml(SCENARIO));
    assert_eq!(latencies(&timed(1.0)), (expected, Vec::new()));
}

#[test]
fn a_rate_that_is_missed_is_told_with_both() {
    for (times, told) in [(0.5, "at 4"), (2.0, "at 16")] {
        let (_, warnings) = latencies(&timed(times));
        assert!(
            warnings[0].contains(told) && warnings[0].contains("asked for 8"),
            "{warnings:?}"
        );
    }
}
