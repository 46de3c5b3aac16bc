//! Scenarios of several servers behind a router, from the command line.

use serde_json::Value;

use crate::command::Workplace;

/// Chat turns that share what was said before, on three servers.
const FLEET: &str = r#"
seed = 7
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
kv_blocks = 4000
max_model_len = 32768
[batching]
policy = "continuous"
[workload]
requests = 1500
arrivals = { process = "poisson", rate = 1.0 }
prompt = { dist = "lognormal", median = 300, sigma = 0.8, max = 4000 }
output = { dist = "lognormal", median = 150, sigma = 0.6, max = 1000 }
session = { turns = { dist = "fixed", value = 4 }, think = "5s" }
[fleet]
servers = 3
router = "session"
"#;

fn json(workplace: &Workplace, arguments: &[&str]) -> Value {
    let mut all = vec!["run", "fleet.toml", "--format", "json"];
    all.extend(arguments);
    let output = workplace.run(&all);
    assert!(output.stderr.is_empty(), "{}", output.stderr);
    serde_json::from_str(&output.stdout).unwrap()
}

fn workplace() -> Workplace {
    let workplace = Workplace::new();
    workplace.write("fleet.toml", FLEET);
    workplace
}

#[test]
fn a_fleet_of_one_server_is_that_server_byte_for_byte() {
    let workplace = workplace();
    workplace.write("alone.toml", &FLEET[..FLEET.find("[fleet]").unwrap()]);
    for more in [
        &["--format", "json"][..],
        &["--explain"],
        &["--seeds", "2", "--format", "json"],
    ] {
        let run = |file: &str, sets: &[&str]| {
            let mut all = vec!["run", file];
            all.extend(sets.iter().chain(more));
            let screen = workplace.run(&all).stdout.replace(file, "FILE");
            // How long it took is not always the same.
            screen
                .lines()
                .filter(|line| !line.contains("s wall"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let alone = run("alone.toml", &[]);
        assert_eq!(alone, run("fleet.toml", &["--set", "fleet.servers=1"]));
        assert_ne!(alone, run("fleet.toml", &[]));
    }
}

#[test]
fn every_request_is_on_one_server() {
    let workplace = workplace();
    for router in tailcast::fleet::ROUTERS {
        let router = router.name;
        let all = json(&workplace, &["--set", &format!("fleet.router={router}")]);
        let (fleet, requests) = (&all["fleet"], &all["requests"]);
        assert_eq!(
            (&fleet["router"], &fleet["servers"]),
            (&Value::from(router), &Value::from(3))
        );
        let servers = fleet["by_server"].as_array().unwrap();
        let sum = |key: &str| servers.iter().map(|server| server[key].as_u64().unwrap()).sum::<u64>();
        assert_eq!(servers.len(), 3);
        assert_eq!(sum("attempts"), requests["arrived"].as_u64().unwrap(), "{router}");
        assert_eq!(sum("finished"), requests["finished"].as_u64().unwrap(), "{router}");
        assert_eq!(fleet["attempts"], requests["arrived"], "{router}");
        // What each server does is what all do together.
        let mean = |of: &dyn Fn(&Value) -> f64| servers.iter().map(of).sum::<f64>() / 3.0;
        let busy = mean(&|server| server["busy_fraction"].as_f64().unwrap());
        let usage = mean(&|server| server["kv_usage"]["mean"].as_f64().unwrap());
        for (one_by_one, together) in [
            (busy, &all["gpu"]["busy_fraction"]),
            (usage, &all["kv"]["usage"]["mean"]),
        ] {
            let together = together.as_f64().unwrap();
            assert!(
                (one_by_one / together - 1.0).abs() < 1e-9,
                "{router}: {one_by_one}, {together}"
            );
        }
    }
}

#[test]
fn sessions_find_their_prefixes_where_they_are_kept_together() {
    let workplace = workplace();
    let hits = |router: &str| {
        let all = json(&workplace, &["--set", &format!("fleet.router={router}")]);
        let ideal = all["kv"]["prefix_ideal_hit_ratio"].as_f64().unwrap();
        all["kv"]["prefix_hit_ratio"].as_f64().unwrap() / ideal
    };
    // Who weighs prefixes against load gives some of them up.
    let [kept, weighed] = ["session", "prefix_aware"].map(hits);
    assert!(kept > 0.95 && (0.7..kept).contains(&weighed), "{kept}, {weighed}");
    for apart in ["round_robin", "random", "least_outstanding"] {
        assert!(hits(apart) < 0.6, "{apart}: {}", hits(apart));
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let workplace = workplace();
    let run = |threads: &str| {
        json(
            &workplace,
            &["--seeds", "3", "--jobs", threads, "--set", "fleet.router=random"],
        )
    };
    assert_eq!(run("1"), run("2"));
    assert_eq!(run("1"), run("1"));
}

#[test]
fn a_timeline_is_of_all_servers() {
    let workplace = workplace();
    let all = json(
        &workplace,
        &["--timeline-out", "timeline.csv", "--requests-out", "requests.csv"],
    );
    let timeline = std::fs::read_to_string(workplace.path("timeline.csv")).unwrap();
    let rows: Vec<Vec<f64>> = timeline
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|cell| cell.parse().unwrap_or(f64::NAN)).collect())
        .collect();
    let running = rows.iter().map(|row| row[2]).sum::<f64>() / rows.len() as f64;
    let usage = rows.iter().map(|row| row[3]).sum::<f64>() / rows.len() as f64;
    let expected = all["kv"]["usage"]["mean"].as_f64().unwrap();
    assert!((usage / expected - 1.0).abs() < 0.05, "{usage}, {expected}");
    let servers = all["fleet"]["by_server"].as_array().unwrap();
    let expected: f64 = servers
        .iter()
        .map(|server| server["running"]["mean"].as_f64().unwrap())
        .sum();
    assert!((running / expected - 1.0).abs() < 0.05, "{running}, {expected}");
    let requests = std::fs::read_to_string(workplace.path("requests.csv")).unwrap();
    assert_eq!(
        requests.lines().count() as u64,
        1 + all["requests"]["arrived"].as_u64().unwrap()
    );
}

#[test]
fn what_is_of_one_server_refuses_a_fleet_and_bad_fleets_are_told() {
    let workplace = workplace();
    for (arguments, told) in [
        (
            &["run", "fleet.toml", "--perfetto", "trace.json"][..],
            "--perfetto shows the steps of one server",
        ),
        (
            &["capacity", "fleet.toml", "--slo", "e2e.p99<60s", "--explain"],
            "--explain fills one server",
        ),
        (&["run", "fleet.toml", "--set", "fleet.servers=0"], "fleet.servers"),
        (&["run", "fleet.toml", "--set", "fleet.servers=20000"], "fleet.servers"),
        (
            &["run", "fleet.toml", "--set", "fleet.router=least"],
            "least_outstanding",
        ),
        (
            &["run", "fleet.toml", "--set", "fleet.state_delay=2h"],
            "longer than an hour",
        ),
        (
            &["run", "fleet.toml", "--set", "fleet.state_delay=-1s"],
            "fleet.state_delay",
        ),
        (&["run", "fleet.toml", "--set", "fleet.pools=3"], "fleet"),
    ] {
        let output = workplace.run(arguments);
        assert_eq!(output.code, Some(2), "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(told), "{arguments:?}: {}", output.stderr);
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_router_that_finds_nothing_to_look_for_is_told() {
    let workplace = workplace();
    let alone = FLEET.replace("session = {", "# session = {");
    workplace.write("alone.toml", alone);
    workplace.write("lone.toml", FLEET.replace("servers = 3", ""));
    for (file, sets, told) in [
        ("fleet.toml", "fleet.router=session", None),
        ("fleet.toml", "fleet.router=prefix_aware", None),
        ("alone.toml", "fleet.router=least_outstanding", None),
        ("alone.toml", "fleet.router=session", Some("belong to no session")),
        ("alone.toml", "fleet.router=prefix_affinity", Some("anything in common")),
        ("alone.toml", "fleet.servers=1", None),
        ("lone.toml", "seed=1", Some("changes nothing without fleet.servers")),
    ] {
        let output = workplace.run(&["run", file, "--set", sets, "--set", "workload.requests=50"]);
        assert_eq!(output.code, Some(0), "{}", output.stderr);
        match told {
            None => assert!(!output.stderr.contains("fleet"), "{sets}: {}", output.stderr),
            Some(told) => assert!(output.stderr.contains(told), "{sets}: {}", output.stderr),
        }
    }
    let off = [
        "run",
        "fleet.toml",
        "--set",
        "fleet.router=prefix_aware",
        "--no-enable-prefix-caching",
    ];
    let output = workplace.run(&off);
    assert!(output.stderr.contains("keep no prefixes"), "{}", output.stderr);
}

/// Whether rows follow one another or arrive when they were recorded, a router finds their sessions; where there are
/// none, it says so.
#[test]
fn sessions_of_a_trace_stay_together() {
    let workplace = workplace();
    let scenario = "[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\n[workload]\ntrace = { path = \
                    \"trace.csv\" }\n[fleet]\nservers = 5\nrouter = \"session\"\n";
    workplace.write("fleet.toml", scenario);
    for [more, cell] in [["", ""], [",after_s", ","]] {
        let rows: Vec<String> = (0..400).map(|row| format!("{row},100,20,s{}{cell}", row % 7)).collect();
        let header = format!("arrival_s,input_tokens,output_tokens,session{more}");
        workplace.write("trace.csv", format!("{header}\n{}\n", rows.join("\n")));
        let all = json(&workplace, &[]);
        let servers = all["fleet"]["by_server"].as_array().unwrap();
        let attempts: Vec<u64> = servers
            .iter()
            .map(|server| server["attempts"].as_u64().unwrap())
            .collect();
        assert_eq!(attempts.iter().sum::<u64>(), 400);
        // 400 rows over seven sessions: one has 58, six have 57, and a server has all of some of them.
        let whole = |&attempts: &u64| (0..=7).any(|sessions| [57 * sessions, 57 * sessions + 1].contains(&attempts));
        assert!(attempts.iter().all(whole), "{attempts:?}");
    }
    workplace.write(
        "trace.csv",
        "arrival_s,input_tokens,output_tokens\n0,100,20\n1,100,20\n",
    );
    let output = workplace.run(&["run", "fleet.toml"]);
    assert!(
        output.stderr.contains("no row of the trace names one"),
        "{}",
        output.stderr
    );
}

/// A few servers have a line each; of many the longest queue, the middle one and the shortest.
#[test]
fn the_queue_of_each_server_is_drawn() {
    let workplace = workplace();
    for (servers, named, others) in [
        ("3", ["server 0", "server 2"], "longest"),
        ("9", ["longest", "in the middle"], "server 2"),
    ] {
        let set = format!("fleet.servers={servers}");
        let run = ["run", "fleet.toml", "--figure", "servers=queues.svg", "--set", &set];
        let ended = workplace.run(&run);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let drawn = std::fs::read_to_string(workplace.path("queues.svg")).unwrap();
        assert!(drawn.contains("Do all servers have their share of the queue?"));
        assert!(
            named.iter().all(|name| drawn.contains(name)) && !drawn.contains(others),
            "{servers} servers"
        );
    }
    let alone = [
        "run",
        "fleet.toml",
        "--figure",
        "servers=queues.svg",
        "--set",
        "fleet.servers=1",
    ];
    let ended = workplace.run(&alone);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("runs of a fleet"), "{}", ended.stderr);
}

/// `check` runs the readable fleet beside the fast one, whatever happens to its servers.
#[test]
fn both_fleets_are_compared_on_a_scenario() {
    let workplace = workplace();
    let few = ["--set", "workload.requests=200"];
    let hard = [
        "--set",
        "client.timeout=20s",
        "--set",
        "client.retry.max=2",
        "--set",
        "fleet.fault=[{ kind = \"crash\", at = \"30s\", server = 1, restart = \"20s\", detect = \"5s\" }]",
    ];
    for more in [&[][..], &hard] {
        let ended = workplace.run(&[&["check", "fleet.toml"][..], &few, more].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(
            ended
                .stdout
                .starts_with("equal: the fast and the readable fleet tell the same "),
            "{}",
            ended.stdout
        );
    }
}

/// What is in use on a server that lets in whoever waits may become less and more again within a step: routers that
/// look at it must not trust what they saw before.
#[test]
fn both_fleets_are_compared_where_many_wait_and_share_prefixes() {
    let workplace = Workplace::new();
    let busy = FLEET
        .replace(
            "session = { turns = { dist = \"fixed\", value = 4 }, think = \"5s\" }",
            "prefix = { pool = 5, tokens = 600 }",
        )
        .replace("rate = 1.0", "rate = 60.0")
        .replace("requests = 1500", "requests = 250")
        .replace("kv_blocks = 4000", "kv_blocks = 900")
        .replace("max_model_len = 32768", "max_model_len = 8192")
        .replace(
            "policy = \"continuous\"",
            "policy = \"continuous\"\nmax_num_seqs = 6\nmax_num_batched_tokens = 512",
        );
    workplace.write("busy.toml", busy);
    for router in ["prefix_aware", "least_kv", "least_outstanding"] {
        let set = format!("fleet.router={router}");
        let ended = workplace.run(&["check", "busy.toml", "--set", &set]);
        assert_eq!(ended.code, Some(0), "{router}: {}", ended.stderr);
    }
}
