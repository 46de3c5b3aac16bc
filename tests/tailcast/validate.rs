//! Predictions stand beside measurements: the same definitions, every experiment in its place, and no number that is
//! not known.

use serde_json::Value;
use tailcast::config::Values;
use tailcast::metrics::Summary;
use tailcast::report::draw::to_svg;
use tailcast::report::figure::{FIGURES, accuracy};
use tailcast::study::{Compared, Comparison, Prediction, errors_of, metrics_of};

use crate::command::Workplace;
use crate::metrics::recording;

pub const SCENARIO: &str = r#"
name = "served"
seed = 1
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 4096
[workload]
requests = 1200
arrivals = { process = "poisson", rate = 20.0 }
prompt = { dist = "uniform", min = 10, max = 500 }
output = { dist = "uniform", min = 1, max = 60 }
"#;

/// A directory with a scenario, and what a run of it measured.
fn served() -> Workplace {
    let place = Workplace::new();
    place.write("served.toml", SCENARIO);
    let run = ["run", "served.toml", "--requests-out", "measured.csv"];
    assert_eq!(place.run(&run).code, Some(0));
    place
}

fn json(place: &Workplace, arguments: &[&str]) -> Value {
    let mut all = vec!["validate", "manifest.toml", "--format", "json"];
    all.extend(arguments);
    let ended = place.run(&all);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).expect("stdout is one JSON object")
}

fn experiment(name: &str, pairs: &[(&'static str, f64, Option<f64>)]) -> Comparison {
    let compared = pairs.iter().map(|&(metric, measured, predicted)| Compared {
        metric,
        measured,
        predicted,
    });
    Comparison {
        name: name.to_owned(),
        metrics: compared.collect(),
    }
}

fn three() -> Vec<Comparison> {
    vec![
        experiment("a", &[("ttft.mean", 1.0, Some(1.1)), ("e2e.p99", 2.0, None)]),
        experiment("b", &[("ttft.mean", 2.0, Some(1.4))]),
        experiment("c", &[("ttft.mean", 4.0, Some(4.8))]),
    ]
}

#[test]
fn errors_are_summed_up_with_and_without_their_signs() {
    let all = three();
    assert_eq!(metrics_of(&all), ["ttft.mean", "e2e.p99"]);
    let errors = errors_of(&all, "ttft.mean");
    let near = |got: Option<f64>, expected: f64| (got.unwrap() - expected).abs() < 1e-12;
    assert_eq!(errors.count, 3);
    assert!(near(errors.mean_absolute, 0.2));
    assert!(near(errors.median_absolute, 0.2));
    assert!(near(errors.bias, 0.0));
    let (name, worst) = errors.worst.unwrap();
    assert_eq!(name, "b");
    assert!(near(Some(worst), -0.3));
}

#[test]
fn what_is_not_known_is_counted_out() {
    let all = three();
    let errors = errors_of(&all, "e2e.p99");
    assert_eq!((errors.count, errors.mean_absolute), (0, None));
    let compared = |measured, predicted| Compared {
        metric: "queue.depth.mean",
        measured,
        predicted,
    };
    assert_eq!(compared(0.0, Some(1.0)).error(), None);
    assert_eq!(compared(0.0, Some(0.0)).error(), Some(0.0));
}

#[test]
fn every_metric_that_can_be_measured_is_predicted() {
    let summary = Summary::of(&recording(20_000));
    let prediction = Prediction {
        pooled: summary,
        runs: vec![summary],
        kv_blocks: 7,
    };
    for metric in tailcast::config::METRICS {
        assert!(prediction.of(metric).is_some(), "{metric}");
    }
    assert_eq!(prediction.of("kv.blocks"), Some(7.0));
    let measured: Values = [("ttft.p99", 0.1), ("kv.blocks", 7.0)].into();
    let comparison = Comparison::new("it".to_owned(), &measured, &prediction);
    assert_eq!(comparison.metrics.len(), 2);
    assert_eq!(comparison.of("kv.blocks").unwrap().error(), Some(0.0));
}

#[test]
fn a_run_predicts_itself_without_error() {
    let place = served();
    place.write(
        "manifest.toml",
        "[[experiment]]\nscenario = \"served.toml\"\nmeasured.file = \"measured.csv\"\n",
    );
    let result = json(&place, &[]);
    assert_eq!(result["verdict"], "ok");
    assert_eq!(result["experiments"][0]["name"], "served");
    let metrics = result["experiments"][0]["metrics"].as_object().unwrap();
    for name in ["ttft.p99", "tpot.mean", "e2e.max", "queue_wait.p90"] {
        assert!(metrics.contains_key(name), "{name} in {metrics:?}");
    }
    for (name, compared) in metrics {
        let error = compared["error"].as_f64();
        assert!(error.is_some_and(|it| it.abs() < 1e-6), "{name}: {compared}");
        assert_eq!(result["summary"][name]["n"], 1);
    }
}

#[test]
fn a_manifest_sets_keys_and_flags_have_the_last_word() {
    let place = served();
    std::fs::create_dir(place.path("lists")).unwrap();
    place.write("lists/lengths.csv", "quantile,tokens\n0,7\n1,7\n");
    let manifest = r#"
[[experiment]]
name = "one"
scenario = "../served.toml"
seeds = 3
[experiment.set]
"workload.requests" = 50
"workload.output" = { dist = "quantiles", path = "lengths.csv" }
server = { max_model_len = 600 }
[experiment.measured]
requests.finished = 50
"throughput.output_tokens_per_s" = 1
"throughput.requests_per_s" = 1
"#;
    place.write("lists/manifest.toml", manifest);
    std::fs::write(
        place.path("manifest.toml"),
        manifest.replace("../", "").replace("lengths.csv", "lists/lengths.csv"),
    )
    .unwrap();
    let near = place.run(&["validate", "lists/manifest.toml", "--format", "json"]);
    let result: Value = serde_json::from_str(&near.stdout).expect(&near.stderr);
    let predicted = |result: &Value, metric: &str| {
        let value = &result["experiments"][0]["metrics"][metric]["predicted"];
        value.as_f64().unwrap()
    };
    assert_eq!(result["experiments"][0]["replications"], 3);
    assert_eq!(predicted(&result, "requests.finished") as u64, 50, "of a run");
    let tokens = predicted(&result, "throughput.output_tokens_per_s");
    let requests = predicted(&result, "throughput.requests_per_s");
    assert!((tokens / requests - 7.0).abs() < 1e-9);
    let result = json(&place, &["--set", "workload.requests=40", "--seeds", "1"]);
    assert_eq!(predicted(&result, "requests.finished") as u64, 40);
    assert_eq!(result["experiments"][0]["replications"], 1);
}

#[test]
fn what_a_manifest_sets_stands_above_another_spelling_in_the_scenario() {
    let place = Workplace::new();
    place.write("served.toml", SCENARIO.replace("gpu =", "block-size = 16\ngpu ="));
    place.write(
        "manifest.toml",
        "[[experiment]]\nscenario = \"served.toml\"\nset = { \"server.block_size\" = 32, \"server.kv_blocks\" = 500 }\n\
         measured = { kv.blocks = 13960 }\n",
    );
    let result = json(&place, &[]);
    let blocks = &result["experiments"][0]["metrics"]["kv.blocks"];
    let predicted = blocks["predicted"].as_f64().unwrap();
    assert!(
        (13_000.0..15_000.0).contains(&predicted),
        "the memory model's, of 32 tokens: {blocks}"
    );
}

#[test]
fn experiments_keep_their_order_on_any_number_of_threads() {
    let place = Workplace::new();
    place.write("served.toml", SCENARIO);
    let experiments = [5, 30, 10, 20].map(|rate| {
        format!(
            "[[experiment]]\nname = \"rate {rate}\"\nscenario = \"served.toml\"\nseeds = 3\nmeasured = \
             {{ ttft.mean = \"30ms\" }}\n\
             set = {{ \"workload.arrivals.rate\" = {rate} }}\n"
        )
    });
    place.write("manifest.toml", experiments.concat());
    let bytes = |jobs| {
        let arguments = ["validate", "manifest.toml", "--format", "json", "--jobs", jobs];
        place.run(&arguments).stdout
    };
    let one = bytes("1");
    assert_eq!(one, bytes("8"));
    let result: Value = serde_json::from_str(&one).unwrap();
    let names = result["experiments"].as_array().unwrap().iter();
    let names: Vec<&str> = names.map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["rate 5", "rate 30", "rate 10", "rate 20"]);
    assert_eq!(result["summary"]["ttft.mean"]["n"], 4);
}

#[test]
fn a_quantile_without_enough_samples_is_not_compared() {
    let place = Workplace::new();
    place.write("served.toml", SCENARIO);
    place.write(
        "manifest.toml",
        "[[experiment]]\nscenario = \"served.toml\"\nset.workload.requests = 999\n[experiment.measured]\nttft = \
         { p99 = \"60ms\", mean = \"30ms\" }\n",
    );
    let result = json(&place, &[]);
    assert!(result["experiments"][0]["metrics"]["ttft.p99"]["predicted"].is_null());
    assert_eq!(result["summary"]["ttft.p99"]["n"], 0);
    let text = place.run(&["validate", "manifest.toml"]).stdout;
    let row = text.lines().find(|line| line.starts_with("ttft.p99")).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(cells, ["ttft.p99", "(ms)", "60", "-", "-"]);
    let limit = ["validate", "manifest.toml", "--fail-above", "ttft.p99<5%"];
    let ended = place.run(&limit);
    assert_eq!(ended.code, Some(99), "{}", ended.stdout);
    assert!(ended.stdout.contains("no error is known"), "{}", ended.stdout);
    // Two runs together have enough.
    let result = json(&place, &["--seeds", "2"]);
    assert_eq!(result["summary"]["ttft.p99"]["n"], 1);
}

#[test]
fn a_limit_that_is_missed_ends_with_99() {
    let place = served();
    place.write(
        "manifest.toml",
        "[[experiment]]\nscenario = \"served.toml\"\nseeds = 2\n[experiment.measured]\nfile = \"measured.csv\"\n\
         \"ttft.mean\" = \"1s\"\n",
    );
    for (limit, code) in [("e2e.mean<20%", 0), ("ttft.mean<20%", 99), ("ttft.mean=100%", 0)] {
        let ended = place.run(&["validate", "manifest.toml", "--fail-above", limit]);
        assert_eq!(ended.code, Some(code), "{limit}: {}", ended.stdout);
        assert!(ended.stdout.contains("Limit"), "{}", ended.stdout);
    }
    // A p99 that one of two runs is too short for: the other's alone would pass.
    let p99 = "[experiment.measured]\n\"e2e.p99\" = \"1s\"\n";
    let short = "[[experiment]]\nscenario = \"served.toml\"\nset = { \"workload.requests\" = 500 }\n";
    let long = "[[experiment]]\nscenario = \"served.toml\"\n";
    place.write("manifest.toml", format!("{short}{p99}{long}{p99}"));
    let limit = ["validate", "manifest.toml", "--fail-above", "e2e.p99<100%"];
    let ended = place.run(&limit);
    assert_eq!(ended.code, Some(99), "{}", ended.stdout);
    assert!(ended.stdout.contains("of 1 more"), "{}", ended.stdout);
    for limit in ["e2e.mean", "e2e.mean<5", "e2e.mean<x%", "e2e.men<5%", "kv.blocks<5%"] {
        let ended = place.run(&["validate", "manifest.toml", "--fail-above", limit]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{limit}");
        assert!(ended.stderr.contains("help"), "{}", ended.stderr);
    }
}

#[test]
fn several_experiments_make_a_table_of_errors() {
    let place = served();
    let manifest = "[[experiment]]\nname = \"first\"\nscenario = \"served.toml\"\nmeasured = \
                    { kv.blocks = 20000, ttft.mean = \"1000s\" }\n\
        [[experiment]]\nname = \"second\"\nscenario = \"served.toml\"\nmeasured = { kv.blocks = 40000 }\n";
    place.write("manifest.toml", manifest);
    let text = place.run(&["validate", "manifest.toml"]).stdout;
    let cells = |label: &str| -> Vec<String> {
        let row = text.lines().find(|line| line.starts_with(label)).expect(&text);
        row[label.len()..].split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(cells("first")[0], "-100.0");
    assert_eq!(cells("second")[0], "-");
    assert_eq!(cells("mean |error|")[0], "100.0");
    assert_eq!(cells("bias")[0], "-100.0");
    assert_eq!(cells("n"), ["1", "2"]);
    assert!(text.contains("median |error|"));
}

#[test]
fn a_figure_is_titled_with_the_question_it_answers() {
    let place = served();
    place.write(
        "manifest.toml",
        "[[experiment]]\nscenario = \"served.toml\"\nmeasured.file = \"measured.csv\"\n",
    );
    let ended = place.run(&["validate", "manifest.toml", "--figure", "figure.svg"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let svg = std::fs::read_to_string(place.path("figure.svg")).unwrap();
    for part in [
        "<svg",
        "</svg>",
        accuracy::FIGURE.question,
        "time to first token",
        "end-to-end",
    ] {
        assert!(svg.contains(part), "{part}");
    }
    let ended = place.run(&["validate", "manifest.toml", "--figure", "figure.png"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let png = std::fs::read(place.path("figure.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG"));
    // Without any environment nothing tells where fonts are; the letters are the program's own.
    let arguments = ["validate", "manifest.toml", "--figure", "bare.png"];
    let bare = place.command(&arguments).env_clear().output().unwrap();
    assert!(bare.status.success());
    assert!(std::fs::read(place.path("bare.png")).unwrap() == png);
    let ended = place.run(&["validate", "manifest.toml", "--figure", "figure.jpg"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    let help = "write figure.svg or figure.png";
    assert!(ended.stderr.contains(help), "{}", ended.stderr);
    for file in ["manifest.toml", "served.toml", "measured.csv"] {
        let ended = place.run(&["validate", "manifest.toml", "--figure", file]);
        assert_eq!(ended.code, Some(2), "{file}");
        assert!(ended.stderr.contains("would overwrite"), "{}", ended.stderr);
    }
}

#[test]
fn figures_ask_one_question_each() {
    for figure in FIGURES {
        assert!(figure.question.ends_with('?'), "{}", figure.question);
        let same = FIGURES.iter().filter(|it| it.name == figure.name);
        assert_eq!(same.count(), 1, "{}", figure.name);
    }
}

#[test]
fn any_latencies_can_be_drawn() {
    for (measured, predicted) in [(1e-12, 1e7), (1e7, 1e-12), (0.03, 0.03), (0.0, 1.0), (1.0, 0.0)] {
        let all = [
            experiment(
                "it",
                &[("ttft.mean", measured, Some(predicted)), ("e2e.p999", 1.0, Some(1.0))],
            ),
            experiment("other", &[("itl.max", 1.0, None)]),
        ];
        let svg = to_svg(&accuracy::draw(&all.iter().collect::<Vec<_>>()));
        assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{svg}");
    }
    assert!(to_svg(&accuracy::draw(&[])).contains("No latency"));
}

/// Signals are sent as on Unix.
#[cfg(unix)]
#[test]
fn an_interrupt_leaves_the_experiments_that_are_done() {
    let place = Workplace::new();
    place.write("served.toml", SCENARIO);
    let experiment = |name: &str, requests: u64| {
        format!(
            "[[experiment]]\nname = \"{name}\"\nscenario = \"served.toml\"\nset.workload.requests = {requests}\n\
             measured = {{ kv.blocks = 20000 }}\n"
        )
    };
    let endless = experiment("short", 10) + &experiment("endless", 100_000_000);
    place.write("manifest.toml", endless);
    let arguments = ["validate", "manifest.toml", "--figure", "f.svg"];
    let mut command = place.command(&arguments);
    let child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let ended = crate::command::Ended::interrupted(child);
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    assert!(ended.stdout.starts_with("short\n"), "{}", ended.stdout);
    assert!(!place.path("f.svg").exists());
}
