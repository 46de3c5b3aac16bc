//! Closed loops as people are: out of step with each other, and thinking for as long as they like.

use tailcast::answer::{Base, Control};
use tailcast::metrics::Summary;
use tailcast::study::{self, Bounds};
use tailcast::units::{Span, Time};
use tailcast::workload::{Arrivals, ClosedStart, Lengths, Source, Synthetic, Think};

use crate::command::Workplace;

fn seconds(seconds: f64) -> Span {
    Span::from_seconds(seconds).unwrap()
}

/// A chat on one GPU.
const SERVER: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "l40s"
max_model_len = 16384
[workload]
requests = 3000
"#;
const RANDOM: &str = "prompt = { dist = \"lognormal\", median = 512, sigma = 0.8, max = 8000 }\n\
                      output = { dist = \"lognormal\", median = 200, sigma = 0.6, max = 2000 }\n";
const EQUAL: &str = "prompt = { dist = \"fixed\", value = 2000 }\noutput = { dist = \"fixed\", value = 50 }\n";

/// The 99th percentile of TTFT [s] with such lengths and arrivals, the throughput [requests/s], and whether requests
/// came in waves.
fn run(lengths: &str, arrivals: &str) -> (f64, f64, bool) {
    let text = format!("{SERVER}{lengths}arrivals = {arrivals}\n");
    let input = Base::from_toml(&text).load().unwrap_or_else(|error| panic!("{error}"));
    let run = study::run(&input, 42, Vec::new(), &Control::default(), &Bounds::default()).unwrap();
    let summary = Summary::of(&run.recording);
    let throughput = summary.throughput.requests_per_s.unwrap();
    (
        summary.latency.ttft.p99.unwrap(),
        throughput,
        run.replayed.waves.are_most(),
    )
}

fn users(think: &str) -> String {
    format!("{{ process = \"closed\", concurrency = 100, think = {think} }}")
}

#[test]
fn a_hundred_users_who_think_wait_as_long_as_poisson_arrivals_at_their_throughput() {
    let random = "{ dist = \"exponential\", mean = \"30s\" }";
    for (lengths, think) in [(RANDOM, "\"30s\""), (RANDOM, random), (EQUAL, random)] {
        let (closed, throughput, comes_in_waves) = run(lengths, &users(think));
        let (open, ..) = run(lengths, &format!("{{ process = \"poisson\", rate = {throughput} }}"));
        assert!((2.5..3.3).contains(&throughput), "{throughput}");
        assert!(
            (closed / open - 1.0).abs() < 0.25,
            "{think}, {lengths}: {closed} s, Poisson {open} s"
        );
        assert!(!comes_in_waves, "{think}, {lengths}");
        // Lengths and pauses that differ draw a crowd apart in the end, so the whole of the run is looked at.
        let together = users(&format!("{think}, start = \"together\""));
        let (together, ..) = run(lengths, &format!("{together}\nwarm_up = \"none\""));
        assert!(together > 5.0 * closed, "{think}, {lengths}: {together} s");
    }
}

#[test]
fn users_who_do_everything_alike_fall_into_step_and_that_is_told() {
    // Who comes in while prompts of others are made waits for long steps, and has its answer a short one after theirs:
    // what came in over seconds comes back within a fraction of one.
    for start in ["", ", start = \"together\""] {
        let (closed, _, comes_in_waves) = run(EQUAL, &users(&format!("\"30s\"{start}")));
        assert!(comes_in_waves && closed > 2.0, "{closed} s");
    }
}

#[test]
fn clients_who_start_spread_send_at_the_rate_of_the_long_run_from_the_start() {
    for think in [Think::Fixed(seconds(30.0)), Think::Exponential { mean: seconds(30.0) }] {
        let first = |start, before_s: f64| {
            let arrivals = Arrivals::Closed {
                concurrency: 3_000,
                think,
                start,
            };
            let mut source = Synthetic::new(arrivals, Lengths::fixed(1), Lengths::fixed(1)).source(3);
            let mut sent = 0;
            // Answers take no time, so that clients do nothing but think.
            while let Some(at) = source.next_arrival().unwrap()
                && at < Time::ZERO + seconds(before_s)
            {
                let request = source.take();
                source.finished(request.id, at);
                sent += 1;
            }
            sent
        };
        // 3,000 clients who think for 30 s each send 100 requests a second.
        for before_s in [1.0, 10.0, 30.0, 100.0] {
            let (sent, expected) = (f64::from(first(ClosedStart::Spread, before_s)), 100.0 * before_s);
            assert!(
                (sent - expected).abs() < 4.0 * expected.sqrt(),
                "{think:?}: {sent} in {before_s} s"
            );
        }
        assert!(first(ClosedStart::Together, 0.001) >= 3_000);
    }
}

#[test]
fn how_long_users_think_does_not_depend_on_the_server() {
    let pauses = |answer_s: f64| {
        let arrivals = Arrivals::Closed {
            concurrency: 1,
            think: Think::Exponential { mean: seconds(5.0) },
            start: ClosedStart::Spread,
        };
        let mut source = Synthetic::new(arrivals, Lengths::fixed(1), Lengths::fixed(1)).source(9);
        let mut free = Time::ZERO;
        let pauses = (0..100).map(|_| {
            let at = source.next_arrival().unwrap().unwrap();
            let pause = at.since(free);
            free = at + seconds(answer_s);
            let request = source.take();
            source.finished(request.id, free);
            pause
        });
        pauses.collect::<Vec<_>>()
    };
    let fast = pauses(0.1);
    assert_eq!(fast, pauses(70.0));
    let mean_s = fast.iter().map(|pause| pause.seconds()).sum::<f64>() / 100.0;
    assert!((3.5..6.5).contains(&mean_s), "{mean_s}");
}

#[test]
fn pauses_are_written_as_those_of_sessions() {
    let of = |arrivals: &str| {
        let text = format!("{SERVER}{RANDOM}arrivals = {{ process = \"closed\", concurrency = 8{arrivals} }}\n");
        Base::from_toml(&text).load().map(|input| input.scenario)
    };
    let hash = |arrivals: &str| of(arrivals).unwrap().hash();
    assert_ne!(hash(", think = \"5s\""), hash(", think = \"5s\", start = \"together\""));
    assert_ne!(
        hash(", think = \"5s\""),
        hash(", think = { dist = \"exponential\", mean = \"5s\" }")
    );
    // Who does not pause starts together whatever is written, and so it names no other scenario.
    assert_eq!(hash(""), hash(", start = \"together\""));
    let place = Workplace::new();
    for (arrivals, message) in [
        (
            ", think = { dist = \"gamma\" }",
            "arrivals.think.dist` cannot be the text \"gamma\"",
        ),
        (
            ", think = { dist = \"exponential\" }",
            "arrivals.think.mean` is missing",
        ),
        (", think = 5", "has no unit"),
        (", start = \"late\"", "arrivals.start` cannot be the text \"late\""),
    ] {
        let text = format!("{SERVER}{RANDOM}arrivals = {{ process = \"closed\", concurrency = 8{arrivals} }}\n");
        place.write("scenario.toml", text);
        let ended = place.run(&["run", "scenario.toml"]);
        assert_eq!(ended.code, Some(2), "{arrivals}");
        assert!(ended.stderr.contains(message), "{}", ended.stderr);
        assert!(ended.stderr.contains("scenario.toml:"), "{}", ended.stderr);
    }
}
