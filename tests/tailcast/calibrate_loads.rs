//! `calibrate` on several loads: each is simulated as it was sent, all are fitted together, and each is predicted from
//! the others.

use serde_json::{Value, json};

use crate::calibrate::{fitted, scenario};
use crate::command::Workplace;

/// A server whose kernels and front end are slower than the default.
const SERVER: &str = r#"[fitted_on]
model = "llama-3.1-8b"
gpu = "h100-sxm"
tensor_parallel = 1
weights = "bf16"
data = "written by hand"
[step]
kernel_scale = 1.12
[front_end]
latency_us = 12000
"#;

/// What `vllm bench serve` would say of a closed loop of so many clients on the server of `server.toml`.
fn result(place: &Workplace, clients: u32, requests: u32) -> Value {
    let load = format!("workload.arrivals={{ process = \"closed\", concurrency = {clients} }}");
    let count = format!("workload.requests={requests}");
    let sets = ["--set", "server.step_time=server.toml", "--set", &load, "--set", &count];
    let arguments = [
        "run",
        "scenario.toml",
        "--warm-up",
        "none",
        "--seed",
        "77",
        "--format",
        "json",
    ];
    let ended = place.run(&[&arguments[..], &sets[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let run: Value = serde_json::from_str(&ended.stdout).expect("results are JSON");
    let of = |latency: &str, statistic: &str| 1e3 * run["latency"][latency][statistic].as_f64().unwrap();
    json!({
        "num_prompts": requests,
        "completed": requests,
        "request_rate": "inf",
        "max_concurrency": clients,
        "mean_ttft_ms": of("ttft", "mean"),
        "median_ttft_ms": of("ttft", "p50"),
        "mean_tpot_ms": of("tpot", "mean"),
        "median_tpot_ms": of("tpot", "p50"),
        "mean_e2el_ms": of("e2e", "mean"),
    })
}

/// A scenario, and the server that it would be if it were right.
fn place() -> Workplace {
    let place = Workplace::new();
    place.write(
        "scenario.toml",
        scenario("requests = 500\narrivals = { process = \"poisson\", rate = 2.0 }"),
    );
    place.write("server.toml", SERVER);
    place
}

fn calibrate(place: &Workplace, data: &[&str]) -> Value {
    let arguments = ["calibrate", "scenario.toml", "--format", "json"];
    let ended = place.run(&[&arguments[..1], &arguments[1..2], data, &arguments[2..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).expect("results are JSON")
}

fn assert_all_are_found(found: &Value) {
    for (name, expected, within) in [("kernel_scale", 1.12, 0.01), ("latency_us", 12_000.0, 1_500.0)] {
        let one = fitted(found, name).unwrap_or_else(|| panic!("{name} is fitted: {found:#}"));
        let value = one["fitted"].as_f64().unwrap();
        assert!((value - expected).abs() < within, "{name} = {value}: {found:#}");
    }
    let loads = found["loads"].as_array().unwrap();
    let names: Vec<&str> = loads.iter().map(|load| load["load"].as_str().unwrap()).collect();
    assert_eq!(names, ["1 client", "8 clients", "48 clients"]);
    for load in loads {
        for number in load["errors"].as_array().unwrap() {
            let of = |name: &str| number[name].as_f64().unwrap().abs();
            let left_out = of("left_out");
            match number["metric"].as_str().unwrap() {
                // The other two loads predict it.
                "tpot.mean" => assert!(of("before") > 0.05 && of("after") < 0.02 && left_out < 0.03, "{load:#}"),
                "ttft.mean" => assert!(of("after") < 0.04 && left_out.is_finite(), "{load:#}"),
                // Hangs on how long outputs happen to be.
                other => assert_eq!(other, "e2e.mean"),
            }
        }
    }
}

#[test]
fn summaries_of_several_loads_tell_what_one_cannot() {
    let place = place();
    let loads = [(1, 400), (8, 1_000), (48, 2_000)];
    let mut names = Vec::new();
    let mut all = Vec::new();
    for (clients, requests) in loads {
        let result = result(&place, clients, requests);
        let name = format!("{clients}.json");
        place.write(&name, result.to_string());
        names.push(name);
        all.push(result);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let one = calibrate(&place, &names[2..]);
    let both = ["step_us", "kernel_scale"].map(|name| fitted(&one, name).is_some());
    assert_ne!(both, [true, true], "one load does not tell kernels from a constant");
    assert_eq!(one["loads"], json!([]));
    let several = calibrate(&place, &names);
    assert_all_are_found(&several);
    // The same in one file: as a list, and one after the other.
    place.write("list.json", Value::from(all.clone()).to_string());
    let lines: Vec<String> = all.iter().map(ToString::to_string).collect();
    place.write("lines.json", lines.join("\n"));
    for file in ["list.json", "lines.json"] {
        let again = calibrate(&place, &[file]);
        assert_eq!(again["coefficients"], several["coefficients"], "{file}");
    }
    let arguments = [&["calibrate", "scenario.toml"][..], &names, &["--out", "times.toml"]].concat();
    let ended = place.run(&arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let heads = ["load", "error", "measured", "before", "after", "left out"];
    let has_heads = |line: &str| heads.iter().all(|head| line.contains(head));
    assert!(ended.stdout.lines().any(has_heads), "{}", ended.stdout);
    let file = std::fs::read_to_string(place.path("times.toml")).unwrap();
    assert!(file.contains("1 client: 400 requests"), "{file}");
}

#[test]
fn a_load_that_the_others_do_not_predict_is_warned_of() {
    let place = place();
    let mut names = Vec::new();
    for (clients, requests) in [(1, 60), (8, 400), (48, 2_000)] {
        let mut result = result(&place, clients, requests);
        // As if something took much longer under load than any coefficient says.
        let slow = 1.0 + f64::from(clients) / 48.0;
        for key in ["mean_tpot_ms", "median_tpot_ms", "mean_e2el_ms"] {
            result[key] = json!(result[key].as_f64().unwrap() / slow);
        }
        let name = format!("{clients}.json");
        place.write(&name, result.to_string());
        names.push(name);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let found = calibrate(&place, &names);
    let warnings = found["warnings"].as_array().unwrap();
    let is_it = |warning: &Value| warning.as_str().unwrap().contains("fitted to the other loads");
    assert!(warnings.iter().any(is_it), "{found:#}");
}

#[test]
fn first_tokens_that_no_front_end_explains_are_refused() {
    let place = place();
    let mut names = Vec::new();
    for (clients, requests) in [(1, 60), (8, 400)] {
        let mut result = result(&place, clients, requests);
        for key in ["mean_ttft_ms", "median_ttft_ms"] {
            result[key] = json!(result[key].as_f64().unwrap() + 75.0);
        }
        let name = format!("{clients}.json");
        place.write(&name, result.to_string());
        names.push(name);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // Nor can kernels be told, of which first tokens say otherwise than the tokens after them.
    let ended = place.run(&[&["calibrate", "scenario.toml"][..], &names].concat());
    assert_eq!(ended.code, Some(2), "{}", ended.stdout);
    assert!(ended.stderr.contains("which no front end takes"), "{}", ended.stderr);
}

#[test]
fn several_results_must_say_what_was_sent() {
    let place = place();
    let mut result = result(&place, 1, 60);
    place.write("one.json", result.to_string());
    result.as_object_mut().unwrap().remove("request_rate");
    place.write("other.json", result.to_string());
    let ended = place.run(&["calibrate", "scenario.toml", "one.json", "other.json"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("other.json does not say `request_rate`"),
        "{}",
        ended.stderr
    );
}
