//! A plan answers what production asks, from one scenario: every answer is there, the rules of thumb come out as on
//! paper, and what cannot be known is said where it would stand.

use serde_json::Value;

use crate::command::Workplace;

/// A step with `n` requests takes 10 + n ms, so that 40 clients at once have a TPOT of 50 ms and 41 have not.
const FORTY: &str = r#"
name = "forty at once"
seed = 3
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 8192
kv_blocks = 1000
step_time = { base_us = 10000, per_seq_us = 1000 }
[workload]
requests = 2000
arrivals = { process = "poisson", rate = 20.0 }
prompt = { dist = "fixed", value = 100 }
output = { dist = "fixed", value = 20 }
"#;
const SLO: &str = "[slo]\n\"tpot.p99\" = \"50ms\"\n";

/// The keys of the contract.
const ANSWERS: [&str; 8] = [
    "concurrency",
    "latency_budget",
    "cost",
    "storage",
    "observability",
    "reliability",
    "capacity_rule",
    "decisions",
];

struct Planned {
    plan: Value,
    exit: i32,
}

fn planned(scenario: &str, more: &[&str]) -> Planned {
    let workplace = Workplace::new();
    workplace.write("s.toml", scenario);
    let mut all = vec!["plan", "s.toml", "--format", "json"];
    all.extend(more);
    let ended = workplace.run(&all);
    Planned {
        plan: ended.json(),
        exit: ended.code.unwrap(),
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn assert_near(found: &Value, wanted: f64) {
    let found = number(found);
    assert!((found / wanted - 1.0).abs() < 1e-9, "{found} instead of {wanted}");
}

fn check<'a>(plan: &'a Value, name: &str) -> &'a Value {
    let checks = plan["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap()
}

#[test]
fn every_question_is_answered_and_the_verdict_counts_what_was_asked() {
    let Planned { plan, exit } = planned(&format!("{FORTY}{SLO}"), &[]);
    for key in ANSWERS {
        assert!(!plan[key].is_null(), "{key}");
    }
    assert_eq!(exit, 0, "{}", plan["checks"]);
    // One server carries the load, but nobody takes over from it.
    assert_eq!(check(&plan, "slo")["outcome"], "holds");
    assert_eq!(check(&plan, "servers")["outcome"], "holds");
    assert_eq!(check(&plan, "one_failure")["outcome"], "fails");
    assert_eq!(plan["verdict"], "not_ready");
    let crowds = &plan["concurrency"]["crowds"];
    // 20 tokens in steps of 11 ms, the first of which makes the first token.
    let alone = &crowds["one_user"];
    assert_eq!(alone["users"], 1.0);
    assert_near(&alone["e2e"]["p50"], 0.22);
    assert_near(&alone["ttft"]["p99"], 0.011);
    let levels = crowds["levels"].as_array().unwrap();
    let users: Vec<f64> = levels.iter().map(|level| number(&level["users"])).collect();
    assert_eq!(users[..5], [1.0, 3.0, 10.0, 30.0, 100.0]);
    // 13 ms with three; 12 ms would be a fifth more.
    assert_eq!(crowds["flat_until"], 3.0);
    let capacity = &plan["concurrency"]["servers"];
    assert_eq!(
        (&capacity["of"], &capacity["servers"]),
        (&"requests_per_s".into(), &1.into())
    );
    assert_eq!(capacity["fewest"], 1);
    assert_eq!(capacity["fewest_with_one_down"], 2);
}

#[test]
fn two_servers_survive_what_one_does_not() {
    let fleet = "[fleet]\nservers = 2\nrouter = \"least_outstanding\"\n";
    let Planned { plan, exit } = planned(&format!("{FORTY}{SLO}{fleet}"), &[]);
    assert_eq!(exit, 0);
    assert_eq!(plan["reliability"]["one_down"]["servers_left"], 1);
    assert_eq!(plan["reliability"]["one_down"]["slo_met"], true);
    assert_eq!(plan["verdict"], "ready", "{}", plan["checks"]);
    // A GPU of a machine fails every 50,677 hours: 16,384 GPUs for 54 days, 419 times.
    let assumed = &plan["reliability"]["assumed"];
    assert_near(&assumed["gpu_hours_between_failures"], 16_384.0 * 54.0 * 24.0 / 419.0);
    assert_near(
        &assumed["faults_per_month"],
        2.0 * 720.0 * 419.0 / (16_384.0 * 54.0 * 24.0),
    );
}

#[test]
fn an_objective_that_is_missed_or_a_promise_that_is_broken_shows_in_the_exit_code() {
    let missed = planned(&format!("{FORTY}[slo]\n\"tpot.p99\" = \"10ms\"\n"), &[]);
    assert_eq!((missed.exit, &missed.plan["verdict"]), (99, &"not_ready".into()));
    assert_eq!(check(&missed.plan, "slo")["outcome"], "fails");
    // Who waits for a tenth of a second gets no answer that takes two.
    let impatient = FORTY.replace("requests = 2000", "requests = 2000\ntimeout = \"230ms\"");
    let promise = format!("{impatient}[reliability]\nsla = \"99%\"\n[slo]\n\"success\" = \"0%\"\n");
    let broken = planned(&promise, &[]);
    assert_eq!(check(&broken.plan, "slo")["outcome"], "holds");
    assert_eq!(check(&broken.plan, "sla")["outcome"], "fails");
    assert_eq!(broken.exit, 99);
    assert_eq!(planned(&promise, &["--slo-exit-zero"]).exit, 0);
}

#[test]
fn what_is_not_written_is_taken_from_defaults_that_are_said() {
    let Planned { plan, exit } = planned(FORTY, &[]);
    assert_eq!(exit, 0);
    let slo = &plan["latency_budget"]["slo"][0];
    assert_eq!((&slo["metric"], &slo["limit_s"]), (&"ttft".into(), &2.0.into()));
    assert_eq!(plan["latency_budget"]["slo_from_defaults"], true);
    assert_eq!(plan["storage"]["from_defaults"], true);
    assert_eq!(plan["reliability"]["sla_from_defaults"], true);
    // 0.1 % of 30 days are 43.2 minutes.
    let allowed = number(&plan["reliability"]["allowed_s_per_month"]);
    assert!((allowed - 43.2 * 60.0).abs() < 1e-6, "{allowed}");
}

#[test]
fn documents_take_fifty_kilobytes_each_and_shards_where_memory_ends() {
    let Planned { plan, .. } = planned(FORTY, &[]);
    let sizes = plan["storage"]["by_documents"].as_array().unwrap();
    let bytes: Vec<f64> = sizes.iter().map(|size| number(&size["index_bytes"])).collect();
    assert_eq!(bytes, [50e6, 5e9, 50e9, 500e9, 5e12]);
    let places: Vec<&str> = sizes.iter().map(|size| size["placement"].as_str().unwrap()).collect();
    assert_eq!(places, ["memory", "memory", "memory", "disk", "disk"]);
    for size in sizes {
        let within = if size["placement"] == "memory" { 0.05 } else { 0.25 };
        assert!(number(&size["query_p50_s"]) < within, "{size}");
    }
    // 500 GB on machines of 256 GB, of which a fifth is for others: three of them.
    let large = "[retrieval]\ndocuments = 1e7\nplacement = \"memory\"\nmachine_memory = \"256GB\"\n";
    let Planned { plan, .. } = planned(&format!("{FORTY}{large}"), &[]);
    let storage = &plan["storage"];
    assert_eq!(
        (&storage["shards"], &storage["from_defaults"]),
        (&3.into(), &false.into())
    );
}

#[test]
fn chunks_are_as_large_as_their_vectors_and_links() {
    let chunks = "[retrieval]\nchunks = 1e6\ndimensions = 768\nbytes = 2\nindex = \"hnsw\"\nqueries_per_s = 10000\n\
                  updates_per_day = 200000\ncache_hits = \"30%\"\n";
    let Planned { plan, .. } = planned(&format!("{FORTY}{chunks}"), &[]);
    let storage = &plan["storage"];
    // 768 numbers of two bytes, and 16 links of four bytes in either direction.
    assert_near(&storage["index_bytes"], 1e6 * (768.0 * 2.0 + 128.0));
    assert_near(&storage["embeddings_per_s"], 7_000.0);
    // A fifth of it changes in a day.
    assert_eq!(storage["updates"]["kind"], "rebuild");
    assert!(number(&storage["copies"]) >= 1.0);
    assert!(number(&storage["machine_utilization"]) <= 0.7);
    let exact = chunks.replace("hnsw", "flat").replace("updates_per_day = 200000\n", "");
    let Planned { plan, .. } = planned(&format!("{FORTY}{exact}"), &[]);
    assert_near(&plan["storage"]["index_bytes"], 1e6 * 768.0 * 2.0);
    // All of 1.536 GB at 10 GB/s.
    assert_near(&plan["storage"]["search_s"], 0.1536);
    assert_eq!(plan["storage"]["updates"]["kind"], "none");
}

#[test]
fn the_rule_of_thumb_and_the_formula_take_the_users_own_numbers() {
    let own = "[capacity]\nmemory = \"80GB\"\nweights = \"60GB\"\nkv_per_user = \"500MB\"\nusers = 100\n";
    let Planned { plan, .. } = planned(&format!("{FORTY}{own}"), &[]);
    let rule = &plan["capacity_rule"]["rule"];
    // 100 x 500 MB x 1.3 x 2: one GPU of 80 GB is not enough, two are.
    assert_near(&rule["bytes"], 130e9);
    assert_eq!(
        (&rule["gpus"], &rule["users_are_simulated"]),
        (&2.0.into(), &false.into())
    );
    let calculator = &plan["capacity_rule"]["calculator"];
    assert_eq!(calculator["users"], 40.0);
    assert_eq!(calculator["from_scenario"], Value::Array(Vec::new()));
    // vLLM leaves a tenth of the memory to others, which the formula forgets.
    assert!(number(&calculator["forgotten_bytes"]) > 8e9);
    assert!(number(&calculator["users_with_all"]) < 24.0);
    let written = "[capacity]\nweights = \"60GB\"\nkv_per_user = \"200MB\"\n";
    let Planned { plan, .. } = planned(&format!("{FORTY}{written}"), &[]);
    assert_eq!(
        plan["capacity_rule"]["calculator"]["from_scenario"],
        serde_json::json!(["memory"])
    );
}

#[test]
fn a_part_that_cannot_be_asked_says_why_and_the_rest_stands() {
    let classes = r#"
seed = 3
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
step_time = { base_us = 10000, per_seq_us = 1000 }
[workload]
requests = 1000
[[class]]
name = "chat"
[class.workload]
arrivals = { process = "poisson", rate = 8.0 }
prompt = { dist = "fixed", value = 100 }
output = { dist = "fixed", value = 20 }
[class.slo]
"ttft.p99" = "1s"
[[class]]
name = "batch"
[class.workload]
arrivals = { process = "poisson", rate = 2.0 }
prompt = { dist = "fixed", value = 100 }
output = { dist = "fixed", value = 20 }
"#;
    let Planned { plan, exit } = planned(classes, &[]);
    assert_eq!(exit, 0, "{}", plan["checks"]);
    let why = plan["concurrency"]["crowds"]["unknown"].as_str().unwrap();
    assert!(why.contains("several classes"), "{why}");
    assert!(number(&plan["concurrency"]["servers"]["capacity"]) > 10.0);
    let pools = "[[fleet.pool]]\nname = \"one\"\nservers = 1\n[[fleet.pool]]\nname = \"two\"\nservers = 1\n";
    let Planned { plan, .. } = planned(&format!("{FORTY}{pools}"), &[]);
    assert!(plan["capacity_rule"]["formula"]["unknown"].is_string());
    assert!(plan["reliability"]["one_down"]["unknown"].is_string());
    assert_eq!(plan["concurrency"]["servers"]["of_one_server"], false);
}

#[test]
fn the_failures_of_the_scenario_are_held_against_its_promise() {
    let crash = "[fleet]\nservers = 2\n[[fleet.fault]]\nkind = \"crash\"\nat = \"40s\"\nserver = 0\n\
                 detect = \"5s\"\nrestart = \"20s\"\n";
    let Planned { plan, .. } = planned(&format!("{FORTY}{SLO}{crash}"), &["--seeds", "1"]);
    let measured = &plan["reliability"]["measured"];
    assert_eq!(measured["faults"], 1);
    assert!(plan["reliability"]["assumed"].is_null());
    let lost = 1.0 - number(&measured["availability"]);
    assert!(lost > 0.0, "{measured}");
    // What is lost, over the rate of arrivals, is how long nobody would have to be served.
    let outage_s = number(&measured["outage_s_per_fault"]);
    assert!((1.0..10.0).contains(&outage_s), "{outage_s}");
    let allowed = number(&measured["faults_allowed_per_month"]);
    assert!((allowed * outage_s / (43.2 * 60.0) - 1.0).abs() < 1e-9);
    // What happens with one server less is asked without the failure.
    assert_eq!(plan["reliability"]["one_down"]["success"], 1.0);
}

#[test]
fn bad_numbers_are_refused_where_they_stand() {
    for (more, says) in [
        (
            "[reliability]\nsla = \"100%\"\n",
            "no service answers every request for ever",
        ),
        ("[reliability]\nsla = \"0%\"\n", "it promises nothing"),
        ("[reliability]\nsla = \"101%\"\n", "is not a percentage from 0 to 100"),
        ("[reliability]\nsla = 99.9\n", "99.9 is not a percentage"),
        ("[retrieval]\n", "does not say how much there is to search"),
        ("[retrieval]\ndocuments = 5\nchunks = 5\n", "both say how much there is"),
        ("[retrieval]\ndocuments = -5\n", "must be a number above 0"),
        (
            "[retrieval]\ndocuments = 5\ndimensions = 768\n",
            "is of chunks, and documents are counted",
        ),
        ("[retrieval]\ndocuments = 5\nindex = \"ivf\"\n", "allowed: flat, hnsw"),
        ("[retrieval]\ndocuments = 5\nmachine_memory = 64\n", "write \"64GB\""),
        (
            "[retrieval]\ndocuments = 5\ncache_hits = \"120%\"\n",
            "is not a percentage",
        ),
        ("[capacity]\nmemory = \"80GB\"\nweights = \"90GB\"\n", "leaves nothing"),
        (
            "[capacity]\nmemory = \"-80GB\"\n",
            "is not between one byte and 1000 PB",
        ),
        ("[capacity]\nkv_per_user = \"200Mb\"\n", "`Mb` is not a unit of memory"),
        ("[capacity]\noverhead = 0.5\n", "must be a number from 1 to 10"),
        ("[capacity]\nusers = 0\n", "must be a number above 0"),
        ("[capacity]\nuser = 5\n", "did you mean"),
    ] {
        let workplace = Workplace::new();
        workplace.write("s.toml", format!("{FORTY}{more}"));
        let ended = workplace.run(&["plan", "s.toml", "--html", "plan.html"]);
        assert_eq!(ended.code, Some(2), "{more}: {}", ended.stderr);
        assert!(ended.stderr.contains(says), "{more}: {}", ended.stderr);
        assert!(ended.stderr.contains("s.toml:"), "{more}: {}", ended.stderr);
        assert_eq!(workplace.listing(), ["s.toml"], "{more}");
    }
}

#[test]
fn a_plan_is_the_same_on_any_number_of_threads_as_text_and_as_a_page() {
    let workplace = Workplace::new();
    workplace.write("s.toml", format!("{FORTY}{SLO}"));
    let text = |jobs: &str| {
        let ended = workplace.run(&["plan", "s.toml", "--jobs", jobs, "--html", "plan.html"]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    };
    let (one, three) = (text("1"), text("3"));
    assert_eq!(one, three);
    assert!(
        one.starts_with("Verdict   not ready: one failure leaves nobody to serve\n"),
        "{one}"
    );
    for heading in [
        "1 Concurrency",
        "2 Latency budget",
        "4 Storage",
        "5 Observability",
        "6 Reliability",
        "Decisions",
    ] {
        assert!(one.contains(heading), "{heading}");
    }
    let page = std::fs::read_to_string(workplace.path("plan.html")).unwrap();
    assert!(page.len() < 1_000_000, "{}", page.len());
    assert!(page.contains("<h2>Decisions</h2>"));
}

#[test]
fn sections_that_change_no_simulation_change_no_result_of_a_run() {
    let workplace = Workplace::new();
    workplace.write("plain.toml", FORTY);
    let more = "[retrieval]\ndocuments = 5\n[reliability]\nsla = \"99%\"\n[capacity]\nusers = 5\n";
    workplace.write("more.toml", format!("{FORTY}{more}"));
    let run = |file: &str| {
        let mut result = workplace.run(&["run", file, "--format", "json"]).json();
        result.as_object_mut().unwrap().remove("scenario_hash");
        result
    };
    assert_eq!(run("plain.toml"), run("more.toml"));
}

#[test]
fn money_is_that_of_a_month_of_thirty_days_and_a_budget_that_is_gone_fails() {
    // 1,000 users x 10 requests x (1,000 + 500 tokens) at $3 and $15 a million are $105 a day; an H100 at $2 an hour is
    // $1,440 a month.
    let tokens = FORTY
        .replace("value = 100", "value = 1000")
        .replace("value = 20 }", "value = 500 }")
        .replace("rate = 20.0", "rate = 1.0");
    let cost = "[cost]\ngpu_hour = 2.0\napi = { input = 3, output = 15, cached_input = 0.3 }\nusers_per_day = 1000\n\
                requests_per_user = 10\n[budget]\nper_day = 40\nbeyond = \"refuse\"\n";
    let Planned { plan, exit } = planned(&format!("{tokens}{cost}"), &["--seeds", "1"]);
    let day = &plan["cost"]["day"];
    assert_near(&day["api_tokens"], 105.0);
    assert_near(&day["rent_per_month"], 1_440.0);
    // The servers alone are $48 a day, which is gone at eight in the evening.
    assert_eq!(check(&plan, "budget")["outcome"], "fails");
    assert_eq!(exit, 99);
    let decisions = plan["decisions"].as_array().unwrap();
    assert_eq!(decisions.len(), 7);
    let ceiling = decisions.iter().find(|it| it["name"] == "cost_ceiling").unwrap();
    assert!(ceiling["answer"].as_str().unwrap().contains("refuse"), "{ceiling}");
}

#[test]
fn a_query_of_the_documents_sets_the_time_of_the_stage_called_retrieval() {
    let path = "[[path.stage]]\nname = \"gateway\"\ndelay = \"5ms\"\n[[path.stage]]\nname = \"retrieval\"\n\
                fallback = \"skip\"\n[[path.stage]]\nname = \"llm\"\n[retrieval]\ndocuments = 1e6\n";
    let Planned { plan, .. } = planned(&format!("{FORTY}{SLO}{path}"), &[]);
    let budget = &plan["latency_budget"];
    assert_eq!(budget["has_path"], true);
    let stages = budget["stages"].as_array().unwrap();
    let retrieval = stages.iter().find(|stage| stage["name"] == "retrieval").unwrap();
    let (seen, computed) = (&retrieval["latency"]["p50"], number(&plan["storage"]["query_p50_s"]));
    assert!((number(seen) / computed - 1.0).abs() < 0.02, "{seen} and {computed}");
    let fallbacks = plan["reliability"]["fallbacks"].as_array().unwrap();
    let of = |name: &str| &fallbacks.iter().find(|it| it["component"] == name).unwrap()["fallback"];
    assert_eq!((of("retrieval"), of("gateway")), (&"skip".into(), &Value::Null));
    let without = path.replace("[retrieval]\ndocuments = 1e6\n", "");
    let workplace = Workplace::new();
    workplace.write("s.toml", format!("{FORTY}{without}"));
    let ended = workplace.run(&["plan", "s.toml"]);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.stderr.contains("does not say how long it takes"),
        "{}",
        ended.stderr
    );
}

#[test]
fn servers_are_found_for_the_busiest_rate_of_a_day() {
    let stages = "process = \"stages\", stages = [{ rate = 5.0, duration = \"60s\" }, { rate = 60.0, duration = \
                  \"30s\" }, { rate = 5.0, duration = \"60s\" }]";
    let day = FORTY
        .replace("process = \"poisson\", rate = 20.0", stages)
        .replace("requests = 2000\n", "");
    let scaled = "[fleet]\nrouter = \"least_outstanding\"\n[fleet.autoscale]\nsignal = \"concurrency\"\ntarget = 10\n\
                  min = 1\nmax = 3\nstart = \"5s\"\n";
    let Planned { plan, .. } = planned(&format!("{day}{SLO}{scaled}"), &["--seeds", "1"]);
    let servers = &plan["concurrency"]["servers"];
    assert_eq!(
        (&servers["own_load_is_peak"], &servers["own_load"]),
        (&true.into(), &60.0.into())
    );
    assert_eq!(
        (&servers["of_one_server"], &servers["servers"]),
        (&true.into(), &3.into())
    );
    let (one, fewest) = (number(&servers["capacity"]), number(&servers["fewest"]));
    // 40 at once, of whom each stays for about a second.
    assert!((30.0..45.0).contains(&one), "{one}");
    assert!((60.0 / one - 0.5..60.0 / one + 1.5).contains(&fewest), "{fewest}");
    assert!(plan["reliability"]["one_down"]["unknown"].is_string());
}

#[test]
fn alert_rules_and_a_dashboard_are_written_beside_the_plan() {
    let workplace = Workplace::new();
    workplace.write("s.toml", format!("{FORTY}{SLO}"));
    let ended = workplace.run(&[
        "plan",
        "s.toml",
        "--alerts",
        "rules.yml",
        "--dashboard",
        "board.json",
        "--seeds",
        "1",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let rules = std::fs::read_to_string(workplace.path("rules.yml")).unwrap();
    assert!(
        rules.contains("alert: ") && rules.contains("vllm:num_requests_waiting"),
        "{rules}"
    );
    let board = std::fs::read_to_string(workplace.path("board.json")).unwrap();
    let board: Value = serde_json::from_str(&board).unwrap();
    assert!(board["panels"].as_array().is_some_and(|panels| panels.len() > 5));
    let same = workplace.run(&["plan", "s.toml", "--alerts", "x.yml", "--dashboard", "x.yml"]);
    assert_eq!(same.code, Some(2), "{}", same.stderr);
}

#[test]
#[ignore = "takes minutes"]
fn every_scenario_that_is_shipped_can_be_planned() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/scenarios");
    let mut planned = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if std::fs::read_to_string(&path).unwrap().contains("\ntrace = ") {
            continue; // Its recording is not shipped.
        }
        let ended = Workplace::new().run(&["plan", path.to_str().unwrap(), "--format", "json"]);
        assert!(
            matches!(ended.code, Some(0 | 99)),
            "{}: {}",
            path.display(),
            ended.stderr
        );
        let plan = ended.json();
        for key in ANSWERS {
            assert!(!plan[key].is_null(), "{}: {key}", path.display());
        }
        planned += 1;
    }
    assert!(planned >= 15, "{planned}");
}

#[test]
fn paths_that_fail_break_the_promise_though_the_model_answers_all_that_reaches_it() {
    let path = "[fleet]\nservers = 2\n[[path.stage]]\nname = \"gateway\"\ndelay = \"1ms\"\n\
                down = [{ at = \"20s\", duration = \"50s\" }]\n[[path.stage]]\nname = \"llm\"\n\
                [reliability]\nsla = \"99.9%\"\n";
    let Planned { plan, exit } = planned(&format!("{FORTY}{SLO}{path}"), &[]);
    let answered = number(&plan["reliability"]["answered_share"]);
    let failed = number(&plan["latency_budget"]["path"]["failed_share"]);
    assert!(
        (answered + failed - 1.0).abs() < 1e-12 && failed > 0.3,
        "{answered} {failed}"
    );
    assert_eq!((&check(&plan, "sla")["outcome"], exit), (&"fails".into(), 99));
}

#[test]
fn one_server_is_enough_for_a_load_far_below_what_it_carries() {
    // The own run has fewer requests after its warm-up than a 99th percentile takes.
    let few = FORTY
        .replace("requests = 2000", "requests = 1000")
        .replace("rate = 20.0", "rate = 2.0");
    let Planned { plan, .. } = planned(&format!("{few}[slo]\n\"ttft.p99\" = \"2s\"\n"), &["--seeds", "2"]);
    let servers = &plan["concurrency"]["servers"];
    assert!(number(&servers["own_load_share"]) < 0.2, "{servers}");
    assert_eq!(servers["fewest"], 1, "{servers}");
}
