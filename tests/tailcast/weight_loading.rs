//! Servers that start load their weights: as long as these take over the disk or the network.

use serde_json::Value;

use crate::command::Workplace;

const SCENARIO: &str = r#"
seed = 7
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 8192
[workload]
requests = 300
arrivals = { process = "poisson", rate = 5.0 }
prompt = { dist = "lognormal", median = 300, sigma = 0.8, max = 4000 }
output = { dist = "lognormal", median = 100, sigma = 0.6, max = 1000 }
[client.retry]
"#;

const CRASHES: &str = "[[fleet.fault]]\nkind = \"crash\"\nat = \"10s\"\nrestart = \"5s\"\n";

fn json(more: &str, sets: &[&str]) -> Value {
    let workplace = Workplace::new();
    workplace.write("s.toml", format!("{SCENARIO}{more}"));
    let mut all = vec!["run", "s.toml", "--format", "json", "--slo-exit-zero"];
    all.extend(sets.iter().flat_map(|set| ["--set", set]));
    workplace.run(&all).json()
}

/// How long each server was away, or on the way, from one thing that became of it to another [s].
fn between(result: &Value, from: &str, to: &str) -> Vec<(u64, f64)> {
    let events = result["fleet"]["events"].as_array().unwrap();
    let at = |event: &Value| event["at_s"].as_f64().unwrap();
    let starts = events.iter().filter(|event| event["event"] == from);
    let spans = starts.filter_map(|start| {
        let same = |event: &&Value| event["server"] == start["server"] && event["event"] == to && at(event) > at(start);
        let end = events.iter().find(same)?;
        Some((start["server"].as_u64().unwrap(), at(end) - at(start)))
    });
    spans.collect()
}

fn assert_near(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-6, "{found} instead of {wanted}");
}

/// The bytes of the weights of a GPU, as results say.
fn weights_bytes(result: &Value) -> f64 {
    result["memory"]["weights_bytes"].as_f64().unwrap()
}

#[test]
fn a_server_that_crashed_loads_its_weights_again() {
    let fleet = format!("[fleet]\nservers = 2\nload_bandwidth = \"2 GB/s\"\n{CRASHES}");
    let result = json(&fleet, &[]);
    let loading = weights_bytes(&result) / 2e9;
    assert!(
        (8.0..8.1).contains(&loading),
        "8 billion weights of two bytes take {loading} s"
    );
    for (_, away) in between(&result, "crash", "back") {
        assert_near(away, 5.0 + loading);
    }
    assert_eq!(between(&result, "crash", "back").len(), 2);
    // What the GPUs of a server share comes once, and over the same wire.
    let shared = json(&fleet, &["server.tensor_parallel=2"]);
    let both = 2.0 * weights_bytes(&shared) / 2e9;
    assert_near(between(&shared, "crash", "back")[0].1, 5.0 + both);
    let faster = json(&fleet, &["fleet.load_bandwidth=\"16 Gbit/s\"", "model.weights=\"fp8\""]);
    assert_near(
        between(&faster, "crash", "back")[0].1,
        5.0 + weights_bytes(&faster) / 2e9,
    );
    let without = json(&fleet.replace("load_bandwidth", "# load_bandwidth"), &[]);
    assert_near(between(&without, "crash", "back")[0].1, 5.0);
}

#[test]
fn a_server_that_is_started_loads_its_weights() {
    let fleet = "[fleet]\nload_bandwidth = \"500 MB/s\"\n[fleet.autoscale]\ntarget = 2\nmax = 4\nstart = \"3s\"\n";
    let result = json(fleet, &["workload.arrivals.rate=3.0"]);
    let started = between(&result, "starting", "started");
    assert!(!started.is_empty());
    for (_, after) in started {
        assert_near(after, 3.0 + weights_bytes(&result) / 5e8);
    }
}

#[test]
fn each_pool_loads_its_own_weights() {
    let fleet = format!(
        "[fleet]\nload_bandwidth = \"2 GB/s\"\n[[fleet.pool]]\nname = \"whole\"\n[[fleet.pool]]\nname = \"half\"\n\
         model = {{ weights = \"fp8\" }}\n{CRASHES}"
    );
    let result = json(&fleet, &[]);
    let away = between(&result, "crash", "back");
    let [(0, whole), (1, half)] = away[..] else {
        panic!("{away:?}");
    };
    assert!((13.0..13.1).contains(&whole), "{whole}");
    // Embeddings keep two bytes.
    assert!((9.0..10.1).contains(&half), "{half}");
    let workplace = Workplace::new();
    workplace.write("s.toml", format!("{SCENARIO}{fleet}"));
    let explained = workplace.run(&["run", "s.toml", "--explain"]).stdout;
    for told in [
        "fleet.pool[0].load_time",
        "fleet.pool[1].load_time",
        "GB of weights at 2 GB/s",
    ] {
        assert!(explained.contains(told), "{told} in {explained}");
    }
}

#[test]
fn what_is_no_bandwidth_is_refused() {
    for (value, told) in [
        ("2", "if it means gigabytes a second, write \"2 GB/s\""),
        ("\"2 GB\"", "`GB` is not a unit of bandwidth"),
        ("\"fast\"", "\"fast\" is not a bandwidth"),
        ("\"1 TB/s2\"", "is not a unit of bandwidth"),
        ("\"0 GB/s\"", "is not between 1 MB/s"),
        ("true", "true is not a bandwidth"),
    ] {
        let workplace = Workplace::new();
        workplace.write(
            "s.toml",
            format!("{SCENARIO}[fleet]\nservers = 2\nload_bandwidth = {value}\n{CRASHES}"),
        );
        let output = workplace.run(&["run", "s.toml"]);
        assert_eq!(output.code, Some(2), "{value}: {}", output.stderr);
        let stderr = &output.stderr;
        assert!(stderr.contains(told) && stderr.contains("s.toml:"), "{value}: {stderr}");
    }
    let workplace = Workplace::new();
    workplace.write(
        "s.toml",
        format!("{SCENARIO}[fleet]\nservers = 2\nload_bandwidth = \"2 GB/s\"\n"),
    );
    let output = workplace.run(&["run", "s.toml", "--slo-exit-zero"]);
    assert!(
        output.stderr.contains("fleet.load_bandwidth changes nothing"),
        "{}",
        output.stderr
    );
}
