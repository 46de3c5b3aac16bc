//! What is compared is known to be comparable: keys that do nothing are named, settings that differ unasked are listed,
//! and results stand beside the study that they are of.

use serde_json::Value;

use crate::capacities::json;
use crate::command::Workplace;

const SCENARIO: &str = r#"
name = "small"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 4096
[batching]
max_batch_size = 16
[workload]
requests = 40
arrivals = { process = "poisson", rate = 20.0 }
prompt = { dist = "uniform", min = 10, max = 500 }
output = { dist = "uniform", min = 1, max = 20 }
[slo]
"e2e.p50" = "60s"
"#;
const STUDY: &str = r#"
scenario = "small.toml"
seeds = 2
[[axis]]
key = "batching.policy"
values = ["none", "static"]
"#;

fn place() -> Workplace {
    let place = Workplace::new();
    place.write("small.toml", SCENARIO);
    place.write("study.toml", STUDY);
    place
}

/// The warnings on keys that do nothing.
fn idle<'a>(stderr: &'a str, key: &str) -> Vec<&'a str> {
    let start = format!("`batching.{key}`");
    stderr.lines().filter(|line| line.contains(&start)).collect()
}

#[test]
fn a_flag_that_the_policy_does_not_have_is_named_by_every_verb() {
    let place = place();
    let rows: Vec<String> = (0..40).map(|row| format!("{row},100,20\n")).collect();
    place.write(
        "trace.csv",
        format!("arrival_s,input_tokens,output_tokens\n{}", rows.concat()),
    );
    let set = ["--set", "batching.policy=static", "--set", "batching.max_num_seqs=8"];
    let verbs: [&[&str]; 5] = [
        &["run", "small.toml"],
        &[
            "compare",
            "small.toml",
            "--vary",
            "workload.arrivals.rate=10,20",
            "--no-capacity",
            "--seeds",
            "2",
        ],
        &["curve", "small.toml", "--rate", "10,20", "--seeds", "1"],
        &["sweep", "study.toml", "--out", "results.csv"],
        // A trace has one length, so that the search is short.
        &[
            "capacity",
            "small.toml",
            "--set",
            "workload={ trace = { path = \"trace.csv\" } }",
        ],
    ];
    for verb in verbs {
        let ended = place.run(&[verb, &set].concat());
        let warned = idle(&ended.stderr, "max_num_seqs");
        assert_eq!(warned.len(), 1, "{verb:?}: {}", ended.stderr);
        let said = "(--set) changes nothing in how";
        assert!(warned[0].contains(said), "{warned:?}");
        assert!(warned[0].contains("static"), "{warned:?}");
        assert!(warned[0].contains("it is a setting of continuous"), "{warned:?}");
    }
}

#[test]
fn what_a_file_says_for_other_policies_is_no_news() {
    let place = place();
    for flags in [
        &["--set", "batching.policy=continuous"][..],
        // Its own settings, in whatever spelling, and those of another table.
        &[
            "--max-num-seqs",
            "8",
            "--set",
            "batching.enable-prefix-caching=false",
            "--set",
            "server.block_size=32",
        ],
        &["--set", "batching.policy=static", "--set", "batching.max_batch_size=8"],
    ] {
        let ended = place.run(&[&["run", "small.toml"], flags].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(
            !ended.stderr.contains("changes nothing in how"),
            "{flags:?}: {}",
            ended.stderr
        );
    }
}

#[test]
fn only_variations_without_the_key_are_named() {
    let place = place();
    let flags = ["compare", "small.toml", "--no-capacity", "--seeds", "2", "--set"];
    let vary = ["--vary", "batching.policy=none,static,continuous"];
    let all = place.run(&[&flags[..], &["batching.max_num_seqs=8"], &vary].concat());
    let warned = idle(&all.stderr, "max_num_seqs");
    assert_eq!(warned.len(), 1, "{}", all.stderr);
    assert!(warned[0].contains("how none or static batches"), "{warned:?}");
    let whole = place.run(
        &[
            &flags[..],
            &["batching.speculative={method=\"ngram\", tokens=2, acceptance=0.5}"],
            &vary,
        ]
        .concat(),
    );
    let warned = idle(&whole.stderr, "speculative");
    assert_eq!(warned.len(), 1, "{}", whole.stderr);
    assert!(warned[0].contains("it is a setting of continuous"), "{warned:?}");
    // What is varied in vain is named too.
    let vain = [
        "compare",
        "small.toml",
        "--no-capacity",
        "--seeds",
        "2",
        "--vary",
        "batching.max_batch_size=1,2",
    ];
    let vain = place.run(&vain);
    assert!(
        idle(&vain.stderr, "max_batch_size")[0].contains("(--vary)"),
        "{}",
        vain.stderr
    );
}

fn also_differs(place: &Workplace, arguments: &[&str]) -> Vec<(String, Value)> {
    let all = [&["compare", "--no-capacity", "--format", "json"], arguments].concat();
    let found = json(&place.run(&all));
    let list = found["also_differs"].as_array().unwrap().iter();
    list.map(|it| (it["key"].as_str().unwrap().to_owned(), it["values"].clone()))
        .collect()
}

#[test]
fn limits_that_policies_bring_along_are_listed() {
    let place = place();
    let vary = [
        "small.toml",
        "--seeds",
        "2",
        "--vary",
        "batching.policy=static,continuous",
    ];
    let found = also_differs(&place, &vary);
    let of = |key: &str| found.iter().find(|(it, _)| it == key).map(|(_, values)| values.clone());
    let values = |one: &str, other: &str| serde_json::json!({ "static": one, "continuous": other });
    assert_eq!(of("most requests in a step"), Some(values("16", "1024")));
    assert_eq!(of("most tokens in a step"), Some(values("no limit", "8192")));
    assert_eq!(of("batching.prefix_caching"), Some(values("false", "true")));
    assert_eq!(of("server.cpu_time.per_step_us"), Some(values("1500", "2000")));
    let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
    for not in [
        "batching.policy",
        "batching.max_batch_size",
        "batching.reserve",
        "kv.blocks",
        "batching.max_num_seqs",
    ] {
        assert!(!keys.contains(&not), "{not} in {keys:?}");
    }
    let screen = place.run(&[&["compare", "--no-capacity"], &vary[..]].concat());
    let block = screen.stdout.split("Also differs:\n").nth(1).unwrap();
    assert!(
        block.contains("  most requests in a step: 16 (static), 1024 (continuous)\n"),
        "{block}"
    );
}

#[test]
fn what_was_varied_does_not_differ_besides() {
    let place = place();
    for vary in [
        "workload.arrivals.rate=10,20",
        "workload.prompt={ dist = \"fixed\", value = 9 },{ dist = \"exponential\", mean = 9 }",
        "batching.max-num-batched-tokens=4096,4096.0",
    ] {
        let found = also_differs(&place, &["small.toml", "--seeds", "2", "--vary", vary]);
        assert_eq!(found, [], "{vary}");
    }
}

#[test]
fn another_gpu_brings_its_own_defaults() {
    let place = place();
    let found = also_differs(
        &place,
        &["small.toml", "--seeds", "2", "--vary", "server.gpu=h100-sxm,l40s"],
    );
    let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
    for key in ["batching.max_num_seqs", "batching.max_num_batched_tokens", "kv.blocks"] {
        assert!(keys.contains(&key), "{key} in {keys:?}");
    }
    assert!(!keys.contains(&"server.gpu"));
}

#[test]
fn of_two_files_all_that_differs_is_listed() {
    let place = place();
    let other = SCENARIO.replace("max_model_len = 4096", "max_model_len = 2048\nkv_blocks = 5000");
    place.write(
        "other.toml",
        other.replace("requests = 40", "requests = 40\ntimeout = \"300s\""),
    );
    let found = also_differs(&place, &["small.toml", "other.toml", "--seeds", "2"]);
    let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "kv.blocks",
            "server.max_model_len",
            "server.kv_blocks",
            "workload.timeout"
        ]
    );
    assert_eq!(found[3].1, serde_json::json!({ "small": null, "other": "300 s" }));
}

#[test]
fn results_of_another_plan_are_refused() {
    let place = place();
    let sweep = |flags: &[&str]| {
        let ended = place.run(&[&["sweep", "study.toml", "--out", "results.csv", "--overwrite"], flags].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    };
    let report = |flags: &[&str]| place.run(&[&["report", "results.csv", "--study", "study.toml"], flags].concat());
    for flags in [&[][..], &["--seeds", "3"]] {
        sweep(flags);
        let ended = report(&[]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    let set = ["--set", "workload.requests=30"];
    sweep(&set);
    assert_eq!(report(&set).code, Some(0));
    let refused = report(&[]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""));
    assert!(
        refused.stderr.contains("these are not the results of this study"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("with the same --set"), "{}", refused.stderr);
    // Without the study they are what they are.
    let refused = place.run(&["report", "results.csv", "--max-num-seqs", "8"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("there is no --study"), "{}", refused.stderr);
    assert_eq!(place.run(&["report", "results.csv"]).code, Some(0));
    sweep(&[]);
    place.write(
        "study.toml",
        STUDY.replace("\"none\", \"static\"", "\"none\", \"static\", \"continuous\""),
    );
    assert_eq!(report(&[]).code, Some(2));
}

#[test]
fn pages_are_the_same_on_any_number_of_threads() {
    let place = place();
    let page = |arguments: &[&str], jobs: Option<&str>| {
        let more: &[&str] = match &jobs {
            Some(jobs) => &["--jobs", jobs],
            None => &[],
        };
        let ended = place.run(&[arguments, &["--html", "page.html"], more].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        std::fs::read_to_string(place.path("page.html")).unwrap()
    };
    let compare = [
        "compare",
        "small.toml",
        "--vary",
        "batching.policy=static,continuous",
        "--seeds",
        "3",
    ];
    let curve = ["curve", "small.toml", "--rate", "10,20", "--seeds", "2"];
    for verb in [&compare[..], &curve] {
        let alone = page(verb, Some("1"));
        assert!(alone.contains("tailcast c"), "it says how to do it again");
        for jobs in [Some("3"), None] {
            assert!(page(verb, jobs) == alone, "{verb:?} --jobs {jobs:?}");
        }
    }
    let reports = ["1", "4"].map(|jobs| {
        let sweep = [
            "sweep",
            "study.toml",
            "--out",
            "results.csv",
            "--overwrite",
            "--jobs",
            jobs,
        ];
        assert_eq!(place.run(&sweep).code, Some(0));
        page(&["report", "results.csv", "--study", "study.toml"], None)
    });
    assert!(reports[0] == reports[1]);
}
