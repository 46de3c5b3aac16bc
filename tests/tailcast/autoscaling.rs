//! Servers that come and go by the load, from the command line.

use serde_json::Value;

use crate::command::Workplace;

/// A load that rises and falls again, on servers that take few requests each.
const TIDE: &str = r#"
seed = 7
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 8192
[batching]
policy = "continuous"
[workload]
prompt = { dist = "lognormal", median = 300, sigma = 0.8, max = 4000 }
output = { dist = "lognormal", median = 100, sigma = 0.6, max = 1000 }
[workload.arrivals]
process = "stages"
stages = [
    { rate = 2.0, duration = "100s" },
    { rate = 20.0, duration = "200s" },
    { rate = 2.0, duration = "300s" },
]
[fleet.autoscale]
target = 5
max = 6
start = "20s"
down_delay = "60s"
"#;

fn workplace(text: &str) -> Workplace {
    let workplace = Workplace::new();
    workplace.write("tide.toml", text);
    workplace
}

fn json(workplace: &Workplace, sets: &[&str]) -> Value {
    let mut all = vec!["run", "tide.toml", "--format", "json", "--slo-exit-zero"];
    all.extend(sets.iter().flat_map(|set| ["--set", set]));
    let output = workplace.run(&all);
    output.json()
}

/// When something became of servers [s].
fn times(result: &Value, name: &str) -> Vec<f64> {
    let events = result["fleet"]["events"].as_array().unwrap().iter();
    let of_name = events.filter(|event| event["event"] == name);
    of_name.map(|event| event["at_s"].as_f64().unwrap()).collect()
}

#[test]
fn servers_come_with_the_load_and_go_with_it() {
    let workplace = workplace(TIDE);
    let result = json(&workplace, &[]);
    let fleet = &result["fleet"];
    let mean = |name: &str| fleet[name]["mean"].as_f64().unwrap();
    assert_eq!(
        (&fleet["provisioned"]["min"], &fleet["servers"]),
        (&1.into(), &6.into())
    );
    assert!(fleet["provisioned"]["max"].as_u64().unwrap() > 2, "{fleet}");
    assert!(1.0 < mean("ready") && mean("ready") < mean("provisioned") && mean("provisioned") < 5.0);
    // Who is started is ready after so long, looks are every 15 s, and nobody is stopped while they are needed.
    let (starting, started) = (times(&result, "starting"), times(&result, "started"));
    assert!(starting.iter().all(|at| at % 15.0 == 0.0), "{starting:?}");
    let first = started[0] - starting[0];
    assert!((first - 20.0).abs() < 1e-9, "{first}");
    assert!(starting.iter().any(|&at| (100.0..140.0).contains(&at)), "{starting:?}");
    assert!(times(&result, "stopped").iter().any(|&at| at > 360.0));
    assert_eq!(result["requests"]["finished"], result["requests"]["arrived"]);
}

#[test]
fn who_waits_longer_before_stopping_pays_for_more_servers() {
    let workplace = workplace(TIDE);
    let provisioned = |sets: &[&str]| json(&workplace, sets)["fleet"]["provisioned"]["mean"].as_f64().unwrap();
    let soon = provisioned(&["fleet.autoscale.down_delay=\"0s\""]);
    let late = provisioned(&["fleet.autoscale.down_delay=\"300s\""]);
    assert!(soon < late, "{soon} {late}");
    let always = provisioned(&["fleet.autoscale.min=6", "fleet.servers=6"]);
    assert!((always - 6.0).abs() < 1e-9, "{always}");
}

#[test]
fn a_fleet_may_start_from_nothing() {
    // All servers are stopped between requests that are far apart, and whoever comes then waits for one.
    let workplace = workplace(&TIDE.replacen("rate = 2.0", "rate = 0.02", 1));
    let rare = ["fleet.autoscale.min=0", "fleet.autoscale.down_delay=\"0s\""];
    let result = json(&workplace, &rare);
    assert_eq!(result["requests"]["finished"], result["requests"]["arrived"]);
    assert_eq!(result["fleet"]["provisioned"]["min"], 0);
    assert!(result["latency"]["ttft"]["max"].as_f64().unwrap() > 20.0);
}

#[test]
fn servers_that_stand_by_come_at_once_and_are_paid_for() {
    let workplace = workplace(TIDE);
    let warm = ["fleet.autoscale.warm=2", "fleet.autoscale.warm_start=\"2s\""];
    let (without, with) = (json(&workplace, &[]), json(&workplace, &warm));
    // The first two that are started were warm; those that take their places are loaded for as long as any other.
    let (starting, started) = (times(&with, "starting"), times(&with, "started"));
    let first = started[0] - starting[0];
    assert!((first - 2.0).abs() < 1e-9, "{first}");
    let (warming, warmed) = (times(&with, "warming"), times(&with, "warm"));
    assert!((warming[0] - starting[0]).abs() < 1e-9, "{warming:?} {starting:?}");
    assert!(
        warmed
            .iter()
            .all(|at| warming.iter().any(|from| (at - from - 20.0).abs() < 1e-9))
    );
    let size = |result: &Value, of: &str, which: &str| result["fleet"][of][which].as_f64().unwrap();
    assert_eq!(
        (size(&with, "provisioned", "min"), size(&with, "ready", "min")),
        (3.0, 1.0),
        "one serves and two stand by"
    );
    assert_eq!(
        (with["fleet"]["servers"].as_u64(), without["fleet"]["servers"].as_u64()),
        (Some(8), Some(6))
    );
    assert!(size(&with, "ready", "max") <= 6.0 && size(&with, "provisioned", "max") <= 8.0);
    let more = size(&with, "provisioned", "mean") - size(&without, "provisioned", "mean");
    assert!((1.5..2.3).contains(&more), "{more}");
    // Clients wait less while the load rises.
    let p99 = |result: &Value| result["latency"]["ttft"]["p99"].as_f64().unwrap();
    assert!(p99(&with) < p99(&without), "{} {}", p99(&with), p99(&without));
    let none = json(
        &workplace,
        &["fleet.autoscale.warm=0", "fleet.autoscale.warm_start=\"9s\""],
    );
    assert_eq!(none["fleet"], without["fleet"]);
}

#[test]
fn each_signal_starts_servers() {
    let workplace = workplace(TIDE);
    for (signal, target) in [
        ("concurrency", 1.0),
        ("queue", 0.01),
        ("kv", 0.0005),
        ("tokens_per_s", 50.0),
        ("ttft", 0.005),
    ] {
        let set = format!("fleet.autoscale.signal=\"{signal}\"");
        let target = format!("fleet.autoscale.target={target}");
        let result = json(&workplace, &[&set, &target]);
        assert!(result["fleet"]["provisioned"]["max"].as_u64().unwrap() > 3, "{signal}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let table = |keys: &str| format!("{}{keys}\n", &TIDE[..TIDE.find("[fleet.autoscale]").unwrap()]);
    let rule = "[fleet.autoscale]\ntarget = 5\nmax = 6\nstart = \"20s\"\n";
    for (text, told) in [
        (
            table("[fleet.autoscale]\nmax = 6\nstart = \"20s\""),
            "write target = 50",
        ),
        (table("[fleet.autoscale]\ntarget = 5\nstart = \"20s\""), "write max = 8"),
        (
            table("[fleet.autoscale]\ntarget = 5\nmax = 6"),
            "write start = \"120s\"",
        ),
        (
            table(&format!("{rule}min = 7")),
            "`fleet.autoscale.min` is 7, more than max = 6",
        ),
        (
            table(&format!("[fleet]\nservers = 9\n{rule}")),
            "`fleet.servers` is 9, and `fleet.autoscale` has 1 to 6",
        ),
        (table(&format!("{rule}interval = \"0s\"")), "must be at least 100 ms"),
        (table(&format!("{rule}down_delay = \"9d\"")), "longer than a day"),
        (table(&format!("{rule}signal = \"kv\"")), "more than a whole cache"),
        (
            table(&format!(
                "{}signal = \"kv\"\nmin = 0",
                rule.replace("target = 5", "target = 0.5")
            )),
            "none would be started",
        ),
        (
            table(&format!("{rule}signal = \"ttft\"\nmin = 0")),
            "no tokens come where there is no server",
        ),
        (table(&format!("{rule}warm = 9999")), "and 10000 servers are the most"),
        (
            table(&format!("{rule}warm = 1\nwarm_start = \"2d\"")),
            "longer than a day",
        ),
        (
            table(&format!("{rule}signal = \"load\"")),
            "allowed: concurrency, queue, kv, tokens_per_s, ttft",
        ),
        (table(&rule.replace("target = 5", "target = 0")), "a number above 0"),
        (
            table(&format!(
                "{rule}[[fleet.fault]]\nkind = \"crash\"\nserver = 6\nat = \"1s\"\nrestart = \"1s\""
            )),
            "there are servers 0 to 5",
        ),
    ] {
        let output = workplace(&text).run(&["run", "tide.toml"]);
        assert_eq!(output.code, Some(2), "{text}: {}", output.stderr);
        assert!(output.stderr.contains(told), "{text}: {}", output.stderr);
    }
}

#[test]
fn who_asks_for_the_fewest_servers_leaves_none_to_a_rule() {
    let workplace = Workplace::new();
    workplace.write(
        "scaled.toml",
        r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
[workload]
requests = 100
arrivals = { process = "poisson", rate = 1.0 }
prompt = { dist = "fixed", value = 9 }
output = { dist = "fixed", value = 9 }
[fleet.autoscale]
target = 8
min = 1
max = 4
start = "60s"
"#,
    );
    let ended = workplace.run(&["capacity", "scaled.toml", "--rate", "9", "--slo", "ttft.p50<1s"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("[fleet.autoscale] says how many there are"),
        "{}",
        ended.stderr
    );
}
