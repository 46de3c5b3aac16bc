//! Pools of unlike servers behind one router, from the command line.

use std::fmt::Write;

use serde_json::Value;

use crate::command::Workplace;

/// Two kinds of servers whose steps and memory are unlike.
const UNLIKE: &str = r#"
seed = 7
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 4096
[batching]
policy = "continuous"
[workload]
requests = 2000
arrivals = { process = "poisson", rate = 20.0 }
prompt = { dist = "lognormal", median = 300, sigma = 1.0, max = 3000 }
output = { dist = "lognormal", median = 100, sigma = 0.6, max = 800 }
[fleet]
router = "round_robin"
[[fleet.pool]]
name = "fast"
[[fleet.pool]]
name = "slow"
servers = 2
server = { gpu = "l40s", kv_blocks = 900 }
batching = { max_num_seqs = 40 }
"#;

fn workplace(text: &str) -> Workplace {
    let workplace = Workplace::new();
    workplace.write("pools.toml", text);
    workplace
}

fn json(workplace: &Workplace, arguments: &[&str]) -> Value {
    let mut all = vec!["run", "pools.toml", "--format", "json", "--slo-exit-zero"];
    all.extend(arguments);
    workplace.run(&all).json()
}

fn numbers(list: &Value, key: &str) -> Vec<f64> {
    let list = list.as_array().unwrap();
    list.iter()
        .map(|one| key.split('.').fold(one, |value, key| &value[key]).as_f64().unwrap())
        .collect()
}

#[test]
fn a_pool_of_one_kind_is_a_fleet_of_that_kind() {
    let (alike, _) = UNLIKE.split_once("[[fleet.pool]]").unwrap();
    let pool =
        "[[fleet.pool]]\nname = \"all\"\nservers = 3\nserver = { gpu = \"l40s\" }\nmodel = { kv_cache = \"fp8\" }\n";
    let as_pool = workplace(&format!("{alike}{pool}"));
    let as_fleet = workplace(&format!("{alike}servers = 3\n"));
    let sets = ["--set", "server.gpu=l40s", "--set", "model.kv_cache=fp8"];
    let few = ["--set", "workload.requests=400"];
    for router in ["round_robin", "least_outstanding", "least_kv", "prefix_aware", "random"] {
        let set = format!("fleet.router={router}");
        let mut with_pool = json(&as_pool, &[&few[..], &["--set", &set]].concat());
        let fleet = json(&as_fleet, &[&few[..], &sets, &["--set", &set]].concat());
        let pools = with_pool["fleet"].as_object_mut().unwrap().remove("pools").unwrap();
        assert_eq!(pools[0]["attempts"], fleet["requests"]["arrived"]);
        assert_eq!(pools[0]["gpu"], "l40s");
        for server in with_pool["fleet"]["by_server"].as_array_mut().unwrap() {
            assert_eq!(server.as_object_mut().unwrap().remove("pool").unwrap(), "all");
        }
        with_pool["scenario_hash"] = fleet["scenario_hash"].clone();
        assert_eq!(with_pool, fleet, "{router}");
    }
}

/// What a server does depends on what it is sent, and not on what other servers are.
#[test]
fn each_server_does_what_it_would_do_alone() {
    let rows: Vec<String> = (0..300_u32)
        .map(|row| {
            let at = f64::from(row) * 0.04;
            format!("{at},{},{}", 100 + row * 37 % 1500, 20 + row * 13 % 200)
        })
        .collect();
    let header = "arrival_s,input_tokens,output_tokens\n";
    let (tables, _) = UNLIKE.split_once("[workload]").unwrap();
    let trace = "[workload]\ntrace = { path = \"trace.csv\" }\n";
    let pools = r#"
[fleet]
router = "round_robin"
[[fleet.pool]]
name = "a"
[[fleet.pool]]
name = "b"
server = { gpu = "l40s", kv_blocks = 700, block_size = 32 }
batching = { max_num_batched_tokens = 512 }
"#;
    let together = workplace(&format!("{tables}{trace}{pools}"));
    together.write("trace.csv", format!("{header}{}\n", rows.join("\n")));
    let all = json(&together, &["--requests-out", "rows.csv"]);
    let times = |workplace: &Workplace| -> Vec<String> {
        let text = std::fs::read_to_string(workplace.path("rows.csv")).unwrap();
        // Tokens, how it ended and its latencies: a trace starts when its first row arrives.
        let without_times = |row: &str| row.splitn(6, ',').last().unwrap().to_owned();
        text.lines().skip(1).map(without_times).collect()
    };
    let of_all = times(&together);
    let own = [
        &[][..],
        &[
            "server.gpu=l40s",
            "server.kv_blocks=700",
            "server.block_size=32",
            "batching.max_num_batched_tokens=512",
        ],
    ];
    for (place, sets) in own.into_iter().enumerate() {
        let alone = workplace(&format!("{tables}{trace}"));
        let own_rows: Vec<&str> = rows.iter().skip(place).step_by(2).map(String::as_str).collect();
        alone.write("trace.csv", format!("{header}{}\n", own_rows.join("\n")));
        let mut arguments = vec!["--requests-out", "rows.csv"];
        for set in sets {
            arguments.extend(["--set", set]);
        }
        let result = json(&alone, &arguments);
        let own_times: Vec<String> = of_all.iter().skip(place).step_by(2).cloned().collect();
        assert_eq!(own_times, times(&alone), "pool {place}");
        let pool = &all["fleet"]["pools"][place];
        assert_eq!(pool["finished"], result["requests"]["finished"]);
        assert_eq!(pool["kv_blocks"], result["kv"]["blocks"]);
        let mut memory = pool["memory"].clone();
        memory["closed_form_users"] = Value::Null;
        let mut own_memory = result["memory"].clone();
        own_memory["closed_form_users"] = Value::Null;
        assert_eq!(memory, own_memory);
    }
}

#[test]
fn what_is_reported_of_all_is_weighted_and_what_is_not_known_of_all_is_of_each_pool() {
    let workplace = workplace(UNLIKE);
    let all = json(&workplace, &["--warm-up", "none"]);
    let fleet = &all["fleet"];
    let (pools, servers) = (&fleet["pools"], &fleet["by_server"]);
    let named: Vec<&str> = servers
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["pool"].as_str().unwrap())
        .collect();
    assert_eq!(named, ["fast", "slow", "slow"]);
    assert_eq!(numbers(pools, "servers"), [1.0, 2.0]);
    let close = |one: f64, other: &Value| {
        let other = other.as_f64().unwrap();
        assert!((one / other - 1.0).abs() < 1e-9, "{one} and {other}");
    };
    close(numbers(pools, "attempts").iter().sum(), &2000.into());
    // Every server counts as much, whatever it is.
    let mean = |key: &str| numbers(servers, key).iter().sum::<f64>() / 3.0;
    close(mean("busy_fraction"), &all["gpu"]["busy_fraction"]);
    close(mean("kv_usage.mean"), &all["kv"]["usage"]["mean"]);
    let peak = numbers(servers, "kv_usage.max").into_iter().fold(0.0, f64::max);
    close(peak, &all["kv"]["usage"]["max"]);
    let p99 = all["kv"]["usage"]["p99"].as_f64().unwrap();
    assert!(p99 <= peak && p99 > mean("kv_usage.mean"), "{p99}");
    // Every GPU counts by what it could do.
    for (key, could) in [
        ("model_flops_utilization", [989.0, 362.0]),
        ("memory_bandwidth_utilization", [3.35, 0.864]),
    ] {
        let used = numbers(pools, key);
        let expected = (used[0] * could[0] + used[1] * could[1] * 2.0) / (could[0] + 2.0 * could[1]);
        let got = all["gpu"][key].as_f64().unwrap();
        assert!((got / expected - 1.0).abs() < 0.01, "{key}: {got}, {expected}");
    }
    for unknown in [
        &all["kv"]["blocks"],
        &all["memory"]["total_bytes"],
        &all["memory"]["kv_bytes"],
    ] {
        assert!(unknown.is_null());
    }
    let users: f64 = numbers(pools, "memory.closed_form_users").iter().sum();
    close(users, &all["memory"]["closed_form_users"]);
    let throughput = numbers(pools, "output_tokens_per_s").iter().sum::<f64>();
    let expected = all["throughput"]["output_tokens_per_s"].as_f64().unwrap();
    assert!((throughput / expected - 1.0).abs() < 0.05, "{throughput}, {expected}");
    let errors = numbers(pools, "model_error.step_time");
    // That of the whole has a queue in it, if requests wait anywhere.
    let worst = errors.into_iter().fold(0.0, f64::max);
    let error = all["model_error"]["step_time"].as_f64().unwrap();
    assert!((worst..=worst.hypot(0.15)).contains(&error), "{error}, {worst}");
    let screen = workplace.run(&["run", "pools.toml"]).stdout;
    for line in [
        "1 server of 1×h100-sxm and 2 of 1×l40s",
        "fast: 1 server of 1×h100-sxm",
        "slow: 2 servers of 1×l40s",
    ] {
        assert!(screen.contains(line), "{line}: {screen}");
    }
}

/// Prompts that only one pool can hold, some that none can, and many that any can.
#[test]
fn long_prompts_go_to_the_pool_that_can_hold_them() {
    let mut rows = "arrival_s,input_tokens,output_tokens,session\n".to_owned();
    for row in 0..240 {
        let tokens = match row % 8 {
            0 => 7000,
            1 => 9000,
            _ => 500,
        };
        let _ = writeln!(rows, "{},{tokens},20,s{}", f64::from(row) * 0.05, row % 5);
    }
    let (tables, _) = UNLIKE.split_once("[workload]").unwrap();
    let pools = r#"[workload]
trace = { path = "trace.csv" }
[[fleet.pool]]
name = "short"
servers = 3
[[fleet.pool]]
name = "long"
server = { max_model_len = 8192 }
"#;
    let workplace = workplace(&format!("{tables}{pools}"));
    workplace.write("trace.csv", rows);
    for router in tailcast::fleet::ROUTERS {
        let set = format!("fleet.router={}", router.name);
        let all = json(&workplace, &["--set", &set]);
        assert_eq!(all["requests"]["rejected"], 30, "{}", router.name);
        assert_eq!(all["requests"]["finished"], 210, "{}", router.name);
        let input = numbers(&all["fleet"]["pools"], "input_tokens_per_s");
        let attempts = numbers(&all["fleet"]["pools"], "attempts");
        assert!(attempts[1] >= 30.0, "{}: {attempts:?}", router.name);
        // The mean prompt of a pool that has only short ones.
        let covered = attempts[0] * 500.0 / input[0];
        let expected = (30.0 * 7000.0 + (attempts[1] - 30.0) * 500.0) / covered;
        assert!((input[1] / expected - 1.0).abs() < 1e-9, "{}: {input:?}", router.name);
    }
}

/// Where the pool is away that could take them, long prompts wait, and short ones do not wait behind them.
#[test]
fn nobody_waits_behind_a_request_that_waits_for_another_pool() {
    let mut rows = "arrival_s,input_tokens,output_tokens\n".to_owned();
    for row in 0..100 {
        let tokens = if row == 10 { 7000 } else { 500 };
        let _ = writeln!(rows, "{},{tokens},20", f64::from(row) * 0.1);
    }
    let (tables, _) = UNLIKE.split_once("[workload]").unwrap();
    let pools = r#"[workload]
trace = { path = "trace.csv" }
[fleet]
router = "central_queue"
[[fleet.pool]]
name = "short"
[[fleet.pool]]
name = "long"
server = { max_model_len = 8192 }
[[fleet.fault]]
kind = "crash"
pool = "long"
at = "500ms"
detect = "0s"
restart = "4s"
"#;
    let workplace = workplace(&format!("{tables}{pools}"));
    workplace.write("trace.csv", rows);
    let all = json(&workplace, &["--requests-out", "rows.csv"]);
    assert!(all["fleet"]["pools"][1]["attempts"].as_u64().unwrap() > 1);
    let rows = std::fs::read_to_string(workplace.path("rows.csv")).unwrap();
    let waits: Vec<f64> = rows
        .lines()
        .skip(1)
        .filter_map(|row| {
            let cells: Vec<&str> = row.split(',').collect();
            Some(cells[2].parse::<f64>().ok()? - cells[1].parse::<f64>().ok()?)
        })
        .collect();
    let long = waits.iter().filter(|&&wait| wait > 3.0).count();
    let others = waits.iter().filter(|&&wait| wait > 0.5).count();
    assert_eq!((long, others), (1, 1), "{waits:?}");
}

#[test]
fn a_fault_strikes_all_servers_of_its_pool() {
    let fault = "[[fleet.fault]]\nkind = \"slow\"\npool = \"slow\"\nat = \"10s\"\nfactor = 2.0\nduration = \"20s\"\n";
    let all = json(&workplace(&format!("{UNLIKE}{fault}")), &[]);
    let events = all["fleet"]["events"].as_array().unwrap();
    let slowed = events.iter().filter(|event| event["event"] == "slow");
    let servers: Vec<u64> = slowed.map(|event| event["server"].as_u64().unwrap()).collect();
    assert_eq!(servers, [1, 2]);
}

#[test]
fn weights_are_those_of_the_pools() {
    let workplace = workplace(UNLIKE);
    for (router, weight) in [("weighted", "3"), ("weighted", "0.5")] {
        let sets = [
            format!("fleet.router={router}"),
            format!("fleet.pool.0.weight={weight}"),
        ];
        let all = json(&workplace, &["--set", &sets[0], "--set", &sets[1]]);
        let attempts = numbers(&all["fleet"]["by_server"], "attempts");
        let expected: f64 = weight.parse().unwrap();
        for other in &attempts[1..] {
            assert!((attempts[0] / other / expected - 1.0).abs() < 0.01, "{attempts:?}");
        }
    }
}

#[test]
fn what_a_pool_is_stands_under_its_own_keys() {
    let workplace = workplace(UNLIKE);
    let explained = workplace.run(&["run", "pools.toml", "--explain"]);
    for line in [
        "Of the server of the pool fast:",
        "Of each of the 2 servers of the pool slow:",
        "fleet.pool[0].server.gpu ",
        "fleet.pool[1].server.kv_blocks ",
        "fleet.pool[1].batching.max_num_seqs ",
        "fleet.pool[1].model ",
        "fleet.pool[1].server.front_end.latency_us ",
        "fleet.pool[0].sampling ",
    ] {
        assert!(explained.stdout.contains(line), "{line}: {}", explained.stdout);
    }
    assert!(!explained.stdout.contains("\n  server.gpu "), "{}", explained.stdout);
    // What decides nothing is not in the hash, and what does is.
    let hash = |sets: &[&str]| {
        let flags: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        json(&workplace, &flags)["scenario_hash"].as_str().unwrap().to_owned()
    };
    assert_eq!(hash(&[]), hash(&["fleet.pool.1.name=cheap"]));
    assert_ne!(hash(&[]), hash(&["fleet.pool.1.server.kv_blocks=901"]));
    assert_ne!(hash(&[]), hash(&["fleet.pool.0.weight=2"]));
    assert_ne!(hash(&[]), hash(&["server.max_model_len=4000"]));
}

#[test]
fn keys_of_a_pool_rule_under_every_spelling() {
    let workplace = workplace(UNLIKE);
    let blocks = |sets: &[&str]| {
        let flags: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        numbers(&json(&workplace, &flags)["fleet"]["pools"], "kv_blocks")
    };
    let usual = blocks(&[]);
    assert_eq!(usual[1..], [900.0]);
    assert_eq!(
        blocks(&["fleet.pool.0.server.num_gpu_blocks_override=800"]),
        [800.0, 900.0]
    );
    // A pool's own key goes over the scenario's, also under vLLM's name.
    assert_eq!(blocks(&["server.num-gpu-blocks-override=800"]), [800.0, 900.0]);
    let other = "model={ config = \"config.json\" }";
    workplace.write("config.json", "{}");
    let output = workplace.run(&["run", "pools.toml", "--set", &format!("fleet.pool.1.{other}")]);
    assert!(!output.stderr.contains("exclude each other"), "{}", output.stderr);
}

#[test]
fn studies_take_pools() {
    let workplace = workplace(UNLIKE);
    let small = ["--set", "workload.requests=300"];
    for verb in [
        &[
            "compare",
            "pools.toml",
            "--vary",
            "fleet.router=round_robin,least_kv",
            "--no-capacity",
        ][..],
        &[
            "compare",
            "pools.toml",
            "--vary",
            "fleet.pool.1.servers=1,3",
            "--no-capacity",
        ],
        &["curve", "pools.toml", "--rate", "5,10"],
        &["capacity", "pools.toml", "--slo", "e2e.p90<30s", "--no-range"],
        &["run", "pools.toml", "--timeline-out", "timeline.csv"],
    ] {
        let output = workplace.run(&[verb, &small].concat());
        assert_eq!(output.code, Some(0), "{verb:?}: {}", output.stderr);
        // Changes of [model] or [server] would not be those of the pools.
        assert!(!output.stdout.contains("KV cache in fp8"), "{}", output.stdout);
    }
    let timeline = std::fs::read_to_string(workplace.path("timeline.csv")).unwrap();
    let usage = timeline
        .lines()
        .skip(1)
        .map(|row| row.split(',').nth(3).unwrap().parse::<f64>().unwrap());
    let usage: Vec<f64> = usage.collect();
    assert!(usage.iter().all(|usage| (0.0..=1.0).contains(usage)));
    let mean = usage.iter().sum::<f64>() / usage.len() as f64;
    let all = json(&workplace, &small);
    let expected = all["kv"]["usage"]["mean"].as_f64().unwrap();
    assert!((mean / expected - 1.0).abs() < 0.1, "{mean}, {expected}");
}

#[test]
fn what_cannot_be_is_told_with_its_place() {
    let workplace = workplace(UNLIKE);
    for (set, told) in [
        (
            "fleet.servers=3",
            "`fleet.servers` and `[[fleet.pool]]` exclude each other",
        ),
        (
            "fleet.autoscale={ target = 3, max = 4, start = \"1s\" }",
            "`fleet.autoscale` and `[[fleet.pool]]` exclude each other",
        ),
        ("fleet.pool.1.name=fast", "the name of a pool before it"),
        ("fleet.pool.1={ servers = 2 }", "`fleet.pool[1].name` is missing"),
        ("fleet.pool.1.servers=0", "fleet.pool[1].servers"),
        ("fleet.pool.1.servers=10000", "10000 are the most"),
        ("fleet.pool.0.weight=0", "fleet.pool[0].weight"),
        ("fleet.pool.1.server.gpu=l40z", "fleet.pool[1]"),
        (
            "fleet.pool.1.server.max_model_len=0",
            "fleet.pool[1].server.max_model_len",
        ),
        ("fleet.pool.1.server.gpus=2", "`fleet.pool[1].server` has no key `gpus`"),
        ("fleet.pool.1.gpu=l4", "`gpu` belongs to [server]"),
        ("fleet.pool.1.server=l40s", "`fleet.pool[1].server` must be a table"),
        (
            "fleet.pool.1.batching.max_num_seqs=0",
            "fleet.pool[1].batching.max_num_seqs",
        ),
        ("fleet.pool.1.batching.policy=fast", "fleet.pool[1].batching.policy"),
        ("fleet.pool.1.server.tensor_parallel=3", "fleet.pool[1]"),
        ("fleet.pool.1.server.kv_blocks=9", "fleet.pool[1]"),
        ("fleet.pool.1.model.name=llama-9", "fleet.pool[1]"),
        (
            "fleet.pool.1.server.step_time={ base_us = 80000000000 }",
            "fleet.pool[1].server.step_time",
        ),
        ("fleet.pool=3", "`fleet.pool` must be a list"),
        (
            "fleet.fault=[{ kind = \"slow\", factor = 2, duration = \"1s\", at = \"1s\", pool = \"slwo\" }]",
            "allowed: fast, slow",
        ),
        (
            "fleet.fault=[{ kind = \"crash\", restart = \"1s\", at = \"1s\", pool = \"slow\", server = 1 }]",
            "exclude each other",
        ),
        (
            "fleet.fault=[{ kind = \"slow\", factor = 2, duration = \"1s\", at = \"1s\", server = 3 }]",
            "are servers 0 to 2",
        ),
    ] {
        let output = workplace.run(&["run", "pools.toml", "--set", set]);
        assert_eq!(output.code, Some(2), "{set}: {}", output.stderr);
        assert!(output.stderr.contains(told), "{set}: {}", output.stderr);
        assert!(output.stdout.is_empty(), "{set}");
    }
    let large = workplace.run(&[
        "run",
        "pools.toml",
        "--set",
        "fleet.pool.1.model.name=llama-3.1-70b",
        "--set",
        "fleet.pool.1.server={ gpu = \"l40s\" }",
    ]);
    assert_eq!(large.code, Some(3), "{}", large.stderr);
    assert!(large.stderr.contains("fleet.pool[1]: "), "{}", large.stderr);
}

#[test]
fn what_is_of_one_kind_of_server_refuses_pools() {
    let workplace = workplace(UNLIKE);
    workplace.write("data.csv", "prefill_tokens,time_s\n1,1\n");
    for (arguments, told) in [
        (
            &["run", "pools.toml", "--perfetto", "trace.json"][..],
            "3 in pools (fleet.pool)",
        ),
        (
            &["capacity", "pools.toml", "--slo", "e2e.p99<60s", "--explain"],
            "3 in pools (fleet.pool)",
        ),
        (
            &["capacity", "pools.toml", "--slo", "e2e.p99<60s", "--rate", "50"],
            "the fewest servers are found of one kind",
        ),
        (
            &["calibrate", "pools.toml", "data.csv"],
            "calibrate fits one deployment",
        ),
    ] {
        let output = workplace.run(arguments);
        assert_eq!(output.code, Some(2), "{arguments:?}: {}", output.stderr);
        assert!(output.stderr.contains(told), "{arguments:?}: {}", output.stderr);
    }
}

#[test]
fn a_flag_that_every_pool_overrules_is_told() {
    let workplace = workplace(&UNLIKE.replace("name = \"fast\"", "name = \"fast\"\nserver = { gpu = \"h200\" }"));
    let output = workplace.run(&["run", "pools.toml", "--set", "server.gpu=l4"]);
    assert!(
        output.stderr.contains("`server.gpu` (--set) changes nothing"),
        "{}",
        output.stderr
    );
    let output = workplace.run(&["run", "pools.toml", "--set", "server.block_size=32"]);
    assert!(!output.stderr.contains("changes nothing"), "{}", output.stderr);
}
