//! The cheapest fleet that meets the objectives with one server down: it is the one that arithmetic on paper says,
//! what was left out is no cheaper, and the commands start what was simulated.

use serde_json::Value;

use crate::command::{Ended, Workplace};

/// A step with `n` requests takes 10 + 10 n ms, so that four clients at once have a TPOT of 50 ms and five
/// have not: ten of them need three servers, and a fourth that may fail.
const CROWD: &str = r#"
name = "four at once"
seed = 3
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 2048
kv_blocks = 200
step_time = { base_us = 10000, per_seq_us = 10000 }
[batching]
max_num_seqs = 8
[workload]
requests = 1000
arrivals = { process = "closed", concurrency = 10 }
prompt = { dist = "fixed", value = 1 }
output = { dist = "fixed", value = 20 }
[slo]
"tpot.p99" = "50ms"
"#;

/// The list that comes with the program, with other prices of two GPUs.
fn prices(h100: &str, l40s: &str) -> String {
    let list = include_str!("../../configs/prices.toml");
    list.replace("on_demand = 2.95", &format!("on_demand = {h100}"))
        .replace("on_demand = 1.86", &format!("on_demand = {l40s}"))
}

fn bought(scenario: &str, prices: &str, more: &[&str]) -> (Ended, Workplace) {
    let workplace = Workplace::new();
    workplace.write("s.toml", format!("{scenario}[cost]\nprices = \"prices.toml\"\n"));
    workplace.write("prices.toml", prices);
    let mut all = vec!["plan", "s.toml", "--format", "json", "--seeds", "2"];
    all.extend(more);
    (workplace.run(&all), workplace)
}

fn shopping(scenario: &str, prices: &str, more: &[&str]) -> Value {
    let (ended, _) = bought(scenario, prices, more);
    assert!(matches!(ended.code, Some(0 | 99)), "{}", ended.stderr);
    ended.json()["what_to_buy"].clone()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn assert_near(found: &Value, wanted: f64) {
    let found = number(found);
    assert!((found / wanted - 1.0).abs() < 1e-9, "{found} instead of {wanted}");
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

/// What stands in a list under a label.
fn labelled<'a>(rows: &'a Value, label: &str) -> &'a Value {
    let found = list(rows).iter().find(|row| row["label"] == label);
    found.unwrap_or_else(|| panic!("{label} is not among {rows}"))
}

#[test]
fn of_servers_that_are_as_fast_the_cheaper_one_wins_by_the_ratio_of_the_prices() {
    let found = shopping(CROWD, &prices("3.00", "2.00"), &["--over", "gpu=h100-sxm,l40s"]);
    let best = &found["best"];
    assert_eq!((&best["gpu"], &best["own"]), (&"l40s".into(), &false.into()));
    assert_eq!(
        (&found["load"]["of"], &found["load"]["value"]),
        (&"concurrency".into(), &10.0.into())
    );
    assert_eq!(
        (&best["capacity"], &best["fewest"], &best["servers"]),
        (&4.0.into(), &3.into(), &4.into())
    );
    assert_near(&best["per_hour"], 4.0 * 2.0);
    assert_near(&best["per_month"], 4.0 * 2.0 * 720.0);
    // Four carry 16 clients, three 12.
    assert_near(&best["margin"], 0.6);
    assert_near(&best["margin_one_down"], 0.2);
    let own = labelled(&found["tried"], "gpu=h100-sxm");
    assert_eq!((&own["own"], &own["verified"]), (&true.into(), &true.into()));
    assert_near(&own["per_hour"], 4.0 * 3.0);
    // Four clients have 84 tokens, prompts included, in 20 or 21 steps of 50 ms: ten clients 210 in a second.
    let tokens_per_s = 8.0 / 3_600.0 / number(&best["per_million_tokens"]) * 1e6;
    assert!((198.0..212.0).contains(&tokens_per_s), "{tokens_per_s}");
}

#[test]
fn the_scenarios_own_servers_are_among_them_whatever_is_tried() {
    let found = shopping(CROWD, &prices("3.00", "2.00"), &["--over", "gpu=l40s;kv_cache=fp8"]);
    let own = labelled(&found["tried"], "as in the scenario");
    assert_eq!((&own["own"], &own["gpu"]), (&true.into(), &"h100-sxm".into()));
    assert_eq!(list(&found["tried"]).len(), 2);
    // What costs the same is not changed without need.
    let found = shopping(CROWD, &prices("3.00", "3.00"), &["--over", "gpu=l40s,h100-sxm"]);
    assert_eq!(found["best"]["own"], true);
}

#[test]
fn who_writes_what_an_hour_costs_means_the_gpu_of_the_scenario() {
    let scenario = CROWD.to_owned() + "[cost]\ngpu_hour = 1.5\n";
    let workplace = Workplace::new();
    workplace.write("s.toml", scenario);
    let ended = workplace.run(&[
        "plan", "s.toml", "--format", "json", "--seeds", "1", "--over", "gpu=l40s",
    ]);
    let found = &ended.json()["what_to_buy"];
    assert_near(&labelled(&found["tried"], "as in the scenario")["per_hour"], 6.0);
    assert_near(&labelled(&found["tried"], "gpu=l40s")["per_hour"], 4.0 * 1.86);
}

#[test]
fn what_does_not_fit_what_cannot_be_split_and_what_is_dearer_is_listed_with_the_reason() {
    let large = CROWD
        .replace("llama-3.1-8b", "llama-3.1-70b")
        .replace("max_model_len = 2048\nkv_blocks = 200\n", "")
        .replace("value = 1 }", "value = 2000 }");
    let large = large.replace("gpu = \"h100-sxm\"", "gpu = \"h100-sxm\"\ntensor_parallel = 4");
    let over = [
        "--over",
        "gpu=l4,h100-sxm,b200;tensor_parallel=4,8;server.max_model_len=8192",
    ];
    let found = shopping(&large, &prices("3.00", "2.00"), &over);
    let why = |label: &str| labelled(&found["not_tried"], label)["why"].as_str().unwrap().to_owned();
    let small = why("gpu=l4, tensor_parallel=4, max_model_len=8192");
    assert!(
        small.starts_with("does not fit: with one request of 8192 tokens each GPU needs"),
        "{small}"
    );
    let dear = why("gpu=b200, tensor_parallel=8, max_model_len=8192");
    assert!(
        dear.contains("two servers, one of which may fail, cost $96.48 an hour"),
        "{dear}"
    );
    let everything = list(&found["tried"]).len() + list(&found["not_tried"]).len();
    // With the scenario's own, which has the longest contexts.
    assert_eq!(everything, 3 * 2 + 1);
    assert!(list(&found["never_tried"]).len() > 3);
}

#[test]
fn a_gpu_without_a_price_is_looked_at_and_stands_last() {
    let list_without = prices("3.00", "2.00").replace("on_demand = 2.00\n", "");
    let found = shopping(CROWD, &list_without, &["--over", "gpu=h100-sxm,l40s"]);
    assert_eq!(found["best"]["gpu"], "h100-sxm");
    let last = list(&found["tried"]).last().unwrap();
    assert_eq!((&last["gpu"], &last["fewest"]), (&"l40s".into(), &3.into()));
    assert!(last["per_hour"].is_null() && last["server_hour"].is_null());
}

/// Whatever is left out, and whatever is searched with one seed only: nothing that is simulated with care by itself is
/// cheaper than the best of all.
#[test]
fn nothing_that_was_left_out_or_looked_at_briefly_is_cheaper_than_the_best() {
    let scenario = CROWD
        .replace("step_time = { base_us = 10000, per_seq_us = 10000 }\n", "")
        .replace(
            "process = \"closed\", concurrency = 10",
            "process = \"poisson\", rate = 12.0",
        )
        .replace("dist = \"fixed\", value = 1 ", "dist = \"fixed\", value = 400 ")
        .replace("\"tpot.p99\" = \"50ms\"", "\"ttft.p90\" = \"1s\"");
    let gpus = ["h100-sxm", "l40s", "l4", "a10g", "a100-80-sxm"];
    let prices = prices("2.95", "1.86");
    let together = shopping(&scenario, &prices, &["--over", &format!("gpu={}", gpus.join(","))]);
    let best = number(&together["best"]["per_hour"]);
    let mut cheapest = f64::INFINITY;
    for gpu in gpus {
        let own = scenario.replace("h100-sxm", gpu);
        let alone = shopping(&own, &prices, &["--over", &format!("gpu={gpu}")]);
        assert_eq!(list(&alone["tried"]).len(), 1);
        cheapest = cheapest.min(alone["best"]["per_hour"].as_f64().unwrap_or(f64::INFINITY));
    }
    assert_near(&together["best"]["per_hour"], cheapest);
    assert!(best.is_finite());
}

#[test]
#[ignore = "long"]
fn a_profile_is_bought_for_at_its_busiest_stage() {
    let stages = "process = \"stages\", stages = [{ rate = 1, duration = \"60s\" }, { rate = 6, duration = \"20s\" }]";
    let profile = CROWD
        .replace("process = \"closed\", concurrency = 10", stages)
        .replace("requests = 1000\n", "");
    let found = shopping(&profile, &prices("3.00", "2.00"), &["--over", "gpu=l40s"]);
    let load = &found["load"];
    assert_eq!((&load["of"], &load["value"]), (&"requests_per_s".into(), &6.0.into()));
    assert_eq!(load["of_busiest_stage"], true);
    // (1 x 60 + 6 x 20) / 80 is 2.25.
    assert_near(&load["mean_share"], 2.25 / 6.0);
    assert!(number(&found["best"]["fewest"]) >= 2.0, "{}", found["best"]);
}

#[test]
fn what_cannot_be_tried_is_refused_and_nothing_is_written() {
    for (over, says) in [
        (&["gpu"][..], "there is no `=`"),
        (&["gpu="], "has an empty value"),
        (&["gpu=l40s,l40s"], "is there twice"),
        (&["gpu=l40s", "server.gpu=l4"], "`server.gpu` is there twice"),
        (&["gpus=l40s"], "nothing that a server is bought or set up with"),
        (&["gpus=l40s"], "did you mean"),
        (
            &["workload.requests=5"],
            "nothing that a server is bought or set up with",
        ),
        (&["gpu=l40s,h1000"], "h1000"),
        (&["server.gpuu=l40s"], "gpuu"),
        (&["weights=bf16,fp9"], "fp9"),
        (&["tensor_parallel=3"], "cannot be split so"),
        (&["model.name=qwen3-8b"], "another model gives other answers"),
        (&["all", "gpu=l40s"], "something else is asked for beside it"),
        (&["batching.max_num_seqs=1..2000+1"], "more than 1000 combinations"),
    ] {
        let over: Vec<&str> = over.iter().flat_map(|it| ["--over", it]).collect();
        let more = [&over[..], &["--kubernetes", "k.yaml", "--html", "p.html"]].concat();
        let (ended, workplace) = bought(CROWD, &prices("3.00", "2.00"), &more);
        assert_eq!(ended.code, Some(2), "{over:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{over:?}: {}", ended.stderr);
        assert_eq!(workplace.listing(), ["prices.toml", "s.toml"], "{over:?}");
    }
    let pools = "[[fleet.pool]]\nname = \"one\"\nservers = 1\n[[fleet.pool]]\nname = \"two\"\nservers = 1\n";
    let scaled = "[fleet.autoscale]\ntarget = 5\nmax = 4\nstart = \"10s\"\n";
    for (fleet, says) in [
        (pools, "--over buys servers of one kind"),
        (scaled, "[fleet.autoscale] says how many"),
    ] {
        let (ended, _) = bought(
            &format!("{CROWD}{fleet}"),
            &prices("3.00", "2.00"),
            &["--over", "gpu=l40s"],
        );
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(says), "{}", ended.stderr);
    }
    let (ended, _) = bought(CROWD, &prices("3.00", "2.00"), &["--kubernetes", "k.yaml"]);
    assert_eq!(ended.code, Some(2), "--kubernetes alone: {}", ended.stderr);
}

#[test]
fn a_plan_that_buys_nothing_says_nothing_of_it() {
    let (ended, _) = bought(CROWD, &prices("3.00", "2.00"), &[]);
    assert!(ended.json().get("what_to_buy").is_none());
}

#[test]
fn no_fleet_is_written_where_none_meets_the_objectives() {
    let hopeless = CROWD.replace("50ms", "5ms");
    let over = ["--over", "gpu=l40s", "--kubernetes", "k.yaml"];
    let (ended, workplace) = bought(&hopeless, &prices("3.00", "2.00"), &over);
    assert_eq!(ended.code, Some(99), "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("nothing is written, as no fleet that was tried meets the SLOs"),
        "{}",
        ended.stderr
    );
    assert_eq!(workplace.listing(), ["prices.toml", "s.toml"]);
    let found = &ended.json()["what_to_buy"];
    assert!(found["best"].is_null() && found["commands"].is_null());
    assert_eq!(bought(&hopeless, &prices("3.00", "2.00"), &over[..2]).0.code, Some(99));
}

#[test]
fn the_command_has_what_was_written_and_nothing_that_is_the_engines_default() {
    let serve = |scenario: &str, over: &str| {
        let found = shopping(scenario, &prices("3.00", "2.00"), &["--over", over]);
        found["commands"]["serve"].as_str().map(str::to_owned)
    };
    let plain = serve(CROWD, "gpu=l40s").unwrap();
    assert_eq!(
        plain,
        "vllm serve meta-llama/Llama-3.1-8B --max-model-len 2048 --num-gpu-blocks-override 200 --max-num-seqs 8"
    );
    let written = CROWD
        .replace("kv_blocks = 200", "kv_blocks = 200\ngpu_memory_utilization = 0.85")
        .replace(
            "max_num_seqs = 8",
            "max_num_seqs = 8\nmax_num_batched_tokens = 4096\nprefix_caching = false",
        );
    assert_eq!(
        serve(&written, "gpu=l40s;weights=fp8;kv_cache=fp8;tensor_parallel=1").unwrap(),
        "vllm serve meta-llama/Llama-3.1-8B --tensor-parallel-size 1 --gpu-memory-utilization 0.85 \
         --max-model-len 2048 --num-gpu-blocks-override 200 --max-num-seqs 8 --max-num-batched-tokens 4096 \
         --kv-cache-dtype fp8 --quantization fp8 --no-enable-prefix-caching"
    );
    let other = CROWD.replace("max_num_seqs = 8", "policy = \"static\"\nmax_batch_size = 8");
    let found = shopping(&other, &prices("3.00", "2.00"), &["--over", "gpu=l40s"]);
    let why = found["commands"]["unknown"].as_str().unwrap();
    assert!(why.contains("no server of vLLM's"), "{why}");
}

#[test]
fn kubernetes_runs_one_server_more_than_carries_the_load_and_keeps_as_many_as_do() {
    let named = CROWD.replace("four at once", "Four: \\\"at\\\" once\\u202e # \\n---");
    let over = ["--over", "gpu=l40s", "--kubernetes", "k.yaml"];
    let (ended, workplace) = bought(&named, &prices("3.00", "2.00"), &over);
    assert!(matches!(ended.code, Some(0 | 99)), "{}", ended.stderr);
    let text = std::fs::read_to_string(workplace.path("k.yaml")).unwrap();
    assert!(text.is_ascii() && text.ends_with('\n'));
    let objects: Vec<&str> = text.split("---\n").collect();
    let kinds = [
        "Deployment",
        "Service",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
    ];
    assert_eq!(objects.len(), kinds.len(), "{text}");
    for (object, kind) in objects.iter().zip(kinds) {
        assert!(object.contains(&format!("kind: \"{kind}\"\n")), "{object}");
        assert!(object.contains("\n  name: \"vllm-four-at-once\"\n"), "{object}");
    }
    for (object, line) in [
        (0, "\n  replicas: 4\n"),
        (0, "\n          image: \"vllm/vllm-openai:v0.33.0\"\n"),
        (0, "\n            - \"meta-llama/Llama-3.1-8B\"\n"),
        (0, "\n              nvidia.com/gpu: \"1\"\n"),
        (0, "\n          readinessProbe:\n"),
        (0, "\n          livenessProbe:\n"),
        (0, "\n          startupProbe:\n"),
        (1, "\n    - name: \"http\"\n      port: 8000\n"),
        (2, "\n  minReplicas: 4\n  maxReplicas: 6\n"),
        (2, "\n          name: \"vllm:num_requests_waiting\"\n"),
        (3, "\n  minAvailable: 3\n"),
    ] {
        assert!(objects[object].contains(line), "{line}: {}", objects[object]);
    }
}

#[test]
fn threads_change_no_byte_of_what_to_buy() {
    let over = "gpu=l40s,l4,h100-sxm;kv_cache=bf16,fp8";
    let text = |jobs: &str| {
        let workplace = Workplace::new();
        workplace.write("s.toml", CROWD);
        let all = [
            "plan", "s.toml", "--seeds", "2", "--over", over, "--jobs", jobs, "--html", "p.html",
        ];
        let ended = workplace.run(&all);
        assert!(matches!(ended.code, Some(0 | 99)), "{}", ended.stderr);
        (ended.stdout, std::fs::read_to_string(workplace.path("p.html")).unwrap())
    };
    let ((one, page), (three, _)) = (text("1"), text("3"));
    assert_eq!(one, three);
    for shown in [
        "What to buy\n",
        "vllm serve",
        "the scenario's own",
        "never tried: other models",
        "every GPU is as fast",
    ] {
        assert!(one.contains(shown), "{shown}: {one}");
    }
    assert!(page.contains("<h2>What to buy</h2>"));
}
