//! Traces for Perfetto show what happened: an exact file, laws on random worlds and whole scenarios, and what is
//! refused.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::Value;
use tailcast::engine::{self, Engine, Event, Observer, ServerSettings, StepRun};
use tailcast::fleet::replay;
use tailcast::metrics::{Listeners, RequestLog, RequestOutcome, RequestRow, Timeline, TimelineRow};
use tailcast::report::PerfettoTrace;
use tailcast::units::{Span, Time};
use tailcast::workload::RequestId;

use crate::bad_scenarios::GOOD;
#[cfg(unix)]
use crate::command::Ended;
use crate::command::Workplace;
use crate::worlds::{Clients, World, policy_names, world};

/// Steps take 10 ms and 1 us a token, and one request runs at a time.
const BY_HAND: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 1000
kv_blocks = 101
step_time = { base_us = 10000, per_token_us = 1, per_seq_us = 0 }
[batching]
max_num_seqs = 1
async_scheduling = false
[workload]
timeout = "65ms"
trace = { path = "trace.csv" }
"#;

/// The second waits for the first; the third is too long; the fourth is alone and leaps; the fifth takes too long.
const BY_HAND_TRACE: &str = "arrival_s,input_tokens,output_tokens
0,10,3
0.015,10,1
0.05,2000,1
0.1,15,6
0.2,10,50
";

/// One slice of a lane, or an instant on it [ps].
#[derive(Clone, Debug)]
struct Slice {
    name: String,
    start: u64,
    end: u64,
    args: Value,
}

/// What a trace shows.
#[derive(Debug, Default)]
struct Shown {
    steps: Vec<Slice>,
    /// By number: the request as a whole, its phases, and how many instants they hold.
    requests: BTreeMap<u64, (Slice, Vec<Slice>)>,
    rejected: Vec<u64>,
    lanes: usize,
    /// By name: the instants [ps] at which levels change, and what to.
    counters: BTreeMap<String, Vec<(u64, f64)>>,
}

impl Shown {
    /// Reads a trace, and makes sure that slices on one lane never overlap, but for those that lie within a request.
    fn by(json: &str) -> Self {
        let document: Value = serde_json::from_str(json).expect("a trace is JSON");
        let mut shown = Self::default();
        let mut open: BTreeMap<u64, (Slice, Vec<Slice>)> = BTreeMap::new();
        let mut free_from: BTreeMap<u64, u64> = BTreeMap::new();
        for event in document["traceEvents"].as_array().expect("events") {
            let lane = event["tid"].as_u64().unwrap();
            let slice = slice(event);
            let free = free_from.entry(lane).or_default();
            match event["ph"].as_str().unwrap() {
                "M" => shown.lanes += usize::from(slice.args["name"] == "lane"),
                "C" => shown.count(&slice),
                "B" => {
                    assert!(slice.start >= *free, "{slice:?} on a lane in use");
                    *free = slice.start;
                    assert!(open.insert(lane, (slice, Vec::new())).is_none());
                }
                "E" => {
                    let (mut request, phases) = open.remove(&lane).expect("it has begun");
                    assert!(slice.start >= *free, "{request:?} ends within a phase");
                    *free = slice.start;
                    request.end = slice.start;
                    let more = slice.args.as_object().unwrap().clone();
                    request.args.as_object_mut().unwrap().extend(more);
                    let id = number_of(&request.name);
                    assert!(shown.requests.insert(id, (request, phases)).is_none());
                }
                "X" => {
                    assert!(slice.start >= *free, "{slice:?} overlaps");
                    *free = slice.end;
                    match open.get_mut(&lane) {
                        Some((_, phases)) => phases.push(slice),
                        None => shown.steps.push(slice),
                    }
                }
                "i" => match open.get(&lane) {
                    Some(_) => assert_eq!(slice.name, "client gives up"),
                    None => shown.rejected.push(number_of(&slice.name)),
                },
                other => panic!("an event of the kind {other}"),
            }
        }
        assert!(open.is_empty(), "{open:?}");
        shown
    }

    fn count(&mut self, event: &Slice) {
        for (level, value) in event.args.as_object().unwrap() {
            let levels = self.counters.entry(level.clone()).or_default();
            assert!(levels.last().is_none_or(|&(at, _)| at <= event.start));
            levels.push((event.start, value.as_f64().unwrap()));
        }
    }

    /// A level after everything that happened at an instant.
    fn level(&self, name: &str, at: u64) -> f64 {
        let Some(levels) = self.counters.get(name) else {
            return 0.0;
        };
        let after = levels.partition_point(|&(when, _)| when <= at);
        after.checked_sub(1).map_or(0.0, |last| levels[last].1)
    }

    fn busy(&self) -> u64 {
        self.steps.iter().map(|step| step.end - step.start).sum()
    }
}

fn slice(event: &Value) -> Slice {
    let start = picos(&event["ts"]);
    Slice {
        name: event["name"].as_str().unwrap_or_default().to_owned(),
        start,
        end: start + picos(&event["dur"]),
        args: event["args"].clone(),
    }
}

/// Of microseconds, to the very picosecond: floats hold those of an hour.
fn picos(micros: &Value) -> u64 {
    (micros.as_f64().unwrap_or(0.0) * 1e6).round() as u64
}

fn number_of(name: &str) -> u64 {
    let number = name.strip_prefix("request ").expect("a request's name");
    number.parse().unwrap()
}

fn write_by_hand(place: &Workplace) {
    place.write("scenario.toml", BY_HAND);
    place.write("trace.csv", BY_HAND_TRACE);
}

#[test]
fn a_trace_reads_like_this() {
    let place = Workplace::new();
    write_by_hand(&place);
    let ended = place.run(&["run", "scenario.toml", "--slo-exit-zero", "--perfetto", "run.json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(place.listing(), ["run.json", "scenario.toml", "trace.csv"]);
    let written = std::fs::read_to_string(place.path("run.json")).unwrap();
    assert_eq!(written, include_str!("perfetto.json"));
}

/// Sums the time of all steps.
#[derive(Default)]
struct Busy(u64);

impl Observer for Busy {
    fn on(&mut self, _at: Time, _id: RequestId, _event: &Event) {}

    fn ran(&mut self, run: &StepRun<'_>) {
        self.0 += run.takes.picos();
    }
}

/// What else is heard of a run, and the trace of it.
struct Heard {
    trace: String,
    log: RequestLog,
    rows: Vec<TimelineRow>,
    busy: u64,
}

/// Runs a world, in which clients wait for their answers or send whatever happens.
fn run(world: &World, waits: bool) -> Heard {
    // How long it takes, so that a timeline has some hundred rows.
    let mut last = Last::default();
    send_all(world, waits, &mut Listeners(vec![&mut last]));
    let end = last.0;
    let mut trace = PerfettoTrace::new(&world.settings, u64::MAX, Vec::new());
    let interval = Span::from_picos(end.picos() / 100 + 1);
    let mut timeline = Timeline::new(&world.settings, 1, interval, Vec::<TimelineRow>::new());
    let (mut log, mut busy) = (RequestLog::default(), Busy::default());
    let mut all = Listeners(vec![&mut trace, &mut timeline, &mut log, &mut busy]);
    send_all(world, waits, &mut all);
    Heard {
        trace: String::from_utf8(trace.finish(end).unwrap()).unwrap(),
        log,
        rows: timeline.finish(end),
        busy: busy.0,
    }
}

fn send_all(world: &World, waits: bool, observer: &mut Listeners<'_>) {
    let mut engine = engine::fast(&world.settings, Box::new(world.step_time.clone()));
    if waits {
        return replay(&mut engine, &mut Clients::new(world), observer).unwrap();
    }
    for request in &world.requests {
        engine.advance(request.arrival, observer);
        observer.sent(request);
        engine.submit(request.clone(), observer);
    }
    engine.advance(Time::LIMIT, observer);
}

/// When something was last heard of.
#[derive(Default)]
struct Last(Time);

impl Observer for Last {
    fn on(&mut self, at: Time, _id: RequestId, _event: &Event) {
        self.0 = self.0.max(at);
    }

    fn ran(&mut self, run: &StepRun<'_>) {
        self.0 = self.0.max(run.end());
    }
}

#[test]
fn every_request_and_step_is_shown_as_it_was() {
    let mut seen = BTreeMap::new();
    for policy in policy_names() {
        for seed in 0..60 {
            let world = world(policy, seed);
            let heard = run(&world, seed % 2 == 0);
            let shown = Shown::by(&heard.trace);
            assert_eq!(shown.busy(), heard.busy, "{policy}, seed {seed}");
            let arrived = shown.requests.len() + shown.rejected.len();
            assert_eq!(arrived, heard.log.rows().count(), "{policy}, seed {seed}");
            for row in heard.log.rows() {
                assert_shown(row, &shown);
                *seen.entry(row.outcome.name()).or_insert(0) += 1;
                if row.preemptions > 0 {
                    *seen.entry("preempted").or_insert(0) += 1;
                }
            }
            assert_counted(&world.settings, &heard.rows, &shown);
            assert_lanes_are_few(&shown);
        }
    }
    for what in ["finished", "rejected", "timed_out", "preempted"] {
        assert!(seen.get(what).is_some_and(|&times| times > 20), "{seen:?}");
    }
}

fn assert_shown(row: &RequestRow, shown: &Shown) {
    if row.outcome == RequestOutcome::Rejected {
        assert!(shown.rejected.contains(&row.id.0), "{row:?}");
        return;
    }
    let (request, phases) = &shown.requests[&row.id.0];
    assert_eq!(request.start, row.arrival.picos(), "{row:?}");
    assert_eq!(request.args["outcome"], row.outcome.name(), "{row:?}");
    assert_eq!(request.args["preemptions"], row.preemptions, "{row:?}");
    let in_phases: u64 = phases.iter().map(|phase| phase.end - phase.start).sum();
    assert_eq!(in_phases, request.end - request.start, "{phases:?}");
    let (Some(finished), Some(first_token)) = (row.finished, row.first_token) else {
        return;
    };
    assert_eq!(request.end, finished.picos(), "{row:?}");
    if row.outcome != RequestOutcome::Finished {
        return;
    }
    assert_eq!(request.args["output_tokens"], row.output_tokens.unwrap());
    assert_eq!(request.args["cached_tokens"], row.cached_tokens.unwrap());
    let decode = phases.iter().find(|phase| phase.name == "decode");
    if let (Some(decode), 0) = (decode, row.preemptions) {
        assert_eq!(decode.start, first_token.picos(), "{phases:?}");
    }
    for phase in phases {
        let known = ["waiting", "prefill", "recompute", "decode", "run"];
        assert!(known.contains(&phase.name.as_str()), "{phase:?}");
        if phase.name == "recompute" {
            assert!(
                row.preemptions > 0 && phase.start >= first_token.picos(),
                "{row:?}: {phases:?}"
            );
        }
    }
}

fn assert_counted(settings: &ServerSettings, rows: &[TimelineRow], shown: &Shown) {
    let usable = settings.kv_blocks - 1;
    let resolution = f64::from((usable / 100).max(1)) / f64::from(usable);
    // At the very end the timeline cannot know that no step is under way.
    for row in &rows[..rows.len() - 1] {
        let level = |name| shown.level(name, row.at.picos());
        assert!(
            level("waiting") as u32 == row.waiting && level("running") as u32 == row.running,
            "{row:?}"
        );
        let missing = row.kv_usage - level("percent") / 100.0;
        assert!(missing > -2e-6 && missing < resolution, "{row:?}");
    }
}

/// There are as many lanes as requests at once, and each is named once.
fn assert_lanes_are_few(shown: &Shown) {
    let mut changes: Vec<(u64, i32)> = shown
        .requests
        .values()
        .flat_map(|(request, _)| [(request.start, 1), (request.end, -1)])
        .collect();
    // Who arrives at the instant at which another leaves may come before.
    changes.sort_by_key(|&(at, change)| (at, -change));
    let mut inside = 0;
    let most = changes.iter().map(|(_, change)| {
        inside += change;
        inside
    });
    assert!(shown.lanes <= most.max().unwrap_or(0) as usize);
}

#[test]
fn a_trace_that_is_full_stays_valid_and_says_so() {
    let world = world("continuous", 3);
    for most in 3..20 {
        let mut trace = PerfettoTrace::new(&world.settings, most, Vec::new());
        let too_long = trace.too_long();
        assert!(!too_long.get());
        send_all(&world, false, &mut Listeners(vec![&mut trace]));
        let written = trace.finish(Time::LIMIT).unwrap();
        assert!(too_long.get());
        let json: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(json["traceEvents"].as_array().unwrap().len() as u64, most);
    }
}

/// The files of one run: the trace, each request's row and the rows of the timeline.
fn files_of(more: &[&str]) -> (Shown, Vec<Vec<String>>, Vec<Vec<String>>) {
    let place = Workplace::new();
    let mut arguments = vec!["run", "--slo-exit-zero", "--quiet"];
    arguments.extend(more);
    arguments.extend(["--set", "workload.requests=500"]);
    arguments.extend(["--perfetto", "run.json", "--requests-out", "requests.csv"]);
    arguments.extend(["--timeline-out", "timeline.csv"]);
    let ended = place.run(&arguments);
    assert_eq!(ended.code, Some(0), "{more:?}: {}", ended.stderr);
    let read = |name| std::fs::read_to_string(place.path(name)).unwrap();
    let rows = |name| -> Vec<Vec<String>> {
        let rows = read(name);
        let fields = |row: &str| row.split(',').map(str::to_owned).collect();
        rows.lines().skip(1).map(fields).collect()
    };
    let shown = Shown::by(&read("run.json"));
    (shown, rows("requests.csv"), rows("timeline.csv"))
}

/// Without a front end clients and the engine have the same times.
const AFFINE: &str = "server.step_time={base_us=8000, per_token_us=20, per_seq_us=30}";

#[test]
fn a_trace_agrees_with_the_other_files_of_its_run() {
    for more in [
        &[][..],
        &["--set", "batching.policy=none"],
        &["--set", "batching.policy=static"],
        &["--set", "server.kv_blocks=2000"],
        &["--set", "workload.timeout=\"3s\""],
    ] {
        let (shown, requests, timeline) = files_of(&[&["--set", AFFINE], more].concat());
        assert_eq!(requests.len(), 500);
        for row in &requests {
            let (request, phases) = &shown.requests[&row[0].parse().unwrap()];
            assert_eq!(request.args["outcome"], row[9].as_str(), "{more:?}");
            let in_phases: u64 = phases.iter().map(|phase| phase.end - phase.start).sum();
            if row[9] == "finished" {
                let [arrival, finished] = [&row[1], &row[4]].map(|seconds| exact_picos(seconds));
                assert_eq!(in_phases, finished - arrival, "{more:?}: {row:?}");
            }
        }
        for row in &timeline[..timeline.len() - 1] {
            let value = |column: usize| row[column].parse::<f64>().unwrap();
            let level = |name| shown.level(name, (value(0) * 1e12) as u64);
            let counts = (level("waiting"), level("running"));
            assert_eq!(counts, (value(1), value(2)), "{more:?}: {row:?}");
            let missing = value(3) - level("percent") / 100.0;
            assert!((-2e-6..0.01).contains(&missing), "{more:?}: {row:?}");
        }
    }
}

/// Of seconds with twelve decimals.
fn exact_picos(seconds: &str) -> u64 {
    seconds.replace('.', "").parse().unwrap()
}

#[test]
fn with_a_front_end_lanes_keep_the_engines_times() {
    let (shown, requests, _) = files_of(&[]);
    for row in &requests {
        let (request, _) = &shown.requests[&row[0].parse().unwrap()];
        let finished = exact_picos(&row[4]);
        // The front end that is there by default hands tokens on after 3.74 ms, and prompts over after 3.1 us a token.
        let tokens: u64 = row[5].parse().unwrap();
        assert_eq!(finished - request.end, 3_740_000_000 + 3_100_000 * tokens, "{row:?}");
    }
}

#[test]
fn a_name_that_ends_in_gz_compresses() {
    let place = Workplace::new();
    write_by_hand(&place);
    let ended = place.run(&["run", "scenario.toml", "--slo-exit-zero", "--perfetto", "run.json.gz"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let packed = std::fs::read(place.path("run.json.gz")).unwrap();
    let mut unpacked = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked, include_str!("perfetto.json"));
}

#[test]
fn what_cannot_be_traced_is_refused_and_nothing_is_written() {
    let place = Workplace::new();
    place.write("good.toml", GOOD);
    let many = "workload.requests=1e9";
    let often = "workload.arrivals.rate=1e6";
    for (more, remedy) in [
        (&["x.json", "--seeds", "2"][..], "--perfetto describes one"),
        (&["x.json", "--seeds", "2"], "leave --seeds out"),
        (&["no/such/folder.json"], "a directory that exists"),
        (&["."], "a directory"),
        (&["good.toml"], "overwrite the scenario"),
        (&["a", "--requests-out", "./a"], "another name"),
        (&["a", "--timeline-out", "./a"], "another name"),
        (
            &["a", "--set", many, "--set", often, "--perfetto-requests", "2000000"],
            "leave --perfetto out",
        ),
        (&["a", "--perfetto-requests", "0"], "--perfetto-requests"),
    ] {
        let arguments = [&["run", "good.toml", "--perfetto"], more].concat();
        let ended = place.run(&arguments);
        assert_eq!(ended.code, Some(2), "{more:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(remedy), "{more:?}: {}", ended.stderr);
        assert_eq!(place.listing(), ["good.toml"], "{more:?}");
    }
}

/// All that is shown of the first requests is what a trace of all shows of them; it ends when the last of them does.
#[test]
fn a_trace_of_the_first_requests_shows_them_whole_and_says_how_many_they_are() {
    let mut shown_in_part = 0;
    for seed in 0..12 {
        let world = world("continuous", seed);
        let trace_of = |most_requests: u64| {
            let trace = PerfettoTrace::new(&world.settings, u64::MAX, Vec::new());
            let mut trace = trace.of_first(most_requests);
            send_all(&world, false, &mut Listeners(vec![&mut trace]));
            let left_out = trace.left_out().get();
            let written = trace.finish(Time::LIMIT).unwrap();
            let json: Value = serde_json::from_slice(&written).unwrap();
            (json, left_out)
        };
        let (all, nobody) = trace_of(u64::MAX);
        assert_eq!((nobody, &all["otherData"]), (0, &Value::Null));
        let (some, left_out) = trace_of(3);
        let events = |trace: &Value| trace["traceEvents"].as_array().unwrap().clone();
        let is_end = |event: &Value| {
            event["name"]
                .as_str()
                .is_some_and(|name| name.ends_with("are not shown"))
        };
        // Steps and counters are those of the server, whoever is shown.
        let of_server = |trace: &Value| {
            let events = events(trace).into_iter();
            events.filter(|event| event["pid"] == 1 && event["tid"] == 1 && !is_end(event))
        };
        let (of_some, of_all): (Vec<Value>, Vec<Value>) = (of_server(&some).collect(), of_server(&all).collect());
        assert_eq!(of_some, of_all[..of_some.len()], "seed {seed}");
        let named = |trace: &Value| {
            let requests = events(trace)
                .into_iter()
                .filter_map(|event| Some(event["name"].as_str()?.to_owned()));
            requests.filter(|name| name.starts_with("request ")).count() as u64
        };
        assert_eq!(
            (named(&some), named(&some) + left_out),
            (named(&all).min(3), named(&all))
        );
        if left_out > 0 {
            let said = format!("the first 3 of {} requests", left_out + 3);
            assert_eq!(some["otherData"]["shown"], said.as_str(), "seed {seed}");
        }
        shown_in_part += usize::from(of_some.len() < of_all.len() && events(&some).iter().any(is_end));
    }
    assert!(shown_in_part > 3, "{shown_in_part} traces end before their runs");
}

#[test]
fn a_run_says_that_its_trace_shows_the_first_requests() {
    let place = Workplace::new();
    place.write("good.toml", GOOD);
    let ended = place.run(&[
        "run",
        "good.toml",
        "--slo-exit-zero",
        "--perfetto",
        "run.json",
        "--perfetto-requests",
        "4",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("--perfetto shows the first requests, and not the last 6"),
        "{}",
        ended.stderr
    );
    let json: Value = serde_json::from_str(&std::fs::read_to_string(place.path("run.json")).unwrap()).unwrap();
    assert_eq!(json["otherData"]["shown"], "the first 4 of 10 requests");
}

/// Every request is rejected, as there are no shorter events than these.
#[test]
fn a_run_stops_when_its_trace_is_full() {
    let place = Workplace::new();
    place.write("good.toml", GOOD.replace("requests = 10", "duration = \"1000h\""));
    let arguments = [
        "run",
        "good.toml",
        "--perfetto",
        "run.json.gz",
        "--perfetto-requests",
        "1000000000",
        "--requests-out",
        "requests.csv",
        "--set",
        "workload.arrivals.rate=1000",
        "--set",
        "workload.prompt.value=9000",
    ];
    let ended = place.run(&arguments);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for part in [
        "5 million events",
        "--perfetto-requests",
        "workload.requests",
        "trace.limit",
    ] {
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
    assert_eq!(place.listing(), ["good.toml"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_no_trace() {
    let place = Workplace::new();
    let arguments = ["run", "--set", "workload.requests=400000"];
    let child = place
        .command(&[&arguments[..], &["--perfetto", "run.json"]].concat())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let has_written = || {
        let mut files = std::fs::read_dir(place.path("")).unwrap();
        files.any(|file| file.unwrap().metadata().is_ok_and(|file| file.len() > 0))
    };
    while !has_written() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let ended = Ended::interrupted(child);
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(
        place.listing().is_empty(),
        "half a trace could be taken for a whole one"
    );
}
