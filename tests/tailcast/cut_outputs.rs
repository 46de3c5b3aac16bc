//! Outputs that the engine cuts, as prompt and output are longer together than it allows, are counted and told of.

use serde_json::Value;

use crate::command::Workplace;

const SCENARIO: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
max_model_len = 100
[batching]
policy = "continuous"
max_num_batched_tokens = 100
max_num_seqs = 4
[workload]
trace = { path = "t.csv" }
"#;

/// Ends exactly at the limit, is cut, is cut to a single token, is refused as its prompt leaves no room, is short.
const TRACE: &str = "arrival_s,input_tokens,output_tokens\n0,50,50\n1,50,51\n2,99,400\n3,100,1\n4,10,5\n";

fn requests(ended: &str) -> (Value, Vec<String>) {
    let json: Value = serde_json::from_str(ended).unwrap();
    let warnings = json["warnings"].as_array().unwrap().iter();
    let warnings = warnings.map(|warning| warning.as_str().unwrap().to_owned()).collect();
    (json["requests"].clone(), warnings)
}

#[test]
fn outputs_beyond_the_longest_request_are_counted() {
    let place = Workplace::new();
    place.write("s.toml", SCENARIO);
    place.write("t.csv", TRACE);
    for policy in ["continuous", "none", "static", "sglang"] {
        let policy = format!("batching.policy={policy}");
        let ended = place.run(&[
            "run",
            "s.toml",
            "--slo-exit-zero",
            "--set",
            &policy,
            "--format",
            "json",
            "--requests-out",
            "r.csv",
        ]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let (requests, warnings) = requests(&ended.stdout);
        // SGLang leaves two tokens free, and takes no prompt within six of the limit.
        let (rejected, of_each) = if policy.ends_with("sglang") {
            (2, ["48", "48", "", "", "5"])
        } else {
            (1, ["50", "50", "1", "", "5"])
        };
        assert_eq!(requests["cut_at_max_model_len"], 2, "{policy}: {requests}");
        assert_eq!(requests["rejected"], rejected, "{policy}");
        assert_eq!(requests["finished"], 5 - rejected, "{policy}");
        let said = "the outputs of 2 of 5 requests are cut";
        assert!(
            warnings.iter().any(|warning| warning.starts_with(said)),
            "{policy}: {warnings:?}"
        );
        let rows = std::fs::read_to_string(place.path("r.csv")).unwrap();
        let outputs: Vec<&str> = rows.lines().skip(1).map(|row| row.split(',').nth(6).unwrap()).collect();
        assert_eq!(outputs, of_each, "{policy}");
    }
    let ended = place.run(&["run", "s.toml"]);
    assert!(ended.stdout.starts_with("WARNING   "), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("the outputs of 2 of 5 requests are cut"),
        "{}",
        ended.stdout
    );
}

#[test]
fn nothing_is_said_where_nothing_is_cut() {
    let place = Workplace::new();
    place.write("s.toml", SCENARIO);
    place.write("t.csv", TRACE);
    let ended = place.run(&[
        "run",
        "s.toml",
        "--set",
        "server.max_model_len=499",
        "--set",
        "batching.max_num_batched_tokens=499",
        "--format",
        "json",
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let (requests, warnings) = requests(&ended.stdout);
    assert_eq!(requests["cut_at_max_model_len"], 0, "{requests}");
    assert!(!warnings.iter().any(|warning| warning.contains(" cut")), "{warnings:?}");
}
