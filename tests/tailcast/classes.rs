//! Classes of traffic: each has its requests, its numbers and its objectives, and all of them share the servers.

use serde_json::Value;
use tailcast::config::Scenario;
use tailcast::units::Time;
use tailcast::workload::{ClassId, ClassSource, Classes, Request, Source};

use crate::command::Workplace;

/// What all scenarios here have in common.
const SERVER: &str = r#"
seed = 5
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 16384
"#;
const CHAT: &str = r#"
arrivals = { process = "poisson", rate = 12.0 }
prompt = { dist = "lognormal", median = 400, sigma = 0.8, max = 8000 }
output = { dist = "lognormal", median = 150, sigma = 0.6, max = 1000 }
"#;
const BATCH: &str = r#"
arrivals = { process = "poisson", rate = 3.0 }
prompt = { dist = "lognormal", median = 4000, sigma = 0.5, max = 12000 }
output = { dist = "lognormal", median = 200, sigma = 0.5, max = 1000 }
"#;

/// Chats beside a batch job, with more keys of [workload], of the chats and of the job.
fn two(of_all: &str, of_chat: &str, of_batch: &str) -> String {
    format!(
        "{SERVER}\n[workload]\n{of_all}\n[[class]]\nname = \"chat\"\n{of_chat}\n[class.workload]{CHAT}\n\
         [[class]]\nname = \"batch\"\n{of_batch}\n[class.workload]{BATCH}"
    )
}

fn json(text: &str, more: &[&str]) -> Value {
    let workplace = Workplace::new();
    workplace.write("two.toml", text);
    let mut all = vec!["run", "two.toml", "--format", "json", "--slo-exit-zero"];
    all.extend(more);
    workplace.run(&all).json()
}

fn refused(text: &str) -> String {
    let workplace = Workplace::new();
    workplace.write("two.toml", text);
    let ended = workplace.run(&["run", "two.toml"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    ended.stderr
}

fn number(value: &Value, path: &str) -> f64 {
    let found = value.pointer(&format!("/{}", path.replace('.', "/")));
    found
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("{path} in {value}"))
}

/// All requests of a source that never looks at answers.
fn all_of(source: &mut dyn Source) -> Vec<Request> {
    let mut requests = Vec::new();
    while source.next_arrival().unwrap().is_some() {
        requests.push(source.take());
    }
    requests
}

#[test]
fn each_class_sends_what_it_would_send_alone() {
    let sources = |seed: u64| {
        [CHAT, BATCH, "prefix = { pool = 3, tokens = 64 }"].map(|keys| {
            let keys = if keys.contains("arrivals") {
                keys.to_owned()
            } else {
                format!("{CHAT}{keys}")
            };
            let text = format!("{SERVER}[workload]\nrequests = 300\n{keys}");
            let scenario = Scenario::from_toml(&text).unwrap();
            let Some(tailcast::config::Workload::Synthetic(workload)) = scenario.traffic.only_workload() else {
                unreachable!("it is drawn at random");
            };
            workload.source(seed)
        })
    };
    let mut alone = sources(9);
    let mut together = sources(9);
    let classes = together.iter_mut().map(|source| ClassSource {
        source: Box::new(source),
        priority: None,
    });
    let merged = all_of(&mut Classes::new(classes.collect(), 1_000_000));
    assert!(merged.is_sorted_by_key(|request| request.arrival));
    for (place, source) in alone.iter_mut().enumerate() {
        let class = ClassId(place as u8);
        let own: Vec<_> = merged.iter().filter(|request| request.id.class() == class).collect();
        let expected = all_of(source);
        assert_eq!(own.len(), expected.len());
        for (number, (one, other)) in own.iter().zip(&expected).enumerate() {
            assert_eq!(one.id.number(), number as u64);
            let told = |request: &Request| (request.arrival, request.prompt.tokens(), request.output_tokens);
            assert_eq!(told(one), told(other));
        }
    }
    // No content of one class is that of another, and what a class shares it still shares.
    let contents = |class: u8| {
        let of_class = merged
            .iter()
            .filter(move |request| request.id.class() == ClassId(class));
        let segments = of_class.flat_map(|request| request.prompt.segments().into_iter().flatten());
        segments
            .map(|segment| segment.content)
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert!(contents(0).is_disjoint(&contents(2)));
    assert_eq!(contents(2).len(), 3 + 300, "three prefixes, and a rest of each prompt");
}

#[test]
fn of_all_classes_together_there_are_no_more_requests_than_are_asked_for() {
    let text = format!("{SERVER}[workload]\nrequests = 50\n{CHAT}");
    let scenario = Scenario::from_toml(&text).unwrap();
    let Some(tailcast::config::Workload::Synthetic(workload)) = scenario.traffic.only_workload() else {
        unreachable!("it is drawn at random");
    };
    let (mut one, mut other) = (workload.source(1), workload.source(2));
    let classes = [&mut one, &mut other].map(|source| ClassSource {
        source: Box::new(source),
        priority: Some(3),
    });
    let sent = all_of(&mut Classes::new(classes.into(), 70));
    assert_eq!(sent.len(), 70);
    assert!(
        sent.iter()
            .all(|request| request.priority == 3 && request.arrival >= Time::ZERO)
    );
}

/// One class is the whole traffic: its numbers are those of the same requests without a name.
#[test]
fn the_only_class_is_all_there_is() {
    let slo = "[slo]\n\"ttft.p99\" = \"2s\"\n";
    let plain = json(&format!("{SERVER}{slo}[workload]\nrequests = 2000\n{CHAT}"), &[]);
    let class = format!("[[class]]\nname = \"chat\"\nslo = {{ \"ttft.p99\" = \"2s\" }}\n[class.workload]{CHAT}");
    let named = json(&format!("{SERVER}{slo}[workload]\nrequests = 2000\n{class}"), &[]);
    for section in [
        "requests",
        "latency",
        "throughput",
        "queue",
        "kv",
        "gpu",
        "slo",
        "verdict",
        "steady_state",
    ] {
        assert_eq!(plain[section], named[section], "{section}");
    }
    let chat = &named["classes"]["chat"];
    for section in ["requests", "throughput", "slo"] {
        // Preemptions and rates included: whatever is of clients is of these.
        assert_eq!(plain[section], chat[section], "{section}");
    }
    for latency in ["ttft", "tpot", "e2e", "queue_wait"] {
        assert_eq!(plain["latency"][latency], chat["latency"][latency], "{latency}");
    }
    assert!(chat["latency"].get("itl").is_none(), "gaps of a class are not known");
}

#[test]
fn the_whole_is_the_sum_of_its_classes() {
    for more in [&[][..], &["--set", "fleet.servers=2"], &["--seeds", "2"]] {
        let run = json(&two("requests = 2000", "", ""), more);
        let [chat, batch] = ["chat", "batch"].map(|name| &run["classes"][name]);
        for count in ["arrived", "finished", "preemptions"] {
            let path = format!("requests.{count}");
            let sum = number(chat, &path) + number(batch, &path);
            assert!((sum - number(&run, &path)).abs() < 0.5, "{path} with {more:?}");
        }
        for rate in ["requests_per_s", "input_tokens_per_s", "output_tokens_per_s"] {
            let path = format!("throughput.{rate}");
            let sum = number(chat, &path) + number(batch, &path);
            assert!((sum / number(&run, &path) - 1.0).abs() < 1e-9, "{path} with {more:?}");
        }
        for latency in ["ttft", "tpot", "e2e", "queue_wait"] {
            let of = |it: &Value, number_of: &str| number(it, &format!("latency.{latency}.{number_of}"));
            let total = |it: &Value| of(it, "count") * of(it, "mean");
            assert!(
                ((total(chat) + total(batch)) / total(&run) - 1.0).abs() < 1e-9,
                "{latency} with {more:?}"
            );
            assert!((of(chat, "max").max(of(batch, "max")) - of(&run, "max")).abs() < 1e-12);
        }
        assert!(number(batch, "latency.ttft.mean") > number(chat, "latency.ttft.mean"));
    }
}

#[test]
fn who_is_urgent_is_served_before_the_batch() {
    let text = |scheduling: &str| {
        let classes = two("requests = 3000", "priority = 0", "priority = 1");
        // Twice the job that the server can do.
        let classes = classes.replace("rate = 3.0", "rate = 12.0");
        format!("{classes}\n[batching]\nscheduling = \"{scheduling}\"")
    };
    let wait = |scheduling: &str, class: &str| {
        number(
            &json(&text(scheduling), &[]),
            &format!("classes.{class}.latency.queue_wait.mean"),
        )
    };
    assert!(wait("fcfs", "chat") > 5.0, "{}", wait("fcfs", "chat"));
    assert!(wait("priority", "chat") < 0.2, "{}", wait("priority", "chat"));
    assert!(wait("priority", "batch") > wait("fcfs", "batch"));
}

#[test]
fn an_objective_of_a_class_decides_the_verdict() {
    let with = |limit: &str| {
        two(
            "requests = 4000",
            &format!("slo = {{ \"ttft.p99\" = \"{limit}\" }}"),
            "",
        )
    };
    let workplace = Workplace::new();
    for (limit, code, verdict) in [("30s", 0, "ok"), ("1ms", 99, "slo_missed")] {
        workplace.write("two.toml", with(limit));
        let ended = workplace.run(&["run", "two.toml", "--format", "json"]);
        assert_eq!(
            (ended.code, &ended.json()["verdict"]),
            (Some(code), &Value::from(verdict)),
            "{limit}"
        );
        let slo = &ended.json()["classes"]["chat"]["slo"][0];
        assert_eq!(
            (&slo["metric"], &slo["met"]),
            (&Value::from("ttft"), &Value::from(code == 0))
        );
        assert_eq!(ended.json()["slo"], Value::Array(Vec::new()), "none is of all requests");
        let screen = workplace.run(&["run", "two.toml"]).stdout;
        assert!(screen.contains(" chat: ttft p99 <= "), "{screen}");
    }
    // Too few of a class are too few, however many there are of all.
    let few = two("requests = 2000", "", "slo = { \"ttft.p99\" = \"30s\" }");
    workplace.write("two.toml", few);
    let ended = workplace.run(&["run", "two.toml", "--format", "json"]);
    assert_eq!(
        (ended.code, &ended.json()["verdict"]),
        (Some(99), &Value::from("slo_unknown"))
    );
    let warnings = ended.json()["warnings"].to_string();
    assert!(
        warnings.contains("batch: ") && warnings.contains("too few to judge"),
        "{warnings}"
    );
}

/// A class that is hardly served is not hidden behind one that is.
#[test]
fn a_class_that_is_lost_is_told_without_an_objective() {
    let rare = two("requests = 4000", "", "client = { timeout = \"100ms\" }").replace("rate = 3.0", "rate = 0.02");
    let run = json(&rare, &[]);
    assert!(number(&run, "requests.errors") < 0.01);
    assert!(number(&run, "classes.batch.requests.success") < 0.5);
    assert_eq!(run["verdict"], "slo_missed");
}

#[test]
fn each_class_waits_as_long_as_it_says() {
    let waits = |of_all: &str, chat: &str, batch: &str| {
        let text = two("requests = 2000", chat, batch).replace("rate = 3.0", "rate = 12.0");
        let run = json(&format!("{text}\n[client]\n{of_all}"), &[]);
        ["chat", "batch"].map(|class| number(&run, &format!("classes.{class}.requests.timed_out")))
    };
    let [chat, batch] = waits("", "client = { timeout = \"2s\" }", "");
    assert!(chat > 100.0 && batch < 0.5, "{chat}, {batch}");
    let [chat, batch] = waits("timeout = \"3s\"", "", "client = { timeout = \"200s\" }");
    assert!(chat > 10.0 && batch < 0.5, "{chat}, {batch}");
}

#[test]
fn the_clients_of_a_class_keep_only_so_many_outstanding() {
    let run = json(&two("requests = 1500", "", "client = { max_outstanding = 1 }"), &[]);
    let batch = &run["classes"]["batch"];
    assert_eq!(batch["client_wait"]["max_outstanding"], 1);
    assert!(number(batch, "client_wait.mean") > 1.0);
    assert!(run["classes"]["chat"].get("client_wait").is_none());
}

/// Who may wait behind fewer is refused first, and only those try again who say so.
#[test]
fn a_class_has_its_own_limit_on_the_queue_and_its_own_retries() {
    let of = |chat: &str, batch: &str| {
        let text = two("requests = 2000", chat, batch).replace("rate = 3.0", "rate = 12.0");
        json(
            &format!("{text}\n[admission]\nmax_queue = 200\nretry_after = \"1s\""),
            &[],
        )
    };
    let count = |run: &Value, class: &str, name: &str| number(run, &format!("classes.{class}.{name}"));
    let shed = of("", "admission = { max_queue = 3 }");
    assert!(count(&shed, "batch", "attempts.refused") > 100.0);
    assert!(count(&shed, "chat", "attempts.refused") < 0.5);
    assert!(count(&shed, "chat", "latency.ttft.p90") < 1.0, "{shed}");
    assert_eq!(
        shed["classes"]["batch"]["attempts"]["refused"],
        shed["classes"]["batch"]["requests"]["failed"]
    );
    let again = of("", "admission = { max_queue = 3 }\nclient = { retry = { max = 3 } }");
    assert!(count(&again, "batch", "attempts.retries") > 100.0);
    assert!(count(&again, "chat", "attempts.retries") < 0.5);
    assert!(count(&again, "batch", "requests.failed") < count(&shed, "batch", "requests.failed"));
}

#[test]
fn one_number_sets_the_rate_of_all() {
    let run = |more: &[&str]| json(&two("requests = 6000", "", ""), more);
    let of = |run: &Value, class: &str| number(run, &format!("classes.{class}.throughput.requests_per_s"));
    let half = run(&["--set", "workload.rate=7.5"]);
    assert!((of(&half, "chat") / 6.0 - 1.0).abs() < 0.08, "{}", of(&half, "chat"));
    assert!((of(&half, "batch") / 1.5 - 1.0).abs() < 0.15, "{}", of(&half, "batch"));
    // A class goes by its name.
    let none = run(&["--set", "class.batch.workload.arrivals.rate=0.001"]);
    assert!((of(&none, "chat") / 12.0 - 1.0).abs() < 0.08, "{}", of(&none, "chat"));
    assert!(number(&none, "classes.batch.requests.arrived") < 9.0);
}

#[test]
fn capacities_and_curves_turn_the_rate_of_all() {
    let workplace = Workplace::new();
    // Each class says itself when it ends, so that runs keep their length.
    let text = two("", "slo = { \"ttft.p90\" = \"300ms\" }", "")
        .replace("[class.workload]", "[class.workload]\nrequests = 400");
    workplace.write("two.toml", text);
    let capacity = workplace.run(&["capacity", "two.toml", "--seeds", "2", "--no-range", "--format", "json"]);
    let found = capacity.json();
    assert_eq!(
        (&found["of"], &found["slo"][0]),
        (&Value::from("requests_per_s"), &Value::from("chat: ttft.p90 <= 0.3 s"))
    );
    let rate = number(&found, "capacity");
    assert!((5.0..60.0).contains(&rate), "{rate}");
    assert!((number(&found, "own_load") - 15.0).abs() < 1e-9);
    assert!(
        found["binds"].as_str().unwrap().contains("of chat: "),
        "{}",
        found["binds"]
    );
    let curve = workplace.run(&[
        "curve", "two.toml", "--rate", "2,2000", "--refine", "0", "--format", "json", "--seeds", "1",
    ]);
    let points = curve.json()["points"].clone();
    assert_eq!(
        (&points[0]["slo_met"], &points[1]["slo_met"]),
        (&Value::from(true), &Value::from(false))
    );
    let clients = workplace.run(&["curve", "two.toml", "--concurrency", "2,4"]);
    assert_eq!(clients.code, Some(2));
    assert!(
        clients.stderr.contains("no load in common but the rate"),
        "{}",
        clients.stderr
    );
}

#[test]
fn rows_of_requests_name_their_class() {
    let workplace = Workplace::new();
    workplace.write("two.toml", two("requests = 200", "", ""));
    assert_eq!(
        workplace.run(&["run", "two.toml", "--requests-out", "rows.csv"]).code,
        Some(0)
    );
    let rows = std::fs::read_to_string(workplace.path("rows.csv")).unwrap();
    let mut rows = rows
        .lines()
        .map(|row| row.split(',').map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(rows.next().unwrap().last().unwrap(), "class");
    let (mut numbers, mut last) = ([0_u64; 2], 0.0);
    for row in rows {
        let class = usize::from(row.last().unwrap() == "batch");
        assert_eq!(row[0], numbers[class].to_string(), "numbers count up in each class");
        numbers[class] += 1;
        let arrival: f64 = row[1].parse().unwrap();
        assert!(arrival >= last, "rows go by arrival");
        last = arrival;
    }
    assert_eq!(numbers.iter().sum::<u64>(), 200);
}

#[test]
fn both_engines_tell_the_same_of_classes() {
    let workplace = Workplace::new();
    workplace.write("two.toml", two("requests = 300", "", "client = { timeout = \"3s\" }"));
    let ended = workplace.run(&["check", "two.toml"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let said = |text: &str, words: &[&str]| {
        let stderr = refused(text);
        for word in words {
            assert!(stderr.contains(word), "{word} in {stderr}");
        }
    };
    let lone = |class: &str| format!("{SERVER}[workload]\nrequests = 100\n{class}");
    said(
        &lone("[[class]]\nname = \"chat\""),
        &["class[0].workload", "is missing", "write [class.workload]"],
    );
    said(
        &lone("class = []").replace("[workload]\nrequests = 100\nclass", "class"),
        &["class"],
    );
    said(
        &two("requests = 9", "", "").replace("\"batch\"", "\"chat\""),
        &["class[1].name", "an earlier class"],
    );
    said(
        &two("requests = 9", "", "").replace("\"batch\"", "\"a b\""),
        &["letters, digits"],
    );
    said(
        &two("requests = 9\noutput = { dist = \"fixed\", value = 3 }", "", ""),
        &["workload.output", "exclude each other"],
    );
    said(
        &two("requests = 9", "slo = { \"itl.p99\" = \"1s\" }", ""),
        &["not known of a class", "tpot.p99"],
    );
    said(
        &two("requests = 9", "colour = 3", ""),
        &["class[0]", "has no key `colour`"],
    );
    said(&two("", "", ""), &["class[0].workload.requests", "never end"]);
    said(
        &two("requests = 9", "priority = 1", "")
            .replace("sigma = 0.6, max = 1000 }", "sigma = 0.6, max = 1000 }\npriority = 3"),
        &["class[0].priority", "exclude each other"],
    );
    said(
        &format!("{SERVER}[workload]\nrate = 3.0\nrequests = 9\n{CHAT}"),
        &["workload.rate", "several classes"],
    );
    said(&two("requests = 9\nrate = 0.0", "", ""), &["workload.rate"]);
    let of_run = two("requests = 9", "", "").replacen("[class.workload]", "[class.workload]\nwarm_up = \"none\"", 1);
    said(
        &of_run,
        &["`class[0].workload` has no key `warm_up`", "belongs to [workload]"],
    );
    let retry = "client = { retry = { budget = -1 } }";
    said(&two("requests = 9", retry, ""), &["class[0].client.retry.budget"]);
    let trace =
        two("requests = 9\nrate = 2.0", "", "").replace(BATCH, "\ntrace = { path = \"two.toml\", format = \"csv\" }\n");
    said(&trace, &["workload.rate", "replays a trace"]);
    said(
        &trace.replace("requests = 9\nrate = 2.0", "duration = \"9s\""),
        &["workload.duration", "does not end the trace"],
    );
}
