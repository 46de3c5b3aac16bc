//! What a measured file says of its workload is taken where neither the scenario nor a flag says it, and said.

use serde_json::{Value, json};

use crate::command::{Ended, Workplace};
use crate::result_shapes::metrics;

/// A deployment without a workload.
const DEPLOYMENT: &str = "name = \"served\"\n[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\n";

/// A closed loop of so many clients.
fn closed(clients: u32, ttft_ms: f64) -> Value {
    json!({
        "num_prompts": 60, "completed": 60, "request_rate": "inf", "max_concurrency": clients, "duration": 30.0,
        "total_input_tokens": 6000, "total_output_tokens": 1200, "request_throughput": 2.0, "output_throughput": 40.0,
        "mean_ttft_ms": ttft_ms, "p99_ttft_ms": 3.0 * ttft_ms, "mean_tpot_ms": 8.0, "median_tpot_ms": 8.0,
        "mean_e2el_ms": ttft_ms + 19.0 * 8.0,
    })
}

fn place(scenario: &str, files: &[(&str, String)]) -> Workplace {
    let place = Workplace::new();
    place.write("served.toml", scenario);
    for (name, content) in files {
        place.write(name, content);
    }
    place
}

#[track_caller]
fn good(ended: &Ended) -> &Ended {
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    ended
}

fn validated(scenario: &str, content: &str, measured: &str, more: &[&str]) -> Ended {
    let manifest = format!("[[experiment]]\nscenario = \"served.toml\"\n{measured}\n");
    let files = [("bench.json", content.to_owned()), ("manifest.toml", manifest)];
    place(scenario, &files).run(&[&["validate", "manifest.toml"], more].concat())
}

const MEASURED: &str = "measured.file = \"bench.json\"";

#[test]
fn a_scenario_without_a_workload_is_that_of_the_file() {
    let ended = validated(DEPLOYMENT, &closed(4, 20.0).to_string(), MEASURED, &[]);
    let said = &good(&ended).stdout;
    for part in [
        "taken from the measured file, as the scenario does not say it",
        "workload.requests = 60",
        "workload.arrivals = { process = \"closed\", concurrency = 4 }",
        "workload.prompt = { dist = \"fixed\", value = 100 }",
        "workload.output = { dist = \"fixed\", value = 20 }",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    assert!(!ended.stderr.contains("is not what was measured"), "{}", ended.stderr);
}

#[test]
fn what_the_scenario_or_a_flag_says_stands() {
    let scenario = format!("{DEPLOYMENT}[workload]\nprompt = {{ dist = \"fixed\", value = 80 }}\n");
    let set = ["--set", "workload.requests=40", "--format", "json"];
    let ended = validated(&scenario, &closed(4, 20.0).to_string(), MEASURED, &set);
    let experiment = &good(&ended).json()["experiments"][0];
    assert_eq!(experiment["metrics"]["requests.finished"]["predicted"], 40.0);
    let taken = experiment["taken"].as_str().unwrap();
    assert!(
        taken.contains("workload.arrivals") && taken.contains("workload.output"),
        "{taken}"
    );
    assert!(
        !taken.contains("workload.requests") && !taken.contains("workload.prompt"),
        "{taken}"
    );
    assert!(
        ended.stderr.contains("40 requests are simulated and 60 were measured"),
        "{}",
        ended.stderr
    );
}

#[test]
fn each_result_of_a_file_is_an_experiment_with_its_own_load() {
    let both = json!([closed(2, 20.0), closed(6, 25.0)]).to_string();
    let title = format!("name = \"sweep\"\n{MEASURED}");
    let ended = validated(DEPLOYMENT, &both, &title, &["--format", "json"]);
    let found = good(&ended).json();
    let names: Vec<&str> = found["experiments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["sweep (1, 2 clients)", "sweep (2, 6 clients)"]);
    let taken = found["experiments"][1]["taken"].as_str().unwrap();
    assert!(
        taken.contains("sent as the measured file says: workload.requests = 60"),
        "{taken}"
    );
    assert!(
        taken.contains("concurrency = 6") && taken.contains("workload.prompt"),
        "{taken}"
    );
    let ttft = |place: usize| {
        found["experiments"][place]["metrics"]["ttft.mean"]["measured"]
            .as_f64()
            .unwrap()
    };
    assert!((ttft(0) - 0.02).abs() < 1e-9 && (ttft(1) - 0.025).abs() < 1e-9);
}

#[test]
fn a_file_that_does_not_say_it_leaves_the_scenario_incomplete() {
    let ended = validated(DEPLOYMENT, r#"{"completed": 9, "mean_ttft_ms": 20}"#, MEASURED, &[]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("does not say it either"), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("workload.arrivals, workload.prompt, workload.output"),
        "{}",
        ended.stderr
    );
}

#[test]
fn counters_before_and_after_a_load_are_one_measurement() {
    let scenario = format!(
        "{DEPLOYMENT}[workload]\nrequests = 200\narrivals = {{ process = \"poisson\", rate = 9.0 }}\n\
         output = {{ dist = \"fixed\", value = 20 }}\n"
    );
    let manifest = "[[experiment]]\nscenario = \"served.toml\"\nmeasured.file = \"after.txt\"\n\
                    measured.before = \"before.txt\"\n";
    let looks = [metrics([10.0, 10.0, 10.0], 2.0), metrics([20.0, 90.0, 110.0], 52.0)];
    let files = [
        ("manifest.toml", manifest.to_owned()),
        ("before.txt", looks[0].clone()),
        ("after.txt", looks[1].clone()),
    ];
    let place = place(&scenario, &files);
    let ended = place.run(&["validate", "manifest.toml"]);
    let said = &good(&ended).stdout;
    assert!(
        said.contains("ttft.p50 was measured to lie between 250 and 500 ms"),
        "{said}"
    );
    assert!(
        said.contains("workload.prompt = { dist = \"fixed\", value = 100 }"),
        "{said}"
    );
    let json = good(&place.run(&["validate", "manifest.toml", "--format", "json"])).json();
    let compared = &json["experiments"][0]["metrics"]["ttft.p50"];
    assert_eq!(compared["measured_between"], json!([0.25, 0.5]));
    let swapped = manifest
        .replace("after", "x")
        .replace("before.txt", "after.txt")
        .replace("x.txt", "before.txt");
    place.write("manifest.toml", swapped);
    let ended = place.run(&["validate", "manifest.toml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("lower in the second file"), "{}", ended.stderr);
}

#[test]
fn a_calibration_takes_the_workload_of_its_data() {
    let mut bench = closed(1, 20.0);
    bench["max_concurrency"] = json!(2);
    let place = place(DEPLOYMENT, &[("bench.json", bench.to_string())]);
    let ended = place.run(&["calibrate", "served.toml", "bench.json"]);
    let said = &good(&ended).stdout;
    assert!(said.contains("Workload    taken from bench.json"), "{said}");
    assert!(
        said.contains("concurrency = 2") && said.contains("value = 100"),
        "{said}"
    );
}

#[test]
fn a_curve_says_what_of_its_runs_was_not_measured() {
    let mut bench = closed(2, 20.0);
    bench["model_id"] = json!("facebook/opt-125m");
    let place = place(DEPLOYMENT, &[("bench.json", bench.to_string())]);
    let curve = ["curve", "served.toml", "--measured", "bench.json", "--refine", "0"];
    let lengths = ["--set", "workload.prompt={ dist = \"fixed\", value = 700 }"];
    let said = good(&place.run(&[&curve[..], &lengths].concat())).stderr.clone();
    for part in [
        "what is simulated is not what was measured in bench.json: ",
        "facebook/opt-125m was measured",
        "simulated prompts have 700 tokens in the mean and the measured ones 100",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_curve_shows_what_was_measured_beside_its_forecast() {
    let lines = format!("{}\n{}\n", closed(2, 20.0), closed(6, 25.0));
    let place = place(DEPLOYMENT, &[("bench.jsonl", lines)]);
    let curve = ["curve", "served.toml", "--measured", "bench.jsonl", "--refine", "0"];
    let ended = place.run(&[&curve[..], &["--figure", "curve.svg"]].concat());
    let said = &good(&ended).stdout;
    assert!(said.contains("beside the forecast at the same load"), "{said}");
    assert!(said.contains("taken from bench.jsonl: result 1"), "{said}");
    let figure = std::fs::read_to_string(place.path("curve.svg")).unwrap();
    assert!(figure.contains("mean measured") && figure.contains("p99 measured"));
    let behind = ["curve", "--refine", "0", "--measured", "bench.jsonl", "served.toml"];
    assert_eq!(good(&place.run(&behind)).stdout, *said);
    let found = good(&place.run(&[&curve[..], &["--format", "json", "--concurrency", "1,2"]].concat())).json();
    let loads: Vec<f64> = found["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["load"].as_f64().unwrap())
        .collect();
    assert_eq!(loads, [1.0, 2.0, 6.0]);
    let second = &found["measured"][1];
    assert_eq!(
        (&second["load"], &second["tool"]),
        (&json!(6.0), &json!("vllm bench serve"))
    );
    let ttft = &second["metrics"]["ttft.mean"];
    let forecast = found["points"][2]["latency"]["ttft"]["mean"].as_f64().unwrap();
    assert_eq!(ttft["forecast"].as_f64(), Some(forecast));
    assert!((ttft["error"].as_f64().unwrap() - (forecast / 0.025 - 1.0)).abs() < 1e-9);
}

#[test]
fn a_curve_refuses_results_that_are_not_on_it() {
    let mut rate = closed(1, 20.0);
    rate["request_rate"] = json!(3.0);
    rate["max_concurrency"] = Value::Null;
    let mut at_once = closed(1, 20.0);
    at_once["max_concurrency"] = Value::Null;
    let files = [
        ("rate.json", rate.to_string()),
        ("closed.json", closed(2, 20.0).to_string()),
        ("at_once.json", at_once.to_string()),
        (
            "k6.csv",
            "metric_name,timestamp,metric_value\nhttp_reqs,1,1\n".to_owned(),
        ),
    ];
    let place = place(DEPLOYMENT, &files);
    for (arguments, said) in [
        (
            &["--measured", "rate.json", "--measured", "closed.json"][..],
            "some results were sent at a rate",
        ),
        (
            &["--measured", "rate.json", "--concurrency", "1,2"],
            "leave --concurrency out",
        ),
        (&["--measured", "at_once.json"], "all at once"),
        (
            &["--measured", "rate.json", "closed.json"],
            "some results were sent at a rate",
        ),
        (&["--measured", "k6.csv"], "k6"),
        (&[], "--measured"),
    ] {
        let ended = place.run(&[&["curve", "served.toml"], arguments].concat());
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn requests_one_by_one_tell_their_load() {
    let mut rows = "arrival_s,first_token_s,finished_s,input_tokens,output_tokens\n".to_owned();
    for row in 0..100 {
        let start = f64::from(row) * 0.5;
        rows += &[start, start + 0.02, start + 0.2].map(|it| it.to_string()).join(",");
        rows += ",100,20\n";
    }
    let place = place(DEPLOYMENT, &[("rows.csv", rows.clone())]);
    let ended = place.run(&["calibrate", "served.toml", "rows.csv"]);
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!said.contains("is missing"), "{said}");
    let manifest = "[[experiment]]\nscenario = \"served.toml\"\nmeasured.file = \"rows.csv\"\n";
    place.write("manifest.toml", manifest);
    let said = good(&place.run(&["validate", "manifest.toml"])).stdout.clone();
    assert!(
        said.contains("workload.arrivals = { process = \"poisson\", rate = 2.0 }"),
        "{said}"
    );
}

#[test]
fn two_looks_at_a_server_are_one_measurement_of_a_calibration() {
    let scenario = format!(
        "{DEPLOYMENT}[workload]\nrequests = 200\narrivals = {{ process = \"poisson\", rate = 2.0 }}\n\
         output = {{ dist = \"fixed\", value = 20 }}\n"
    );
    let looks = [metrics([10.0, 10.0, 10.0], 2.0), metrics([20.0, 90.0, 110.0], 52.0)];
    let place = place(
        &scenario,
        &[("before.txt", looks[0].clone()), ("after.txt", looks[1].clone())],
    );
    let ended = place.run(&["calibrate", "served.toml", "before.txt", "after.txt"]);
    // These counters have no times between tokens, which is said of what was counted between the two.
    assert!(
        ended.stderr.contains("no time between tokens was measured"),
        "{}",
        ended.stderr
    );
    let ended = place.run(&["calibrate", "served.toml", "after.txt", "before.txt"]);
    assert!(ended.stderr.contains("lower in the second file"), "{}", ended.stderr);
    let ended = place.run(&["calibrate", "served.toml", "before.txt", "after.txt", "after.txt"]);
    assert!(
        ended.stderr.contains("3 files of a server's counters"),
        "{}",
        ended.stderr
    );
}
