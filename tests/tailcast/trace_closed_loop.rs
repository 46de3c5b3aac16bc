//! Rows of a trace that are sent as earlier ones end, instead of when they were recorded.

use std::collections::BTreeSet;
use std::fmt::Write;

use tailcast::engine::{self, Event, Observer, ServerSettings, StepRun};
use tailcast::fleet::replay;
use tailcast::policy::{NoBatching, PolicySettings};
use tailcast::step_time::Affine;
use tailcast::units::{Span, Time};
use tailcast::workload::trace::{MOST_CONCURRENCY, Replay, TraceError, TraceSource, open};
use tailcast::workload::{Request, RequestId, Source};

use crate::bad_scenarios::GOOD;
use crate::command::Workplace;
use crate::trace_facts::real;
use crate::traces::Folder;
use crate::worlds::{Clients, Stream, policy_names, world};

fn seconds(seconds: f64) -> Span {
    Span::from_seconds(seconds).unwrap()
}

/// Serves every request in a second a token of its output, whatever else there is; rejects those whose prompt is longer
/// than `longest`.
fn serve(mut source: impl Source, concurrency: usize, longest: u32) -> Vec<Request> {
    let mut served = Vec::new();
    let mut running: BTreeSet<(Time, RequestId)> = BTreeSet::new();
    loop {
        let arrival = source.next_arrival().unwrap();
        let first = running.first().copied();
        if let Some((end, id)) = first
            && arrival.is_none_or(|arrival| end < arrival)
        {
            running.pop_first();
            source.finished(id, end);
        } else if let Some(arrival) = arrival {
            let request = source.take();
            assert_eq!(request.arrival, arrival);
            assert_eq!(request.id, RequestId(served.len() as u64));
            if request.prompt.tokens() > longest {
                source.rejected(request.id, arrival);
            } else {
                let end = arrival + seconds(f64::from(request.output_tokens));
                running.insert((end, request.id));
                assert!(running.len() <= concurrency);
            }
            served.push(request);
        } else {
            return served;
        }
    }
}

/// Prompts tell the order of the file; the rows after the second are recorded an hour later.
const ROWS: &str = "arrival_s,input_tokens,output_tokens\n\
                    10,1,5\n\
                    11,2,1\n\
                    3600,3,2\n\
                    3600,4,1\n\
                    7200,5,4\n";

fn opened(text: &str, concurrency: u32, change: impl FnOnce(&mut Replay)) -> Result<TraceSource, TraceError> {
    let folder = Folder::new();
    let path = folder.0.path().join("trace");
    std::fs::write(&path, text).unwrap();
    let mut replay = Replay {
        concurrency: Some(concurrency),
        ..Replay::new(path)
    };
    change(&mut replay);
    assert_eq!(replay.validate(), Ok(()));
    open(&replay)
}

/// When each row is sent [s], and the length of its prompt.
fn sent(text: &str, concurrency: u32, change: impl FnOnce(&mut Replay)) -> Vec<(f64, u32)> {
    let source = opened(text, concurrency, change).unwrap();
    assert!(source.is_closed_loop());
    let served = serve(source, concurrency as usize, 1000);
    let requests = served.iter();
    requests
        .map(|one| (one.arrival.seconds(), one.prompt.tokens()))
        .collect()
}

#[test]
fn rows_are_sent_in_their_order_as_earlier_ones_end() {
    let two = [(0.0, 1), (0.0, 2), (1.0, 3), (3.0, 4), (4.0, 5)];
    assert_eq!(sent(ROWS, 2, |_| {}), two);
    let one = [(0.0, 1), (5.0, 2), (6.0, 3), (8.0, 4), (9.0, 5)];
    assert_eq!(sent(ROWS, 1, |_| {}), one, "one after the other");
    let all = [(0.0, 1), (0.0, 2), (0.0, 3), (0.0, 4), (0.0, 5)];
    assert_eq!(sent(ROWS, 5, |_| {}), all);
    assert_eq!(sent(ROWS, MOST_CONCURRENCY, |_| {}), all);
}

#[test]
fn rows_are_chosen_as_in_any_replay() {
    let limited = sent(ROWS, 2, |replay| replay.limit = Some(3));
    assert_eq!(limited, [(0.0, 1), (0.0, 2), (1.0, 3)]);
    let late = sent(ROWS, 1, |replay| replay.start = seconds(100.0));
    assert_eq!(late, [(0.0, 3), (2.0, 4), (3.0, 5)]);
    let bad = ROWS.replace("11,2,1", "11,x,1");
    let skipped = sent(&bad, 1, |replay| replay.skip_bad_rows = true);
    assert_eq!(skipped, [(0.0, 1), (5.0, 3), (7.0, 4), (8.0, 5)]);
    let shuffled = ROWS.replace("10,1,5", "4000,1,5");
    let sorted = sent(&shuffled, 1, |replay| replay.sort = true);
    let expected = [(0.0, 2), (1.0, 3), (3.0, 4), (4.0, 1), (9.0, 5)];
    assert_eq!(sorted, expected);
    // A recording of years is no longer than its requests take.
    let years = ROWS.replace("7200", "99999999");
    assert_eq!(sent(&years, 1, |_| {}), sent(ROWS, 1, |_| {}));
}

#[test]
fn a_request_that_ends_without_an_answer_lets_the_next_one_go() {
    let rejected = ROWS.replace("11,2,1", "11,2000,1");
    let expected = [(0.0, 1), (0.0, 2000), (0.0, 3), (2.0, 4), (3.0, 5)];
    assert_eq!(sent(&rejected, 2, |_| {}), expected);
    let text = "arrival_s,input_tokens,output_tokens\n0,10,9\n0,10,1\n0,10,1\n";
    let source = opened(text, 1, |replay| replay.timeout = Some(seconds(4.5)));
    let heard = outstanding(&mut source.unwrap(), 20);
    // The first client gives up in the fifth step; what it leaves then is computed for the second request.
    assert_eq!(heard.arrivals_s, [0.0, 4.5, 6.0]);
}

/// What becomes of the requests of a source where a step takes a second and serves one request.
fn outstanding(source: &mut dyn Source, max_model_len: u32) -> Outstanding {
    let settings = ServerSettings {
        policy: PolicySettings::None(NoBatching),
        kv_blocks: 64,
        block_tokens: 16,
        max_model_len,
        kv_groups: None,
    };
    let step_time = Affine {
        base: seconds(1.0),
        ..Affine::default()
    };
    let mut heard = Outstanding::default();
    let mut server = engine::fast(&settings, Box::new(step_time));
    replay(&mut server, source, &mut heard).unwrap();
    heard
}

/// How many requests clients wait for.
#[derive(Default)]
struct Outstanding {
    arrivals_s: Vec<f64>,
    now: u64,
    most: u64,
    rejected: u64,
}

impl Observer for Outstanding {
    fn sent(&mut self, request: &Request) {
        self.arrivals_s.push(request.arrival.seconds());
        self.now += 1;
        self.most = self.most.max(self.now);
    }

    fn on(&mut self, _at: Time, _id: RequestId, event: &Event) {
        if matches!(event, Event::Rejected | Event::Finished(_)) {
            self.now -= 1;
        }
        self.rejected += u64::from(*event == Event::Rejected);
    }

    fn ran(&mut self, _run: &StepRun<'_>) {}
}

#[test]
fn a_trace_whose_rows_are_all_rejected_ends() {
    const ROWS: u64 = 1_100_000;
    let mut text = "arrival_s,input_tokens,output_tokens\n".to_owned();
    for _ in 0..ROWS {
        text.push_str("0,99,1\n");
    }
    text.push_str("0,9,1\n");
    let heard = outstanding(&mut opened(&text, 3, |_| {}).unwrap(), 20);
    assert_eq!((heard.rejected, heard.most), (ROWS, 1));
    assert_eq!(heard.arrivals_s.len() as u64, ROWS + 1);
}

#[test]
fn both_engines_serve_a_trace_like_any_other_closed_loop() {
    for policy in policy_names() {
        for seed in 0..30 {
            let mut world = world(policy, seed);
            world.think = Span::ZERO;
            let mut text = "arrival_s,input_tokens,output_tokens,max_tokens,priority,segments\n".to_owned();
            for one in &world.requests {
                let (input, priority) = (one.prompt.tokens(), one.priority);
                let (output, most) = (one.output_tokens, one.max_tokens);
                let content = input % 3;
                writeln!(text, "0,{input},{output},{most},{priority},p{content}:{input}").unwrap();
            }
            let concurrency = world.clients as u32;
            let timeout = world.timeout;
            let open = |concurrency| {
                opened(&text, 1, |replay| {
                    replay.concurrency = concurrency;
                    replay.timeout = timeout;
                })
                .unwrap()
            };
            let mut recorded = open(None);
            world.requests.clear();
            while recorded.next_arrival().unwrap().is_some() {
                world.requests.push(recorded.take());
            }
            let served = |make: fn(&_, _) -> _, source: &mut dyn Source| {
                let mut server = make(&world.settings, Box::new(world.step_time.clone()) as Box<_>);
                let mut stream = Stream::default();
                replay(&mut server, source, &mut stream).unwrap();
                stream.heard
            };
            let fast = served(engine::fast, &mut open(Some(concurrency)));
            let slow = served(engine::reference, &mut open(Some(concurrency)));
            assert_eq!(slow, fast, "policy {policy}, world {seed}");
            let expected = served(engine::fast, &mut Clients::new(&world));
            assert_eq!(fast, expected, "policy {policy}, world {seed}");
        }
    }
}

/// A scenario that replays a trace with these settings, which stand in line 11.
pub fn scenario(trace: &str) -> String {
    let (head, rest) = GOOD.split_once("requests").unwrap();
    let slo = &rest[rest.find("[slo]").unwrap()..];
    format!("{head}trace = {{ {trace} }}\n{slo}")
}

#[test]
fn a_server_with_a_recorded_closed_loop_is_never_short_of_requests() {
    let Some(path) = real("azure2023/AzureLLMInferenceTrace_conv.csv") else {
        return;
    };
    let place = Workplace::new();
    let trace = format!("path = {path:?}, concurrency = 64, limit = 5000");
    let text = scenario(&trace).replace("8192", "16384");
    place.write("azure.toml", text);
    let ended = place.run(&["run", "azure.toml", "--quiet", "--format", "json"]);
    let result: serde_json::Value = serde_json::from_str(&ended.stdout).expect(&ended.stderr);
    assert_eq!(result["queue"]["running"]["max"], 64);
    assert!(result["queue"]["running"]["mean"].as_f64().unwrap() > 60.0);
    assert_eq!(result["requests"]["finished"], 5000);
    assert!(!ended.stderr.contains("time stamp"), "{}", ended.stderr);
    let heard = {
        let mut replay = Replay::new(path);
        (replay.concurrency, replay.limit) = (Some(64), Some(300));
        outstanding(&mut open(&replay).unwrap(), 16_384)
    };
    assert_eq!(heard.most, 64);
    assert_eq!(place.run(&["check", "azure.toml"]).code, Some(0));
}

#[test]
fn sessions_and_other_clocks_beside_a_closed_loop_are_refused() {
    let place = Workplace::new();
    place.write(
        "sessions.csv",
        "arrival_s,input_tokens,output_tokens,session,after_s\n0,5,5,a,\n,5,5,a,3\n",
    );
    place.write("rows.csv", ROWS);
    let mistakes = [
        (
            "path = \"sessions.csv\", concurrency = 4",
            "sessions.csv: has rows that wait",
            "leave workload.trace.concurrency out",
        ),
        (
            "path = \"rows.csv\", concurrency = 4, speedup = 2.0",
            "bad.toml:11:57",
            "`workload.trace.concurrency` and `workload.trace.speedup` exclude each other",
        ),
        (
            "path = \"rows.csv\", concurrency = 4, jitter_ties = \"uniform\"",
            "bad.toml:11:61",
            "keep one of the two",
        ),
        (
            "path = \"rows.csv\", concurrency = 0",
            "bad.toml:11:44",
            "must be a whole number from 1 to 1000000, not 0",
        ),
    ];
    for (trace, at, part) in mistakes {
        place.write("bad.toml", scenario(trace));
        let ended = place.run(&["run", "bad.toml", "--no-progress"]);
        assert_eq!(ended.code, Some(2), "{trace}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(at) && ended.stderr.contains(part),
            "{trace}: {}",
            ended.stderr
        );
    }
    // Nobody waits, so the column says nothing.
    place.write(
        "sessions.csv",
        "arrival_s,input_tokens,output_tokens,session,after_s\n0,5,5,a,\n1,5,5,a,\n",
    );
    place.write("good.toml", scenario(mistakes[0].0));
    assert_eq!(
        place.run(&["run", "good.toml", "--slo-exit-zero", "--quiet"]).code,
        Some(0)
    );
    let explained = place.run(&["run", "good.toml", "--explain"]).stdout;
    assert!(explained.contains("workload.trace.concurrency"));
    assert!(!explained.contains("speedup"), "{explained}");
}

#[test]
fn settings_of_a_recorded_closed_loop_are_checked() {
    let key = |change: fn(&mut Replay)| {
        let mut replay = Replay {
            concurrency: Some(4),
            ..Replay::new("trace.csv")
        };
        assert_eq!(replay.validate(), Ok(()));
        change(&mut replay);
        replay.validate().expect_err("must be refused").key
    };
    assert_eq!(key(|replay| replay.concurrency = Some(0)), "concurrency");
    let too_many = |replay: &mut Replay| replay.concurrency = Some(MOST_CONCURRENCY + 1);
    assert_eq!(key(too_many), "concurrency");
    assert_eq!(key(|replay| replay.speedup = 2.0), "concurrency");
    assert_eq!(key(|replay| replay.jitter_ties = true), "concurrency");
}
