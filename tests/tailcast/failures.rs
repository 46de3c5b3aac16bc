//! Servers that fail and clients who try again, from the command line: known values, and what is refused.

use serde_json::Value;

use crate::command::Workplace;

/// A server that takes one request at a time, 100 ms each, and is sent one every second.
const ONE_BY_ONE: &str = r#"
seed = 7
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
step_time = { base_us = 10000 }
[batching]
policy = "none"
[workload]
requests = 10
arrivals = { process = "constant", rate = 1.0 }
prompt = { dist = "fixed", value = 10 }
output = { dist = "fixed", value = 10 }
"#;

/// Two servers at a moderate load.
const PAIR: &str = r#"
seed = 7
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 8192
[batching]
policy = "continuous"
[workload]
requests = 600
arrivals = { process = "poisson", rate = 10.0 }
prompt = { dist = "lognormal", median = 300, sigma = 0.8, max = 4000 }
output = { dist = "lognormal", median = 100, sigma = 0.6, max = 1000 }
[fleet]
servers = 2
"#;

fn workplace(text: &str, more: &str) -> Workplace {
    let workplace = Workplace::new();
    workplace.write("fleet.toml", format!("{text}{more}"));
    workplace
}

fn json(workplace: &Workplace, arguments: &[&str]) -> Value {
    let mut all = vec!["run", "fleet.toml", "--format", "json", "--slo-exit-zero"];
    all.extend(arguments);
    let output = workplace.run(&all);
    output.json()
}

fn ends(result: &Value) -> [u64; 4] {
    ["finished", "timed_out", "failed", "rejected"].map(|end| result["requests"][end].as_u64().unwrap())
}

#[test]
fn a_request_that_is_lost_is_sent_again_after_its_pause() {
    // Request 5 comes at 5 s, is lost at 5.05 s, is sent again at 6.05 s and answered at 6.2 s: request 6, which came
    // at 6 s, is before it.
    let fault = "[client.retry]\nbackoff = \"1s\"\njitter = 0\n[[fleet.fault]]\nkind = \"crash\"\nat = \"5050ms\"\n\
                 restart = \"500ms\"\ndetect = \"0s\"\n";
    let workplace = workplace(ONE_BY_ONE, fault);
    let result = json(&workplace, &["--requests-out", "rows.csv"]);
    assert_eq!(ends(&result), [10, 0, 0, 0]);
    let fleet = &result["fleet"];
    assert_eq!(
        (&fleet["attempts"], &fleet["retries"], &fleet["lost"]),
        (&11.into(), &1.into(), &1.into())
    );
    let events = fleet["events"].as_array().unwrap();
    let told: Vec<(f64, &str)> = events
        .iter()
        .map(|event| (event["at_s"].as_f64().unwrap(), event["event"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [(5.05, "crash"), (5.05, "found_missing"), (5.55, "back")]);
    let rows = std::fs::read_to_string(workplace.path("rows.csv")).unwrap();
    let slowest = rows
        .lines()
        .skip(1)
        .map(|row| row.split(',').collect::<Vec<_>>())
        .map(|row| (row[1].parse::<f64>().unwrap(), row[4].parse::<f64>().unwrap()))
        .max_by(|one, other| (one.1 - one.0).total_cmp(&(other.1 - other.0)))
        .unwrap();
    assert!((slowest.1 - slowest.0 - 1.2).abs() < 0.06, "{slowest:?}");
}

#[test]
fn without_retries_what_is_lost_has_failed() {
    let fault = "[[fleet.fault]]\nkind = \"crash\"\nat = \"5050ms\"\nrestart = \"2s\"\ndetect = \"1h\"\n";
    let result = json(&workplace(ONE_BY_ONE, fault), &[]);
    // One that ran, and those that came while nobody knew: two more.
    assert_eq!(ends(&result), [7, 0, 3, 0]);
    assert_eq!(result["fleet"]["availability"], 0.7);
    // Where the router knows at once, they wait until the server is back.
    let fault = fault.replace("1h", "0s");
    let result = json(&workplace(ONE_BY_ONE, &fault), &[]);
    assert_eq!(ends(&result), [9, 0, 1, 0]);
}

#[test]
fn a_slow_server_takes_so_many_times_as_long() {
    let fault = "[[fleet.fault]]\nkind = \"slow\"\nat = \"0s\"\nfactor = 3.0\nduration = \"1h\"\n";
    let usual = json(&workplace(ONE_BY_ONE, ""), &[]);
    let slow = json(&workplace(ONE_BY_ONE, fault), &[]);
    let mean = |result: &Value| result["latency"]["e2e"]["mean"].as_f64().unwrap();
    assert!(
        (mean(&slow) / mean(&usual) - 3.0).abs() < 1e-6,
        "{} {}",
        mean(&slow),
        mean(&usual)
    );
}

/// One server that runs up to four requests at once, 10 ms a step, and is sent eight of 100 tokens together.
const FOUR_AT_ONCE: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
step_time = { base_us = 10000 }
[batching]
policy = "continuous"
max_num_seqs = 4
[workload]
requests = 8
arrivals = { process = "constant", rate = 1000.0 }
prompt = { dist = "fixed", value = 10 }
output = { dist = "fixed", value = 100 }
"#;

#[test]
fn who_runs_where_memory_runs_out_is_lost_and_who_waits_is_not() {
    let fault = "[[fleet.fault]]\nkind = \"out_of_memory\"\nat = \"500ms\"\nduration = \"1s\"\n";
    let result = json(&workplace(FOUR_AT_ONCE, fault), &[]);
    assert_eq!(ends(&result), [4, 0, 4, 0]);
    let events = result["fleet"]["events"].as_array().unwrap();
    let told: Vec<(f64, &str)> = events
        .iter()
        .map(|event| (event["at_s"].as_f64().unwrap(), event["event"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [(0.5, "out_of_memory"), (1.5, "breaker_closed")]);
    assert_eq!(result["fleet"]["faults"], 1);
    // The four that waited start with the next step, as nothing has to be started again.
    let last = result["throughput"]["duration_s"].as_f64().unwrap();
    assert!((1.5..1.53).contains(&last), "{last}");
}

#[test]
fn a_breaker_lets_in_no_more_than_its_part() {
    // Nobody runs when it happens; then two at a time run of four that could, for 10 s.
    let at_most = |factor: &str| {
        let fault =
            format!("[[fleet.fault]]\nkind = \"out_of_memory\"\nat = \"0s\"\nduration = \"10s\"\nfactor = {factor}\n");
        let result = json(&workplace(FOUR_AT_ONCE, &fault), &[]);
        assert_eq!(ends(&result), [8, 0, 0, 0], "factor {factor}");
        let duration = result["throughput"]["duration_s"].as_f64().unwrap();
        (
            result["fleet"]["by_server"][0]["running"]["max"].as_u64().unwrap(),
            duration,
        )
    };
    // A second for each batch; none before the breaker closes where it lets nobody in.
    for (factor, running, seconds) in [
        ("1.0", 4, 2.0),
        ("0.7", 2, 4.0),
        ("0.5", 2, 4.0),
        ("0.01", 1, 8.0),
        ("0", 4, 12.0),
    ] {
        let (most, duration) = at_most(factor);
        assert_eq!(most, running, "factor {factor}");
        assert!((duration - seconds).abs() < 0.1, "factor {factor}: {duration}");
    }
}

#[test]
fn who_would_wait_behind_too_many_is_refused() {
    // All at once: one runs, and two may wait.
    let together = ONE_BY_ONE.replace("rate = 1.0", "rate = 100000.0");
    let result = json(&workplace(&together, "[admission]\nmax_queue = 2\n"), &[]);
    let [finished, _, failed, _] = ends(&result);
    assert_eq!(finished + failed, 10);
    assert_eq!(result["fleet"]["refused"], failed);
    assert!((2..=4).contains(&finished), "{finished}");
    // Who is asked to come later is served.
    let later = "[admission]\nmax_queue = 2\nretry_after = \"1s\"\n[client.retry]\nmax = 50\n";
    let result = json(&workplace(&together, later), &[]);
    assert_eq!(ends(&result), [10, 0, 0, 0]);
    // What is too long is rejected, and what may be long is cut.
    let cut = json(&workplace(ONE_BY_ONE, "[admission]\nmax_prompt = 9\n"), &[]);
    assert_eq!(ends(&cut), [0, 0, 0, 10]);
    let cut = json(&workplace(ONE_BY_ONE, "[admission]\nmax_tokens = 5\n"), &[]);
    let rates = &cut["throughput"];
    let tokens = rates["output_tokens_per_s"].as_f64().unwrap() * rates["duration_s"].as_f64().unwrap();
    assert!((tokens - 50.0).abs() < 1e-6, "{tokens}");
}

#[test]
fn a_hedge_hides_a_straggler() {
    let slow = "[[fleet.fault]]\nkind = \"slow\"\nserver = 0\nat = \"0s\"\nfactor = 20.0\nduration = \"1h\"\n";
    let workplace = workplace(PAIR, slow);
    let random = ["--set", "fleet.router=random"];
    let p99 = |result: &Value| {
        result["latency"]["e2e"]["p99"]
            .as_f64()
            .or(result["latency"]["e2e"]["p90"].as_f64())
            .unwrap()
    };
    let without = json(&workplace, &random);
    let hedged = json(
        &workplace,
        &[&random[..], &["--set", "client.hedge_after=\"3s\""]].concat(),
    );
    assert!(
        hedged["fleet"]["hedged"].as_u64().unwrap() > 100,
        "{}",
        hedged["fleet"]["hedged"]
    );
    assert!(p99(&hedged) < 0.5 * p99(&without), "{} {}", p99(&hedged), p99(&without));
    assert_eq!(ends(&hedged), [600, 0, 0, 0]);
}

#[test]
fn an_outage_keeps_an_eager_fleet_down_and_a_budget_ends_it() {
    let workplace = Workplace::new();
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/scenarios/metastable.toml");
    let run = |more: &[&str]| -> Value {
        let mut all = vec!["run", scenario, "--format", "json", "--slo-exit-zero"];
        all.extend(more);
        workplace.run(&all).json()
    };
    let eager = run(&[]);
    assert_eq!(
        (&eager["fleet"]["unrecovered"], &eager["fleet"]["time_to_recover_s"]),
        (&2.into(), &Value::Null)
    );
    let served = |result: &Value| result["requests"]["success"].as_f64().unwrap();
    assert!(served(&eager) < 0.4, "{}", served(&eager));
    let budget = run(&["--set", "client.retry.budget=0.1"]);
    let recovered = budget["fleet"]["time_to_recover_s"].as_f64().unwrap();
    assert!(
        served(&budget) > 0.9 && recovered < 60.0,
        "{} {recovered}",
        served(&budget)
    );
    // Without an outage eagerness harms nobody.
    let calm = run(&["--set", "fleet.fault=[]"]);
    assert!(served(&calm) > 0.999, "{}", served(&calm));
}

#[test]
fn one_server_less_at_the_peak_is_told() {
    let fault = "[[fleet.fault]]\nkind = \"crash\"\nserver = 1\nat = \"10s\"\nrestart = \"never\"\n\
                 detect = \"5s\"\n[client.retry]\n";
    let workplace = workplace(PAIR, fault);
    let result = json(&workplace, &[]);
    let fleet = &result["fleet"];
    assert_eq!(
        (&fleet["ready"]["min"], &fleet["ready"]["max"], &fleet["faults"]),
        (&1.into(), &2.into(), &1.into())
    );
    assert!(fleet["by_server"][1]["finished"].as_u64().unwrap() < 100);
    let screen = workplace.run(&["run", "fleet.toml", "--slo-exit-zero"]).stdout;
    assert!(
        screen.contains("Failures  1 in all") && screen.contains("Attempts"),
        "{screen}"
    );
    workplace.run(&[
        "run",
        "fleet.toml",
        "--slo-exit-zero",
        "--timeline-out",
        "t.csv",
        "--figure",
        "failures.svg",
    ]);
    let timeline = std::fs::read_to_string(workplace.path("t.csv")).unwrap();
    let mut rows = timeline.lines();
    let columns =
        "t_s,waiting,running,kv_usage,waiting_max,running_max,outstanding,ready,provisioned,e2e_mean_s,e2e_max_s";
    assert_eq!(rows.next(), Some(columns));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split(',').collect()).collect();
    let has = |servers: &str| rows.iter().any(|row| row[7..9] == [servers, servers]);
    assert!(has("1") && has("2"), "{timeline}");
    // The mean is never longer than the longest, and whoever took longest of all is in a row.
    let took = |column: usize| rows.iter().filter_map(move |row| row[column].parse::<f64>().ok());
    assert!(took(9).zip(took(10)).all(|(mean, max)| mean <= max), "{timeline}");
    let longest = took(10).fold(0.0, f64::max);
    let reported = result["latency"]["e2e"]["max"].as_f64().unwrap();
    assert!((longest - reported).abs() < 1e-6, "{longest} and {reported}");
}

#[test]
fn faults_that_come_again_and_again_are_drawn_from_the_seed() {
    let fault = "[[fleet.fault]]\nkind = \"crash\"\nmtbf = \"20s\"\nrestart = \"2s\"\n\
                 detect = \"1s\"\n[client.retry]\nmax = 9\n";
    let workplace = workplace(PAIR, fault);
    let one = json(&workplace, &[]);
    assert_eq!(one, json(&workplace, &[]));
    let faults = one["fleet"]["faults"].as_u64().unwrap();
    assert!((1..30).contains(&faults), "{faults}");
    let other = json(&workplace, &["--seed", "8"]);
    assert_ne!(one["fleet"]["events"], other["fleet"]["events"]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let fault = |keys: &str| format!("[[fleet.fault]]\n{keys}\n");
    let crash = |keys: &str| fault(&format!("kind = \"crash\"\nrestart = \"9s\"\n{keys}"));
    for (more, told) in [
        (
            crash("at = \"1s\"\nserver = 2"),
            "`fleet.fault[0].server` is 2, and there are servers 0 to 1",
        ),
        (crash("at = \"1s\"\nmtbf = \"1s\""), "exclude each other"),
        (crash(""), "`fleet.fault[0]` does not say when it happens"),
        (
            crash("mtbf = \"0s\""),
            "`fleet.fault[0].mtbf` must be at least a second",
        ),
        (fault("kind = \"crash\"\nat = \"1s\""), "write restart = \"90s\""),
        (
            fault("kind = \"crash\"\nat = \"1s\"\nrestart = \"soon\""),
            "`fleet.fault[0].restart`",
        ),
        (fault("kind = \"crush\"\nat = \"1s\""), "did you mean `crash`"),
        (fault("at = \"1s\""), "write kind = \"crash\""),
        (
            fault("kind = \"slow\"\nat = \"1s\"\nfactor = 0.5\nduration = \"1s\""),
            "a number from 1 to 1000",
        ),
        (
            fault("kind = \"slow\"\nat = \"1s\"\nfactor = 2.0"),
            "write duration = \"60s\"",
        ),
        (
            fault("kind = \"slow\"\nat = \"1s\"\nfactor = 2.0\nduration = \"1s\"\ndetect = \"1s\""),
            "says nothing of",
        ),
        (
            fault("kind = \"partition\"\nat = \"1s\"\nduration = \"1s\"\nfactor = 2.0"),
            "has no key `factor`",
        ),
        (
            fault("kind = \"partition\"\nat = \"999d\"\nduration = \"1s\""),
            "is longer than 200 days",
        ),
        ("fault = 3\n".to_owned(), "`fleet.fault` must be a list"),
        ("[client.retry]\nbudget = -1\n".to_owned(), "a number from 0 to 100"),
        (
            "[client.retry]\nmax = 1000000000\n".to_owned(),
            "a whole number from 0 to 100",
        ),
        (
            "[client.retry]\nbackoff = \"3d\"\n".to_owned(),
            "`client.retry.backoff` is longer than a day",
        ),
        ("[client.retry]\njitter = 2\n".to_owned(), "a number from 0 to 1"),
        ("[client]\nretry = 3\n".to_owned(), "`client.retry` must be a table"),
        (
            "[client]\nhedge_after = \"0s\"\n".to_owned(),
            "must be longer than nothing",
        ),
        ("[admission]\nmax_queue = 0\n".to_owned(), "a whole number from 1"),
        (
            "[admission]\nmax_queue = 3\nreject = 500\n".to_owned(),
            "must be 429 or 503",
        ),
        ("[admission]\nretry_after = \"3s\"\n".to_owned(), "nobody is"),
        ("[admission]\nqueue = 3\n".to_owned(), "has no key `queue`"),
    ] {
        let output = workplace(PAIR, &more).run(&["run", "fleet.toml"]);
        assert_eq!(output.code, Some(2), "{more}: {}", output.stderr);
        assert!(output.stderr.contains(told), "{more}: {}", output.stderr);
    }
}

#[test]
fn a_server_out_of_memory_is_said_in_its_own_words() {
    for (keys, told) in [
        ("duration = \"1s\"\nfactor = 1.5", "a number from 0 to 1"),
        ("factor = 0.5", "write duration = \"60s\""),
        (
            "duration = \"1s\"\ndetect = \"1s\"",
            "says nothing of a server that is out of memory",
        ),
        ("duration = \"1s\"\nrestart = \"1s\"", "has no key `restart`"),
    ] {
        let more = format!("[[fleet.fault]]\nkind = \"out_of_memory\"\nat = \"1s\"\n{keys}\n");
        let output = workplace(PAIR, &more).run(&["run", "fleet.toml"]);
        assert_eq!(output.code, Some(2), "{more}: {}", output.stderr);
        assert!(output.stderr.contains(told), "{more}: {}", output.stderr);
    }
}

/// Every hardship at once, with prefixes of sessions that attempts share.
#[test]
fn every_request_ends_once_whatever_happens_to_it() {
    let hardships = "\
session = { turns = { dist = \"fixed\", value = 4 }, think = \"2s\" }
[client]
timeout = \"4s\"
hedge_after = \"1s\"
[client.retry]
[admission]
max_queue = 5
[fleet]
servers = 3
[[fleet.fault]]
kind = \"crash\"
mtbf = \"20s\"
restart = \"5s\"
detect = \"1s\"
[[fleet.fault]]
kind = \"slow\"
mtbf = \"15s\"
factor = 3
duration = \"10s\"
[[fleet.fault]]
kind = \"out_of_memory\"
mtbf = \"25s\"
duration = \"5s\"
factor = 0.01
[[fleet.fault]]
kind = \"partition\"
mtbf = \"30s\"
duration = \"4s\"
detect = \"2s\"
";
    let text = PAIR.replace("rate = 10.0", "rate = 8.0");
    let workplace = workplace(&text[..text.find("[fleet]").unwrap()], hardships);
    for router in tailcast::fleet::ROUTERS {
        let result = json(&workplace, &["--set", &format!("fleet.router={}", router.name)]);
        assert_eq!(
            ends(&result).iter().sum::<u64>(),
            result["requests"]["arrived"].as_u64().unwrap()
        );
        let fleet = &result["fleet"];
        for name in ["retries", "hedged", "lost", "refused", "given_up", "faults"] {
            assert!(fleet[name].as_u64().unwrap() > 0, "{}: {name}", router.name);
        }
    }
}

#[test]
fn what_is_of_a_calm_server_refuses_others() {
    let workplace = workplace(ONE_BY_ONE, "[client.retry]\n[admission]\nmax_queue = 3\n");
    for arguments in [
        &["run", "fleet.toml", "--perfetto", "p.json"][..],
        &["capacity", "fleet.toml", "--slo", "ttft.p99<2s", "--explain"],
    ] {
        let output = workplace.run(arguments);
        assert_eq!(output.code, Some(2), "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains("leave [client.retry]"), "{}", output.stderr);
    }
}

#[test]
fn a_closed_loop_that_would_never_pause_is_refused() {
    let closed = "arrivals = { process = \"closed\", concurrency = 50 }";
    let text = PAIR.replace("arrivals = { process = \"poisson\", rate = 10.0 }", closed);
    let limit = "[admission]\nmax_queue = 10\n";
    let output = workplace(&text, limit).run(&["run", "fleet.toml"]);
    assert_eq!(output.code, Some(2), "{}", output.stderr);
    assert!(output.stderr.contains("at the same instant"), "{}", output.stderr);
    // With a pause it ends, in good time.
    let result = json(&workplace(&text, &format!("{limit}[client.retry]\nmax = 20\n")), &[]);
    assert_eq!(ends(&result).iter().sum::<u64>(), 600);
}

/// Times beyond the end of any run are never reached, and end no run.
#[test]
fn the_longest_times_are_taken() {
    for fault in [
        "kind = \"crash\"\nmtbf = \"10s\"\nrestart = \"190d\"",
        "kind = \"reclaim\"\nmtbf = \"10s\"\nnotice = \"190d\"\nrestart = \"190d\"",
        "kind = \"slow\"\nat = \"1s\"\nfactor = 2\nduration = \"200d\"",
        "kind = \"partition\"\nmtbf = \"200d\"\nduration = \"200d\"",
    ] {
        let more = format!("[client.retry]\n[[fleet.fault]]\n{fault}\nserver = 0\n");
        let result = json(&workplace(PAIR, &more), &["--set", "client.hedge_after=\"199d\""]);
        assert_eq!(ends(&result).iter().sum::<u64>(), 600, "{fault}");
    }
}

/// A server that is found missing at once is sent nothing more, and what waits at the router waits on.
#[test]
fn who_knows_at_once_loses_only_what_ran() {
    let fault = "[[fleet.fault]]\nkind = \"crash\"\nserver = 0\nat = \"5s\"\nrestart = \"2s\"\ndetect = \"0s\"\n";
    let workplace = workplace(PAIR, fault);
    let result = json(
        &workplace,
        &[
            "--set",
            "fleet.router=central_queue",
            "--set",
            "batching.max_num_seqs=4",
        ],
    );
    let lost = result["fleet"]["lost"].as_u64().unwrap();
    assert!((1..=4).contains(&lost), "{lost}");
}

#[test]
fn what_changes_nothing_is_told() {
    for (more, told) in [
        ("[client.retry]\n", "[client.retry] changes nothing"),
        ("[client]\ncancel = false\n", "client.cancel changes nothing"),
    ] {
        let output = workplace(PAIR, more).run(&["run", "fleet.toml", "--slo-exit-zero"]);
        assert!(output.stderr.contains(told), "{more}: {}", output.stderr);
    }
    let alone = PAIR.replace("servers = 2", "servers = 1");
    let output = workplace(&alone, "[client]\nhedge_after = \"1s\"\n").run(&["run", "fleet.toml", "--slo-exit-zero"]);
    assert!(output.stderr.contains("there is no second server"), "{}", output.stderr);
}
