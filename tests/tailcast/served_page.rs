//! The page of `tailcast serve` answers as the command line does, for a limited time, and reads no files for strangers.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::command::Workplace;
use crate::serving::{PACED, Served};

const DEMO: &str = include_str!("../../configs/scenarios/demo.toml");

fn refused(served: &Served, path: &str, body: &Value) -> (u16, String, Value) {
    let answer = served.post(path, &body.to_string());
    let problem: Value = serde_json::from_str(&answer.body).unwrap();
    let message = problem["error"]["message"].as_str().unwrap().to_owned();
    (answer.status, message, problem["error"]["key"].clone())
}

/// What the program prints about the scenario that is served.
fn printed(arguments: &[&str]) -> (String, String) {
    let place = Workplace::new();
    place.write("s.toml", DEMO);
    let ended = place.command(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(ended.stdout), text(ended.stderr))
}

#[test]
fn a_run_is_that_of_the_command_line() {
    let served = Served::start(DEMO, &[]);
    let asked = json!({ "set": { "batching.max_num_seqs": 48, "workload.prompt": { "dist": "fixed", "value": 300 } },
        "also": { "workload.requests": 1500 } });
    let answer = served.asks("/api/run", &asked.to_string());
    let prompt = "workload.prompt={ dist = \"fixed\", value = 300 }";
    let flags = [
        "--set",
        "batching.max_num_seqs=48",
        "--set",
        prompt,
        "--requests",
        "1500",
    ];
    let (out, _) = printed(&[&["run", "s.toml", "--format", "json"][..], &flags].concat());
    assert_eq!(answer["report"], serde_json::from_str::<Value>(&out).unwrap());
    assert_eq!(answer["report"]["requests"]["arrived"], 1500);
    let sections = answer["page"]["sections"].as_array().unwrap();
    let blocks = sections
        .iter()
        .flat_map(|section| section["blocks"].as_array().unwrap());
    let drawings: Vec<&Value> = blocks.filter(|block| block["kind"] == "drawing").collect();
    assert!(drawings.len() >= 3, "{}", drawings.len());
    let figure = drawings[0]["html"].as_str().unwrap();
    assert!(
        figure.starts_with("<figure>") && figure.contains("<polyline"),
        "{figure}"
    );
    let numbers = figure.split("application/json\">").nth(1).unwrap();
    let numbers: Value = serde_json::from_str(numbers.split("</script>").next().unwrap()).unwrap();
    assert!(numbers["series"][0]["points"].as_array().unwrap().len() > 10);
}

#[test]
fn a_curve_is_that_of_the_command_line() {
    let served = Served::start(DEMO, &[]);
    let asked = json!({ "also": { "workload.requests": 1200 }, "kind": "rate", "loads": [20, 10, 10] });
    let answer = served.asks("/api/curve", &asked.to_string());
    let flags = ["--rate", "10,20", "--requests", "1200", "--seeds", "1", "--refine", "0"];
    let (out, error) = printed(&[&["curve", "s.toml", "--format", "json"][..], &flags].concat());
    let out: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{error}"));
    assert_eq!(answer["report"]["points"], out["points"]);
    let pointed = json!({ "also": { "workload.requests": 1200 }, "loads": [10, 20], "now": 15 });
    let pointed = served.asks("/api/curve", &pointed.to_string());
    let says_now = |answer: &Value| answer["page"].to_string().contains("\\nnow\\n");
    assert!(says_now(&pointed) && !says_now(&answer));
    for (loads, word) in [
        (json!([]), "loads"),
        (json!([-1]), "no load"),
        (json!(vec![1; 17]), "17"),
    ] {
        let (status, message, _) = refused(&served, "/api/curve", &json!({ "loads": loads }));
        assert!(status == 400 && message.contains(word), "{message}");
    }
}

#[test]
fn the_scenario_that_comes_back_is_the_one_that_was_asked_about() {
    let served = Served::start(DEMO, &[]);
    let slo = json!({ "ttft.p99": "150ms" });
    let set = json!({ "batching.max_num_seqs": 48, "slo": slo, "cost.gpu_hour": 2.5, "fleet.servers": 2 });
    let asked = json!({ "set": set, "also": { "workload.requests": 1500 } });
    let run = served.asks("/api/run", &asked.to_string());
    let scenario = &run["scenario"];
    let toml = scenario["toml"].as_str().unwrap();
    assert!(toml.contains("requests = 10000"), "{toml}");
    assert_eq!(scenario["written"]["slo"], json!({ "ttft.p99": "150ms" }));
    let command = scenario["vllm_serve"].as_str().unwrap();
    assert!(
        command.starts_with("vllm serve ") && command.contains("--max-num-seqs 48"),
        "{command}"
    );
    let again = served.asks(
        "/api/run",
        &json!({ "toml": toml, "also": { "workload.requests": 1500 } }).to_string(),
    );
    for part in ["report", "scenario"] {
        assert_eq!(again[part], run[part], "{part}");
    }
    let text = json!({ "toml": toml }).to_string();
    assert_eq!(served.asks("/api/scenario", &text)["toml"], scenario["toml"]);
    let policy = json!({ "set": { "batching.policy": "static" } }).to_string();
    assert_eq!(served.asks("/api/scenario", &policy)["vllm_serve"], Value::Null);
}

#[test]
fn problems_are_said_as_the_command_line_says_them_with_their_key() {
    let served = Served::start(DEMO, &[]);
    for (key, value, written) in [
        ("batching.max_num_seqs", json!(0), "batching.max_num_seqs=0"),
        ("server.gpu", json!("h1000"), "server.gpu=h1000"),
        ("slo.ttft.p98", json!("2s"), "slo.ttft.p98=2s"),
    ] {
        let (status, message, blamed) = refused(&served, "/api/run", &json!({ "set": { key: value } }));
        let (_, said) = printed(&["run", "s.toml", "--set", written]);
        let first = |text: &str| text.trim_start_matches("error: ").lines().next().unwrap().to_owned();
        assert_eq!((status, first(&message)), (400, first(&said)));
        assert_eq!(blamed, key, "{message}");
    }
    let (status, message, _) = refused(
        &served,
        "/api/run",
        &json!({ "set": { "model.name": "llama-3.1-70b" } }),
    );
    assert!(status == 422 && message.contains("does not fit"), "{message}");
    let (_, message, blamed) = refused(
        &served,
        "/api/run",
        &json!({ "toml": format!("{PACED}[fleet]\nserverz = 2\n") }),
    );
    assert!(
        message.contains("`serverz`") && message.contains("--> the scenario:"),
        "{message}"
    );
    assert_eq!(blamed, Value::Null);
    for body in ["", "{", "{\"sett\": {}}", "{\"set\": {\"\\n\": null}}", "{\"toml\": 7}"] {
        assert_eq!(served.post("/api/run", body).status, 400, "{body}");
    }
    assert_eq!(
        served
            .post("/api/run", &format!("{{\"toml\": \"{}\"}}", "#".repeat(300_000)))
            .status,
        413
    );
}

/// Whoever reaches the page may not read what this machine holds.
#[test]
fn no_files_are_read_but_those_of_the_scenario() {
    let place = Workplace::new();
    place.write("lengths.csv", "quantile,tokens\n0,100\n1,200\n");
    place.write("secret.toml", "title = \"a secret of mine\"\n");
    let path = |name: &str| place.path(name).display().to_string();
    let own = PACED.replace(
        "{ dist = \"fixed\", value = 100 }",
        &format!("{{ dist = \"quantiles\", path = {:?} }}", path("lengths.csv")),
    );
    let served = Served::start(&own, &[]);
    let answer = served.asks("/api/run", "{}");
    assert_eq!(answer["scenario"]["names_files"], true);
    let secret = path("secret.toml");
    let workload = format!("[workload]\ntrace = {{ path = {secret:?}, format = \"csv\" }}\n");
    let traced = format!("[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\n{workload}");
    for asked in [
        json!({ "set": { "server.gpu": secret } }),
        json!({ "set": { "model.config": secret } }),
        json!({ "set": { "server.step_time": secret } }),
        json!({ "set": { "cost.prices": secret } }),
        json!({ "set": { "workload.output": { "dist": "quantiles", "path": secret } } }),
        json!({ "toml": traced }),
        json!({ "toml": traced.replace(&format!("{secret:?}"), "\"-\"") }),
    ] {
        let (status, message, _) = refused(&served, "/api/run", &asked);
        assert!(status == 400 && !message.contains("a secret of mine"), "{message}");
        assert!(message.contains("a page may name no files"), "{asked}: {message}");
    }
}

#[test]
fn work_is_bounded_and_the_server_goes_on_serving() {
    let served = Served::start(PACED, &[]);
    let (status, message, key) = refused(
        &served,
        "/api/run",
        &json!({ "set": { "workload.requests": 1_000_000 } }),
    );
    assert!(
        status == 400 && message.contains("more than the page simulates"),
        "{message}"
    );
    assert_eq!(key, "workload.requests");
    // Nothing says how many requests a run of a hundred days has: time bounds it.
    let days = PACED
        .replace("workload.requests = 10", "workload.duration = \"8640000s\"")
        .replace("rate = 1.0", "rate = 1000.0");
    let long = json!({ "limit_ms": 300, "toml": days });
    let start = Instant::now();
    let answer = served.post("/api/run", &long.to_string());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    match answer.status {
        200 => assert_eq!(
            serde_json::from_str::<Value>(&answer.body).unwrap()["report"]["complete"],
            false
        ),
        status => assert_eq!(status, 408, "{}", answer.body),
    }
    // Many at once, of whom half leave: others are answered meanwhile, and afterwards.
    let long = json!({ "toml": long["toml"], "limit_ms": 60_000 }).to_string();
    let mut left: Vec<_> = (0..30).map(|_| served.connect()).collect();
    for stream in &mut left {
        let _ = stream.write_all(crate::serving::post("/api/run", &long).as_bytes());
    }
    let start = Instant::now();
    served.asks("/v1/completions", r#"{"prompt": "x", "max_tokens": 3}"#);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    drop(left);
    let start = Instant::now();
    served.asks("/api/run", "{}");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[test]
fn the_page_comes_whole_and_fetches_nothing_from_elsewhere() {
    let served = Served::start(PACED, &[]);
    let page = served.get("/");
    let head = page.head.to_ascii_lowercase();
    assert!(
        head.contains("content-security-policy: default-src 'none'") && !head.contains("unsafe"),
        "{}",
        page.head
    );
    assert!(!page.body.contains("://") && !page.body.contains("onclick=") && !page.body.contains("style="));
    let links = page.body.split(['"']).filter(|part| part.starts_with("/page/"));
    let mut bytes = page.body.len();
    for link in links {
        let answer = served.get(link);
        assert_eq!(answer.status, 200, "{link}");
        assert!(answer.head.to_ascii_lowercase().contains("nosniff"), "{link}");
        bytes += answer.body.len();
    }
    assert!(bytes < 150_000, "{bytes}");
    let catalogue: Value = serde_json::from_str(&served.get("/api/catalogue").body).unwrap();
    assert!(catalogue["models"].as_array().unwrap().len() > 30);
    for (key, setting) in catalogue["settings"].as_object().unwrap() {
        let setting = setting["anyOf"]
            .get(0)
            .filter(|_| setting["description"].is_null())
            .unwrap_or(setting);
        assert!(setting["description"].is_string(), "{key}: {setting}");
    }
    let stranger = "POST /api/run HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(served.raw(stranger).status, 403);
    // A form of another page cannot ask: what it may send is no JSON.
    let form = "POST /api/run HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: text/plain\r\n\
                Content-Length: 2\r\n\r\n{}";
    assert_eq!(served.raw(form).status, 400);
}
