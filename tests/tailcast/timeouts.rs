//! Clients that give up: worked out on paper, and what reports say of them.

use tailcast::engine::{self, End, Event, Finished, Heard, ServerSettings};
use tailcast::fleet::replay;
use tailcast::policy::{ContinuousSettings, PolicySettings};
use tailcast::step_time::Affine;
use tailcast::units::{Span, Time};
use tailcast::workload::trace::TraceError;
use tailcast::workload::{ClassId, Request, RequestId, Source};

use crate::command::Workplace;
use crate::known::request;
use crate::worlds::Stream;

/// Requests that arrive by themselves; their clients wait for 35 ms.
struct Impatient<'a>(std::iter::Cloned<std::slice::Iter<'a, Request>>);

impl Source for Impatient<'_> {
    fn next_arrival(&mut self) -> Result<Option<Time>, TraceError> {
        Ok(self.0.clone().next().map(|next| next.arrival))
    }

    fn take(&mut self) -> Request {
        self.0.next().expect("an arrival was announced")
    }

    fn finished(&mut self, _id: RequestId, _at: Time) {}

    fn is_closed_loop(&self) -> bool {
        false
    }

    fn timeout(&self, _class: ClassId) -> Option<Span> {
        Some(Span::from_micros(35_000))
    }
}

/// How requests end: number, time [us] and whether with an answer; steps take 10 ms, and one request runs at a time.
fn ends(async_scheduling: bool, requests: &[Request]) -> Vec<(u64, u64, &'static str)> {
    let settings = ServerSettings {
        policy: PolicySettings::Continuous(ContinuousSettings {
            async_scheduling,
            ..ContinuousSettings::new(1, 256)
        }),
        kv_blocks: 64,
        block_tokens: 16,
        max_model_len: 1000,
        kv_groups: None,
    };
    let step_time = Affine {
        base: Span::from_micros(10_000),
        ..Affine::default()
    };
    let [slow, fast] = [engine::reference, engine::fast].map(|make| {
        let mut engine = make(&settings, Box::new(step_time));
        let mut stream = Stream::default();
        let mut source = Impatient(requests.iter().cloned());
        replay(&mut engine, &mut source, &mut stream).unwrap();
        stream.heard
    });
    assert_eq!(slow, fast);
    let ends = fast.iter().filter_map(|heard| match heard {
        Heard::Event { at, id, event } => {
            let how = match event {
                Event::Finished(Finished { end: End::Length, .. }) => "answered",
                Event::Aborted { waiting: true } => "given up while it waited",
                Event::Aborted { waiting: false } => "given up while it ran",
                _ => return None,
            };
            Some((id.0, at.picos() / 1_000_000, how))
        }
        Heard::Step { .. } => None,
    });
    ends.collect()
}

#[test]
fn a_request_leaves_when_the_step_that_runs_has_ended() {
    // Of A the client gives up in the fourth step. B comes in after it, and its client gives up in its first step. C
    // has waited for 35 ms when B leaves; D waits for less, and its answer comes within 35 ms.
    let requests = [
        request(0, 0, 10, 100),
        request(1, 10_000, 10, 100),
        request(2, 12_000, 10, 1),
        request(3, 30_000, 10, 1),
    ];
    assert_eq!(
        ends(false, &requests),
        [
            (0, 40_000, "given up while it ran"),
            (1, 50_000, "given up while it ran"),
            (2, 50_000, "given up while it waited"),
            (3, 60_000, "answered"),
        ]
    );
}

#[test]
fn with_look_ahead_a_step_that_was_decided_still_runs() {
    // A leaves at 40 ms, when a step with it has been decided that runs to 50 ms; B's, decided at 40 ms, runs from
    // then.
    let requests = [request(0, 0, 10, 100), request(1, 30_000, 10, 1)];
    assert_eq!(
        ends(true, &requests),
        [(0, 40_000, "given up while it ran"), (1, 60_000, "answered")]
    );
}

#[test]
fn an_answer_in_time_is_one_and_a_late_one_is_none() {
    // Steps end at 15, 25, 35 and 45 ms; the client gives up at 40.
    let of = |tokens| ends(false, &[request(0, 5_000, 10, tokens)]);
    assert_eq!(of(3), [(0, 35_000, "answered")]);
    assert_eq!(of(4), [(0, 45_000, "given up while it ran")]);
    // It gives up at 50 ms, when the answer comes.
    let just_in_time = [request(0, 0, 10, 2), request(1, 15_000, 10, 3)];
    assert_eq!(
        ends(false, &just_in_time),
        [(0, 20_000, "answered"), (1, 50_000, "answered")]
    );
}

#[test]
fn reports_count_who_gave_up() {
    let place = Workplace::new();
    place.write(
        "scenario.toml",
        r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 1000
step_time = { base_us = 10000, per_token_us = 0, per_seq_us = 0 }
[batching]
max_num_seqs = 1
[workload]
timeout = "35ms"
trace = { path = "trace.csv" }
"#,
    );
    place.write(
        "trace.csv",
        "arrival_s,input_tokens,output_tokens\n0,10,100\n0.03,10,1\n0.2,10,2\n",
    );
    let ended = place.run(&["run", "scenario.toml", "--requests-out", "requests.csv"]);
    assert!(
        ended.stdout.contains("2 done · 0 rejected · 1 timed out"),
        "{}{}",
        ended.stdout,
        ended.stderr
    );
    assert!(ended.stdout.contains("1 of 3 requests timed out; latencies"));
    let rows = std::fs::read_to_string(place.path("requests.csv")).unwrap();
    assert_eq!(rows.matches("timed_out").count(), 1, "{rows}");
    let json = place.run(&["run", "scenario.toml", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["requests"]["timed_out"], 1);
    assert_eq!(json["requests"]["finished"], 2);
}
