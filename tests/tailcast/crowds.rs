//! A run ends with an error, and not with the machine's memory, when its server holds more requests than fit.

use std::time::{Duration, Instant};

use tailcast::engine::{Engine, Observer, ServerLoad, Transcript, Turn};
use tailcast::fleet::{ReplayError, USUAL_MEMORY_BYTES, replay};
use tailcast::policy::POLICIES;
use tailcast::units::{Span, Time};
use tailcast::workload::{Arrivals, Lengths, Request, RequestId, Synthetic};

use crate::command::Workplace;

/// A server that says it holds so many requests, and those it is sent, and serves nobody.
struct Crowded(u64);

const BYTES_A_REQUEST: u64 = 1_000;
const MOST_IN_SERVER: u64 = USUAL_MEMORY_BYTES / BYTES_A_REQUEST;

impl Engine for Crowded {
    fn can_serve(&self, _request: &Request) -> bool {
        true
    }

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

    fn bytes_a_request(&self) -> u64 {
        BYTES_A_REQUEST
    }

    fn next_event(&self) -> Option<Time> {
        None
    }

    fn next_turn(&self) -> Option<Turn> {
        None
    }

    fn load(&self) -> ServerLoad {
        ServerLoad::default()
    }

    fn cached_tokens(&self, _request: &Request) -> u32 {
        0
    }

    fn slow_down(&mut self, _factor: f64) {}
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
        assert!(matches!(ended, Err(ReplayError::OutOfMemory { .. })), "{ended:?}");
        assert_eq!(held, MOST_IN_SERVER, "the one too many is not taken in");
    }
}

#[test]
fn too_many_requests_are_said_to_be_and_what_to_do() {
    let limit_bytes = 3 << 30;
    let message = ReplayError::OutOfMemory { limit_bytes }.to_string();
    for part in ["3072 MiB", "memory", "lower rate", "fewer requests", "--max-memory"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

const SCENARIO: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
[workload]
requests = 100_000_000
arrivals = { process = "poisson", rate = 1e9 }
prompt = { dist = "fixed", value = 30 }
output = { dist = "fixed", value = 4 }
"#;

/// What a run takes besides its requests, the program in a build for tests included [bytes].
const REST: u64 = 48 << 20;

#[test]
fn no_run_takes_more_memory_than_it_may() {
    let place = Workplace::new();
    place.write("s.toml", SCENARIO);
    let mut trace = "arrival_s,input_tokens,output_tokens,segments\n".to_owned();
    for row in 0..30_000 {
        let segments: Vec<String> = (0..20).map(|segment| format!("c{row}-{segment}:16")).collect();
        trace.extend(["0,320,2,", &segments.join(";"), "\n"]);
    }
    place.write("trace.csv", trace);
    let only_trace = SCENARIO.lines().take_while(|line| !line.starts_with("requests"));
    let only_trace: Vec<&str> = only_trace.collect();
    place.write(
        "trace.toml",
        format!("{}\ntrace = {{ path = \"trace.csv\" }}\n", only_trace.join("\n")),
    );
    let priority = "batching.scheduling=priority";
    let speculative = "batching.speculative={ method = \"ngram\", tokens = 3, acceptance = 0.5 }";
    let prefix = "workload.prefix={ pool = 9, tokens = { dist = \"fixed\", value = 99 }, popularity = 1.0 }";
    let policies = POLICIES.map(|policy| format!("batching.policy={}", policy.name));
    let worlds = policies.iter().map(String::as_str);
    let worlds = worlds.chain([priority, speculative, prefix, "workload.timeout=\"1h\""]);
    let synthetic = worlds.map(|set| ("s.toml", set, 64 << 20));
    let traces = ["batching.policy=continuous", "batching.policy=orca", priority];
    for (scenario, set, limit) in synthetic.chain(traces.map(|set| ("trace.toml", set, 32 << 20))) {
        let limit_text = format!("{}MiB", limit >> 20);
        let arguments = [
            "run",
            scenario,
            "-q",
            "--no-progress",
            "--set",
            set,
            "--max-memory",
            &limit_text,
        ];
        let (ended, most) = place.run_measured(&arguments);
        assert_eq!(ended.code, Some(2), "{set}: {}", ended.stderr);
        assert!(
            ended.stderr.contains(&format!("{} MiB of memory", limit >> 20)),
            "{set}: {}",
            ended.stderr
        );
        if let Some(most) = most {
            assert!(most < limit + REST, "{scenario}, {set}: {} MiB", most >> 20);
        }
    }
}

#[test]
fn what_could_never_fit_is_refused_before_it_is_tried() {
    let place = Workplace::new();
    place.write(
        "s.toml",
        SCENARIO.replace("{ process = \"poisson\", rate = 1e9 }", "{ process = \"at_once\" }"),
    );
    let start = Instant::now();
    let ended = place.run(&["run", "s.toml", "--set", "workload.requests=1e12"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("1000000000000 requests would wait"),
        "{}",
        ended.stderr
    );
    let ended = place.run(&["run", "s.toml", "--max-memory", "10GB"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("9536 MiB of memory"), "{}", ended.stderr);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let ended = place.run(&["run", "s.toml", "--max-memory", "a lot"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("8GiB"), "{}", ended.stderr);
}
