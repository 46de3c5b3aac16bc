//! Files that must not be read to their end, and files that must not be lost.

use crate::bad_scenarios::GOOD;
use crate::command::Workplace;

/// A good configuration of a model.
const CONFIG_JSON: &str = r#"{"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32,
"num_attention_heads": 32,
"num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256, "max_position_embeddings": 131072,
"tie_word_embeddings": false}"#;

/// Devices without an end are found on Unix.
#[cfg(unix)]
#[test]
fn a_device_without_an_end_is_refused() {
    let place = Workplace::new();
    place.write("good.toml", GOOD);
    let head = &GOOD[..GOOD.find("requests").unwrap()];
    place.write("replay.toml", format!("{head}trace = {{ path = \"/dev/zero\" }}\n"));
    for (arguments, part) in [
        (&["run", "/dev/zero"][..], "longer than 16 MiB"),
        (&["run", "replay.toml"], "write what it yields to a file first"),
        (&["check", "replay.toml"], "write what it yields to a file first"),
        (&["trace", "info", "/dev/zero"], "longer than 16 MiB"),
        (&["steps", "/dev/zero"], "longer than 256 MiB"),
        (
            &["run", "good.toml", "--set", "server.gpu=/dev/zero"],
            "longer than 16 MiB",
        ),
        (
            &["run", "good.toml", "--set", "model={config=\"/dev/zero\"}"],
            "longer than 16 MiB",
        ),
    ] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(part), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn what_a_run_reads_is_not_overwritten() {
    let place = Workplace::new();
    place.write("good.toml", GOOD);
    place.write("config.json", CONFIG_JSON);
    place.write("generation_config.json", "{\"top_p\": 0.9}");
    place.write("lengths.csv", "quantile,tokens\n0,1\n1,100\n");
    let lengths = "workload.prompt={dist=\"quantiles\", path=\"lengths.csv\"}";
    for (assignment, file) in [
        ("model={config=\"config.json\"}", "config.json"),
        ("model={config=\"config.json\"}", "generation_config.json"),
        (lengths, "lengths.csv"),
    ] {
        let arguments = ["run", "good.toml", "--set", assignment, "--requests-out", file];
        let before = std::fs::read(place.path(file)).unwrap();
        let ended = place.run(&arguments);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains("would overwrite"), "{}", ended.stderr);
        assert_eq!(std::fs::read(place.path(file)).unwrap(), before);
    }
}

#[test]
fn an_existing_file_outlives_a_run_that_fails() {
    let place = Workplace::new();
    let head = &GOOD[..GOOD.find("requests").unwrap()];
    place.write("replay.toml", format!("{head}trace = {{ path = \"trace.csv\" }}\n"));
    place.write("trace.csv", "arrival_s,input_tokens,output_tokens\n0,5,5\n1,x,5\n");
    place.write("kept.csv", "precious");
    for flag in ["--requests-out", "--timeline-out"] {
        let ended = place.run(&["run", "replay.toml", flag, "kept.csv"]);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert_eq!(std::fs::read(place.path("kept.csv")).unwrap(), b"precious");
    }
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_to_the_new_results() {
    let place = Workplace::new();
    place.write("good.toml", GOOD);
    place.write("results.csv", "old");
    std::os::unix::fs::symlink("results.csv", place.path("link.csv")).unwrap();
    let ended = place.run(&["run", "good.toml", "--requests-out", "link.csv", "--slo-exit-zero"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(place.path("link.csv").is_symlink());
    let written = std::fs::read_to_string(place.path("results.csv")).unwrap();
    assert_eq!(written.lines().count(), 11, "{written}");

    std::os::unix::fs::symlink("loop.csv", place.path("loop.csv")).unwrap();
    let ended = place.run(&["run", "good.toml", "--requests-out", "loop.csv"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(place.path("loop.csv").is_symlink());
}

#[test]
fn init_replaces_a_file_only_by_force() {
    let place = Workplace::new();
    place.write("mine.toml", "precious");
    let ended = place.run(&["init", "mine.toml"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert_eq!(std::fs::read(place.path("mine.toml")).unwrap(), b"precious");
    assert_eq!(place.run(&["init", "mine.toml", "--force"]).code, Some(0));
    assert_eq!(place.run(&["run", "mine.toml", "--slo-exit-zero"]).code, Some(0));
    assert_eq!(place.listing(), ["mine.toml"]);
}
