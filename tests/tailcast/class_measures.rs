//! Numbers of classes of traffic by name: studies know them as they know those of all requests.

use serde_json::Value;
use tailcast::metrics::{RequestGroup, RunMeasure};

use crate::command::{Ended, Workplace};
use crate::measures::{NO_MEASURES, is_at_or_below, numbers};

/// Chats beside a batch job, each request a fixed number of tokens on a server with given step times.
const TWO: &str = r#"
seed = 3
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
step_time = { base_us = 8000, per_token_us = 20, per_seq_us = 30 }
[workload]
requests = 1200
[[class]]
name = "chat"
slo = { "ttft.p90" = "200ms" }
[class.workload]
arrivals = { process = "poisson", rate = 10.0 }
prompt = { dist = "uniform", min = 20, max = 400 }
output = { dist = "uniform", min = 2, max = 20 }
[[class]]
name = "batch"
client = { max_outstanding = 4 }
[class.workload]
arrivals = { process = "poisson", rate = 5.0 }
prompt = { dist = "fixed", value = 900 }
output = { dist = "fixed", value = 30 }
"#;

fn place() -> Workplace {
    let place = Workplace::new();
    place.write("two.toml", TWO);
    place
}

fn swept(metrics: &str, axis: &str) -> (Workplace, Ended) {
    let place = place();
    let study = format!("scenario = \"two.toml\"\nseeds = 2\nmetrics = [{metrics}]\n[[axis]]\n{axis}\n");
    place.write("study.toml", study);
    let ended = place.run(&["sweep", "study.toml", "--out", "out.csv"]);
    (place, ended)
}

const RATES: &str = "key = \"workload.rate\"\nvalues = [8, 15]";

/// What a CSV says in a column, row by row.
fn column(text: &str, name: &str) -> Vec<f64> {
    let mut rows = text.lines().map(|row| row.split(',').collect::<Vec<_>>());
    let heading = rows.next().unwrap();
    let at = heading.iter().position(|it| *it == name);
    let at = at.unwrap_or_else(|| panic!("{name} in {heading:?}"));
    rows.map(|row| row[at].parse().unwrap()).collect()
}

fn latency_of(run: &Value, class: &str, latency: &str, statistic: &str) -> f64 {
    let found = &run["classes"][class]["latency"][latency][statistic];
    found
        .as_f64()
        .unwrap_or_else(|| panic!("{class} {latency} {statistic}: {found}"))
}

#[test]
fn a_sweep_keeps_the_numbers_that_a_run_tells_of_a_class() {
    let (place, ended) = swept(
        "\"classes.chat.ttft.p90\", \"classes.batch.latency.e2e.mean\", \"classes.batch.requests.finished\"",
        RATES,
    );
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let text = std::fs::read_to_string(place.path("out.csv")).unwrap();
    let [chat, batch] = ["classes.chat.ttft.p90", "classes.batch.e2e.mean"].map(|name| column(&text, name));
    for (row, (rate, seed)) in [("8", "3"), ("8", "4"), ("15", "3"), ("15", "4")]
        .into_iter()
        .enumerate()
    {
        let set = format!("workload.rate={rate}");
        let run = place.run(&[
            "run",
            "two.toml",
            "--format",
            "json",
            "--slo-exit-zero",
            "--set",
            &set,
            "--seed",
            seed,
        ]);
        let run = run.json();
        let told = [
            latency_of(&run, "chat", "ttft", "p90"),
            latency_of(&run, "batch", "e2e", "mean"),
        ];
        assert!(
            (chat[row], batch[row]) == (told[0], told[1]),
            "{rate}, seed {seed}: {chat:?} {batch:?} {told:?}"
        );
    }
    // What depends on how long a growing queue grows says so, of classes too, and a report reads it all back.
    assert_eq!(column(&text, "queue.grows").len(), 4);
    let report = place.run(&["report", "out.csv"]);
    assert!(
        report.stdout.contains("classes.chat.ttft.p90"),
        "{}{}",
        report.stdout,
        report.stderr
    );
}

#[test]
fn names_of_no_number_of_a_class_are_refused_with_what_there_is() {
    for (name, axis, words) in [
        (
            "classes.chta.ttft.p99",
            RATES,
            &["no class of traffic is called `chta`", "chat, batch"][..],
        ),
        (
            "classes.chat.ttft.p98",
            RATES,
            &["ttft.p98", "did you mean `ttft.p9", "requests.finished"],
        ),
        (
            "classes.chat.kv.usage.max",
            RATES,
            &["`kv.usage.max` is not known of classes", "ttft.p99"],
        ),
        ("class.chat.ttft.p99", RATES, &["did you mean `classes.chat.ttft.p99`?"]),
        (
            "classes.batch.itl.p99",
            RATES,
            &["`itl.p99` is not known of classes", "tpot.p99"],
        ),
    ] {
        let (place, ended) = swept(&format!("\"{name}\""), axis);
        assert_eq!(ended.code, Some(2), "{name}: {}{}", ended.stdout, ended.stderr);
        for word in words {
            assert!(ended.stderr.contains(word), "{word} in {}", ended.stderr);
        }
        assert!(!place.listing().iter().any(|file| file.starts_with("out.csv")));
    }
    let place = Workplace::new();
    place.write(
        "study.toml",
        "metrics = [\"classes.chat.ttft.p99\"]\n[[axis]]\nkey = \"workload.arrivals.rate\"\nvalues = [8]",
    );
    let ended = place.run(&["sweep", "study.toml", "--out", "out.csv"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("has no [[class]]"), "{}", ended.stderr);
}

#[test]
fn what_is_compared_are_the_objectives_of_classes_too() {
    let place = place();
    let ended = place.run(&[
        "compare",
        "two.toml",
        "--vary",
        "batching.max_num_batched_tokens=512,2048",
        "--no-capacity",
        "--seeds",
        "3",
        "--format",
        "json",
    ]);
    let compared = ended.json();
    for variation in compared["variations"].as_array().unwrap() {
        let differences = variation["differences"].as_array().unwrap();
        assert_eq!(differences[0]["metric"], "classes.chat.ttft.p90");
        let chat = &variation["classes"]["chat"];
        assert!(latency_of(variation, "batch", "ttft", "p50") > latency_of(variation, "chat", "ttft", "p50"));
        let interval = &chat["latency"]["ttft"]["ci95"]["p50"];
        let [low, high] = [0, 1].map(|end| interval[end].as_f64().unwrap());
        let p50 = latency_of(variation, "chat", "ttft", "p50");
        assert!(low < p50 && p50 < high, "{interval} about {p50}");
        assert_eq!(chat["slo"][0]["metric"], "ttft");
    }
    // The difference is that of the runs' own numbers, seed by seed.
    let runs: Vec<Vec<f64>> = ["512", "2048"]
        .iter()
        .map(|tokens| {
            let set = format!("batching.max_num_batched_tokens={tokens}");
            let seeds = ["3", "4", "5"].into_iter().map(|seed| {
                let arguments = ["run", "two.toml", "--format", "json", "--slo-exit-zero"];
                let run = place.run(&[&arguments[..], &["--seed", seed, "--set", &set]].concat());
                latency_of(&run.json(), "chat", "ttft", "p90")
            });
            seeds.collect()
        })
        .collect();
    let mean = (0..3).map(|seed| runs[1][seed] - runs[0][seed]).sum::<f64>() / 3.0;
    let told = compared["variations"][1]["differences"][0]["mean"].as_f64().unwrap();
    assert!((told - mean).abs() < 1e-12, "{told} against {mean}");

    let screen = place.run(&[
        "compare",
        "two.toml",
        "--vary",
        "batching.max_num_batched_tokens=512,2048",
        "--no-capacity",
        "--seeds",
        "2",
    ]);
    assert!(screen.stdout.contains("chat ttft.p90"), "{}", screen.stdout);
    let rows = screen
        .stdout
        .lines()
        .filter(|line| line.starts_with("max_num_batched_"));
    let rows: Vec<&str> = rows.filter(|line| line.contains(" batch ")).collect();
    assert_eq!(rows.len(), 2, "a row a variation and class: {}", screen.stdout);
}

#[test]
fn runs_with_several_seeds_give_intervals_of_classes() {
    let place = place();
    let run = |more: &[&str]| {
        let arguments = ["run", "two.toml", "--format", "json", "--slo-exit-zero"];
        place.run(&[&arguments[..], more].concat()).json()
    };
    let pooled = run(&["--seeds", "3"]);
    let each = ["3", "4", "5"].map(|seed| latency_of(&run(&["--seed", seed]), "chat", "ttft", "p50"));
    let interval = &pooled["classes"]["chat"]["latency"]["ttft"]["ci95"]["p50"];
    let [low, high] = [0, 1].map(|end| interval[end].as_f64().unwrap());
    let p50 = latency_of(&pooled, "chat", "ttft", "p50");
    assert!(low < p50 && p50 < high, "{low} {p50} {high}");
    // Student's t of three runs, relative to their mean, about the number of the pool.
    let mean = each.iter().sum::<f64>() / 3.0;
    let variance = each.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / 2.0;
    let half = 4.302_652_729_9 * (variance / 3.0).sqrt() / mean;
    assert!(((high / p50).ln() / half - 1.0).abs() < 1e-6, "{high} {p50} {half}");
    assert!(((p50 / low).ln() / half - 1.0).abs() < 1e-6, "{low} {p50} {half}");
    assert!(
        run(&[])["classes"]["chat"]["latency"]["ttft"]["ci95"].is_null(),
        "of one run there is none"
    );
}

#[test]
fn curves_tell_classes_at_each_load() {
    let place = place();
    let curve = |form: &str| {
        place.run(&[
            "curve", "two.toml", "--rate", "5,12", "--refine", "0", "--seeds", "1", "--format", form,
        ])
    };
    let json = curve("json").json();
    let csv = curve("csv").stdout;
    let columns = column(&csv, "classes.batch.e2e.p90");
    for (point, column) in json["points"].as_array().unwrap().iter().zip(columns) {
        let told = latency_of(point, "batch", "e2e", "p90");
        assert!((told - column).abs() < 1e-12, "{told} {column}");
    }
    let screen = curve("text").stdout;
    let rows = screen.lines().filter(|line| line.contains(" chat "));
    assert_eq!(rows.count(), 2, "{screen}");
}

#[test]
fn every_number_of_a_class_in_the_json_result_is_a_measure_or_has_a_reason_not_to_be() {
    let place = place();
    let arguments = [
        "run",
        "two.toml",
        "--format",
        "json",
        "--slo-exit-zero",
        "--set",
        "fleet.servers=2",
    ];
    let run = place.run(&arguments).json();
    let mut places = Vec::new();
    numbers(&run["classes"], "classes", &mut places);
    let has_reason = |place: &str| {
        let rest = place.splitn(3, '.').nth(2).unwrap();
        // Attempts stand with the fleet where they are of all requests.
        let of_all = NO_MEASURES.iter().any(|(pattern, _)| is_at_or_below(rest, pattern));
        of_all || rest.starts_with("attempts.")
    };
    let nameless: Vec<&String> = places
        .iter()
        .filter(|it| RunMeasure::named(it).is_none() && !has_reason(it))
        .collect();
    assert!(nameless.is_empty(), "{nameless:?}");
    // And the other way round.
    for class in ["chat", "batch"] {
        for measure in RunMeasure::all_of_group(&RequestGroup::Class(class.to_owned())) {
            let rest = measure.name.splitn(3, '.').nth(2).unwrap();
            if class == "chat" && rest.starts_with("client_wait.") {
                continue;
            }
            let of_class = &run["classes"][class];
            let (section, _) = rest.split_once('.').unwrap();
            let root = if of_class.get(section).is_some() {
                of_class
            } else {
                &of_class["latency"]
            };
            let path = format!("/{}", rest.replace('.', "/"));
            assert!(root.pointer(&path).is_some(), "{} in {of_class}", measure.name);
        }
    }
}
